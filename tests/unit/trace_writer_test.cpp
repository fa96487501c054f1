#include "record/trace_writer.hpp"

#include <chrono>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "core/file.hpp"
#include "support/full_disk.hpp"
#include "support/temp_folder.hpp"

namespace tarsier::record {
namespace {

using namespace std::chrono_literals;
using Track = ProfileSpan::Track;
using nlohmann::json;
using test::TempFolder;

/// Frame n is captured 10 n ms after now, and done 9 ms later.
class Frames {
 public:
  const FrameProfile& next() {
    const uint64_t id = next_++;
    FrameProfile& frame = profiler_.begin(id);
    const auto begin = start_ + id * 10ms;
    frame.captured = begin;
    frame.completed = begin + 9ms;
    profiler_.add(frame, Track::kCapture, "capture", begin - 2ms, begin);
    profiler_.add(frame, Track::kHost, "st\"age\xff", begin, begin + 1ms);
    profiler_.add(frame, Track::kDevice, "detect", begin + 1ms, begin + 8500us);
    profiler_.count_drops(frame, "late", id);
    frame.upload_bytes = 1000 + id;
    frame.readback_bytes = 5;
    return profiler_.finish(frame);
  }

 private:
  Profiler profiler_;
  FrameProfile::Clock::time_point start_ = FrameProfile::Clock::now();
  uint64_t next_ = 0;
};

json read(const std::filesystem::path& file) {
  const auto text = read_text(file);
  EXPECT_TRUE(text.ok());
  return text.ok() ? json::parse(*text, nullptr, false) : json();
}

/// Ids of the frames that have all their events.
size_t whole_frames(const json& trace) {
  std::map<std::string, size_t> count;
  for (const auto& event : trace["traceEvents"]) ++count[event["ph"].get<std::string>()];
  EXPECT_EQ(count["b"], count["e"]);
  EXPECT_EQ(count["X"], 3 * count["b"]);
  EXPECT_EQ(count["C"], 3 * count["b"]);
  return count["b"];
}

TEST(TraceWriter, HoldsWhatEachFrameCost) {
  const TempFolder folder;
  const auto path = folder / "new/run.json";
  auto writer = TraceWriter::open(path);
  ASSERT_TRUE(writer.ok()) << writer.error().message;
  (*writer)->begin({{"device", "a \"GPU\""}, {"driver", "5\n6"}});
  Frames frames;
  for (int i = 0; i < 3; ++i) (*writer)->write(frames.next());
  EXPECT_FALSE(std::filesystem::exists(path)) << "half of it has the final name";
  EXPECT_TRUE((*writer)->finish());
  EXPECT_EQ((*writer)->frames(), 3U);
  EXPECT_FALSE(std::filesystem::exists(path.string() + ".partial"));

  const json trace = read(path);
  ASSERT_TRUE(trace.is_object());
  EXPECT_EQ(trace["otherData"]["device"], "a \"GPU\"");
  EXPECT_EQ(trace["otherData"]["driver"], "5\n6");
  EXPECT_EQ(whole_frames(trace), 3U);
  std::map<int, std::string> threads;
  for (const auto& event : trace["traceEvents"]) {
    if (event["name"] == "thread_name") threads[event["tid"].get<int>()] = event["args"]["name"];
  }
  std::map<std::string, json> last;  // event of each name
  for (const auto& event : trace["traceEvents"]) last[event["name"].get<std::string>()] = event;
  EXPECT_EQ(threads[last["capture"]["tid"].get<int>()], "capture");
  EXPECT_EQ(threads[last["st\"age\xEF\xBF\xBD"]["tid"].get<int>()], "host");
  const json& detect = last["detect"];
  EXPECT_EQ(threads[detect["tid"].get<int>()], "device queue");
  EXPECT_EQ(detect["ph"], "X");
  EXPECT_EQ(detect["args"]["frame"], 2);
  EXPECT_NEAR(detect["dur"].get<double>(), 7500, 1e-3);
  EXPECT_NEAR(detect["ts"].get<double>() - last["capture"]["ts"].get<double>(), 3000, 2e-3);
  EXPECT_NEAR(last["age (ms)"]["args"]["age"].get<double>(), 9, 1e-3);
  EXPECT_EQ(last["bytes"]["args"], json({{"up", 1002}, {"down", 5}}));
  EXPECT_EQ(last["drops"]["args"], json({{"late", 2}}));
}

TEST(TraceWriter, AFullDiskKeepsWhatWasWrittenUntilThen) {
  const TempFolder folder;
  auto writer = TraceWriter::open(folder / "run.json");
  ASSERT_TRUE(writer.ok());
  (*writer)->begin({});
  Frames frames;
  {
    const test::FullDisk disk(400'000);
    for (int i = 0; i < 1000; ++i) (*writer)->write(frames.next());
    EXPECT_TRUE((*writer)->finish());
  }
  const json trace = read(folder / "run.json");
  ASSERT_TRUE(trace.is_object()) << "what is there must be whole";
  EXPECT_GT((*writer)->frames(), 100U);
  EXPECT_LT((*writer)->frames(), 1000U);
  EXPECT_EQ(whole_frames(trace), (*writer)->frames());
  EXPECT_EQ(folder.entries().size(), 1U);
}

TEST(TraceWriter, ADiskWithoutAnyRoomLeavesNothing) {
  const TempFolder folder;
  auto writer = TraceWriter::open(folder / "run.json");
  ASSERT_TRUE(writer.ok());
  Frames frames;
  {
    const test::FullDisk disk(10);
    (*writer)->begin({});
    (*writer)->write(frames.next());
    EXPECT_FALSE((*writer)->finish());
  }
  EXPECT_TRUE(folder.entries().empty());
}

TEST(TraceWriter, ALongRunEndsItWhereViewersGiveUp) {
  const TempFolder folder;
  auto writer = TraceWriter::open(folder / "run.json", 300'000);
  ASSERT_TRUE(writer.ok());
  (*writer)->begin({});
  Frames frames;
  for (int i = 0; i < 1000; ++i) (*writer)->write(frames.next());
  EXPECT_TRUE((*writer)->finish());
  EXPECT_LE(std::filesystem::file_size(folder / "run.json"), 300'100U);
  EXPECT_EQ(whole_frames(read(folder / "run.json")), (*writer)->frames());
}

TEST(TraceWriter, AnAbandonedOneLeavesTheOldFile) {
  const TempFolder folder;
  folder.write("run.json", "old");
  {
    auto writer = TraceWriter::open(folder / "run.json");
    ASSERT_TRUE(writer.ok());
    (*writer)->begin({});
  }
  EXPECT_EQ(*read_text(folder / "run.json"), "old");
  EXPECT_EQ(folder.entries().size(), 1U);
}

TEST(TraceWriter, AnUnwritablePlaceIsFoundAtTheStart) {
  const TempFolder folder;
  folder.write("file", "x");
  for (const std::filesystem::path& path :
       {folder.path(), folder / "file/run.json", folder / "new/", std::filesystem::path("/dev/null"),
        std::filesystem::path("/proc/tarsier/run.json")}) {
    const auto writer = TraceWriter::open(path);
    ASSERT_FALSE(writer.ok()) << path;
    EXPECT_EQ(writer.error().exit_code(), 2);
    EXPECT_TRUE(writer.error().message.starts_with(path.string())) << writer.error().message;
  }
}

}  // namespace
}  // namespace tarsier::record
