// The own lane from frame to frame: where its two boundaries are, how it bends and where the horizon is.
#pragma once

#include <array>
#include <optional>
#include <vector>

#include "vision/ground_plane.hpp"
#include "vision/hysteresis.hpp"
#include "vision/lane_points.hpp"
#include "vision/track.hpp"

namespace tarsier::vision {

struct LaneParams {
  double hold_s = 1.0;              // how long a boundary stays that no frame shows
  bool horizon_from_lanes = false;  // the camera's pitch is a first guess alone
};

struct LaneBoundary {
  bool known = false;    // seen lately
  bool seen = false;     // in this frame
  float confidence = 0;  // 0..1
  Measured lateral;      // metres to the right of the camera, beside it
};

struct CurvePoint {
  float x = 0, y = 0;  // pixels of the frame
};

/// Plain data for results, drawing and tests.
struct Lane {
  std::array<LaneBoundary, 2> sides;  // left, right
  /// With both boundaries: of the camera from the lane's middle, to the right; the lane's width.
  std::optional<Measured> position_m, width_m;
  std::optional<Measured> curvature;  // 1/m, positive: bends to the right; with any boundary
  Measured pitch_deg;                 // of the camera in this frame, as the range of objects takes it
  bool pitch_from_lanes = false;
  double far_m = 0;    // as far as the boundaries were seen
  double heading = 0;  // metres to the right a metre ahead, beside the camera
  /// Of a boundary that is known: metres to the right of the camera, at a distance ahead.
  [[nodiscard]] double lateral_at(int side, double distance_m) const {
    const double bend = curvature ? double(curvature->value) : 0;
    return double(sides[size_t(side)].lateral.value) + (heading + bend / 2 * distance_m) * distance_m;
  }
};

/// Extended Kalman filter over the boundaries' offsets from the camera, which the two share with a heading, a
/// curvature and the camera's pitch:
///   lateral(Z) = offset + heading Z + curvature / 2 Z^2,  Z metres ahead on the ground plane.
/// Fitted to the columns of points in the picture, where the errors are: by iteratively reweighted least
/// squares with Tukey's biweight (P. Holland, R. Welsch, "Robust regression using iteratively reweighted
/// least-squares", 1977) around the prediction, so that dashes are bridged and the paint of other lanes
/// counts for nothing. That two lines of one heading meet at the horizon is what gives the pitch.
class LaneTracker {
 public:
  /// Points of one frame. Times that go back start anew. `plane`: of the camera as it was described.
  void update(const HostMask& mask, double time_s, const GroundPlane& plane, int frame_width,
              int frame_height, const LaneParams& params);
  [[nodiscard]] const Lane& lane() const { return lane_; }
  /// With the pitch of the latest frame.
  [[nodiscard]] const GroundPlane& plane() const { return plane_; }
  /// Points of a boundary (0: left) from the frame's lower edge up to Lane::far_m, evenly over the rows.
  void curve(int side, int frame_height, std::span<CurvePoint> points) const;

 private:
  static constexpr size_t kStates = 5;  // offset left, right; heading; curvature; pitch (radians)
  using Vector = std::array<double, kStates>;
  using Matrix = std::array<Vector, kStates>;
  struct Side {
    bool known = false, seen = false;
    double seen_s = 0;
    double support = 0;  // smoothed share of rows that show it
  };
  using Lines = std::array<std::optional<LaneLine>, 2>;
  struct Support {
    int rows[2] = {0, 0};
    double far_m = 0;
  };

  void reset(const GroundPlane& plane, const LaneParams& params);
  void predict(double seconds, const GroundPlane& plane, const LaneParams& params);
  bool start(const GroundPlane& plane, int frame_width, int frame_height, double time_s,
             const LaneParams& params);
  bool start_from(const Lines& lines, const GroundPlane& plane, int frame_height, double time_s, bool search);
  Support fit(double tolerance, int rounds);
  void find_missing(int side, double time_s);
  void follow_lane_change();
  void forget(int side);
  void fill(const GroundPlane& plane, const LaneParams& params);
  [[nodiscard]] double lateral(int side, double distance_m) const;
  [[nodiscard]] static double column(const Vector& state, int side, double row, const GroundPlane& plane);

  std::vector<LanePoint> points_;
  Vector state_{};
  Matrix variance_{};
  std::array<Side, 2> sides_;
  double sigma_px_ = 2;
  double width_m_ = 3.6;  // last known one
  double far_m_ = 25;
  double time_s_ = -1;
  bool pitch_known_ = false;  // from the lanes, since the start
  GroundPlane plane_;
  Lane lane_;
};

/// Lane departure warning with hysteresis: from the side on which a wheel is on the line or over it until the
/// vehicle is back between the lines, whichever lane that is.
class LaneDeparture {
 public:
  struct Params {
    double vehicle_m = 1.8;  // width of the own vehicle
    double warn_m = 0.0,
           clear_m = 0.25;  // room beside the wheels: begins below the one, ends above the other
    int frames = 3;         // for so many frames in a row
  };
  void update(const Lane& lane, const Params& params);
  [[nodiscard]] bool on() const { return state_.on(); }
  [[nodiscard]] int side() const { return side_; }  // 0: left, of the line when it began

 private:
  Hysteresis state_;
  int side_ = 0;
};

}  // namespace tarsier::vision
