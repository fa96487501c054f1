#version 460
#extension GL_GOOGLE_include_directive : require
// Random numbers by a hash of seed and element; engine/kernels/random.cpp.
#include "tensor.glsl"

layout(local_size_x = 64) in;
layout(constant_id = 0) const uint kNormal = 0u;

layout(push_constant, std430) uniform Push {
  uint64_t target;
  uint count, seed;
  float a, b;  // mean and standard deviation; lower bound and width
} pc;

uint hash(uint x) {
  const uint state = x * 747796405u + 2891336453u;
  const uint word = ((state >> ((state >> 28) + 4u)) ^ state) * 277803737u;
  return (word >> 22) ^ word;
}
float unit(uint bits) { return float(bits >> 8) * (1.0 / 16777216.0); }

void main() {
  const uint i = flat_group() * 64u + gl_LocalInvocationID.x;
  if (i >= pc.count) return;
  const uint first = hash(i ^ pc.seed);
  float x = pc.a + unit(first) * pc.b;
  if (kNormal != 0u) {
    const float radius = sqrt(-2.0 * log(1.0 - unit(first)));
    x = pc.a + pc.b * radius * cos(6.28318531 * unit(hash(first + pc.seed)));
  }
  store_float(pc.target, i, x);
}
