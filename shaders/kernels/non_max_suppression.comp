#version 460
#extension GL_GOOGLE_include_directive : require
// Greedy non-maximum suppression, a workgroup for each class of an image; engine/kernels/non_max_suppression.cpp.
// Each round the lanes look for the best box that is left, and strike out what it overlaps.
#include "tensor.glsl"

const uint kLanes = 64u;
layout(local_size_x = 64) in;
layout(constant_id = 0) const uint kHasIou = 0u;
layout(constant_id = 1) const uint kHasScore = 0u;

layout(push_constant, std430) uniform Push {
  uint64_t boxes, scores, iou, score, alive, picked, counts;
  uint rows, classes, count, most, center;
} pc;

shared float best_score[kLanes];
shared uint best_box[kLanes];

#define kGone uintBitsToFloat(0xFF800000u)  // -infinity: below every threshold

vec4 corners(uint image, uint box) {
  const uint at = (image * pc.count + box) * 4u;
  const vec4 b = vec4(load_float(pc.boxes, at), load_float(pc.boxes, at + 1u), load_float(pc.boxes, at + 2u),
                      load_float(pc.boxes, at + 3u));
  if (pc.center != 0u) return vec4(b.xy - b.zw * 0.5, b.xy + b.zw * 0.5);
  return vec4(min(b.xy, b.zw), max(b.xy, b.zw));
}

void main() {
  const uint row = flat_group();
  if (row >= pc.rows) return;
  const uint lane = gl_LocalInvocationID.x, image = row / pc.classes, first = row * pc.count;
  const float threshold = kHasIou != 0u ? load_float(pc.iou, 0u) : 0.0;
  const float least = kHasScore != 0u ? load_float(pc.score, 0u) : kGone;
  for (uint i = lane; i < pc.count; i += kLanes) {
    const float s = load_float(pc.scores, first + i);
    store_float(pc.alive, first + i, s > least ? s : kGone);
  }
  uint kept = 0u;
  for (; kept < pc.most; ++kept) {
    float top = kGone;
    uint at = pc.count;
    for (uint i = lane; i < pc.count; i += kLanes) {
      const float s = load_float(pc.alive, first + i);
      const bool better = s > top;
      top = better ? s : top;
      at = better ? i : at;
    }
    best_score[lane] = top;
    best_box[lane] = at;
    barrier();
    for (uint step = kLanes / 2u; step > 0u; step /= 2u) {
      if (lane < step) {
        const float other = best_score[lane + step];
        const uint other_box = best_box[lane + step];
        // Of equal scores the first box wins.
        if (other > best_score[lane] || (other == best_score[lane] && other_box < best_box[lane])) {
          best_score[lane] = other;
          best_box[lane] = other_box;
        }
      }
      barrier();
    }
    const uint winner = best_box[0];
    barrier();
    if (winner >= pc.count) break;  // the same for all lanes
    if (lane == 0u) store_word(pc.picked, row * pc.most + kept, winner);
    const vec4 box = corners(image, winner);
    const float area = (box.z - box.x) * (box.w - box.y);
    // Each lane strikes out the boxes that it looks at itself: no other lane reads them.
    for (uint i = lane; i < pc.count; i += kLanes) {
      const vec4 b = corners(image, i);
      const vec2 extent = max(min(box.zw, b.zw) - max(box.xy, b.xy), vec2(0.0));
      const float shared_area = extent.x * extent.y;
      const float whole = area + (b.z - b.x) * (b.w - b.y) - shared_area;
      if (i == winner || (whole > 0.0 && shared_area / whole > threshold)) store_float(pc.alive, first + i, kGone);
    }
  }
  if (lane == 0u) store_word(pc.counts, row, kept);
}
