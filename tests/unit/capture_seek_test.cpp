// A frame that is sought is byte for byte the frame that playing gives, whatever the file; and playing gives
// what OpenCV gave, on which the golden results hang.
#include <cstdlib>
#include <fstream>
#include <gtest/gtest.h>
#include <opencv2/imgproc.hpp>
#include <opencv2/videoio.hpp>
#include <random>

#include "capture/frame_source.hpp"
#include "capture/video_index.hpp"
#include "core/file.hpp"
#include "support/clips.hpp"
#include "support/made_clips.hpp"

namespace tarsier::capture {
namespace {

namespace fs = std::filesystem;
using test::ClipKind;
using test::TempFolder;

struct Seen {
  uint64_t hash;
  double time_s;
  int width;
};

uint64_t hash_of(const Frame& frame) {
  return hash64(std::as_bytes(std::span(*frame.bgra)));
}

std::unique_ptr<FrameSource> open_or_fail(const fs::path& path, bool loop = false) {
  auto opened = open_source(path.string(), {.loop = loop});
  EXPECT_TRUE(opened.ok()) << opened.error().message;
  return opened.ok() ? *std::move(opened) : nullptr;
}

std::vector<Seen> play(FrameSource& source) {
  std::vector<Seen> seen;
  while (true) {
    auto next = source.next();
    EXPECT_TRUE(next.ok()) << next.error().message;
    if (!next.ok() || !next->has_value()) return seen;
    EXPECT_EQ((*next)->id, seen.size());
    EXPECT_EQ((*next)->position, seen.size());
    seen.push_back({hash_of(**next), (*next)->time_s, (*next)->width});
  }
}

/// The next frame is this one.
::testing::AssertionResult gives(FrameSource& source, const std::vector<Seen>& all, uint64_t number) {
  auto next = source.next();
  if (!next.ok()) return ::testing::AssertionFailure() << next.error().message;
  if (number >= all.size()) {
    if (!next->has_value()) return ::testing::AssertionSuccess();
    return ::testing::AssertionFailure() << "a frame behind the last, " << all.size() - 1;
  }
  if (!next->has_value()) return ::testing::AssertionFailure() << "the end, not frame " << number;
  const Frame& frame = **next;
  if (frame.id != number || frame.position != number)
    return ::testing::AssertionFailure() << "frame " << frame.id << ", not " << number;
  if (hash_of(frame) == all[number].hash && frame.time_s == all[number].time_s)
    return ::testing::AssertionSuccess();
  auto result = ::testing::AssertionFailure();
  result << "frame " << number << " at " << frame.time_s << " s, not " << all[number].time_s << " s; its picture is";
  for (size_t i = 0; i < all.size(); ++i)
    if (all[i].hash == hash_of(frame)) result << " that of frame " << i;
  return result;
}

void expect_exact(const fs::path& path, int seeks) {
  const auto played = open_or_fail(path);
  ASSERT_TRUE(played);
  const auto all = play(*played);
  ASSERT_GT(all.size(), 10U);
  const auto source = open_or_fail(path);
  const auto count = source->count();
  ASSERT_TRUE(count.ok()) << count.error().message;
  std::mt19937 random(7);
  for (int i = 0; i < seeks; ++i) {
    const uint64_t number = random() % all.size();
    ASSERT_TRUE(source->seek(number).ok());
    ASSERT_TRUE(gives(*source, all, number)) << "seek " << i;
    // Playing on, and stepping back, every now and then.
    for (uint64_t on = 1; on <= i % 4U; ++on) {
      if (number + on > all.size()) break;
      ASSERT_TRUE(gives(*source, all, number + on)) << "seek " << i << ", " << on << " on from " << number;
    }
    for (uint64_t back = 1; i % 50 == 0 && back <= 30 && back <= number; ++back) {
      ASSERT_TRUE(source->seek(number - back).ok());
      ASSERT_TRUE(gives(*source, all, number - back)) << "stepping back from " << number;
    }
  }
  // The count is what was played, at the latest after a while: a file may hide that some of it cannot be
  // decoded.
  EXPECT_EQ(source->count().value(), all.size());
  // The source that had played by now knows as much.
  ASSERT_TRUE(played->seek(all.size() / 2).ok());
  ASSERT_TRUE(gives(*played, all, all.size() / 2));
  for (const uint64_t number : {uint64_t(0), all.size() / 3, uint64_t(all.size() - 1)}) {
    EXPECT_EQ(played->time_of(number).value(), all[number].time_s);
    EXPECT_EQ(played->position_at(all[number].time_s).value(), number);
  }
}

/// Indexes are kept in a folder of the test's own.
class Seek : public ::testing::Test {
 protected:
  Seek() {
    if (const char* before = std::getenv("XDG_CACHE_HOME")) before_ = before;
    ::setenv("XDG_CACHE_HOME", (folder_ / "cache").c_str(), 1);
  }
  ~Seek() override {
    if (before_) {
      ::setenv("XDG_CACHE_HOME", before_->c_str(), 1);
    } else {
      ::unsetenv("XDG_CACHE_HOME");
    }
  }
  TempFolder folder_;
  std::optional<std::string> before_;
};

class SeekKinds : public Seek, public ::testing::WithParamInterface<ClipKind> {
 protected:
  fs::path clip() {
    if (!models::have_program("ffmpeg")) return {};
    return test::make_clip(GetParam(), folder_);
  }
};

TEST_P(SeekKinds, ThousandRandomSeeksGiveWhatPlayingGives) {
  const auto path = clip();
  if (path.empty()) GTEST_SKIP() << "no ffmpeg program, or no such encoder";
  expect_exact(path, 1000);
}

TEST_P(SeekKinds, PlayingGivesTheBytesAndTimesOfOpenCV) {
  const auto path = clip();
  if (path.empty()) GTEST_SKIP() << "no ffmpeg program, or no such encoder";
  const auto source = open_or_fail(path);
  cv::VideoCapture capture(path.string(), cv::CAP_FFMPEG);
  cv::Mat picture, bgra;
  uint64_t frames = 0;
  while (capture.read(picture)) {
    auto next = source->next();
    ASSERT_TRUE(next.ok() && next->has_value()) << frames;
    cv::cvtColor(picture, bgra, cv::COLOR_BGR2BGRA);
    ASSERT_EQ((*next)->width, bgra.cols);
    ASSERT_EQ((*next)->height, bgra.rows);
    ASSERT_EQ(std::memcmp((*next)->bgra->data(), bgra.data, (*next)->bgra->size()), 0) << "frame " << frames;
    ++frames;
  }
  EXPECT_GT(frames, 5U);
}

INSTANTIATE_TEST_SUITE_P(Video, SeekKinds, ::testing::ValuesIn(test::clip_kinds()),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace tarsier::capture
