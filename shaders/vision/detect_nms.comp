// Last pass of the detection decoder, one workgroup: greedy non-maximum suppression down the sorted list. Each box
// that is still there when its turn comes is a detection and strikes out all later boxes of its class that it
// overlaps; the lanes share that work. The loop ends with the list or with the last detection that is wanted.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "vision_detect.glsl"

layout(local_size_x_id = 0) in;

layout(push_constant, std430) uniform Push {
  SelectState state;
  Boxes boxes;
  DetectionBuffer detections;
  uint keep;
  uint classes;
  uint max_detections;
  uint agnostic;  // boxes of different classes suppress each other, too
  float iou;
  float frame_width, frame_height;
} pc;

void main() {
  uint lane = gl_LocalInvocationID.x;
  const uint lanes = gl_WorkGroupSize.x;
  Marks marks = Marks(pc.boxes);
  uint candidates = pc.state.count;
  uint n = min(candidates, pc.keep);
  uint kept = 0;
  for (uint i = 0; i < n && kept < pc.max_detections; ++i) {
    uint mark = marks.v[kMarks + i];
    if (mark == kDead) continue;
    vec4 box = pc.boxes.v[i];
    if (lane == 0u) {
      uint slot = kSortedKeys + 2u * i;
      vec4 size = vec4(pc.frame_width, pc.frame_height, pc.frame_width, pc.frame_height);
      Detection found;
      found.box = clamp(box, vec4(0.0), size);
      found.score = uintBitsToFloat(~marks.v[slot]);
      found.class_id = int(mark);
      found.source_index = int(marks.v[slot + 1u] / pc.classes);
      found.reserved = 0;
      pc.detections.items[kept] = found;
    }
    ++kept;
    precise float area = (box.z - box.x) * (box.w - box.y);
    for (uint j = i + 1u + lane; j < n; j += lanes) {
      uint other = marks.v[kMarks + j];
      if (other == mark || (pc.agnostic != 0u && other != kDead)) {
        vec4 b = pc.boxes.v[j];
        precise float w = max(min(box.z, b.z) - max(box.x, b.x), 0.0);
        precise float h = max(min(box.w, b.w) - max(box.y, b.y), 0.0);
        precise float shared_area = w * h;
        precise float whole = area + (b.z - b.x) * (b.w - b.y) - shared_area;
        if (shared_area > pc.iou * whole) marks.v[kMarks + j] = kDead;
      }
    }
    memoryBarrierBuffer();
    barrier();
  }
  if (lane == 0u) {
    pc.detections.header.count = kept;
    pc.detections.header.candidates = candidates;
  }
  barrier();
  if (lane == 0u) {  // every lane has read the count
    pc.state.count = 0u;
    pc.state.compacted = 0u;
  }
}
