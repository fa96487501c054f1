// A pipeline file that is edited while it runs.
#include <fstream>

#include "pipelines/stepped_run.hpp"

namespace tarsier::app {
namespace {

class Reload : public test::SteppedRun {
 protected:
  void SetUp() override {
    SteppedRun::SetUp();
    if (IsSkipped()) return;
    app_.options.source = "synthetic:320x240";
    app_.options.pipeline = (dir_ / "edited.toml").string();
    app_.options.set = {"detect.iou=0.6"};
    write(std::string(kDetect) + "score = 0.3\nmax = 50\n");
    assemble_it();
    run_frames(1);
  }
  void write(const std::string& text) { std::ofstream(app_.options.pipeline) << text; }
  /// What is shown then; "" where the edit was taken.
  std::string edit(const std::string& text) {
    write(text);
    const Status status = reload_pipeline(app_);
    return status.ok() ? "" : status.error().message;
  }
};

TEST_F(Reload, ValuesThatChangedInTheFileAreTaken) {
  ASSERT_TRUE(app_.params.set("detect.max", int64_t{7}, ParamOrigin::kOverlay).ok());
  ASSERT_TRUE(app_.params.set("detect.score", 0.9, ParamOrigin::kOverlay).ok());
  EXPECT_EQ(edit(std::string(kDetect) + "score = 0.4\nmax = 50\niou = 0.1\n"), "");
  EXPECT_DOUBLE_EQ(app_.params.real("detect.score"), 0.4) << "the later edit wins over the overlay";
  EXPECT_EQ(app_.params.integer("detect.max"), 7) << "what the file did not change stays as it was set";
  EXPECT_DOUBLE_EQ(app_.params.real("detect.iou"), 0.6) << "the command line wins over the file";
  run_frames(1);
}

TEST_F(Reload, AMistakeKeepsTheLastGoodPipeline) {
  for (const auto& [text, part] :
       {std::pair{std::string(kDetect) + "score = 7\n", ":5: detect.score: 7 is out of"},
        {std::string(kDetect) + "scor = 0.4\n", "did you mean 'detect.score'"},
        {std::string("[[stage]\n"), ":1:"},
        {std::string(), "has no [[stage]]"},
        {std::string(kTrack) + kDetect, "its input 'detect' is no stage before it"}}) {
    const std::string message = edit(text);
    EXPECT_NE(message.find(part), std::string::npos) << message;
    EXPECT_DOUBLE_EQ(app_.params.real("detect.score"), 0.3);
    EXPECT_EQ(app_.spec.stages.size(), 1U);
    run_frames(1);
  }
  EXPECT_EQ(edit(std::string(kDetect) + "score = 0.5\n"), "");
  EXPECT_DOUBLE_EQ(app_.params.real("detect.score"), 0.5);
}

TEST_F(Reload, APresetIsSwitchedAndReadAgain) {
  const auto preset = [&](const char* name, const std::string& text) {
    std::filesystem::create_directories(dir_ / "presets" / "edited");
    std::ofstream(dir_ / "presets" / "edited" / (std::string(name) + ".toml")) << text;
  };
  preset("a", "[detect]\nscore = 0.6\niou = 0.2\n");
  preset("b", "[detect]\nframe_aspect = false\n");
  ASSERT_TRUE(app_.params.set("detect.max", int64_t{7}, ParamOrigin::kOverlay).ok());
  app_.options.preset = "a";
  ASSERT_TRUE(reload_pipeline(app_).ok());
  EXPECT_EQ(app_.preset.name, "a");
  EXPECT_DOUBLE_EQ(app_.params.real("detect.score"), 0.6);
  EXPECT_DOUBLE_EQ(app_.params.real("detect.iou"), 0.6) << "the command line wins over the preset";
  EXPECT_EQ(app_.params.integer("detect.max"), 7) << "a file that is read again leaves it";
  run_frames(1);
  ASSERT_TRUE(app_.params.set("detect.score", 0.9, ParamOrigin::kOverlay).ok());
  preset("a", "[detect]\nscore = 0.5\n");
  ASSERT_TRUE(reload_pipeline(app_).ok());
  EXPECT_DOUBLE_EQ(app_.params.real("detect.score"), 0.5) << "the later edit wins over the overlay";
  for (const auto& [text, part] : {std::pair{"[detect]\nscore = 7\n", "a.toml:2: detect.score: 7 is out of"},
                                   {"[detect\n", "a.toml:1:"},
                                   {"[lanes]\nhold = 1.0\n", "no stage 'lanes'"}}) {
    preset("a", text);
    const Status status = reload_pipeline(app_);
    ASSERT_FALSE(status.ok());
    EXPECT_NE(status.error().message.find(part), std::string::npos) << status.error().message;
    EXPECT_EQ(app_.preset.name, "a");
    EXPECT_DOUBLE_EQ(app_.params.real("detect.score"), 0.5) << "the last good state stays";
    run_frames(1);
  }
  const auto* const stage = app_.loop->stages().back().get();
  app_.options.preset = "b";
  const Status switched = reload_pipeline(app_, OverlayValues::kDrop);
  ASSERT_TRUE(switched.ok()) << switched.error().message;
  EXPECT_NE(app_.loop->stages().back().get(), stage) << "made anew for what it reads at its start";
  EXPECT_FALSE(app_.params.boolean("detect.frame_aspect"));
  EXPECT_EQ(app_.params.integer("detect.max"), 50) << "with a preset that is chosen it goes";
  EXPECT_DOUBLE_EQ(app_.params.real("detect.score"), 0.3);
  run_frames(1);
}

TEST_F(Reload, StagesComeAndGo) {
  EXPECT_FALSE(app_.loop->tracks());
  EXPECT_EQ(edit(std::string(kDetect) + "score = 0.3\n" + kTrack), "");
  EXPECT_TRUE(app_.loop->tracks());
  run_frames(1);
  EXPECT_EQ(edit(std::string(kDetect) + "input_size = 320\n"), "");
  EXPECT_FALSE(app_.loop->tracks());
  EXPECT_EQ(app_.params.integer("detect.input_size"), 320);
  run_frames(1);
}

TEST_F(Reload, ZonesChangeInTheStageThatIsThere) {
  const std::string stages =
      std::string(kDetect) + "score = 0.3\n" + kTrack + "[[stage]]\nname = 'zones'\ntype = 'zones'\n";
  ASSERT_EQ(edit(stages), "");
  const auto* const stage = app_.loop->stages().back().get();
  auto* const keeper = app_.loop->stages().back()->zone_keeper();
  ASSERT_NE(keeper, nullptr);
  EXPECT_TRUE(keeper->counter().shapes().empty()) << "a stage without zones waits for some";
  EXPECT_EQ(
      edit(stages + "[[stage.zone]]\nname = 'a'\npoints = [[0, 0], [1, 0], [1, 1]]\n"
                    "[[stage.zone]]\nname = 'b'\nsource = 'other'\npoints = [[0, 0], [1, 0], [1, 1]]\n"),
      "");
  ASSERT_EQ(app_.loop->stages().back().get(), stage);
  ASSERT_EQ(keeper->counter().shapes().size(), 1U) << "those of this source";
  EXPECT_EQ(keeper->counter().shapes()[0].name, "a");
  run_frames(1);
  EXPECT_NE(edit(stages + "[[stage.zone]]\nname = 'a'\npoints = [[0, 0], [1, 0]]\n"), "");
  EXPECT_EQ(keeper->counter().shapes().size(), 1U) << "a mistake changes nothing";
  // An editor has one that is not in the file: its counts would begin anew if it went for a moment.
  const std::vector<vision::ZoneShape> edited{{"drawn", false, {{0, 0}, {1, 0}, {1, 1}}}};
  keeper->use_shapes(edited);
  write(stages + "[[stage.zone]]\nname = 'c'\npoints = [[0, 0], [1, 0], [1, 1]]\n");
  ASSERT_TRUE(reload_pipeline(app_, OverlayValues::kKeep, false).ok());
  EXPECT_EQ(app_.spec.stages.back().zones.at(0).shape.name, "c");
  ASSERT_EQ(app_.loop->stages().back().get(), stage);
  EXPECT_EQ(keeper->counter().shapes(), edited);
  run_frames(1);
}

using ReloadWithoutANetwork = test::SteppedRun;

TEST_F(ReloadWithoutANetwork, AStageThatWasLeftOutStaysAway) {
  const auto catalogue = models::Catalogue::load_default();
  const auto entry = catalogue->find("yolox_nano");
  const auto files = models::locate(**entry, *models::store_options({}));
  ASSERT_TRUE(files.ok()) << files.error().message;
  const test::WithoutNetworks without;
  std::filesystem::create_directory(dir_ / "models");
  std::filesystem::create_symlink(files->main, dir_ / "models" / files->main.filename());
  const std::string file = (dir_ / "edited.toml").string();
  const auto write = [&](const char* score) {
    std::ofstream(file) << kDetect << "score = " << score
                        << "\n[[stage]]\nname = 'person'\ntype = 'segment'\nmodel = 'selfie_segmentation'\n"
                           "[[stage.mask]]\nname = 'person'\ncolor = '#3d8bff'\nopacity = 0.5\n";
  };
  write("0.3");
  app_.options.globals.model_path = {(dir_ / "models").string()};
  app_.options.source = "synthetic:320x240";
  app_.options.pipeline = file;
  assemble_it();
  ASSERT_EQ(app_.left_out, std::vector<std::string>{"person"});
  write("0.4");
  const Status status = reload_pipeline(app_);
  ASSERT_TRUE(status.ok()) << status.error().message;
  EXPECT_DOUBLE_EQ(app_.params.real("detect.score"), 0.4);
  EXPECT_FALSE(app_.params.has("person.every")) << "nor are there controls for it";
}

TEST_F(Reload, ANetworkThatCannotBeHadKeepsTheLastOne) {
  std::ofstream(dir_ / "text.onnx") << "just a text\n";
  const std::string text =
      "[[stage]]\nname = 'detect'\ntype = 'detect'\nmodel = '" + (dir_ / "text.onnx").string() + "'\n";
  const std::string message = edit(text);
  EXPECT_NE(message.find("edited.toml:4: "), std::string::npos) << message;
  EXPECT_EQ(app_.params.text("detect.model"), "yolox_nano");
  run_frames(1);
}

}  // namespace
}  // namespace tarsier::app
