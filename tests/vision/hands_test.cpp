// Where hands begin and are followed: against CPU references, and arms and hands whose places are known.
#include "vision/hands.hpp"

#include "device_tensor.hpp"
#include "vision/body.hpp"

namespace tarsier::vision {
namespace {

using test::Storage;

class HandsTest : public test::GpuTest {
 protected:
  static constexpr int kCrop = 224;
  gpu::Buffer body_, hands_;
  HandRegions regions_;

  void SetUp() override {
    GpuTest::SetUp();
    auto body = device().create_buffer({.size = sizeof(LandmarkState), .name = "body"});
    auto hands = device().create_buffer({.size = sizeof(HandStates), .name = "hands"});
    auto regions = HandRegions::create(device());
    ASSERT_OK(body);
    ASSERT_OK(hands);
    ASSERT_OK(regions);
    body_ = *std::move(body);
    hands_ = *std::move(hands);
    regions_ = *regions;
  }
  HandStates regions(const LandmarkState& body, const HandStates& before, const HandRegionParams& params) {
    EXPECT_OK(device().upload(body_, 0, &body, sizeof body));
    EXPECT_OK(device().upload(hands_, 0, &before, sizeof before));
    EXPECT_OK(device().run_once([&](gpu::CommandList& commands) {
      regions_.record(commands, params, body_.address(), hands_.address());
    }));
    HandStates after;
    EXPECT_OK(device().download(hands_, 0, &after, sizeof after));
    const HandStates expected = hand_regions_reference(body, params, before);
    for (size_t side = 0; side < 2; ++side) {
      SCOPED_TRACE(side);
      EXPECT_EQ(after[side].tracked, expected[side].tracked);
      EXPECT_EQ(after[side].begins, expected[side].begins);
      EXPECT_EQ(after[side].region.valid, expected[side].region.valid);
      EXPECT_EQ(after[side].tries, expected[side].tries);
      EXPECT_EQ(after[side].presence, expected[side].presence);
      EXPECT_EQ(after[side].shown, expected[side].shown);
      EXPECT_NEAR(after[side].since, expected[side].since, 1e-5);
      EXPECT_NEAR(after[side].astray, expected[side].astray, 1e-5);
      EXPECT_NEAR(after[side].region.centre_x, expected[side].region.centre_x, 1e-2);
      EXPECT_NEAR(after[side].region.centre_y, expected[side].region.centre_y, 1e-2);
      EXPECT_NEAR(after[side].region.size, expected[side].region.size, 1e-2);
      EXPECT_NEAR(after[side].region.axis_x, expected[side].region.axis_x, 1e-4);
      EXPECT_NEAR(after[side].region.axis_y, expected[side].region.axis_y, 1e-4);
    }
    return after;
  }
  /// Only these points are sure.
  static LandmarkState body(std::initializer_list<std::pair<size_t, std::array<float, 2>>> points) {
    LandmarkState state;
    state.tracked = 3;
    for (const auto& [i, at] : points) state.points[i] = {at[0], at[1], 0, 0.9F};
    return state;
  }
  /// A hand that is followed, its wrist there.
  static LandmarkState followed(float x, float y, float size) {
    LandmarkState hand;
    hand.tracked = kSettledFrames;
    hand.presence = 0.9F;
    hand.region = {x, y - size / 4, size, 1, 1, 0, {}};
    hand.points[0] = {x, y, 0, 0.9F};
    return hand;
  }
  /// An open hand with its fingers up, in pixels of the crop: wrist below the middle, `span` pixels long.
  static std::vector<float> open_hand(float span, float angle = 0) {
    std::vector<float> values;
    const auto add = [&](float across, float up) {
      const float x = across * span, y = (0.45F - up) * span;
      values.push_back(kCrop / 2.0F + x * std::cos(angle) - y * std::sin(angle));
      values.push_back(kCrop / 2.0F + x * std::sin(angle) + y * std::cos(angle));
      values.push_back(-0.1F * up * span);
    };
    add(0, 0);
    for (int finger = 0; finger < 5; ++finger) {
      const float root = -0.2F + 0.1F * float(finger);
      for (int joint = 0; joint < 4; ++joint)
        add(root * (1 + 0.2F * float(joint)), (finger == 0 ? 0.1F : 0.45F) + 0.15F * float(joint));
    }
    return values;
  }
  struct Chain {
    test::DeviceTensor points, presence;
    HandLandmarks pass;
    gpu::Buffer state;
    static Chain make(const Storage& storage) {
      Chain chain;
      auto points =
          test::put(device(), {1, 3 * kHandPoints, 1, 1}, std::vector<float>(3 * kHandPoints, 0), storage);
      auto presence = test::put(device(), {1, 1, 1, 1}, {0}, {storage.layout, false, false});
      auto state = device().create_buffer({.size = sizeof(LandmarkState), .name = "hand"});
      EXPECT_OK(points);
      EXPECT_OK(presence);
      EXPECT_OK(state);
      auto pass = HandLandmarks::create(device(), points->ref, presence->ref, kCrop);
      EXPECT_OK(pass);
      chain.points = *std::move(points);
      chain.presence = *std::move(presence);
      chain.state = *std::move(state);
      chain.pass = *pass;
      return chain;
    }
    LandmarkState run(std::vector<float>& values, float flag, const HandParams& params,
                      const LandmarkState& before) {
      const auto into = [](const test::DeviceTensor& to, const std::vector<float>& from) {
        auto next = test::put(device(), to.shape, from, {to.ref.layout, to.ref.fp16, false});
        EXPECT_OK(next);
        std::vector<uint32_t> words(next->words);
        EXPECT_OK(device().download(next->buffer, 0, words.data(), words.size() * 4));
        EXPECT_OK(device().upload(to.buffer, 0, words.data(), words.size() * 4));
        return next->values;
      };
      values = into(points, values);  // as they are stored
      into(presence, {flag});
      EXPECT_OK(device().upload(state, 0, &before, sizeof before));
      EXPECT_OK(device().run_once(
          [&](gpu::CommandList& commands) { pass.record(commands, params, state.address()); }));
      LandmarkState after;
      EXPECT_OK(device().download(state, 0, &after, sizeof after));
      return after;
    }
  };
};

TEST_F(HandsTest, AHandBeginsBeyondTheWristAlongTheForearm) {
  // The left arm hangs, 100 pixels from elbow to wrist; the right forearm points to the picture's right.
  const auto hands = regions(body({{kLeftElbow, {200, 100}},
                                   {kLeftWrist, {200, 200}},
                                   {kRightElbow, {300, 150}},
                                   {kRightWrist, {360, 150}}}),
                             {}, {.seconds = 0.04F});
  EXPECT_EQ(hands[0].region.valid, 1U);
  EXPECT_NEAR(hands[0].region.centre_x, 200, 1e-3);
  EXPECT_NEAR(hands[0].region.centre_y, 235, 1e-3);
  EXPECT_NEAR(hands[0].region.size, 100, 1e-3);
  // Fingers point up in the crop: its right is the picture's left where they hang.
  EXPECT_NEAR(hands[0].region.axis_x, -1, 1e-5);
  EXPECT_NEAR(hands[1].region.axis_y, 1, 1e-5);
  EXPECT_NEAR(hands[1].region.centre_x, 360 + 0.35 * 60, 1e-3);
  EXPECT_NEAR(hands[1].since, 0.04, 1e-5);
}

TEST_F(HandsTest, EachLookInVainBendsTheWristAnotherWay) {
  const auto arm = body({{kLeftElbow, {200, 100}}, {kLeftWrist, {200, 200}}});
  HandStates hands;
  const double half = std::sqrt(0.5);
  const double towards_x[] = {0, half, -half};  // of the fingers, from the wrist
  for (uint32_t tries = 0; tries < 6; ++tries) {
    hands[0].tries = tries;
    const Region region = regions(arm, hands, {.seconds = 0.04F})[0].region;
    EXPECT_NEAR(region.centre_x, 200 + 35 * towards_x[tries % 3], 0.01) << tries;
    EXPECT_NEAR(region.axis_y, towards_x[tries % 3], 1e-4) << tries;
  }
}

TEST_F(HandsTest, AForearmSeenFromItsEndIsAsLongAsTheShouldersSay) {
  const auto hands = regions(body({{kLeftShoulder, {400, 100}},
                                   {kRightShoulder, {267, 100}},
                                   {kLeftElbow, {410, 205}},
                                   {kLeftWrist, {400, 200}},
                                   {kRightWrist, {250, 180}}}),
                             {}, {});
  for (const auto& hand : hands) {
    EXPECT_EQ(hand.begins, 1U);
    EXPECT_NEAR(hand.region.size, 100, 0.1);
    EXPECT_NEAR(hand.region.axis_x, 1, 1e-5) << "up";
  }
  EXPECT_NEAR(hands[1].region.centre_y, 180 - 0.35 * 25, 0.01);
}

TEST_F(HandsTest, WithoutAWristOrABodyThereIsNothingToLookAt) {
  auto arm = body({{kLeftElbow, {200, 100}}, {kLeftWrist, {200, 200}}});
  arm.points[kLeftWrist].score = 0.29F;
  EXPECT_EQ(regions(arm, {}, {})[0].region.valid, 0U);
  arm.points[kLeftWrist].score = 0.31F;
  EXPECT_EQ(regions(arm, {}, {})[0].region.valid, 1U);
  arm.tracked = 0;
  EXPECT_EQ(regions(arm, {}, {})[0].begins, 0U);
  // A wrist alone does not say how large its hand is.
  EXPECT_EQ(regions(body({{kRightWrist, {200, 200}}}), {}, {})[1].region.valid, 0U);
}

TEST_F(HandsTest, AFollowedHandStaysUntilItsArmIsElsewhereForAWhile) {
  const auto arm = body({{kLeftElbow, {200, 100}}, {kLeftWrist, {200, 200}}});
  HandStates hands{followed(205, 203, 100), {}};
  for (int i = 0; i < 20; ++i) hands = regions(arm, hands, {.seconds = 0.04F});
  EXPECT_EQ(hands[0].tracked, kSettledFrames);
  EXPECT_EQ(hands[0].region.centre_x, 205) << "its own landmarks know better";
  // Without a body it is followed all the same.
  EXPECT_EQ(regions({}, hands, {.seconds = 0.04F})[0].tracked, kSettledFrames);
  hands[0] = followed(400, 200, 100);
  int frames = 0;
  for (; frames < 20 && hands[0].tracked != 0; ++frames) hands = regions(arm, hands, {.seconds = 0.04F});
  EXPECT_EQ(frames, 7) << "more than a quarter of a second";
  EXPECT_NEAR(hands[0].region.centre_x, 200, 1e-3) << "and looked for at its arm at once";
  // A wrist that jumps for a frame changes nothing.
  hands[0] = followed(400, 200, 100);
  hands = regions(arm, hands, {.seconds = 0.2F});
  hands = regions({}, hands, {.seconds = 0.04F});
  EXPECT_EQ(hands[0].astray, 0);
  EXPECT_EQ(hands[0].tracked, kSettledFrames);
}

TEST_F(HandsTest, OneHandIsNotFollowedTwice) {
  const auto arms = body({{kLeftWrist, {300, 200}}, {kRightWrist, {220, 200}}});
  const auto hands = regions(arms, {followed(290, 205, 100), followed(285, 205, 100)}, {.seconds = 0.04F});
  EXPECT_EQ(hands[0].tracked, kSettledFrames) << "its wrist is nearer";
  EXPECT_EQ(hands[1].tracked, 0U);
  const auto apart = regions(arms, {followed(290, 205, 100), followed(240, 205, 100)}, {.seconds = 0.04F});
  EXPECT_EQ(apart[0].tracked, kSettledFrames);
  EXPECT_EQ(apart[1].tracked, kSettledFrames);
}

TEST_F(HandsTest, AResetForgetsThem) {
  HandStates before{followed(290, 205, 100), followed(90, 205, 100)};
  for (auto& hand : before) {
    hand.tries = 2;
    hand.shown = 0.7F;
  }
  for (const auto& hand : regions({}, before, {.reset = true})) {
    EXPECT_EQ(hand.tracked, 0U);
    EXPECT_EQ(hand.region.valid, 0U);
    EXPECT_EQ(hand.tries, 0U);
    EXPECT_EQ(hand.presence, 0);
    EXPECT_EQ(hand.shown, 0);
  }
}

TEST_F(HandsTest, LandmarksFilterAndRegionEqualTheReference) {
  for (const Storage& storage :
       {Storage{}, Storage{TensorLayout::kC4, false, false}, Storage{TensorLayout::kC4, true, false}}) {
    SCOPED_TRACE(name_of(storage));
    Chain chain = Chain::make(storage);
    LandmarkState state;
    state.region = {310, 205, 180, 1, std::cos(0.3F), std::sin(0.3F), {}};
    for (int frame = 0; frame < 8; ++frame) {
      SCOPED_TRACE(frame);
      auto values = open_hand(110, 0.1F * float(frame));
      const auto noise = test::random_values(values.size(), -1, 1, 20 + uint32_t(frame));
      for (size_t i = 0; i < values.size(); ++i) values[i] += noise[i];
      state.since = frame == 5 ? 0 : 0.04F;  // once the same frame again
      const float presence = frame >= 6 ? 0.4F : 0.9F;
      if (frame == 7) state.region.valid = 1;  // looked for at its arm
      const LandmarkState got = chain.run(values, presence, {}, state);
      const LandmarkState expected = hand_landmarks_reference(values, presence, kCrop, {}, state);
      EXPECT_EQ(got.tracked, expected.tracked);
      EXPECT_EQ(got.tracked, frame >= 6 ? 0U : std::min(uint32_t(frame) + 1, kSettledFrames));
      EXPECT_EQ(got.region.valid, expected.region.valid);
      EXPECT_NEAR(got.presence, expected.presence, 1e-5);
      EXPECT_NEAR(got.shown, expected.shown, 1e-5);
      EXPECT_EQ(got.tries, frame == 7 ? 1U : 0U) << "looks in vain since it was lost";
      EXPECT_EQ(got.tries, expected.tries);
      EXPECT_NEAR(got.size, expected.size, 1e-2);
      EXPECT_NEAR(got.region.centre_x, expected.region.centre_x, 1e-2);
      EXPECT_NEAR(got.region.centre_y, expected.region.centre_y, 1e-2);
      EXPECT_NEAR(got.region.size, expected.region.size, 1e-2);
      EXPECT_NEAR(got.region.axis_y, expected.region.axis_y, 1e-4);
      for (size_t i = 0; i < kHandPoints; ++i) {
        ASSERT_NEAR(got.points[i].x, expected.points[i].x, 1e-2) << i;
        ASSERT_NEAR(got.points[i].y, expected.points[i].y, 1e-2) << i;
        ASSERT_NEAR(got.points[i].z, expected.points[i].z, 1e-2) << i;
        ASSERT_NEAR(got.speeds[i].x, expected.speeds[i].x, 1e-2) << i;
        ASSERT_NEAR(got.speeds[i].score, expected.speeds[i].score, 1e-5) << i;
      }
      state = got;  // so that rounding does not add up
    }
  }
}

TEST_F(HandsTest, TheRegionTurnsWithTheHandAndHoldsIt) {
  Chain chain = Chain::make({});
  for (const float angle : {0.0F, 0.7F, -1.2F, 3.0F}) {
    SCOPED_TRACE(angle);
    LandmarkState state;
    state.region = {300, 200, 224, 1, 1, 0, {}};  // the crop's pixels are the frame's
    state.since = 0.04F;
    auto values = open_hand(100, angle);
    const auto after = chain.run(values, 0.9F, {}, state);
    EXPECT_NEAR(after.region.axis_x, std::cos(angle), 0.02);
    EXPECT_NEAR(after.region.axis_y, std::sin(angle), 0.02);
    for (size_t i = 0; i < kHandPoints; ++i) {
      const float dx = after.points[i].x - after.region.centre_x,
                  dy = after.points[i].y - after.region.centre_y;
      const float u = dx * after.region.axis_x + dy * after.region.axis_y;
      const float v = dy * after.region.axis_x - dx * after.region.axis_y;
      EXPECT_LT(std::max(std::abs(u), std::abs(v)), after.region.size / 2) << i;
    }
  }
}

TEST_F(HandsTest, ANetworkThatIsNoHandsIsRefused) {
  const auto points = test::put(device(), {1, 63}, std::vector<float>(63, 0));  // a vector is one pixel
  const auto flag = test::put(device(), {1, 1}, {0});
  ASSERT_OK(points);
  ASSERT_OK(flag);
  const auto swapped = HandLandmarks::create(device(), flag->ref, points->ref, kCrop);
  ASSERT_FALSE(swapped.ok());
  EXPECT_NE(swapped.error().message.find("gives [1,63] and [1,1], this one [1,1,1,1]"), std::string::npos)
      << swapped.error().message;
}

}  // namespace
}  // namespace tarsier::vision
