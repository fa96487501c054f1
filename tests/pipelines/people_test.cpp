// One number for each person who walks through a room, counted by eye.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <map>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "app/run_options.hpp"
#include "core/log.hpp"
#include "support/test_data.hpp"

namespace tarsier::app {
namespace {

namespace fs = std::filesystem;

/// Somebody comes in from below, stands before the table with his back to the camera and leaves to the right.
/// Frames of the clip, from 0, at 10 frames/s, looked at one by one around each arrival and departure.
struct Visit {
  const char* who;
  int seen, whole;  // first frame with a part of the person; from this one on head to feet are in the picture
  int leaves, gone;  // the last frame before the edge cuts the person; the last with a part of him
};
constexpr Visit kVisits[] = {
    {"long fair hair, grey coat", 60, 70, 190, 199},
    {"black jacket, dark cap of hair", 227, 240, 440, 449},
    {"long fair hair, black clothes", 502, 520, 690, 700},
    {"black shirt and cap, glasses", 745, 760, 860, 869},
    {"black hair, grey knitted coat", 921, 940, 1190, 1200},
    {"grey shirt, jeans", 1234, 1250, 1350, 1360},
};

class People : public ::testing::Test {
 protected:
  fs::path dir_ = fs::temp_directory_path() / fmt::format("tarsier_people_{}", getpid());
  RunOptions options_;
  void SetUp() override {
    log::init("warn");
    options_.source = test::shared_clip("people.mp4").string();
    if (const auto why = test::missing_file(options_.source); !why.empty()) GTEST_SKIP() << why;
    if (const auto why = test::missing_network("centernet"); !why.empty()) GTEST_SKIP() << why;
    fs::create_directories(dir_);
    options_.headless = true;
    options_.json = (dir_ / "people.jsonl").string();
  }
  ~People() override { fs::remove_all(dir_); }
};

TEST_F(People, EachWhoWalksThroughHasOneNumber) {
  // Large enough for people who fill the picture, and a third of the time.
  options_.set = {"detect.classes=person", "detect.input_size=256"};
  const Status status = run(options_);
  ASSERT_TRUE(status.ok()) << status.error().message;

  std::map<int64_t, std::vector<int>> frames;  // by identity: where it was tracked
  std::ifstream in(options_.json);
  int lines = 0;
  for (std::string line; std::getline(in, line); ++lines) {
    const auto result = nlohmann::json::parse(line);
    for (const auto& track : result["tracks"]) {
      EXPECT_EQ(track["class"], "person");
      if (track["state"] == "tracked") frames[track["id"].get<int64_t>()].push_back(result["id"].get<int>());
    }
  }
  EXPECT_EQ(lines, 1394);
  ASSERT_EQ(frames.size(), std::size(kVisits));
  auto one = frames.begin();
  for (const Visit& visit : kVisits) {
    const auto& [id, tracked] = *one++;
    EXPECT_GE(tracked.front(), visit.seen) << visit.who;
    EXPECT_LE(tracked.front(), visit.whole) << visit.who;
    EXPECT_LE(tracked.back(), visit.gone) << visit.who;
    EXPECT_GE(tracked.back(), visit.leaves) << visit.who;
    const auto whole = std::ranges::count_if(
        tracked, [&](int frame) { return frame >= visit.whole && frame <= visit.leaves; });
    EXPECT_GE(whole, (visit.leaves - visit.whole + 1) * 97 / 100) << visit.who;
  }
}

}  // namespace
}  // namespace tarsier::app
