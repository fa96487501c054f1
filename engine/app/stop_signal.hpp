// Ctrl-C and SIGTERM end a run in good order: files are finished, the summary is printed.
#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <thread>

namespace tarsier::app {

/// Make it before any other thread: those inherit the blocked signals. A second Ctrl-C ends the program at
/// once.
class StopSignal {
 public:
  StopSignal();
  ~StopSignal();
  StopSignal(const StopSignal&) = delete;
  StopSignal& operator=(const StopSignal&) = delete;
  [[nodiscard]] bool raised() const { return raised_; }
  /// Called once from another thread when the signal comes.
  void on_raise(std::function<void()> callback);

 private:
  void wait();
  std::atomic<bool> raised_{false}, closing_{false};
  std::mutex mutex_;
  std::function<void()> callback_;
  std::thread thread_;
};

}  // namespace tarsier::app
