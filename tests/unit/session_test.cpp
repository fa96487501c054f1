// Sessions on disk: what is written comes back, bit by bit, and what is broken is told in one line.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <random>
#include <thread>

#include "app/session_verify.hpp"
#include "core/file.hpp"
#include "core/text.hpp"
#include "record/result_compare.hpp"
#include "record/result_json.hpp"
#include "record/session_copy.hpp"
#include "record/session_source.hpp"
#include "record/session_writer.hpp"
#include "support/clips.hpp"
#include "support/full_disk.hpp"
#include "support/input_error.hpp"
#include "support/own_cache.hpp"
#include "support/session_results.hpp"
#include "support/temp_folder.hpp"

namespace tarsier::record {
namespace {

namespace fs = std::filesystem;
using test::TempFolder;

/// Noise: what no lossy codec gives back.
capture::Frame noise(uint64_t id, int width, int height) {
  capture::Frame frame;
  frame.id = frame.position = id;
  frame.time_s = double(id) / 10;
  frame.captured = capture::Clock::time_point() + std::chrono::milliseconds(100 * id);
  frame.width = width;
  frame.height = height;
  frame.bgra = std::make_shared<std::vector<uint8_t>>(size_t(width) * size_t(height) * 4);
  std::mt19937 random(uint32_t(id) * 7919 + 1);
  for (size_t i = 0; i < frame.bgra->size(); ++i) (*frame.bgra)[i] = i % 4 == 3 ? 255 : uint8_t(random());
  return frame;
}

template <class T>
void expect_input_error(const Result<T>& result, std::string_view part, std::string_view other) {
  test::expect_input_error(result, part);
  if (!result.ok()) test::expect_input_error(result.error(), other);
}

uint64_t hash_of(const capture::Frame& frame) {
  return hash64(std::as_bytes(std::span(*frame.bgra)));
}

pipeline::FrameResult result_of(uint64_t id, float score) {
  pipeline::FrameResult result;
  result.frame_id = id;
  result.detections.push_back({1, 2, 3, 4, score, 0, 0, 0});
  return result;
}

std::shared_ptr<const ParamValues> values(double score, bool show = true) {
  return std::make_shared<const ParamValues>(
      ParamValues{{"detect.score", score},
                  {"detect.show", show},
                  {"detect.max", int64_t{100}},
                  {"detect.classes", std::vector<std::string>{"person", "c\"ar"}},
                  {"text.x", std::string("y")}});
}

SessionHead camera_head() {
  SessionHead head;
  head.tarsier = "test";
  head.source = {.name = "camera", .kind = "camera", .width = 37, .height = 23, .fps = 10, .kept = true};
  head.device = "a device";
  head.networks = {{"detect.model", "net", "net.onnx", "00"}};
  head.pipeline = "street";
  return head;
}

class Sessions : public ::testing::Test {
 protected:
  test::OwnCache cache_;
  TempFolder folder_;

  /// A camera's session with a parameter that changes before frames 3 and 5, another size from frame 4 on,
  /// and a pause behind frame 2.
  void record(const fs::path& where, uint64_t frames = 8) {
    auto writer = SessionWriter::create(where, camera_head());
    ASSERT_TRUE(writer.ok()) << writer.error().message;
    auto params = values(0.1);
    for (uint64_t i = 0; i < frames; ++i) {
      if (i == 3) params = values(0.25);
      if (i == 5) params = values(0.25, false);
      const auto* text = i < 6 ? "description = \"a\"\n" : "description = \"b\"\n";
      ASSERT_TRUE((*writer)->use_pipeline(text).ok());
      const auto frame = i < 4 ? noise(i, 37, 23) : noise(i, 24, 50);
      ASSERT_TRUE((*writer)->frame(frame, hash_of(frame), params).ok());
      EXPECT_TRUE((*writer)->awaits(i));
      ASSERT_TRUE((*writer)->result(result_of(i, 0.1F * float(i)), {{"person"}}).ok());
      for (int round = 0; i == 2 && round < 5; ++round) ASSERT_TRUE((*writer)->redrawn(params).ok());
    }
    const Status finished = (*writer)->finish();
    ASSERT_TRUE(finished.ok()) << finished.error().message;
  }

  static Session open(const fs::path& where) {
    auto session = Session::open(where);
    EXPECT_TRUE(session.ok()) << session.error().message;
    return session.ok() ? *std::move(session) : Session();
  }

  /// Every frame of the session has the recorded picture, in order and after jumps.
  static void expect_frames(const Session& session, const std::vector<uint64_t>& ids) {
    auto source = open_session(session);
    ASSERT_TRUE(source.ok()) << source.error().message;
    for (size_t n = 0; n < ids.size(); ++n) {
      auto frame = (*source)->next();
      ASSERT_TRUE(frame.ok()) << frame.error().message;
      ASSERT_TRUE(frame->has_value()) << n;
      EXPECT_EQ((*frame)->id, ids[n]);
      EXPECT_EQ((*frame)->position, n);
    }
    const auto end = (*source)->next();
    ASSERT_TRUE(end.ok()) << end.error().message;
    EXPECT_FALSE(end->has_value());
    std::mt19937 random(5);
    for (int i = 0; i < 30; ++i) {
      const uint64_t n = random() % ids.size();
      ASSERT_TRUE((*source)->seek(n).ok());
      auto frame = (*source)->next();
      ASSERT_TRUE(frame.ok()) << frame.error().message;  // the source compares the picture's hash
      EXPECT_EQ((*frame)->id, ids[n]);
    }
  }
};

TEST_F(Sessions, ACamerasPicturesComeBackBitByBit) {
  record(folder_ / "s");
  const Session session = open(folder_ / "s");
  EXPECT_EQ(session.head().ended, "whole");
  EXPECT_EQ(session.head().frames, 8U);
  EXPECT_EQ(session.head().networks, camera_head().networks);
  EXPECT_TRUE(fs::exists(folder_ / "s" / "frames-1.mkv")) << "another size, another file";
  expect_frames(session, {0, 1, 2, 3, 4, 5, 6, 7});
  auto source = open_session(session);
  ASSERT_TRUE(source.ok());
  for (uint64_t i = 0; i < 8; ++i) {
    const auto frame = (*source)->next();
    ASSERT_TRUE(frame.ok() && frame->has_value());
    EXPECT_EQ(*(*frame)->bgra, *(i < 4 ? noise(i, 37, 23) : noise(i, 24, 50)).bgra) << i;
    EXPECT_DOUBLE_EQ((*frame)->time_s, double(i) / 10);
    EXPECT_FALSE((*frame)->jumps);
  }
}

TEST_F(Sessions, FramesThatSomebodySoughtJump) {
  auto writer = SessionWriter::create(folder_ / "s", camera_head());
  ASSERT_TRUE(writer.ok()) << writer.error().message;
  ASSERT_TRUE((*writer)->use_pipeline("").ok());
  for (uint64_t i = 0; i < 8; ++i) {
    auto frame = noise(i, 37, 23);  // one each tenth of a second on the wall
    if (i >= 3 && i < 6) frame.time_s += 60;
    ASSERT_TRUE((*writer)->frame(frame, hash_of(frame), values(0.1)).ok());
    ASSERT_TRUE((*writer)->result(result_of(i, 0.5F), {{"person"}}).ok());
  }
  ASSERT_TRUE((*writer)->finish().ok());
  const Session session = open(folder_ / "s");
  auto source = open_session(session);
  ASSERT_TRUE(source.ok()) << source.error().message;
  for (uint64_t i = 0; i < 8; ++i) {
    const auto frame = (*source)->next();
    ASSERT_TRUE(frame.ok() && frame->has_value());
    EXPECT_EQ((*frame)->jumps, i == 3 || i == 6) << i << ": there and back";
  }
}

TEST_F(Sessions, ParametersChangeWhereTheyChanged) {
  record(folder_ / "s");
  const Session session = open(folder_ / "s");
  EXPECT_EQ(session.changes(), (std::vector<size_t>{0, 3, 5, 6}));
  for (size_t n = 0; n < 8; ++n) {
    const auto params = session.params_at(n);
    EXPECT_EQ(params.at("detect.score"), ParamValue(n < 3 ? 0.1 : 0.25)) << n;
    EXPECT_EQ(params.at("detect.show"), ParamValue(n < 5)) << n;
    EXPECT_EQ(params.at("detect.max"), ParamValue(int64_t{100})) << n;
    EXPECT_EQ(params.at("detect.classes"), ParamValue(std::vector<std::string>{"person", "c\"ar"})) << n;
    EXPECT_EQ(session.pipeline_at(n).filename(), n < 6 ? "pipeline-0.toml" : "pipeline-1.toml") << n;
    EXPECT_EQ(session.change_for(n), n < 3 ? 0U : n < 5 ? 3U : n < 6 ? 5U : 6U) << n;
  }
  const auto paused =
      std::ranges::find_if(session.steps(), [](const auto& step) { return step.redraws > 0; });
  ASSERT_NE(paused, session.steps().end());
  EXPECT_EQ(paused->redraws, 5U);
  EXPECT_EQ(paused - session.steps().begin(), 3) << "behind frame 2";
}

TEST_F(Sessions, ResultsHaveAllTheirDigits) {
  record(folder_ / "s");
  const auto lines = test::all_results(open(folder_ / "s"));
  ASSERT_EQ(lines.size(), 8U);
  EXPECT_NE(lines[3].find("\"score\":0.3,"), std::string::npos) << lines[3];
  EXPECT_NE(lines[7].find("\"score\":0.7,"), std::string::npos) << lines[7];
  const auto same = differences(lines[7], lines[7], {});
  ASSERT_TRUE(same.ok());
  EXPECT_TRUE(same->empty());
}

TEST_F(Sessions, TheSmallestDifferenceIsFoundAndWhatIsNearEnoughIsNot) {
  const auto line = [](float score, double latency) {
    auto result = result_of(4, score);
    result.latency_ms = latency;
    result.detections.push_back({10, 20, 30, 40, 0.5F, 1, 0, 0});
    std::string text;
    append_line(text, result, {}, nullptr, Numbers::kExact);
    return text;
  };
  const float next = std::nextafter(0.75F, 1.0F);
  const auto tiny = differences(line(0.75F, 1), line(next, 2), {});
  ASSERT_TRUE(tiny.ok()) << tiny.error().message;
  ASSERT_EQ(tiny->size(), 1U);
  EXPECT_EQ(tiny->front().type, "detect");
  EXPECT_EQ(tiny->front().place, "detections[0].score");
  EXPECT_NEAR(tiny->front().by, 6e-8, 1e-8);
  const auto near = differences(line(0.75F, 1), line(next, 2), {.absolute = 0.01, .relative = 0.01});
  ASSERT_TRUE(near.ok());
  EXPECT_TRUE(near->empty());
  const auto far = differences(line(0.75F, 1), line(0.8F, 2), {.absolute = 0.01, .relative = 0.01});
  ASSERT_TRUE(far.ok());
  EXPECT_FALSE(far->empty());
}

TEST_F(Sessions, WithinATolerancePartnersAreFoundWhateverTheirOrder) {
  const auto line = [](bool swapped, bool third) {
    pipeline::FrameResult result;
    result.detections = {{0, 0, 10, 10, 0.901F, 2, 0, 0}, {50, 50, 60, 60, 0.9F, 2, 0, 0}};
    if (swapped) std::swap(result.detections[0], result.detections[1]);
    if (third) result.detections.push_back({0, 0, 5, 5, 0.4F, 1, 0, 0});
    std::string text;
    append_line(text, result, {}, nullptr, Numbers::kExact);
    return text;
  };
  const Tolerance near{.absolute = 0.01, .relative = 0.01};
  const auto differ = [&](const std::string& a, const std::string& b, const Tolerance& tolerance) {
    const auto found = differences(a, b, tolerance);
    EXPECT_TRUE(found.ok());
    return !found->empty();
  };
  EXPECT_FALSE(differ(line(false, false), line(true, false), near));
  EXPECT_TRUE(differ(line(false, false), line(true, false), {}));
  EXPECT_TRUE(differ(line(false, false), line(false, true), near));
  EXPECT_TRUE(differ(line(false, true), line(false, false), near));
}

TEST_F(Sessions, OfStagesThatDifferTheEarliestIsNamed) {
  const auto line = [](float score, uint32_t covered, float distance, const char* kind) {
    pipeline::FrameResult result;
    result.detections = {{0, 0, 10, 10, score, 2, 0, 0}};
    result.masks.push_back({"person", {.width = 2, .height = 2, .counts = {4 - covered, covered}}});
    vision::Track track;
    track.distance_m = vision::Measured{distance, 1};
    result.tracks = {track};
    if (*kind != 0) result.landmarks.push_back({.kind = kind, .points = {}, .head = {}});
    result.landmarks.push_back({.kind = "body", .points = {}, .head = {}});
    std::string text;
    append_line(text, result, {}, nullptr, Numbers::kExact);
    return text;
  };
  const auto stage = [](const std::string& type, std::vector<pipeline::MaskSpec> masks = {}) {
    return pipeline::StageSpec{.name = "my " + type, .type = type, .masks = std::move(masks)};
  };
  const std::vector<pipeline::MaskSpec> person{{.name = "person"}}, road{{.name = "road"}};
  pipeline::PipelineSpec spec;
  spec.stages = {stage("segment", road), stage("segment", person), stage("detect"),
                 stage("track"),         stage("range"),           stage("body"),
                 stage("face")};
  spec.stages[0].name = "its road";
  const auto named = [&](const std::string& was, const std::string& is) {
    app::Verdict verdict(spec, {});
    EXPECT_TRUE(verdict.add({was, {}}, {was, {}}).ok());
    EXPECT_TRUE(verdict.add({was, {}}, {is, {}}).ok());
    EXPECT_EQ(verdict.differing, 1U);
    EXPECT_EQ(verdict.frame, 1U);
    return verdict.stage + ": " + verdict.difference->place;
  };
  const std::string was = line(0.5F, 0, 7, "face");
  EXPECT_EQ(named(was, line(0.6F, 1, 7, "face")), "my segment: masks.person.coverage");
  EXPECT_EQ(named(was, line(0.6F, 0, 8, "face")), "my detect: detections[0].score");
  EXPECT_EQ(named(was, line(0.5F, 0, 8, "face")), "my range: tracks[0].distance");
  EXPECT_EQ(named(was, line(0.5F, 0, 7, "")), "my face: landmarks.face[0]");
  EXPECT_EQ(named(line(0.5F, 0, 7, ""), was), "my face: landmarks.face");
  std::string later = was;
  later.replace(later.find("\"id\":0"), 6, "\"id\":1");
  EXPECT_EQ(named(was, later), ": id");
}

TEST_F(Sessions, AClipIsReferredToWithItsHash) {
  test::write_clip(folder_ / "clip.mkv", 30);
  auto source = capture::open_source((folder_ / "clip.mkv").string());
  ASSERT_TRUE(source.ok());
  SessionHead head = camera_head();
  head.source.kept = false;
  head.source.reference = folder_ / "clip.mkv";
  auto writer = SessionWriter::create(folder_ / "s", head);
  ASSERT_TRUE(writer.ok()) << writer.error().message;
  ASSERT_TRUE((*writer)->use_pipeline("").ok());
  const auto params = values(0.1);
  for (const uint64_t position : {20, 21, 24, 3, 4, 29}) {  // as somebody sought
    ASSERT_TRUE((*source)->seek(position).ok());
    const auto frame = (*source)->next();
    ASSERT_TRUE(frame.ok() && frame->has_value());
    ASSERT_TRUE((*writer)->frame(**frame, hash_of(**frame), params).ok());
  }
  ASSERT_TRUE((*writer)->finish().ok());
  const Session session = open(folder_ / "s");
  EXPECT_EQ(session.head().source.sha256, *sha256_of_file(folder_ / "clip.mkv"));
  EXPECT_LT(session.bytes_on_disk(), 10'000U) << "no pictures in it";
  auto player = open_session(session);
  ASSERT_TRUE(player.ok()) << player.error().message;
  for (const uint64_t position : {20, 21, 24, 3, 4, 29}) {
    const auto frame = (*player)->next();
    ASSERT_TRUE(frame.ok()) << frame.error().message;
    EXPECT_NEAR(test::measured_level(**frame), test::level_of(position), 3);
  }

  // The folder moved, with the clip beside it.
  fs::create_directories(folder_ / "elsewhere");
  fs::rename(folder_ / "s", folder_ / "elsewhere" / "s");
  fs::rename(folder_ / "clip.mkv", folder_ / "elsewhere" / "clip.mkv");
  EXPECT_TRUE(open_session(open(folder_ / "elsewhere" / "s")).ok());
  // It is named by the user.
  fs::rename(folder_ / "elsewhere" / "clip.mkv", folder_ / "other name.mkv");
  expect_input_error(open_session(open(folder_ / "elsewhere" / "s")), "clip.mkv", "--source");
  EXPECT_TRUE(open_session(open(folder_ / "elsewhere" / "s"), (folder_ / "other name.mkv").string()).ok());
  // Another file of that name and length, then of another length.
  auto bytes = *read_file(folder_ / "other name.mkv");
  bytes[bytes.size() / 2] ^= std::byte{1};
  ASSERT_TRUE(write_file_atomic(folder_ / "elsewhere" / "clip.mkv", bytes).ok());
  expect_input_error(open_session(open(folder_ / "elsewhere" / "s")), "clip.mkv", "SHA-256");
  bytes.pop_back();
  ASSERT_TRUE(write_file_atomic(folder_ / "elsewhere" / "clip.mkv", bytes).ok());
  expect_input_error(open_session(open(folder_ / "elsewhere" / "s")), "clip.mkv", "bytes");
}

TEST_F(Sessions, WhatAKilledProgramWroteIsReadable) {
  {
    auto writer = SessionWriter::create(folder_ / "s", camera_head());
    ASSERT_TRUE(writer.ok());
    ASSERT_TRUE((*writer)->use_pipeline("").ok());
    for (uint64_t i = 0; i < 20; ++i) {
      const auto frame = noise(i, 37, 23);
      ASSERT_TRUE((*writer)->frame(frame, hash_of(frame), values(0.1)).ok());
    }
    while (!fs::exists(folder_ / "s" / ".frames-0.partial.mkv")) std::this_thread::yield();
    // As it lies there while the program runs, and with a line that is half written.
    fs::create_directories(folder_ / "killed");
    fs::copy(folder_ / "s", folder_ / "killed", fs::copy_options::recursive);
  }
  std::ofstream(folder_ / "killed" / "frames.jsonl", std::ios::app) << R"({"id":99,"posi)";
  const Session session = open(folder_ / "killed");
  EXPECT_EQ(session.head().ended, "");
  EXPECT_EQ(session.frames().size(), 20U);
  auto source = open_session(session);
  // The encoder may not have written anything yet when it was killed.
  if (source.ok()) {
    const auto frame = (*source)->next();
    ASSERT_TRUE(frame.ok()) << frame.error().message;
  }
  // Without finish() the pictures that were encoded stay under their own name.
  EXPECT_TRUE(fs::exists(folder_ / "s" / "frames-0.mkv"));
  EXPECT_EQ(open(folder_ / "s").frames().size(), 20U);
}

TEST_F(Sessions, AFullDiskEndsTheRecordingAndWhatIsThereStays) {
  auto writer = SessionWriter::create(folder_ / "s", camera_head());
  ASSERT_TRUE(writer.ok());
  ASSERT_TRUE((*writer)->use_pipeline("").ok());
  Status status;
  uint64_t frames = 0;
  const auto params = values(0.1);
  {
    const test::FullDisk disk(200'000);
    for (; frames < 500 && status.ok(); ++frames) {
      const auto frame = noise(frames, 64, 64);
      status = (*writer)->frame(frame, hash_of(frame), params);
    }
    ASSERT_FALSE(status.ok()) << "500 frames of noise fit into 200 kB";
    EXPECT_NE(status.error().message.find("frames-0.mkv"), std::string::npos) << status.error().message;
    EXPECT_NE(status.error().message.find("free space"), std::string::npos) << status.error().message;
    EXPECT_FALSE((*writer)->finish(status.error().message).ok());
  }
  writer->reset();
  const Session session = open(folder_ / "s");
  EXPECT_GE(session.frames().size(), 5U);
  EXPECT_NE(session.head().ended.find("frames-0.mkv"), std::string::npos);
  auto source = open_session(session);
  ASSERT_TRUE(source.ok()) << source.error().message;
  uint64_t readable = 0;
  for (auto frame = (*source)->next(); frame.ok() && frame->has_value(); frame = (*source)->next())
    ++readable;
  EXPECT_GE(readable, 5U);
}

TEST_F(Sessions, PartsAndBundles) {
  record(folder_ / "s");
  const Session session = open(folder_ / "s");
  const auto part = copy_session(session, {.target = folder_ / "part", .first = 2, .last = 6});
  ASSERT_TRUE(part.ok()) << part.error().message;
  EXPECT_EQ(*part, 5U);
  const Session trimmed = open(folder_ / "part");
  EXPECT_TRUE(trimmed.head().continues);
  expect_frames(trimmed, {2, 3, 4, 5, 6});
  EXPECT_EQ(trimmed.params_at(0), session.params_at(2));
  EXPECT_EQ(trimmed.params_at(4), session.params_at(6));
  EXPECT_EQ(trimmed.pipeline_at(4).filename(), "pipeline-1.toml");
  EXPECT_EQ(*read_text(trimmed.pipeline_at(4)), "description = \"b\"\n");
  const auto was = test::all_results(session);
  ASSERT_EQ(was.size(), 8U);
  EXPECT_EQ(test::all_results(trimmed), std::vector<std::string>(was.begin() + 2, was.begin() + 7));
  EXPECT_DOUBLE_EQ(trimmed.frame(4).taken_s, session.frame(6).taken_s - session.frame(2).taken_s);

  const auto video = copy_session(session, {.target = folder_ / "seen.mkv", .with_pictures = true});
  ASSERT_TRUE(video.ok()) << video.error().message;
  EXPECT_EQ(*video, 8U);
  expect_input_error(copy_session(session, {.target = folder_ / "x", .first = 7, .last = 9}), "7 to 9",
                     "0 to 7");
  expect_input_error(copy_session(session, {.target = folder_ / "part"}), "part", "new folder");
}

TEST_F(Sessions, WhatIsNoSessionIsToldInOneLine) {
  expect_input_error(Session::open(folder_ / "nothing"), "nothing", "no session");
  record(folder_ / "s");
  const auto broken = [&](const char* file, auto change) {
    const fs::path copy = folder_ / "broken";
    fs::remove_all(copy);
    fs::copy(folder_ / "s", copy);
    std::string text = *read_text(copy / file);
    change(text);
    std::ofstream(copy / file) << text;
    return Session::open(copy);
  };
  const auto replace = [](std::string_view what, std::string_view with) {
    return [=](std::string& text) { text.replace(text.find(what), what.size(), with); };
  };
  expect_input_error(broken("session.json", replace("\"version\": 1", "\"version\": 9")), "session.json",
                     "newer");
  expect_input_error(broken("session.json", replace("\"source\"", "\"sauce\"")), "session.json", "source");
  expect_input_error(broken("session.json", [](std::string& text) { text = "x"; }), "session.json", "");
  expect_input_error(broken("frames.jsonl", replace("\"id\":2", "\"id\":-")), "frames.jsonl:3", "");
  expect_input_error(broken("frames.jsonl", replace("\"picture\":\"", "\"picture\":\"zz")), "frames.jsonl:1",
                     "hash");
  expect_input_error(broken("frames.jsonl", [](std::string& text) { text.clear(); }), "broken", "no frame");
  fs::remove(folder_ / "s" / "frames-0.mkv");
  expect_input_error(open_session(open(folder_ / "s")), "frames-0.mkv", "not there");
}

}  // namespace
}  // namespace tarsier::record
