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

#include "app/application.hpp"
#include "app/command_line.hpp"
#include "capture/frame_source.hpp"
#include "core/log.hpp"
#include "pipelines/frame_by_frame.hpp"
#include "pipelines/highway_lanes.hpp"
#include "present/birdseye.hpp"
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
    if (const auto why = test::missing_network("centernet"); !why.empty()) GTEST_SKIP() << why;
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

/// The road from above: in what is recorded, in its corner and nowhere else.
TEST_F(Driving, ShowsTheRoadFromAboveInItsCorner) {
  options_.max_frames = 3;
  options_.json.clear();
  const auto last_picture = [&](const std::string& name, std::vector<std::string> set) {
    options_.sink = (dir_ / (name + "%02d.png")).string();
    options_.set = std::move(set);
    const Status status = run(options_);
    EXPECT_TRUE(status.ok()) << status.error().message;
    auto source = capture::open_source((dir_ / (name + "*.png")).string());
    capture::Frame last;
    while (source.ok()) {
      auto frame = (*source)->next();
      if (!frame.ok() || !frame->has_value()) break;
      last = **frame;
      last.bgra = std::make_shared<std::vector<uint8_t>>(*(*frame)->bgra);
    }
    EXPECT_NE(last.bgra, nullptr);
    return last;
  };
  const auto with = last_picture("with", {"birdseye.corner=bottom-right", "birdseye.size=0.6"});
  const auto without = last_picture("without", {"birdseye.show=off"});
  ASSERT_TRUE(with.bgra && without.bgra);
  ASSERT_EQ(with.bgra->size(), without.bgra->size());
  const auto place =
      present::BirdseyeView(present::Corner::kBottomRight, 0.6, 80, with.width, with.height).place();
  size_t inside = 0, outside = 0;
  for (int y = 0; y < with.height; ++y) {
    for (int x = 0; x < with.width; ++x) {
      const size_t i = (size_t(y) * size_t(with.width) + size_t(x)) * 4;
      if (std::equal(&(*with.bgra)[i], &(*with.bgra)[i + 3], &(*without.bgra)[i])) continue;
      const bool in = float(x) >= place.x0 - 1 && float(x) < place.x1 + 1 && float(y) >= place.y0 - 1 &&
                      float(y) < place.y1 + 1;
      (in ? inside : outside) += 1;
    }
  }
  EXPECT_GT(double(inside), 0.95 * double((place.x1 - place.x0) * (place.y1 - place.y0)));
  EXPECT_EQ(outside, 0U);
}

TEST_F(Driving, NothingIsReadBackOnTheWayToTheScreen) {
  options_.json.clear();
  Application app;
  app.options = options_;
  app.options.globals.validation = true;
  const Status status = assemble(app, device_options(app.options.globals), false);
  ASSERT_TRUE(status.ok()) << status.error().message;
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(test::finish_frame(app).ok());
  EXPECT_TRUE(app.params.boolean("birdseye.show"));
  EXPECT_EQ(app.loop->latest().readback_bytes, 0U);
  EXPECT_GE(app.loop->latest().tracks.size(), 1U);
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

TEST_F(Driving, TwinLiteNetTakesRoadnetsPlace) {
  if (const auto why = test::missing_network("twinlitenet"); !why.empty()) GTEST_SKIP() << why;
  options_.set = {"road.model=twinlitenet"};
  options_.max_frames = 3;
  const Status status = run(options_);
  ASSERT_TRUE(status.ok()) << status.error().message;
  std::ifstream in(options_.json);
  int lines = 0;
  for (std::string line; std::getline(in, line); ++lines)
    EXPECT_EQ(nlohmann::json::parse(line)["lanes"]["boundaries"].size(), 2U) << line;
  EXPECT_EQ(lines, 3);
}

}  // namespace
}  // namespace tarsier::app
