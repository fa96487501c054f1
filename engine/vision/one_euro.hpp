// A filter for points that a network finds anew in every frame. No GPU types; shaders/include/one_euro.glsl
// is the same.
#pragma once

#include <algorithm>
#include <cmath>
#include <numbers>

namespace tarsier::vision {

/// Casiez, Roussel, Vogel: "1 Euro Filter: A Simple Speed-based Low-pass Filter for Noisy Input in
/// Interactive Systems", CHI 2012. Speeds are measured in sizes of what is followed, so that it does the same
/// near and far.
struct OneEuroParams {
  float min_cutoff = 1;  // Hz, for points that stand still
  float beta = 20;       // Hz more for each size a second
  float d_cutoff = 1;    // Hz, for the speed
};

/// One coordinate: its filtered place, and its speed in sizes a second.
struct OneEuroValue {
  double place = 0, speed = 0;
};

inline OneEuroValue one_euro(const OneEuroParams& params, double seconds, double size, double measured,
                             const OneEuroValue& last) {
  const auto alpha = [&](double cutoff) {
    return 1 / (1 + 1 / (2 * std::numbers::pi * cutoff) / std::max(seconds, 1e-6));
  };
  const double now = (measured - last.place) / (seconds * size);
  const double speed = last.speed + alpha(double(params.d_cutoff)) * (now - last.speed);
  const double follow = alpha(double(params.min_cutoff) + double(params.beta) * std::abs(speed));
  return {last.place + follow * (measured - last.place), speed};
}

}  // namespace tarsier::vision
