// How far two sides agree on what is in the frames: as counts, by class, and for each frame.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <vector>

#include "vision/box_match.hpp"

namespace tarsier::app {

/// Boxes that both sides have, and that only one has.
struct BoxCounts {
  uint64_t both = 0, only_first = 0, only_second = 0;
  /// F1, the harmonic mean of precision and recall, whichever side is taken for the truth: 0..1; 1 where
  /// nobody has a box.
  [[nodiscard]] double agreement() const;
};

class Agreement {
 public:
  /// Each class of the second side (by its place) as the first side's of the same name; -1: it has none.
  /// Where neither names its classes, the numbers count.
  static std::vector<int32_t> common_classes(std::span<const std::string> first,
                                             std::span<const std::string> second);
  /// A frame's boxes of both sides, by falling score, with the names of their classes.
  struct Frame {
    uint64_t position = 0;  // in the recording
    std::span<const vision::Detection> first, second;
    std::span<const std::string> first_names, second_names;
    std::span<const int32_t> common;  // common_classes() of these names
  };
  /// Of a frame whose disagreement is to be known; `counted`: and that counts for the summary.
  void add(const Frame& frame, bool counted);
  void add_times(double first_ms, double second_ms);

  [[nodiscard]] const BoxCounts& latest() const { return latest_; }
  [[nodiscard]] const BoxCounts& all() const { return all_; }
  [[nodiscard]] uint64_t frames() const { return frames_; }
  /// Of the boxes that both have; 0 where there are none.
  [[nodiscard]] double mean_iou() const;
  [[nodiscard]] double first_ms() const { return timed_ > 0 ? first_ms_ / double(timed_) : 0; }
  [[nodiscard]] double second_ms() const { return timed_ > 0 ? second_ms_ / double(timed_) : 0; }
  /// By name.
  [[nodiscard]] const std::map<std::string, BoxCounts>& classes() const { return classes_; }
  /// 1 - F1 of frames that were seen, by their position; the latest word on each. At most kMostFrames: then
  /// those furthest from the latest are forgotten.
  [[nodiscard]] const std::map<uint64_t, double>& disagreements() const { return disagreements_; }
  static constexpr size_t kMostFrames = 100'000;

  /// Several lines for the end of a run.
  [[nodiscard]] std::string text() const;
  /// docs/RESULTS.md, "Comparisons".
  [[nodiscard]] nlohmann::json json() const;

 private:
  BoxCounts latest_, all_;
  std::map<std::string, BoxCounts> classes_;
  std::map<uint64_t, double> disagreements_;
  uint64_t frames_ = 0, timed_ = 0;
  double iou_sum_ = 0, first_ms_ = 0, second_ms_ = 0;
};

}  // namespace tarsier::app
