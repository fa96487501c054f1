// A soft mask smoothed over time where it stands still: what flickers there is the network's noise. Where a whole
// neighbourhood goes the same way the person moves, and the mask follows at once.
#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "vision_types.glsl"

layout(local_size_x = 64) in;

layout(push_constant, std430) uniform Push {
  Words mask;      // packed bytes
  Words previous;  // floats in 0..1: what this pass made of the last frame
  Words next;
  int width, height;
  float follow;     // how much of the new mask is taken where nothing moves; 1: all, the past does not count
  float low, high;  // mean change of a neighbourhood from which it is followed more, and at once
} pc;

void main() {
  int column = int(gl_GlobalInvocationID.x), row = int(gl_GlobalInvocationID.y);
  int width = pc.width, height = pc.height;
  Words mask = pc.mask, previous = pc.previous;
  float change = 0.0, now = 0.0, before = 0.0;
  [[unroll]] for (int dy = -1; dy <= 1; ++dy) {
    [[unroll]] for (int dx = -1; dx <= 1; ++dx) {
      int at = clamp(row + dy, 0, height - 1) * width + clamp(column + dx, 0, width - 1);
      float value = float(int((mask.v[at >> 2] >> (8u * uint(at & 3))) & 255u)) * (1.0 / 255.0);
      float past = uintBitsToFloat(previous.v[at]);
      change += value - past;
      if (dx == 0 && dy == 0) {
        now = value;
        before = past;
      }
    }
  }
  float weight = max(pc.follow, smoothstep(pc.low, pc.high, abs(change) * (1.0 / 9.0)));
  if (column < width && row < height) pc.next.v[row * width + column] = floatBitsToUint(mix(before, now, weight));
}
