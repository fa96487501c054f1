// Third pass of the detection decoder: the rank of each kept key is the number of keys before it; its box is decoded
// and stored at that rank. An invocation ranks kBlock keys at once, so that each load of a key serves them all.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "vision_detect.glsl"

layout(local_size_x = 32) in;
layout(constant_id = 0) const uint kHead = 0;
layout(constant_id = 1) const bool kFp16 = false;
const uint kBlock = 8;

layout(push_constant, std430) uniform Push {
  Words tensor;  // that holds the box channels
  Keys keys;
  Keys compact;
  SelectState state;
  Boxes boxes;
  uint keep;
  ViewStrides strides;
  uint width, height;
  uint classes;
  uint input_width, input_height;
  float frame_width, frame_height;
  float scale_x, scale_y, offset_x, offset_y;
} pc;

float at(uint channel, uint cell) {
  return load_element(pc.tensor, element_of(pc.strides, channel, cell), kFp16);
}

vec4 centred(float cx, float cy, float w, float h) {
  return vec4(cx - 0.5 * w, cy - 0.5 * h, cx + 0.5 * w, cy + 0.5 * h);
}

float sigmoid(float v) {
  return 1.0 / (1.0 + exp(-v));
}

// Box in pixels of the network's input.
vec4 box_of(uint cell) {
  if (kHead == kHeadYolox) {
    // Three grids follow each other, of strides 8, 16, 32.
    uint stride = 8;
    uint index = cell;
    for (uint level = 0; level < 2u; ++level) {
      uint cells = (pc.input_width / stride) * (pc.input_height / stride);
      if (index < cells) break;
      index -= cells;
      stride *= 2u;
    }
    uint columns = pc.input_width / stride;
    float s = float(stride);
    return centred((at(0u, cell) + float(index % columns)) * s, (at(1u, cell) + float(index / columns)) * s,
                   exp(at(2u, cell)) * s, exp(at(3u, cell)) * s);
  }
  float x = float(cell % pc.width), y = float(cell / pc.width);
  vec2 size = vec2(pc.input_width, pc.input_height);
  vec2 grid = vec2(pc.width, pc.height);
  if (kHead == kHeadFastestDet) {
    // tanh overflows on some devices for large arguments; it is 1 to fp32 precision from 10 on.
    vec2 centre = (vec2(x, y) + tanh(clamp(vec2(at(1u, cell), at(2u, cell)), -10.0, 10.0))) / grid * size;
    return centred(centre.x, centre.y, sigmoid(at(3u, cell)) * size.x, sigmoid(at(4u, cell)) * size.y);
  }
  if (kHead == kHeadCenterNet) {
    vec2 p = vec2(x, y) * (size / grid);
    return vec4(p.x - at(0u, cell), p.y - at(1u, cell), p.x + at(2u, cell), p.y + at(3u, cell));
  }
  return centred(at(0u, cell), at(1u, cell), at(2u, cell), at(3u, cell));
}

void store(uint rank, uvec2 key) {
  uint cell = key.y / pc.classes;
  vec4 box = box_of(cell);
  box = (box - vec4(pc.offset_x, pc.offset_y, pc.offset_x, pc.offset_y)) /
        vec4(pc.scale_x, pc.scale_y, pc.scale_x, pc.scale_y);
  pc.boxes.v[rank] = box;
  vec2 size = vec2(pc.frame_width, pc.frame_height);
  vec2 low = clamp(box.xy, vec2(0.0), size), high = clamp(box.zw, vec2(0.0), size);
  // Nothing of it in the frame (or not a number): it neither counts nor suppresses.
  bool visible = high.x > low.x && high.y > low.y;
  Words marks = Words(pc.boxes);
  marks.v[kMarks + rank] = visible ? key.y % pc.classes : kDead;
  uint slot = kSortedKeys + 2u * rank;
  marks.v[slot] = key.x;
  marks.v[slot + 1u] = key.y;
}

void main() {
  uint n = pc.state.count;
  Keys keys = pc.keys;
  if (n > pc.keep) {
    n = pc.keep;
    keys = pc.compact;
  }
  uint first = gl_WorkGroupID.x * gl_WorkGroupSize.x * kBlock + gl_LocalInvocationID.x;
  if (gl_WorkGroupID.x * gl_WorkGroupSize.x * kBlock >= n) return;
  // Signed, and the tie folded into one addition: two comparisons a pair instead of four. The sign bit is set in every
  // key's x (scores are positive) and in no y, so the order stays the same and nothing overflows.
  ivec2 mine[kBlock];
  int rank[kBlock];
  for (uint k = 0; k < kBlock; ++k) {
    uint i = first + k * gl_WorkGroupSize.x;
    mine[k] = i < n ? ivec2(keys.v[i]) : ivec2(0);
    rank[k] = 0;
  }
  for (uint j = 0; j < n; ++j) {
    ivec2 other = ivec2(keys.v[j]);
    for (uint k = 0; k < kBlock; ++k) rank[k] += int(other.x < mine[k].x + int(other.y < mine[k].y));
  }
  for (uint k = 0; k < kBlock; ++k) {
    if (first + k * gl_WorkGroupSize.x < n) store(uint(rank[k]), uvec2(mine[k]));
  }
}
