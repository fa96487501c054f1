#version 460
#extension GL_GOOGLE_include_directive : require
// Softmax along one axis of a row-major tensor; engine/kernels/softmax.cpp.
#include "tensor.glsl"

layout(local_size_x = 16) in;
layout(constant_id = 0) const uint kLog = 0u;
layout(constant_id = 1) const uint kInnerOne = 0u;

layout(push_constant, std430) uniform Push {
  uint64_t source, target;
  uint rows, extent, inner, magic, shift, reserved;
} pc;

void main() {
  const uint row = flat_group() * 16u + gl_LocalInvocationID.x;
  if (row >= pc.rows) return;
  const uint outer = kInnerOne != 0u ? row : fast_divide(row, pc.magic, pc.shift);
  const uint base = outer * pc.extent * pc.inner + (row - outer * pc.inner);
  float top = load_float(pc.source, base);
  for (uint i = 1u; i < pc.extent; ++i) top = max(top, load_float(pc.source, base + i * pc.inner));
  float sum = 0.0;
  for (uint i = 0u; i < pc.extent; ++i) sum += exp(load_float(pc.source, base + i * pc.inner) - top);
  const float log_sum = log(sum), scale = 1.0 / sum;
  for (uint i = 0u; i < pc.extent; ++i) {
    const uint at = base + i * pc.inner;
    const float x = load_float(pc.source, at) - top;
    store_float(pc.target, at, kLog != 0u ? x - log_sum : exp(x) * scale);
  }
}
