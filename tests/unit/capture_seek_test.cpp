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
#include "support/own_cache.hpp"

namespace tarsier::capture {
namespace {

namespace fs = std::filesystem;
using test::ClipKind;
using test::TempFolder;

struct Seen {
  uint64_t hash;  // 0: its bytes are left open
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
  if ((all[number].hash == 0 || hash_of(frame) == all[number].hash) && frame.time_s == all[number].time_s)
    return ::testing::AssertionSuccess();
  auto result = ::testing::AssertionFailure();
  result << "frame " << number << " at " << frame.time_s << " s, not " << all[number].time_s
         << " s; its picture is";
  for (size_t i = 0; i < all.size(); ++i)
    if (all[i].hash == hash_of(frame)) result << " that of frame " << i;
  return result;
}

/// `damaged`: what no packet shows of that is found out by playing; and how MPEG-4 conceals it depends on
/// when its threads come to it, so that those pictures differ from run to run.
void expect_exact(const fs::path& path, int seeks, bool damaged, bool conceals) {
  const auto played = open_or_fail(path);
  ASSERT_TRUE(played);
  auto all = play(*played);
  for (Seen& seen : all) seen.hash = conceals ? 0 : seen.hash;
  ASSERT_GT(all.size(), 10U);
  auto source = open_or_fail(path);
  if (damaged) {
    ASSERT_EQ(play(*source).size(), all.size());
  }
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
  EXPECT_EQ(source->count().value(), all.size());
  // The source that had played by now knows as much.
  ASSERT_TRUE(played->seek(all.size() / 2).ok());
  ASSERT_TRUE(gives(*played, all, all.size() / 2));
  for (const uint64_t number : {uint64_t(0), all.size() / 3, uint64_t(all.size() - 1)}) {
    EXPECT_EQ(played->time_of(number).value(), all[number].time_s);
    EXPECT_EQ(played->position_at(all[number].time_s).value(), number);
  }
}

class Seek : public ::testing::Test {
 protected:
  test::OwnCache cache_;
  TempFolder folder_;
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
  const bool damaged = GetParam().damage == ClipKind::Damage::kBitFlips;
  expect_exact(path, 1000, damaged, damaged && std::string_view(GetParam().name).starts_with("Mpeg4"));
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
    // OpenCV leaves in damaged pictures what the memory held before, and ends where one cannot be decoded.
    if (GetParam().damage != ClipKind::Damage::kBitFlips) {
      ASSERT_EQ(std::memcmp((*next)->bgra->data(), bgra.data, (*next)->bgra->size()), 0)
          << "frame " << frames;
    }
    ++frames;
  }
  EXPECT_GT(frames, 5U);
}

INSTANTIATE_TEST_SUITE_P(Video, SeekKinds, ::testing::ValuesIn(test::clip_kinds()),
                         [](const auto& kind) { return kind.param.name; });

/// The recordings of the project's own folder, and the clip that runs by default, where they are there.
TEST_F(Seek, IsExactInRealRecordings) {
  std::vector<fs::path> clips = {"/usr/share/doc/opencv-doc/examples/data/vtest.avi",
                                 "/usr/share/doc/opencv-doc/examples/data/tree.avi"};
  if (const char* shared = std::getenv("TARSIER_SHARED")) {
    for (const char* name : {"highway.mp4", "highway_cars.mp4", "people.mp4", "webcam_walk.mkv"})
      clips.push_back(fs::path(shared) / "footage" / name);
  }
  int found = 0;
  for (const auto& clip : clips) {
    if (!fs::exists(clip)) continue;
    SCOPED_TRACE(clip.filename().string());
    ++found;
    // Playing, against OpenCV's reading; then seeks against that.
    const auto source = open_or_fail(clip);
    cv::VideoCapture capture(clip.string(), cv::CAP_FFMPEG);
    std::vector<Seen> all;
    cv::Mat picture, bgra;
    while (all.size() < 250 && capture.read(picture)) {
      auto next = source->next();
      ASSERT_TRUE(next.ok() && next->has_value());
      const Frame& frame = **next;
      cv::cvtColor(picture, bgra, cv::COLOR_BGR2BGRA);
      ASSERT_EQ(frame.bgra->size(), bgra.total() * 4);
      ASSERT_EQ(std::memcmp(frame.bgra->data(), bgra.data, frame.bgra->size()), 0) << "frame " << all.size();
      // Of what its decoder holds back until the end of the file OpenCV does not know the time.
      const double time_s = capture.get(cv::CAP_PROP_POS_MSEC) / 1000;
      EXPECT_NEAR(frame.time_s, time_s > 0 ? time_s : frame.time_s, 1e-6);
      all.push_back({hash_of(frame), frame.time_s, frame.width});
    }
    const auto count = source->count();
    ASSERT_TRUE(count.ok() && *count >= all.size());
    std::mt19937 random(3);
    for (int i = 0; i < 15; ++i) {
      const uint64_t number = random() % all.size();
      ASSERT_TRUE(source->seek(number).ok());
      ASSERT_TRUE(gives(*source, all, number));
    }
  }
  if (found == 0) GTEST_SKIP() << "none of the recordings is here";
}

class SeekClip : public Seek {
 protected:
  void SetUp() override { test::write_clip(path_, 30, 64, 48, 10); }
  fs::path path_ = folder_ / "clip.mp4";
};

TEST_F(SeekClip, OutsideOfTheClipIsRefusedWithTheRangeAndChangesNothing) {
  const auto source = open_or_fail(path_);
  const auto beyond = source->seek(30);
  ASSERT_FALSE(beyond.ok());
  EXPECT_EQ(beyond.error().exit_code(), 2);
  EXPECT_EQ(beyond.error().message, path_.string() + ": has no frame 30; its frames are 0 to 29");
  EXPECT_EQ(source->position_at(3.5).error().message,
            path_.string() + ": has no frame at 3.500 s; it lasts from 0 to 2.900 s");
  EXPECT_FALSE(source->position_at(-0.1).ok());
  EXPECT_FALSE(source->time_of(30).ok());
  auto next = source->next();
  ASSERT_TRUE(next.ok() && next->has_value());
  EXPECT_EQ((*next)->id, 0U);
  EXPECT_EQ(source->position_at(0.74).value(), 7U);
  EXPECT_EQ(source->position_at(0.7).value(), 7U);
  EXPECT_EQ(source->position_at(2.95).value(), 29U);
  EXPECT_EQ(source->key_frames().value().front(), 0U);
}

TEST_F(SeekClip, ALoopGoesOnCountingUntilASeek) {
  const auto source = open_or_fail(path_, true);
  ASSERT_TRUE(source->seek(28).ok());
  const std::vector<std::pair<uint64_t, uint64_t>> wanted = {{28, 28}, {29, 29}, {30, 0}, {31, 1}};
  double last_s = -1;
  for (const auto& [id, position] : wanted) {
    auto next = source->next();
    ASSERT_TRUE(next.ok() && next->has_value());
    EXPECT_EQ((*next)->id, id);
    EXPECT_EQ((*next)->position, position);
    EXPECT_NEAR(test::measured_level(**next), test::level_of(position), 3);
    EXPECT_NEAR((*next)->time_s, double(id) / 10, 0.011);
    EXPECT_GT((*next)->time_s, last_s);
    last_s = (*next)->time_s;
  }
  ASSERT_TRUE(source->seek(5).ok());
  auto next = source->next();
  ASSERT_TRUE(next.ok() && next->has_value());
  EXPECT_EQ((*next)->id, 5U);
  EXPECT_NEAR((*next)->time_s, 0.5, 0.011);
}

TEST_F(SeekClip, TheIndexIsMadeForTheFirstSeekAndKept) {
  const fs::path kept = index_file(path_.string());
  {
    const auto source = open_or_fail(path_);
    play(*source);
    EXPECT_FALSE(fs::exists(kept));  // playing does not need one
    ASSERT_TRUE(source->seek(3).ok());
    ASSERT_TRUE(fs::exists(kept));
  }
  // Another index under that name is believed, which shows that it is read ...
  const std::atomic<bool> never = false;
  test::write_clip(folder_ / "short.mp4", 5, 64, 48, 10);
  const auto bytes = read_file(kept);
  ASSERT_TRUE(bytes.ok());
  auto damaged = *bytes;
  damaged[damaged.size() / 2] ^= std::byte(1);
  ASSERT_TRUE(write_file_atomic(kept, damaged).ok());
  auto index = VideoIndex::of(path_.string(), false, never);  // ... but not a damaged one
  ASSERT_TRUE(index.ok());
  EXPECT_EQ(index->frames.size(), 30U);
  EXPECT_EQ(*read_file(kept), *bytes);  // made anew
  for (const size_t size : {size_t(0), size_t(3), bytes->size() - 8}) {
    ASSERT_TRUE(write_file_atomic(kept, std::span(*bytes).first(size)).ok());
    EXPECT_EQ(VideoIndex::of(path_.string(), false, never).value().frames.size(), 30U);
  }
  // A file that was written anew has an index of its own.
  fs::copy_file(folder_ / "short.mp4", path_, fs::copy_options::overwrite_existing);
  EXPECT_EQ(VideoIndex::of(path_.string(), false, never).value().frames.size(), 5U);
}

TEST_F(SeekClip, AnIndexThatLiesIsFoundOutAndMadeByDecoding) {
  const std::atomic<bool> never = false;
  const auto all = play(*open_or_fail(path_));
  auto lie = VideoIndex::from_packets(path_.string(), never).value();
  ASSERT_TRUE(lie);
  EXPECT_FALSE(lie->decoded);
  const auto truth = VideoIndex::by_decoding(path_.string(), never).value();
  ASSERT_EQ(truth.frames.size(), lie->frames.size());
  ASSERT_EQ(truth.starts.size(), lie->starts.size());
  for (size_t i = 0; i < truth.frames.size(); ++i)
    EXPECT_EQ(truth.frames[i].stamp, lie->frames[i].stamp) << i;
  // A kept index with another's frames, as if the decoder had changed.
  test::write_clip(folder_ / "other.mp4", 40, 64, 48, 12);
  (void)VideoIndex::of(path_.string(), false, never);
  (void)VideoIndex::of((folder_ / "other.mp4").string(), false, never);
  auto mine = read_file(index_file(path_.string())),
       other = read_file(index_file((folder_ / "other.mp4").string()));
  ASSERT_TRUE(mine.ok() && other.ok());
  std::copy_n(mine->begin(), 32, other->begin());  // of this file, says its head
  const uint64_t sum = hash64(std::span(*other).first(other->size() - 8));
  std::memcpy(other->data() + other->size() - 8, &sum, sizeof sum);
  ASSERT_TRUE(write_file_atomic(index_file(path_.string()), *other).ok());
  const auto source = open_or_fail(path_);
  ASSERT_EQ(source->count().value(), 40U);  // believed
  ASSERT_TRUE(source->seek(20).ok());
  EXPECT_TRUE(gives(*source, all, 20));
  EXPECT_EQ(source->count().value(), 30U);  // found out
}

TEST_F(SeekClip, CancellingEndsWhatTakesLong) {
  const auto source = open_or_fail(path_);
  source->cancel();
  const auto count = source->count();
  ASSERT_FALSE(count.ok());
  EXPECT_NE(count.error().message.find("given up"), std::string::npos);
}

TEST_F(Seek, ImagesAndSyntheticSeekAndLiveSourcesSayThatTheyCannot) {
  test::write_clip((folder_ / "shots") / "f%d.png", 12, 64, 48);
  std::ofstream(folder_ / "shots" / "f4.png", std::ios::trunc) << "damaged";
  const auto images = open_or_fail(folder_ / "shots");
  EXPECT_EQ(images->count().value(), 12U);
  for (const auto& [wanted, given] :
       std::vector<std::pair<uint64_t, uint64_t>>{{7, 7}, {0, 0}, {4, 5}, {11, 11}}) {
    ASSERT_TRUE(images->seek(wanted).ok());
    auto next = images->next();
    ASSERT_TRUE(next.ok() && next->has_value());
    EXPECT_EQ((*next)->id, given);
    EXPECT_EQ(test::measured_level(**next), test::level_of(given));
    EXPECT_DOUBLE_EQ((*next)->time_s, images->time_of(given).value());
  }
  EXPECT_FALSE(images->seek(12).ok());
  EXPECT_EQ(images->position_at(0.4).value(), 10U);
  EXPECT_FALSE(images->position_at(0.48).ok());

  const auto synthetic = open_or_fail("synthetic:64x48@50");
  const auto played = open_or_fail("synthetic:64x48@50");
  EXPECT_FALSE(synthetic->count().value().has_value());
  for (int i = 0; i < 9; ++i) (void)played->next();
  ASSERT_TRUE(synthetic->seek(9).ok());
  const auto a = synthetic->next(), b = played->next();
  EXPECT_EQ(*(*a)->bgra, *(*b)->bgra);
  EXPECT_EQ((*a)->id, 9U);
  EXPECT_EQ(synthetic->position_at(0.18).value(), 9U);

  auto stream = open_source(
      "videotestsrc num-buffers=5 ! video/x-raw,width=64,height=48,framerate=10/1 ! videoconvert ! appsink");
  if (!stream.ok()) return;  // GStreamer's base plug-ins are not installed
  EXPECT_FALSE((*stream)->can_seek());
  const auto refused = (*stream)->seek(0);
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().message.find("cannot be sought in"), std::string::npos);
}

}  // namespace
}  // namespace tarsier::capture
