// The recorded inputs can be made again: decoding, colour, resize and letterbox give the recorded bytes.
// Needs no GPU, and tells a changed preparation from a changed network.
#include <cstdlib>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "core/file.hpp"
#include "models/golden_frames.hpp"
#include "support/test_data.hpp"

namespace tarsier::test {
namespace {

class GoldenInputs : public ::testing::TestWithParam<const char*> {};

TEST_P(GoldenInputs, AreTheRecordedBytes) {
  const auto footage = shared_folder() / "footage";
  if (const auto why = missing_file(footage); !why.empty()) GTEST_SKIP() << why;
  const auto text = read_text((home_dir() / "tests/golden" / (std::string(GetParam()) + ".json")).string());
  ASSERT_TRUE(text.ok()) << text.error().message;
  const auto recorded = nlohmann::json::parse(*text);
  const auto catalogue = models::Catalogue::load(home_dir() / "assets/models.toml");
  ASSERT_TRUE(catalogue.ok()) << catalogue.error().message;
  const auto entry = catalogue->find(GetParam());
  ASSERT_TRUE(entry.ok()) << entry.error().message;
  for (const auto& test : recorded["cases"]) {
    const int index = test["frame"];
    auto frames = decode_frames(footage / test["clip"].get<std::string>(), {index});
    ASSERT_TRUE(frames.ok()) << frames.error().message;
    GoldenFrame frame = std::move(frames->at(index));
    if (!test["crop"].is_null()) frame = frame.crop(test["crop"][0], test["crop"][1], test["crop"][2]);
    EXPECT_EQ(prepare(frame, (*entry)->input).sha256, test["input_sha256"].get<std::string>())
        << test["clip"] << " frame " << index;
  }
}

INSTANTIATE_TEST_SUITE_P(Networks, GoldenInputs,
                         ::testing::Values("yolox_nano", "fastestdet", "twinlitenet", "face_landmark",
                                           "selfie_segmentation", "centernet", "roadnet"),
                         [](const auto& param) { return std::string(param.param); });

}  // namespace
}  // namespace tarsier::test
