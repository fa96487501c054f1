// Real numbers with the digits of a narrower format, still in fp32; engine/graph/element_type.hpp.
#ifndef TARSIER_ROUNDING_GLSL
#define TARSIER_ROUNDING_GLSL

// FloatRounding, in push constants.
#define ROUNDING_PUSH uint dropped, min_normal; float per_quantum; uint largest, beyond, not_a_number, unsigned_zero;

// rounded() of element_type.cpp for bits of fp32.
#define round_to_format(bits, pc) \
  rounded_bits(bits, pc.dropped, pc.min_normal, pc.per_quantum, pc.largest, pc.beyond, pc.not_a_number, pc.unsigned_zero)

uvec4 rounded_bits(uvec4 bits, uint dropped, uint min_normal, float per_quantum, uint largest, uint beyond,
                   uint not_a_number, uint unsigned_zero) {
  const uvec4 magnitude = bits & 0x7FFFFFFFu;
  const uvec4 half_digit = (1u << (dropped - 1u)) - 1u + ((magnitude >> dropped) & 1u);
  const uvec4 normal = ((magnitude + half_digit) >> dropped) << dropped;
  const float quantum = uintBitsToFloat(0x7F000000u - floatBitsToUint(per_quantum));  // a division may be inexact
  const uvec4 subnormal = floatBitsToUint(roundEven(uintBitsToFloat(magnitude) * per_quantum) * quantum);
  uvec4 result = mix(normal, subnormal, lessThan(magnitude, uvec4(min_normal)));
  result = mix(result, uvec4(beyond), greaterThan(result, uvec4(largest)));
  result = mix(result, uvec4(not_a_number), greaterThan(magnitude, uvec4(0x7F800000u)));
  const uvec4 signs = mix(bits & 0x80000000u, uvec4(0u), equal(result | uvec4(1u - unsigned_zero), uvec4(0u)));
  return result | signs;
}

// Rounded to the nearest number, ties to even, that half precision can hold; as fp32.
vec4 round_to_half(vec4 x) {
  const uvec4 bits = floatBitsToUint(x), magnitude = bits & 0x7FFFFFFFu;
  const vec4 normal = uintBitsToFloat((bits + 0xFFFu + ((bits >> 13) & 1u)) & 0xFFFFE000u);
  const vec4 subnormal = roundEven(x * 16777216.0) * (1.0 / 16777216.0);  // multiples of 2^-24
  const vec4 infinite = uintBitsToFloat((bits & 0x80000000u) | 0x7F800000u);
  const vec4 finite = mix(normal, subnormal, lessThan(magnitude, uvec4(0x38800000u)));
  const vec4 number = mix(finite, infinite, greaterThanEqual(magnitude, uvec4(0x477FF000u)));
  return mix(number, x, greaterThan(magnitude, uvec4(0x7F800000u)));
}
// The same for bfloat16.
vec4 round_to_bfloat16(vec4 x) {
  const uvec4 bits = floatBitsToUint(x);
  const vec4 number = uintBitsToFloat((bits + 0x7FFFu + ((bits >> 16) & 1u)) & 0xFFFF0000u);
  return mix(number, x, greaterThan(bits & 0x7FFFFFFFu, uvec4(0x7F800000u)));
}

// rounded_to_power() of element_type.cpp. `mode`: 0 up, 1 down, 2 to the nearest.
uvec4 power_bits(uvec4 bits, uint mode, bool saturate) {
  const uvec4 magnitude = bits & 0x7FFFFFFFu;
  const bvec4 small = lessThan(magnitude, uvec4(0x00800000u));
  const uvec4 below = mix(magnitude & 0x7F800000u, uvec4(0x00400000u), small);
  const uvec4 above = mix(below + 0x00800000u, uvec4(0x00800000u), small);
  const uvec4 at_least = mode == 0u ? below + 1u : mode == 1u ? uvec4(0xFFFFFFFFu) : below + (above - below) / 2u;
  uvec4 result = mix(below, above, greaterThanEqual(magnitude, at_least));
  const uint nan = 0x7FC00000u;
  result = mix(result, uvec4(saturate ? 0x7F000000u : nan), greaterThan(result, uvec4(0x7F000000u)));
  result = mix(result, uvec4(saturate ? 0x00400000u : nan), lessThan(magnitude, uvec4(0x00400000u)));
  return mix(result, uvec4(nan), greaterThan(magnitude, uvec4(0x7F800000u)));
}

#endif
