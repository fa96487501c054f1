// A segmentation output to a mask of one byte a pixel. 128 and more is inside: the byte is the decision and, drawn enlarged, a soft edge at once.
#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "vision_types.glsl"

layout(local_size_x = 64) in;
layout(constant_id = 0) const uint kKind = 0;  // vision::MaskKind
layout(constant_id = 1) const bool kFp16 = false;
layout(constant_id = 2) const bool kPaired = false;  // both logits of a pixel lie in one aligned word, or two of fp32
const uint kTwoLogits = 0, kProbability = 1;
const uint kWords = 16;  // an invocation's

layout(push_constant, std430) uniform Push {
  Words tensor;
  Words mask;  // packed bytes
  ViewStrides strides;
  uint pixels;
  float threshold;  // logit or probability, as the kind says
} pc;

uint inside_byte(bool inside, float soft) {
  uint byte = uint(int_of(floor(clamp(soft, 0.0, 1.0) * 255.0 + 0.5)));
  return inside ? max(byte, 128u) : min(byte, 127u);
}

/// Both logits by one load: what a load costs on the software device hardly depends on its size.
vec2 logits_at(uint pixel) {
  uint element = element_of(pc.strides, 0u, pixel);
  if (!kPaired) {
    return vec2(load_element(pc.tensor, element, kFp16), load_element(pc.tensor, element_of(pc.strides, 1u, pixel), kFp16));
  }
  if (kFp16) return unpackHalf2x16(pc.tensor.v[element >> 1]);
  return uintBitsToFloat(unpackUint2x32(Longs(pc.tensor).v[element >> 1]));
}

uint byte_at(uint pixel) {
  if (kKind == kTwoLogits) {
    vec2 logits = logits_at(pixel);
    precise float difference = logits.y - logits.x - pc.threshold;
    return inside_byte(difference > 0.0, 1.0 / (1.0 + exp(-difference)));
  }
  float first = load_element(pc.tensor, element_of(pc.strides, 0u, pixel), kFp16);
  // Straight lines from 0 to the threshold and on to 1, so that the edge is where the threshold is.
  float t = pc.threshold;
  bool inside = first > t;
  return inside_byte(inside, inside ? 0.5 + 0.5 * (first - t) / max(1.0 - t, 1e-6) : 0.5 * first / max(t, 1e-6));
}

void main() {
  // Into variables first: the software device reads a push constant in a loop as slowly as memory.
  uint pixels = pc.pixels, words = (pixels + 3u) / 4u, stride = gl_WorkGroupSize.x;
  Words mask = pc.mask;
  uint word = gl_WorkGroupID.x * (kWords * stride) + gl_LocalInvocationID.x;
  uint end = min(word + kWords * stride, words);
  for (; word < end; word += stride) {
    uint packed = 0;
    [[unroll]] for (uint k = 0; k < 4u; ++k) {
      uint pixel = 4u * word + k;
      uint byte = pixel < pixels ? byte_at(min(pixel, pixels - 1u)) : 0u;
      packed |= byte << (8u * k);
    }
    mask.v[word] = packed;
  }
}
