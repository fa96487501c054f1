// Between a source and the frame loop: a thread that decodes ahead, and a stated policy for what happens when
// frames come faster than they are taken. Drops happen here and nowhere else, each counted under its reason.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "capture/frame_source.hpp"

namespace tarsier::capture {

/// What the entrance lets through.
///  latest    the newest frame only; one that was not taken in time is dropped (`late`)
///  all       every frame, in order; the source waits when the queue is full
///  stride:N  every Nth frame (ids 0, N, 2N, ...), the others are dropped (`policy`); else like `all`
struct Policy {
  enum class Kind : uint8_t { kLatest, kAll, kStride };
  Kind kind = Kind::kAll;
  uint32_t stride = 1;
  bool operator==(const Policy&) const = default;
};

/// "latest", "all" or "stride:N" (N >= 1). Errors (kInput) name the nearest known word.
Result<Policy> parse_policy(std::string_view text);
[[nodiscard]] std::string to_string(const Policy& policy);

/// Live sources: `latest`, since an old frame is worth nothing. A recording that plays in real time (in a
/// window): `latest` too, so that it runs at the speed it was filmed at, as a camera would. A recording that
/// runs as fast as possible (headless): `all`, so that results are the same on every machine.
[[nodiscard]] Policy default_policy(const SourceInfo& info, bool paced);

/// Frames that were not handed out, by reason.
struct Drops {
  uint64_t policy = 0;  // left out by the stride
  uint64_t late = 0;    // replaced by a newer frame before it was taken
  uint64_t decode = 0;  // could not be decoded
  uint64_t paused = 0;  // came from a live source while paused
  [[nodiscard]] uint64_t total() const { return policy + late + decode + paused; }
};

struct MailboxOptions {
  Policy policy;
  bool paced = false;  // a recording: hand frames out at their presentation times; live ones always are
  size_t ahead = 2;    // frames decoded ahead of the reader; the bound of the queue
};

/// Owns the source and its thread. take/poll from one thread, the rest from any.
class Mailbox {
 public:
  enum class State : uint8_t {
    kFrame,    // `frame` is filled
    kWaiting,  // nothing yet; poll again
    kEnd,      // the recording is over (or stop() was called)
    kFailed    // the source failed: `error`
  };
  struct Letter {
    State state = State::kWaiting;
    Frame frame;
    Error error;
  };

  Mailbox(std::unique_ptr<FrameSource> source, const MailboxOptions& options);
  /// Stops and joins. A camera or stream that hangs is left after its read timeout (seconds).
  ~Mailbox();
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;

  /// Never waits: for a loop that has a window to keep alive.
  Letter poll();
  /// Waits for a frame, the end or a failure: for headless runs. While paused it waits.
  Letter take();

  /// A recording stands still; a live source goes on and its frames are dropped.
  void pause(bool paused);
  [[nodiscard]] bool paused() const;
  /// While paused: lets one more frame through.
  void step();
  /// Wakes a waiting take(), which then gives kEnd; the thread ends soon after.
  void stop();

  [[nodiscard]] Drops drops() const;
  [[nodiscard]] uint64_t delivered() const;
  [[nodiscard]] const SourceInfo& info() const { return info_; }
  [[nodiscard]] const MailboxOptions& options() const { return options_; }

 private:
  void run();
  bool wait_until_due(std::unique_lock<std::mutex>& lock, const Frame& frame);
  bool push(std::unique_lock<std::mutex>& lock, Frame frame);
  Letter collect(std::unique_lock<std::mutex>& lock);

  std::unique_ptr<FrameSource> source_;  // used by the thread alone once it runs
  const SourceInfo info_;
  const MailboxOptions options_;
  mutable std::mutex mutex_;
  std::condition_variable for_reader_, for_source_;
  std::deque<Frame> queue_;
  Drops drops_;
  uint64_t delivered_ = 0;
  uint64_t steps_ = 0;  // frames that step() still lets through
  bool paused_ = false, stopping_ = false, ended_ = false;
  Clock::time_point epoch_;  // paced: when presentation time 0 was or would have been
  bool epoch_set_ = false;
  std::unique_ptr<Error> failure_;
  std::thread thread_;
};

}  // namespace tarsier::capture
