// A body and a hand in a picture: drawn where their points are, in the colours of their sides, faded where
// the network is not sure, and not at all where there is nobody.
#include "present/scene_fixture.hpp"
#include "vision/body.hpp"

namespace tarsier::present {
namespace {

class SkeletonPicture : public test::SceneTest {
 protected:
  /// Every point that is not told of is far outside.
  static vision::LandmarkState state(std::initializer_list<std::pair<size_t, std::array<float, 3>>> points,
                                     uint32_t tracked = 3, float size = 150) {
    vision::LandmarkState state;
    state.tracked = tracked;
    state.size = size;
    for (const auto& [i, at] : points) {
      state.points[i] = {at[0], at[1], 0, at[2]};
      state.speeds[i] = {0, 0, 0, at[2]};
    }
    return state;
  }
  void draw_one(const vision::LandmarkState& state, SkeletonKind kind,
                SkeletonShow show = SkeletonShow::kSkeleton, uint64_t offset = 0) {
    std::vector<vision::LandmarkState> states(1 + offset / sizeof state);
    states.back() = state;
    auto buffer = test::upload_vector(device(), states);
    ASSERT_OK(buffer);
    const SkeletonInput input{&*buffer, offset, kind, show, 0.3F};
    skeletons_ = {&input, 1};
    draw(kWidth, kHeight, {});
    skeletons_ = {};
  }
  [[nodiscard]] size_t changed_anywhere() const { return changed(0, 0, kWidth, kHeight); }
};

TEST_F(SkeletonPicture, BonesLieBetweenSurePointsInTheirSidesColour) {
  draw_one(state({{vision::kLeftElbow, {200, 60, 0.9F}},
                  {vision::kLeftWrist, {200, 140, 0.9F}},
                  {vision::kRightElbow, {80, 60, 0.9F}},
                  {vision::kRightWrist, {80, 140, 0.9F}}}),
           SkeletonKind::kBody);
  for (const uint32_t y : {70U, 100U, 130U}) {
    const auto left = at(200, y), right = at(80, y);
    EXPECT_GT(left.r, left.g + 80) << "warm";
    EXPECT_GT(right.b, right.r + 80) << "cool";
  }
  EXPECT_TRUE(unchanged(140, 100));
  EXPECT_EQ(changed(0, 0, kWidth, 50), 0U);
  EXPECT_EQ(changed(0, 150, kWidth, kHeight), 0U);
}

TEST_F(SkeletonPicture, WhatIsNotSureIsNotDrawn) {
  draw_one(state({{vision::kLeftElbow, {200, 60, 0.9F}}, {vision::kLeftWrist, {200, 140, 0.29F}}}),
           SkeletonKind::kBody);
  EXPECT_EQ(changed(0, 70, kWidth, kHeight), 0U) << "neither the wrist nor the bone to it";
  EXPECT_GT(changed(190, 50, 210, 70), 0U) << "the elbow";
  // In between it is faint.
  draw_one(state({{vision::kLeftElbow, {200, 60, 0.9F}}, {vision::kLeftWrist, {200, 140, 0.36F}}}),
           SkeletonKind::kBody);
  const auto faint = at(200, 100);
  draw_one(state({{vision::kLeftElbow, {200, 60, 0.9F}}, {vision::kLeftWrist, {200, 140, 0.9F}}}),
           SkeletonKind::kBody);
  EXPECT_GT(at(200, 100).r, faint.r + 30);
}

TEST_F(SkeletonPicture, NobodyIsNotDrawn) {
  const auto points = {std::pair<size_t, std::array<float, 3>>{5, {200, 60, 0.9F}}, {7, {200, 140, 0.9F}}};
  draw_one(state(points, 0), SkeletonKind::kBody);
  EXPECT_EQ(changed_anywhere(), 0U);
  draw_one(state(points), SkeletonKind::kBody, SkeletonShow::kOff);
  EXPECT_EQ(changed_anywhere(), 0U);
  // Of a hand, the first frame is looked at in the arm's square.
  draw_one(state(points, 1), SkeletonKind::kLeftHand);
  EXPECT_EQ(changed_anywhere(), 0U);
  draw_one(state(points, 2), SkeletonKind::kLeftHand);
  EXPECT_GT(changed_anywhere(), 0U);
}

TEST_F(SkeletonPicture, PointsComeWithoutTheirBones) {
  const auto arm = state({{vision::kLeftElbow, {200, 60, 0.9F}}, {vision::kLeftWrist, {200, 140, 0.9F}}});
  draw_one(arm, SkeletonKind::kBody, SkeletonShow::kPoints);
  EXPECT_TRUE(unchanged(200, 100));
  EXPECT_FALSE(unchanged(200, 60));
  EXPECT_FALSE(unchanged(200, 140));
}

TEST_F(SkeletonPicture, FingersHaveFiveShadesAndTheSecondHandItsOwn) {
  std::vector<test::Pixel> shades;
  for (const SkeletonKind kind : {SkeletonKind::kLeftHand, SkeletonKind::kRightHand}) {
    vision::LandmarkState hand = state({{0, {160, 220, 0.9F}}}, 3, 60);
    for (size_t i = 1; i < vision::kHandPoints; ++i) {
      const float x = 60 + 50 * float((i - 1) / 4), y = 160 - 40 * float((i - 1) % 4);
      hand.points[i] = {x, y, 0, 0.9F};
      hand.speeds[i] = {0, 0, 0, 0.9F};
    }
    draw_one(hand, kind, SkeletonShow::kSkeleton, kind == SkeletonKind::kLeftHand ? 0 : sizeof hand);
    for (uint32_t finger = 0; finger < 5; ++finger) shades.push_back(at(60 + 50 * finger, 60));
  }
  for (size_t i = 0; i < shades.size(); ++i) {
    EXPECT_EQ(shades[i].r > shades[i].b, i < 5) << i;
    for (size_t j = 0; j < i; ++j) {
      const int apart = std::abs(shades[i].r - shades[j].r) + std::abs(shades[i].g - shades[j].g) +
                        std::abs(shades[i].b - shades[j].b);
      EXPECT_GT(apart, 20) << i << ", " << j;
    }
  }
}

}  // namespace
}  // namespace tarsier::present
