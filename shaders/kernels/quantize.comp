#version 460
#extension GL_GOOGLE_include_directive : require
// QuantizeLinear and DequantizeLinear of row-major tensors; engine/kernels/quantize.cpp. May run in place.
#include "quantize.glsl"

layout(local_size_x = 64) in;
layout(constant_id = 0) const uint kMode = 0u;  // Mode in quantize.cpp
layout(constant_id = 1) const uint kWithZero = 0u;
layout(constant_id = 2) const uint kSingle = 0u;  // one scale for all
layout(constant_id = 3) const uint kDigits = 0u;  // of the quotient

layout(push_constant, std430) uniform Push {
  uint64_t source, scale, zero_point, target;
  uint count;
  uint inner, inner_magic, inner_shift;
  uint extent, extent_magic, extent_shift;
  uint block_magic, block_shift;
  uint step_outer, step_position, step_inner;
  int low, high;
  ROUNDING_PUSH  // of real results
} pc;

const uint kQuantize = 0u, kQuantizeIntegers = 1u, kDequantize = 2u, kRound = 3u, kRoundIntegers = 4u, kScale = 5u;

uint divide(uint n, uint magic, uint shift) { return magic == 0u ? n : fast_divide(n, magic, shift); }

uint scale_at(uint i) {
  if (kSingle != 0u) return 0u;
  const uint row = divide(i, pc.inner_magic, pc.inner_shift);
  const uint outer = divide(row, pc.extent_magic, pc.extent_shift);
  const uint block = divide(row - outer * pc.extent, pc.block_magic, pc.block_shift);
  return outer * pc.step_outer + block * pc.step_position + (i - row * pc.inner) * pc.step_inner;
}

void main() {
  const uint first = flat_group() * 256u + gl_LocalInvocationID.x;
  [[unroll]] for (uint j = 0u; j < 4u; ++j) {
    const uint i = first + j * 64u;
    if (i >= pc.count) return;
    const uint s = scale_at(i);
    const float scale = load_float(pc.scale, s);
    const uint word = load_word(pc.source, i), zero = kWithZero != 0u ? load_word(pc.zero_point, s) : 0u;
    if (kMode == kDequantize) {
      store_float(pc.target, i, float(int(word) - int(zero)) * scale);
    } else if (kMode == kScale) {
      store_float(pc.target, i, (uintBitsToFloat(word) - uintBitsToFloat(zero)) * scale);
    } else {
      const float x = kMode == kQuantizeIntegers || kMode == kRoundIntegers ? float(int(word)) : uintBitsToFloat(word);
      const float divided = quotient(vec4(x), vec4(scale), kDigits).x;
      if (kMode == kRound || kMode == kRoundIntegers) {
        const uvec4 sum = floatBitsToUint(vec4(divided + uintBitsToFloat(zero)));
        store_word(pc.target, i, round_to_format(sum, pc).x);
      } else {
        store_word(pc.target, i, uint(quantized(divided, int(zero), pc.low, pc.high)));
      }
    }
  }
}
