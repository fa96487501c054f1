// Playing a recording in the window: pause, steps, seeking, speed, what is repeated; by keys and by the bar.
#pragma once

#include <optional>
#include <string>

#include "app/application.hpp"
#include "overlay/transport_bar.hpp"

namespace tarsier::app {

class WindowTransport {
 public:
  explicit WindowTransport(Application& app);
  [[nodiscard]] bool paused() const { return paused_; }
  /// From the bar, or from keys.
  void handle(const overlay::TransportEvents& events);
  /// Whether the window stays when its source is over: what can be sought in goes on from there.
  [[nodiscard]] bool stays() const { return can_seek_; }
  /// nullopt: a source that has no places (a camera).
  [[nodiscard]] std::optional<overlay::TransportView> view() const;
  /// From where events are counted: the frame that is shown, or the one that is on its way.
  [[nodiscard]] uint64_t position() const;
  /// To the frame, unless the error says why not.
  void go_to(const Result<uint64_t>& frame);
  /// What was refused, or that the recording is over. Empty: nothing is to be said.
  [[nodiscard]] std::string message();

 private:
  /// At the end of the recording: plays it again.
  void toggle_pause();
  void step(int64_t frames);
  void skip(double seconds);
  void faster(int steps);
  void mark_end();
  /// Keeps what was refused, for a while.
  void note(const Status& status);

  capture::Mailbox& mailbox_;
  bool can_seek_ = false, paused_ = false;
  std::optional<uint64_t> mark_;  // A, while B is not set
  std::optional<uint64_t> aim_;   // of go_to(), until something else is asked for
  std::string refused_;
  capture::Clock::time_point refused_at_;
};

}  // namespace tarsier::app
