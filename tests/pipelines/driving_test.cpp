// The driving pipeline on a real road.
#include <cstdlib>
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

TEST(Driving, WritesDistancesOfCars) {
  log::init("warn");
  RunOptions options;
  options.source = test::shared_clip("highway.mp4").string();
  if (const auto why = test::missing_file(options.source); !why.empty()) GTEST_SKIP() << why;
  for (const char* network : {"centernet", "twinlitenet"}) {
    if (const auto why = test::missing_network(network); !why.empty()) GTEST_SKIP() << why;
  }
  const fs::path json = fs::temp_directory_path() / fmt::format("tarsier_driving_{}.jsonl", getpid());
  options.pipeline = "driving";
  options.headless = true;
  options.json = json.string();
  options.max_frames = 6;
  const Status status = run(options);
  ASSERT_TRUE(status.ok()) << status.error().message;
  int lines = 0, cars = 0;
  std::ifstream in(json);
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
  fs::remove(json);
  EXPECT_EQ(lines, 6);
  EXPECT_GE(cars, 6);
}

}  // namespace
}  // namespace tarsier::app
