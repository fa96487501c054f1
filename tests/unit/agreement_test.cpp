// Boxes of two sides: which are the same, and what the summary makes of it.
#include "app/agreement.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "app/comparison.hpp"

namespace tarsier::app {
namespace {

using vision::Detection;

const std::vector<int32_t> kSame = {0, 1, 2};
const std::vector<std::string> kNames = {"person", "car", "bus"};

Detection box(float x, float score, int32_t class_id = 0, float width = 10) {
  return {x, 0, x + width, 10, score, class_id, 0, 0};
}

TEST(MatchBoxes, TheBestBoxChoosesFirstAndTakesTheOneThatOverlapsMost) {
  // The first would do with either, the second with the nearer one alone, which is taken by then.
  const std::vector<Detection> first{box(0, 0.9F), box(2, 0.8F)}, second{box(1, 0.9F), box(-3, 0.8F)};
  const auto pairs = vision::match_boxes(first, second, kSame);
  ASSERT_EQ(pairs.size(), 1U) << "greedy: nothing is given back for a better sum";
  EXPECT_EQ(pairs[0].first, 0U);
  EXPECT_EQ(pairs[0].second, 0U);
  EXPECT_FLOAT_EQ(pairs[0].iou, 9.0F / 11);
}

TEST(MatchBoxes, HalfIsEnoughAndLessIsNot) {
  const std::vector<Detection> one{box(0, 0.9F)};
  EXPECT_EQ(vision::match_boxes(one, std::vector{box(0, 0.9F, 0, 5)}, kSame).size(), 1U) << "5 of 10";
  EXPECT_TRUE(vision::match_boxes(one, std::vector{box(0, 0.9F, 0, 4.9F)}, kSame).empty());
  EXPECT_TRUE(vision::match_boxes(one, std::vector{box(50, 0.9F)}, kSame).empty());
  EXPECT_TRUE(vision::match_boxes(std::vector{box(0, 1, 0, 0)}, std::vector{box(0, 1, 0, 0)}, kSame).empty())
      << "of nothing";
}

TEST(MatchBoxes, ClassesGoByTheirNames) {
  const std::vector<Detection> car{box(0, 0.9F, 1)};
  EXPECT_TRUE(vision::match_boxes(car, std::vector{box(0, 0.9F, 2)}, kSame).empty());
  const std::vector<std::string> other = {"bicycle", "person", "car"};
  const auto common = Agreement::common_classes(kNames, other);
  EXPECT_EQ(common, (std::vector<int32_t>{-1, 0, 1}));
  EXPECT_EQ(vision::match_boxes(car, std::vector{box(0, 0.9F, 2)}, common).size(), 1U);
  EXPECT_TRUE(vision::match_boxes(car, std::vector{box(0, 0.9F, 0)}, common).empty()) << "unknown there";
  EXPECT_TRUE(vision::match_boxes(car, std::vector{box(0, 0.9F, 7)}, common).empty()) << "beyond the list";
  EXPECT_TRUE(vision::match_boxes(car, std::vector{box(0, 0.9F, -1)}, common).empty());
  EXPECT_EQ(Agreement::common_classes({}, {}).at(5), 5) << "where nobody names them the numbers count";
}

TEST(Agreement, CountsByClassAndFrame) {
  Agreement agreement;
  const auto common = Agreement::common_classes(kNames, kNames);
  EXPECT_EQ(agreement.all().agreement(), 1) << "nobody has a box";
  const std::vector<Detection> a{box(0, 0.9F, 0), box(100, 0.8F, 1), box(200, 0.7F, 1)},
      b{box(1, 0.9F, 0), box(300, 0.5F, 2)};
  const auto frame = [&](uint64_t position, std::span<const Detection> first,
                         std::span<const Detection> second) {
    return Agreement::Frame{position, first, second, kNames, kNames, common};
  };
  agreement.add(frame(3, a, b), true);
  EXPECT_EQ(agreement.latest().both, 1U);
  EXPECT_EQ(agreement.latest().only_first, 2U);
  EXPECT_EQ(agreement.latest().only_second, 1U);
  EXPECT_DOUBLE_EQ(agreement.latest().agreement(), 0.4) << "2 of 5";
  agreement.add(frame(7, b, b), true);
  agreement.add(frame(9, {}, {}), true);
  EXPECT_EQ(agreement.frames(), 3U);
  EXPECT_DOUBLE_EQ(agreement.all().agreement(), 6.0 / 9);
  EXPECT_NEAR(agreement.mean_iou(), (9.0 / 11 + 1 + 1) / 3, 1e-6);
  EXPECT_EQ(agreement.classes().at("car").only_first, 2U);
  EXPECT_EQ(agreement.classes().at("bus").only_second, 1U);
  EXPECT_EQ(agreement.classes().at("bus").both, 1U);
  EXPECT_EQ(agreement.disagreements(), (std::map<uint64_t, double>{{3, 0.6}, {7, 0}, {9, 0}}));

  // A frame that stands is looked at again and again: its word changes, the summary does not.
  agreement.add(frame(3, a, a), false);
  EXPECT_EQ(agreement.frames(), 3U);
  EXPECT_EQ(agreement.disagreements().at(3), 0);

  agreement.add_times(4, 10);
  agreement.add_times(6, 20);
  const auto json = agreement.json();
  EXPECT_EQ(json["version"], 1);
  EXPECT_EQ(json["frames"], 3);
  EXPECT_EQ(json["boxes"], (nlohmann::json{{"both", 3}, {"only_a", 2}, {"only_b", 1}}));
  EXPECT_EQ(json["classes"][0]["class"], "bus");
  EXPECT_EQ(json["device_ms"], (nlohmann::json{{"a", 5.0}, {"b", 15.0}}));
  EXPECT_EQ(json["disagreements"][1], (nlohmann::json{7, 0.0}));
  const std::string text = agreement.text();
  EXPECT_NE(text.find("agreement   0.667"), std::string::npos) << text;
  EXPECT_NE(text.find("differ in   car (A 2, B 0), bus (A 0, B 1)\n"), std::string::npos) << text;
}

TEST(Agreement, ItsRecordIsBounded) {
  Agreement agreement;
  for (uint64_t position = 0; position < Agreement::kMostFrames + 10; ++position)
    agreement.add({.position = position}, true);
  EXPECT_EQ(agreement.disagreements().size(), Agreement::kMostFrames);
  EXPECT_FALSE(agreement.disagreements().contains(0));
  agreement.add({.position = 0}, true);
  EXPECT_TRUE(agreement.disagreements().contains(0)) << "near the latest one";
  EXPECT_EQ(agreement.disagreements().size(), Agreement::kMostFrames);
}

TEST(CompareOption, IsAPresetAPrecisionOrAParameter) {
  RunOptions options;
  options.preset = "fast";
  options.set = {"detect.score=0.5"};
  const auto other = compared_options(options, {"careful", "precision=fp16", "detect.model=yolox_nano"});
  ASSERT_TRUE(other.ok()) << other.error().message;
  EXPECT_EQ(other->preset, "careful");
  EXPECT_EQ(other->precision, "fp16");
  EXPECT_EQ(other->set, (std::vector<std::string>{"detect.score=0.5", "detect.model=yolox_nano"}));
  const auto same = compared_options(options, {"detect.score=0.7"});
  ASSERT_TRUE(same.ok());
  EXPECT_EQ(same->preset, "fast") << "what is not said is as on the other side";
  for (const char* wrong : {"", "=0.5", "precision=fp15"}) {
    const auto refused = compared_options(options, {wrong});
    ASSERT_FALSE(refused.ok()) << wrong;
    EXPECT_EQ(refused.error().kind, ErrorKind::kInput);
    EXPECT_NE(refused.error().message.find(std::string("--compare ") + wrong), std::string::npos)
        << refused.error().message;
  }
}

}  // namespace
}  // namespace tarsier::app
