// Activations and post-ops; the host side is engine/kernels/post_ops.cpp. A shader that takes post-ops
//   - has POST_PUSH at the end of its push constants (named `pc`), 8-byte aligned,
//   - leaves specialisation constants 0 and 1 to this file,
//   - ends with apply_post_ops().
#ifndef TARSIER_ACTIVATION_GLSL
#define TARSIER_ACTIVATION_GLSL

#include "tensor.glsl"

layout(constant_id = 0) const uint kPost0 = 0u;
layout(constant_id = 1) const uint kPost1 = 0u;

#define POST_PUSH \
  uint64_t post_operand[2]; \
  float post_a[2]; \
  float post_b[2];

const uint kPostRelu = 1u, kPostClip = 2u, kPostLeakyRelu = 3u, kPostPRelu = 4u, kPostSigmoid = 5u;
const uint kPostSilu = 6u, kPostHardSigmoid = 7u, kPostHardSwish = 8u, kPostTanh = 9u, kPostGelu = 10u;
const uint kPostAdd = 11u, kPostMul = 12u, kPostScale = 13u, kPostAffine = 14u;
const uint kPostHalf = 0x100u, kPostPerPlane = 0x200u;

vec4 sigmoid(vec4 x) { return 1.0 / (1.0 + exp(-x)); }

// tanh of an implementation may overflow into inf / inf; beyond 15 it is 1 in fp32 anyway.
vec4 safe_tanh(vec4 x) { return tanh(clamp(x, -15.0, 15.0)); }

// Complementary error function by Chebyshev fit, fractional error below 1.2e-7 (W. H. Press et al.,
// Numerical Recipes, "erfcc").
vec4 erf4(vec4 x) {
  const vec4 z = abs(x);
  const vec4 t = 1.0 / (1.0 + 0.5 * z);
  vec4 p = vec4(0.17087277);
  p = -0.82215223 + t * p;
  p = 1.48851587 + t * p;
  p = -1.13520398 + t * p;
  p = 0.27886807 + t * p;
  p = -0.18628806 + t * p;
  p = 0.09678418 + t * p;
  p = 0.37409196 + t * p;
  p = 1.00002368 + t * p;
  p = -1.26551223 + t * p;
  // Near zero the difference 1 - erfc cancels: the series is exact there.
  const vec4 z2 = z * z;
  const vec4 series = 1.12837917 * z * (1.0 - z2 * (0.33333333 - z2 * (0.1 - z2 * 0.02380952)));
  const vec4 far = 1.0 - t * exp(-z2 + p);
  return sign(x) * mix(far, series, lessThan(z, vec4(0.25)));
}

vec4 gelu(vec4 x) { return 0.5 * x * (1.0 + erf4(x * 0.70710678)); }

// The pointwise kinds.
vec4 activate(uint kind, vec4 x, float a, float b) {
  if (kind == kPostRelu) return max(x, 0.0);
  if (kind == kPostClip) return min(max(x, a), b);
  if (kind == kPostLeakyRelu) return mix(x, a * x, lessThan(x, vec4(0.0)));
  if (kind == kPostSigmoid) return sigmoid(x);
  if (kind == kPostSilu) return x / (1.0 + exp(-x));
  if (kind == kPostHardSigmoid) return clamp(a * x + b, 0.0, 1.0);
  if (kind == kPostHardSwish) return x * clamp(x * (1.0 / 6.0) + 0.5, 0.0, 1.0);
  if (kind == kPostTanh) return safe_tanh(x);
  if (kind == kPostGelu) return gelu(x);
  if (kind == kPostScale) return x * a + b;
  return x;
}

vec4 apply_post_op(uint code, vec4 x, uint64_t operand, float a, float b, uint group, uint plane,
                   uint channel_group) {
  const uint kind = code & 0xFFu;
  if (kind == kPostPRelu) {
    return mix(x, x * load_group(operand, channel_group, 0u), lessThan(x, vec4(0.0)));
  }
  if (kind == kPostAffine) {
    const vec4 y = x * load_group(operand, channel_group * 3u, 0u) + load_group(operand, channel_group * 3u + 1u, 0u);
    return mix(y, y * load_group(operand, channel_group * 3u + 2u, 0u), lessThan(y, vec4(0.0)));
  }
  if (kind == kPostAdd || kind == kPostMul) {
    const uint at = (code & kPostPerPlane) != 0u ? plane : group;
    const vec4 y = load_group(operand, at, (code & kPostHalf) != 0u ? 1u : 0u);
    return kind == kPostAdd ? x + y : x * y;
  }
  return activate(kind, x, a, b);
}

// `group`: index of the output group from the start of the tensor; `plane`: n * ceil(C/4) + c/4;
// `channel_group`: c/4. A macro, because `pc` belongs to the shader.
#define apply_post_ops(x, group, plane, channel_group) \
  apply_post_op(kPost1, \
                apply_post_op(kPost0, x, pc.post_operand[0], pc.post_a[0], pc.post_b[0], group, plane, \
                              channel_group), \
                pc.post_operand[1], pc.post_a[1], pc.post_b[1], group, plane, channel_group)

#endif
