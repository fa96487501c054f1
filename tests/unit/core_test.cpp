#include <fstream>
#include <gtest/gtest.h>

#include "core/file.hpp"
#include "core/half.hpp"
#include "core/text.hpp"

namespace tarsier {
namespace {

TEST(Half, EveryFiniteHalfSurvivesTheRoundTrip) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto half = static_cast<uint16_t>(bits);
    if ((half & 0x7C00u) == 0x7C00u) continue;
    EXPECT_EQ(float_to_half(half_to_float(half)), half);
  }
}

TEST(Half, RoundsToNearestEvenAndOverflowsToInfinity) {
  EXPECT_EQ(float_to_half(1.0F + 1.0F / 2048), float_to_half(1.0F));
  EXPECT_EQ(float_to_half(1.0F + 3.0F / 2048), float_to_half(1.0F + 4.0F / 2048));
  EXPECT_EQ(float_to_half(65504.0F), 0x7BFF);
  EXPECT_EQ(float_to_half(65520.0F), 0x7C00);
}

TEST(Text, NearestNamesATypoAndNothingFar) {
  const std::vector<std::string> flags = {"--headless", "--policy", "--pipeline"};
  EXPECT_EQ(nearest("--headles", flags), "--headless");
  EXPECT_EQ(nearest("--xyzzy", flags), "");
}

TEST(Text, FileNameKeepsOnlySafeCharacters) {
  EXPECT_EQ(file_name_of("tower_0/wh:0"), "tower_0_wh_0");
}

TEST(File, Sha256OfTheStandardsExample) {  // FIPS 180-4 example "abc"
  const std::string abc = "abc";
  EXPECT_EQ(sha256_hex(std::as_bytes(std::span(abc.data(), abc.size()))),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(File, AtomicWriteToAnUnwritablePlaceLeavesNothing) {
  const auto dir = std::filesystem::temp_directory_path() / "tarsier_file_test";
  std::filesystem::remove_all(dir);
  std::filesystem::create_directories(dir);
  ASSERT_TRUE(write_text_atomic(dir / "a.txt", "one").ok());
  EXPECT_EQ(*read_text(dir / "a.txt"), "one");
  std::filesystem::create_directories(dir / "taken" / "x");
  EXPECT_FALSE(write_text_atomic(dir / "taken", "two").ok());  // a folder is in the way
  size_t entries = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(dir)) ++entries;
  EXPECT_EQ(entries, 2U);
  std::filesystem::remove_all(dir);
}

}  // namespace
}  // namespace tarsier
