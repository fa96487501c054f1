#include "vision/box_match.hpp"

#include <algorithm>

namespace tarsier::vision {

float iou(const Detection& a, const Detection& b) {
  const float width = std::min(a.x1, b.x1) - std::max(a.x0, b.x0);
  const float height = std::min(a.y1, b.y1) - std::max(a.y0, b.y0);
  if (width <= 0 || height <= 0) return 0;
  const float both = width * height;
  return both / ((a.x1 - a.x0) * (a.y1 - a.y0) + (b.x1 - b.x0) * (b.y1 - b.y0) - both);
}

std::vector<BoxPair> match_boxes(std::span<const Detection> first, std::span<const Detection> second,
                                 std::span<const int32_t> classes, float least_iou) {
  std::vector<BoxPair> pairs;
  std::vector<bool> taken(second.size());
  for (size_t a = 0; a < first.size(); ++a) {
    BoxPair best{a, 0, 0};
    for (size_t b = 0; b < second.size(); ++b) {
      const auto id = size_t(second[b].class_id);  // what is negative is beyond every list
      if (taken[b] || id >= classes.size() || classes[id] != first[a].class_id) continue;
      const float overlap = iou(first[a], second[b]);
      if (overlap >= least_iou && overlap > best.iou) best = {a, b, overlap};
    }
    if (best.iou <= 0) continue;
    taken[best.second] = true;
    pairs.push_back(best);
  }
  return pairs;
}

}  // namespace tarsier::vision
