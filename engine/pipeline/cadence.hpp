// How often a stage's network runs.
#pragma once

#include <algorithm>
#include <cstdint>

#include "pipeline/network.hpp"
#include "pipeline/stage_params.hpp"

namespace tarsier::pipeline {

/// Every Nth frame of a recording or stream, the first one among them. What was found is carried forward in
/// between.
class Cadence {
 public:
  /// Declares the stage's key `every`.
  static void declare(StageParams& params) {
    params.whole("every", 1, {.min = 1, .max = 60, .unit = "frames"},
                 "the network runs on every Nth frame; what it found is carried forward");
  }
  /// Whether it runs on this frame; once a frame. One that is not later than the one before begins anew: the
  /// source went back, or a frame is drawn again with other parameters. So does one of another size: what was
  /// found in the last one has no place in it.
  bool due(const std::string& stage, const Params& params, const DeviceFrame& frame) {
    if (frame.time_s <= time_s_ || frame.width != width_ || frame.height != height_) left_ = 0;
    time_s_ = frame.time_s;
    width_ = frame.width;
    height_ = frame.height;
    const bool due = left_ == 0;
    // A parameter that was lowered counts at once.
    const int64_t every = params.integer(stage + ".every");
    left_ = due ? every - 1 : std::min(left_, every) - 1;
    return due;
  }

  /// For a frame in which nobody needs it: the next one that somebody does is due.
  void rest() { left_ = 0; }

 private:
  double time_s_ = 0;
  int width_ = 0, height_ = 0;
  int64_t left_ = 0;  // frames until it is due again
};

}  // namespace tarsier::pipeline
