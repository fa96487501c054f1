// What a run measured, printed when it ends.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "capture/mailbox.hpp"
#include "pipeline/frame_result.hpp"

namespace tarsier::app {

/// Value below which `fraction` (0..1) of the samples lie, by the nearest-rank method. 0 without samples.
[[nodiscard]] double percentile(std::vector<double> samples, double fraction);

class RunSummary {
 public:
  /// A frame that reached its output (shown or handed to the writers).
  void frame_done(const pipeline::FrameResult& result);
  /// Its results, where they were read back.
  void results(const pipeline::FrameResult& result, const pipeline::LabelSets& labels);
  void stage_times(const std::vector<pipeline::StageTime>& times);
  [[nodiscard]] uint64_t frames() const { return frames_; }
  /// Several lines: frames and frames/s, latency p50/p95/p99, drops by reason, read-back, device time by
  /// pass, detections by class.
  [[nodiscard]] std::string text(double seconds, const capture::Drops& drops) const;

 private:
  uint64_t frames_ = 0, readback_bytes_ = 0, tracker_bytes_ = 0, result_frames_ = 0;
  std::vector<double> latencies_ms_;
  std::map<std::string, uint64_t> classes_;
  std::map<std::string, uint64_t> tracks_;  // how many there were of each class
  int64_t last_track_ = 0;
  std::string zones_;  // as of the latest results
  struct Pass {
    std::string name;
    double ms = 0;
  };
  std::vector<Pass> passes_;  // in the order of a frame
};

}  // namespace tarsier::app
