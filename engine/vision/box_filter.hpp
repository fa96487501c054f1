// Kalman filter of a box that moves at constant velocity.
#pragma once

#include <array>
#include <cstddef>

namespace tarsier::vision {

/// Centre, width and height, and their velocities: the state of BoT-SORT (Aharon et al., "BoT-SORT: Robust
/// Associations Multi-Pedestrian Tracking", 2022). ByteTrack's own has the aspect ratio in the width's place,
/// which follows so slowly that who walks in from the picture's edge drags a box about that is twice too
/// wide. Standard deviations are those of the reference implementations, in proportion to the width or the
/// height, for steps of 1/30 s; over another step the variance that movement adds grows with its length.
/// Transition, measurement and noise never mix the four quantities, so that the 8x8 filter falls apart into
/// four of two states each, exactly.
class BoxFilter {
 public:
  struct Box {
    double x0 = 0, y0 = 0, x1 = 0, y1 = 0;
  };
  BoxFilter() = default;
  /// At rest, at a measured box; its velocity is unknown.
  explicit BoxFilter(const Box& box);
  /// `seconds` on, at least 0. `keeps_size`: an object that is out of sight does not grow or shrink.
  void predict(double seconds, bool keeps_size);
  /// Corrects the state by a measured box.
  void update(const Box& box);

  [[nodiscard]] Box box() const;
  /// Where box() will be `seconds` on, as predict() would say; the filter stays as it is.
  [[nodiscard]] Box box_after(double seconds, bool keeps_size) const;
  /// Of the centre, pixels/s.
  [[nodiscard]] double velocity_x() const { return axes_[kX].velocity; }
  [[nodiscard]] double velocity_y() const { return axes_[kY].velocity; }
  /// Variances of the centre's x in pixels^2 and of its velocity in pixels^2/s^2.
  [[nodiscard]] double variance_x() const { return axes_[kX].pp; }
  [[nodiscard]] double variance_velocity_x() const { return axes_[kX].vv; }

 private:
  enum Quantity : size_t { kX, kY, kWidth, kHeight, kCount };  // across, along, across, along
  struct Axis {
    double value = 0, velocity = 0;
    double pp = 0, pv = 0, vv = 0;  // covariance
  };
  /// Width or height, pixels: what the deviations of a quantity are in proportion to.
  [[nodiscard]] double size_of(size_t quantity) const;
  std::array<Axis, kCount> axes_;
};

}  // namespace tarsier::vision
