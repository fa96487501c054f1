#include "core/param.hpp"

#include <gtest/gtest.h>

namespace tarsier {
namespace {

Params two_params() {
  Params params;
  EXPECT_TRUE(
      params
          .declare({.key = "detect.score", .type = ParamType::kFloat, .initial = 0.3, .help = "least score"})
          .ok());
  EXPECT_TRUE(params
                  .declare({.key = "detect.classes",
                            .type = ParamType::kSet,
                            .initial = std::vector<std::string>{},
                            .choices = {"person", "car"}})
                  .ok());
  return params;
}

TEST(Params, AStrongerOriginWins) {
  Params params = two_params();
  ASSERT_TRUE(params.set("detect.score", 0.5, ParamOrigin::kCommandLine).ok());
  ASSERT_TRUE(params.set("detect.score", 0.1, ParamOrigin::kPipeline).ok());
  EXPECT_DOUBLE_EQ(params.real("detect.score"), 0.5);
  ASSERT_TRUE(params.set_text("detect.score", "0.7", ParamOrigin::kOverlay).ok());
  EXPECT_DOUBLE_EQ(params.real("detect.score"), 0.7);
  EXPECT_EQ(params.origin("detect.score"), ParamOrigin::kOverlay);
}

TEST(Params, WeakerValuesStayBelowStrongerOnes) {
  Params params = two_params();
  ASSERT_TRUE(params.set("detect.score", 0.7, ParamOrigin::kOverlay).ok());
  ASSERT_TRUE(params.set("detect.score", 0.4, ParamOrigin::kPreset).ok());
  ASSERT_TRUE(params.set("detect.score", 0.2, ParamOrigin::kPipeline).ok());
  EXPECT_DOUBLE_EQ(params.real("detect.score"), 0.7);
  EXPECT_EQ(params.source_below("detect.score", ParamOrigin::kOverlay).value, ParamValue(0.4));
  EXPECT_EQ(params.source_below("detect.score", ParamOrigin::kPreset).origin, ParamOrigin::kPipeline);
  EXPECT_EQ(params.source_below("detect.score", ParamOrigin::kPipeline).value, ParamValue(0.3));
  EXPECT_EQ(params.source_below("detect.score", ParamOrigin::kDefault).value, ParamValue(0.3));
  params.clear("detect.score", ParamOrigin::kPreset);
  EXPECT_DOUBLE_EQ(params.real("detect.score"), 0.7);
  params.clear_all(ParamOrigin::kOverlay);
  EXPECT_DOUBLE_EQ(params.real("detect.score"), 0.2);
  params.clear("detect.score", ParamOrigin::kPipeline);
  params.clear("detect.score", ParamOrigin::kDefault);
  EXPECT_DOUBLE_EQ(params.real("detect.score"), 0.3) << "a default stays";
}

TEST(Params, AValueThatIsThereAnywayIsNoChangeByHand) {
  Params params = two_params();
  ASSERT_TRUE(params.set("detect.score", 0.4, ParamOrigin::kPreset).ok());
  ASSERT_TRUE(params.set_by_hand("detect.score", 0.6).ok());
  EXPECT_EQ(params.origin("detect.score"), ParamOrigin::kOverlay);
  EXPECT_FALSE(params.set_by_hand("detect.score", 6.0).ok());
  EXPECT_DOUBLE_EQ(params.real("detect.score"), 0.6);
  ASSERT_TRUE(params.set_by_hand("detect.score", 0.4).ok());
  EXPECT_EQ(params.origin("detect.score"), ParamOrigin::kPreset);
}

TEST(Params, ListsWhatIsNotAtItsDefault) {
  Params params = two_params();
  ASSERT_TRUE(params.set("detect.score", 0.3, ParamOrigin::kPipeline).ok());
  EXPECT_TRUE(params.not_default().empty());
  ASSERT_TRUE(params.set_text("detect.classes", "car", ParamOrigin::kCommandLine).ok());
  const std::vector<std::pair<std::string, ParamValue>> wanted = {
      {"detect.classes", std::vector<std::string>{"car"}}};
  EXPECT_EQ(params.not_default(), wanted);
}

TEST(Params, AKeyOfAnotherPipelinesStageIsToldAsSuch) {
  Params params = two_params();
  const Status status = params.set_text("birdseye.size", "0.5", ParamOrigin::kCommandLine);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().message, "birdseye.size: this pipeline has no stage 'birdseye', it has detect");
}

TEST(Params, UnknownKeyNamesTheNearest) {
  Params params = two_params();
  const Status status = params.set_text("detect.scor", "1", ParamOrigin::kCommandLine);
  ASSERT_FALSE(status.ok());
  EXPECT_NE(status.error().message.find("did you mean 'detect.score'"), std::string::npos);
  EXPECT_EQ(status.error().exit_code(), 2);
}

TEST(Params, RangeTypeAndChoiceAreChecked) {
  Params params = two_params();
  EXPECT_FALSE(params.set_text("detect.score", "1.5", ParamOrigin::kCommandLine).ok());
  EXPECT_FALSE(params.set_text("detect.score", "nan", ParamOrigin::kCommandLine).ok());
  EXPECT_FALSE(params.set_text("detect.score", "high", ParamOrigin::kCommandLine).ok());
  EXPECT_FALSE(params.set_text("detect.classes", "person,cat", ParamOrigin::kCommandLine).ok());
  EXPECT_DOUBLE_EQ(params.real("detect.score"), 0.3);
  ASSERT_TRUE(params.set_text("detect.classes", "person,car", ParamOrigin::kCommandLine).ok());
  EXPECT_EQ(params.set_of("detect.classes").size(), 2U);
}

TEST(Params, TheEmptySetHasAWord) {
  Params params = two_params();
  ASSERT_TRUE(params.set("detect.classes", std::string("car"), ParamOrigin::kPipeline).ok());
  EXPECT_EQ(params.set_of("detect.classes").size(), 1U) << "a text is a list, too";
  ASSERT_TRUE(params.set_text("detect.classes", "all", ParamOrigin::kCommandLine).ok());
  EXPECT_TRUE(params.set_of("detect.classes").empty());
  EXPECT_FALSE(params.set_text("detect.classes", "off", ParamOrigin::kCommandLine).ok());
  EXPECT_FALSE(params.set_text("detect.classes", "all,car", ParamOrigin::kCommandLine).ok());
  ASSERT_TRUE(params
                  .declare({.key = "p.blur",
                            .type = ParamType::kSet,
                            .initial = std::vector<std::string>{},
                            .choices = {"people"},
                            .empty = "off"})
                  .ok());
  ASSERT_TRUE(params.set_text("p.blur", "people", ParamOrigin::kPipeline).ok());
  ASSERT_TRUE(params.set("p.blur", std::string("off"), ParamOrigin::kCommandLine).ok());
  EXPECT_TRUE(params.set_of("p.blur").empty());
}

TEST(Params, ValuesGivenBeforeTheDeclarationAreApplied) {
  Params params;
  params.set_later("a.x", int64_t{3}, ParamOrigin::kPipeline);
  params.set_text_later("a.x", "4", ParamOrigin::kCommandLine);
  params.set_text_later("a.y", "1", ParamOrigin::kCommandLine);
  ASSERT_TRUE(
      params.declare({.key = "a.x", .type = ParamType::kInt, .initial = int64_t{0}, .min = 0, .max = 9})
          .ok());
  EXPECT_EQ(params.integer("a.x"), 4);
  const Status status = params.check_all_known();
  ASSERT_FALSE(status.ok());
  EXPECT_NE(status.error().message.find("a.y"), std::string::npos);
}

TEST(Params, WithdrawnOnesAreGoneAndTheRestKeepTheirSpecs) {
  Params params = two_params();
  ASSERT_TRUE(params.declare({.key = "road.opacity", .initial = 0.25, .max = 0.5}).ok());
  ASSERT_TRUE(params.set("road.opacity", 0.4, ParamOrigin::kPipeline).ok());
  params.withdraw("detect.");
  EXPECT_EQ(params.keys(), std::vector<std::string>{"road.opacity"});
  EXPECT_DOUBLE_EQ(params.real("road.opacity"), 0.4);
  EXPECT_FALSE(params.set("road.opacity", 0.9, ParamOrigin::kOverlay).ok())
      << "checked against its own range";
  EXPECT_FALSE(params.set("detect.score", 0.5, ParamOrigin::kOverlay).ok());
}

}  // namespace
}  // namespace tarsier
