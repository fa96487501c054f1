// Marks the boxes that only one of two sides has. Matched as vision::match_boxes does: the first side's boxes in turn,
// the best first, each take the box of their class that overlaps it most, by at least `least_iou`, of those that nobody
// took. One workgroup: a box is one step, and its lanes share the other side's boxes.
#version 460
#include "present_boxes.glsl"

layout(local_size_x = 64) in;

layout(push_constant) uniform Push {
  DetectionBuffer first;
  DetectionBuffer second;
  Words classes;  // of the first side, by those of the second; what it does not know is beyond all
  Quads first_marks;
  Quads second_marks;
  uint class_count;
  float first_least;  // score
  float second_least;
  float least_iou;
  float line;     // half the width of a box's line
  float outline;  // width of the dark rim on either side of it
} push;

const uint kEdges = 4;
// Orange and blue of Okabe and Ito, which colour-blind people tell apart.
const vec3 kFirst = vec3(0.90, 0.62, 0.0);
const vec3 kSecond = vec3(0.34, 0.71, 0.91);

shared uint best_iou, chosen;
shared uint taken[(kMaxDetections + 31u) / 32u];

float iou(vec4 a, vec4 b) {
  vec2 size = min(a.zw, b.zw) - max(a.xy, b.xy);
  if (size.x <= 0.0 || size.y <= 0.0) return 0.0;
  float both = size.x * size.y;
  return both / ((a.z - a.x) * (a.w - a.y) + (b.z - b.x) * (b.w - b.y) - both);
}

bool is_taken(uint box) { return (taken[box >> 5] >> (box & 31u) & 1u) != 0u; }

int class_in_first(int of_second) {
  uint id = uint(of_second);
  return id < push.class_count ? int(push.classes.v[id]) : -1;
}

/// A second frame round the box.
Quad mark_of(vec4 box, uint side, vec3 color) {
  float away = 2.0 * (push.line + push.outline) + 1.0;
  return edge_of(box + vec4(-away, -away, away, away), side, color, push.line, push.outline, 3.0 * push.line);
}

uvec4 command_of(uint boxes) { return uvec4(6u, max(boxes * kEdges, 1u), 0u, 0u); }

void main() {
  uint lane = gl_LocalInvocationIndex;
  for (uint word = lane; word < taken.length(); word += gl_WorkGroupSize.x) taken[word] = 0u;
  uint first_count = shown(push.first, push.first_least);
  uint second_count = shown(push.second, push.second_least);
  uint marked = 0u;
  for (uint a = 0u; a < first_count; ++a) {
    if (lane == 0u) {
      best_iou = 0u;
      chosen = ~0u;
    }
    barrier();
    Detection one = push.first.items[a];
    uint own_iou = 0u;
    uint own_box = ~0u;
    for (uint b = lane; b < second_count; b += gl_WorkGroupSize.x) {
      Detection other = push.second.items[b];
      if (is_taken(b) || class_in_first(other.class_id) != one.class_id) continue;
      float overlap = iou(one.box, other.box);
      // Bits of positive numbers are in their order.
      if (overlap < push.least_iou || floatBitsToUint(overlap) <= own_iou) continue;
      own_iou = floatBitsToUint(overlap);
      own_box = b;
    }
    atomicMax(best_iou, own_iou);
    barrier();
    if (own_iou != 0u && own_iou == best_iou) atomicMin(chosen, own_box);
    barrier();
    uint match = chosen;
    barrier();
    if (match != ~0u) {
      if (lane == 0u) taken[match >> 5] |= 1u << (match & 31u);
    } else {
      if (lane < kEdges) push.first_marks.items[marked * kEdges + lane] = mark_of(one.box, lane, kFirst);
      ++marked;
    }
  }
  barrier();
  if (lane == 0u) {
    push.first_marks.command = command_of(marked);
    if (marked == 0u) push.first_marks.items[0] = kNothing;
  }
  marked = 0u;
  for (uint b = 0u; b < second_count; ++b) {
    if (is_taken(b)) continue;
    if (lane < kEdges)
      push.second_marks.items[marked * kEdges + lane] = mark_of(push.second.items[b].box, lane, kSecond);
    ++marked;
  }
  if (lane == 0u) {
    push.second_marks.command = command_of(marked);
    if (marked == 0u) push.second_marks.items[0] = kNothing;
  }
}
