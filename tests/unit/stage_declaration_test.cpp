// What a user can get wrong in a pipeline is refused before a device is opened or a network fetched.
#include <gtest/gtest.h>

#include "core/file.hpp"
#include "pipeline/stage.hpp"
#include "support/temp_folder.hpp"

namespace tarsier::pipeline {
namespace {

class StageDeclaration : public ::testing::Test {
 protected:
  test::TempFolder dir_;
  models::Catalogue catalogue_;
  void SetUp() override {
    auto catalogue = models::Catalogue::load_default();
    ASSERT_TRUE(catalogue.ok()) << catalogue.error().message;
    catalogue_ = *std::move(catalogue);
  }
  using Keys = std::vector<std::pair<std::string, std::string>>;
  /// Declares stage 's' after `before` with values for its keys; its error, which must be one line, or "".
  std::string refused(StageSpec spec, const Keys& keys, const std::vector<StageSpec>& before = {}) {
    Params params;
    for (const auto& [key, value] : keys) params.preset_text("s." + key, value, ParamOrigin::kCommandLine);
    const Status status = declare_stage(spec, before, catalogue_, params);
    if (status.ok()) return "";
    EXPECT_EQ(status.error().exit_code(), 2) << status.error().message;
    EXPECT_EQ(status.error().message.find('\n'), std::string::npos) << status.error().message;
    return status.error().message;
  }
  /// The same for one with a network.
  std::string refused(const std::string& type, const std::string& model, std::vector<MaskSpec> masks = {}) {
    StageSpec spec = stage("s", type);
    spec.masks = std::move(masks);
    return refused(spec, {{"model", model}});
  }
  static StageSpec stage(const std::string& name, const std::string& type) {
    StageSpec spec;
    spec.name = name;
    spec.type = type;
    return spec;
  }
  std::string file(const std::string& name, std::string_view text) {
    EXPECT_TRUE(write_text_atomic(dir_ / name, text).ok());
    return (dir_ / name).string();
  }
};

void expect_part(const std::string& message, const std::string& part) {
  EXPECT_NE(message.find(part), std::string::npos) << "'" << message << "'";
}

TEST_F(StageDeclaration, ParametersAreThereWithoutADevice) {
  Params params;
  params.preset_text("s.scor", "0.5", ParamOrigin::kCommandLine);
  ASSERT_TRUE(declare_stage(stage("s", "detect"), {}, catalogue_, params).ok());
  EXPECT_EQ(params.text("s.model"), "centernet");
  const Status unknown = params.check_all_known();
  ASSERT_FALSE(unknown.ok());
  expect_part(unknown.error().message, "did you mean 's.score'");
}

TEST_F(StageDeclaration, ANetworkOfAnotherTaskIsRefused) {
  EXPECT_EQ(refused("detect", "centernet"), "");
  expect_part(refused("detect", "selfie_segmentation"), "is no detector");
  expect_part(refused("segment", "centernet", {{"m", "", "#ffffff", 0.5}}), "makes no masks");
  expect_part(refused("detect", "centernett"), "did you mean 'centernet'");
  expect_part(refused("detct", "centernet"), "did you mean 'detect'");
}

TEST_F(StageDeclaration, ATrackStageNeedsADetectorBeforeIt) {
  const StageSpec detector = stage("boxes", "detect"), segment = stage("person", "segment");
  const StageSpec track = stage("s", "track");
  EXPECT_EQ(refused(track, {{"input", "boxes"}}, {detector}), "");
  EXPECT_EQ(refused(track, {{"input", "boxes"}}, {segment, detector}), "");
  expect_part(refused(track, {{"input", "boxs"}}, {detector}), "did you mean 'boxes'");
  expect_part(refused(track, {{"input", "person"}}, {detector, segment}),
              "'person' is no detect stage before it; there is boxes");
  expect_part(refused(track, {}, {segment}), "its input 'detect' is no stage before it");
  expect_part(refused(track, {}), "put a stage of type detect there");
  expect_part(refused(track, {{"input", "boxes"}}, {detector, stage("first", "track")}),
              "one stage of type track");
}

TEST_F(StageDeclaration, ARangeStageNeedsATrackerBeforeItAndAPossibleCamera) {
  const StageSpec detector = stage("boxes", "detect"), track = stage("who", "track");
  const StageSpec range = stage("s", "range");
  EXPECT_EQ(refused(range, {{"input", "who"}}, {detector, track}), "");
  expect_part(refused(range, {{"input", "whu"}}, {detector, track}), "did you mean 'who'");
  expect_part(refused(range, {{"input", "who"}}, {detector}), "put a stage of type track there");
  for (const auto& [key, value] : Keys{{"height", "0"}, {"fov", "180"}, {"pitch", "-90"}}) {
    expect_part(refused(range, {{"input", "who"}, {"camera." + key, value}}, {detector, track}),
                fmt::format("s.camera.{}: {} is out of range", key, value));
  }
}

TEST_F(StageDeclaration, AFaceStageNeedsAFaceDetectorAndAFaceMesh) {
  const StageSpec face = stage("s", "face");
  EXPECT_EQ(refused(face, {}), "");
  EXPECT_EQ(refused(face, {{"detector", "face_detection_full"}}), "");
  expect_part(refused(face, {{"detector", "centernet"}}),
              "centernet: is no face detector (its head is 'centernet'); choose face_detection_short or "
              "face_detection_full");
  expect_part(refused(face, {{"detector", "face_landmark"}}), "is no face detector");
  expect_part(refused(face, {{"model", "face_detection_short"}}), "finds no face landmarks");
  expect_part(refused(face, {{"model", "face_landmrk"}}), "did you mean 'face_landmark'");
  expect_part(refused(face, {{"detect_every", "0"}}), "s.detect_every: 0 is out of range");
  expect_part(refused(face, {{"min_cutoff", "0"}}), "s.min_cutoff: 0 is out of range");
  expect_part(refused(face, {{"show", "mash"}}), "mesh");
  expect_part(refused(face, {}, {stage("first", "face")}), "one stage of type face");
}

TEST_F(StageDeclaration, ABadColourIsRefused) {
  EXPECT_EQ(refused("segment", "selfie_segmentation", {{"m", "", "#a0ff30", 0.5}}), "");
  expect_part(refused("segment", "selfie_segmentation", {{"m", "", "green", 0.5}}),
              "stage 's', mask 'm': 'green' is no colour");
  expect_part(refused("segment", "selfie_segmentation"), "at least one [[stage.mask]]");
}

TEST_F(StageDeclaration, AMistakeInAFileIsToldWithItsLine) {
  // What is wrong, and the line of the file below that must be named.
  const std::vector<std::tuple<std::string, int, std::string>> cases{
      {"type = 'detct'", 1, "did you mean 'detect'"},
      {"type = 'detect'\nmodel = 'centernett'", 4, "did you mean 'centernet'"},
      {"type = 'detect'\nmodel = 'selfie_segmentation'", 4, "is no detector"},
      {"type = 'detect'\nscore = 7", 4, "s.score: 7 is out of range"},
      {"type = 'detect'\n\nscor = 0.5", 5, "did you mean 's.score'"},
      {"type = 'detect'\nclasses = ['persn']", 4, "did you mean 'person'"},
      {"type = 'track'\ninput = 'boxes'", 4, "its input 'boxes' is no stage before it"},
      {"type = 'track'", 1, "its input 'detect' is no stage before it"},
      {"type = 'segment'", 1, "needs at least one [[stage.mask]]"},
      {"type = 'segment'\n[[stage.mask]]\nname = 'm'\ncolor = 'green'\nopacity = 0.5", 4, "is no colour"},
      {"type = 'face'\ndetector = 'centernet'", 4, "is no face detector"},
      {"type = 'face'\npresence = 0.5\nbeta = -1", 5, "s.beta: -1 is out of range"},
      {"type = 'range'\n[stage.camera]\nheight = -1", 5, "s.camera.height: -1 is out of range"},
  };
  for (const auto& [text, line, part] : cases) {
    const std::string path = file("p.toml", "[[stage]]\nname = 's'\n" + text + "\n");
    Params params;
    const auto spec = load_pipeline(path, params);
    ASSERT_TRUE(spec.ok()) << spec.error().message;
    Status status = declare_stage(spec->stages[0], {}, catalogue_, params);
    if (status.ok()) status = params.check_all_known();
    ASSERT_FALSE(status.ok()) << text;
    EXPECT_EQ(status.error().exit_code(), 2);
    EXPECT_EQ(status.error().message.find(fmt::format("{}:{}: ", path, line)), 0U) << status.error().message;
    expect_part(status.error().message, part);
  }
}

TEST_F(StageDeclaration, AFileThatIsNoNetworkIsToldAsThat) {
  expect_part(refused("detect", file("note.onnx", "just a text\n")), "a text file");
  expect_part(refused("detect", file("empty.onnx", "")), "the file is empty");
  expect_part(refused("detect", file("cut.json", "{\"format\": \"graph-model\", ")), "cut.json");
  for (const std::string& message : {refused("detect", file("zip.onnx", std::string("PK\x03\x04 0000", 9))),
                                     refused("segment", file("zip.onnx", std::string("PK\x03\x04 0000", 9)),
                                             {{"m", "", "#ffffff", 0.5}})}) {
    expect_part(message, "ZIP archive");
    EXPECT_EQ(message.find("head"), std::string::npos) << message;
  }
}

}  // namespace
}  // namespace tarsier::pipeline
