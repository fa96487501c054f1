#version 460
#extension GL_GOOGLE_include_directive : require
// Greedy non-maximum suppression, a workgroup for each class of an image; engine/kernels/non_max_suppression.cpp.
// Each round the lanes strike out what the last picked box overlaps and look for the best of what is left.
#include "tensor.glsl"

layout(local_size_x_id = 2) in;
layout(constant_id = 0) const uint kHasIou = 0u;
layout(constant_id = 1) const uint kHasScore = 0u;
layout(constant_id = 2) const uint kLanes = 64u;

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
  // Each lane keeps the boxes that are left to it closed up, so that rounds get shorter: no other lane reads them.
  const uint mine = first + lane;
  uint left = 0u;
  for (uint i = lane; i < pc.count; i += kLanes) {
    if (load_float(pc.scores, first + i) > least) store_word(pc.alive, mine + left++ * kLanes, i);
  }
  uint kept = 0u, winner = pc.count;
  vec4 box = vec4(0.0);
  for (; kept < pc.most; ++kept) {
    const float area = (box.z - box.x) * (box.w - box.y);
    float top = kGone;
    uint at = pc.count, stay = 0u;
    for (uint k = 0u; k < left; ++k) {
      const uint i = load_word(pc.alive, mine + k * kLanes);
      const float s = load_float(pc.scores, first + i);
      bool gone = i == winner;
      if (kept > 0u) {
        const vec4 b = corners(image, i);
        const vec2 extent = max(min(box.zw, b.zw) - max(box.xy, b.xy), vec2(0.0));
        const float shared_area = extent.x * extent.y;
        const float whole = area + (b.z - b.x) * (b.w - b.y) - shared_area;
        gone = gone || (whole > 0.0 && shared_area / whole > threshold);
      }
      if (!gone) {
        store_word(pc.alive, mine + stay++ * kLanes, i);
        at = s > top ? i : at;
        top = max(s, top);
      }
    }
    left = stay;
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
    winner = best_box[0];
    barrier();
    if (winner >= pc.count) break;  // the same for all lanes
    if (lane == 0u) store_word(pc.picked, row * pc.most + kept, winner);
    box = corners(image, winner);
  }
  if (lane == 0u) store_word(pc.counts, row, kept);
}
