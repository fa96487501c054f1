#include "vision/box_filter.hpp"

#include <algorithm>

#include "vision/square.hpp"

namespace tarsier::vision {
namespace {

constexpr double kStepsPerSecond = 30;   // what the deviations below are for
constexpr double kPosition = 1.0 / 20;   // standard deviations, in widths or heights
constexpr double kVelocity = 1.0 / 160;  // and in those a step
constexpr double kSmallest = 1;          // pixels: no box is flatter

std::array<double, 4> measured(const BoxFilter::Box& box) {
  return {(box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2, std::max(box.x1 - box.x0, kSmallest),
          std::max(box.y1 - box.y0, kSmallest)};
}

}  // namespace

double BoxFilter::size_of(size_t quantity) const {
  const bool across = quantity == kX || quantity == kWidth;
  return std::max(axes_[across ? kWidth : kHeight].value, kSmallest);
}

BoxFilter::BoxFilter(const Box& box) {
  const auto values = measured(box);
  for (size_t i = 0; i < kCount; ++i) axes_[i].value = values[i];
  for (size_t i = 0; i < kCount; ++i) {
    axes_[i].pp = square(2 * kPosition * size_of(i));
    axes_[i].vv = square(10 * kVelocity * size_of(i) * kStepsPerSecond);
  }
}

void BoxFilter::predict(double seconds, bool keeps_size) {
  const std::array<double, 2> sizes{size_of(kWidth), size_of(kHeight)};
  const double steps = seconds * kStepsPerSecond;
  if (keeps_size) axes_[kWidth].velocity = axes_[kHeight].velocity = 0;
  for (size_t i = 0; i < kCount; ++i) {
    Axis& axis = axes_[i];
    const double size = sizes[i % 2];
    axis.value += axis.velocity * seconds;
    axis.pp += seconds * (2 * axis.pv + seconds * axis.vv) + square(kPosition * size) * steps;
    axis.pv += seconds * axis.vv;
    axis.vv += square(kVelocity * size * kStepsPerSecond) * steps;
  }
}

void BoxFilter::update(const Box& box) {
  const auto values = measured(box);
  const std::array<double, 2> sizes{size_of(kWidth), size_of(kHeight)};
  for (size_t i = 0; i < kCount; ++i) {
    Axis& axis = axes_[i];
    const double sum = axis.pp + square(kPosition * sizes[i % 2]);
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

BoxFilter::Box BoxFilter::box_after(double seconds, bool keeps_size) const {
  const auto at = [&](Quantity q) { return axes_[q].value + axes_[q].velocity * seconds; };
  const double width = std::max(keeps_size ? axes_[kWidth].value : at(kWidth), kSmallest);
  const double height = std::max(keeps_size ? axes_[kHeight].value : at(kHeight), kSmallest);
  const double x = at(kX), y = at(kY);
  return {x - width / 2, y - height / 2, x + width / 2, y + height / 2};
}

}  // namespace tarsier::vision
