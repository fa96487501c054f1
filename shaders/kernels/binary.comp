#version 460
#extension GL_GOOGLE_include_directive : require
// Elementwise operators of two operands; engine/kernels/binary.cpp.
#include "activation.glsl"
#include "nd_index.glsl"

layout(local_size_x_id = 9) in;

layout(constant_id = 2) const uint kOp = 0u;
// 0 real; integers: 1 of 32 bits, 2 unsigned of 8, 3 of 8, 4 of 16; + 8: operand b is of the other kind.
layout(constant_id = 3) const uint kElements = 0u;
layout(constant_id = 4) const uint kLayout = 0u;
layout(constant_id = 5) const uint kHalfA = 0u;
layout(constant_id = 6) const uint kHalfB = 0u;
layout(constant_id = 7) const uint kHalfOut = 0u;
layout(constant_id = 8) const uint kRank = 1u;
layout(constant_id = 9) const uint kWidth = 64u;
layout(constant_id = 10) const uint kPerLane = 4u;
layout(constant_id = 11) const uint kGuard = 1u;  // Coverage in operator.hpp

const uint kFlatWords = 0u, kFlatGroups = 1u, kPlanes = 2u, kFlatWordsTail = 3u, kBroadcastWords = 4u;

layout(push_constant, std430) uniform Push {
  uint64_t a, b, target, table;
  uint count;
  uint groups, channels;
  uint step_a, step_b;
  uint batch_a, batch_b;
  uint plane_a, plane_b;
  uint splat;
  POST_PUSH
} pc;

// The enumerators of Op in binary.cpp.
const uint kAdd = 0u, kSub = 1u, kMul = 2u, kDiv = 3u, kFloorDiv = 4u, kMod = 5u, kFmod = 6u, kMin = 7u;
const uint kMax = 8u, kPow = 9u, kPRelu = 10u, kShiftLeft = 11u, kShiftRight = 12u, kBitAnd = 13u, kBitOr = 14u;
const uint kBitXor = 15u, kEqual = 16u, kLess = 17u, kGreater = 18u, kLessOrEqual = 19u, kGreaterOrEqual = 20u;
const uint kAnd = 21u, kOr = 22u, kXor = 23u;

const uint kWord = kElements & 7u;
const bool kInteger = kWord != 0u, kMixed = (kElements & 8u) != 0u;

float not_a_number() { return uintBitsToFloat(0x7FC00000u); }
bvec4 is_nan(vec4 x) { return greaterThan(floatBitsToUint(x) & 0x7FFFFFFFu, uvec4(0x7F800000u)); }

// pow() is undefined for a negative base; ONNX wants C's.
vec4 power(vec4 a, vec4 b) {
  const vec4 magnitude = mix(pow(abs(a), b), vec4(1.0), equal(b, vec4(0.0)));
  const bvec4 odd = notEqual(mod(trunc(b), 2.0), vec4(0.0));
  const vec4 negative = mix(magnitude, -magnitude, odd);
  const vec4 below = mix(vec4(not_a_number()), negative, equal(trunc(b), b));
  const vec4 squared = mix(mix(magnitude, below, lessThan(a, vec4(0.0))), a * a, equal(b, vec4(2.0)));
  return mix(mix(squared, a, equal(b, vec4(1.0))), vec4(1.0), equal(a, vec4(1.0)));
}

// The remainder with the sign of a (C's fmod), exact: multiples of b by powers of two are taken away, largest first (as in
// a long division; each difference is exact by Sterbenz' lemma).
float exact_remainder(float a, float b) {
  const float d = abs(b);
  float r = abs(a);
  const bool defined = d > 0.0 && r < uintBitsToFloat(0x7F800000u);
  if (!defined || d != d) return not_a_number();
  for (uint i = 0u; i < 300u && r >= d; ++i) {
    const int shift = int(floatBitsToUint(r) >> 23) - int(floatBitsToUint(d) >> 23);
    // In two steps: 2^shift itself may be beyond the largest number.
    float part = ldexp(ldexp(d, shift / 2), shift - shift / 2);
    if (part > r) part *= 0.5;
    r -= part;
  }
  return uintBitsToFloat(floatBitsToUint(r) | (floatBitsToUint(a) & 0x80000000u));  // of a zero, too
}
vec4 exact_remainder(vec4 a, vec4 b) {
  vec4 r;
  for (uint k = 0u; k < 4u; ++k) r[k] = exact_remainder(a[k], b[k]);
  return r;
}
vec4 floored_remainder(vec4 a, vec4 b) {
  const vec4 r = exact_remainder(a, b);
  const bvec4 other_sign = bvec4(uvec4(notEqual(r, vec4(0.0))) & uvec4(lessThan(r * sign(b), vec4(0.0))));
  // A zero has the sign of b, too, as numpy's.
  const vec4 zero = uintBitsToFloat(floatBitsToUint(b) & uvec4(0x80000000u));
  return mix(mix(r, r + b, other_sign), zero, equal(r, vec4(0.0)));
}

vec4 evaluate(vec4 a, vec4 b) {
  switch (kOp) {
    case kAdd: return a + b;
    case kSub: return a - b;
    case kMul: return a * b;
    case kDiv: return a / b;
    case kFloorDiv: return floor(a / b);
    case kMod: return floored_remainder(a, b);
    case kFmod: return exact_remainder(a, b);
    // A NaN of either side is passed on, as by numpy.
    case kMin: return mix(mix(min(a, b), b, is_nan(b)), a, is_nan(a));
    case kMax: return mix(mix(max(a, b), b, is_nan(b)), a, is_nan(a));
    case kPow: return power(a, b);
    case kPRelu: return mix(a, a * b, lessThan(a, vec4(0.0)));
  }
  return a;
}

// Division by zero is undefined in GLSL; the reference gives 0.
ivec4 divide(ivec4 a, ivec4 b) {
  const ivec4 safe = mix(b, ivec4(1), equal(b, ivec4(0)));
  return mix(a / safe, ivec4(0), equal(b, ivec4(0)));
}
// GLSL leaves % of negative operands undefined: built from the truncating division.
ivec4 remainder_of(ivec4 a, ivec4 b) {
  return mix(a - divide(a, b) * b, ivec4(0), equal(b, ivec4(0)));
}
bvec4 rounds_down(ivec4 a, ivec4 b) {
  const ivec4 r = remainder_of(a, b);
  return bvec4(uvec4(notEqual(r, ivec4(0))) & uvec4(lessThan(r ^ b, ivec4(0))));
}

ivec4 integer_power(ivec4 a, ivec4 b) {
  ivec4 result = ivec4(1), base = a, e = max(b, ivec4(0));
  for (uint i = 0u; i < 31u; ++i) {
    result = mix(result, result * base, notEqual(e & 1, ivec4(0)));
    base *= base;
    e >>= 1;
  }
  const ivec4 unit = mix(ivec4(1), a, notEqual(b & 1, ivec4(0)));  // 1 / a where that is whole
  const ivec4 inverse = mix(ivec4(0), unit, equal(abs(a), ivec4(1)));
  return mix(result, inverse, lessThan(b, ivec4(0)));
}

// Real powers of integers, cut towards zero; whole ones are exact.
ivec4 mixed_power(ivec4 a, vec4 b) {
  const ivec4 cut = ivec4(clamp(power(vec4(a), b), -2147483648.0, 2147483520.0));
  const vec4 exponent = clamp(b, -1024.0, 1024.0);
  return mix(cut, integer_power(a, ivec4(exponent)), equal(trunc(b), b));
}

// GLSL leaves shifts by the width of a word or more undefined: nothing, or the sign, is left then.
uvec4 shift_left(uvec4 a, uvec4 b) {
  return mix(a << min(b, uvec4(31u)), uvec4(0u), greaterThan(b, uvec4(31u)));
}

// Integers narrower than a word wrap around.
uvec4 narrowed(uvec4 x) {
  if (kWord == 2u) return x & 0xFFu;
  if (kWord == 3u) return uvec4(bitfieldExtract(ivec4(x), 0, 8));
  if (kWord == 4u) return uvec4(bitfieldExtract(ivec4(x), 0, 16));
  return x;
}

uvec4 evaluate_integers(ivec4 a, ivec4 b) {
  switch (kOp) {
    case kAdd: return uvec4(a + b);
    case kSub: return uvec4(a - b);
    case kMul: return uvec4(a * b);
    case kDiv: return uvec4(divide(a, b));
    case kFloorDiv: return uvec4(divide(a, b) - ivec4(uvec4(rounds_down(a, b))));
    case kMod: return uvec4(remainder_of(a, b) + mix(ivec4(0), b, rounds_down(a, b)));
    case kFmod: return uvec4(remainder_of(a, b));
    case kMin: return uvec4(min(a, b));
    case kMax: return uvec4(max(a, b));
    case kPow: return uvec4(integer_power(a, b));
    case kPRelu: return uvec4(mix(a, a * b, lessThan(a, ivec4(0))));
    case kShiftLeft: return shift_left(uvec4(a), uvec4(b));
    case kShiftRight: return uvec4(a >> min(uvec4(b), uvec4(31u)));
    case kBitAnd: return uvec4(a & b);
    case kBitOr: return uvec4(a | b);
    case kBitXor: return uvec4(a ^ b);
  }
  return uvec4(a);
}

uvec4 compare(uvec4 ua, uvec4 ub) {
  if (kInteger) {
    const ivec4 a = ivec4(ua), b = ivec4(ub);
    switch (kOp) {
      case kEqual: return uvec4(equal(a, b));
      case kLess: return uvec4(lessThan(a, b));
      case kGreater: return uvec4(greaterThan(a, b));
      case kLessOrEqual: return uvec4(lessThanEqual(a, b));
      case kGreaterOrEqual: return uvec4(greaterThanEqual(a, b));
      case kAnd: return uvec4(notEqual(a, ivec4(0))) & uvec4(notEqual(b, ivec4(0)));
      case kOr: return uvec4(notEqual(a | b, ivec4(0)));
      case kXor: return uvec4(notEqual(a, ivec4(0))) ^ uvec4(notEqual(b, ivec4(0)));
    }
  }
  const vec4 a = uintBitsToFloat(ua), b = uintBitsToFloat(ub);
  switch (kOp) {
    case kEqual: return uvec4(equal(a, b));
    case kLess: return uvec4(lessThan(a, b));
    case kGreater: return uvec4(greaterThan(a, b));
    case kLessOrEqual: return uvec4(lessThanEqual(a, b));
  }
  return uvec4(greaterThanEqual(a, b));
}

uvec4 evaluate_words(uvec4 ua, uvec4 ub) {
  if (kOp >= kEqual) return compare(ua, ub);
  if (kInteger) {
    const ivec4 a = ivec4(ua);
    return narrowed(kMixed ? uvec4(mixed_power(a, uintBitsToFloat(ub))) : evaluate_integers(a, ivec4(ub)));
  }
  const vec4 x = evaluate(uintBitsToFloat(ua), kMixed ? vec4(ivec4(ub)) : uintBitsToFloat(ub));
  return floatBitsToUint(apply_post_ops(x, 0u, 0u, 0u));
}

uvec4 load_operand(uint64_t base, uint i, uint step) {
  if (step == 0u) return uvec4(load_word(base, 0u));
  if (kLayout == kFlatWords) return load_words(base, i);
  const uint last = pc.count - 1u;
  uvec4 bits;
  for (uint k = 0u; k < 4u; ++k) bits[k] = load_word(base, min(i * 4u + k, last));
  return bits;
}

// An operand that has one value for a whole plane is loaded once.
vec4 load_plane_operand(uint64_t base, uint at, bool splat, uint half_storage) {
  const vec4 x = load_group(base, at, half_storage);
  return splat ? x.xxxx : x;
}

void main() {
  const bool planes = kLayout == kPlanes;
  const uint first = (planes ? gl_WorkGroupID.x : flat_group()) * (kWidth * kPerLane) + gl_LocalInvocationID.x;
  if (planes) {
    const uint plane = gl_WorkGroupID.y;
    const uint n = plane / pc.groups, c = plane - n * pc.groups;
    const uint from_a = n * pc.batch_a + c * pc.plane_a, from_b = n * pc.batch_b + c * pc.plane_b;
    const bool splat_a = (pc.splat & 1u) != 0u, splat_b = (pc.splat & 2u) != 0u;
    vec4 a = vec4(0.0), b = vec4(0.0);
    if (pc.step_a == 0u) a = load_plane_operand(pc.a, from_a, splat_a, kHalfA);
    if (pc.step_b == 0u) b = load_plane_operand(pc.b, from_b, splat_b, kHalfB);
    [[unroll]] for (uint j = 0u; j < kPerLane; ++j) {
      const uint p = first + j * kWidth;
      if (kGuard != 0u && p >= pc.count) return;
      if (pc.step_a != 0u) a = load_plane_operand(pc.a, from_a + p, splat_a, kHalfA);
      if (pc.step_b != 0u) b = load_plane_operand(pc.b, from_b + p, splat_b, kHalfB);
      const uint group = plane * pc.count + p;
      vec4 x = apply_post_ops(evaluate(a, b), group, plane, c);
      if ((pc.splat & 4u) != 0u) x = mask_channels(x, c, pc.channels);
      store_group(pc.target, group, x, kHalfOut);
    }
    return;
  }
  const uint end = kLayout == kFlatWords ? pc.count / 4u : kLayout == kFlatWordsTail ? (pc.count + 3u) / 4u : pc.count;
  [[unroll]] for (uint j = 0u; j < kPerLane; ++j) {
    const uint i = first + j * kWidth;
    if (kGuard != 0u && i >= end) return;
    if (kLayout == kBroadcastWords) {
      const ivec4 at = nd_offsets(pc.table, kRank, i);
      const uvec4 a = uvec4(load_word(pc.a, uint(at.x))), b = uvec4(load_word(pc.b, uint(at.y)));
      store_word(pc.target, i, evaluate_words(a, b).x);
    } else if (kLayout == kFlatGroups) {
      const vec4 x = evaluate(load_group(pc.a, i, kHalfA), load_group(pc.b, i, kHalfB));
      store_group(pc.target, i, apply_post_ops(x, i, 0u, 0u), kHalfOut);
    } else {
      const uvec4 bits = evaluate_words(load_operand(pc.a, i, pc.step_a), load_operand(pc.b, i, pc.step_b));
      if (kLayout == kFlatWords) {
        store_words(pc.target, i, bits);
      } else {
        for (uint k = 0u; k < 4u; ++k) {
          if (i * 4u + k < pc.count) store_word(pc.target, i * 4u + k, bits[k]);
        }
      }
    }
  }
}
