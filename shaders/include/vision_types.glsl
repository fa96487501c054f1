// Shapes shared with the host (engine/vision/types.hpp) and loads of tensors by device address.
#ifndef TARSIER_VISION_TYPES
#define TARSIER_VISION_TYPES
#extension GL_EXT_buffer_reference : require
#extension GL_EXT_shader_explicit_arithmetic_types_int64 : require

const uint kMaxDetections = 1000u;  // of one buffer

// Pixels of the captured frame. 32 bytes, std430.
struct Detection {
  vec4 box;  // x0, y0, x1, y1
  float score;
  int class_id;
  int source_index;
  int reserved;
};

// 16 bytes, followed by `count` Detections.
struct DetectionHeader {
  uint count;
  uint candidates;
  uint reserved[2];
};

layout(buffer_reference, std430, buffer_reference_align = 16) buffer DetectionBuffer {
  DetectionHeader header;
  Detection items[];
};

// 32-bit words at an address: floats by uintBitsToFloat, halves in pairs, low half first. 16-bit storage is not
// needed that way.
layout(buffer_reference, std430, buffer_reference_align = 4) buffer Words {
  uint v[];
};

// The same in pairs, where they are aligned.
layout(buffer_reference, std430, buffer_reference_align = 8) buffer Longs {
  uint64_t v[];
};

// A whole number below 2^22 as an integer, by its bits: the software device converts lane by lane, eight times slower.
int int_of(float whole) { return floatBitsToInt(whole + 12582912.0) - 0x4B400000; }

float load_element(Words words, uint element, bool fp16) {
  if (fp16) return unpackHalf2x16(words.v[element >> 1] >> ((element & 1u) * 16u)).x;
  return uintBitsToFloat(words.v[element]);
}

// vision::ChannelView
struct ViewStrides {
  uint group, channel, pixel;
};
uint element_of(ViewStrides s, uint channel, uint pixel) {
  return (channel >> 2) * s.group + (channel & 3u) * s.channel + pixel * s.pixel;
}
#endif
