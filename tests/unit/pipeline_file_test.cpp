#include "pipeline/pipeline_file.hpp"

#include <gtest/gtest.h>

#include "core/file.hpp"

namespace tarsier::pipeline {
namespace {

class PipelineFile : public ::testing::Test {
 protected:
  std::filesystem::path file_ = std::filesystem::temp_directory_path() / "tarsier_pipeline_test.toml";
  Params params_;
  Result<PipelineSpec> load(std::string_view text) {
    EXPECT_TRUE(write_text_atomic(file_, text).ok());
    return load_pipeline(file_.string(), params_);
  }
  void expect_error(std::string_view text, std::string_view part) {
    const auto result = load(text);
    ASSERT_FALSE(result.ok());
    EXPECT_NE(result.error().message.find(part), std::string::npos) << result.error().message;
    EXPECT_EQ(result.error().exit_code(), 2);
  }
  ~PipelineFile() override { std::filesystem::remove(file_); }
};

TEST_F(PipelineFile, ThePipelinesOfTheProjectAreRead) {
  for (const auto& name : {"street", "driving", "webcam", "ar"}) {
    Params params;
    const auto spec = load_pipeline(std::string(TARSIER_SOURCE_DIR) + "/pipelines/" + name + ".toml", params);
    ASSERT_TRUE(spec.ok()) << spec.error().message;
    EXPECT_EQ(spec->name, name);
    EXPECT_FALSE(spec->description.empty());
    EXPECT_FALSE(spec->stages.empty());
  }
}

TEST_F(PipelineFile, StageKeysBecomeParameters) {
  const auto spec = load("[[stage]]\nname='d'\ntype='detect'\nscore=0.5\nclasses=['car']\n");
  ASSERT_TRUE(spec.ok());
  ASSERT_TRUE(params_.declare({.key = "d.score", .type = ParamType::kFloat, .initial = 0.1}).ok());
  EXPECT_DOUBLE_EQ(params_.real("d.score"), 0.5);
  EXPECT_EQ(params_.origin("d.score"), ParamOrigin::kPipeline);
  const Status unknown = params_.check_all_known();
  ASSERT_FALSE(unknown.ok());
  EXPECT_EQ(unknown.error().message, file_.string() + ":5: d.classes: no such parameter");
}

TEST_F(PipelineFile, ABadValueSaysWhereItIs) {
  const auto spec = load("[[stage]]\nname='d'\ntype='detect'\nscore=5\n[stage.camera]\nheight='x'\n");
  ASSERT_TRUE(spec.ok());
  EXPECT_EQ(spec->stages[0].place, file_.string() + ":1");
  const Status range = params_.declare({.key = "d.score", .type = ParamType::kFloat, .initial = 0.1});
  ASSERT_FALSE(range.ok());
  EXPECT_EQ(range.error().message, file_.string() + ":4: d.score: 5 is out of range, it goes from 0 to 1");
  const Status type =
      params_.declare({.key = "d.camera.height", .type = ParamType::kFloat, .help = "metres"});
  ASSERT_FALSE(type.ok());
  EXPECT_EQ(type.error().message, file_.string() + ":6: d.camera.height: 'x' is not a number (metres)");
}

TEST_F(PipelineFile, WhatIsSetLaterHasAnotherPlace) {
  ASSERT_TRUE(load("[[stage]]\nname='d'\ntype='detect'\nscore=0.5\n").ok());
  params_.set_text_later("d.score", "0.7", ParamOrigin::kCommandLine, "--set");
  ASSERT_TRUE(params_.declare({.key = "d.score", .type = ParamType::kFloat, .initial = 0.1}).ok());
  EXPECT_EQ(params_.place("d.score"), "--set");
  ASSERT_TRUE(params_.set("d.score", 0.2, ParamOrigin::kOverlay).ok());
  EXPECT_EQ(params_.place("d.score"), "");
}

TEST_F(PipelineFile, BadFilesSayWhere) {
  expect_error("[[stage]\n", ":1:");
  expect_error("", "has no [[stage]]");
  expect_error("[[stage]]\ntype='detect'\n", "needs a name");
  expect_error("[[stage]]\nname='a'\ntype='x'\n[[stage]]\nname='a'\ntype='x'\n", "two stages named 'a'");
  expect_error("descripton='x'\n", "did you mean 'description'");
  expect_error("[[stage]]\nname='a'\ntype='x'\n[[stage.mask]]\nname='m'\nopacty=1\n",
               "did you mean 'opacity'");
  expect_error("[[stage]]\nname='a'\ntype='x'\n[[stage.mask]]\nname='m'\n[[stage.mask]]\nname='m'\n",
               ":6: stage 'a' has two masks named 'm'");
}

TEST_F(PipelineFile, ZonesAndLinesHavePoints) {
  const auto spec = load(
      "[[stage]]\nname='z'\ntype='zones'\n[[stage.line]]\nname='l'\npoints=[[0, 0.25], [1, 1]]\n"
      "[[stage.zone]]\nname='a'\npoints=[[0.1,0.1],[0.2,0.1],[0.2,0.3]]\n");
  ASSERT_TRUE(spec.ok()) << spec.error().message;
  const auto& zones = spec->stages[0].zones;
  ASSERT_EQ(zones.size(), 2U);
  const auto& line = zones[zones[0].shape.line ? 0 : 1].shape;
  EXPECT_EQ(line, (vision::ZoneShape{"l", true, {{0, 0.25}, {1, 1}}}));
  const std::string start = "[[stage]]\nname='z'\ntype='zones'\n[[stage.zone]]\n";
  const std::string points = "points=[[0.1,0.1],[0.2,0.1],[0.2,0.3]]\n";
  expect_error(start + points, ":4: a zone needs a name");
  expect_error(start + "name='a'\npoints=[[0.1,0.1],[0.2],[0.2,0.3]]\n", ":6: a point is [x, y]");
  expect_error(start + "name='a'\npoints=[[0.1,0.1],['x',1],[0.2,0.3]]\n", ":6: a point is [x, y]");
  expect_error(start + "name='a'\npoints=0.5\n", ":6: points are a list of [x, y]");
  expect_error(start + "name='a'\npoint=[]\n", "did you mean 'points'");
  expect_error(start + "name='a'\nsource=3\n" + points, ":6: a source is a text");
  expect_error("[[stage]]\nname='z'\ntype='zones'\nzone=3\n", "zones must be written as [[stage.zone]]");
}

TEST_F(PipelineFile, AnUnknownNameListsTheNearest) {
  const auto result = load_pipeline("stret", params_);
  ASSERT_FALSE(result.ok());
  EXPECT_NE(result.error().message.find("street"), std::string::npos) << result.error().message;
}

}  // namespace
}  // namespace tarsier::pipeline
