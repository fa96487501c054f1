#version 460
#extension GL_GOOGLE_include_directive : require
// Running sums and products along one axis; engine/kernels/cumulative.cpp.
#include "tensor.glsl"

layout(local_size_x = 16) in;
layout(constant_id = 0) const uint kInteger = 0u;
layout(constant_id = 1) const uint kInnerOne = 0u;

layout(push_constant, std430) uniform Push {
  uint64_t source, target;
  uint rows, extent, inner, magic, shift, exclusive, reverse, product;
} pc;

void main() {
  const uint row = flat_group() * 16u + gl_LocalInvocationID.x;
  if (row >= pc.rows) return;
  const uint outer = kInnerOne != 0u ? row : fast_divide(row, pc.magic, pc.shift);
  const uint base = outer * pc.extent * pc.inner + (row - outer * pc.inner);
  float total = pc.product != 0u ? 1.0 : 0.0;
  int integer_total = int(pc.product);
  for (uint i = 0u; i < pc.extent; ++i) {
    const uint at = base + (pc.reverse != 0u ? pc.extent - 1u - i : i) * pc.inner;
    const uint word = load_word(pc.source, at);
    if (kInteger != 0u) {
      const int before = integer_total;
      integer_total = pc.product != 0u ? before * int(word) : before + int(word);
      store_word(pc.target, at, uint(pc.exclusive != 0u ? before : integer_total));
    } else {
      const float before = total;
      total = pc.product != 0u ? before * uintBitsToFloat(word) : before + uintBitsToFloat(word);
      store_float(pc.target, at, pc.exclusive != 0u ? before : total);
    }
  }
}
