// Points of a face, a hand or a body, as results have them. No GPU types.
#pragma once

namespace tarsier::vision {

/// 16 bytes, as in device memory.
struct LandmarkPoint {
  float x = 0, y = 0;  // pixels of the frame
  float z = 0;  // pixels, too: away from the camera, from the middle of the face, from the wrist of a hand
  float score = 0;  // 0..1, of networks that are sure of each point on its own
};

/// Degrees; all 0 for a face that looks along the line of sight into the camera.
struct HeadPose {
  float yaw = 0;    // positive: looks to the picture's right
  float pitch = 0;  // positive: looks up
  float roll = 0;   // positive: leans clockwise in the picture
};

}  // namespace tarsier::vision
