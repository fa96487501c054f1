// Two sides on the same frames, and a side that is made beside frames that go on.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "app/side_build.hpp"
#include "core/file.hpp"
#include "pipelines/stepped_run.hpp"

namespace tarsier::app {
namespace {

class Compare : public test::SteppedRun {
 protected:
  void SetUp() override {
    SteppedRun::SetUp();
    const auto clip = test::shared_clip("highway_cars.mp4");
    if (const auto why = test::missing_file(clip); !why.empty()) GTEST_SKIP() << why;
    app_.options.source = clip.string();
    app_.options.pipeline = dir_.write("compared.toml", std::string(kDetect) + kTrack).string();
    app_.options.json = (dir_ / "seen.jsonl").string();
  }
  void start(std::vector<std::string> compare) {
    app_.options.compare = std::move(compare);
    assemble_it();
  }
};

TEST_F(Compare, TheSameSettingsAgree) {
  start({"detect.score=0.35"});  // as it is without
  run_frames(4);
  const Agreement& agreement = app_.loop->comparison()->agreement();
  EXPECT_EQ(agreement.frames(), 4U);
  EXPECT_GT(agreement.all().both, 0U);
  EXPECT_EQ(agreement.all().only_first + agreement.all().only_second, 0U);
  EXPECT_DOUBLE_EQ(agreement.mean_iou(), 1);
  EXPECT_EQ(agreement.disagreements().size(), 4U);
}

TEST_F(Compare, EachSideHasItsOwnParameters) {
  start({"detect.score=0.75"});
  EXPECT_DOUBLE_EQ(app_.params.real("detect.score"), 0.35);
  EXPECT_DOUBLE_EQ(app_.loop->comparison()->setup().params.real("detect.score"), 0.75);
  run_frames(4);
  const Agreement& agreement = app_.loop->comparison()->agreement();
  EXPECT_GT(agreement.all().only_first, 0U) << "the stricter side has less";
  EXPECT_EQ(agreement.all().only_second, 0U);
  EXPECT_DOUBLE_EQ(agreement.mean_iou(), 1) << "where both have a box it is the same one";
  EXPECT_LT(agreement.all().agreement(), 1);
  // The results are the first side's, its tracks, too; the other side's passes have names of their own.
  const auto& latest = app_.loop->latest();
  EXPECT_EQ(latest.detections.size(), agreement.latest().both + agreement.latest().only_first);
  const auto has = [&](const std::string& name) {
    return std::ranges::count(latest.stage_times, name, &pipeline::StageTime::stage) == 1;
  };
  EXPECT_TRUE(has("detect network") && has("B detect network"));
  EXPECT_TRUE(has("scene") && has("B scene"));
  EXPECT_GT(agreement.first_ms(), 0);
  EXPECT_GT(agreement.second_ms(), 0);

  // The first side's changes count for it alone.
  ASSERT_TRUE(app_.params.set("detect.score", 0.75, ParamOrigin::kOverlay).ok());
  run_frames(1);
  EXPECT_EQ(agreement.latest().only_first, 0U);
  EXPECT_EQ(agreement.latest().only_second, 0U);
}

TEST_F(Compare, TheSummaryIsWritten) {
  app_.options.compare_json = (dir_ / "agreement.json").string();
  start({"detect.score=0.75", "precision=fp16"});
  app_.options.max_frames = 3;
  const Status ended = run_headless(app_);
  ASSERT_TRUE(ended.ok()) << ended.error().message;
  const auto text = read_text(dir_ / "agreement.json");
  ASSERT_TRUE(text.ok());
  const auto json = nlohmann::json::parse(*text);
  EXPECT_EQ(json["frames"], 3);
  EXPECT_EQ(json["disagreements"].size(), 3U);
  EXPECT_EQ(json["a"]["precision"], "fp32");
  EXPECT_EQ(json["b"]["precision"], "fp16");
  EXPECT_EQ(json["b"]["params"]["detect.score"], 0.75);
  EXPECT_EQ(json["b"]["compare"], "detect.score=0.75, precision=fp16");
  EXPECT_GT(json["boxes"]["both"], 0);
}

TEST_F(Compare, AMistakeIsToldAtOnce) {
  const auto refused = [&](std::vector<std::string> compare, const std::string& part) {
    Application app;
    app.options = app_.options;
    app.options.compare = std::move(compare);
    const Status status = assemble(app, {}, false);
    const bool told = !status.ok() && status.error().kind == ErrorKind::kInput &&
                      status.error().message.find(part) != std::string::npos;
    return told ? std::string() : status.ok() ? "accepted" : status.error().message;
  };
  EXPECT_EQ(refused({"detect.scor=0.4"}, "did you mean 'detect.score'"), "");
  EXPECT_EQ(refused({"no_such_preset"}, "no_such_preset"), "");
  EXPECT_EQ(refused({"precision=fp8"}, "fp8"), "");
  app_.options.compare_view = "sideways";
  EXPECT_EQ(refused({"detect.score=0.4"}, "choose wipe, side or difference"), "");
  app_.options.compare_view = "wipe";
  app_.options.compare_json = (dir_ / "a.json").string();
  EXPECT_EQ(refused({}, "nothing is compared"), "");
}

TEST_F(Compare, ASideIsMadeBesideFramesThatGoOn) {
  start({});
  run_frames(1);
  RunOptions options = app_.options;
  options.set = {"detect.frame_aspect=off"};
  auto next = read_again(app_, options, OverlayValues::kKeep, app_.catalogue);
  ASSERT_TRUE(next.ok()) << next.error().message;
  ASSERT_TRUE(needs_stages(app_, *next));
  SideBuild build(app_.side_context(true), *std::move(next));
  const auto* const before = app_.loop->stages().front().get();
  int frames = 0;
  for (; !build.done() || frames < 2; ++frames) {
    run_frames(1);
    ASSERT_EQ(app_.loop->stages().front().get(), before);
    if (testing::Test::HasFatalFailure()) return;
  }
  auto made = build.take();
  ASSERT_TRUE(made.side.ok()) << made.side.error().message;
  const Status switched = app_.switch_to(std::move(made.setup), *std::move(made.side));
  ASSERT_TRUE(switched.ok()) << switched.error().message;
  EXPECT_NE(app_.loop->stages().front().get(), before);
  EXPECT_FALSE(app_.params.boolean("detect.frame_aspect"));
  run_frames(2);
  EXPECT_FALSE(app_.loop->latest().detections.empty());
}

TEST_F(Compare, NetworksForAStageAreThoseThatItTakes) {
  start({});
  EXPECT_EQ(network_keys(app_.params, app_.catalogue), std::vector<std::string>{"detect.model"});
  const auto names = networks_for(app_, "detect.model", app_.catalogue, app_.store);
  const auto has = [&](const char* name) { return std::ranges::count(names, name) == 1; };
  EXPECT_TRUE(has("yolox_nano") && has("fastestdet") && has("centernet"));
  EXPECT_FALSE(has("selfie_segmentation"));
  EXPECT_FALSE(has("blazeface"));
  // One that was picked is in force with what else it declares, and stays when files are read again.
  auto next = read_again(app_, app_.options, OverlayValues::kKeep, app_.catalogue,
                         {{"detect.model", std::string("fastestdet")}});
  ASSERT_TRUE(next.ok()) << next.error().message;
  EXPECT_EQ(next->params.text("detect.model"), "fastestdet");
  EXPECT_EQ(next->declared.text("detect.model"), "yolox_nano");
  EXPECT_TRUE(needs_stages(app_, *next));
  const auto again = read_again(*next, next->options, OverlayValues::kKeep, app_.catalogue);
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->params.text("detect.model"), "fastestdet");
  EXPECT_FALSE(needs_stages(*next, *again));
  const auto back = read_again(*next, next->options, OverlayValues::kKeep, app_.catalogue,
                               {{"detect.model", std::string("yolox_nano")}});
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(back->params.text("detect.model"), "yolox_nano");
  EXPECT_EQ(back->params.origin("detect.model"), ParamOrigin::kPipeline) << "the file's own again";
  const auto dropped = read_again(*next, next->options, OverlayValues::kDrop, app_.catalogue);
  ASSERT_TRUE(dropped.ok());
  EXPECT_EQ(dropped->params.text("detect.model"), "yolox_nano");
}

}  // namespace
}  // namespace tarsier::app
