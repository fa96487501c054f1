// Masks as run lengths, the way COCO's tools keep them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "vision/types.hpp"

namespace tarsier::vision {

/// A mask stretched over the frame: what a network saw beside the frame (letterbox) is not in it.
struct RunLengths {
  int width = 0, height = 0;
  /// Column by column, each from top to bottom: lengths of runs outside and inside in turn, the first one
  /// outside (0 where the first pixel is inside). They add up to width x height.
  std::vector<uint32_t> counts;
  [[nodiscard]] uint64_t covered() const;
};

/// Of the part of the mask that shows a frame of this size, pixels.
RunLengths run_lengths(const HostMask& mask, int frame_width, int frame_height);

/// The counts as COCO's compressed string: from the fourth on the difference to the one two before it,
/// each in groups of 5 bits, lowest first, bit 6 says that another one follows; a group is the character with
/// 48 added (pycocotools' `counts`).
std::string compressed(const RunLengths& mask);

}  // namespace tarsier::vision
