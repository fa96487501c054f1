// A run's trace against the results of the same run.
#include <gtest/gtest.h>
#include <map>
#include <nlohmann/json.hpp>
#include <vector>

#include "app/application.hpp"
#include "core/file.hpp"
#include "core/log.hpp"
#include "core/text.hpp"
#include "support/temp_folder.hpp"
#include "support/test_data.hpp"

namespace tarsier::app {
namespace {

using nlohmann::json;

struct Span {
  double begin = 0, end = 0;  // microseconds
};

TEST(Trace, AgreesWithTheRun) {
  log::init("warn");
  if (const auto why = test::missing_network("yolox_nano"); !why.empty()) GTEST_SKIP() << why;
  constexpr uint64_t kFrames = 12;
  constexpr double kRounding = 0.01;  // of times that are written to 1 ns, in microseconds
  const test::TempFolder folder;
  Application app;
  app.options.source = "synthetic:640x480";
  app.options.headless = true;
  app.options.max_frames = kFrames;
  app.options.json = (folder / "seen.jsonl").string();
  app.options.trace = (folder / "run.json").string();
  app.options.pipeline = folder
                             .write("traced.toml",
                                    "description = \"Traced.\"\n[[stage]]\nname = \"detect\"\n"
                                    "type = \"detect\"\nmodel = \"yolox_nano\"\n")
                             .string();
  const Status assembled = assemble(app, {}, false);
  ASSERT_TRUE(assembled.ok()) << assembled.error().message;
  const Status ran = run_headless(app);
  ASSERT_TRUE(ran.ok()) << ran.error().message;

  const auto text = read_text(folder / "run.json");
  ASSERT_TRUE(text.ok()) << text.error().message;
  const json trace = json::parse(*text, nullptr, false);
  ASSERT_TRUE(trace.is_object());
  EXPECT_EQ(trace["otherData"]["pipeline"], "traced");
  EXPECT_EQ(trace["otherData"]["device"], app.device->info().name);
  EXPECT_EQ(trace["otherData"]["driver"], app.device->info().driver);
  EXPECT_EQ(trace["otherData"]["device clock"].get<std::string>().starts_with("calibrated"),
            app.ring->calibrated());

  std::map<std::string, int> threads;
  for (const auto& event : trace["traceEvents"]) {
    if (event["name"] == "thread_name")
      threads[event["args"]["name"].get<std::string>()] = event["tid"].get<int>();
  }
  std::map<uint64_t, Span> frames;
  std::map<int, std::map<uint64_t, std::vector<Span>>> spans;  // by thread and frame
  std::map<std::string, double> pass_ms;
  std::vector<double> ages;
  for (const auto& event : trace["traceEvents"]) {
    const std::string phase = event["ph"];
    if (phase == "b") frames[event["args"]["frame"].get<uint64_t>()].begin = event["ts"].get<double>();
    if (phase == "e") frames[event["args"]["frame"].get<uint64_t>()].end = event["ts"].get<double>();
    if (phase == "C" && event["name"] == "age (ms)") ages.push_back(event["args"]["age"].get<double>());
    if (phase != "X") continue;
    const double begin = event["ts"], length = event["dur"];
    EXPECT_GE(length, 0);
    const int thread = event["tid"];
    spans[thread][event["args"]["frame"].get<uint64_t>()].push_back({begin, begin + length});
    if (thread == threads["device queue"]) pass_ms[event["name"].get<std::string>()] += length * 1e-3;
  }
  ASSERT_EQ(frames.size(), kFrames);
  EXPECT_EQ(app.loop->summary().frames(), kFrames);

  for (const auto& [id, frame] : frames) {
    // The completion ends after its frame, whose results it writes.
    const auto& host = spans[threads["host"]][id];
    ASSERT_GE(host.size(), 5U) << "upload, stage, draw, submit, completion";
    EXPECT_GE(host.front().begin, frame.begin - kRounding) << id;
    EXPECT_LE(host.back().begin, frame.end + kRounding) << id;
    EXPECT_EQ(spans[threads["capture"]][id].size(), 1U);
    const auto& device = spans[threads["device queue"]][id];
    EXPECT_EQ(!device.empty(), app.device->features().timestamps) << id;
    for (const Span& pass : device) {
      EXPECT_GE(pass.begin, frame.begin - kRounding) << id;
      EXPECT_LE(pass.end, frame.end + kRounding) << id;
    }
  }
  // No thread and no queue does two things at a time.
  for (auto& [thread, of_frames] : spans) {
    std::vector<Span> all;
    for (const auto& [id, some] : of_frames) all.insert(all.end(), some.begin(), some.end());
    std::ranges::sort(all, {}, &Span::begin);
    for (size_t i = 1; i < all.size(); ++i)
      EXPECT_GE(all[i].begin, all[i - 1].end - kRounding) << "thread " << thread << ", span " << i;
  }

  // The results have the same times, to the microsecond.
  std::map<std::string, double> told_ms;
  std::vector<double> told_ages;
  const auto lines = read_text(app.options.json);
  ASSERT_TRUE(lines.ok());
  for (const auto& line : split(*lines, '\n')) {
    const json result = json::parse(line, nullptr, false);
    if (!result.is_object()) continue;
    told_ages.push_back(result["latency_ms"].get<double>());
    for (const auto& [name, ms] : result["stage_times"].items()) told_ms[name] += ms.get<double>();
  }
  ASSERT_EQ(told_ages.size(), ages.size());
  for (size_t i = 0; i < ages.size(); ++i) EXPECT_NEAR(ages[i], told_ages[i], 0.01) << i;
  ASSERT_EQ(told_ms.size(), pass_ms.size());
  for (const auto& [name, ms] : told_ms) EXPECT_NEAR(pass_ms[name], ms, 0.01 * kFrames) << name;
}

}  // namespace
}  // namespace tarsier::app
