// The main job without a window, on a short cut of the default clip: what `tools/run` does on a machine
// without display.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <unistd.h>

#include "app/application.hpp"
#include "app/command_line.hpp"
#include "capture/frame_source.hpp"
#include "core/log.hpp"
#include "support/test_data.hpp"

namespace tarsier::app {
namespace {

namespace fs = std::filesystem;
constexpr uint64_t kFrames = 12;

class Street : public ::testing::Test {
 protected:
  fs::path dir_ = fs::temp_directory_path() / fmt::format("tarsier_street_{}", getpid());
  RunOptions options_;
  void SetUp() override {
    log::init("warn");
    fs::create_directories(dir_);
    options_.headless = true;
    options_.max_frames = kFrames;
    options_.sink = (dir_ / "street.mp4").string();
    options_.json = (dir_ / "street.jsonl").string();
    options_.globals.validation = true;
    if (const std::string why = test::missing_network("centernet"); !why.empty()) GTEST_SKIP() << why;
  }
  ~Street() override { fs::remove_all(dir_); }

  [[nodiscard]] std::vector<nlohmann::json> lines() const {
    std::vector<nlohmann::json> out;
    std::ifstream in(options_.json);
    for (std::string line; std::getline(in, line);) out.push_back(nlohmann::json::parse(line));
    return out;
  }
};

TEST_F(Street, ADetectorThatRunsOnEveryThirdFrameIsFollowedInBetween) {
  options_.sink.clear();
  options_.set = {"detect.every=3"};
  const Status status = run(options_);
  ASSERT_TRUE(status.ok()) << status.error().message;
  const auto results = lines();
  ASSERT_EQ(results.size(), kFrames);
  std::map<int64_t, double> left;  // x of each tracked object in the frame before
  int moved = 0;
  for (size_t i = 0; i < results.size(); ++i) {
    EXPECT_EQ(results[i]["detections"].empty(), i % 3 != 0) << "frame " << i;
    EXPECT_GE(results[i]["tracks"].size(), 3U) << "frame " << i;
    std::map<int64_t, double> now;
    for (const auto& track : results[i]["tracks"]) {
      if (track["state"] != "tracked") continue;
      const int64_t id = track["id"];
      now[id] = track["box"][0];
      EXPECT_GE(track["age"].get<double>(), 0);
      if (i % 3 == 0 || !left.contains(id)) continue;
      const double speed = track["velocity"][0];
      // At 10 frames/s a box goes on by a tenth of its speed.
      EXPECT_NEAR(now[id] - left[id], speed / 10, 0.5 + std::abs(speed) / 20)
          << "frame " << i << ", track " << id;
      moved += std::abs(now[id] - left[id]) > 0.2 ? 1 : 0;
    }
    left = std::move(now);
  }
  EXPECT_GE(moved, 5);
}

TEST_F(Street, FindsThePeopleOfTheDefaultClip) {
  const Status status = run(options_);  // an error too where the validation layer spoke
  ASSERT_TRUE(status.ok()) << status.error().message;

  const auto results = lines();
  ASSERT_EQ(results.size(), kFrames);
  uint64_t people = 0;
  for (size_t i = 0; i < results.size(); ++i) {
    EXPECT_EQ(results[i]["id"], i);
    for (const auto& detection : results[i]["detections"]) {
      const auto& box = detection["box"];
      EXPECT_GE(box[0].get<float>(), 0);
      EXPECT_LE(box[2].get<float>(), 768);
      EXPECT_LE(box[3].get<float>(), 576);
      EXPECT_LT(box[0].get<float>(), box[2].get<float>());
      EXPECT_GE(detection["score"].get<float>(), 0.35F);
      people += detection["class"] == "person" ? 1 : 0;
    }
  }
  // Seven to nine people are in the picture; the smaller ones are missed now and then.
  EXPECT_GE(people, kFrames * 4);
  EXPECT_LE(people, kFrames * 12);

  auto video = capture::open_source(options_.sink);
  ASSERT_TRUE(video.ok()) << video.error().message;
  EXPECT_EQ((*video)->info().width, 768);
  uint64_t frames = 0;
  while (true) {
    auto frame = (*video)->next();
    ASSERT_TRUE(frame.ok()) << frame.error().message;
    if (!frame->has_value()) break;
    ++frames;
  }
  EXPECT_EQ(frames, kFrames);
  size_t entries = 0;
  for ([[maybe_unused]] const auto& entry : fs::directory_iterator(dir_)) ++entries;
  EXPECT_EQ(entries, 2U);
}

TEST_F(Street, TheSameRunGivesTheSameResults) {
  options_.sink.clear();
  options_.max_frames = 4;
  ASSERT_TRUE(run(options_).ok());
  auto first = lines();
  ASSERT_TRUE(run(options_).ok());
  auto second = lines();
  for (auto* results : {&first, &second}) {
    for (auto& line : *results) {
      EXPECT_FALSE(line["stage_times"].empty());
      for (const char* key : {"latency_ms", "stage_times"}) line.erase(key);
    }
  }
  EXPECT_EQ(first, second);
}

TEST_F(Street, ResultsHoldTheTracksOfTheFrame) {
  options_.sink.clear();
  ASSERT_TRUE(run(options_).ok());
  const auto results = lines();
  std::map<int64_t, size_t> frames;  // by identity
  for (const auto& line : results) {
    EXPECT_EQ(line["version"], 2);
    for (const auto& track : line["tracks"]) {
      EXPECT_TRUE(track["state"] == "tracked" || track["state"] == "lost" || track["state"] == "removed");
      if (track["state"] != "tracked") continue;
      ++frames[track["id"].get<int64_t>()];
      if (track["score"].get<float>() < 0.35F) continue;
      // Exact: a box of this very frame is there, of the same class and score, and the track lies on it.
      bool found = false;
      for (const auto& box : line["detections"]) {
        found = found || (box["class"] == track["class"] && box["score"] == track["score"] &&
                          std::abs(box["box"][0].get<float>() - track["box"][0].get<float>()) < 12);
      }
      EXPECT_TRUE(found) << "frame " << line["id"] << ": " << track;
    }
  }
  // The first frame's boxes are believed at once, and who is seen well keeps his number.
  EXPECT_FALSE(results.front()["tracks"].empty());
  size_t throughout = 0;
  for (const auto& [id, count] : frames) throughout += count == kFrames ? 1 : 0;
  EXPECT_GE(throughout, 2U);
  EXPECT_LE(frames.size(), 14U);
}

TEST_F(Street, LowBoxesReachTheTrackerAndNothingElse) {
  options_.sink.clear();
  options_.max_frames = 30;
  ASSERT_TRUE(run(options_).ok());
  size_t kept_by_low = 0;
  for (const auto& line : lines()) {
    for (const auto& box : line["detections"]) EXPECT_GE(box["score"].get<float>(), 0.35F);
    for (const auto& track : line["tracks"]) {
      kept_by_low += track["state"] == "tracked" && track["score"].get<float>() < 0.35F ? 1 : 0;
    }
  }
  EXPECT_GE(kept_by_low, 3U);
  auto with = lines();
  // The detector's own results are those that it gives without a tracker.
  const fs::path alone = dir_ / "alone.toml";
  std::ofstream(alone) << "[[stage]]\nname = \"detect\"\ntype = \"detect\"\nmodel = \"centernet\"\n"
                          "input_size = 416\nscore = 0.35\niou = 0.45\n";
  options_.pipeline = alone.string();
  ASSERT_TRUE(run(options_).ok());
  const auto without = lines();
  ASSERT_EQ(with.size(), without.size());
  for (size_t i = 0; i < with.size(); ++i) {
    EXPECT_EQ(with[i]["detections"], without[i]["detections"]) << i;
    EXPECT_TRUE(without[i]["tracks"].empty());
  }
}

/// The way to a screen: nothing lists or records, and still the tracks are there.
TEST_F(Street, TrackingReadsNothingBackOnTheWayToTheScreen) {
  options_.sink.clear();
  options_.json.clear();
  Application app;
  app.options = options_;
  ASSERT_TRUE(assemble(app, device_options(options_.globals), true).ok());
  for (uint64_t i = 0; i < kFrames; ++i) {
    const auto letter = app.mailbox->take();
    ASSERT_EQ(letter.state, capture::Mailbox::State::kFrame);
    auto context = app.ring->begin();
    ASSERT_TRUE(context.ok());
    ASSERT_TRUE(app.loop->record(**context, letter.frame).ok());
    ASSERT_TRUE(app.ring->submit(**context).ok());
  }
  app.ring->drain();
  const auto& latest = app.loop->latest();
  EXPECT_TRUE(latest.detections.empty());
  EXPECT_GE(latest.tracks.size(), 3U);
  EXPECT_EQ(latest.readback_bytes, 0U);
  // A header and at most `detect.max` boxes.
  EXPECT_EQ(latest.tracker_bytes, sizeof(vision::DetectionHeader) + 100 * sizeof(vision::Detection));
  ASSERT_TRUE(app.params.set("detect.max", int64_t{20}, ParamOrigin::kOverlay).ok());
  const auto letter = app.mailbox->take();
  auto context = app.ring->begin();
  ASSERT_TRUE(context.ok());
  ASSERT_TRUE(app.loop->record(**context, letter.frame).ok());
  ASSERT_TRUE(app.ring->submit(**context).ok());
  app.ring->drain();
  EXPECT_EQ(app.loop->latest().tracker_bytes,
            sizeof(vision::DetectionHeader) + 20 * sizeof(vision::Detection));
}

TEST_F(Street, ClassesAndScoreFilterOnTheDevice) {
  options_.sink.clear();
  options_.max_frames = 4;
  options_.set = {"detect.classes=car", "detect.score=0.2"};
  ASSERT_TRUE(run(options_).ok());
  size_t cars = 0;
  for (const auto& line : lines()) {
    for (const auto& detection : line["detections"]) EXPECT_EQ(detection["class"], "car");
    cars += line["detections"].size();
  }
  EXPECT_GE(cars, 4U);  // one is parked in the upper right corner all the time
}

TEST_F(Street, AnotherNetworkTakesThePlaceAtItsOwnSize) {
  if (const std::string why = test::missing_network("fastestdet"); !why.empty()) GTEST_SKIP() << why;
  options_.sink.clear();
  options_.max_frames = 2;
  options_.set = {"detect.model=fastestdet"};
  const Status status = run(options_);
  ASSERT_TRUE(status.ok()) << status.error().message;
  EXPECT_EQ(lines().size(), 2U);
  options_.set.emplace_back("detect.input_size=320");
  const Status refused = run(options_);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().exit_code(), 2);
  EXPECT_NE(refused.error().message.find("own size"), std::string::npos) << refused.error().message;
}

TEST_F(Street, PlacesOfTheDefaultClipAreNotInOtherPictures) {
  options_.sink.clear();
  options_.max_frames = 1;
  for (const auto& [source, places] : {std::pair{"", 1U}, std::pair{"synthetic:320x240", 0U}}) {
    options_.source = source;
    const Status status = run(options_);
    ASSERT_TRUE(status.ok()) << status.error().message;
    ASSERT_EQ(lines().size(), 1U);
    EXPECT_EQ(lines()[0]["zones"].size(), places) << source;
    EXPECT_EQ(lines()[0]["lines"].size(), places) << source;
  }
}

TEST_F(Street, MistakesAreInputErrorsAndLeaveNothing) {
  const auto expect_refused = [&](const std::string& part) {
    const Status status = run(options_);
    ASSERT_FALSE(status.ok());
    EXPECT_EQ(status.error().exit_code(), 2) << status.error().message;
    EXPECT_NE(status.error().message.find(part), std::string::npos) << status.error().message;
    EXPECT_EQ(status.error().message.find('\n'), std::string::npos);
    EXPECT_TRUE(fs::is_empty(dir_)) << "something was left behind";
  };
  options_.set = {"detect.scor=1"};
  expect_refused("did you mean 'detect.score'");
  options_.set = {"detect.score=2"};
  expect_refused("out of range");
  options_.set = {"detect.model=centernett"};
  expect_refused("centernet");
  options_.set = {};
  options_.source = (dir_ / "nothing.mp4").string();
  expect_refused("no such file");
  options_.source.clear();
  options_.pipeline = "stret";
  expect_refused("street");
}

/// Without the npm client, a mirror or a cache: what a machine without a connection meets.
TEST(WithoutNetworks, TheRunSaysWhatToDo) {
  const test::WithoutNetworks without;
  RunOptions options;
  options.headless = true;
  options.source = "synthetic:64x64";
  options.max_frames = 1;
  options.json = (without.folder() / "results.jsonl").string();
  const Status status = run(options);
  EXPECT_FALSE(fs::exists(options.json));
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().exit_code(), 1);
  for (const char* part : {"network 'centernet'", "npm client is not installed", "--model-path"})
    EXPECT_NE(status.error().message.find(part), std::string::npos) << status.error().message;
  EXPECT_EQ(status.error().message.find('\n'), std::string::npos);
}

}  // namespace
}  // namespace tarsier::app
