// What the fast convolution shaders share. Their push constants begin with CONV_PUSH.
//
// Why they look as they do (measured on the software device): it turns loads into
// scalars only where it sees that every lane reads the same address, and that it sees of constants, push
// constants and arithmetic on these alone. `uniform_index` makes such a number of a workgroup id or loop counter.
#ifndef TARSIER_CONV_GLSL
#define TARSIER_CONV_GLSL

#include "activation.glsl"

layout(constant_id = 2) const uint kInputStorage = 0u;  // Storage of conv_emit.hpp
layout(constant_id = 3) const uint kOutputHalf = 0u;
layout(constant_id = 4) const uint kMask = 0u;  // post-ops move zero: clear the padding channels

// Whether each output is stored by one invocation only. The software device stores under a condition lane by lane,
// which costs a third of a small layer; there, invocations beyond the end repeat the last one's work and store the
// same value once more.
layout(constant_id = 5) const uint kStoreOnce = 1u;

#define CONV_PUSH \
  uint64_t src, dst; \
  uint64_t tail; /* of the bias in ConvTail */

// Ends of the push constants: 0..15.
#define CONV_TABLE uint table[16];
#define uniform_index(x) \
  (pc.table[(x) & 15u] + (pc.table[((x) >> 4) & 15u] << 4) + (pc.table[((x) >> 8) & 15u] << 8))
#define uniform_byte(x) (pc.table[(x) & 15u] + (pc.table[((x) >> 4) & 15u] << 4))

// In front of the bias lie the post-ops, and in front of these 16 zero bytes.
layout(buffer_reference, std430, buffer_reference_align = 16) readonly buffer ConvPost {
  uint64_t operand[2];
  float a[2];
  float b[2];
};
const uint64_t kPostBytes = 32ul, kZeroBytes = 48ul;

const uint kGroupBytes = kInputStorage == 0u ? 16u : 8u;  // of the input
const uint kOutputGroupBytes = kOutputHalf == 0u ? 16u : 8u;

// A vec4 or uvec4 splits into four gathers there, two 64-bit words into two.
vec4 load_fp32(uint64_t address) {
  return vec4(uintBitsToFloat(unpackUint2x32(LongRef(address).v)),
              uintBitsToFloat(unpackUint2x32(LongRef(address + 8ul).v)));
}

// Shifting the half's bits into place and scaling by 2^112 is exact for every finite half, subnormals too.
float half_in_high_bits(uint bits) {
  return uintBitsToFloat(uint(int(bits) >> 3) & 0x8FFFE000u) * 5.192296858534828e33;
}

vec4 load_input(uint64_t address) {
  if (kInputStorage == 0u) return load_fp32(address);
  const uvec2 bits = unpackUint2x32(LongRef(address).v);
  if (kInputStorage == 1u) return vec4(unpackHalf2x16(bits.x), unpackHalf2x16(bits.y));
  return vec4(half_in_high_bits(bits.x << 16), half_in_high_bits(bits.x), half_in_high_bits(bits.y << 16),
              half_in_high_bits(bits.y));
}

void store_output(uint64_t address, vec4 value) {
  if (kOutputHalf != 0u) {
    LongRef(address).v = packUint2x32(uvec2(packHalf2x16(value.xy), packHalf2x16(value.zw)));
  } else {
    LongRef(address).v = packUint2x32(floatBitsToUint(value.xy));
    LongRef(address + 8ul).v = packUint2x32(floatBitsToUint(value.zw));
  }
}

vec4 finish(vec4 value, uint64_t tail, uint group, uint plane, uint channel_group, uint channels) {
  if (kPost0 != 0u) {
    ConvPost post = ConvPost(tail - kPostBytes);
    value = apply_post_op(kPost0, value, post.operand[0], post.a[0], post.b[0], group, plane, channel_group);
    if (kPost1 != 0u) {
      value = apply_post_op(kPost1, value, post.operand[1], post.a[1], post.b[1], group, plane, channel_group);
    }
  }
  return kMask != 0u ? mask_channels(value, channel_group, channels) : value;
}

#endif
