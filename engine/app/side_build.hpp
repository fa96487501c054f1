// A side that is made on a thread of its own, while frames go on with another one.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "app/side.hpp"

namespace tarsier::app {

class SideBuild {
 public:
  /// Begins at once. What `context` refers to outlives the build.
  SideBuild(SideContext context, Setup setup);
  /// Waits for it: a network that is being compiled cannot be left half done.
  ~SideBuild();
  SideBuild(const SideBuild&) = delete;
  SideBuild& operator=(const SideBuild&) = delete;

  [[nodiscard]] bool done() const { return done_; }
  struct Progress {
    std::string what;
    double fraction = -1;  // 0..1; below 0: unknown
  };
  [[nodiscard]] Progress progress() const;
  /// What is made. Its parameters are the builder's until it is done.
  [[nodiscard]] const RunOptions& options() const { return setup_.options; }

  struct Made {
    Setup setup;
    Result<std::unique_ptr<Side>> side;  // errors: as of make_side()
    double seconds = 0;
  };
  /// When it is done, once.
  Made take();

 private:
  SideContext context_;
  Setup setup_;
  std::optional<Result<std::unique_ptr<Side>>> side_;
  double seconds_ = 0;
  mutable std::mutex mutex_;  // progress_
  Progress progress_;
  std::atomic<bool> done_ = false;
  std::thread thread_;  // last: it uses the rest
};

}  // namespace tarsier::app
