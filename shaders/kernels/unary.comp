#version 460
#extension GL_GOOGLE_include_directive : require
// Elementwise operators of one operand; engine/kernels/unary.cpp.
#include "activation.glsl"

layout(local_size_x_id = 7) in;

layout(constant_id = 2) const uint kOp = 0u;
layout(constant_id = 3) const uint kInteger = 0u;
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
const uint kCopy = 0u, kRelu = 1u, kClip = 2u, kLeakyRelu = 3u, kSigmoid = 4u, kSilu = 5u, kHardSigmoid = 6u;
const uint kHardSwish = 7u, kTanh = 8u, kGelu = 9u, kExp = 10u, kLog = 11u, kSqrt = 12u, kNeg = 13u;
const uint kAbs = 14u, kFloor = 15u, kCeil = 16u, kRound = 17u, kReciprocal = 18u, kErf = 19u;
const uint kSoftplus = 20u, kElu = 21u, kSign = 22u, kSelu = 23u, kSoftsign = 24u, kSin = 25u, kCos = 26u;
const uint kMish = 27u, kCelu = 28u, kThresholdedRelu = 29u, kGeluTanh = 30u, kNot = 31u, kIntToFloat = 32u;
const uint kFloatToInt = 33u, kFloatToBool = 34u, kIntToBool = 35u, kIntToU8 = 36u, kIntToI8 = 37u;
const uint kIntToI16 = 38u;

vec4 softplus(vec4 x) { return max(x, 0.0) + log(1.0 + exp(-abs(x))); }
// exp(x) - 1 loses all digits near zero, where the series is exact.
vec4 expm1(vec4 x) {
  const vec4 series = x * (1.0 + x * (0.5 + x * (0.16666667 + x * 0.041666668)));
  return mix(exp(x) - 1.0, series, lessThan(abs(x), vec4(0.06)));
}

vec4 evaluate(vec4 x) {
  const float a = uintBitsToFloat(pc.a), b = uintBitsToFloat(pc.b);
  switch (kOp) {
    case kRelu: return max(x, 0.0);
    case kClip: return min(max(x, a), b);
    case kLeakyRelu: return mix(x, a * x, lessThan(x, vec4(0.0)));
    case kSigmoid: return sigmoid(x);
    case kSilu: return x / (1.0 + exp(-x));
    case kHardSigmoid: return clamp(a * x + b, 0.0, 1.0);
    case kHardSwish: return x * clamp(x * (1.0 / 6.0) + 0.5, 0.0, 1.0);
    case kTanh: return safe_tanh(x);
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
    case kSign: return sign(x);
    case kSelu: return b * mix(a * expm1(x), x, greaterThan(x, vec4(0.0)));
    case kSoftsign: return x / (1.0 + abs(x));
    case kSin: return sin(x);
    case kCos: return cos(x);
    case kMish: return x * safe_tanh(softplus(x));
    case kCelu: return max(x, 0.0) + min(vec4(0.0), a * expm1(x / a));
    case kThresholdedRelu: return mix(vec4(0.0), x, greaterThan(x, vec4(a)));
  }
  return x;
}

uvec4 evaluate_words(uvec4 bits) {
  const ivec4 x = ivec4(bits);
  switch (kOp) {
    case kCopy: return bits;
    case kIntToFloat: return floatBitsToUint(vec4(x));
    case kFloatToInt: return uvec4(ivec4(uintBitsToFloat(bits)));
    case kFloatToBool: return uvec4(notEqual(uintBitsToFloat(bits), vec4(0.0)));
    case kIntToBool: return uvec4(notEqual(x, ivec4(0)));
    case kNot: return uvec4(equal(x, ivec4(0)));
    case kIntToU8: return bits & 0xFFu;
    case kIntToI8: return uvec4(bitfieldExtract(x, 0, 8));
    case kIntToI16: return uvec4(bitfieldExtract(x, 0, 16));
  }
  if (kInteger != 0u) {
    switch (kOp) {
      case kRelu: return uvec4(max(x, ivec4(0)));
      case kClip: return uvec4(min(max(x, ivec4(int(pc.a))), ivec4(int(pc.b))));
      case kNeg: return uvec4(-x);
      case kAbs: return uvec4(abs(x));
      case kSign: return uvec4(sign(x));
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
