// The counts of street's zones on the default clip, against what one sees in it.
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "app/run_options.hpp"
#include "core/log.hpp"
#include "support/test_data.hpp"

namespace tarsier::app {
namespace {

namespace fs = std::filesystem;

/// Counted by eye, frame by frame, in the first 141 frames (10 a second) of vtest.avi at street's line "path"
/// (column 645, rows 253 to 461): to the left a man in black at 0.3 s, two who walk side by side at 3.1 and
/// 3.5 s, a man at 5.7 s and a woman in light blue at 12.8 s; to the right a man in black at 13.5 s.
TEST(StreetZones, CountsWhoWalksAlongThePath) {
  log::init("warn");
  if (const std::string why = test::missing_network("centernet"); !why.empty()) GTEST_SKIP() << why;
  const fs::path json = fs::temp_directory_path() / fmt::format("tarsier_zones_{}.jsonl", getpid());
  RunOptions options;
  options.pipeline = "street";
  options.headless = true;
  options.json = json.string();
  options.max_frames = 141;
  const Status status = run(options);
  ASSERT_TRUE(status.ok()) << status.error().message;

  std::vector<int> backward, forward;  // frames of the crossings
  nlohmann::json last;
  std::ifstream in(json);
  for (std::string line; std::getline(in, line);) {
    last = nlohmann::json::parse(line);
    ASSERT_EQ(last["lines"].size(), 1U);
    for (const auto& one : last["lines"][0]["crossed"])
      (one["direction"] == "forward" ? forward : backward).push_back(last["id"].get<int>());
    const auto& zone = last["zones"][0];
    EXPECT_EQ(zone["count"], zone["inside"].size());
    for (const auto& one : zone["inside"]) {
      EXPECT_GE(one["dwell"].get<double>(), 0);
      EXPECT_LE(one["dwell"].get<double>(), last["time"].get<double>() + 1e-3);
    }
  }
  fs::remove(json);
  const auto expect_near = [](const std::vector<int>& frames, const std::vector<int>& seen) {
    ASSERT_EQ(frames.size(), seen.size()) << ::testing::PrintToString(frames);
    // A count comes when the box is a tenth of its height beyond the line.
    for (size_t i = 0; i < seen.size(); ++i) EXPECT_NEAR(frames[i], seen[i], 5);
  };
  expect_near(backward, {4, 32, 36, 58, 129});
  expect_near(forward, {136});
  EXPECT_EQ(last["lines"][0]["backward"], nlohmann::json::parse(R"({"person":5})"));
  EXPECT_EQ(last["lines"][0]["forward"], nlohmann::json::parse(R"({"person":1})"));
  // Somebody is at the lamp post all the time, and people come through.
  const auto& zone = last["zones"][0];
  EXPECT_EQ(zone["name"], "forecourt");
  EXPECT_GE(zone["entered"]["person"].get<int>(), 4);
  EXPECT_GE(zone["left"]["person"].get<int>(), 2);
  EXPECT_GT(zone["mean_dwell"].get<double>(), 0.5);
}

}  // namespace
}  // namespace tarsier::app
