// What is known of a body or a hand, in device memory and the same from frame to frame. No GPU types.
#pragma once

#include <array>
#include <cstdint>

#include "vision/landmarks.hpp"
#include "vision/region.hpp"

namespace tarsier::vision {

inline constexpr uint32_t kBodyPoints = 17, kHandPoints = 21, kMostPoints = 21;
/// Frames: the first one is looked at in a poor square.
inline constexpr uint32_t kSettledFrames = 2;

/// std430, as in shaders/include/landmarks.glsl. Begins with the region that the crop reads.
struct LandmarkState {
  Region region;         // where the next frame is looked at
  float presence = 0;    // for this frame, 0..1
  float size = 0;        // pixels: what speeds are measured in
  uint32_t tracked = 0;  // frames, up to kSettledFrames, whose body or hand this is; 0: there is none
  float shown = 0;       // presence over the last moments
  // Of hands:
  float since = 0;      // seconds since the network ran
  float astray = 0;     // seconds for which the arm's wrist was not at the hand's
  uint32_t begins = 0;  // whether there is an arm at which the hand can be looked for
  uint32_t tries = 0;   // looks in vain since it was lost
  std::array<LandmarkPoint, kMostPoints> points{};  // a body's with a score each
  std::array<LandmarkPoint, kMostPoints> speeds{};  // sizes a second; score: over the last moments
};
/// What a host wants to know that wants no points.
inline constexpr uint64_t kLandmarkHeaderBytes = 64;
static_assert(sizeof(LandmarkState) == kLandmarkHeaderBytes + 2ULL * 16 * kMostPoints);

/// How far a shown score goes to the present one in a frame, so that what is drawn does not blink.
float show_alpha(float seconds);

}  // namespace tarsier::vision
