#include "vision/run_length.hpp"

#include <gtest/gtest.h>
#include <random>

namespace tarsier::vision {
namespace {

/// COCO's compressed string back to counts, as its description says.
std::vector<uint32_t> decompressed(const std::string& text) {
  std::vector<int64_t> counts;
  for (size_t at = 0; at < text.size();) {
    int64_t value = 0;
    int shift = 0;
    bool more = true;
    while (more) {
      const int group = text[at++] - 48;
      value |= int64_t(group & 31) << shift;
      shift += 5;
      more = (group & 32) != 0;
      if (!more && (group & 16) != 0) value |= -(int64_t(1) << shift);
    }
    if (counts.size() > 2) value += counts[counts.size() - 2];
    counts.push_back(value);
  }
  return {counts.begin(), counts.end()};
}

std::vector<bool> pixels_of(const RunLengths& runs) {
  std::vector<bool> columns;
  bool inside = false;
  for (const uint32_t count : runs.counts) {
    columns.insert(columns.end(), count, inside);
    inside = !inside;
  }
  return columns;
}

TEST(RunLengths, GoDownTheColumns) {
  // . # #
  // . . #
  const std::vector<uint8_t> mask = {0, 128, 255, 127, 0, 200};
  const auto runs = run_lengths({mask, 3, 2, {}}, 3, 2);
  EXPECT_EQ(runs.counts, (std::vector<uint32_t>{2, 1, 1, 2}));
  EXPECT_EQ(runs.covered(), 3U);
}

TEST(RunLengths, BeginWithNothingOutsideWhereTheFirstPixelIsInside) {
  const std::vector<uint8_t> mask(6, 255);
  const auto runs = run_lengths({mask, 3, 2, {}}, 3, 2);
  EXPECT_EQ(runs.counts, (std::vector<uint32_t>{0, 6}));
  EXPECT_EQ(compressed(runs), "06");
}

TEST(RunLengths, LeaveOutWhatIsBesideTheFrame) {
  // A frame of 200 x 100 in the middle of a square of 4 x 4.
  std::vector<uint8_t> mask(16, 255);
  for (size_t x = 0; x < 4; ++x) mask[4 + x] = 0;
  const auto runs = run_lengths({mask, 4, 4, {0.02F, 0.02F, 0, 1}}, 200, 100);
  EXPECT_EQ(runs.width, 4);
  EXPECT_EQ(runs.height, 2);
  EXPECT_EQ(runs.counts, (std::vector<uint32_t>{1, 1, 1, 1, 1, 1, 1, 1}));
}

// Made by pycocotools 2.0's mask.encode().
TEST(RunLengths, AreCompressedAsByCocosTools) {
  EXPECT_EQ(compressed({3, 2, {2, 1, 1, 2}}), "2111");
  EXPECT_EQ(compressed({100, 100, {1234, 20, 80, 22, 78, 24, 8542}}), "bV1d0`22N2`X8");
}

TEST(RunLengths, ComeBackFromTheirText) {
  std::mt19937 random(7);
  for (int round = 0; round < 50; ++round) {
    std::vector<uint8_t> mask(60 * 40);
    const unsigned each = 1 + random() % 40;
    uint8_t value = 0;
    for (auto& pixel : mask) {
      if (random() % each == 0) value = uint8_t(255 - value);
      pixel = value;
    }
    const auto runs = run_lengths({mask, 60, 40, {}}, 60, 40);
    EXPECT_EQ(decompressed(compressed(runs)), runs.counts);
    const auto columns = pixels_of(runs);
    ASSERT_EQ(columns.size(), mask.size());
    for (size_t x = 0; x < 60; ++x) {
      for (size_t y = 0; y < 40; ++y) ASSERT_EQ(columns[x * 40 + y], mask[y * 60 + x] >= 128);
    }
  }
}

}  // namespace
}  // namespace tarsier::vision
