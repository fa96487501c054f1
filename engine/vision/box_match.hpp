// Which boxes of two lists are the same object: as COCO's evaluation matches detections with the truth.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "vision/types.hpp"

namespace tarsier::vision {

/// Least overlap of boxes that are taken for the same object.
inline constexpr float kMatchIou = 0.5F;

struct BoxPair {
  size_t first = 0, second = 0;  // places in their lists
  float iou = 0;
};

/// Greedy: the boxes of `first` in turn (by falling score) each take the box of their class that overlaps
/// them most, by at least `least_iou`, of those that nobody took; of equal ones the earlier. `classes` has
/// the first list's class for each class of the second, -1 where it does not know it.
[[nodiscard]] std::vector<BoxPair> match_boxes(std::span<const Detection> first,
                                               std::span<const Detection> second,
                                               std::span<const int32_t> classes, float least_iou = kMatchIou);

}  // namespace tarsier::vision
