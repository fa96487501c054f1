#include "vision/ground_plane.hpp"

#include <cmath>
#include <numbers>

namespace tarsier::vision {
namespace {

constexpr double kRadians = std::numbers::pi / 180;

}  // namespace

Result<GroundPlane> GroundPlane::create(const CameraDesc& camera, int width, int height) {
  const auto refuse = [](const char* key, double value, const char* allowed) {
    return input_error("camera.{}: {:g} is impossible; {}", key, value, allowed);
  };
  // Written so that NaN is refused, too.
  if (!(camera.height_m > 0) || !std::isfinite(camera.height_m))
    return refuse("height", camera.height_m, "metres above the road, more than 0");
  if (!(std::abs(camera.pitch_deg) < 90))
    return refuse("pitch", camera.pitch_deg, "degrees between -90 and 90, positive looks down");
  if (!(camera.fx_px >= 0) || !std::isfinite(camera.fx_px))
    return refuse("fx", camera.fx_px, "pixels, more than 0, or 0 to take camera.fov");
  if (!(camera.fy_px >= 0) || !std::isfinite(camera.fy_px))
    return refuse("fy", camera.fy_px, "pixels, more than 0, or 0 for the same as fx");
  if (camera.fx_px == 0 && !(camera.fov_deg > 0 && camera.fov_deg < 180))
    return refuse("fov", camera.fov_deg, "degrees between 0 and 180");
  if (!std::isfinite(camera.cx_px)) return refuse("cx", camera.cx_px, "pixels, or 0 for the middle");
  if (!std::isfinite(camera.cy_px)) return refuse("cy", camera.cy_px, "pixels, or 0 for the middle");
  if (!(camera.sigma_row_px >= 0)) return refuse("sigma_row", camera.sigma_row_px, "pixels, at least 0");
  if (!(camera.sigma_pitch_deg >= 0))
    return refuse("sigma_pitch", camera.sigma_pitch_deg, "degrees, at least 0");
  if (!(camera.sigma_height_m >= 0))
    return refuse("sigma_height", camera.sigma_height_m, "metres, at least 0");
  GroundPlane plane;
  plane.camera_ = camera;
  plane.fx_ = camera.fx_px > 0 ? camera.fx_px : width / 2.0 / std::tan(camera.fov_deg * kRadians / 2);
  plane.fy_ = camera.fy_px > 0 ? camera.fy_px : plane.fx_;
  plane.cx_ = camera.cx_px != 0 ? camera.cx_px : width / 2.0;
  plane.cy_ = camera.cy_px != 0 ? camera.cy_px : height / 2.0;
  plane.pitch_ = camera.pitch_deg * kRadians;
  return plane;
}

/// A row is an angle below the optical axis, with the pitch one below the horizon: Z = h / tan(angle).
std::optional<GroundPoint> GroundPlane::at(double x, double row) const {
  const double angle = pitch_ + std::atan((row - cy_) / fy_);
  if (!(angle > 1e-6)) return std::nullopt;
  GroundPoint point;
  point.distance_m = camera_.height_m / std::tan(angle);
  point.sigma_row_m = std::abs(metres_per_row(point.distance_m)) * camera_.sigma_row_px;
  if (!(point.distance_m > 0) || point.sigma_row_m > point.distance_m / 2) return std::nullopt;
  point.sigma_camera_m = camera_sigma_of_distance(point.distance_m);
  point.lateral_m = lateral_m(x, point.distance_m);
  return point;
}

double GroundPlane::row_of(double distance_m) const {
  return cy_ + fy_ * std::tan(std::atan2(camera_.height_m, distance_m) - pitch_);
}

/// dZ/dangle = -h / sin^2(angle) = -(h^2 + Z^2) / h.
double GroundPlane::metres_per_radian(double distance_m) const {
  return -(camera_.height_m * camera_.height_m + distance_m * distance_m) / camera_.height_m;
}

double GroundPlane::metres_per_row(double distance_m) const {
  const double y = (row_of(distance_m) - cy_) / fy_;
  return metres_per_radian(distance_m) / (fy_ * (1 + y * y));
}

/// The depth along the optical axis, which a column's angle is measured against, is Z cos p + h sin p.
double GroundPlane::depth_m(double distance_m) const {
  return distance_m * std::cos(pitch_) + camera_.height_m * std::sin(pitch_);
}

double GroundPlane::lateral_m(double x, double distance_m) const {
  return (x - cx_) / fx_ * depth_m(distance_m);
}

double GroundPlane::column_of(double lateral_m, double distance_m) const {
  return cx_ + fx_ * lateral_m / depth_m(distance_m);
}

GroundPlane GroundPlane::with_pitch(double pitch_deg, double sigma_deg) const {
  GroundPlane plane = *this;
  plane.camera_.pitch_deg = pitch_deg;
  plane.camera_.sigma_pitch_deg = sigma_deg;
  plane.pitch_ = pitch_deg * kRadians;
  return plane;
}

double GroundPlane::camera_sigma_of_distance(double distance_m) const {
  return std::hypot(metres_per_radian(distance_m) * camera_.sigma_pitch_deg * kRadians,
                    distance_m / camera_.height_m * camera_.sigma_height_m);
}

/// d/dt of the distance's derivatives: -2 Z v / h by pitch, v / h by height.
double GroundPlane::camera_sigma_of_speed(double distance_m, double speed_mps) const {
  return std::hypot(2 * distance_m * speed_mps / camera_.height_m * camera_.sigma_pitch_deg * kRadians,
                    speed_mps / camera_.height_m * camera_.sigma_height_m);
}

/// Of Z / -v by pitch: dZ / Z - dv / v = (-(h^2 + Z^2) / (h Z) + 2 Z / h) dp = (Z^2 - h^2) / (h Z) dp.
double GroundPlane::camera_sigma_of_ttc(double distance_m, double ttc_s) const {
  const double h = camera_.height_m;
  return std::abs(ttc_s * (distance_m / h - h / distance_m)) * camera_.sigma_pitch_deg * kRadians;
}

double GroundPlane::horizon_row() const {
  return cy_ - fy_ * std::tan(pitch_);
}

double GroundPlane::pitch_of(double horizon_row) const {
  return std::atan((cy_ - horizon_row) / fy_) / kRadians;
}

}  // namespace tarsier::vision
