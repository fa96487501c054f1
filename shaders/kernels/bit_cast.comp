#version 460
#extension GL_GOOGLE_include_directive : require
// BitCast; engine/kernels/bit_cast.cpp. May run in place.
#include "tensor.glsl"

layout(local_size_x = 64) in;
layout(constant_id = 0) const uint kRead = 0u;  // Form in bit_cast.cpp
layout(constant_id = 1) const uint kWrite = 0u;

layout(push_constant, std430) uniform Push {
  uint64_t source, target;
  uint count, bits, is_signed, reserved;
} pc;

const uint kHalf = 1u, kBfloat16 = 2u, kInteger = 3u;

void main() {
  const uint i = flat_group() * 64u + gl_LocalInvocationID.x;
  if (i >= pc.count) return;
  uint word = load_word(pc.source, i);
  // The engine's fp32 holds a half exactly, so no rounding takes place.
  if (kRead == kHalf) word = packHalf2x16(vec2(uintBitsToFloat(word), 0.0)) & 0xFFFFu;
  if (kRead == kBfloat16) word >>= 16u;
  if (kWrite == kHalf) word = floatBitsToUint(unpackHalf2x16(word & 0xFFFFu).x);
  if (kWrite == kBfloat16) word <<= 16u;
  if (kWrite == kInteger)
    word = pc.is_signed != 0u ? uint(bitfieldExtract(int(word), 0, int(pc.bits))) : bitfieldExtract(word, 0, int(pc.bits));
  store_word(pc.target, i, word);
}
