// The passes of hands.hpp on the CPU.
#include <algorithm>
#include <cmath>

#include "vision/body.hpp"
#include "vision/hands.hpp"

namespace tarsier::vision {
namespace {

// As in hand_regions.comp and hand_landmarks.comp.
constexpr float kShoulderSpan = 1.33F, kHandMiddle = 0.35F, kLook = 1, kShort = 0.25F, kAstray = 0.25F,
                kTwins = 0.3F, kShortestArm = 4;
constexpr float kHalf = 0.70710678F;
constexpr float kBends[3][2] = {{1, 0}, {kHalf, -kHalf}, {kHalf, kHalf}};  // cosine and sine
constexpr std::array<size_t, 12> kSteady{0, 1, 2, 3, 5, 6, 9, 10, 13, 14, 17, 18};
constexpr double kRoom = 2, kForward = 0.1, kLeastSize = 6;

void lose(LandmarkState& hand) {
  hand.tracked = 0;
  hand.region.valid = 0;
  hand.presence = hand.shown = 0;
}

float distance(const LandmarkPoint& a, const LandmarkPoint& b) {
  return std::hypot(a.x - b.x, a.y - b.y);
}

}  // namespace

HandStates hand_regions_reference(const LandmarkState& body, const HandRegionParams& params,
                                  const HandStates& before) {
  HandStates hands = before;
  const auto sure = [&](size_t i) { return body.tracked != 0 && body.points[i].score >= params.score; };
  const auto off_arm = [&](size_t side) {
    return sure(kLeftWrist + side) ? distance(hands[side].points[0], body.points[kLeftWrist + side]) : 1e9F;
  };
  for (size_t side = 0; side < 2; ++side) {
    LandmarkState& hand = hands[side];
    if (params.reset) {
      lose(hand);
      hand.since = 0;
      hand.tries = 0;
    }
    hand.since += params.seconds;
    if (hand.tracked == 0) continue;
    const bool off = sure(kLeftWrist + side) && off_arm(side) > 0.5F * hand.region.size;
    hand.astray = off ? hand.astray + params.seconds : 0;
    if (hand.astray > kAstray) lose(hand);
  }
  LandmarkState &a = hands[0], &b = hands[1];
  const float apart =
      std::hypot(a.region.centre_x - b.region.centre_x, a.region.centre_y - b.region.centre_y);
  if (a.tracked != 0 && b.tracked != 0 && apart < kTwins * std::min(a.region.size, b.region.size)) {
    const float off_a = off_arm(0), off_b = off_arm(1);
    lose(off_a < off_b || (off_a == off_b && a.presence >= b.presence) ? b : a);
  }
  for (size_t side = 0; side < 2; ++side) {
    LandmarkState& hand = hands[side];
    const size_t wrist = kLeftWrist + side, elbow = kLeftElbow + side;
    if (hand.tracked != 0) {
      hand.begins = sure(wrist) ? 1 : 0;
      continue;
    }
    hand.astray = 0;
    float x = 0, y = 0, length = 0;
    if (sure(elbow)) {
      x = body.points[wrist].x - body.points[elbow].x;
      y = body.points[wrist].y - body.points[elbow].y;
    }
    if (sure(kLeftShoulder) && sure(kRightShoulder))
      length = distance(body.points[kLeftShoulder], body.points[kRightShoulder]) / kShoulderSpan;
    length = std::max(length, std::hypot(x, y));
    hand.begins = hand.region.valid = length >= kShortestArm && sure(wrist) ? 1 : 0;
    if (hand.begins == 0) continue;
    if (std::hypot(x, y) < kShort * length) {
      x = 0;
      y = -kShort * length;
    }
    const auto& bend = kBends[hand.tries % 3];
    const float bent_x = bend[0] * x - bend[1] * y, bent_y = bend[1] * x + bend[0] * y;
    x = bent_x;
    y = bent_y;
    const float forearm = std::hypot(x, y);
    hand.region.centre_x = body.points[wrist].x + kHandMiddle * x;
    hand.region.centre_y = body.points[wrist].y + kHandMiddle * y;
    hand.region.size = kLook * length;
    hand.region.axis_x = -y / forearm;
    hand.region.axis_y = x / forearm;
  }
  return hands;
}

LandmarkState hand_landmarks_reference(std::span<const float> points, float presence, int crop_size,
                                       const HandParams& params, const LandmarkState& before) {
  if (before.tracked >= kSettledFrames && before.since <= 0) return before;
  LandmarkState after = before;
  const Region& region = before.region;
  std::array<std::array<double, 3>, kHandPoints> raw{};
  for (size_t i = 0; i < kHandPoints; ++i) {
    const auto [x, y] =
        frame_of(region, double(points[3 * i]) / crop_size, double(points[3 * i + 1]) / crop_size);
    raw[i] = {x, y, double(points[3 * i + 2]) / crop_size * double(region.size)};
  }
  double up[2];
  for (size_t k = 0; k < 2; ++k) up[k] = (raw[5][k] + raw[13][k]) / 4 + raw[9][k] / 2 - raw[0][k];
  const double length = std::hypot(up[0], up[1]);
  const double ux = length > 1e-3 ? up[0] / length : double(region.axis_y);
  const double uy = length > 1e-3 ? up[1] / length : -double(region.axis_x);
  double low[2] = {1e30, 1e30}, high[2] = {-1e30, -1e30};
  for (const size_t i : kSteady) {
    const double at[2] = {-raw[i][0] * uy + raw[i][1] * ux, raw[i][0] * ux + raw[i][1] * uy};
    for (size_t k = 0; k < 2; ++k) {
      low[k] = std::min(low[k], at[k]);
      high[k] = std::max(high[k], at[k]);
    }
  }
  const double size = std::max(high[0] - low[0], high[1] - low[1]);
  after.since = 0;
  after.presence = region.valid != 0 ? presence : 0;
  const bool there = after.presence >= params.presence && size >= kLeastSize;
  const bool known = before.tracked >= kSettledFrames;
  const float shown =
      known ? before.shown + show_alpha(before.since) * (after.presence - before.shown) : after.presence;
  after.tracked = there ? std::min(before.tracked + 1, kSettledFrames) : 0;
  after.shown = there ? shown : 0;
  after.region.valid = there ? 1 : 0;
  after.tries = there || region.valid == 0 || before.tracked != 0 ? 0 : before.tries + 1;
  if (!there) return after;
  const double right = (low[0] + high[0]) / 2;
  const double along = (low[1] + high[1]) / 2 + kForward * (high[1] - low[1]);
  after.region.centre_x = float(-right * uy + along * ux);
  after.region.centre_y = float(right * ux + along * uy);
  after.region.size = float(kRoom * size);
  after.region.axis_x = float(-uy);
  after.region.axis_y = float(ux);
  after.size = float(size);
  for (size_t i = 0; i < kHandPoints; ++i) {
    const auto filtered = [&](size_t k, float place, float moved) {
      if (!known) return OneEuroValue{raw[i][k], 0};
      return one_euro(params.filter, double(before.since), size, raw[i][k],
                      {.place = double(place), .speed = double(moved)});
    };
    const LandmarkPoint &last = before.points[i], &last_speed = before.speeds[i];
    const auto x = filtered(0, last.x, last_speed.x), y = filtered(1, last.y, last_speed.y),
               z = filtered(2, last.z, last_speed.z);
    after.points[i] = {float(x.place), float(y.place), float(z.place), after.presence};
    after.speeds[i] = {float(x.speed), float(y.speed), float(z.speed), shown};
  }
  return after;
}

}  // namespace tarsier::vision
