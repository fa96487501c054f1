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
    for (const auto& [key, value] : keys) params.set_text_later("s." + key, value, ParamOrigin::kCommandLine);
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

TEST_F(StageDeclaration, EnhancementTakesNetworksThatMakePictures) {
  EXPECT_EQ(refused("enhance", "lyt_net"), "");
  expect_part(refused("enhance", "centernet"),
              "centernet: makes no picture (its head is 'centernet'); choose one whose task is enhance");
}

TEST_F(StageDeclaration, DepthTakesDepthNetworksAndNone) {
  const StageSpec depth = stage("s", "depth");
  EXPECT_EQ(refused(depth, {}), "");
  EXPECT_EQ(
      refused("depth", "centernet"),
      "centernet: tells no depth (its head is 'centernet'); give a file, described beside it as of head "
      "inverse_depth or depth");
  const std::string own = file("my.onnx", "");
  file("my.toml", "head = \"inverse_depth\"\n");
  EXPECT_EQ(refused("depth", own), "");
  expect_part(refused(depth, {{"effect", "fogg"}}), "did you mean 'fog'");
  expect_part(refused(depth, {{"color", "grey"}}), "stage 's', color: 'grey'");
}

TEST_F(StageDeclaration, ParametersAreThereWithoutADevice) {
  Params params;
  params.set_text_later("s.scor", "0.5", ParamOrigin::kCommandLine);
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

TEST_F(StageDeclaration, ABirdseyeStageNeedsDistances) {
  const std::vector<StageSpec> before = {stage("boxes", "detect"), stage("who", "track"),
                                         stage("far", "range")};
  const StageSpec birdseye = stage("s", "birdseye");
  EXPECT_EQ(refused(birdseye, {{"input", "far"}}, before), "");
  expect_part(refused(birdseye, {{"input", "who"}}, before),
              "'who' is no range stage before it; there is far");
  expect_part(refused(birdseye, {{"input", "far"}}, {before[0], before[1]}),
              "put a stage of type range there");
  expect_part(refused(birdseye, {{"input", "far"}, {"corner", "top-rigth"}}, before),
              "did you mean 'top-right'");
  expect_part(refused(birdseye, {{"input", "far"}, {"far", "5"}}, before), "s.far: 5 is out of range");
  expect_part(refused(birdseye, {{"input", "far"}, {"size", "1.5"}}, before), "s.size: 1.5 is out of range");
  auto all = before;
  all.push_back(stage("first", "birdseye"));
  expect_part(refused(birdseye, {{"input", "far"}}, all), "one stage of type birdseye");
}

TEST_F(StageDeclaration, APrivacyStageBlursOnlyWhatIsFound) {
  const std::vector<StageSpec> before = {stage("boxes", "detect"), stage("who", "track")};
  const auto with = [&](const std::string& blur, const std::string& classes) {
    Params params;
    params.set_text_later("boxes.classes", classes, ParamOrigin::kPipeline);
    params.set_text_later("who.input", "boxes", ParamOrigin::kPipeline);
    params.set_text_later("s.input", "who", ParamOrigin::kPipeline);
    params.set_later("s.blur", blur, ParamOrigin::kPipeline);
    for (size_t i = 0; i < before.size(); ++i)
      EXPECT_TRUE(declare_stage(before[i], std::span(before).first(i), catalogue_, params).ok());
    const Status status = declare_stage(stage("s", "privacy"), before, catalogue_, params);
    if (status.ok()) return std::string();
    EXPECT_EQ(status.error().exit_code(), 2);
    return status.error().message;
  };
  EXPECT_EQ(with("off", "car"), "");
  EXPECT_EQ(with("people,vehicles", "all"), "");
  EXPECT_EQ(with("faces", "person"), "");
  expect_part(with("peple", "all"), "did you mean 'people'");
  expect_part(with("all", "all"), "choose one of people, faces, vehicles");
  expect_part(with("people", "car,bus"), "boxes.classes leaves out 'person'; add it there");
  expect_part(with("vehicles", "person"), "boxes.classes leaves out 'car', 'bus', 'truck'; add it there");
  expect_part(with("vehicles", "person,car,bus"), "boxes.classes leaves out 'truck'");
  const StageSpec privacy = stage("s", "privacy");
  expect_part(refused(privacy, {{"input", "boxes"}}, {before[0]}), "put a stage of type track there");
  expect_part(refused(privacy, {{"input", "who"}, {"cell", "0.01"}}, before), "s.cell: 0.01 is out of range");
}

TEST_F(StageDeclaration, ABackgroundStageNeedsAMaskAndFilesThatAreThere) {
  StageSpec person = stage("who", "segment");
  person.masks = {{"body", "", "#ffffff", 0.5}};
  const StageSpec background = stage("s", "background");
  const auto with = [&](Keys keys) {
    keys.insert(keys.begin(), {{"input", "who"}, {"input_mask", "body"}});
    return refused(background, keys, {stage("boxes", "detect"), person});
  };
  EXPECT_EQ(with({}), "");
  EXPECT_EQ(with({{"effect", "green"}, {"color", "#102030"}}), "");
  expect_part(with({{"effect", "blurr"}}), "s.effect: 'blurr' is unknown (did you mean 'blur'?)");
  expect_part(with({{"radius", "0.2"}}), "s.radius: 0.2 is out of range, it goes from 0.005 to 0.15");
  expect_part(with({{"color", "green"}}), "stage 's', color: 'green' is no colour");
  expect_part(with({{"effect", "image"}}), "its effect is 'image', but no image is given; set s.image");
  expect_part(with({{"effect", "clip"}}), "set s.clip");
  const std::string note = file("note.jpg", "just a text\n");
  expect_part(with({{"image", note + "x"}}), "stage 's', image: ");
  expect_part(with({{"image", note + "x"}}), "no such file (did you mean 'note.jpg'?)");
  expect_part(with({{"image", note}}), "note.jpg: is no picture that can be read");
  expect_part(with({{"clip", file("note.mp4", "just a text\n")}}), "stage 's', clip: ");
  expect_part(refused(background, {{"input", "hwo"}}, {person}), "did you mean 'who'");
  expect_part(refused(background, {{"input", "who"}, {"input_mask", "bdy"}}, {person}),
              "stage 'who' makes no mask 'bdy' (did you mean 'body'?)");
  expect_part(refused(background, {}, {stage("boxes", "detect")}), "put a stage of type segment there");
}

TEST_F(StageDeclaration, ALanesStageNeedsAMaskBeforeItAndAPossibleCamera) {
  StageSpec road = stage("street", "segment");
  road.masks = {{"drivable", "da", "#ffffff", 0.5}, {"paint", "ll", "#ffffff", 0.5}};
  const StageSpec lanes = stage("s", "lanes");
  EXPECT_EQ(refused(lanes, {{"input", "street"}, {"input_mask", "paint"}}, {road}), "");
  EXPECT_EQ(
      refused(lanes, {{"input", "street"}, {"input_mask", "paint"}, {"camera.horizon", "lanes"}}, {road}),
      "");
  expect_part(refused(lanes, {{"input", "stret"}}, {road}), "did you mean 'street'");
  expect_part(refused(lanes, {{"input", "boxes"}}, {stage("boxes", "detect")}),
              "put a stage of type segment there");
  expect_part(refused(lanes, {{"input", "street"}, {"input_mask", "pant"}}, {road}),
              "stage 'street' makes no mask 'pant' (did you mean 'paint'?); there is drivable, paint");
  expect_part(
      refused(lanes, {{"input", "street"}, {"input_mask", "paint"}, {"camera.horizon", "lane"}}, {road}),
      "'lane' is unknown");
  expect_part(refused(lanes, {{"input", "street"}, {"input_mask", "paint"}, {"hold", "0"}}, {road}),
              "s.hold: 0 is out of range");
  expect_part(refused(lanes, {{"input", "street"}, {"input_mask", "paint"}}, {road, stage("first", "lanes")}),
              "one stage of type lanes");
}

TEST_F(StageDeclaration, APipelineHasOneCamera) {
  const StageSpec detector = stage("boxes", "detect"), track = stage("who", "track");
  StageSpec road = stage("road", "segment");
  road.masks = {{"lanes", "ll", "#ffffff", 0.5}};
  const StageSpec lanes = stage("way", "lanes"), range = stage("s", "range");
  Params params;
  params.set_text_later("s.input", "who", ParamOrigin::kCommandLine);
  params.set_text_later("way.camera.horizon", "lanes", ParamOrigin::kCommandLine);
  params.set_text_later("s.camera.height", "1.5", ParamOrigin::kCommandLine);
  ASSERT_TRUE(declare_stage(lanes, std::vector{road}, catalogue_, params).ok());
  ASSERT_TRUE(declare_stage(range, std::vector{detector, track, road, lanes}, catalogue_, params).ok());
  EXPECT_EQ(params.text("way.camera.horizon"), "lanes");
  const Status unknown = params.check_all_known();
  ASSERT_FALSE(unknown.ok());
  expect_part(unknown.error().message, "did you mean 'way.camera.height'");
  expect_part(refused(range, {{"input", "who"}, {"camera.horizon", "lanes"}}, {detector, track}),
              "put a stage of type lanes there");
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
  EXPECT_EQ(refused(face, {{"object", "hat"}}), "");
  expect_part(refused(face, {{"object", "glases"}}), "glasses");
  expect_part(refused(face, {}, {stage("first", "face")}), "one stage of type face");
}

TEST_F(StageDeclaration, ABodyStageTakesABodysNetwork) {
  const StageSpec body = stage("s", "body");
  EXPECT_EQ(refused(body, {}), "");
  expect_part(refused(body, {{"model", "face_landmark"}}),
              "face_landmark: finds no body landmarks (its head is 'face_mesh'); choose movenet_lightning");
  expect_part(refused(body, {{"model", "movenet"}}), "movenet");
  expect_part(refused(body, {{"score", "1"}}), "s.score: 1 is out of range");
  expect_part(refused(body, {{"show", "skelton"}}), "did you mean 'skeleton'");
  expect_part(refused(body, {}, {stage("first", "body")}), "one stage of type body");
}

TEST_F(StageDeclaration, AHandsStageNeedsABodyBeforeIt) {
  const StageSpec hands = stage("s", "hands"), body = stage("body", "body"), face = stage("face", "face");
  EXPECT_EQ(refused(hands, {}, {face, body}), "");
  expect_part(refused(hands, {}), "its input 'body' is no stage before it; put a stage of type body there");
  expect_part(refused(hands, {{"input", "bdy"}}, {body}), "did you mean 'body'");
  expect_part(refused(hands, {{"input", "face"}}, {face, body}), "is no body stage before it; there is body");
  expect_part(refused(hands, {{"model", "movenet_lightning"}}, {body}),
              "movenet_lightning: finds no hand landmarks (its head is 'body'); choose hand_landmark_lite");
  expect_part(refused(hands, {{"look_every", "0"}}, {body}), "s.look_every: 0 is out of range");
  expect_part(refused(hands, {{"presence", "2"}}, {body}), "s.presence: 2 is out of range");
}

TEST_F(StageDeclaration, ABadColourIsRefused) {
  EXPECT_EQ(refused("segment", "selfie_segmentation", {{"m", "", "#a0ff30", 0.5}}), "");
  expect_part(refused("segment", "selfie_segmentation", {{"m", "", "green", 0.5}}),
              "stage 's', mask 'm': 'green' is no colour");
  expect_part(refused("segment", "selfie_segmentation"), "at least one [[stage.mask]]");
}

TEST_F(StageDeclaration, MasksOfTwoStagesHaveTwoNames) {
  StageSpec first = stage("who", "segment"), second = stage("s", "segment");
  first.masks = {{"body", "", "#ffffff", 0.5}};
  second.masks = {{"road", "", "#ffffff", 0.5}, {"body", "", "#ffffff", 0.5, "own.toml:9"}};
  expect_part(refused(second, {}, {first}),
              "own.toml:9: stage 's': stage 'who' has a mask named 'body' already");
  second.masks.pop_back();
  EXPECT_EQ(refused(second, {}, {first}), "");
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
      {"type = 'zones'\n[[stage.zone]]\nname = 'a'\npoints = [[0, 0], [1, 1]]", 4,
       "zone 'a': a zone has at least 3 points, not 2"},
      {"type = 'zones'\n[[stage.line]]\nname = 'l'\npoints = [[0, 0.5], [1.5, 0.5]]", 4,
       "line 'l': point (1.5, 0.5) is outside of the frame"},
      {"type = 'zones'\n[[stage.zone]]\nname = 'a'\npoints = [[0, 0], [1, 1], [1, 0], [0, 1]]", 4, "cross"},
      {"type = 'zones'\n[[stage.line]]\nname = 'a'\npoints = [[0, 0], [1, 1]]\n"
       "[[stage.zone]]\nname = 'a'\npoints = [[0, 0], [1, 1], [1, 0]]",
       7, "two zones or lines named 'a'"},
      {"type = 'zones'\n[[stage.line]]\nname = 'a'\npoints = [[0, 0], [1, 1]]", 1,
       "its input 'track' is no stage before it; put a stage of type track there"},
      {"type = 'detect'\n[[stage.line]]\nname = 'a'\npoints = [[0, 0], [1, 1]]", 4,
       "a stage of type detect has no zones and no lines"},
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
