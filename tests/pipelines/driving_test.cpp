// The driving pipeline on a real road.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "app/run_options.hpp"
#include "core/log.hpp"
#include "pipelines/highway_lanes.hpp"
#include "support/temp_folder.hpp"
#include "support/test_data.hpp"

namespace tarsier::app {
namespace {

namespace fs = std::filesystem;

class Driving : public ::testing::Test {
 protected:
  test::TempFolder dir_;
  RunOptions options_;
  void SetUp() override {
    log::init("warn");
    options_.source = test::shared_clip("highway.mp4").string();
    if (const auto why = test::missing_file(options_.source); !why.empty()) GTEST_SKIP() << why;
    for (const char* network : {"centernet", "twinlitenet"}) {
      if (const auto why = test::missing_network(network); !why.empty()) GTEST_SKIP() << why;
    }
    options_.pipeline = "driving";
    options_.headless = true;
    options_.json = (dir_ / "driving.jsonl").string();
  }
};

TEST_F(Driving, WritesDistancesOfCars) {
  options_.max_frames = 6;
  const Status status = run(options_);
  ASSERT_TRUE(status.ok()) << status.error().message;
  int lines = 0, cars = 0;
  std::ifstream in(options_.json);
  for (std::string line; std::getline(in, line); ++lines) {
    const auto result = nlohmann::json::parse(line);
    EXPECT_TRUE(result["events"].empty()) << "nobody is near in the own lane";
    for (const auto& track : result["tracks"]) {
      if (track["distance"].is_null()) continue;
      ++cars;
      EXPECT_GT(track["distance"].get<double>(), 5);
      EXPECT_GT(track["distance_sigma"].get<double>(), 0);
      // What stands lower is nearer: no car on this flat road is both low in the picture and far.
      const bool low = track["box"][3].get<double>() > 340;
      EXPECT_LT(track["distance"].get<double>(), low ? 35 : 150);
    }
  }
  EXPECT_EQ(lines, 6);
  EXPECT_GE(cars, 6);
}

/// Column of a boundary at a row, between its points; they go up.
double column(const nlohmann::json& boundary, double row) {
  const auto& points = boundary["points"];
  for (size_t i = 0; i + 1 < points.size(); ++i) {
    const double y0 = points[i][1], y1 = points[i + 1][1], x0 = points[i][0], x1 = points[i + 1][0];
    if (row <= y0 && row >= y1) return x0 + (x1 - x0) * (row - y0) / (y1 - y0);
  }
  return -1e3;
}

TEST_F(Driving, LaneCurvesLieOnHandMarkedPaint) {
  const auto& marked = test::highway_lanes();
  // As on a machine that sees six frames a second: harder for what follows the lane, and a quarter of the
  // time.
  options_.policy = "stride:4";
  const Status status = run(options_);
  ASSERT_TRUE(status.ok()) << status.error().message;
  std::vector<double> errors;
  size_t next = 0;
  std::ifstream in(options_.json);
  for (std::string line; std::getline(in, line);) {
    const auto result = nlohmann::json::parse(line);
    const auto& lanes = result["lanes"];
    EXPECT_EQ(lanes["horizon"], "lanes");
    EXPECT_NEAR(lanes["width"].get<double>(), 3.7, 0.3) << result["id"];
    EXPECT_LT(std::abs(lanes["curvature"].get<double>()), 5e-4) << "the road is straight; " << result["id"];
    for (const auto& event : result["events"]) EXPECT_NE(event["type"], "lane_departure");
    ASSERT_EQ(lanes["boundaries"].size(), 2U) << result["id"];
    if (next == marked.size() || result["id"] != marked[next].frame) continue;
    for (const size_t side : {0, 1}) {
      // Marks are numbers of pixels, whose middles are half a pixel on.
      for (const auto& point : side == 0 ? marked[next].left : marked[next].right)
        errors.push_back(std::abs(column(lanes["boundaries"][side], point.row + 0.5) - point.x - 0.5));
    }
    ++next;
  }
  ASSERT_EQ(next, marked.size());
  std::ranges::sort(errors);
  RecordProperty("largest_px", fmt::format("{:.1f}", errors.back()));
  RecordProperty("median_px", fmt::format("{:.1f}", errors[errors.size() / 2]));
  std::printf("%zu points: median %.1f px, largest %.1f px\n", errors.size(), errors[errors.size() / 2],
              errors.back());
  EXPECT_LT(errors.back(), 12);
  EXPECT_LT(errors[errors.size() / 2], 4);
}

}  // namespace
}  // namespace tarsier::app
