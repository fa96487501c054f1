// What is known of the face (vision::FaceState), in device memory from frame to frame. Include after vision_types.glsl.
#ifndef TARSIER_FACE
#define TARSIER_FACE
#include "region.glsl"

const uint kFacePoints = 468;
const uint kFaceSettled = 3u;  // frames: kFaceSettledFrames of engine/vision/face.hpp

layout(buffer_reference, std430, buffer_reference_align = 16) buffer Face {
  Region region;
  vec4 box;
  float presence;
  float score;
  uint tracked;
  float size;
  vec4 axes[3];     // the head's right, down and back in the camera's axes
  float yaw, pitch, roll;
  float scale;
  vec4 points[kFacePoints];
  vec4 speeds[kFacePoints];
};
#endif
