#include "vision/box_filter.hpp"

#include <algorithm>

#include "vision/square.hpp"

namespace tarsier::vision {
namespace {

constexpr double kStepsPerSecond = 30;    // what the deviations below are for
constexpr double kPosition = 1.0 / 20;    // standard deviations, in heights
constexpr double kVelocity = 1.0 / 160;   // and in heights a step
constexpr double kAspectMeasured = 1e-1;  // the aspect ratio has no size to be in proportion to
constexpr double kAspectPosition = 1e-2;
constexpr double kAspectVelocity = 1e-5;
constexpr double kSmallest = 1;  // pixels: no box is flatter

std::array<double, 4> measured(const BoxFilter::Box& box) {
  const double height = std::max(box.y1 - box.y0, kSmallest);
  return {(box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2, std::max(box.x1 - box.x0, kSmallest) / height,
          height};
}

BoxFilter::Box box_of(double x, double y, double aspect, double height) {
  height = std::max(height, kSmallest);
  const double width = std::max(aspect * height, kSmallest);
  return {x - width / 2, y - height / 2, x + width / 2, y + height / 2};
}

}  // namespace

BoxFilter::BoxFilter(const Box& box) {
  const auto values = measured(box);
  const double height = values[kHeight];
  for (size_t i = 0; i < kCount; ++i) {
    const bool aspect = i == kAspect;
    axes_[i] = {.value = values[i],
                .pp = square(aspect ? kAspectPosition : 2 * kPosition * height),
                .vv = square((aspect ? kAspectVelocity : 10 * kVelocity * height) * kStepsPerSecond)};
  }
}

void BoxFilter::predict(double seconds, bool keeps_height) {
  const double height = std::max(axes_[kHeight].value, kSmallest);
  const double steps = seconds * kStepsPerSecond;
  if (keeps_height) axes_[kHeight].velocity = 0;
  for (size_t i = 0; i < kCount; ++i) {
    Axis& axis = axes_[i];
    const bool aspect = i == kAspect;
    axis.value += axis.velocity * seconds;
    axis.pp += seconds * (2 * axis.pv + seconds * axis.vv) +
               square(aspect ? kAspectPosition : kPosition * height) * steps;
    axis.pv += seconds * axis.vv;
    axis.vv += square((aspect ? kAspectVelocity : kVelocity * height) * kStepsPerSecond) * steps;
  }
}

void BoxFilter::update(const Box& box) {
  const auto values = measured(box);
  const double height = std::max(axes_[kHeight].value, kSmallest);
  for (size_t i = 0; i < kCount; ++i) {
    Axis& axis = axes_[i];
    const double noise = square(i == kAspect ? kAspectMeasured : kPosition * height);
    const double sum = axis.pp + noise;
    const double gain = axis.pp / sum;
    const double velocity_gain = axis.pv / sum;
    const double surprise = values[i] - axis.value;
    axis.value += gain * surprise;
    axis.velocity += velocity_gain * surprise;
    axis.vv -= velocity_gain * axis.pv;
    axis.pv -= gain * axis.pv;
    axis.pp -= gain * axis.pp;
  }
}

BoxFilter::Box BoxFilter::box() const {
  return box_after(0, false);
}

BoxFilter::Box BoxFilter::box_after(double seconds, bool keeps_height) const {
  const auto at = [&](Quantity q) { return axes_[q].value + axes_[q].velocity * seconds; };
  return box_of(at(kX), at(kY), at(kAspect), keeps_height ? axes_[kHeight].value : at(kHeight));
}

}  // namespace tarsier::vision
