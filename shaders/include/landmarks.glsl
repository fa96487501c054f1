// The points of a body or a hand (vision::LandmarkState), in device memory from frame to frame. Include after
// vision_types.glsl.
#ifndef TARSIER_LANDMARKS
#define TARSIER_LANDMARKS
#include "region.glsl"

const uint kBodyPoints = 17, kHandPoints = 21, kMostPoints = 21;
const uint kSettled = 2u;  // frames: the first one is looked at in a poor square

layout(buffer_reference, std430, buffer_reference_align = 16) buffer Landmarks {
  Region region;   // where the next frame is looked at
  float presence;
  float size;      // pixels
  uint tracked;    // frames, up to kSettled; 0: there is none
  float shown;     // presence over the last moments: what is drawn does not blink
  float since;     // seconds since its network ran
  float astray;    // seconds for which the arm's wrist was not at the hand's
  uint begins;     // whether there is an arm at which the hand can be looked for
  uint tries;      // looks in vain since the hand was lost
  vec4 points[kMostPoints];  // w: score
  vec4 speeds[kMostPoints];  // w: score over the last moments
};

/// How far a shown score goes to the present one in a frame.
float show_alpha(float seconds) { return 1.0 - exp(-seconds / 0.1); }
#endif
