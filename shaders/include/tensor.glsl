// Loads and stores of tensors by device address. Layouts (engine/graph/graph.hpp):
//   kLinear: 32-bit words, row-major.
//   kC4:     [N][ceil(C/4)][H][W][4] as fp32 (vec4) or fp16. One "group" is 4 channels of one pixel.
// fp16 groups are read and written as one 64-bit word and converted with packHalf2x16: that needs no 16-bit
// storage feature, so one module serves both storages and a specialisation constant picks.
#ifndef TARSIER_TENSOR_GLSL
#define TARSIER_TENSOR_GLSL

#extension GL_EXT_buffer_reference : require
#extension GL_EXT_shader_explicit_arithmetic_types_int64 : require
#extension GL_EXT_control_flow_attributes : require

layout(buffer_reference, std430, buffer_reference_align = 4) buffer WordRef { uint v; };
layout(buffer_reference, std430, buffer_reference_align = 4) buffer FloatRef { float v; };
layout(buffer_reference, std430, buffer_reference_align = 8) buffer LongRef { uint64_t v; };
layout(buffer_reference, std430, buffer_reference_align = 16) buffer Float4Ref { vec4 v; };  // for uniform addresses

// Undoes flat_grid() of operator.cpp.
uint flat_group() { return gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x; }

uint load_word(uint64_t base, uint index) { return WordRef(base + uint64_t(index) * 4ul).v; }
int load_int(uint64_t base, uint index) { return int(load_word(base, index)); }
float load_float(uint64_t base, uint index) { return FloatRef(base + uint64_t(index) * 4ul).v; }
void store_word(uint64_t base, uint index, uint value) { WordRef(base + uint64_t(index) * 4ul).v = value; }
void store_float(uint64_t base, uint index, float value) { FloatRef(base + uint64_t(index) * 4ul).v = value; }

// Four words by two 64-bit loads: the software device splits a vec4 into four gathers.
uvec4 load_words(uint64_t base, uint index) {
  const uint64_t at = base + uint64_t(index) * 16ul;
  return uvec4(unpackUint2x32(LongRef(at).v), unpackUint2x32(LongRef(at + 8ul).v));
}
void store_words(uint64_t base, uint index, uvec4 value) {
  const uint64_t at = base + uint64_t(index) * 16ul;
  LongRef(at).v = packUint2x32(value.xy);
  LongRef(at + 8ul).v = packUint2x32(value.zw);
}

vec4 load_group(uint64_t base, uint group, uint half_storage) {
  if (half_storage != 0u) {
    const uvec2 bits = unpackUint2x32(LongRef(base + uint64_t(group) * 8ul).v);
    return vec4(unpackHalf2x16(bits.x), unpackHalf2x16(bits.y));
  }
  return uintBitsToFloat(load_words(base, group));
}

void store_group(uint64_t base, uint group, vec4 value, uint half_storage) {
  if (half_storage != 0u) {
    LongRef(base + uint64_t(group) * 8ul).v =
        packUint2x32(uvec2(packHalf2x16(value.xy), packHalf2x16(value.zw)));
  } else {
    store_words(base, group, floatBitsToUint(value));
  }
}

// Zeroes the channels of group `channel_group` that lie beyond `channels`.
vec4 mask_channels(vec4 value, uint channel_group, uint channels) {
  const uvec4 channel = uvec4(0u, 1u, 2u, 3u) + channel_group * 4u;
  return mix(vec4(0.0), value, lessThan(channel, uvec4(channels)));
}

// n / divisor for n below 2^31, divisor at least 2: divisor_of() in nd_index.cpp.
uint fast_divide(uint n, uint magic, uint shift) {
  uint high, low;
  umulExtended(n, magic, high, low);
  return high >> shift;
}

#endif
