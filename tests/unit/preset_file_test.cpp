#include "pipeline/preset_file.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "app/param_table.hpp"
#include "core/file.hpp"
#include "support/input_error.hpp"
#include "support/temp_config.hpp"

namespace tarsier::pipeline {
namespace {

namespace fs = std::filesystem;

constexpr const char* kPipeline =
    "[[stage]]\nname = 'detect'\ntype = 'detect'\nmodel = 'yolox_nano'\nscore = 0.3\n"
    "[[stage]]\nname = 'track'\ntype = 'track'\n"
    "[[stage]]\nname = 'r'\ntype = 'range'\n[stage.camera]\nheight = 1.3\n";

class PresetFile : public ::testing::Test {
 protected:
  test::TempConfig config_;
  test::TempFolder folder_;
  app::Application app_;

  void SetUp() override {
    folder_.write("mine.toml", kPipeline);
    fs::create_directories(folder_ / "presets" / "mine");
    app_.options.pipeline = (folder_ / "mine.toml").string();
    auto catalogue = models::Catalogue::load_default();
    ASSERT_TRUE(catalogue.ok());
    app_.catalogue = *catalogue;
  }
  /// "" where it is taken.
  std::string read(const std::string& preset, std::string_view text = "") {
    if (!text.empty()) folder_.write("presets/mine/" + preset + ".toml", text);
    app_.options.preset = preset;
    const Status status = app::read_pipeline(app_);
    if (!status.ok()) {
      EXPECT_EQ(status.error().exit_code(), 2);
      EXPECT_EQ(status.error().message.find('\n'), std::string::npos) << status.error().message;
    }
    return status.ok() ? "" : status.error().message;
  }
  [[nodiscard]] std::string place(const std::string& preset, int line) const {
    return (folder_ / "presets/mine" / (preset + ".toml")).string() + ":" + std::to_string(line) + ": ";
  }
};

TEST_F(PresetFile, LiesBetweenThePipelineAndTheCommandLine) {
  app_.options.set = {"track.buffer=3"};
  ASSERT_EQ(read("a",
                 "# Why.\ndescription = \"Fewer.\"\n[detect]\nscore = 0.6\n[track]\nbuffer = 2.0\n"
                 "[r.camera]\nheight = 1.5\n"),
            "");
  EXPECT_EQ(app_.preset.name, "a");
  EXPECT_EQ(app_.preset.description, "Fewer.");
  EXPECT_DOUBLE_EQ(app_.params.real("detect.score"), 0.6);
  EXPECT_EQ(app_.params.origin("detect.score"), ParamOrigin::kPreset);
  EXPECT_EQ(app_.params.place("detect.score") + ": ", place("a", 4));
  EXPECT_EQ(app_.params.source_below("detect.score", ParamOrigin::kPreset).value, ParamValue(0.3));
  EXPECT_DOUBLE_EQ(app_.params.real("track.buffer"), 3) << "the command line wins";
  EXPECT_DOUBLE_EQ(app_.params.real("r.camera.height"), 1.5);
  ASSERT_EQ(read(""), "");
  EXPECT_DOUBLE_EQ(app_.params.real("detect.score"), 0.3);
}

TEST_F(PresetFile, MistakesAreToldWithTheirPlace) {
  for (const auto& [text, line, part] : {
           std::tuple{"[detect]\nscor = 0.6\n", 2,
                      "detect.scor: no such parameter (did you mean 'detect.score'?)"},
           {"[detect]\n\nscore = 6\n", 3, "detect.score: 6 is out of range"},
           {"[detect]\nscore = 'high'\n", 2, "detect.score: 'high' is not a number"},
           {"[birdseye]\nsize = 0.4\n", 2,
            "birdseye.size: this pipeline has no stage 'birdseye', it has detect, track, r"},
           {"[detect]\nscore = 1979-05-27\n", 2, "'detect.score' must be a number, a text"},
           {"description = 5\n", 1, "description must be a text"},
           {"[[stage]]\nname = 'detect'\n", 1, "this a pipeline, not a preset"},
           {"score = 0.5\n", 1, "score"},
       }) {
    const std::string message = read("bad", text);
    EXPECT_TRUE(message.starts_with(place("bad", line))) << message;
    EXPECT_NE(message.find(part), std::string::npos) << message;
  }
  EXPECT_TRUE(read("bad", "[detect\n").starts_with((folder_ / "presets/mine/bad.toml").string() + ":1:"));
}

TEST_F(PresetFile, AnUnknownNameNamesTheNearest) {
  ASSERT_EQ(read("careful", "[detect]\nscore = 0.6\n"), "");
  EXPECT_EQ(
      read("carefull"),
      "preset 'carefull' is unknown to pipeline mine (did you mean 'careful'?); there are careful, or give "
      "a path to a .toml file");
  EXPECT_EQ(read("./nowhere.toml"), "./nowhere.toml: no such preset file");
}

TEST_F(PresetFile, TheUsersOwnHidesOneOfTheSameName) {
  ASSERT_EQ(read("a", "[detect]\nscore = 0.6\n"), "");
  ASSERT_EQ(read("b", "[detect]\nscore = 0.7\n"), "");
  ASSERT_TRUE(write_text_atomic(config_.presets("mine") / "a.toml", "[detect]\nscore = 0.8\n").ok());
  ASSERT_TRUE(write_text_atomic(config_.presets("other") / "c.toml", "[detect]\nscore = 0.8\n").ok());
  ASSERT_EQ(read("a"), "");
  EXPECT_DOUBLE_EQ(app_.params.real("detect.score"), 0.8);
  std::vector<std::string> names;
  for (const auto& one : presets_of(app_.spec)) names.push_back(one.name);
  EXPECT_EQ(names, (std::vector<std::string>{"a", "b"}));
}

TEST_F(PresetFile, HoldsWhatDiffersAndReadsBack) {
  app_.options.set = {"track.show=off"};
  ASSERT_EQ(read(""), "");
  ASSERT_TRUE(app_.params.set_by_hand("detect.score", 0.45).ok());
  ASSERT_TRUE(
      app_.params.set_by_hand("detect.classes", std::vector<std::string>{"car", "traffic light"}).ok());
  ASSERT_TRUE(app_.params.set_by_hand("r.camera.height", 2.0).ok());
  const auto file = own_preset_file(app_.spec, "my own");
  ASSERT_TRUE(file.ok()) << file.error().message;
  ASSERT_TRUE(save_preset(*file, app_.spec, app_.params).ok());
  const std::string text = *read_text(*file);
  EXPECT_TRUE(text.starts_with("# A preset of the pipeline mine")) << text;
  EXPECT_TRUE(
      text.ends_with("\n[detect]\nscore = 0.45\nclasses = [\"car\", \"traffic light\"]\n"
                     "\n[track]\nshow = false\n\n[r.camera]\nheight = 2.0\n"))
      << text;
  app_.options.set.clear();
  ASSERT_EQ(read("my own"), "");
  EXPECT_DOUBLE_EQ(app_.params.real("detect.score"), 0.45);
  EXPECT_EQ(app_.params.set_of("detect.classes").size(), 2U);
  EXPECT_FALSE(app_.params.boolean("track.show"));
  EXPECT_DOUBLE_EQ(app_.params.real("r.camera.height"), 2);
  EXPECT_TRUE(app_.preset.own);
}

TEST_F(PresetFile, SavedAgainItKeepsItsHead) {
  const std::string head =
      "# At night, on the bridge.\n# Mind the lamps.\ndescription = \"Night \\\"one\\\".\"\n";
  ASSERT_EQ(read("night", head + "\n# gone\n[detect]\nscore = 0.5\n"), "");
  ASSERT_TRUE(app_.params.set_by_hand("detect.score", 0.6).ok());
  ASSERT_TRUE(save_preset(app_.preset.file, app_.spec, app_.params).ok());
  EXPECT_EQ(*read_text(app_.preset.file), head + "\n[detect]\nscore = 0.6\n");
  for (const auto& entry : fs::directory_iterator(app_.preset.file.parent_path()))
    EXPECT_EQ(entry.path().extension(), ".toml") << "nothing half-written stays";
}

TEST_F(PresetFile, WhatMayNotBeWrittenIsTold) {
  ASSERT_EQ(read("a", "[detect]\nscore = 0.6\n"), "");
  for (const char* bad : {"", "a/b", ".hidden", "x.toml", "a\nb"})
    test::expect_input_error(own_preset_file(app_.spec, bad), "is no name for a preset");
  const auto blocked = folder_.write("file", "");
  EXPECT_FALSE(save_preset(blocked / "a.toml", app_.spec, app_.params).ok());
}

TEST(ShippedPresets, FitTheirPipelinesAndSayWhatTheyAreFor) {
  const test::TempConfig config;
  size_t count = 0;
  for (const auto& name : pipeline_names()) {
    app::Application app;
    app.catalogue = *models::Catalogue::load_default();
    app.options.pipeline = name;
    ASSERT_TRUE(app::read_pipeline(app).ok());
    for (const auto& preset : presets_of(app.spec)) {
      app.options.preset = preset.name;
      const Status status = app::read_pipeline(app);
      EXPECT_TRUE(status.ok()) << status.error().message;
      EXPECT_FALSE(preset.description.empty()) << preset.file;
      EXPECT_FALSE(preset.own);
      EXPECT_TRUE(read_text(preset.file)->starts_with("# ")) << preset.file;
      // One whose every value is the pipeline's own does nothing.
      for (const auto& spec : app.params.specs()) {
        if (app.params.origin(spec.key) == ParamOrigin::kPreset) {
          EXPECT_NE(app.params.value(spec.key), app.params.source_below(spec.key, ParamOrigin::kPreset).value)
              << preset.file << ": " << spec.key;
        }
      }
      ++count;
    }
  }
  EXPECT_GE(count, 5U);
}

TEST_F(PresetFile, TheTableAndTheJsonSayWhereValuesComeFrom) {
  app_.options.set = {"track.buffer=3"};
  ASSERT_EQ(read("a", "[detect]\niou = 0.6\n"), "");
  const std::string table = app::params_table(app_);
  const auto line_of = [&](const std::string& key) {
    const size_t at = table.find("\n" + key + " ") + 1;
    return table.substr(at, table.find('\n', at) - at);
  };
  EXPECT_TRUE(table.starts_with("KEY "));
  EXPECT_NE(line_of("detect.score").find("mine.toml:5"), std::string::npos) << table;
  EXPECT_NE(line_of("detect.iou").find("preset a, a.toml:2"), std::string::npos) << table;
  EXPECT_NE(line_of("track.buffer").find("0 to 30"), std::string::npos) << table;
  EXPECT_NE(line_of("track.buffer").find("--set"), std::string::npos) << table;
  EXPECT_NE(line_of("track.match").find("default"), std::string::npos) << table;
  const auto json = app::params_json(app_);
  EXPECT_EQ(json["preset"], "a");
  EXPECT_EQ(json["presets"][0]["name"], "a");
  const auto& all = json["params"];
  const auto buffer = std::ranges::find_if(all, [](const auto& one) { return one["key"] == "track.buffer"; });
  ASSERT_NE(buffer, all.end());
  EXPECT_EQ((*buffer)["value"], 3.0);
  EXPECT_EQ((*buffer)["default"], 1.0);
  EXPECT_EQ((*buffer)["unit"], "s");
  EXPECT_EQ((*buffer)["max"], 30.0);
  EXPECT_EQ((*buffer)["origin"], "command line");
}

TEST(ParameterTable, DocumentIsUpToDate) {
  const test::TempConfig config;
  const fs::path path = fs::path(TARSIER_SOURCE_DIR) / "docs" / "PARAMETERS.md";
  const auto wanted = app::parameters_document();
  ASSERT_TRUE(wanted.ok()) << wanted.error().message;
  if (std::getenv("TARSIER_UPDATE_DOCS") != nullptr) {
    ASSERT_TRUE(write_text_atomic(path, *wanted).ok());
  }
  const auto found = read_text(path);
  ASSERT_TRUE(found.ok()) << found.error().message;
  EXPECT_TRUE(*found == *wanted) << "docs/PARAMETERS.md is stale: run this test with TARSIER_UPDATE_DOCS=1";
}

}  // namespace
}  // namespace tarsier::pipeline
