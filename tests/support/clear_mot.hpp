// CLEAR MOT: Bernardin and Stiefelhagen, "Evaluating Multiple Object Tracking Performance: The CLEAR MOT
// Metrics", EURASIP Journal on Image and Video Processing, 2008.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <vector>

#include "vision/assignment.hpp"
#include "vision/iou.hpp"
#include "vision/tracker.hpp"

namespace tarsier::test {

struct MotBox {
  int64_t id = 0;
  vision::BoxFilter::Box box;
};

/// Counts over a sequence. A tracker's box may stand for a true one from an IoU of 0.5 on; a pair of the
/// frame before stays one as long as that holds, the others are assigned at the lowest sum of (1 - IoU).
class ClearMot {
 public:
  void frame(std::span<const MotBox> truth, std::span<const MotBox> tracked) {
    std::map<int64_t, int64_t> pairs;  // of this frame: truth -> track
    std::vector<size_t> open_truth, open_tracks;
    std::set<size_t> used;
    for (size_t t = 0; t < truth.size(); ++t) {
      const auto before = pairs_.find(truth[t].id);
      size_t found = tracked.size();
      for (size_t k = 0; before != pairs_.end() && k < tracked.size(); ++k) {
        if (tracked[k].id == before->second && iou(truth[t].box, tracked[k].box) >= kSame) found = k;
      }
      if (found == tracked.size()) {
        open_truth.push_back(t);
      } else {
        pairs[truth[t].id] = tracked[found].id;
        used.insert(found);
      }
    }
    for (size_t k = 0; k < tracked.size(); ++k) {
      if (!used.contains(k)) open_tracks.push_back(k);
    }
    std::vector<double> costs;
    for (const size_t t : open_truth) {
      for (const size_t k : open_tracks) costs.push_back(1 - iou(truth[t].box, tracked[k].box));
    }
    const auto columns = solver_.solve(costs, open_truth.size(), open_tracks.size(), 1 - kSame + 1e-12);
    for (size_t r = 0; r < open_truth.size(); ++r) {
      if (columns[r] == vision::AssignmentSolver::kNone) continue;
      pairs[truth[open_truth[r]].id] = tracked[open_tracks[size_t(columns[r])]].id;
    }
    for (const auto& [id, track] : pairs) {
      const auto last = last_.find(id);
      if (last != last_.end() && last->second != track) ++switches;
      last_[id] = track;
    }
    objects += truth.size();
    misses += truth.size() - pairs.size();
    false_positives += tracked.size() - pairs.size();
    pairs_ = std::move(pairs);
  }

  [[nodiscard]] double mota() const {
    return 1 - double(misses + false_positives + switches) / double(objects);
  }
  uint64_t objects = 0, misses = 0, false_positives = 0, switches = 0;

 private:
  static constexpr double kSame = 0.5;
  std::map<int64_t, int64_t> pairs_;  // of the frame before
  std::map<int64_t, int64_t> last_;   // the track that stood for each object last
  vision::AssignmentSolver solver_;
};

}  // namespace tarsier::test
