// A turned square of the frame (engine/vision/region.hpp).
#ifndef TARSIER_REGION
#define TARSIER_REGION

struct Region {
  vec2 centre;
  float size;
  uint valid;
  vec2 axis;
  vec2 reserved;
};

/// Where a point of the square lies in the frame; (0, 0) to (1, 1) in the square.
vec2 frame_of(Region region, vec2 inside) {
  vec2 at = (inside - 0.5) * region.size;
  return region.centre + at.x * region.axis + at.y * vec2(-region.axis.y, region.axis.x);
}
#endif
