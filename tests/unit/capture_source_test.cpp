// Sources against real files, folders and sockets. Clips are made by the program's own writer.
#include <fstream>
#include <gtest/gtest.h>

#include "capture/frame_source.hpp"
#include "capture/source_name.hpp"
#include "core/file.hpp"
#include "support/clips.hpp"
#include "support/mjpeg_server.hpp"
#include "support/temp_folder.hpp"

namespace tarsier::capture {
namespace {

using test::level_of;
using test::measured_level;
using test::MjpegServer;
using test::TempFolder;
using test::write_clip;

/// Every message is one line that begins with what the user wrote.
void expect_input_error(const Result<std::unique_ptr<FrameSource>>& result, const std::string& spec,
                        const std::string& part) {
  ASSERT_FALSE(result.ok()) << spec << " was opened";
  EXPECT_EQ(result.error().exit_code(), 2);
  EXPECT_EQ(result.error().message.find('\n'), std::string::npos) << result.error().message;
  EXPECT_TRUE(result.error().message.starts_with(spec)) << result.error().message;
  EXPECT_NE(result.error().message.find(part), std::string::npos) << result.error().message;
}

Frame next_frame(FrameSource& source) {
  auto next = source.next();
  EXPECT_TRUE(next.ok()) << next.error().message;
  if (!next.ok() || !next->has_value()) {
    ADD_FAILURE() << "no frame";
    return {};
  }
  return std::move(**next);
}

bool at_end(FrameSource& source) {
  auto next = source.next();
  return next.ok() && !next->has_value();
}

class EveryContainer : public ::testing::TestWithParam<const char*> {};

TEST_P(EveryContainer, PlaysEveryFrameInOrderAndRewinds) {
  const TempFolder folder;
  const auto path = folder / GetParam();
  write_clip(path, 12, 128, 96, 20);
  auto opened = open_source(path.string());
  ASSERT_TRUE(opened.ok()) << opened.error().message;
  FrameSource& source = **opened;
  EXPECT_EQ(source.info().kind, "video");
  EXPECT_EQ(source.info().width, 128);
  EXPECT_EQ(source.info().height, 96);
  EXPECT_NEAR(source.info().fps, 20, 0.01);
  EXPECT_FALSE(source.info().live);
  for (int round = 0; round < 2; ++round) {
    for (uint64_t i = 0; i < 12; ++i) {
      const Frame frame = next_frame(source);
      ASSERT_TRUE(frame.bgra);
      EXPECT_EQ(frame.id, i);
      EXPECT_NEAR(frame.time_s, double(i) / 20, 0.011);
      ASSERT_EQ(frame.bgra->size(), 128U * 96 * 4);
      EXPECT_EQ((*frame.bgra)[3], 255);
      EXPECT_NEAR(measured_level(frame), level_of(i), 3) << "frame " << i;
    }
    EXPECT_TRUE(at_end(source));
    ASSERT_TRUE(source.seek(0).ok());
  }
}

INSTANTIATE_TEST_SUITE_P(Video, EveryContainer,
                         ::testing::Values("clip.mp4", "clip.mkv", "clip.mov", "clip.avi"));

TEST(VideoFile, LoopGoesOnCountingAndItsTimeNeverGoesBack) {
  const TempFolder folder;
  const auto path = folder / "clip.mp4";
  write_clip(path, 5);
  auto source = open_source(path.string(), {.loop = true});
  ASSERT_TRUE(source.ok());
  double last = -1;
  for (uint64_t i = 0; i < 13; ++i) {
    const Frame frame = next_frame(**source);
    EXPECT_EQ(frame.id, i);
    EXPECT_GT(frame.time_s, last);
    last = frame.time_s;
    EXPECT_NEAR(measured_level(frame), level_of(i % 5), 3);
  }
}

TEST(VideoFile, NameWithNumbersAndSpacesIsNotTakenForAnImageSequence) {
  const TempFolder folder;
  const auto path = folder / "my clip 0001 [x].mp4";
  write_clip(path, 3);
  auto source = open_source("file://" + path.string());
  ASSERT_TRUE(source.ok()) << source.error().message;
  EXPECT_NEAR(measured_level(next_frame(**source)), level_of(0), 3);
}

TEST(VideoFile, MissingTextEmptyForeignAndTruncatedFilesAreInputErrors) {
  const TempFolder folder;
  const std::string missing = (folder / "street.mp4").string();
  expect_input_error(open_source(missing), missing, "no such file");
  write_clip(folder / "streets.mp4", 2);
  expect_input_error(open_source(missing), missing, "did you mean 'streets.mp4'");

  const std::string text = (folder / "notes.txt").string();
  std::ofstream(text) << "This is no video.\n";
  expect_input_error(open_source(text), text, "text file");

  const std::string empty = (folder / "empty.mp4").string();
  std::ofstream(empty).flush();
  expect_input_error(open_source(empty), empty, "empty");

  const std::string foreign = (folder / "foreign.mp4").string();
  {
    std::ofstream out(foreign, std::ios::binary);
    for (uint32_t i = 0, x = 1; i < 20000; ++i) out.put(char((x = x * 1664525 + 1013904223) >> 24));
  }
  expect_input_error(open_source(foreign), foreign, "no video that can be read");

  // The index of an .mp4 that was cut lies behind the cut only without +faststart; cut before the first
  // picture.
  const std::string cut = (folder / "cut.mp4").string();
  auto bytes = read_file(folder / "streets.mp4");
  ASSERT_TRUE(bytes.ok());
  std::ofstream(cut, std::ios::binary).write(reinterpret_cast<const char*>(bytes->data()), 300);
  expect_input_error(open_source(cut), cut, "can be");
}

TEST(VideoFile, EndsEarlyWhereThePicturesAreCutOff) {
  const TempFolder folder;
  write_clip(folder / "whole.mp4", 40);
  const auto bytes = read_file(folder / "whole.mp4");
  ASSERT_TRUE(bytes.ok());
  const auto cut = folder / "cut.mp4";
  std::ofstream(cut, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes->data()), std::streamsize(bytes->size() * 3 / 4));
  auto source = open_source(cut.string());
  ASSERT_TRUE(source.ok()) << source.error().message;
  int frames = 0;
  while (true) {
    auto next = (*source)->next();
    ASSERT_TRUE(next.ok());
    if (!next->has_value()) break;
    ASSERT_LT(++frames, 40);
  }
  EXPECT_GT(frames, 0);
}

TEST(Camera, AnIndexAndADeviceThatAreNotThere) {
  expect_input_error(open_source("97"), "97", "no such camera");
  expect_input_error(open_source("/dev/video98"), "/dev/video98", "no such camera");
}

TEST(Images, FolderGlobAndNumberedPatternPlayInNaturalOrder) {
  const TempFolder folder;
  write_clip((folder / "shots") / "f%d.png", 12, 64, 48);
  std::ofstream(folder / "shots" / "readme.txt") << "not an image";
  for (const std::string& spec : {(folder / "shots").string(), (folder / "shots" / "*.png").string(),
                                  (folder / "shots" / "f%d.png").string()}) {
    auto source = open_source(spec);
    ASSERT_TRUE(source.ok()) << source.error().message;
    EXPECT_EQ((*source)->info().kind, "images");
    EXPECT_EQ((*source)->info().frames, 12);
    EXPECT_EQ((*source)->info().width, 64);
    for (uint64_t i = 0; i < 12; ++i) {
      const Frame frame = next_frame(**source);
      EXPECT_EQ(frame.id, i);
      EXPECT_EQ(measured_level(frame), level_of(i)) << spec << " frame " << i;  // lossless
    }
    EXPECT_TRUE(at_end(**source));
  }
}

TEST(Images, OfDifferentSizesKeepTheirOwn) {
  const TempFolder folder;
  write_clip(folder / "a%d.png", 1, 64, 48);
  write_clip(folder / "b%d.jpg", 1, 33, 17);
  auto source = open_source(folder.path().string(), {.loop = true});
  ASSERT_TRUE(source.ok());
  EXPECT_EQ(next_frame(**source).width, 64);
  const Frame second = next_frame(**source);
  EXPECT_EQ(second.width, 33);
  EXPECT_EQ(second.bgra->size(), 33U * 17 * 4);
  EXPECT_EQ(next_frame(**source).id, 2U);  // looped
}

TEST(Images, UnreadableOnesAreSkippedAndCounted) {
  const TempFolder folder;
  write_clip(folder / "f%d.png", 4, 64, 48);
  std::ofstream(folder / "f1.png", std::ios::trunc) << "damaged";
  std::ofstream(folder / "f0.png", std::ios::trunc).flush();
  auto source = open_source(folder.path().string());
  ASSERT_TRUE(source.ok()) << source.error().message;
  EXPECT_EQ(measured_level(next_frame(**source)), level_of(2));
  EXPECT_EQ(measured_level(next_frame(**source)), level_of(3));
  EXPECT_TRUE(at_end(**source));
  EXPECT_EQ((*source)->decode_failures(), 2U);
}

TEST(Images, NothingToReadIsAnInputError) {
  const TempFolder folder;
  const std::string empty = folder.path().string();
  expect_input_error(open_source(empty), empty, "no images");
  const std::string glob = (folder / "*.png").string();
  expect_input_error(open_source(glob), glob, "no image file matches");
  const std::string broken = (folder / "broken.png").string();
  std::ofstream(broken) << "damaged";
  expect_input_error(open_source(broken), broken, "as an image");
}

TEST(Synthetic, IsAPureFunctionOfTheFrameNumberAndMoves) {
  auto a = open_source("synthetic:64x48@50");
  auto b = open_source("synthetic:64x48@50");
  ASSERT_TRUE(a.ok() && b.ok());
  EXPECT_EQ((*a)->info().fps, 50);
  const Frame first = next_frame(**a);
  EXPECT_EQ(*first.bgra, *next_frame(**b).bgra);
  const Frame second = next_frame(**a);
  EXPECT_NE(*first.bgra, *second.bgra);
  EXPECT_DOUBLE_EQ(second.time_s, 0.02);
  ASSERT_TRUE((*a)->seek(0).ok());
  EXPECT_EQ(*next_frame(**a).bgra, *first.bgra);
  for (const std::string bad :
       {"synthetic:", "synthetic:64", "synthetic:64x", "synthetic:64x48@", "synthetic:64x48@0",
        "synthetic:64x48x", "synthetic:1x1", "synthetic:99999x99999"}) {
    expect_input_error(open_source(bad), bad, "expected synthetic");
  }
}

TEST(GStreamer, PlaysAPipelineAndReportsOneThatCannotStart) {
  const std::string good =
      "videotestsrc num-buffers=5 ! video/x-raw,width=64,height=48,framerate=10/1 ! videoconvert ! appsink";
  const std::string bad = "no-such-element-here ! appsink";
  expect_input_error(open_source(bad), bad, "GStreamer");
  expect_input_error(open_source("videotestsrc ! fakesink"), "videotestsrc", "appsink");
  auto source = open_source(good);
  if (!source.ok()) GTEST_SKIP() << "GStreamer's base plug-ins are not installed: " << source.error().message;
  EXPECT_EQ((*source)->info().width, 64);
  EXPECT_EQ(next_frame(**source).id, 0U);
}

class Stream : public ::testing::Test {
 protected:
  std::vector<std::string> jpegs(int count) {
    write_clip(folder_ / "s%d.jpg", count, 64, 48);
    std::vector<std::string> out;
    for (int i = 0; i < count; ++i) {
      auto text = read_text(folder_ / fmt::format("s{}.jpg", i));
      EXPECT_TRUE(text.ok());
      out.push_back(*text);
    }
    return out;
  }
  TempFolder folder_;
};

TEST_F(Stream, PlaysMjpegOverHttpAndReportsTheHangUp) {
  // FFmpeg probes up to a few pictures before it gives the first.
  const MjpegServer server(jpegs(30), MjpegServer::Then::kHangUp);
  auto source = open_source(server.url(), {.stream_timeout_s = 60});
  ASSERT_TRUE(source.ok()) << source.error().message;
  EXPECT_TRUE((*source)->info().live);
  EXPECT_EQ((*source)->info().kind, "stream");
  EXPECT_FALSE((*source)->seek(0).ok());
  double last = -1;
  for (uint64_t i = 0; i < 20; ++i) {
    const Frame frame = next_frame(**source);
    ASSERT_TRUE(frame.bgra);
    EXPECT_EQ(frame.width, 64);
    EXPECT_EQ(frame.id, i);
    EXPECT_GE(frame.time_s, last);
    EXPECT_NEAR(measured_level(frame), level_of(i), 4);
    last = frame.time_s;
  }
  for (int i = 0; i < 20; ++i) {
    auto next = (*source)->next();
    if (next.ok()) {
      ASSERT_TRUE(next->has_value()) << "a live source has no end";
      continue;
    }
    EXPECT_EQ(next.error().exit_code(), 1);
    EXPECT_NE(next.error().message.find("stopped delivering"), std::string::npos) << next.error().message;
    return;
  }
  FAIL() << "the hang-up was not noticed";
}

TEST_F(Stream, SilenceEndsInAnErrorAfterTheTimeout) {
  const MjpegServer server(jpegs(12), MjpegServer::Then::kSilence);
  auto source = open_source(server.url(), {.stream_timeout_s = 0.7});
  ASSERT_TRUE(source.ok()) << source.error().message;
  const auto begin = Clock::now();
  for (int i = 0; i < 20; ++i) {
    auto next = (*source)->next();
    if (next.ok()) continue;
    EXPECT_LT(std::chrono::duration<double>(Clock::now() - begin).count(), 20.0);
    return;
  }
  FAIL() << "the silence was not noticed";
}

TEST_F(Stream, RefusedMissingAndSilentServersAreInputErrors) {
  std::string gone;
  {
    const MjpegServer server({}, MjpegServer::Then::kNotFound);
    expect_input_error(open_source(server.url()), server.url(), "404");
    gone = server.url();
  }
  expect_input_error(open_source(gone), gone, "refused");
  const MjpegServer mute({}, MjpegServer::Then::kNeverAnswer);
  const auto begin = Clock::now();
  expect_input_error(open_source(mute.url(), {.stream_timeout_s = 0.5}), mute.url(), "cannot be opened");
  EXPECT_LT(std::chrono::duration<double>(Clock::now() - begin).count(), 20.0);
}

struct Named {
  std::string spec, shown, place;
};

TEST(SourceName, ShowsWhichOneAndNoPasswords) {
  const std::vector<Named> all = {
      {"/videos/vtest.avi", "/videos/vtest.avi", "vtest.avi"},
      {"vtest.avi", "vtest.avi", "vtest.avi"},
      {"wow!.avi", "wow!.avi", "wow!.avi"},
      {"frames/", "frames/", "frames"},
      {"/", "/", "/"},
      {"0", "0", "0"},
      {"/dev/video2", "/dev/video2", "video2"},
      {"file:///videos/a@b.avi", "file:///videos/a@b.avi", "a@b.avi"},
      {"synthetic:320x240", "synthetic:320x240", "synthetic:320x240"},
      {"rtsp://cam/yard", "rtsp://cam/yard", "cam/yard"},
      {"rtsp://10.0.0.1/live", "rtsp://10.0.0.1/live", "10.0.0.1/live"},
      {"rtsp://me:secret@10.0.0.2:554/live", "rtsp://10.0.0.2:554/live", "10.0.0.2:554/live"},
      {"rtsp://me:secret@[fe80::1]:554/live", "rtsp://[fe80::1]:554/live", "[fe80::1]:554/live"},
      {"rtsp://me:sec/ret#2@cam", "rtsp://cam", "cam"},
      {"rtsp://me:sec?ret@cam/a", "rtsp://cam/a", "cam/a"},
      {"http://192.168.1.5:8080/", "http://192.168.1.5:8080/", "192.168.1.5:8080"},
      {"http://cam/video.mjpg?user=a&pwd=b", "http://cam/video.mjpg", "cam/video.mjpg"},
      {"http://cam:80/video.mjpg?mail=a@b#c", "http://cam:80/video.mjpg", "cam:80/video.mjpg"},
      {"rtspsrc location=rtsp://a:b@cam/x user-id=me user-pw=secret ! decodebin ! appsink",
       "rtspsrc location=rtsp://cam/x ! decodebin ! appsink", "cam/x"},
      {"rtspsrc user-pw = \"se cret\" location=\"rtsp://cam/x?k=secret\" ! appsink",
       "rtspsrc location=rtsp://cam/x ! appsink", "cam/x"},
      {"filesrc location='/my clips/a b.avi' ! decodebin ! appsink",
       "filesrc location=\"/my clips/a b.avi\" ! decodebin ! appsink", "a b.avi"},
      {"v4l2src device=/dev/video1 ! video/x-raw,width=640 ! appsink",
       "v4l2src device=/dev/video1 ! video/x-raw,width=640 ! appsink", "video1"},
      {"rtsp://me:secret@cam/x ! decodebin key=secret ! appsink", "rtsp://cam/x ! decodebin ! appsink",
       "cam/x"},
      {"rtsp://me:sec!ret@cam/x", "rtsp://cam/x", "cam/x"}};
  for (const auto& [spec, shown, place] : all) {
    EXPECT_EQ(display_name(spec), shown);
    EXPECT_EQ(place_name(spec), place);
    EXPECT_EQ(place_name(shown), place) << "the same for what is shown";
  }
  EXPECT_EQ(display_name("srtsrc passphrase='never secret ends ! appsink"), "srtsrc");
  const std::string bars = place_name("videotestsrc pattern=1 ! appsink");
  EXPECT_TRUE(bars.starts_with("gstreamer-")) << bars;
  EXPECT_EQ(place_name("videotestsrc pattern=1 ! appsink"), bars);
  EXPECT_NE(place_name("audiotestsrc ! appsink"), bars);
}

TEST(SourceName, ErrorsTellNoPasswords) {
  expect_input_error(open_source("http://me:secret@127.0.0.1:1/x.mjpg?key=secret"),
                     "http://127.0.0.1:1/x.mjpg: ", "cannot be opened");
  expect_input_error(open_source("rtspsrc user-pw=secret ! fakesink"), "rtspsrc ! fakesink: ", "must end in");
}

}  // namespace
}  // namespace tarsier::capture
