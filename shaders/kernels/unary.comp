#version 460
#extension GL_GOOGLE_include_directive : require
// Elementwise operators of one operand; engine/kernels/unary.cpp.
#include "activation.glsl"
#include "elementary.glsl"

layout(local_size_x_id = 7) in;

layout(constant_id = 2) const uint kOp = 0u;
// 0 real; integers: 1 of 32 bits, 2 unsigned of 8, 3 of 8, 4 of 16.
layout(constant_id = 3) const uint kElements = 0u;
layout(constant_id = 4) const uint kLayout = 0u;  // 0 words, 1 groups, 2 groups by plane (masked), 3 words with a tail
layout(constant_id = 5) const uint kHalfIn = 0u;
layout(constant_id = 6) const uint kHalfOut = 0u;
layout(constant_id = 7) const uint kWidth = 64u;
layout(constant_id = 8) const uint kPerLane = 4u;
layout(constant_id = 9) const uint kGuard = 1u;  // Coverage in operator.hpp

layout(push_constant, std430) uniform Push {
  uint64_t source, target;
  uint count;
  uint groups, channels;
  uint a, b;
  uint reserved;
  POST_PUSH
} pc;

// The enumerators of Op in unary.cpp.
const uint kRelu = 0u, kClip = 1u, kLeakyRelu = 2u, kSigmoid = 3u, kSilu = 4u, kHardSigmoid = 5u;
const uint kHardSwish = 6u, kTanh = 7u, kGelu = 8u, kExp = 9u, kLog = 10u, kSqrt = 11u, kNeg = 12u;
const uint kAbs = 13u, kFloor = 14u, kCeil = 15u, kRound = 16u, kReciprocal = 17u, kErf = 18u;
const uint kSoftplus = 19u, kElu = 20u, kSign = 21u, kSelu = 22u, kSoftsign = 23u, kSin = 24u, kCos = 25u;
const uint kMish = 26u, kCelu = 27u, kThresholdedRelu = 28u, kGeluTanh = 29u, kNot = 30u, kAcos = 31u;
const uint kAcosh = 32u, kAsin = 33u, kAsinh = 34u, kAtan = 35u, kAtanh = 36u, kCosh = 37u, kSinh = 38u;
const uint kTan = 39u, kShrink = 40u, kSwish = 41u, kIsNaN = 42u, kIsInf = 43u, kBitwiseNot = 44u;

bvec4 is_nan(vec4 x) { return greaterThan(floatBitsToUint(x) & 0x7FFFFFFFu, uvec4(0x7F800000u)); }
vec4 softplus(vec4 x) { return max(x, 0.0) + log1p(exp(-abs(x))); }
// x tanh(log(1 + n)) with n = exp(x), where no digits cancel; above 20 the factor is 1.
vec4 mish(vec4 x) {
  const vec4 n = exp(min(x, 20.0)), m = n * (n + 2.0);
  return x * (m / (m + 2.0));
}
// exp(x) - 1 loses all digits near zero, where the series is exact.
vec4 expm1(vec4 x) {
  const vec4 series = x * (1.0 + x * (0.5 + x * (0.16666667 + x * 0.041666668)));
  return mix(exp(x) - 1.0, series, lessThan(abs(x), vec4(0.06)));
}

vec4 shrink(vec4 x, float lambda, float bias) {
  return mix(mix(vec4(0.0), x - bias, greaterThan(x, vec4(lambda))), x + bias, lessThan(x, vec4(-lambda)));
}

vec4 evaluate(vec4 x) {
  const float a = uintBitsToFloat(pc.a), b = uintBitsToFloat(pc.b);
  switch (kOp) {
    // A NaN is passed on, as by numpy.
    case kRelu: return mix(x, vec4(0.0), lessThan(x, vec4(0.0)));
    case kClip: return mix(min(max(x, a), b), x, is_nan(x));
    case kLeakyRelu: return mix(x, a * x, lessThan(x, vec4(0.0)));
    case kSigmoid: return sigmoid(x);
    case kSilu: return x / (1.0 + exp(-x));
    case kHardSigmoid: return mix(clamp(a * x + b, 0.0, 1.0), x, is_nan(x));
    case kHardSwish: return x * clamp(x * (1.0 / 6.0) + 0.5, 0.0, 1.0);
    case kTanh: return mix(safe_tanh(x), x, is_nan(x));
    case kGelu: return gelu(x);
    case kGeluTanh: return 0.5 * x * (1.0 + safe_tanh(0.79788456 * (x + 0.044715 * x * x * x)));
    case kExp: return exp(x);
    case kLog: return log(x);
    case kSqrt: return sqrt(x);
    case kNeg: return -x;
    case kAbs: return abs(x);
    case kFloor: return floor(x);
    case kCeil: return ceil(x);
    case kRound: return roundEven(x);
    case kReciprocal: return 1.0 / x;
    case kErf: return erf4(x);
    case kSoftplus: return softplus(x);
    case kElu: return mix(x, a * expm1(x), lessThan(x, vec4(0.0)));
    case kSign: return mix(sign(x), x, is_nan(x));
    case kSelu: return b * mix(a * expm1(x), x, greaterThan(x, vec4(0.0)));
    case kSoftsign: return x / (1.0 + abs(x));
    case kSin: return sin(x);
    case kCos: return cos(x);
    case kMish: return mish(x);
    case kCelu: return mix(x, a * expm1(x / a), lessThan(x, vec4(0.0)));
    case kThresholdedRelu: return mix(vec4(0.0), x, greaterThan(x, vec4(a)));
    case kAcos: return exact_acos(x);
    case kAcosh: return exact_acosh(x);
    case kAsin: return exact_asin(x);
    case kAsinh: return exact_asinh(x);
    case kAtan: return exact_atan(x);
    case kAtanh: return exact_atanh(x);
    case kCosh: return exact_cosh(x);
    case kSinh: return exact_sinh(x);
    case kTan: return sin(x) / cos(x);
    case kShrink: return shrink(x, a, b);
    case kSwish: return x / (1.0 + exp(-a * x));
  }
  return x;
}

// Integers narrower than a word wrap around.
uvec4 narrowed(uvec4 x) {
  switch (kElements) {
    case 2u: return x & 0xFFu;
    case 3u: return uvec4(bitfieldExtract(ivec4(x), 0, 8));
    case 4u: return uvec4(bitfieldExtract(ivec4(x), 0, 16));
  }
  return x;
}

uvec4 is_infinite(uvec4 bits) {
  const uvec4 below = uvec4(equal(bits, uvec4(0xFF800000u))) & uint(uintBitsToFloat(pc.a) != 0.0);
  return below | (uvec4(equal(bits, uvec4(0x7F800000u))) & uint(uintBitsToFloat(pc.b) != 0.0));
}

uvec4 evaluate_words(uvec4 bits) {
  const ivec4 x = ivec4(bits);
  switch (kOp) {
    case kNot: return uvec4(equal(x, ivec4(0)));
    case kIsNaN: return uvec4(is_nan(uintBitsToFloat(bits)));
    case kIsInf: return is_infinite(bits);
  }
  if (kElements != 0u) {
    switch (kOp) {
      case kRelu: return uvec4(max(x, ivec4(0)));
      case kClip: return uvec4(min(max(x, ivec4(int(pc.a))), ivec4(int(pc.b))));
      case kNeg: return narrowed(uvec4(-x));
      case kAbs: return narrowed(uvec4(abs(x)));
      case kSign: return uvec4(sign(x));
      case kBitwiseNot: return narrowed(~bits);
      case kShrink:
        return narrowed(uvec4(ivec4(shrink(vec4(x), uintBitsToFloat(pc.a), uintBitsToFloat(pc.b)))));
    }
  }
  return floatBitsToUint(apply_post_ops(evaluate(uintBitsToFloat(bits)), 0u, 0u, 0u));
}

void main() {
  const bool planes = kLayout == 2u;
  const uint plane = planes ? gl_WorkGroupID.y : 0u;
  const uint first = (planes ? gl_WorkGroupID.x : flat_group()) * (kWidth * kPerLane) + gl_LocalInvocationID.x;
  const uint end = kLayout == 0u ? pc.count / 4u : kLayout == 3u ? (pc.count + 3u) / 4u : pc.count;
  [[unroll]] for (uint j = 0u; j < kPerLane; ++j) {
    const uint i = first + j * kWidth;
    if (kGuard != 0u && i >= end) return;
    if (planes) {
      const uint group = plane * pc.count + i, channel_group = plane % pc.groups;
      const vec4 x = evaluate(load_group(pc.source, group, kHalfIn));
      store_group(pc.target, group,
                  mask_channels(apply_post_ops(x, group, plane, channel_group), channel_group, pc.channels),
                  kHalfOut);
    } else if (kLayout == 1u) {
      const vec4 x = evaluate(load_group(pc.source, i, kHalfIn));
      store_group(pc.target, i, apply_post_ops(x, i, 0u, 0u), kHalfOut);
    } else if (kLayout == 0u) {
      store_words(pc.target, i, evaluate_words(load_words(pc.source, i)));
    } else {
      const uint last = pc.count - 1u;
      uvec4 bits;
      for (uint k = 0u; k < 4u; ++k) bits[k] = load_word(pc.source, min(i * 4u + k, last));
      bits = evaluate_words(bits);
      for (uint k = 0u; k < 4u; ++k) {
        if (i * 4u + k <= last) store_word(pc.target, i * 4u + k, bits[k]);
      }
    }
  }
}
