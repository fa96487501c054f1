// A turned square of the frame: where a network that wants one face, hand or body looks. It lives on the
// device, written by whatever finds the thing, so that nobody waits for the host to learn where it is.
#pragma once

#include <array>
#include <cstdint>

namespace tarsier::vision {

/// 32 bytes, std430, as in shaders/include/region.glsl. Pixels of the frame, (0, 0) its upper left corner.
struct Region {
  float centre_x = 0, centre_y = 0;
  float size = 0;                // side of the square
  uint32_t valid = 0;            // 0: there is nothing to look at
  float axis_x = 1, axis_y = 0;  // unit vector to the crop's right; a quarter turn clockwise from it is down
  float reserved[2] = {};
};
static_assert(sizeof(Region) == 32);

/// Where a point of the square lies in the frame; (0, 0) to (1, 1) in the square.
[[nodiscard]] inline std::array<double, 2> frame_of(const Region& region, double x, double y) {
  const double u = (x - 0.5) * double(region.size), v = (y - 0.5) * double(region.size);
  return {double(region.centre_x) + u * double(region.axis_x) - v * double(region.axis_y),
          double(region.centre_y) + u * double(region.axis_y) + v * double(region.axis_x)};
}

}  // namespace tarsier::vision
