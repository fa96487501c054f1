// What the passes of the detection decoder share. The order of candidates is by key, ascending:
// x = ~bits(score), so that better scores come first (scores are positive), y = code = cell * classes + class,
// which is unique. The atomic append leaves the list in any order; everything after it depends on the keys alone.
#ifndef TARSIER_VISION_DETECT
#define TARSIER_VISION_DETECT
#include "vision_types.glsl"

const uint kHeadYolox = 0, kHeadFastestDet = 1, kHeadCenterNet = 2, kHeadYolov8 = 3;
const uint kDead = 0xFFFFFFFFu;
// The sorted list, in words: boxes (x0, y0, x1, y1; frame pixels, not clipped), then class or kDead, then keys.
const uint kMaxCandidates = 4096;
const uint kMarks = 4u * kMaxCandidates;
const uint kSortedKeys = 5u * kMaxCandidates;

layout(buffer_reference, std430, buffer_reference_align = 8) buffer Keys {
  uvec2 v[];
};

// Zero between frames: the last pass leaves it so.
layout(buffer_reference, std430, buffer_reference_align = 16) coherent buffer SelectState {
  uint count;       // candidates appended
  uint compacted;   // keys that the selection copied
  uint histogram[2048];
};

layout(buffer_reference, std430, buffer_reference_align = 16) coherent buffer Boxes {
  vec4 v[];
};
layout(buffer_reference, std430, buffer_reference_align = 4) coherent buffer Marks {
  uint v[];
};

bool precedes(uvec2 a, uvec2 b) {
  return a.x < b.x || (a.x == b.x && a.y < b.y);
}
#endif
