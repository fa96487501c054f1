#version 460
#extension GL_GOOGLE_include_directive : require
// Determinants of square matrices; engine/kernels/det.cpp.
#include "tensor.glsl"

layout(local_size_x = 16) in;

layout(push_constant, std430) uniform Push {
  uint64_t source, scratch, target;
  uint count, order;
} pc;

void main() {
  const uint i = flat_group() * 16u + gl_LocalInvocationID.x;
  if (i >= pc.count) return;
  const uint n = pc.order, base = i * n * n;
  for (uint k = 0u; k < n * n; ++k) store_float(pc.scratch, base + k, load_float(pc.source, base + k));
  float product = 1.0;
  for (uint k = 0u; k < n && product != 0.0; ++k) {
    uint pivot = k;
    float largest = abs(load_float(pc.scratch, base + k * n + k));
    for (uint r = k + 1u; r < n; ++r) {
      const float x = abs(load_float(pc.scratch, base + r * n + k));
      pivot = x > largest ? r : pivot;
      largest = max(x, largest);
    }
    if (pivot != k) {
      product = -product;
      for (uint c = k; c < n; ++c) {
        const float upper = load_float(pc.scratch, base + k * n + c);
        store_float(pc.scratch, base + k * n + c, load_float(pc.scratch, base + pivot * n + c));
        store_float(pc.scratch, base + pivot * n + c, upper);
      }
    }
    const float top = load_float(pc.scratch, base + k * n + k);
    product *= top;
    if (top == 0.0) break;
    for (uint r = k + 1u; r < n; ++r) {
      const float factor = load_float(pc.scratch, base + r * n + k) / top;
      for (uint c = k + 1u; c < n; ++c) {
        const float x = load_float(pc.scratch, base + r * n + c);
        store_float(pc.scratch, base + r * n + c, x - factor * load_float(pc.scratch, base + k * n + c));
      }
    }
  }
  store_float(pc.target, i, product);
}
