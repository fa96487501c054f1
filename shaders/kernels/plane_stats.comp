#version 460
#extension GL_GOOGLE_include_directive : require
// Mean and sum of squared deviations of kC4 planes, four channels at a time; engine/kernels/normalize.cpp. Each
// lane sums what differs from its first pixel; the lanes' results are merged by Chan, Golub and LeVeque,
// "Updating formulae and a pairwise algorithm for computing sample variances", 1979.
#include "tensor.glsl"

layout(local_size_x_id = 1) in;
layout(constant_id = 0) const uint kHalfIn = 0u;
layout(constant_id = 1) const uint kWidth = 64u;

layout(push_constant, std430) uniform Push {
  uint64_t source, target;
  uint planes, count;
} pc;

shared vec4 means[kWidth];
shared vec4 deviations[kWidth];
shared float counts[kWidth];

void main() {
  const uint plane = flat_group(), lane = gl_LocalInvocationID.x;
  if (plane >= pc.planes) return;
  const uint base = plane * pc.count;
  const vec4 origin = load_group(pc.source, base + min(lane, pc.count - 1u), kHalfIn);
  vec4 sum = vec4(0.0), squares = vec4(0.0);
  float seen = 0.0;
  for (uint p = lane; p < pc.count; p += kWidth) {
    const vec4 x = load_group(pc.source, base + p, kHalfIn) - origin;
    sum += x;
    squares += x * x;
    seen += 1.0;
  }
  const vec4 offset = sum / max(seen, 1.0);
  means[lane] = origin + offset;
  deviations[lane] = max(squares - sum * offset, vec4(0.0));
  counts[lane] = seen;
  barrier();
  if (lane != 0u) return;
  vec4 mean = means[0], total = deviations[0];
  float n = counts[0];
  for (uint i = 1u; i < min(kWidth, pc.count); ++i) {
    const float more = counts[i], all = n + more;
    const vec4 apart = means[i] - mean;
    mean += apart * (more / all);
    total += deviations[i] + apart * apart * (n * more / all);
    n = all;
  }
  store_group(pc.target, plane * 2u, mean, 0u);
  store_group(pc.target, plane * 2u + 1u, total, 0u);
}
