#include "vision/lane_tracker.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "vision/square.hpp"

namespace tarsier::vision {
namespace {

enum State : size_t { kLeft, kRight, kHeading, kCurvature, kPitch };

constexpr double kRadians = std::numbers::pi / 180;
constexpr double kSigmaMask = 1.3;  // pixels of the mask
// The network's mistakes go on over neighbouring rows: so many of them say as much as one alone.
constexpr double kRowsAlike = 6;
constexpr double kTukey = 4.685;  // 95 % efficient where errors are normal
constexpr double kNear_m = 35;    // a boundary that counts is seen within this
constexpr double kFarthest_m = 80;
constexpr int kLeastRows = 10;  // of the mask
constexpr double kNarrowest_m = 2.2, kWidest_m = 5.2;
constexpr double kChanged_m = 0.15;  // the line is so far on the other side of the camera

// How fast things change, as standard deviations after a second.
constexpr double kDrift_m = 0.6, kWidthDrift_m = 0.15, kHeadingDrift = 0.03, kCurvatureDrift = 0.002;
constexpr double kPitchDrift = 0.4 * kRadians;
constexpr double kSigmaCurvature = 0.004;  // of roads with lane lines: radii of 250 m and more
constexpr double kPitchReturn_s = 1.0;     // a described pitch: the springs bring it back
constexpr double kPitchSearch = 4 * kRadians;
constexpr double kPitchFloor_deg = 0.1;  // the road is not as flat as its lines are parallel

/// In place, symmetric and positive definite (Gauss-Jordan without pivoting).
template <class Matrix>
void invert(Matrix& a) {
  const size_t n = a.size();
  for (size_t k = 0; k < n; ++k) {
    const double pivot = 1 / a[k][k];
    a[k][k] = 1;
    for (size_t j = 0; j < n; ++j) a[k][j] *= pivot;
    for (size_t i = 0; i < n; ++i) {
      if (i == k) continue;
      const double factor = a[i][k];
      a[i][k] = 0;
      for (size_t j = 0; j < n; ++j) a[i][j] -= factor * a[k][j];
    }
  }
}

/// Variance along h.
template <class Matrix, class Vector>
double variance_of(const Matrix& matrix, const Vector& h) {
  double sum = 0;
  for (size_t i = 0; i < h.size(); ++i) {
    for (size_t j = 0; j < h.size(); ++j) sum += h[i] * matrix[i][j] * h[j];
  }
  return sum;
}

const LanePoint& nearest_of(std::span<const LanePoint> points, double x) {
  return *std::ranges::min_element(points, {}, [&](const LanePoint& one) { return std::abs(one.x - x); });
}

}  // namespace

double LaneTracker::lateral(int side, double z) const {
  return state_[size_t(side)] + state_[kHeading] * z + state_[kCurvature] / 2 * z * z;
}

/// NaN at the horizon and above.
double LaneTracker::column(const Vector& state, int side, double row, const GroundPlane& plane) {
  const auto ground = plane.at(0, row);
  if (!ground) return std::nan("");
  const double z = ground->distance_m;
  return plane.column_of(state[size_t(side)] + state[kHeading] * z + state[kCurvature] / 2 * z * z, z);
}

void LaneTracker::reset(const GroundPlane& plane, const LaneParams& params) {
  const double pitch = state_[kPitch], pitch_variance = variance_[kPitch][kPitch];
  state_ = {};
  variance_ = {};
  state_[kLeft] = -width_m_ / 2;
  state_[kRight] = width_m_ / 2;
  variance_[kLeft][kLeft] = variance_[kRight][kRight] = 1;
  variance_[kHeading][kHeading] = square(0.05);
  variance_[kCurvature][kCurvature] = square(kSigmaCurvature);
  if (params.horizon_from_lanes && pitch_known_) {  // the camera is where it was
    state_[kPitch] = pitch;
    variance_[kPitch][kPitch] = pitch_variance;
  } else {
    state_[kPitch] = plane.camera().pitch_deg * kRadians;
    variance_[kPitch][kPitch] = params.horizon_from_lanes
                                    ? square(kPitchSearch)
                                    : square(std::max(plane.camera().sigma_pitch_deg, 0.05) * kRadians);
  }
  sides_ = {};
}

void LaneTracker::predict(double seconds, const GroundPlane& plane, const LaneParams& params) {
  for (const size_t i : {kLeft, kRight}) {
    for (const size_t j : {kLeft, kRight}) variance_[i][j] += square(kDrift_m) * seconds;
    variance_[i][i] += square(kWidthDrift_m) * seconds;
  }
  variance_[kHeading][kHeading] += square(kHeadingDrift) * seconds;
  variance_[kCurvature][kCurvature] =
      std::min(variance_[kCurvature][kCurvature] + square(kCurvatureDrift) * seconds, square(0.02));
  if (params.horizon_from_lanes) {
    variance_[kPitch][kPitch] =
        std::min(variance_[kPitch][kPitch] + square(kPitchDrift) * seconds, square(kPitchSearch));
  } else {
    const double stay = std::exp(-seconds / kPitchReturn_s);
    const double given = plane.camera().pitch_deg * kRadians;
    const double sigma = std::max(plane.camera().sigma_pitch_deg, 0.05) * kRadians;
    state_[kPitch] = given + (state_[kPitch] - given) * stay;
    for (size_t i = 0; i < kPitch; ++i) {
      variance_[i][kPitch] *= stay;
      variance_[kPitch][i] *= stay;
    }
    variance_[kPitch][kPitch] = variance_[kPitch][kPitch] * stay * stay + square(sigma) * (1 - stay * stay);
  }
}

/// Moves the state to what prediction and points say together. `tolerance`: how far around the prediction
/// points are looked for at least, pixels.
LaneTracker::Support LaneTracker::fit(double tolerance, int rounds) {
  const Vector predicted = state_;
  const Matrix before = variance_;
  Matrix prior = variance_;
  invert(prior);
  Support support;
  for (int round = 0; round < rounds; ++round) {
    support = {};
    Matrix information = prior;
    Vector gain{};
    for (size_t i = 0; i < kStates; ++i) {
      for (size_t j = 0; j < kStates; ++j) gain[i] += prior[i][j] * (predicted[j] - state_[j]);
    }
    const GroundPlane plane = plane_.with_pitch(state_[kPitch] / kRadians, 0);
    constexpr double kStep = 1e-4;
    const GroundPlane lower = plane_.with_pitch((state_[kPitch] + kStep) / kRadians, 0);
    for (size_t first = 0, last = 0; first < points_.size(); first = last) {
      const double row = points_[first].row;
      for (last = first; last < points_.size() && points_[last].row == row;) ++last;
      const auto ground = plane.at(0, row);
      if (!ground || ground->distance_m > kFarthest_m) break;
      const double z = ground->distance_m;
      const double per_metre = plane.column_of(1, z) - plane.column_of(0, z);
      for (const int side : {0, 1}) {
        if (!sides_[size_t(side)].known) continue;
        const double expected = column(state_, side, row, plane);
        Vector h{};
        h[size_t(side)] = per_metre;
        h[kHeading] = per_metre * z;
        h[kCurvature] = per_metre * z * z / 2;
        h[kPitch] = (column(state_, side, row, lower) - expected) / kStep;
        // Only the first round may look as wide as the prediction is uncertain, but never over to the next
        // lane.
        const double spread = square(sigma_px_) + (round == 0 ? variance_of(before, h) : 0);
        const double scale = std::min(std::max(std::sqrt(spread), round < 2 ? tolerance / kTukey : sigma_px_),
                                      1.2 * per_metre);
        const double error =
            nearest_of(std::span(points_).subspan(first, last - first), expected).x - expected;
        const double ratio = error / (kTukey * scale);
        if (!(std::abs(ratio) < 1)) continue;
        const double weight = square(1 - ratio * ratio) / (square(sigma_px_) * kRowsAlike);
        for (size_t i = 0; i < kStates; ++i) {
          gain[i] += weight * h[i] * error;
          for (size_t j = 0; j < kStates; ++j) information[i][j] += weight * h[i] * h[j];
        }
        if (std::abs(ratio) < 0.7) {
          if (z < kNear_m) ++support.rows[side];
          support.far_m = std::max(support.far_m, z);
        }
      }
    }
    variance_ = information;
    invert(variance_);
    for (size_t i = 0; i < kStates; ++i) {
      for (size_t j = 0; j < kStates; ++j) state_[i] += variance_[i][j] * gain[j];
    }
  }
  return support;
}

bool LaneTracker::start(const GroundPlane& plane, int frame_width, int frame_height, double time_s,
                        const LaneParams& params) {
  reset(plane, params);
  plane_ = plane.with_pitch(state_[kPitch] / kRadians, 0);
  std::vector<LanePoint> near;
  const double horizon = plane_.horizon_row();
  for (const auto& point : points_) {
    if (point.row > horizon + 0.1 * (frame_height - horizon)) near.push_back(point);
  }
  Lines lines;
  for (const int side : {0, 1}) {
    lines[size_t(side)] =
        find_lane_line(near, side == 0 ? -1 : 1, frame_width / 2.0, frame_height, 2 * sigma_px_, kLeastRows);
  }
  // One of the two may be noise; where nobody knows the horizon yet, it takes both.
  const bool search = params.horizon_from_lanes && !pitch_known_;
  for (const Lines& some : {lines, Lines{std::nullopt, lines[1]}, Lines{lines[0], std::nullopt}}) {
    if (search ? some[0] && some[1] : some[0] || some[1]) {
      if (start_from(some, plane, frame_height, time_s, search)) return true;
      reset(plane, params);
    }
  }
  return false;
}

bool LaneTracker::start_from(const Lines& lines, const GroundPlane& plane, int frame_height, double time_s,
                             bool search) {
  if (search) {
    const double row = frame_height + (lines[1]->at - lines[0]->at) / (lines[0]->slope - lines[1]->slope);
    const double pitch = plane.pitch_of(row) * kRadians;
    if (std::abs(pitch - state_[kPitch]) > 3 * kPitchSearch) return false;
    state_[kPitch] = pitch;
    variance_[kPitch][kPitch] = square(1.5 * kRadians);
  }
  plane_ = plane.with_pitch(state_[kPitch] / kRadians, 0);
  const auto lowest = plane_.at(0, frame_height - 1);
  if (!lowest) return false;
  // Heading: where the lines cross the horizon. Offset: what they say at the frame's lower edge.
  double heading = 0;
  int count = 0;
  for (const auto& line : lines) {
    if (!line) continue;
    constexpr double kFar = 1e5;
    heading += plane_.lateral_m(line->at + line->slope * (plane_.horizon_row() - line->base), kFar) / kFar;
    ++count;
  }
  state_[kHeading] = heading / count;
  for (const size_t side : {0, 1}) {
    sides_[side] = {lines[side].has_value(), false, time_s, 0};
    if (!lines[side]) continue;
    state_[side] =
        plane_.lateral_m(lines[side]->at, lowest->distance_m) - state_[kHeading] * lowest->distance_m;
  }
  if (!lines[0]) state_[kLeft] = state_[kRight] - width_m_;
  if (!lines[1]) state_[kRight] = state_[kLeft] + width_m_;
  const Support support = fit(8 * sigma_px_, 6);
  for (const size_t side : {0, 1}) {
    if (lines[side] && support.rows[side] < kLeastRows) return false;
  }
  const double width = state_[kRight] - state_[kLeft];
  return width > kNarrowest_m && width < kWidest_m && state_[kLeft] < 0 && state_[kRight] > 0;
}

/// Every piece of paint says how far to the side a boundary through it would be: the best supported offset
/// there.
void LaneTracker::find_missing(int side, double time_s) {
  constexpr double kBin = 0.1;
  constexpr size_t kBins = 64;
  std::array<int, kBins> votes{};
  const double sign = side == 0 ? -1 : 1;
  const double other = state_[size_t(1 - side)];
  std::array<double, kBins> last_row;
  last_row.fill(-1);
  for (const auto& point : points_) {
    const auto ground = plane_.at(point.x, point.row);
    if (!ground || ground->distance_m > kNear_m) break;
    const double offset = ground->lateral_m - (lateral(1 - side, ground->distance_m) - other);
    const double width = (offset - other) * sign;
    if (width < kNarrowest_m || width > kWidest_m) continue;
    const auto bin = size_t(width / kBin);
    if (bin >= kBins || last_row[bin] == point.row) continue;
    last_row[bin] = point.row;
    ++votes[bin];
  }
  int best = 0;
  double best_width = 0, best_score = 0;
  for (size_t i = 1; i + 1 < kBins; ++i) {
    const int rows = votes[i - 1] + votes[i] + votes[i + 1];
    if (rows < kLeastRows) continue;
    const double width = (double(i) + 0.5) * kBin;
    const double score = rows * std::exp(-square((width - width_m_) / 1.0) / 2);
    if (score > best_score) {
      best = rows;
      best_width = width;
      best_score = score;
    }
  }
  if (best == 0) return;
  const auto s = size_t(side);
  state_[s] = other + sign * best_width;
  for (size_t i = 0; i < kStates; ++i) variance_[i][s] = variance_[s][i] = 0;
  variance_[s][s] = square(0.3);
  sides_[s] = {true, false, time_s, 0};
}

void LaneTracker::forget(int side) {
  const auto s = size_t(side);
  sides_[s] = {};
  state_[s] = state_[1 - s] + (side == 0 ? -width_m_ : width_m_);
  for (size_t i = 0; i < kStates; ++i) variance_[i][s] = variance_[s][i] = 0;
  variance_[s][s] = 1;
}

/// A boundary that the camera has crossed is now that of the other side.
void LaneTracker::follow_lane_change() {
  for (const int side : {0, 1}) {
    const auto s = size_t(side);
    if (!sides_[s].known || state_[s] * (side == 0 ? 1 : -1) < kChanged_m) continue;
    const auto o = 1 - s;
    state_[o] = state_[s];
    sides_[o] = sides_[s];
    for (size_t i = 0; i < kStates; ++i) {
      const size_t from = i == o ? s : i;
      variance_[o][i] = variance_[i][o] = variance_[s][from];
    }
    variance_[o][o] = variance_[s][s];
    forget(side);
    return;
  }
}

void LaneTracker::update(const HostMask& mask, double time_s, const GroundPlane& plane, int frame_width,
                         int frame_height, const LaneParams& params) {
  const double seconds = time_s - time_s_;
  const bool restart = time_s_ < 0 || seconds < 0 || seconds > 2;
  time_s_ = time_s;
  sigma_px_ = kSigmaMask / mask.fit.scale_x;
  if (restart) reset(plane, params);
  if (!restart) predict(seconds, plane, params);
  // Points are looked for as high up as the horizon may be.
  const double slack = params.horizon_from_lanes && !pitch_known_ ? kPitchSearch : 0.5 * kRadians;
  plane_ = plane.with_pitch((state_[kPitch] + slack) / kRadians, 0);
  find_lane_points(mask, plane_, points_);
  plane_ = plane.with_pitch(state_[kPitch] / kRadians, 0);

  Support support;
  if (!sides_[0].known && !sides_[1].known) {
    if (start(plane, frame_width, frame_height, time_s, params)) {
      support = fit(4 * sigma_px_, 3);
      far_m_ = std::max(support.far_m, 15.0);
    }
  } else {
    support = fit(4 * sigma_px_, 4);
  }
  plane_ = plane.with_pitch(state_[kPitch] / kRadians, 0);

  const auto lowest = plane_.at(0, frame_height - 1);
  const double rows = lowest ? (frame_height - plane_.row_of(kNear_m)) * mask.fit.scale_y : 1;
  const double blend = restart ? 1 : 1 - std::exp(-std::max(seconds, 0.0) / 0.4);
  for (const int side : {0, 1}) {
    Side& one = sides_[size_t(side)];
    if (!one.known) continue;
    one.seen = support.rows[side] >= kLeastRows / 2;
    if (one.seen) one.seen_s = time_s;
    // A dashed line shows a quarter of its rows.
    one.support +=
        (std::min(support.rows[side] / (0.4 * rows), 1.0) - one.support) * (one.support == 0 ? 1 : blend);
  }
  for (const int side : {0, 1}) {
    if (sides_[size_t(side)].known && time_s - sides_[size_t(side)].seen_s > params.hold_s) forget(side);
  }
  if (sides_[0].known && sides_[1].known) {
    const double width = state_[kRight] - state_[kLeft];
    if (width < kNarrowest_m || width > kWidest_m) {
      forget(sides_[0].support < sides_[1].support ? 0 : 1);
    } else {
      width_m_ += (width - width_m_) * blend;
    }
  }
  follow_lane_change();
  for (const int side : {0, 1}) {
    if (!sides_[size_t(side)].known && sides_[size_t(1 - side)].seen) find_missing(side, time_s);
  }
  if (support.far_m > 0) far_m_ += (std::clamp(support.far_m, 15.0, kFarthest_m) - far_m_) * blend;
  fill(plane, params);
}

void LaneTracker::fill(const GroundPlane& plane, const LaneParams& params) {
  lane_ = {};
  const double camera = square(plane.camera().sigma_height_m / plane.camera().height_m);
  const auto sigma = [&](double variance, double scaled) {
    return float(std::sqrt(std::max(variance, 0.0) + scaled * scaled * camera));
  };
  for (const size_t s : {0, 1}) {
    const Side& one = sides_[s];
    if (!one.known) continue;
    // Held without being seen it fades to nothing.
    lane_.sides[s] = {true,
                      one.seen,
                      float(one.support * std::max(1 - (time_s_ - one.seen_s) / params.hold_s, 0.0)),
                      {float(state_[s]), sigma(variance_[s][s], state_[s])}};
  }
  const bool left = sides_[0].known, right = sides_[1].known;
  if (left && right) {
    const double width = state_[kRight] - state_[kLeft];
    const double position = -(state_[kRight] + state_[kLeft]) / 2;
    const double sum = variance_[kLeft][kLeft] + variance_[kRight][kRight];
    lane_.width_m = {float(width), sigma(sum - 2 * variance_[kLeft][kRight], width)};
    lane_.position_m = {float(position), sigma((sum + 2 * variance_[kLeft][kRight]) / 4, position)};
  }
  if (left || right) {
    lane_.curvature = {float(state_[kCurvature]),
                       sigma(variance_[kCurvature][kCurvature], state_[kCurvature])};
    lane_.heading = state_[kHeading];
  }
  // Two boundaries give a horizon; without them it stays where it was last seen.
  const double sigma_deg = std::sqrt(std::max(variance_[kPitch][kPitch], 0.0)) / kRadians;
  if (left && right && sigma_deg < 1) pitch_known_ = true;
  lane_.pitch_from_lanes = params.horizon_from_lanes && pitch_known_;
  if (lane_.pitch_from_lanes) {
    lane_.pitch_deg = {float(state_[kPitch] / kRadians), float(std::hypot(sigma_deg, kPitchFloor_deg))};
    plane_ = plane.with_pitch(lane_.pitch_deg.value, lane_.pitch_deg.sigma);
  } else {
    lane_.pitch_deg = {float(plane.camera().pitch_deg), float(plane.camera().sigma_pitch_deg)};
    if (params.horizon_from_lanes && !left && !right) plane_ = plane;
  }
  lane_.far_m = far_m_;
}

void LaneTracker::curve(int side, int frame_height, std::span<CurvePoint> points) const {
  const double top = std::min(plane_.row_of(far_m_), frame_height - 2.0);
  for (size_t i = 0; i < points.size(); ++i) {
    const double row = frame_height - (frame_height - top) * double(i) / double(points.size() - 1);
    const auto ground = plane_.at(0, row);
    const double z = ground ? ground->distance_m : far_m_;
    points[i] = {float(plane_.column_of(lateral(side, z), z)), float(row)};
  }
}

void LaneDeparture::update(const Lane& lane, const Params& params) {
  double room = 0;
  int side = -1;
  for (const int s : {0, 1}) {
    const auto& one = lane.sides[size_t(s)];
    if (!one.known) continue;
    const double beside = double(one.lateral.value) * (s == 0 ? -1 : 1) - params.vehicle_m / 2;
    if (side < 0 || beside < room) {
      room = beside;
      side = s;
    }
  }
  // Without a line in sight nothing begins, and what goes on ends: nobody knows any more.
  const bool change = side < 0 ? on() : on() ? room > params.clear_m : room < params.warn_m;
  if (state_.update(change, params.frames) && on()) side_ = side;
}

}  // namespace tarsier::vision
