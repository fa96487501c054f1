// The percentiles of a frame's inverse depth, by a histogram of a sample of its pixels. One workgroup.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "depth.glsl"

const uint kGroup = 256, kBins = 256, kRounds = 4;
layout(local_size_x = 256) in;

shared uint bins[kBins];
shared uint least_key, most_key;

// Keys that are in order as their floats are.
uint key_of(float value) {
  uint bits = floatBitsToUint(value);
  return (bits >> 31) != 0u ? ~bits : bits | 0x80000000u;
}
float value_of(uint key) { return uintBitsToFloat((key >> 31) != 0u ? key & 0x7FFFFFFFu : ~key); }

void main() {
  uint self = gl_LocalInvocationID.x;
  bins[self] = 0u;
  if (self == 0u) {
    least_key = 0xFFFFFFFFu;
    most_key = 0u;
  }
  barrier();
  uint pixels = pc.pixels, stride = pc.step_ * kGroup;
  float least = 1e30, most = -1e30;
  for (uint pixel = self * pc.step_; pixel < pixels; pixel += stride) {
    float value = inverse_depth(pixel);
    if (!(abs(value) < 1e30)) continue;  // what is no number does not count
    least = min(least, value);
    most = max(most, value);
  }
  if (most >= least) {
    atomicMin(least_key, key_of(least));
    atomicMax(most_key, key_of(most));
  }
  barrier();
  // Each round looks closer at where the percentiles are: a few values far beyond the rest leave the first one few bins
  // for all others.
  vec2 range = vec2(value_of(least_key), value_of(most_key));
  for (uint round = 0u; round < kRounds; ++round) {
    float width = max((range.y - range.x) * (1.0 / float(kBins)), 1e-20);
    for (uint pixel = self * pc.step_; pixel < pixels; pixel += stride) {
      float value = inverse_depth(pixel);
      if (!(abs(value) < 1e30)) continue;
      atomicAdd(bins[uint(clamp((value - range.x) / width, 0.0, float(kBins - 1u)))], 1u);
    }
    barrier();
    uint samples = 0u;
    for (uint i = 0u; i < kBins; ++i) samples += bins[i];
    uint tail = uint(pc.tail * float(samples));
    uint first = 0u, last = kBins - 1u;
    for (uint sum = bins[first]; sum <= tail && first < kBins - 1u;) sum += bins[++first];
    for (uint sum = bins[last]; sum <= tail && last > 0u;) sum += bins[--last];
    range = range.x + vec2(float(first), float(last + 1u)) * width;
    barrier();
    bins[self] = 0u;
    barrier();
  }
  if (self != 0u || most_key == 0u) return;
  vec2 before = vec2(uintBitsToFloat(pc.range.v[0]), uintBitsToFloat(pc.range.v[1]));
  vec2 taken = before.x == before.y ? range : mix(before, range, pc.follow);
  pc.range.v[0] = floatBitsToUint(taken.x);
  pc.range.v[1] = floatBitsToUint(taken.y);
}
