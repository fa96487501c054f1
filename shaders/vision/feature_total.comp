// The range of all tiles, behind theirs. One workgroup.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "feature_maps.glsl"

const uint kGroup = 128;
layout(local_size_x = 128) in;

shared ValueRange parts[kGroup];

void main() {
  uint self = gl_LocalInvocationID.x;
  ValueRange range = no_range();
  for (uint tile = self; tile < pc.tiles; tile += kGroup) {
    ValueRange one = pc.ranges.v[tile];
    if (one.finite > 0u) range = combined(range, one);
  }
  parts[self] = range;
  barrier();
  for (uint step_ = kGroup / 2u; step_ > 0u; step_ >>= 1) {
    if (self < step_) parts[self] = combined(parts[self], parts[self + step_]);
    barrier();
  }
  if (self == 0u) pc.ranges.v[pc.tiles] = final_range(parts[0]);
}
