// An event in the results of all frames from the one in which it begins to the one in which it ends.
#pragma once

#include <utility>

#include "pipeline/frame_result.hpp"

namespace tarsier::pipeline {

class EventSpan {
 public:
  /// Once a frame: whether it is so in this one. `event` says what it is when it begins, without its times.
  void update(bool on, const Event& event, FrameResult& result) {
    if (!on) return end(result);
    if (!std::exchange(on_, true)) {
      event_ = event;
      event_.began_frame = result.frame_id;
      event_.began_s = result.time_s;
    }
    result.events.push_back(event_);
  }
  /// Also where nobody looks any more: every event that began has its last frame.
  void end(FrameResult& result) {
    if (!std::exchange(on_, false)) return;
    result.events.push_back(event_);
    result.events.back().ended = true;
  }
  [[nodiscard]] bool on() const { return on_; }

 private:
  bool on_ = false;
  Event event_;
};

}  // namespace tarsier::pipeline
