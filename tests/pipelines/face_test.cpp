// A face before a webcam, from the detector to the results.
#include "vision/face.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "app/application.hpp"
#include "core/log.hpp"
#include "pipelines/frame_by_frame.hpp"
#include "support/gpu_fixture.hpp"
#include "support/test_data.hpp"

namespace tarsier::app {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

class FaceRun : public ::testing::Test {
 protected:
  fs::path dir_ = fs::temp_directory_path() / fmt::format("tarsier_face_{}", getpid());
  RunOptions options_;
  void SetUp() override {
    log::init("warn");
    for (const char* network : {"face_landmark", "face_detection_short"}) {
      if (const auto why = test::missing_network(network); !why.empty()) GTEST_SKIP() << why;
    }
    options_.source = test::shared_clip("webcam_book.mkv").string();
    if (const auto why = test::missing_file(options_.source); !why.empty()) GTEST_SKIP() << why;
    fs::create_directories(dir_);
    options_.headless = true;
    pipeline("");
  }
  ~FaceRun() override { fs::remove_all(dir_); }
  void pipeline(const std::string& keys) {
    options_.pipeline = (dir_ / "face.toml").string();
    std::ofstream(options_.pipeline) << "description = 'A face.'\n[[stage]]\nname = 'face'\ntype = 'face'\n"
                                     << keys;
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
};

double distance(const json& a, const json& b) {
  return std::hypot(a[0].get<double>() - b[0].get<double>(), a[1].get<double>() - b[1].get<double>());
}

TEST_F(FaceRun, FollowsOneFaceWithItsHeadsPose) {
  options_.max_frames = 40;
  const auto results = lines("a.jsonl");
  ASSERT_EQ(results.size(), 40U);
  json last;
  for (size_t i = 0; i < results.size(); ++i) {
    const auto& landmarks = results[i]["landmarks"];
    ASSERT_EQ(landmarks.size(), 1U) << "frame " << i;
    const auto& face = landmarks[0];
    EXPECT_EQ(face["kind"], "face");
    EXPECT_GT(face["score"].get<double>(), 0.9);
    const auto& points = face["points"];
    ASSERT_EQ(points.size(), 468U);
    // Marked by eye: the tip of her nose at (295, 137), give or take what she moves, and 37 pixels between
    // the outer corners of her eyes.
    EXPECT_NEAR(points[1][0].get<double>(), 295, 10) << "frame " << i;
    EXPECT_NEAR(points[1][1].get<double>(), 137, 10) << "frame " << i;
    const double eyes = distance(points[33], points[263]);
    EXPECT_NEAR(eyes, 37, i < 3 ? 8 : 5) << "frame " << i;
    EXPECT_LT(std::abs(face["head"]["yaw"].get<double>()), 35) << "frame " << i;
    EXPECT_LT(std::abs(face["head"]["pitch"].get<double>()), 35) << "frame " << i;
    EXPECT_LT(std::abs(face["head"]["roll"].get<double>()), 25) << "frame " << i;
    // From frame to frame nothing jumps.
    if (!last.is_null()) {
      for (const size_t point : {1U, 33U, 263U, 152U, 10U})
        EXPECT_LT(distance(points[point], last[point]), 0.15 * eyes) << "frame " << i << " point " << point;
    }
    last = points;
  }
  // The same again gives the same, however the host's copies fell in time.
  EXPECT_EQ(lines("b.jsonl").back()["landmarks"], results.back()["landmarks"]);
}

/// Frames that do not follow one another, as of a very slow recording: each is looked at until its square has
/// settled.
TEST_F(FaceRun, FramesFarApartHaveTheirFaceToo) {
  options_.max_frames = 2;
  options_.policy = "stride:31";
  const auto results = lines("slow.jsonl");
  ASSERT_EQ(results.size(), 2U);
  for (const auto& line : results) {
    ASSERT_EQ(line["landmarks"].size(), 1U) << line["frame"];
    const auto& points = line["landmarks"][0]["points"];
    EXPECT_NEAR(distance(points[33], points[263]), 37, 8) << line["frame"];
  }
}

/// A paused window draws its frame again and again with the parameters of now.
TEST_F(FaceRun, AFaceThatIsShownWhilePausedAppears) {
  pipeline("show = 'off'");
  Application app;
  app.options = options_;
  app.options.sink = (dir_ / "%d.png").string();
  const Status assembled = assemble(app, {}, false);
  ASSERT_TRUE(assembled.ok()) << assembled.error().message;
  ASSERT_OK(test::finish_frame(app));
  const auto redraw = [&] {
    auto context = app.ring->begin();
    EXPECT_OK(context);
    EXPECT_OK(app.loop->redraw(**context));
    EXPECT_OK(app.ring->submit(**context));
    app.ring->drain();
    std::vector<std::string> passes;
    for (const auto& pass : app.loop->pass_times()) passes.push_back(pass.name);
    return passes;
  };
  const auto count = [](const std::vector<std::string>& passes) {
    return std::ranges::count(passes, "face network");
  };
  EXPECT_EQ(count(redraw()), 0) << "nobody wants it";
  ASSERT_OK(app.params.set("face.show", std::string("mesh"), ParamOrigin::kOverlay));
  EXPECT_EQ(count(redraw()), 3) << "until its square has settled";
  EXPECT_EQ(count(redraw()), 1);
  // The state holds a face that is drawn.
  auto context = app.ring->begin();
  ASSERT_OK(context);
  pipeline::Layers layers;
  app.loop->stages()[0]->layers(**context, {}, app.params, layers);
  ASSERT_EQ(layers.faces.size(), 1U);
  vision::FaceState face;
  ASSERT_OK(app.device->download(*layers.faces[0].state, 0, &face, sizeof face));
  EXPECT_EQ(face.tracked, vision::kFaceSettledFrames);
  ASSERT_OK(app.ring->submit(**context));
}

TEST_F(FaceRun, WhereThereIsNobodyNothingIsFound) {
  options_.source = "synthetic:640x480";
  options_.max_frames = 8;
  for (const auto& line : lines("none.jsonl")) EXPECT_TRUE(line["landmarks"].empty());
}

/// On the way to a screen the host learns only whether there is a face.
TEST_F(FaceRun, ReadsNothingBackOnTheWayToTheScreen) {
  Application app;
  app.options = options_;
  app.options.max_frames = 6;
  const Status assembled = assemble(app, {}, false);
  ASSERT_TRUE(assembled.ok()) << assembled.error().message;
  for (int i = 0; i < 6; ++i) {
    const auto letter = app.mailbox->take();
    ASSERT_EQ(letter.state, capture::Mailbox::State::kFrame);
    ASSERT_TRUE(app.fit_ring(letter.frame).ok());
    auto context = app.ring->begin();
    ASSERT_TRUE(context.ok());
    ASSERT_TRUE(app.loop->record(**context, letter.frame).ok());
    ASSERT_TRUE(app.ring->submit(**context).ok());
    app.ring->drain();
    EXPECT_EQ(app.loop->latest().readback_bytes, 0U);
    EXPECT_EQ(app.loop->latest().tracker_bytes, 128U);
    EXPECT_TRUE(app.loop->latest().landmarks.empty());
  }
}

TEST_F(FaceRun, ANetworkWithOtherOutputsIsToldInOneLine) {
  const auto catalogue = models::Catalogue::load_default();
  const auto store = models::store_options({});
  ASSERT_TRUE(catalogue.ok() && store.ok());
  // A detector under another name, said to be a mesh, and a mesh said to be a detector; line 6 of the file.
  const auto refused = [&](const std::string& key, const std::string& network, const std::string& head,
                           const std::string& outputs, int size) {
    const auto entry = catalogue->find(network);
    const auto files = models::locate(**entry, *store);
    EXPECT_TRUE(files.ok());
    const fs::path file = dir_ / ("other" + files->main.extension().string());
    fs::copy_file(files->main, file);
    std::ofstream(dir_ / "other.toml")
        << fmt::format("head = \"{}\"\noutputs = [{}]\n[input]\nsize = [{}, {}]\nlayout = \"{}\"\n", head,
                       outputs, size, size, file.extension() == ".onnx" ? "NCHW" : "NHWC");
    pipeline(fmt::format("\n{} = '{}'\n", key, file.string()));
    options_.max_frames = 1;
    const Status status = run(options_);
    EXPECT_FALSE(status.ok());
    if (status.ok()) return std::string();
    EXPECT_EQ(status.error().exit_code(), 2);
    const std::string& message = status.error().message;
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
    EXPECT_EQ(message.find((dir_ / "face.toml").string() + ":6: "), 0U) << message;
    EXPECT_EQ(message.find("face.toml", dir_.string().size() + 10), std::string::npos)
        << "told once: " << message;
    return message;
  };
  const std::string mesh =
      refused("model", "face_detection_short", "face_mesh", R"("regressors", "classificators")", 128);
  EXPECT_NE(mesh.find("[1,896,16]"), std::string::npos) << mesh;
  const std::string detector =
      refused("detector", "face_landmark", "face_anchors", R"("conv2d_20", "conv2d_30")", 192);
  EXPECT_NE(detector.find("[1,1404,1,1]"), std::string::npos) << detector;
}

}  // namespace
}  // namespace tarsier::app
