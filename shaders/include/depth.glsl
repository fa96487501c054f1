// What the passes of a depth map share (engine/vision/depth_map.hpp).
#ifndef TARSIER_DEPTH
#define TARSIER_DEPTH
#include "vision_types.glsl"

layout(constant_id = 0) const bool kFp16 = false;
layout(constant_id = 1) const bool kReciprocal = false;  // the network gives depth, not its inverse

layout(push_constant, std430) uniform Push {
  Words tensor;
  Words range;  // two floats: inverse depth at the percentiles; both 0 at first
  Words bytes;
  ViewStrides strides;
  uint pixels;
  uint step_;    // every so many pixels are sampled
  float tail;    // part of the samples beyond each percentile
  float follow;  // how much of this frame's percentiles is taken
} pc;

float inverse_depth(uint pixel) {
  float value = load_element(pc.tensor, element_of(pc.strides, 0u, pixel), kFp16);
  return kReciprocal ? 1.0 / max(value, 1e-6) : value;
}
#endif
