// Shapes that vision passes share on host and device. Device structs are std430:
// shaders/include/vision_types.glsl declares the same ones.
#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace tarsier::vision {

/// One detection, in pixels of the captured frame. 32 bytes, as in device memory.
struct Detection {
  float x0 = 0, y0 = 0, x1 = 0, y1 = 0;
  float score = 0;
  int32_t class_id = 0;
  int32_t source_index = 0;  // anchor or cell it was decoded from: makes ordering deterministic
  int32_t label_set =
      0;  // on the host: which detector's class names (pipeline::LabelSets); the device leaves 0
};
static_assert(sizeof(Detection) == 32);

/// Start of a detection buffer; `count` Detections follow. Its size keeps them aligned to 16 bytes.
struct DetectionHeader {
  uint32_t count = 0;       // valid detections, at most kMaxDetections
  uint32_t candidates = 0;  // before NMS; may exceed what was kept
  uint32_t reserved[2] = {};
};
static_assert(sizeof(DetectionHeader) == 16);
inline constexpr uint32_t kMaxDetections = 1000;  // also of shaders/include/vision_types.glsl
inline constexpr uint32_t kMaxCandidates = 4096;
inline constexpr uint64_t kDetectionBufferBytes =
    sizeof(DetectionHeader) + kMaxDetections * sizeof(Detection);

/// How a frame was fitted into a network's input: network = frame * scale + offset, in pixels, per axis (x,
/// y).
struct Fit {
  float scale_x = 1, scale_y = 1;
  float offset_x = 0, offset_y = 0;
};

/// A mask on the host as MaskPass leaves it: rows without padding, 128 and more is inside, further from it
/// the surer.
struct HostMask {
  std::span<const uint8_t> pixels;
  int width = 0, height = 0;
  Fit fit;  // mask = frame * scale + offset
};

enum class FitMode : uint8_t { kStretch, kLetterboxTopLeft, kLetterboxCentre };

}  // namespace tarsier::vision
