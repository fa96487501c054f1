#include <algorithm>
#include <atomic>
#include <cmath>
#include <fcntl.h>
#include <fstream>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>
#include <unistd.h>

#include "capture/frame_source.hpp"
#include "core/file.hpp"
#include "core/text.hpp"
#include "record/result_json.hpp"
#include "record/result_writer.hpp"
#include "record/video_writer.hpp"
#include "support/clips.hpp"
#include "support/full_disk.hpp"
#include "support/temp_folder.hpp"

extern "C" {
#include <libavformat/avformat.h>
}

namespace tarsier::record {
namespace {

using test::FullDisk;
using test::TempFolder;

pipeline::FrameResult sample() {
  pipeline::FrameResult result;
  result.frame_id = 7;
  result.time_s = 0.28;
  result.width = 768;
  result.height = 576;
  result.latency_ms = 93.125;
  result.detections.push_back({10.25F, 20.5F, 110.75F, 220, 0.91324F, 0, 5, 0});
  result.detections.push_back({0, 0, 1, 1, 0.5F, 99, 6, 0});
  result.masks.push_back({"drivable", {.width = 4, .height = 4, .counts = {3, 5, 8}}});
  result.stage_times = {{"detect network", 12.3456}, {"scene", 1}};
  result.tracks.push_back({.id = 12,
                           .class_id = 0,
                           .state = vision::TrackState::kLost,
                           .score = 0.4321F,
                           .x0 = -3.5F,
                           .y0 = 20,
                           .x1 = 40,
                           .y1 = 120.25F,
                           .velocity_x = -35.25F,
                           .velocity_y = 2,
                           .age_s = 1.5});
  result.tracks.back().distance_m = {23.125F, 0.5F};
  vision::ZoneCount zone;
  zone.inside = {{12, 1.25}};
  zone.entered = {{0, 3}, {1, 1}, {99, 2}};
  zone.left = {{0, 3}};
  result.zones.push_back({"yard \"A\"", zone});
  zone.visits = 2;
  zone.visits_s = 5;
  result.zones.push_back({"b", zone});
  vision::LineCount line;
  line.crossed = {{12, true}, {13, false}};
  line.forward = {{0, 5}};
  result.lines.push_back({"gate", line});
  result.events.push_back({.type = "forward_collision", .track = 12, .began_frame = 5, .began_s = 0.2});
  result.landmarks.push_back({.kind = "face",
                              .score = 0.987654F,
                              .points = {{10.5F, 20.25F, -3.125F, 0}, {11, 21, 0, 0}},
                              .head = vision::HeadPose{.yaw = -12.5F, .pitch = 3, .roll = 0.25F}});
  result.landmarks.push_back(
      {.kind = "body", .score = 0.5F, .points = {{1, 2, 0, 0.75F}}, .scored = true, .head = {}});
  result.landmarks.push_back(
      {.kind = "hand", .side = "left", .score = 0.5F, .points = {{1, 2, 3, 0.5F}}, .head = {}});
  return result;
}

std::string to_json_line(const pipeline::FrameResult& result, const std::vector<std::string>& labels) {
  std::string line;
  append_line(line, result, {labels});
  return line;
}

TEST(JsonLine, ParametersAreToldWhereTheyChange) {
  pipeline::FrameResult result = sample();
  EXPECT_TRUE(nlohmann::json::parse(to_json_line(result, {})).at("preset").is_null());
  const TempFolder folder;
  auto writer = JsonLinesWriter::open(folder / "a.jsonl");
  ASSERT_TRUE(writer.ok());
  const auto settings = [](std::string preset, double score) {
    return std::make_shared<const pipeline::Settings>(
        pipeline::Settings{"street",
                           std::move(preset),
                           {{"detect.score", score},
                            {"detect.classes", std::vector<std::string>{"a \"b\"", "car"}},
                            {"x.on", true}}});
  };
  const auto first = settings("", 0.35), second = settings("careful", 0.5);
  for (const auto& one : {first, first, second, second, first}) {
    result.settings = one;
    ASSERT_TRUE((*writer)->write(result).ok());
  }
  ASSERT_TRUE((*writer)->finish().ok());
  std::vector<nlohmann::json> lines;
  for (const auto& line : split(*read_text(folder / "a.jsonl"), '\n')) {
    if (!line.empty()) lines.push_back(nlohmann::json::parse(line));
  }
  ASSERT_EQ(lines.size(), 5U);
  for (const auto& line : lines) EXPECT_EQ(line["pipeline"], "street");
  EXPECT_EQ(lines[0]["params"],
            nlohmann::json::parse(R"({"detect.score":0.35,"detect.classes":["a \"b\"","car"],"x.on":true})"));
  EXPECT_TRUE(lines[0].at("preset").is_null());
  EXPECT_TRUE(lines[1].at("params").is_null()) << "as in the line before";
  EXPECT_EQ(lines[2]["preset"], "careful");
  EXPECT_EQ(lines[2]["params"]["detect.score"], 0.5);
  EXPECT_EQ(lines[3]["preset"], "careful") << "in every line";
  EXPECT_TRUE(lines[3].at("params").is_null());
  EXPECT_EQ(lines[4]["params"]["detect.score"], 0.35);
}

TEST(VideoComment, IsInTheFile) {
  const TempFolder folder;
  const std::string comment = settings_text(
      {"street", "careful", {{"detect.score", 0.5}, {"detect.model", std::string("mine")}}}, "1.2");
  EXPECT_EQ(nlohmann::json::parse(comment),
            nlohmann::json::parse(R"({"tarsier":"1.2","pipeline":"street","preset":"careful",
                                      "params":{"detect.score":0.5,"detect.model":"mine"}})"));
  for (const char* name : {"a.mp4", "a.mkv", "a.avi"}) {
    auto writer = VideoWriter::open(folder / name, {.comment = comment});
    ASSERT_TRUE(writer.ok()) << writer.error().message;
    const auto pixels = std::make_shared<const std::vector<uint8_t>>(64 * 64 * 4, uint8_t{90});
    ASSERT_TRUE((*writer)->push({64, 64, pixels}).ok());
    ASSERT_TRUE((*writer)->finish().ok());
    EXPECT_NE(read_text(folder / name)->find(comment), std::string::npos) << name;
  }
}

TEST(JsonLine, HoldsWhatTheFrameHolds) {
  const auto json = nlohmann::json::parse(to_json_line(sample(), {"per\"son\n"}));
  EXPECT_EQ(json["id"], 7);
  EXPECT_DOUBLE_EQ(json["time"], 0.28);
  EXPECT_EQ(json["width"], 768);
  ASSERT_EQ(json["detections"].size(), 2U);
  EXPECT_EQ(json["detections"][0]["class"], "per\"son\n");
  EXPECT_EQ(json["detections"][0]["class_id"], 0);
  EXPECT_NEAR(json["detections"][0]["score"], 0.9132, 1e-9);
  EXPECT_EQ(json["detections"][0]["box"], (std::vector<double>{10.25, 20.5, 110.75, 220}));
  EXPECT_EQ(json["detections"][1]["class"], "class 99");
  EXPECT_EQ(json["masks"],
            nlohmann::json::parse(R"({"drivable":{"coverage":0.3125,"size":[4,4],"counts":"358"}})"));
  EXPECT_EQ(json["stage_times"], nlohmann::json::parse(R"({"detect network":12.346,"scene":1})"));
  EXPECT_EQ(json["version"], kResultVersion);
  ASSERT_EQ(json["tracks"].size(), 1U);
  const auto& track = json["tracks"][0];
  EXPECT_EQ(track["id"], 12);
  EXPECT_EQ(track["class"], "per\"son\n");
  EXPECT_EQ(track["class_id"], 0);
  EXPECT_NEAR(track["score"], 0.4321, 1e-9);
  EXPECT_EQ(track["box"], (std::vector<double>{-3.5, 20, 40, 120.25}));
  EXPECT_EQ(track["state"], "lost");
  EXPECT_DOUBLE_EQ(track["age"], 1.5);
  EXPECT_NEAR(track["velocity"][0], -35.2, 0.051);
  EXPECT_DOUBLE_EQ(track["velocity"][1], 2);
  EXPECT_NEAR(track["distance"], 23.12, 0.011);
  EXPECT_DOUBLE_EQ(track["distance_sigma"], 0.5);
  for (const char* unknown : {"relative_speed", "relative_speed_sigma", "ttc", "ttc_sigma", "lateral",
                              "lateral_sigma", "lateral_speed", "lateral_speed_sigma"})
    EXPECT_TRUE(track.at(unknown).is_null()) << unknown;
  ASSERT_EQ(json["zones"].size(), 2U);
  EXPECT_EQ(json["zones"][0]["name"], "yard \"A\"");
  EXPECT_EQ(json["zones"][0]["count"], 1);
  EXPECT_EQ(json["zones"][0]["inside"], nlohmann::json::parse(R"([{"track":12,"dwell":1.25}])"));
  EXPECT_EQ(json["zones"][0]["entered"]["per\"son\n"], 3);
  EXPECT_EQ(json["zones"][0]["entered"]["class 99"], 2);
  EXPECT_EQ(json["zones"][0]["left"].size(), 1U);
  EXPECT_TRUE(json["zones"][0].at("mean_dwell").is_null());
  EXPECT_DOUBLE_EQ(json["zones"][1]["mean_dwell"], 2.5);
  ASSERT_EQ(json["lines"].size(), 1U);
  EXPECT_EQ(
      json["lines"][0]["crossed"],
      nlohmann::json::parse(R"([{"track":12,"direction":"forward"},{"track":13,"direction":"backward"}])"));
  EXPECT_EQ(json["lines"][0]["forward"]["per\"son\n"], 5);
  EXPECT_TRUE(json["lines"][0]["backward"].is_object());
  ASSERT_EQ(json["events"].size(), 1U);
  EXPECT_EQ(json["events"][0], nlohmann::json::parse(R"({"type":"forward_collision","track":12,"began":5,
            "began_time":0.2,"ended":false})"));
  ASSERT_EQ(json["landmarks"].size(), 3U);
  const auto& face = json["landmarks"][0];
  EXPECT_EQ(face["kind"], "face");
  EXPECT_NEAR(face["score"], 0.9877, 1e-9);
  EXPECT_EQ(face["head"], nlohmann::json::parse(R"({"yaw":-12.5,"pitch":3.0,"roll":0.25})"));
  ASSERT_EQ(face["points"].size(), 2U);
  EXPECT_NEAR(face["points"][0][2], -3.12, 0.011);
  EXPECT_EQ(face["points"][1], (std::vector<double>{11, 21, 0}));
  EXPECT_FALSE(face.contains("side"));
  const auto &body = json["landmarks"][1], &hand = json["landmarks"][2];
  EXPECT_EQ(body["points"][0], (std::vector<double>{1, 2, 0, 0.75}));
  EXPECT_EQ(body["kind"], "body");
  EXPECT_EQ(hand["side"], "left");
  EXPECT_EQ(hand["points"][0], (std::vector<double>{1, 2, 3}));
  EXPECT_NEAR(json["latency_ms"], 93.12, 0.011);
}

TEST(JsonLine, HoldsTheLaneAndWhoLeavesIt) {
  auto result = sample();
  EXPECT_EQ(nlohmann::json::parse(to_json_line(result, {}))["lanes"], nlohmann::json::object());
  result.events = {
      {.type = "lane_departure", .side = "right", .began_frame = 6, .began_s = 0.24, .ended = true}};
  auto& lanes = result.lanes.emplace();
  lanes.lane.sides[1] = {.known = true, .seen = true, .confidence = 0.75F, .lateral = {1.5F, 0.25F}};
  lanes.lane.curvature = {0.0005F, 0.0001F};
  lanes.lane.pitch_deg = {-2.5F, 0.125F};
  lanes.lane.pitch_from_lanes = true;
  lanes.curves[1][0] = {700.5F, 540};
  const auto json = nlohmann::json::parse(to_json_line(result, {}));
  EXPECT_EQ(json["events"][0], nlohmann::json::parse(R"({"type":"lane_departure","track":null,"side":"right",
            "began":6,"began_time":0.24,"ended":true})"));
  const auto& lane = json["lanes"];
  ASSERT_EQ(lane["boundaries"].size(), 1U) << "of those that are known";
  const auto& right = lane["boundaries"][0];
  EXPECT_EQ(right["side"], "right");
  EXPECT_EQ(right["seen"], true);
  EXPECT_DOUBLE_EQ(right["confidence"], 0.75);
  EXPECT_DOUBLE_EQ(right["lateral"], 1.5);
  EXPECT_DOUBLE_EQ(right["lateral_sigma"], 0.25);
  ASSERT_EQ(right["points"].size(), pipeline::LaneResult::kPoints);
  EXPECT_EQ(right["points"][0], (std::vector<double>{700.5, 540}));
  for (const char* unknown : {"position", "position_sigma", "width", "width_sigma"})
    EXPECT_TRUE(lane.at(unknown).is_null()) << unknown;
  EXPECT_DOUBLE_EQ(lane["curvature"], 0.0005);
  EXPECT_EQ(lane["horizon"], "lanes");
  EXPECT_DOUBLE_EQ(lane["pitch"], -2.5);
}

TEST(JsonLine, EachDetectorsClassesHaveItsOwnNames) {
  auto result = sample();
  result.detections[1].label_set = 1;
  result.detections[1].class_id = 0;
  result.tracks[0].label_set = result.zones[0].label_set = result.lines[0].label_set = 1;
  std::string line;
  append_line(line, result, {{"person", "car"}, {"sign"}});
  const auto json = nlohmann::json::parse(line);
  EXPECT_EQ(json["detections"][0]["class"], "person");
  EXPECT_EQ(json["detections"][1]["class"], "sign");
  EXPECT_EQ(json["tracks"][0]["class"], "sign");
  EXPECT_EQ(json["zones"][0]["entered"], nlohmann::json::parse(R"({"sign":3,"class 1":1,"class 99":2})"));
  EXPECT_EQ(json["zones"][1]["entered"], nlohmann::json::parse(R"({"person":3,"car":1,"class 99":2})"));
  EXPECT_EQ(json["lines"][0]["forward"], nlohmann::json::parse(R"({"sign":5})"));
}

TEST(JsonLine, StaysJsonForEmptyAndForNotANumber) {
  pipeline::FrameResult result;
  result.time_s = std::nan("");
  result.detections.push_back({INFINITY, 0, 1, 1, NAN, -1, 0, 0});
  const auto json = nlohmann::json::parse(to_json_line(result, {}));
  EXPECT_TRUE(json["time"].is_null());
  EXPECT_TRUE(json["detections"][0]["box"][0].is_null());
  EXPECT_EQ(json["detections"][0]["class"], "class -1");
  EXPECT_TRUE(json["masks"].is_object());
  EXPECT_TRUE(json["tracks"].is_array());
  EXPECT_TRUE(json["landmarks"].is_array());
}

TEST(JsonLinesWriter, TheFinalNameAppearsWholeAtTheEnd) {
  const TempFolder folder;
  const auto path = folder / "out/deep/street.jsonl";
  {
    auto writer = JsonLinesWriter::open(path);
    ASSERT_TRUE(writer.ok()) << writer.error().message;
    (*writer)->use_labels({{"person"}});
    ASSERT_TRUE((*writer)->write(sample()).ok());
    EXPECT_FALSE(std::filesystem::exists(path));
    EXPECT_GT(std::filesystem::file_size(path.string() + ".partial"), 100U);  // can be followed while it runs
    ASSERT_TRUE((*writer)->write(sample()).ok());
    ASSERT_TRUE((*writer)->finish().ok());
    ASSERT_TRUE((*writer)->finish().ok());
    EXPECT_EQ((*writer)->lines(), 2U);
  }
  const auto text = read_text(path);
  ASSERT_TRUE(text.ok());
  EXPECT_EQ(split(*text, '\n').size(), 3U);  // two lines and the end
  EXPECT_FALSE(std::filesystem::exists(path.string() + ".partial"));
}

/// Standard output leads elsewhere for a while.
class Redirected {
 public:
  explicit Redirected(const std::filesystem::path& path) {
    std::fflush(stdout);
    const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
    ::dup2(file, STDOUT_FILENO);
    ::close(file);
  }
  ~Redirected() {
    std::fflush(stdout);
    ::dup2(before_, STDOUT_FILENO);
    ::close(before_);
  }
  Redirected(const Redirected&) = delete;
  Redirected& operator=(const Redirected&) = delete;

 private:
  int before_ = ::dup(STDOUT_FILENO);
};

TEST(JsonLinesWriter, StandardOutputIsWrittenWhereverItLeads) {
  for (const char* name : {"-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"}) {
    const TempFolder folder;
    const auto path = folder / "lines.jsonl";
    std::ofstream(path) << "before\n";
    Status status;
    {
      const Redirected redirected(path);
      auto writer = JsonLinesWriter::open(name);
      status = writer.ok() ? (*writer)->write(sample()) : Status(writer.error());
      if (status.ok()) status = (*writer)->finish();
      std::puts("after");  // the descriptor is still open
      std::fflush(stdout);
    }
    ASSERT_TRUE(status.ok()) << name << ": " << status.error().message;
    const auto lines = split(*read_text(path), '\n');
    ASSERT_EQ(lines.size(), 4U) << name;
    EXPECT_EQ(lines[0], "before");
    EXPECT_EQ(nlohmann::json::parse(lines[1])["id"], 7);
    EXPECT_EQ(lines[2], "after");
    EXPECT_TRUE(std::filesystem::is_symlink("/dev/stdout"));
    EXPECT_EQ(folder.entries().size(), 1U);
    EXPECT_TRUE(is_standard_output(name));
  }
  EXPECT_FALSE(is_standard_output("stdout"));
  EXPECT_FALSE(JsonLinesWriter::open("/dev/fd/987").ok());
}

TEST(JsonLinesWriter, AnUnfinishedRunKeepsTheOldFileAndLeavesNoPartialOne) {
  const TempFolder folder;
  const auto path = folder / "street.jsonl";
  std::ofstream(path) << "old";
  {
    auto writer = JsonLinesWriter::open(path);
    ASSERT_TRUE(writer.ok());
    ASSERT_TRUE((*writer)->write(sample()).ok());
  }
  EXPECT_EQ(*read_text(path), "old");
  EXPECT_EQ(folder.entries().size(), 1U);
}

TEST(JsonLinesWriter, AFullDiskIsOneClearErrorAndLeavesNothing) {
  const TempFolder folder;
  const auto path = folder / "street.jsonl";
  auto writer = JsonLinesWriter::open(path);
  ASSERT_TRUE(writer.ok());
  Status status;
  {
    const FullDisk disk(1000);
    for (int i = 0; i < 100 && status.ok(); ++i) status = (*writer)->write(sample());
  }
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().exit_code(), 1);
  EXPECT_TRUE(status.error().message.starts_with(path.string())) << status.error().message;
  EXPECT_EQ((*writer)->write(sample()).error().message, status.error().message);
  EXPECT_EQ((*writer)->finish().error().message, status.error().message);
  EXPECT_TRUE(folder.entries().empty());
  auto full = JsonLinesWriter::open("/dev/full");
  ASSERT_TRUE(full.ok()) << full.error().message;
  const auto no_space = (*full)->write(sample());
  ASSERT_FALSE(no_space.ok());
  EXPECT_NE(no_space.error().message.find("No space left"), std::string::npos);
  EXPECT_TRUE(std::filesystem::is_character_file("/dev/full"));
}

TEST(JsonLinesWriter, AnUnwritableSinkIsFoundAtTheStart) {
  const TempFolder folder;
  std::ofstream(folder / "file") << "x";
  for (const auto& path : {folder.path(), folder / "file/street.jsonl", folder / "new/",
                           std::filesystem::path("/proc/tarsier/street.jsonl")}) {
    const auto writer = JsonLinesWriter::open(path);
    ASSERT_FALSE(writer.ok()) << path;
    EXPECT_EQ(writer.error().exit_code(), 2);
    EXPECT_TRUE(writer.error().message.starts_with(path.string())) << writer.error().message;
  }
}

TEST(VideoSink, KnowsWhatItCanWrite) {
  const TempFolder folder;
  for (const char* good : {"a.mp4", "a.MKV", "b.avi", "f/%05d.png", "x.jpg", "frames/"})
    EXPECT_TRUE(is_video_sink(good));
  for (const char* bad : {"", "a.jsonl", "a", "a.txt", "--headless"}) EXPECT_FALSE(is_video_sink(bad));
  EXPECT_TRUE(is_video_sink(folder.path()));
  const auto writer = VideoWriter::open("a.gif2", {});
  ASSERT_FALSE(writer.ok());
  EXPECT_EQ(writer.error().exit_code(), 2);
}

TEST(VideoWriter, AVideoAppearsWholeAtTheEnd) {
  const TempFolder folder;
  const auto path = folder / "out.mp4";
  auto writer = VideoWriter::open(path, {.fps = 29.97});
  ASSERT_TRUE(writer.ok()) << writer.error().message;
  for (uint64_t i = 0; i < 8; ++i) ASSERT_TRUE((*writer)->push(test::picture(i, 128, 96, 29.97)).ok());
  EXPECT_FALSE(std::filesystem::exists(path));
  ASSERT_TRUE((*writer)->finish().ok());
  EXPECT_EQ(folder.entries(), std::vector<std::string>{"out.mp4"});
  EXPECT_EQ((*writer)->stats().frames, 8U);
  EXPECT_FALSE((*writer)->push(test::picture(0, 128, 96)).ok());
  auto source = capture::open_source(path.string());
  ASSERT_TRUE(source.ok());
  EXPECT_NEAR((*source)->info().fps, 29.97, 0.01);
  EXPECT_EQ((*source)->info().frames, 8);
}

/// When its pictures are shown, seconds from the first one on.
std::vector<double> times_in(const std::filesystem::path& path) {
  std::vector<double> times;
  AVFormatContext* file = nullptr;
  if (avformat_open_input(&file, path.c_str(), nullptr, nullptr) != 0) return times;
  AVPacket* packet = av_packet_alloc();
  while (av_read_frame(file, packet) == 0) {
    if (packet->size > 0) times.push_back(double(packet->pts) * av_q2d(file->streams[0]->time_base));
    av_packet_unref(packet);
  }
  av_packet_free(&packet);
  avformat_close_input(&file);
  std::ranges::sort(times);
  for (size_t i = times.size(); i-- > 0;) times[i] -= times[0];
  return times;
}

TEST(VideoWriter, PicturesAreShownAtTheirOwnTimes) {
  const TempFolder folder;
  // Every fourth frame of a camera of 30 frames/s, which starts late and is quicker at the end.
  std::vector<double> wanted;
  for (int i = 0; i < 12; ++i) wanted.push_back(4 * i / 30.0);
  for (int i = 0; i < 4; ++i) wanted.push_back(wanted.back() + 1 / 30.0);
  for (const char* name : {"slow.mp4", "slow.mkv", "slow.mov", "slow.avi"}) {
    auto writer = VideoWriter::open(folder / name, {.fps = 30});
    ASSERT_TRUE(writer.ok()) << writer.error().message;
    for (size_t i = 0; i < wanted.size(); ++i) {
      auto picture = test::picture(i, 128, 96);
      picture.time_s = 5 + wanted[i];
      ASSERT_TRUE((*writer)->push(picture).ok());
    }
    ASSERT_TRUE((*writer)->finish().ok()) << name;
    const auto times = times_in(folder / name);
    ASSERT_EQ(times.size(), wanted.size()) << name;
    for (size_t i = 0; i < wanted.size(); ++i) EXPECT_NEAR(times[i], wanted[i], 0.0011) << name << " " << i;
  }
}

TEST(VideoWriter, GoesOnWhereItsSourceGoesBackAndShortensALongPause) {
  const TempFolder folder;
  for (const char* name : {"jumps.mp4", "jumps.avi"}) {
    auto writer = VideoWriter::open(folder / name, {.fps = 10});
    ASSERT_TRUE(writer.ok()) << writer.error().message;
    for (const double time_s : {7.0, 7.1, 7.2, 0.0, 0.2, 1e6, 1e6 + 0.1}) {
      auto picture = test::picture(0, 128, 96);
      picture.time_s = time_s;
      ASSERT_TRUE((*writer)->push(picture).ok());
    }
    ASSERT_TRUE((*writer)->finish().ok()) << name;
    const auto times = times_in(folder / name);
    const std::vector<double> wanted = {0, 0.1, 0.2, 0.3, 0.5, 600.5, 600.6};
    ASSERT_EQ(times.size(), wanted.size()) << name;
    for (size_t i = 0; i < wanted.size(); ++i) EXPECT_NEAR(times[i], wanted[i], 0.0011) << name << " " << i;
  }
}

TEST(VideoWriter, ColoursComeBack) {
  const TempFolder folder;
  const auto path = folder / "colour.mp4";
  auto writer = VideoWriter::open(path, {.fps = 10, .quality = 10});
  ASSERT_TRUE(writer.ok());
  const uint8_t colours[3][3] = {{200, 40, 40}, {40, 180, 60}, {30, 60, 220}};
  double time_s = 0;
  for (const auto& bgr : colours) {
    auto pixels = std::make_shared<std::vector<uint8_t>>(64 * 64 * 4);
    for (size_t i = 0; i < pixels->size(); ++i) (*pixels)[i] = i % 4 == 3 ? 255 : bgr[i % 4];
    ASSERT_TRUE((*writer)->push({64, 64, pixels, time_s += 0.1}).ok());
  }
  ASSERT_TRUE((*writer)->finish().ok());
  auto source = capture::open_source(path.string());
  ASSERT_TRUE(source.ok());
  for (const auto& bgr : colours) {
    auto frame = (*source)->next();
    ASSERT_TRUE(frame.ok() && frame->has_value());
    const uint8_t* pixel = (*frame)->bgra->data() + (size_t(32) * 64 + 32) * 4;
    for (int c = 0; c < 3; ++c) EXPECT_NEAR(pixel[c], bgr[c], 6) << "channel " << c;
  }
}

TEST(VideoWriter, OddAndChangingSizesAreFitted) {
  const TempFolder folder;
  for (const char* name : {"odd.mp4", "odd.avi"}) {
    auto writer = VideoWriter::open(folder / name, {});
    ASSERT_TRUE(writer.ok());
    ASSERT_TRUE((*writer)->push(test::picture(0, 129, 97)).ok());
    ASSERT_TRUE((*writer)->push(test::picture(1, 64, 96)).ok());   // black left and right
    ASSERT_TRUE((*writer)->push(test::picture(2, 641, 31)).ok());  // black above and below
    ASSERT_TRUE((*writer)->push(test::picture(3, 129, 97)).ok());
    ASSERT_TRUE((*writer)->finish().ok()) << name;
    auto source = capture::open_source((folder / name).string());
    ASSERT_TRUE(source.ok()) << source.error().message;
    EXPECT_EQ((*source)->info().width, 128);
    EXPECT_EQ((*source)->info().height, 96);
    std::vector<capture::Frame> frames;
    for (auto next = (*source)->next(); next.ok() && next->has_value(); next = (*source)->next()) {
      frames.push_back(**next);
    }
    ASSERT_EQ(frames.size(), 4U);
    const auto green = [&](size_t i, int x, int y) {
      return int((*frames[i].bgra)[(size_t(y) * 128 + size_t(x)) * 4 + 1]);
    };
    EXPECT_LT(green(1, 5, 80), 12);
    EXPECT_NEAR(green(1, 64, 80), test::level_of(1), 6);
    EXPECT_LT(green(2, 64, 5), 12);
    EXPECT_NEAR(green(3, 64, 80), test::level_of(3), 6);
  }
}

TEST(VideoWriter, ImagesAreNumberedFromZero) {
  const TempFolder folder;
  test::write_clip(folder / "a/", 3, 32, 24);
  test::write_clip(folder / "shot.jpg", 2, 32, 24);
  EXPECT_TRUE(std::filesystem::exists(folder / "a/00002.png"));
  EXPECT_TRUE(std::filesystem::exists(folder / "shot_00001.jpg"));
  for (const char* bad : {"%s.png", "%05d%d.png", "50%.png"}) {
    EXPECT_FALSE(VideoWriter::open(folder / bad, {}).ok()) << bad;
  }
}

TEST(VideoWriter, AnAbandonedOneLeavesNothing) {
  const TempFolder folder;
  {
    auto writer = VideoWriter::open(folder / "out.mp4", {});
    ASSERT_TRUE(writer.ok());
    for (uint64_t i = 0; i < 10; ++i) ASSERT_TRUE((*writer)->push(test::picture(i, 128, 96)).ok());
  }
  EXPECT_TRUE(folder.entries().empty());
  {
    auto writer = VideoWriter::open(folder / "none.mp4", {});
    ASSERT_TRUE(writer.ok());
    EXPECT_FALSE((*writer)->finish().ok());  // a video without a picture is none
  }
  EXPECT_TRUE(folder.entries().empty());
}

TEST(VideoWriter, AFullDiskIsOneClearErrorAndLeavesNothing) {
  for (const char* name : {"out.mp4", "out.mkv", "out.avi", "%d.png"}) {
    const TempFolder folder;
    Status status;
    auto writer = VideoWriter::open(folder / name, {.quality = 5});
    ASSERT_TRUE(writer.ok()) << writer.error().message;
    {
      const FullDisk disk(4000);
      auto noise = std::make_shared<std::vector<uint8_t>>(320 * 240 * 4);
      uint32_t x = 1;
      for (int i = 0; i < 60 && status.ok(); ++i) {
        if (noise.use_count() > 1) noise = std::make_shared<std::vector<uint8_t>>(320 * 240 * 4);
        for (auto& byte : *noise) byte = uint8_t((x = x * 1664525 + 1013904223) >> 24);
        status = (*writer)->push({320, 240, noise, i * 0.04});
      }
      if (status.ok())
        status = (*writer)->finish();
      else
        EXPECT_FALSE((*writer)->finish().ok());
    }
    ASSERT_FALSE(status.ok()) << name;
    EXPECT_EQ(status.error().exit_code(), 1);
    EXPECT_TRUE(status.error().message.starts_with(folder.path().string())) << status.error().message;
    EXPECT_TRUE(folder.entries().empty()) << folder.entries().front();
  }
}

TEST(VideoWriter, AnUnwritableSinkIsFoundAtTheStart) {
  const TempFolder folder;
  std::ofstream(folder / "file") << "x";
  for (const auto& path :
       {folder / "file/out.mp4", folder / "file/f%d.png", std::filesystem::path("/proc/x/out.mp4"),
        std::filesystem::path("/proc/out.mp4"), std::filesystem::path("/proc/f%d.png")}) {
    const auto writer = VideoWriter::open(path, {});
    ASSERT_FALSE(writer.ok()) << path;
    EXPECT_EQ(writer.error().exit_code(), 2) << writer.error().message;
    EXPECT_TRUE(writer.error().message.starts_with(path.string())) << writer.error().message;
  }
}

}  // namespace
}  // namespace tarsier::record
