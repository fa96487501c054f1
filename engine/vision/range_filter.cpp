#include "vision/range_filter.hpp"

#include <algorithm>
#include <cmath>

#include "vision/ground_plane.hpp"
#include "vision/square.hpp"

namespace tarsier::vision {
namespace {

constexpr double kUnknownSpeed = 20;  // m/s, standard deviation of what is seen for the first time
constexpr double kMisfit = 4;         // standard deviations
constexpr int kMisfits = 3;
constexpr double kSignificant = 2;   // standard deviations of the closing speed
constexpr double kLeastSpeed = 0.3;  // m/s: slower is standing
constexpr double kCarWidth_m = 1.8;
constexpr double kKept_s = 1.0;  // without a measurement
constexpr float kEdge = 2;       // pixels from it a box touches the picture's edge
constexpr double kLinear = 0.3;  // of the distance
constexpr double kNearest_m = 0.5;
constexpr double kWander_s = 2;     // the camera's pitch is wrong by other amounts then
constexpr double kWidthGain = 0.1;  // of a new width in the mean: the contact's noise is in it

}  // namespace

void RangeFilter::predict(double seconds, double acceleration) {
  if (!started_ || seconds <= 0) return;
  const double q = square(acceleration);
  distance_ += speed_ * seconds;
  pp_ += seconds * (2 * pv_ + seconds * vv_) + q * seconds * seconds * seconds / 3;
  pv_ += seconds * vv_ + q * seconds * seconds / 2;
  vv_ += q * seconds;
}

void RangeFilter::update(double distance_m, double sigma_m) {
  const double noise = square(sigma_m);
  const double surprise = distance_m - distance_;
  if (started_ && square(surprise) > square(kMisfit) * (pp_ + noise)) {
    if (++misfits_ < kMisfits) return;
    started_ = false;
  }
  misfits_ = 0;
  if (!started_) {
    started_ = true;
    distance_ = distance_m;
    speed_ = 0;
    pp_ = noise;
    pv_ = 0;
    vv_ = square(kUnknownSpeed);
    return;
  }
  const double sum = pp_ + noise;
  const double gain = pp_ / sum, speed_gain = pv_ / sum;
  distance_ += gain * surprise;
  speed_ += speed_gain * surprise;
  vv_ -= speed_gain * pv_;
  pv_ -= gain * pv_;
  pp_ -= gain * pp_;
}

std::optional<Measured> RangeFilter::time_to_collision() const {
  const double closing = -speed_;
  if (!started_ || distance_ <= 0 || closing < kLeastSpeed || closing < kSignificant * std::sqrt(vv_))
    return std::nullopt;
  const double by_distance = 1 / closing, by_speed = distance_ / square(closing);  // tau = -Z / v
  const double variance =
      square(by_distance) * pp_ + square(by_speed) * vv_ + 2 * by_distance * by_speed * pv_;
  return Measured{float(distance_ / closing), float(std::sqrt(std::max(variance, 0.0)))};
}

void TrackRange::update(const Track& track, bool seen, double time_s, const GroundPlane& plane, int width,
                        int height, double acceleration) {
  filter_.predict(time_s - time_s_, acceleration);
  lateral_.predict(time_s - time_s_, acceleration);
  time_s_ = time_s;
  const bool sides = track.seen_x0 > kEdge && track.seen_x1 < float(width) - kEdge;
  const double size = double(track.seen_x1) - track.seen_x0;
  if (seen && track.seen_y1 < float(height) - kEdge) {
    const auto point = plane.at((track.seen_x0 + track.seen_x1) / 2, track.seen_y1);
    if (point) {
      // A straight line is no approximation of what is far from what was expected.
      const bool expected_here =
          filter_.started() && std::abs(point->distance_m / filter_.distance_m() - 1) < kLinear;
      if (!expected_here || by_width_) {
        filter_.update(point->distance_m, point->sigma_row_m);
      } else {
        // In rows the noise is the same everywhere, in metres it grows with the square of the distance: taken
        // at the expected distance instead of the measured one, rows that are too low by chance do not count
        // for more.
        const double expected = filter_.distance_m();
        const double slope = plane.metres_per_row(expected);
        filter_.update(expected + (track.seen_y1 - plane.row_of(expected)) * slope,
                       std::abs(slope) * plane.camera().sigma_row_px);
      }
      by_width_ = false;
      measured_s_ = time_s;
      if (sides) {
        const double metres = size * filter_.distance_m() / plane.fx_px();
        width_m_ += width_m_ == 0 ? metres : kWidthGain * (metres - width_m_);
      }
    }
  } else if (seen && sides && size > 1) {
    by_width_ = true;
    const double distance = plane.fx_px() * (width_m_ > 0 ? width_m_ : kCarWidth_m) / size;
    // Both sides have a row's noise.
    filter_.update(distance, distance / size * std::sqrt(2.0) * plane.camera().sigma_row_px);
    measured_s_ = time_s;
  }
  known_ = filter_.started() && time_s - measured_s_ <= kKept_s && filter_.distance_m() > kNearest_m;
  if (!known_) {
    filter_ = lateral_ = {};
  } else if (seen && (!by_width_ || width_m_ > 0)) {
    update_lateral(track, plane, width);
  }
}

void TrackRange::update_lateral(const Track& track, const GroundPlane& plane, int width) {
  const double distance = filter_.distance_m();
  const bool left = track.seen_x0 > kEdge, right = track.seen_x1 < float(width) - kEdge;
  if ((!left || !right) && (left == right || width_m_ == 0)) return;
  const double half = width_m_ / 2 / distance * plane.fx_px();
  const double middle = left && right ? (double(track.seen_x0) + track.seen_x1) / 2
                        : left        ? track.seen_x0 + half
                                      : track.seen_x1 - half;
  // Columns are as noisy as rows; and where the distance is wrong, so is what lies beside the camera's axis.
  const double lateral = plane.lateral_m(middle, distance);
  const double column = distance / plane.fx_px() * plane.camera().sigma_row_px;
  lateral_.update(lateral, std::hypot(column, lateral / distance * std::sqrt(filter_.variance_distance())));
}

void TrackRange::fill(Track& track, const GroundPlane& plane) const {
  if (!known_) return;
  const double distance = filter_.distance_m(), speed = filter_.speed_mps();
  if (!by_width_ || width_m_ > 0) {
    const auto with = [](double value, double variance, double camera) {
      return Measured{float(value), float(std::sqrt(variance + square(camera)))};
    };
    track.distance_m = with(distance, filter_.variance_distance(), plane.camera_sigma_of_distance(distance));
    track.relative_speed_mps =
        with(speed, filter_.variance_speed(), plane.camera_sigma_of_speed(distance, speed));
    if (lateral_.started()) {
      const double lateral = lateral_.distance_m();
      // A distance that is wrong moves what lies beside the camera's axis to the side, as that error changes.
      const double aside = lateral / distance;
      track.lateral_m =
          with(lateral, lateral_.variance_distance(), aside * plane.camera_sigma_of_distance(distance));
      const double wander = std::sqrt(2.0) * plane.camera_sigma_of_distance(distance) / kWander_s;
      track.lateral_speed_mps =
          with(lateral_.speed_mps(), lateral_.variance_speed(),
               aside * std::hypot(plane.camera_sigma_of_speed(distance, speed), wander));
    }
  }
  track.ttc_s = filter_.time_to_collision();
  if (track.ttc_s && !by_width_) {
    track.ttc_s->sigma =
        float(std::hypot(track.ttc_s->sigma, plane.camera_sigma_of_ttc(distance, track.ttc_s->value)));
  }
}

std::optional<double> TrackRange::distance_at(double time_s) const {
  if (!known_ || (by_width_ && width_m_ == 0)) return std::nullopt;
  return std::max(filter_.distance_m() + filter_.speed_mps() * (time_s - time_s_), 0.0);
}

std::optional<double> TrackRange::ttc_at(double time_s) const {
  const auto ttc = known_ ? filter_.time_to_collision() : std::nullopt;
  if (!ttc) return std::nullopt;
  return std::max(ttc->value - (time_s - time_s_), 0.0);
}

void CollisionWarning::update(std::optional<double> ttc_s, bool in_path, bool seen, const Params& params) {
  state_.update(on() ? !in_path || !ttc_s || *ttc_s > params.clear_s
                     : in_path && seen && ttc_s && *ttc_s < params.warn_s,
                params.frames);
}

}  // namespace tarsier::vision
