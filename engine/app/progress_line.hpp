// One line on standard error that says how far a long job is.
#pragma once

#include <chrono>
#include <string>

namespace tarsier::app {

class ProgressLine {
 public:
  enum class Pace {
    kSteps,   // states that may last: each is shown at once. Where there is no terminal, none is
    kFrames,  // many quick ones: ten redraws a second. Where there is no terminal, a line for every tenth of
              // the way
  };
  explicit ProgressLine(Pace pace = Pace::kSteps);
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;
  ~ProgressLine();
  /// `fraction` below 0: unknown, shown as a moving mark.
  void show(const std::string& what, double fraction);
  /// Clears the line, so that other output starts at the left, and leaves `text` in its place.
  void finish(const std::string& text = "");

 private:
  using Clock = std::chrono::steady_clock;
  void log_tenths(const std::string& what, double fraction);

  Pace pace_;
  bool terminal_;
  bool open_ = false;
  int turn_ = 0;
  int tenth_ = 0;
  Clock::time_point shown_;
};

}  // namespace tarsier::app
