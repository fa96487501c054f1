// The pass of body.hpp on the CPU.
#include <algorithm>
#include <cmath>

#include "vision/body.hpp"

namespace tarsier::vision {
namespace {

// As in body_landmarks.comp.
constexpr float kVisible = 0.2F;
constexpr double kTorsoRoom = 1.9, kBodyRoom = 1.2;
constexpr int kLeastPoints = 4;

Region next_region(const std::array<LandmarkPoint, kMostPoints>& raw, int width, int height) {
  const auto seen = [&](size_t i) { return raw[i].score > kVisible; };
  Region region = whole_frame(width, height);
  if (!(seen(kLeftHip) || seen(kRightHip)) || !(seen(kLeftShoulder) || seen(kRightShoulder))) return region;
  const double x = (double(raw[kLeftHip].x) + double(raw[kRightHip].x)) / 2;
  const double y = (double(raw[kLeftHip].y) + double(raw[kRightHip].y)) / 2;
  double half = 0;
  for (size_t i = 0; i < kBodyPoints; ++i) {
    const double away = std::max(std::abs(double(raw[i].x) - x), std::abs(double(raw[i].y) - y));
    const bool torso = i == kLeftShoulder || i == kRightShoulder || i == kLeftHip || i == kRightHip;
    if (torso) half = std::max(half, kTorsoRoom * away);
    if (seen(i)) half = std::max(half, kBodyRoom * away);
  }
  half = std::min(half, std::max({x, width - x, y, height - y}));
  if (half > double(region.size) / 2) return region;
  region.centre_x = float(x);
  region.centre_y = float(y);
  region.size = float(2 * half);
  return region;
}

}  // namespace

float show_alpha(float seconds) {
  return 1 - std::exp(-seconds / 0.1F);
}

Region whole_frame(int width, int height) {
  return {float(width) / 2, float(height) / 2, float(std::max(width, height)), 1, 1, 0, {}};
}

LandmarkState body_reference(std::span<const float> points, const BodyParams& params,
                             const LandmarkState& before) {
  if (before.tracked >= kSettledFrames && params.seconds <= 0) return before;
  LandmarkState after = before;
  std::array<LandmarkPoint, kMostPoints> raw{};
  double sum = 0, low[2] = {1e30, 1e30}, high[2] = {-1e30, -1e30};
  int sure = 0;
  for (size_t i = 0; i < kBodyPoints; ++i) {
    const auto [x, y] = frame_of(before.region, double(points[3 * i + 1]), double(points[3 * i]));
    raw[i] = {float(x), float(y), 0, points[3 * i + 2]};
    if (!(raw[i].score >= params.score)) continue;
    ++sure;
    sum += double(raw[i].score);
    low[0] = std::min(low[0], double(raw[i].x));
    low[1] = std::min(low[1], double(raw[i].y));
    high[0] = std::max(high[0], double(raw[i].x));
    high[1] = std::max(high[1], double(raw[i].y));
  }
  const bool there = sure >= kLeastPoints;
  after.presence = there ? float(sum / sure) : 0;
  after.tracked = there ? std::min(before.tracked + 1, kSettledFrames) : 0;
  const double size = std::max({high[0] - low[0], high[1] - low[1], 1.0});
  after.size = there ? float(size) : 0;
  after.region = there ? next_region(raw, params.frame_width, params.frame_height)
                       : whole_frame(params.frame_width, params.frame_height);
  for (size_t i = 0; i < kBodyPoints && there; ++i) {
    const LandmarkPoint &last = before.points[i], &last_speed = before.speeds[i];
    LandmarkPoint point = raw[i], speed{0, 0, 0, point.score};
    if (before.tracked != 0 && params.seconds > 0) {
      speed.score = last_speed.score + show_alpha(params.seconds) * (point.score - last_speed.score);
      if (last_speed.score >= 0.5F * params.score) {
        const auto filtered = [&](float measured, float place, float moved) {
          return one_euro(params.filter, double(params.seconds), size, double(measured),
                          {.place = double(place), .speed = double(moved)});
        };
        const auto x = filtered(point.x, last.x, last_speed.x), y = filtered(point.y, last.y, last_speed.y);
        point.x = float(x.place);
        point.y = float(y.place);
        speed.x = float(x.speed);
        speed.y = float(y.speed);
      }
    }
    after.points[i] = point;
    after.speeds[i] = speed;
  }
  return after;
}

}  // namespace tarsier::vision
