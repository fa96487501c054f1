// Small pictures of a recording's frames: the right ones, soon, and not too many.
#include "capture/thumbnails.hpp"

#include <chrono>
#include <gtest/gtest.h>
#include <thread>

#include "support/clips.hpp"
#include "support/eventually.hpp"
#include "support/own_cache.hpp"
#include "support/temp_folder.hpp"

namespace tarsier::capture {
namespace {

using namespace std::chrono_literals;

/// Waits until the picture of this very frame is there.
std::optional<Thumbnail> wait_for(Thumbnails& thumbnails, uint64_t position,
                                  std::chrono::seconds most = 120s) {
  std::optional<Thumbnail> picture;
  const bool came = test::eventually(
      [&] {
        picture = thumbnails.at(position);
        return picture && picture->position == position;
      },
      most);
  return came ? picture : std::nullopt;
}

double level(const Thumbnail& picture) {
  return test::measured_level({.width = picture.width,
                               .height = picture.height,
                               .bgra = std::make_shared<std::vector<uint8_t>>(*picture.bgra)});
}

Thumbnails::Open opener(const std::string& spec) {
  return [spec] { return open_source(spec); };
}

class ThumbnailsTest : public ::testing::Test {
 protected:
  test::OwnCache cache_;
  test::TempFolder folder_;
};

TEST_F(ThumbnailsTest, ShowTheFrameThatWasAskedFor) {
  const auto clip = folder_ / "clip.mp4";
  test::write_clip(clip, 80, 640, 480);
  Thumbnails thumbnails(opener(clip.string()));
  for (const uint64_t position : {37, 3, 79, 0}) {
    const auto picture = wait_for(thumbnails, position);
    ASSERT_TRUE(picture) << position;
    EXPECT_EQ(picture->width, 192) << "as tall as it may be";
    EXPECT_EQ(picture->height, Thumbnails::kHeight);
    EXPECT_NEAR(level(*picture), test::level_of(position), 4) << position;
  }
  const auto again = thumbnails.at(37);
  ASSERT_TRUE(again) << "it was kept";
  EXPECT_EQ(again->position, 37U);
}

TEST_F(ThumbnailsTest, TheKeyFrameBeforeItComesFirst) {
  const auto clip = folder_ / "clip.mp4";
  test::write_clip(clip, 80);
  Thumbnails thumbnails(opener(clip.string()));
  std::optional<Thumbnail> first;
  ASSERT_TRUE(test::eventually([&] { return (first = thumbnails.at(11)).has_value(); }));
  EXPECT_LT(first->position, 11U);
  EXPECT_NEAR(level(*first), test::level_of(first->position), 4);
  ASSERT_TRUE(wait_for(thumbnails, 11));
}

TEST_F(ThumbnailsTest, TheOldestOneMakesRoom) {
  Thumbnails thumbnails(opener("synthetic:32x32"));
  for (uint64_t position = 0; position <= Thumbnails::kMost; ++position)
    ASSERT_TRUE(wait_for(thumbnails, position)) << position;
  EXPECT_TRUE(thumbnails.at(1)) << "kept";
  EXPECT_FALSE(thumbnails.at(0)) << "has made room";
}

TEST_F(ThumbnailsTest, WhatIsNotThereHasNone) {
  const auto clip = folder_ / "clip.mp4";
  test::write_clip(clip, 20);
  Thumbnails thumbnails(opener(clip.string()));
  EXPECT_FALSE(wait_for(thumbnails, 1000, 1s));
  EXPECT_TRUE(wait_for(thumbnails, 5)) << "others still come";
  Thumbnails gone(opener((folder_ / "gone.mp4").string()));
  EXPECT_FALSE(wait_for(gone, 0, 1s));
}

TEST_F(ThumbnailsTest, EndsAtOnce) {
  const auto begin = Clock::now();
  {
    Thumbnails nobody_looked(opener("synthetic"));
    Thumbnails busy(opener("synthetic:4096x4096"));
    EXPECT_FALSE(busy.at(7));
  }
  EXPECT_LT(Clock::now() - begin, 60s);
}

}  // namespace
}  // namespace tarsier::capture
