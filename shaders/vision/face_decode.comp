// The best face of a BlazeFace detector: the anchor with the highest score, and the mean of those that overlap it,
// weighted by their scores. One workgroup: there are some hundred anchors, and what is found is one face.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "vision_types.glsl"
#include "face.glsl"

layout(local_size_x = 64) in;
layout(constant_id = 0) const bool kFp16Boxes = false;
layout(constant_id = 1) const bool kFp16Scores = false;
const uint kLanes = 64, kValues = 8;  // box and eyes: x, y, width, height, and two points
const float kSame = 0.3;              // IoU from which two boxes mean one face

layout(push_constant, std430) uniform Push {
  Words boxes, scores;
  Face face;
  ViewStrides box_strides, score_strides;
  uint anchors;
  uint first_layer;        // anchors of the first grid
  uint grid[2], each[2];
  float input_size;
  float least_score;
  vec2 fit_scale, fit_offset;  // input = frame * scale + offset
  uint reset;
} pc;

shared float best_score[kLanes];
shared uint best_anchor[kLanes];
shared float sums[kLanes * (kValues + 1u)];
shared uint on_tracked;

float score_of(uint anchor) {
  float logit = load_element(pc.scores, element_of(pc.score_strides, 0u, anchor), kFp16Scores);
  return 1.0 / (1.0 + exp(-clamp(logit, -80.0, 80.0)));
}

float raw(uint anchor, uint channel) {
  return load_element(pc.boxes, element_of(pc.box_strides, channel, anchor), kFp16Boxes);
}

vec2 centre_of(uint anchor) {
  uint layer = anchor < pc.first_layer ? 0u : 1u;
  uint cell = (anchor - layer * pc.first_layer) / pc.each[layer];
  uint grid = pc.grid[layer];
  return (vec2(cell % grid, cell / grid) + 0.5) / float(grid) * pc.input_size;
}

/// Centre and size in pixels of the input.
vec4 box_of(uint anchor) {
  return vec4(centre_of(anchor) + vec2(raw(anchor, 0u), raw(anchor, 1u)), raw(anchor, 2u), raw(anchor, 3u));
}

float overlap(vec4 a, vec4 b) {
  vec2 low = max(a.xy - 0.5 * a.zw, b.xy - 0.5 * b.zw), high = min(a.xy + 0.5 * a.zw, b.xy + 0.5 * b.zw);
  vec2 shared_size = max(high - low, vec2(0.0));
  float both = shared_size.x * shared_size.y;
  return both / max(a.z * a.w + b.z * b.w - both, 1e-6);
}

void main() {
  uint lane = gl_LocalInvocationID.x;
  uint anchors = pc.anchors;
  float least = pc.least_score;
  bool tracked = pc.face.tracked != 0u && pc.reset == 0u;
  vec4 face_box = pc.face.box;
  vec4 known = vec4(0.5 * (face_box.xy + face_box.zw) * pc.fit_scale + pc.fit_offset,
                    (face_box.zw - face_box.xy) * pc.fit_scale);

  if (lane == 0u) on_tracked = 0u;
  float top = -1.0;
  uint at = 0u;
  for (uint anchor = lane; anchor < anchors; anchor += kLanes) {
    float score = score_of(anchor);
    if (score > top) {
      top = score;
      at = anchor;
    }
  }
  best_score[lane] = top;
  best_anchor[lane] = at;
  barrier();
  for (uint other = 0u; other < kLanes; ++other) {
    float score = best_score[other];
    if (score > top || (score == top && best_anchor[other] < at)) {
      top = score;
      at = best_anchor[other];
    }
  }

  vec4 best = box_of(at);
  float mean[kValues];
  for (uint k = 0u; k < kValues; ++k) mean[k] = 0.0;
  float weight = 0.0;
  bool same = false;
  for (uint anchor = lane; anchor < anchors; anchor += kLanes) {
    float score = score_of(anchor);
    if (score < least) continue;
    vec4 box = box_of(anchor);
    same = same || overlap(box, known) > kSame;
    if (overlap(box, best) <= kSame) continue;
    vec2 centre = centre_of(anchor);
    for (uint k = 0u; k < 4u; ++k) mean[k] += score * box[k];
    for (uint k = 4u; k < kValues; ++k) mean[k] += score * (raw(anchor, k) + centre[k % 2u]);
    weight += score;
  }
  for (uint k = 0u; k < kValues; ++k) sums[k * kLanes + lane] = mean[k];
  sums[kValues * kLanes + lane] = weight;
  if (same) atomicOr(on_tracked, 1u);
  barrier();
  // Lane k adds up value k, always in the same order.
  if (lane <= kValues) {
    float sum = 0.0;
    for (uint i = 0u; i < kLanes; ++i) sum += sums[lane * kLanes + i];
    sums[lane * kLanes] = sum;
  }
  barrier();
  if (lane != 0u) return;

  bool found = top >= least && sums[kValues * kLanes] > 0.0;
  pc.face.score = found ? top : 0.0;
  if (tracked && (on_tracked != 0u || !found)) return;
  pc.face.tracked = 0u;
  pc.face.region.valid = found ? 1u : 0u;
  if (!found) return;
  float scale = 1.0 / sums[kValues * kLanes];
  vec2 centre = vec2(sums[0], sums[kLanes]) * scale;
  vec2 size = vec2(sums[2u * kLanes], sums[3u * kLanes]) * scale / pc.fit_scale;
  vec2 right_eye = vec2(sums[4u * kLanes], sums[5u * kLanes]) * scale;
  vec2 left_eye = vec2(sums[6u * kLanes], sums[7u * kLanes]) * scale;
  vec2 eyes = (left_eye - right_eye) / pc.fit_scale;
  float apart = length(eyes);
  pc.face.region.centre = (centre - pc.fit_offset) / pc.fit_scale;
  pc.face.region.size = 1.5 * max(size.x, size.y);
  pc.face.region.axis = apart > 1e-3 ? eyes / apart : vec2(1.0, 0.0);
}
