// A person before a webcam: body and hands, from the networks to the results.
#include <cmath>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "app/application.hpp"
#include "core/log.hpp"
#include "pipelines/frame_by_frame.hpp"
#include "support/temp_folder.hpp"
#include "support/test_data.hpp"

namespace tarsier::app {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

class BodyRun : public ::testing::Test {
 protected:
  test::TempFolder dir_;
  RunOptions options_;
  void SetUp() override {
    log::init("warn");
    for (const char* network : {"movenet_lightning", "hand_landmark_lite"}) {
      if (const auto why = test::missing_network(network); !why.empty()) GTEST_SKIP() << why;
    }
    options_.source = test::shared_clip("webcam_walk.mkv").string();
    if (const auto why = test::missing_file(options_.source); !why.empty()) GTEST_SKIP() << why;
    options_.headless = true;
    pipeline("", "");
  }
  void pipeline(const std::string& body, const std::string& hands) {
    options_.pipeline = (dir_ / "body.toml").string();
    std::ofstream(options_.pipeline) << "description = 'A body.'\n[[stage]]\nname = 'body'\ntype = 'body'\n"
                                     << body << "[[stage]]\nname = 'hands'\ntype = 'hands'\n"
                                     << hands;
  }
  std::vector<json> lines(const std::string& name) {
    options_.json = (dir_ / name).string();
    const Status status = run(options_);
    EXPECT_TRUE(status.ok()) << status.error().message;
    std::vector<json> out;
    std::ifstream in(options_.json);
    for (std::string line; std::getline(in, line);) out.push_back(json::parse(line));
    return out;
  }
  static const json* find(const json& frame, const std::string& kind, const std::string& side = "") {
    for (const auto& one : frame["landmarks"]) {
      if (one["kind"] == kind && one.value("side", "") == side) return &one;
    }
    return nullptr;
  }
};

double distance(const json& point, double x, double y) {
  return std::hypot(point[0].get<double>() - x, point[1].get<double>() - y);
}

TEST_F(BodyRun, FollowsABodyAndItsHands) {
  options_.max_frames = 45;
  const auto results = lines("a.jsonl");
  ASSERT_EQ(results.size(), 45U);
  size_t with_left = 0, with_right = 0;
  for (size_t i = 0; i < results.size(); ++i) {
    SCOPED_TRACE(i);
    const json* body = find(results[i], "body");
    ASSERT_NE(body, nullptr);
    const auto& points = (*body)["points"];
    ASSERT_EQ(points.size(), 17U);
    // Marked by eye: her nose at (310, 145), shoulders around (258, 235) and (372, 235), give or take what
    // she moves; her left is the picture's right.
    EXPECT_LT(distance(points[0], 310, 145), 25);
    EXPECT_LT(distance(points[5], 372, 235), 30);
    EXPECT_LT(distance(points[6], 258, 235), 30);
    for (const size_t k : {0U, 5U, 6U}) EXPECT_GT(points[k][3].get<double>(), 0.4);
    for (const auto& [side, wrist, count] :
         {std::tuple("left", 9U, &with_left), std::tuple("right", 10U, &with_right)}) {
      const json* hand = find(results[i], "hand", side);
      if (hand == nullptr) continue;
      ++*count;
      ASSERT_EQ((*hand)["points"].size(), 21U);
      EXPECT_GE((*hand)["score"].get<double>(), 0.5);
      if (points[wrist][3].get<double>() < 0.5) continue;
      const auto& at = (*hand)["points"][0];
      EXPECT_LT(distance(points[wrist], at[0], at[1]), 60) << side << ": at its own arm";
    }
  }
  // Her hands are in view from about the tenth frame on, often blurred by their movement.
  EXPECT_GT(with_left, 15U);
  EXPECT_GT(with_right, 15U);
  // The same again gives the same, however the host's copies fell in time.
  EXPECT_EQ(lines("b.jsonl").back()["landmarks"], results.back()["landmarks"]);
}

TEST_F(BodyRun, WhereThereIsNobodyNothingIsFound) {
  options_.source = "synthetic:640x480";
  options_.max_frames = 8;
  for (const auto& line : lines("none.jsonl")) EXPECT_TRUE(line["landmarks"].empty());
}

/// Stages that took device time in the latest frame.
std::string spans(const Application& app) {
  std::string names;
  for (const auto& time : app.loop->latest().stage_times) names += time.stage + ";";
  return names;
}

TEST_F(BodyRun, RunsOnlyWhereSomebodyWantsIt) {
  Application app;
  app.options = options_;
  const Status assembled = assemble(app, {}, false);
  ASSERT_TRUE(assembled.ok()) << assembled.error().message;
  const auto show = [&](const char* body, const char* hands) {
    ASSERT_TRUE(app.params.set_text("body.show", body, ParamOrigin::kOverlay).ok());
    ASSERT_TRUE(app.params.set_text("hands.show", hands, ParamOrigin::kOverlay).ok());
  };
  const auto frame = [&] {
    EXPECT_TRUE(test::finish_frame(app).ok());
    EXPECT_EQ(app.loop->latest().readback_bytes, 0U);
    EXPECT_TRUE(app.loop->latest().landmarks.empty()) << "nobody lists them";
    return spans(app);
  };
  for (int i = 0; i < 4; ++i) EXPECT_NE(frame().find("body network"), std::string::npos);
  EXPECT_EQ(app.loop->latest().tracker_bytes, 128U) << "whether there are hands";
  show("off", "off");
  std::string names = frame();
  EXPECT_EQ(names.find("body"), std::string::npos) << names;
  EXPECT_EQ(names.find("hands"), std::string::npos) << names;
  EXPECT_EQ(app.loop->latest().tracker_bytes, 0U);
  const uint64_t allocations = app.device->allocations();
  show("off", "skeleton");
  names = frame();
  EXPECT_NE(names.find("body network"), std::string::npos) << "the hands are at its arms: " << names;
  show("points", "off");
  names = frame();
  EXPECT_NE(names.find("body network"), std::string::npos);
  EXPECT_EQ(names.find("hands"), std::string::npos) << names;
  EXPECT_EQ(app.loop->latest().tracker_bytes, 0U);
  EXPECT_EQ(app.device->allocations(), allocations);
}

TEST_F(BodyRun, ANetworkWithOtherOutputsIsToldInOneLine) {
  const auto catalogue = models::Catalogue::load_default();
  const auto store = models::store_options({});
  ASSERT_TRUE(catalogue.ok() && store.ok());
  const auto entry = catalogue->find("hand_landmark_lite");
  const auto files = models::locate(**entry, *store);
  ASSERT_TRUE(files.ok());
  fs::copy_file(files->main, dir_ / "other.tflite");
  const auto refused = [&](const std::string& head, const std::string& outputs) {
    std::ofstream(dir_ / "other.toml") << fmt::format(
        "head = \"{}\"\noutputs = [{}]\n[input]\nsize = [224, 224]\nlayout = \"NHWC\"\n", head, outputs);
    const std::string line = fmt::format("model = '{}'\n", (dir_ / "other.tflite").string());
    head == "body" ? pipeline(line, "") : pipeline("", line);
    options_.max_frames = 1;
    const Status status = run(options_);
    EXPECT_FALSE(status.ok());
    if (status.ok()) return std::string();
    EXPECT_EQ(status.error().exit_code(), 2);
    EXPECT_EQ(status.error().message.find('\n'), std::string::npos) << status.error().message;
    EXPECT_NE(status.error().message.find(head == "body" ? "body.toml:5: " : "body.toml:8: "),
              std::string::npos)
        << status.error().message;
    return status.error().message;
  };
  const auto expect_part = [](const std::string& message, const char* part) {
    EXPECT_NE(message.find(part), std::string::npos) << message;
  };
  expect_part(refused("body", R"("Identity")"), "gives [1,1,17,3], this one [1,63");
  expect_part(refused("hand", R"("Identity_1", "Identity")"), "gives [1,63] and [1,1], this one [1,1,1,1]");
  expect_part(refused("hand", R"("Identity")"), "has 2 outputs, this one 1; name them in `outputs`");
}

}  // namespace
}  // namespace tarsier::app
