// A session proves a run: recorded, shown again and verified with the real pipelines.
#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>

#include "app/application.hpp"
#include "app/command_line.hpp"
#include "app/session_verify.hpp"
#include "core/file.hpp"
#include "core/log.hpp"
#include "core/text.hpp"
#include "record/result_json.hpp"
#include "record/session_source.hpp"
#include "support/eventually.hpp"
#include "support/full_disk.hpp"
#include "support/onnx_file.hpp"
#include "support/own_cache.hpp"
#include "support/session_results.hpp"
#include "support/temp_folder.hpp"
#include "support/test_data.hpp"

namespace tarsier::app {
namespace {

namespace fs = std::filesystem;

class SessionRuns : public ::testing::Test {
 protected:
  test::TempFolder folder_;
  fs::path small_;  // a pipeline that takes little time

  void SetUp() override {
    log::init("warn");
    if (const auto why = test::missing_network("yolox_nano"); !why.empty()) GTEST_SKIP() << why;
    small_ = folder_.write("small.toml", R"(description = "Boxes and tracks."
[[stage]]
name = "detect"
type = "detect"
model = "yolox_nano"
score = 0.3
[[stage]]
name = "track"
type = "track"
)");
  }

  RunOptions options(const std::string& pipeline, const std::string& source = "") const {
    RunOptions options;
    options.pipeline = pipeline;
    options.source = source;
    options.headless = true;
    options.globals.validation = true;
    options.globals.tune = "off";
    return options;
  }
  /// Of the first frames of a clip, without the window.
  fs::path record(RunOptions options, uint64_t frames, const std::string& name = "session") const {
    options.max_frames = frames;
    options.record = (folder_ / name).string();
    const Status status = run(options);
    EXPECT_TRUE(status.ok()) << status.error().message;
    return options.record;
  }
  static VerifyOptions verifying(const fs::path& session) {
    VerifyOptions options;
    options.globals.validation = true;
    options.session = session.string();
    return options;
  }
  static void expect_verified(const fs::path& session) {
    const Status status = verify(verifying(session));
    EXPECT_TRUE(status.ok()) << status.error().message;
  }
  static std::string fault_of(const VerifyOptions& options) {
    const Status status = verify(options);
    EXPECT_FALSE(status.ok());
    return status.ok() ? "" : status.error().message;
  }
  static void change(const fs::path& file, std::string_view what, std::string_view with) {
    std::string text = *read_text(file);
    ASSERT_NE(text.find(what), std::string::npos) << file << " has no " << what;
    std::ofstream(file) << text.replace(text.find(what), what.size(), with);
  }
};

TEST_F(SessionRuns, StreetIsTheSameToTheLastBit) {
  if (const auto why = test::missing_network("centernet"); !why.empty()) GTEST_SKIP() << why;
  const auto session = record(options("street"), 12);
  const auto lines = test::all_results(*record::Session::open(session));
  ASSERT_EQ(lines.size(), 12U);
  EXPECT_NE(lines.back().find("\"state\":\"tracked\""), std::string::npos) << "somebody is followed";
  expect_verified(session);
}

TEST_F(SessionRuns, DrivingIsTheSameToTheLastBit) {
  const auto clip = test::shared_clip("highway.mp4");
  if (const auto why = test::missing_file(clip); !why.empty()) GTEST_SKIP() << why;
  if (const auto why = test::missing_network("yolox_nano"); !why.empty()) GTEST_SKIP() << why;
  expect_verified(record(options("driving", clip.string()), 8));
}

TEST_F(SessionRuns, PeopleInArAreTheSameToTheLastBit) {
  const auto clip = test::shared_clip("webcam_walk.mkv");
  if (const auto why = test::missing_file(clip); !why.empty()) GTEST_SKIP() << why;
  auto ar = options("ar", clip.string());
  ar.set = {"body.show=skeleton", "hands.show=skeleton"};
  expect_verified(record(ar, 12));
}

TEST_F(SessionRuns, WhatDiffersIsNamed) {
  const auto session = record(options(small_.string()), 6);
  const auto results = session / record::Session::kResults;
  auto lines = split(*read_text(results), '\n');
  const auto with_box = std::ranges::find_if(
      lines, [](const auto& line) { return line.find("\"score\":0.") != std::string::npos; });
  ASSERT_NE(with_box, lines.end());
  const auto frame = with_box - lines.begin();
  with_box->replace(with_box->find("\"score\":0.") + 10, 1, "1");
  std::ofstream(results) << join(lines, "\n");
  const std::string fault = fault_of(verifying(session));
  EXPECT_NE(fault.find(fmt::format("frame {} ", frame)), std::string::npos) << fault;
  EXPECT_NE(fault.find("stage 'detect', detections["), std::string::npos) << fault;
  EXPECT_NE(fault.find("].score: "), std::string::npos) << fault;
  EXPECT_NE(fault.find(" apart"), std::string::npos) << fault;
  // So near that another device may give it.
  auto near = verifying(session);
  near.tolerance = {.absolute = 1, .relative = 1};
  near.tolerance_given = true;
  EXPECT_TRUE(verify(near).ok());
}

TEST_F(SessionRuns, TwoSessionsAreComparedWithoutARun) {
  const auto one = record(options(small_.string()), 4, "one");
  auto other_score = options(small_.string());
  const auto same = record(other_score, 4, "same");
  other_score.set = {"detect.score=0.6"};
  const auto other = record(other_score, 4, "other");
  auto compare = verifying(one);
  compare.against = same.string();
  EXPECT_TRUE(verify(compare).ok());
  compare.against = other.string();
  EXPECT_NE(fault_of(compare).find("detections"), std::string::npos);
  const auto synthetic = record(options(small_.string(), "synthetic:320x240"), 4, "synthetic");
  compare.against = synthetic.string();
  EXPECT_NE(fault_of(compare).find("not of the same frames"), std::string::npos);
}

/// A pipeline with a mask of three convolutions, of which the one with this number has another weight.
fs::path own_network(const test::TempFolder& folder, const std::string& name, int changed, float weight) {
  test::OnnxFile file;
  auto* graph = file.proto.mutable_graph();
  graph->clear_input();
  test::OnnxFile::add_io(graph->add_input(), "x", {1, 3, 32, 32});
  std::string from = "x";
  const std::array<int64_t, 4> channels{3, 4, 4, 1};
  for (int i = 0; i < 3; ++i) {
    const std::string weights = fmt::format("w{}", i), to = fmt::format("c{}", i);
    const int64_t in = channels[size_t(i)], out = channels[size_t(i) + 1];
    auto* tensor = file.weight(weights, {out, in, 3, 3}, onnx::TensorProto::FLOAT);
    for (int64_t k = 0; k < out * in * 9; ++k) tensor->add_float_data(float(k % 7) * 0.1F - 0.25F);
    if (i == changed) tensor->set_float_data(0, tensor->float_data(0) + weight);
    auto* conv = file.node("Conv", {from, weights}, {to});
    conv->set_name(fmt::format("conv{}", i));
    test::OnnxFile::ints(conv, "pads", {1, 1, 1, 1});
    from = i < 2 ? to + "r" : "y";
    file.node(i < 2 ? "Relu" : "Sigmoid", {to}, {from});
  }
  const fs::path path = folder.write(name + ".onnx", file.bytes());
  folder.write(name + ".toml", R"(head = "mask_threshold"
[input]
size = [32, 32]
layout = "NCHW"
colour = "RGB"
std = 255
)");
  return folder.write(name + "_pipeline.toml", fmt::format(R"(description = "A mask."
[[stage]]
name = "road"
type = "segment"
model = "{}"
[[stage.mask]]
name = "bright"
output = "y"
color = "#00ff00"
)",
                                                           path.string()));
}

TEST_F(SessionRuns, TheFirstLayerThatDiffersIsNamed) {
  const auto made = [&](const std::string& name, int changed, float weight) {
    const auto pipeline = own_network(folder_, name, changed, weight);
    return record(options(pipeline.string(), "synthetic:64x64"), 3, name + "_session");
  };
  const auto plain = made("plain", 0, 0);
  expect_verified(plain);
  auto compare = verifying(plain);
  const auto fault_against = [&](const fs::path& other) {
    compare.against = other.string();
    return fault_of(compare);
  };
  for (const int layer : {0, 1, 2}) {
    const std::string fault = fault_against(made(fmt::format("other{}", layer), layer, 2.0F));
    EXPECT_NE(fault.find("frame 0 "), std::string::npos) << fault;
    EXPECT_NE(fault.find("stage 'road'"), std::string::npos) << fault;
    EXPECT_NE(fault.find(fmt::format("its first layer that differs is 'conv{}", layer)), std::string::npos)
        << fault;
    EXPECT_NE(fault.find(fmt::format("({} of 3 of road)", layer + 1)), std::string::npos) << fault;
  }
  // Too little for the mask, but not the same.
  const auto hair = made("hair", 2, 1e-6F);
  const std::string fault = fault_against(hair);
  EXPECT_EQ(fault.find("was recorded"), std::string::npos) << fault;
  EXPECT_NE(fault.find("'conv2"), std::string::npos) << fault;
  compare.tolerance = {.absolute = 0.01, .relative = 0.01};
  compare.tolerance_given = true;
  EXPECT_TRUE(verify(compare).ok()) << "so near that another device may give it";

  // What is made of the layers is another thing.
  const auto results = plain / record::Session::kResults;
  change(results, "\"coverage\":", "\"coverage\":1");
  const std::string behind = fault_of(verifying(plain));
  EXPECT_NE(behind.find("all layers of its networks are the same"), std::string::npos) << behind;
}

TEST_F(SessionRuns, AnotherNetworkFileOrClipIsToldBeforeItRuns) {
  const auto session = record(options(small_.string()), 2);
  const std::string hash = record::Session::open(session)->head().networks.at(0).sha256;
  change(session / record::Session::kHead, hash, std::string(64, '0'));
  const std::string fault = fault_of(verifying(session));
  EXPECT_NE(fault.find("yolox_nano"), std::string::npos) << fault;
  EXPECT_NE(fault.find(hash), std::string::npos) << fault;
}

/// Records as the window does: parameters change between frames, a paused frame is drawn again, somebody
/// seeks, the pipeline file changes.
TEST_F(SessionRuns, WhatSomebodyDidAtTheWindowIsShownAgainAndVerified) {
  const auto session = folder_ / "by hand";
  std::vector<std::string> seen;  // detections of each frame
  {
    Application app;
    app.options = options(small_.string());
    app.options.record = session.string();
    ASSERT_TRUE(assemble(app, device_options(app.options.globals), false).ok());
    uint64_t at = 0;
    const auto frame = [&] {
      auto letter = app.mailbox->take();
      while (letter.state == capture::Mailbox::State::kWaiting || letter.frame.position != at)
        letter = app.mailbox->take();
      ++at;
      auto* context = *app.ring->begin();
      ASSERT_TRUE(app.loop->record(*context, letter.frame).ok());
      ASSERT_TRUE(app.ring->submit(*context).ok());
      app.ring->drain();
      std::string line;
      record::append_line(line, app.loop->latest(), app.loop->label_sets(), nullptr, record::Numbers::kExact);
      seen.push_back(
          line.substr(line.find("\"detections\""), line.find("\"events\"") - line.find("\"detections\"")));
    };
    const auto redraw = [&] {
      auto* context = *app.ring->begin();
      ASSERT_TRUE(app.loop->redraw(*context).ok());
      ASSERT_TRUE(app.ring->submit(*context).ok());
      app.ring->drain();
    };
    frame();
    frame();
    ASSERT_TRUE(app.params.set_by_hand("detect.score", 0.15).ok());
    frame();
    redraw();
    ASSERT_TRUE(app.params.set_by_hand("detect.score", 0.55).ok());
    redraw();
    redraw();
    frame();
    ASSERT_TRUE(app.mailbox->seek(40).ok());
    at = 40;
    frame();
    frame();
    change(small_, "score = 0.3", "score = 0.3\niou = 0.2\nevery = 2");
    ASSERT_TRUE(reload_pipeline(app).ok());
    frame();
    frame();
    ASSERT_TRUE(app.recorder->end().ok());
  }
  fs::remove(small_);  // the session has it
  const auto read = record::Session::open(session);
  ASSERT_TRUE(read.ok()) << read.error().message;
  ASSERT_EQ(read->frames().size(), 8U);
  EXPECT_EQ(read->changes(), (std::vector<size_t>{0, 2, 3, 6}));
  expect_verified(session);

  // Shown again it finds the same, and records the same session.
  RunOptions again;
  again.session = session.string();
  again.headless = true;
  again.globals = options("").globals;
  again.record = (folder_ / "again").string();
  const Status status = run(again);
  ASSERT_TRUE(status.ok()) << status.error().message;
  const auto lines = test::all_results(*record::Session::open(folder_ / "again"));
  ASSERT_EQ(lines.size(), seen.size());
  for (size_t i = 0; i < seen.size(); ++i)
    EXPECT_NE(lines[i].find(seen[i]), std::string::npos) << "frame " << i << "\n"
                                                         << seen[i] << "\n"
                                                         << lines[i];

  // A second side follows, too, but for what it differs in.
  {
    Application app;
    app.options = again;
    app.options.record.clear();
    app.options.compare = {"track.match=0.5"};
    ASSERT_TRUE(assemble(app, device_options(app.options.globals), false).ok());
    std::vector<double> scores;
    while (true) {
      const auto letter = app.mailbox->take();
      if (letter.state != capture::Mailbox::State::kFrame) break;
      const auto followed = follow_session(app, letter.frame);
      ASSERT_TRUE(followed.ok()) << followed.error().message;
      auto* context = *app.ring->begin();
      ASSERT_TRUE(app.loop->record(*context, letter.frame).ok());
      ASSERT_TRUE(app.ring->submit(*context).ok());
      app.ring->drain();
      const Params& second = app.loop->comparison()->setup().params;
      scores.push_back(second.real("detect.score"));
      EXPECT_EQ(scores.back(), app.params.real("detect.score")) << scores.size();
      EXPECT_EQ(second.integer("detect.every"), app.params.integer("detect.every")) << scores.size();
      EXPECT_EQ(second.real("track.match"), 0.5);
      EXPECT_EQ(app.params.real("track.match"), 0.8);
      EXPECT_EQ(app.loop->comparison()->agreement().latest().only_first, 0U) << scores.size();
    }
    EXPECT_EQ(scores, (std::vector<double>{0.3, 0.3, 0.15, 0.55, 0.55, 0.55, 0.55, 0.55}));
    EXPECT_EQ(app.loop->comparison()->agreement().frames(), scores.size());
  }

  // What is set now is stronger.
  again.record = (folder_ / "stricter").string();
  again.set = {"detect.score=0.99"};
  ASSERT_TRUE(run(again).ok());
  const auto none = test::all_results(*record::Session::open(folder_ / "stricter"));
  ASSERT_EQ(none.size(), seen.size());
  for (const auto& line : none) EXPECT_NE(line.find("\"detections\":[]"), std::string::npos) << line;
}

TEST_F(SessionRuns, ACamerasSessionHasItsPictures) {
  // What cannot be sought in is kept as a camera is; a stride leaves gaps.
  auto source = capture::open_source("synthetic:320x240@10");
  ASSERT_TRUE(source.ok());
  record::SessionHead head;
  {
    Application app;
    app.options = options(small_.string(), "synthetic:320x240@10");
    ASSERT_TRUE(assemble(app, device_options(app.options.globals), false).ok());
    record::SessionSource kept = session_source(app, app.mailbox->info(), false);
    EXPECT_TRUE(kept.kept);
    SessionRecorder recorder(app, kept, {.seconds = 0.45});
    recorder.use_pipeline(*read_text(small_));
    for (int i = 0; i < 12; ++i) {
      auto letter = app.mailbox->take();
      ASSERT_EQ(letter.state, capture::Mailbox::State::kFrame);
      letter.frame.captured = capture::Clock::time_point() + std::chrono::milliseconds(100 * i);
      recorder.frame(letter.frame, app.params);
    }
    ASSERT_TRUE(recorder.save_moment(folder_ / "moment").ok());
    EXPECT_FALSE(recorder.save_moment(folder_ / "moment2").ok()) << "one is being written";
    std::string told;
    EXPECT_TRUE(test::eventually([&] { return !(told = recorder.take_message()).empty(); }));
    EXPECT_NE(told.find("moment"), std::string::npos) << told;
  }
  const auto moment = record::Session::open(folder_ / "moment");
  ASSERT_TRUE(moment.ok()) << moment.error().message;
  ASSERT_EQ(moment->frames().size(), 5U) << "those of the last 0.45 s";
  EXPECT_EQ(moment->frame(0).id, 7U);
  auto player = record::open_session(*moment);
  ASSERT_TRUE(player.ok()) << player.error().message;
  ASSERT_TRUE((*source)->seek(7).ok());
  for (int i = 0; i < 5; ++i) EXPECT_EQ(*(**(*player)->next()).bgra, *(**(*source)->next()).bgra) << i;
  EXPECT_NE(fault_of(verifying(folder_ / "moment")).find("no results"), std::string::npos);
}

TEST_F(SessionRuns, AFullDiskEndsTheRecordingAndTheRunGoesOn) {
  Application app;
  app.options = options(small_.string());
  app.options.record = (folder_ / "full").string();
  ASSERT_TRUE(assemble(app, device_options(app.options.globals), false).ok());
  const auto frame = [&] {
    auto letter = app.mailbox->take();
    auto* context = *app.ring->begin();
    const Status recorded = app.loop->record(*context, letter.frame);
    const Status submitted = app.ring->submit(*context);
    app.ring->drain();
    return recorded.ok() && submitted.ok();
  };
  ASSERT_TRUE(frame());
  {
    const test::FullDisk disk(fs::file_size(folder_ / "full" / record::Session::kResults) + 10);
    ASSERT_TRUE(frame());
    ASSERT_TRUE(frame());
    EXPECT_FALSE(app.recorder->recording());
    const std::string told = app.recorder->take_message();
    EXPECT_NE(told.find("free space"), std::string::npos) << told;
    EXPECT_NE(told.find("the run goes on"), std::string::npos) << told;
  }
  ASSERT_TRUE(frame());
  EXPECT_FALSE(app.recorder->failure().ok()) << "the end of the run tells it, too";
  const auto session = record::Session::open(folder_ / "full");
  ASSERT_TRUE(session.ok()) << session.error().message;
  EXPECT_GE(session->frames().size(), 1U);
}

}  // namespace
}  // namespace tarsier::app
