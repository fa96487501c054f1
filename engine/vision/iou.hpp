// Overlap of two boxes.
#pragma once

#include <algorithm>

namespace tarsier::vision {

/// Intersection over union (the Jaccard index) of boxes with the edges x0, y0, x1, y1; 0 where they do not
/// overlap or one is empty.
template <class Box>
[[nodiscard]] auto iou(const Box& a, const Box& b) -> decltype(a.x0 * b.x0) {
  const auto width = std::min(a.x1, b.x1) - std::max(a.x0, b.x0);
  const auto height = std::min(a.y1, b.y1) - std::max(a.y0, b.y0);
  if (width <= 0 || height <= 0) return 0;
  const auto both = width * height;
  return both / ((a.x1 - a.x0) * (a.y1 - a.y0) + (b.x1 - b.x0) * (b.y1 - b.y0) - both);
}

}  // namespace tarsier::vision
