// First pass of the detection decoder: appends the key of every candidate whose score passes the threshold.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "vision_detect.glsl"

layout(local_size_x = 64) in;
layout(constant_id = 0) const uint kHead = 0;
layout(constant_id = 1) const bool kFp16 = false;

layout(push_constant, std430) uniform Push {
  Words tensor;
  Keys keys;
  SelectState state;
  ViewStrides strides;
  uint width, height;  // of the grid; cells = width * height
  uint classes;
  uint capacity;  // of keys
  uint per_class;
  float threshold;
  uint class_mask[4];
} pc;

float at(uint channel, uint cell) {
  return load_element(pc.tensor, element_of(pc.strides, channel, cell), kFp16);
}

bool wanted(uint c) {
  return (pc.class_mask[(c >> 5) & 3u] >> (c & 31u) & 1u) != 0u;
}

void append(float score, uint cell, uint c) {
  if (!wanted(c)) return;
  uint slot = atomicAdd(pc.state.count, 1u);
  if (slot < pc.capacity) pc.keys.v[slot] = uvec2(~floatBitsToUint(score), cell * pc.classes + c);
}

// The score of a cell for one class. `objectness` is 1 where the head has none.
float score_of(float objectness, float class_score) {
  if (kHead == kHeadFastestDet) return pow(max(objectness, 0.0), 0.6) * pow(max(class_score, 0.0), 0.4);
  return objectness * class_score;
}

void decode_cell(uint cell, float objectness, uint first_class_channel) {
  if (pc.per_class != 0u) {
    for (uint c = 0; c < pc.classes; ++c) {
      float score = score_of(objectness, at(first_class_channel + c, cell));
      if (score > pc.threshold) append(score, cell, c);
    }
    return;
  }
  uint best = 0;
  float best_score = at(first_class_channel, cell);
  for (uint c = 1; c < pc.classes; ++c) {
    float s = at(first_class_channel + c, cell);
    if (s > best_score) {
      best_score = s;
      best = c;
    }
  }
  float score = score_of(objectness, best_score);
  if (score > pc.threshold) append(score, cell, best);
}

// A heat map cell is a candidate where no neighbour of its 3x3 window is higher.
bool is_peak(uint c, int x, int y, float value) {
  for (int dy = -1; dy <= 1; ++dy) {
    for (int dx = -1; dx <= 1; ++dx) {
      int nx = x + dx, ny = y + dy;
      if (nx < 0 || ny < 0 || nx >= int(pc.width) || ny >= int(pc.height)) continue;
      if (at(c, uint(ny) * pc.width + uint(nx)) > value) return false;
    }
  }
  return true;
}

void decode_heat_map(uint cell) {
  int x = int(cell % pc.width), y = int(cell / pc.width);
  for (uint c = 0; c < pc.classes; c += 4u) {
    // Four classes at a time: nearly every group fails this one test.
    float values[4];
    float highest = 0.0;
    for (uint k = 0; k < 4u; ++k) {
      values[k] = at(min(c + k, pc.classes - 1u), cell);
      highest = max(highest, values[k]);
    }
    if (highest > pc.threshold) {
      for (uint k = 0; k < 4u && c + k < pc.classes; ++k) {
        if (values[k] > pc.threshold && is_peak(c + k, x, y, values[k])) append(values[k], cell, c + k);
      }
    }
  }
}

void main() {
  uint cell = gl_GlobalInvocationID.x;
  if (cell >= pc.width * pc.height) return;
  if (kHead == kHeadCenterNet) {
    decode_heat_map(cell);
  } else if (kHead == kHeadYolox) {
    float objectness = at(4u, cell);
    if (objectness > pc.threshold) decode_cell(cell, objectness, 5u);  // class scores are at most 1
  } else if (kHead == kHeadFastestDet) {
    decode_cell(cell, at(0u, cell), 5u);
  } else {
    decode_cell(cell, 1.0, 4u);
  }
}
