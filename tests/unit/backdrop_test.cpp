// Pictures and clips behind a person: fitted to the frame, in time with it, and kept when the file fails.
#include "capture/backdrop.hpp"

#include <algorithm>
#include <chrono>
#include <gtest/gtest.h>
#include <thread>

#include "support/clips.hpp"
#include "support/eventually.hpp"
#include "support/input_error.hpp"
#include "support/temp_folder.hpp"

namespace tarsier::capture {
namespace {

/// Columns of red, green and blue thirds.
Frame thirds(int width, int height) {
  Frame frame;
  frame.width = width;
  frame.height = height;
  frame.bgra = std::make_shared<std::vector<uint8_t>>(size_t(width) * size_t(height) * 4);
  for (int i = 0; i < width * height; ++i) {
    uint8_t* pixel = frame.bgra->data() + size_t(i) * 4;
    pixel[2 - i % width * 3 / width] = 200;
    pixel[3] = 255;
  }
  return frame;
}

const uint8_t* pixel_at(const Frame& frame, int x, int y) {
  return frame.bgra->data() + (size_t(y) * size_t(frame.width) + size_t(x)) * 4;
}

TEST(Backdrop, CoversTheFrameFromTheMiddle) {
  FramePool pool;
  const Frame wide = thirds(300, 100);
  // A square shows the middle third alone, whether it is smaller or larger.
  for (const int side : {64, 240}) {
    const Frame square = cover(wide, side, side, pool);
    ASSERT_EQ(square.bgra->size(), size_t(side) * size_t(side) * 4);
    for (const int x : {2, side / 2, side - 3}) {
      EXPECT_EQ(pixel_at(square, x, side / 2)[1], 200) << x << " of " << side;
      EXPECT_EQ(pixel_at(square, x, side / 2)[0], 0) << x << " of " << side;
    }
  }
  // Higher than the picture's shape, but all of its width.
  const Frame flat = cover(wide, 300, 60, pool);
  EXPECT_EQ(pixel_at(flat, 10, 30)[2], 200);
  EXPECT_EQ(pixel_at(flat, 290, 30)[0], 200);
  const Frame same = cover(wide, 300, 100, pool);
  EXPECT_EQ(*same.bgra, *wide.bgra);
}

TEST(Backdrop, WhatIsNoPictureOrClipIsRefused) {
  test::TempFolder dir;
  test::write_clip(dir / "clip.mp4", 4);
  test::write_clip(dir / "picture%d.png", 1);
  dir.write("note.jpg", "just a text");
  const std::string picture = (dir / "picture0.png").string(), clip = (dir / "clip.mp4").string();
  EXPECT_TRUE(read_picture(picture).ok());
  EXPECT_TRUE(LoopedClip::open(clip).ok());
  test::expect_input_error(read_picture(clip), "is no picture that can be read");
  test::expect_input_error(LoopedClip::open(picture), "is no video");
  test::expect_input_error(read_picture((dir / "picture1.png").string()),
                           "no such file (did you mean 'picture0.png'?)");
  test::expect_input_error(LoopedClip::open((dir / "clib.mp4").string()), "did you mean 'clip.mp4'");
  test::expect_input_error(read_picture((dir / "note.jpg").string()), "note.jpg");
  test::expect_input_error(read_picture(dir.path().string()), "is no file");
  test::expect_input_error(LoopedClip::open("0"), "no such file");  // not the first camera
}

TEST(Backdrop, AClipKeepsTimeAndStartsAgain) {
  test::TempFolder dir;
  test::write_clip(dir / "clip.mp4", 10, 128, 96, 20);
  auto clip = LoopedClip::open((dir / "clip.mp4").string());
  ASSERT_TRUE(clip.ok()) << clip.error().message;
  uint64_t pictures = 0, last = 0;
  // Shown at 30 frames/s from a source that began a minute ago, and three times round.
  for (int frame = 0; frame < 45; ++frame) {
    const double time = frame / 30.0;
    const Frame& picture = (*clip)->at(60 + time, 128, 96, true);
    EXPECT_NEAR(test::measured_level(picture), test::level_of(uint64_t(time * 20 + 0.02) % 10), 4)
        << "frame " << frame;
    if (picture.id != last) ++pictures;
    last = picture.id;
  }
  EXPECT_EQ(pictures, 30U) << "pictures that are still shown count as new ones";
  // Another frame size holds from the same call on.
  const Frame& larger = (*clip)->at(61.5, 320, 200, true);
  EXPECT_EQ(larger.width, 320);
  EXPECT_EQ(larger.bgra->size(), size_t(320 * 200 * 4));
}

TEST(Backdrop, AClipThatNothingWaitsForShowsTheNewestThatIsThere) {
  test::TempFolder dir;
  test::write_clip(dir / "clip.mp4", 10, 128, 96, 20);
  auto clip = LoopedClip::open((dir / "clip.mp4").string());
  ASSERT_TRUE(clip.ok()) << clip.error().message;
  // Whether another picture comes while the clip's time goes on from `from_s`.
  const auto moves_on = [&](double from_s) {
    const uint64_t first = (*clip)->at(from_s, 128, 96, false).id;
    return test::eventually([&] { return (*clip)->at(from_s += 0.05, 128, 96, false).id > first; });
  };
  EXPECT_TRUE(moves_on(0));
  // Far ahead: it does not play through all that lies between, but goes on from what it has.
  const uint64_t before = (*clip)->at(60, 128, 96, false).id;
  for (int i = 0; i < 50; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));  // it could decode meanwhile
    EXPECT_LE((*clip)->at(60, 128, 96, false).id, before + 1);
  }
  EXPECT_TRUE(moves_on(60));
  EXPECT_TRUE(moves_on(0)) << "back to the start";
  EXPECT_GT((*clip)->at(0.1, 128, 96, false).id, before);
}

TEST(Backdrop, AClipThatFailsKeepsItsLastPicture) {
  test::TempFolder dir;
  test::write_clip(dir / "clip.mp4", 10, 128, 96, 20);
  auto clip = LoopedClip::open((dir / "clip.mp4").string());
  ASSERT_TRUE(clip.ok()) << clip.error().message;
  (*clip)->at(0, 128, 96, true);
  std::filesystem::remove(dir / "clip.mp4");  // it ends well, but cannot be opened for the next round
  ::testing::internal::CaptureStderr();
  ::testing::internal::CaptureStdout();
  uint64_t id = 0;
  for (int frame = 0; frame < 60; ++frame) {
    const Frame& picture = (*clip)->at(frame / 30.0, 128, 96, true);
    if (frame > 20) {
      EXPECT_NEAR(test::measured_level(picture), test::level_of(9), 4) << frame;
    }
    id = picture.id;
  }
  EXPECT_EQ(id, 10U);
  const std::string told =
      ::testing::internal::GetCapturedStderr() + ::testing::internal::GetCapturedStdout();
  const size_t first = told.find("keeps its last picture");
  ASSERT_NE(first, std::string::npos) << told;
  EXPECT_EQ(told.find("keeps its last picture", first + 1), std::string::npos) << told;
}

}  // namespace
}  // namespace tarsier::capture
