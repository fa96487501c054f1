#version 460
#extension GL_GOOGLE_include_directive : require
// Cast; engine/kernels/cast.cpp. May run in place.
#include "rounding.glsl"
#include "tensor.glsl"

layout(local_size_x_id = 5) in;
layout(constant_id = 0) const uint kFromReal = 0u;
layout(constant_id = 1) const uint kTarget = 0u;  // Target in cast.cpp
layout(constant_id = 2) const uint kLayout = 0u;  // 0 words, 1 groups, 2 words with a tail
layout(constant_id = 3) const uint kHalfIn = 0u;
layout(constant_id = 4) const uint kHalfOut = 0u;
layout(constant_id = 5) const uint kWidth = 64u;
layout(constant_id = 6) const uint kPerLane = 4u;
layout(constant_id = 7) const uint kGuard = 1u;  // Coverage in operator.hpp

layout(push_constant, std430) uniform Push {
  uint64_t source, target;
  uint count;                // words or groups
  uint integer_bits;         // of the result; fewer than 32 wrap around
  uint is_signed;
  uint power_mode, saturate;  // FLOAT8E8M0
  ROUNDING_PUSH
} pc;

const uint kReal = 0u, kRounded = 1u, kPower = 2u, kInteger = 3u, kBool = 4u;

uvec4 as_real(uvec4 bits) { return kFromReal != 0u ? bits : floatBitsToUint(vec4(ivec4(bits))); }

uvec4 as_integer(uvec4 bits) {
  // Beyond the range of an int, and of NaN, GLSL says nothing.
  const vec4 x = mix(uintBitsToFloat(bits), vec4(0.0), greaterThan(bits & 0x7FFFFFFFu, uvec4(0x7F800000u)));
  const uvec4 whole = kFromReal != 0u ? uvec4(ivec4(clamp(x, -2147483648.0, 2147483520.0))) : bits;
  const uvec4 low = bitfieldExtract(whole, 0, int(pc.integer_bits));
  return pc.is_signed != 0u ? uvec4(bitfieldExtract(ivec4(whole), 0, int(pc.integer_bits))) : low;
}

uvec4 converted(uvec4 bits) {
  switch (kTarget) {
    case kRounded: return round_to_format(as_real(bits), pc);
    case kPower: return power_bits(as_real(bits), pc.power_mode, pc.saturate != 0u);
    case kInteger: return as_integer(bits);
    case kBool:
      return kFromReal != 0u ? uvec4(notEqual(uintBitsToFloat(bits), vec4(0.0))) : uvec4(notEqual(bits, uvec4(0u)));
  }
  return as_real(bits);
}

void main() {
  const uint first = flat_group() * (kWidth * kPerLane) + gl_LocalInvocationID.x;
  const uint end = kLayout == 0u ? pc.count / 4u : kLayout == 2u ? (pc.count + 3u) / 4u : pc.count;
  [[unroll]] for (uint j = 0u; j < kPerLane; ++j) {
    const uint i = first + j * kWidth;
    if (kGuard != 0u && i >= end) return;
    if (kLayout == 1u) {
      const uvec4 bits = floatBitsToUint(load_group(pc.source, i, kHalfIn));
      store_group(pc.target, i, uintBitsToFloat(converted(bits)), kHalfOut);
    } else if (kLayout == 0u) {
      store_words(pc.target, i, converted(load_words(pc.source, i)));
    } else {
      const uint last = pc.count - 1u;
      uvec4 bits;
      for (uint k = 0u; k < 4u; ++k) bits[k] = load_word(pc.source, min(i * 4u + k, last));
      bits = converted(bits);
      for (uint k = 0u; k < 4u; ++k) {
        if (i * 4u + k <= last) store_word(pc.target, i * 4u + k, bits[k]);
      }
    }
  }
}
