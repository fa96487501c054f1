// Distance, relative speed and time to collision of one object, out of noisy distances.
#pragma once

#include <optional>

#include "vision/hysteresis.hpp"
#include "vision/track.hpp"

namespace tarsier::vision {

class GroundPlane;

/// Kalman filter of constant velocity over a distance; what drivers do is white acceleration.
class RangeFilter {
 public:
  /// `acceleration`: spectral density of the noise, m/s^2 over a second.
  void predict(double seconds, double acceleration);
  /// The first one starts the filter, at a speed that is unknown. One that does not fit (4 deviations) is
  /// left out: the box ends at somebody else's. Three in a row are the truth: the filter starts anew.
  void update(double distance_m, double sigma_m);
  [[nodiscard]] bool started() const { return started_; }
  [[nodiscard]] double distance_m() const { return distance_; }
  [[nodiscard]] double speed_mps() const { return speed_; }  // negative: comes nearer
  [[nodiscard]] double variance_distance() const { return pp_; }
  [[nodiscard]] double variance_speed() const { return vv_; }
  /// Distance / closing speed, with its deviation to first order; none where it is not known to close in
  /// (twice the speed's deviation and 0.3 m/s).
  [[nodiscard]] std::optional<Measured> time_to_collision() const;

 private:
  bool started_ = false;
  int misfits_ = 0;
  double distance_ = 0, speed_ = 0;
  double pp_ = 0, pv_ = 0, vv_ = 0;  // covariance
};

/// What one track's boxes say. Of these, in this order:
/// - The box's lower edge stands on the road: its row gives the distance (GroundPlane).
/// - The box reaches the picture's lower edge, so that no contact is seen and its height is cut off as well:
///   its width still grows as the object comes nearer. With f W / width as the distance, the time to
///   collision is Lee's tau = size / rate of size (D. N. Lee, "A theory of visual control of braking based on
///   information about time-to-collision", Perception, 1976), whatever W is. W is what the width said while
///   the contact was seen; without that it is taken to be that of a car, and only the time is told.
/// - Cut off at a side, too, or not seen: what was known goes on, for a second.
/// How far to the side it is, the middle of the box says at that distance; where a side is cut off, the other
/// one and W do.
class TrackRange {
 public:
  /// `seen`: the track was matched in this frame, with the box `track.seen_*`. Times do not go back.
  void update(const Track& track, bool seen, double time_s, const GroundPlane& plane, int width, int height,
              double acceleration);
  /// Fills distance_m, relative_speed_mps, ttc_s, lateral_m, lateral_speed_mps of the track.
  void fill(Track& track, const GroundPlane& plane) const;
  /// Where it will be at a later time; none where the distance is not known.
  [[nodiscard]] std::optional<double> distance_at(double time_s) const;
  [[nodiscard]] std::optional<double> ttc_at(double time_s) const;

 private:
  void update_lateral(const Track& track, const GroundPlane& plane, int width);

  RangeFilter filter_, lateral_;
  double width_m_ = 0;     // of the object, while contact is seen; 0: never seen
  bool by_width_ = false;  // the latest box had no contact
  double time_s_ = 0, measured_s_ = 0;
  bool known_ = false;
};

/// Forward-collision warning with hysteresis, of one track.
class CollisionWarning {
 public:
  struct Params {
    double warn_s = 2.0, clear_s = 3.0;  // begins below the one, ends above the other
    int frames = 3;                      // for so many frames in a row
  };
  /// `in_path`: in the strip that the own vehicle drives on. `seen`: a warning never begins out of sight.
  void update(std::optional<double> ttc_s, bool in_path, bool seen, const Params& params);
  [[nodiscard]] bool on() const { return state_.on(); }

 private:
  Hysteresis state_;
};

}  // namespace tarsier::vision
