// A one-line progress bar on standard error; plain lines now and then where that is no terminal.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace tarsier::app {

class ProgressBar {
 public:
  explicit ProgressBar(std::string title);
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;
  /// `total` <= 0: unknown. `note` stands behind the bar ("8.9 frames/s").
  void update(int64_t done, int64_t total, const std::string& note);
  /// Clears the line (terminal only), so that other output starts at the left.
  void finish();

 private:
  using Clock = std::chrono::steady_clock;
  std::string title_;
  bool terminal_;
  bool drawn_ = false;
  int last_tenth_ = -1;
  Clock::time_point last_;
};

}  // namespace tarsier::app
