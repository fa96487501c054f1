// What the passes of feature maps share (engine/vision/feature_maps.hpp).
#ifndef TARSIER_FEATURE_MAPS
#define TARSIER_FEATURE_MAPS
#include "vision_types.glsl"

layout(constant_id = 0) const uint kElement = 0;  // FeatureTensor::Element
const uint kHalf = 1, kInt = 2;

// vision::ValueRange
struct ValueRange {
  float least, largest, sum;
  uint finite;
};
layout(buffer_reference, std430, buffer_reference_align = 16) buffer Ranges {
  ValueRange v[];
};

layout(push_constant, std430) uniform Push {
  Words tensor;
  Ranges ranges;  // of each tile, then of all
  Words texels;
  uint item, group, channel, pixel;  // strides, elements
  uint channels, folded;             // FeatureView
  uint pixels, width;                // of a tile; pixels in a row
  uint tiles, first;                 // that are worked on, from here on
  uint tile_width, tile_height;      // texels
  uint reduce_x, reduce_y;           // pixels of a texel
  uint range;                        // which one colours go by; kOwnRange: each tile by its own
} pc;

// Where a tile's first element is: once a tile, since it takes divisions.
uint base_of(uint tile) {
  if (pc.folded != 0u) return tile * pc.item;
  uint channel = tile % pc.channels;
  return tile / pc.channels * pc.item + (channel >> 2) * pc.group + (channel & 3u) * pc.channel;
}

float value_at(uint base, uint pixel) {
  uint element = base + (pc.folded != 0u ? (pixel >> 2) * pc.group + (pixel & 3u) * pc.channel : pixel * pc.pixel);
  if (kElement == kInt) return float(int(pc.tensor.v[element]));
  return load_element(pc.tensor, element, kElement == kHalf);
}

bool is_finite(float value) { return (floatBitsToUint(value) & 0x7F800000u) != 0x7F800000u; }

// A grid that is as wide as the host's kAcross.
uint group_index() { return gl_WorkGroupID.y * 32768u + gl_WorkGroupID.x; }

// Of nothing yet; combined() in any order, final_range() last.
const float kMost = 3.402823466e38;
ValueRange no_range() { return ValueRange(kMost, -kMost, 0.0, 0u); }
ValueRange combined(ValueRange a, ValueRange b) {
  return ValueRange(min(a.least, b.least), max(a.largest, b.largest), a.sum + b.sum, a.finite + b.finite);
}
ValueRange final_range(ValueRange range) {
  return range.finite == 0u ? ValueRange(0.0, 0.0, 0.0, 0u) : range;
}
#endif
