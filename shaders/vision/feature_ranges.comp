// Least and largest value of each tile, and their sum. A workgroup a tile.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "feature_maps.glsl"

const uint kGroup = 128;
layout(local_size_x = 128) in;

shared ValueRange parts[kGroup];

void main() {
  uint tile = group_index(), self = gl_LocalInvocationID.x;
  if (tile >= pc.tiles) return;
  uint base = base_of(tile), pixels = pc.pixels;
  ValueRange range = no_range();
  for (uint pixel = self; pixel < pixels; pixel += kGroup) {
    float value = value_at(base, pixel);
    if (is_finite(value)) range = combined(range, ValueRange(value, value, value, 1u));
  }
  parts[self] = range;
  barrier();
  for (uint step_ = kGroup / 2u; step_ > 0u; step_ >>= 1) {
    if (self < step_) parts[self] = combined(parts[self], parts[self + step_]);
    barrier();
  }
  if (self == 0u) pc.ranges.v[tile] = final_range(parts[0]);
}
