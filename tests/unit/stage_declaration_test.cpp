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
  /// Declares one stage with `model`; its error, or "".
  std::string refused(const std::string& type, const std::string& model, std::vector<MaskSpec> masks = {}) {
    Params params;
    params.preset_text("s.model", model, ParamOrigin::kCommandLine);
    StageSpec spec;
    spec.name = "s";
    spec.type = type;
    spec.masks = std::move(masks);
    const Status status = declare_stage(spec, {}, catalogue_, params);
    if (status.ok()) return "";
    EXPECT_EQ(status.error().exit_code(), 2) << status.error().message;
    return status.error().message;
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
  StageSpec spec;
  spec.name = "s";
  spec.type = "detect";
  ASSERT_TRUE(declare_stage(spec, {}, catalogue_, params).ok());
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
  StageSpec detector, segment, track;
  detector.name = "boxes";
  detector.type = "detect";
  segment.name = "person";
  segment.type = "segment";
  track.name = "s";
  track.type = "track";
  const auto refused = [&](std::vector<StageSpec> before, const char* input) {
    Params params;
    if (input != nullptr) params.preset_text("s.input", input, ParamOrigin::kCommandLine);
    const Status status = declare_stage(track, before, catalogue_, params);
    if (status.ok()) return std::string();
    EXPECT_EQ(status.error().exit_code(), 2);
    EXPECT_EQ(status.error().message.find('\n'), std::string::npos);
    return status.error().message;
  };
  EXPECT_EQ(refused({detector}, "boxes"), "");
  EXPECT_EQ(refused({segment, detector}, "boxes"), "");
  expect_part(refused({detector}, "boxs"), "did you mean 'boxes'");
  expect_part(refused({detector, segment}, "person"),
              "'person' is no detect stage before it; there is boxes");
  expect_part(refused({segment}, nullptr), "its input 'detect' is no stage before it");
  expect_part(refused({}, nullptr), "put a stage of type detect there");
  StageSpec other = track;
  other.name = "first";
  expect_part(refused({detector, other}, "boxes"), "one stage of type track");
}

TEST_F(StageDeclaration, ARangeStageNeedsATrackerBeforeItAndAPossibleCamera) {
  StageSpec detector, track, range;
  detector.name = "boxes";
  detector.type = "detect";
  track.name = "who";
  track.type = "track";
  range.name = "s";
  range.type = "range";
  const auto refused = [&](std::vector<StageSpec> before, const char* input, const char* key = "",
                           const char* value = "") {
    Params params;
    params.preset_text("s.input", input, ParamOrigin::kCommandLine);
    if (*key != 0) params.preset_text(key, value, ParamOrigin::kCommandLine);
    const Status status = declare_stage(range, before, catalogue_, params);
    if (status.ok()) return std::string();
    EXPECT_EQ(status.error().exit_code(), 2);
    EXPECT_EQ(status.error().message.find('\n'), std::string::npos);
    return status.error().message;
  };
  EXPECT_EQ(refused({detector, track}, "who"), "");
  expect_part(refused({detector, track}, "whu"), "did you mean 'who'");
  expect_part(refused({detector}, "who"), "put a stage of type track there");
  expect_part(refused({detector, track}, "who", "s.camera.height", "0"),
              "s.camera.height: 0 is out of range");
  expect_part(refused({detector, track}, "who", "s.camera.fov", "180"), "s.camera.fov: 180 is out of range");
  expect_part(refused({detector, track}, "who", "s.camera.pitch", "-90"), "s.camera.pitch: -90 is out of");
}

TEST_F(StageDeclaration, ABadColourIsRefused) {
  EXPECT_EQ(refused("segment", "selfie_segmentation", {{"m", "", "#a0ff30", 0.5}}), "");
  expect_part(refused("segment", "selfie_segmentation", {{"m", "", "green", 0.5}}),
              "stage 's', mask 'm': 'green' is no colour");
  expect_part(refused("segment", "selfie_segmentation"), "at least one [[stage.mask]]");
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
