// Small arithmetic of filters.
#pragma once

namespace tarsier::vision {

[[nodiscard]] constexpr double square(double x) {
  return x * x;
}

}  // namespace tarsier::vision
