// A pinhole camera over a flat road: how far away is what stands at this point of the picture?
#pragma once

#include <optional>

#include "core/result.hpp"

namespace tarsier::vision {

/// As a user describes it. Standard deviations are those of what is given: `sigma_row_px` of a box's lower
/// edge in one frame, the others of the camera's place, which stays wrong by the same amount in all frames.
struct CameraDesc {
  double height_m = 1.3;        // above the road
  double pitch_deg = 0;         // positive: looks down
  double fov_deg = 60;          // horizontal; unused where fx_px is given
  double fx_px = 0, fy_px = 0;  // focal lengths; 0: from the field of view, fy as fx
  double cx_px = 0, cy_px = 0;  // principal point; 0: the middle of the frame
  double sigma_row_px = 1.5, sigma_pitch_deg = 0.2, sigma_height_m = 0.05;
  bool operator==(const CameraDesc&) const = default;
};

/// Where something stands on the road, seen from the point below the camera.
struct GroundPoint {
  double distance_m = 0;      // straight ahead
  double lateral_m = 0;       // to the right
  double sigma_row_m = 0;     // of the distance, by the row: new in each frame
  double sigma_camera_m = 0;  // and by pitch and height: the same in all of them
};

class GroundPlane {
 public:
  /// Errors (kInput): an impossible value, told with its key ("camera.height"), the value and what is
  /// allowed.
  static Result<GroundPlane> create(const CameraDesc& camera, int width, int height);

  /// Of a pixel on the road; none at the horizon and above, or so near it that nothing is known (the
  /// distance's deviation by the row is more than half of it).
  [[nodiscard]] std::optional<GroundPoint> at(double x, double row) const;
  /// The other way round: the row of a point on the road straight ahead.
  [[nodiscard]] double row_of(double distance_m) const;
  /// d distance / d row at a distance, metres a pixel: negative, since what stands lower is nearer.
  [[nodiscard]] double metres_per_row(double distance_m) const;
  /// Of the picture's column, at a distance; to the right.
  [[nodiscard]] double lateral_m(double x, double distance_m) const;
  /// The other way round: the column of a point so far to the right.
  [[nodiscard]] double column_of(double lateral_m, double distance_m) const;
  /// The same camera, known to look down by this much more or less exactly.
  [[nodiscard]] GroundPlane with_pitch(double pitch_deg, double sigma_deg) const;
  /// Standard deviations that the camera's place adds to a distance, a speed and a time to collision. First
  /// order: a wrong height scales distance and speed alike and leaves their quotient alone; a wrong pitch
  /// does not.
  [[nodiscard]] double camera_sigma_of_distance(double distance_m) const;
  [[nodiscard]] double camera_sigma_of_speed(double distance_m, double speed_mps) const;
  [[nodiscard]] double camera_sigma_of_ttc(double distance_m, double ttc_s) const;
  /// Row that points straight ahead meet far away.
  [[nodiscard]] double horizon_row() const;
  /// The other way round: the pitch in degrees at which the horizon is this row.
  [[nodiscard]] double pitch_of(double horizon_row) const;
  [[nodiscard]] double fx_px() const { return fx_; }
  [[nodiscard]] const CameraDesc& camera() const { return camera_; }

 private:
  [[nodiscard]] double depth_m(double distance_m) const;            // along the optical axis
  [[nodiscard]] double metres_per_radian(double distance_m) const;  // of pitch
  CameraDesc camera_;
  double fx_ = 1, fy_ = 1, cx_ = 0, cy_ = 0, pitch_ = 0;
};

}  // namespace tarsier::vision
