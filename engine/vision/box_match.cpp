#include "vision/box_match.hpp"

#include "vision/iou.hpp"

namespace tarsier::vision {

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
