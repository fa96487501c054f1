// Between a source and the frame loop: a thread that decodes ahead, a stated policy for what happens when
// frames come faster than they are taken, and the transport of a recording: pause, step, seek, speed, loop.
// Drops happen here and nowhere else, each counted under its reason.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

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

struct MailboxOptions {
  Policy policy;
  bool paced = false;  // a recording: hand frames out at their presentation times; live ones always are
  size_t ahead = 2;    // frames decoded ahead of the reader; the bound of the queue
};

/// Where a recording is and how it plays, for those who draw it.
struct Transport {
  bool can_seek = false;
  std::optional<uint64_t> frames;  // counted, once the index is there; none for what is endless
  double last_s = 0;               // time of the last of them
  uint64_t position = 0;           // of the frame that was handed out last, and its time
  double time_s = 0;
  double speed = 1;  // 0: as fast as possible
  bool paused = false;
  bool seeking = false;  // a request is being carried out; the first one may take a while (VideoIndex)
  bool ended = false;    // stands behind the last frame; seek() brings it back
  std::optional<std::pair<uint64_t, uint64_t>> loop;  // first and last frame
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

  /// A recording stands still; a live source goes on and its frames are dropped. A recording does not end
  /// while it is paused.
  void pause(bool paused);
  [[nodiscard]] bool paused() const;

  // Requests are carried out by the thread. What they refuse is told at once where that is known already (a
  // source that cannot be sought in, a frame that is not there), else by take_refusal(); all goes on as it
  // was.

  /// The next frame that is handed out is this one, also while paused; none from before comes any more, and
  /// none of those counts as dropped. Of requests in quick succession the last one counts. The frame's time
  /// lies before that of the one before it where it goes back: by that stages know it.
  Status seek(uint64_t position);
  Status seek_time(double time_s);
  /// While paused: the frame so many places further on, or back, stopping at the clip's ends. Steps add up.
  /// A source that cannot seek steps forward alone, through each frame on the way.
  Status step(int64_t frames = 1);
  /// Times as fast as it was filmed, kSlowest to kFastest, or kUnpaced: every frame, as fast as it is taken.
  Status set_speed(double speed);
  /// Plays from `first` to `last`, both included, again and again. Behind `last` it jumps to `first`; before
  /// `first` it plays on until it comes there.
  Status loop_between(uint64_t first, uint64_t last);
  void loop_all();  // ends that
  /// Counts the frames (transport().frames) before somebody seeks.
  void count_frames();
  [[nodiscard]] Transport transport() const;
  /// What the thread had to refuse since the last call: one line each, the latest stays.
  std::optional<Error> take_refusal();

  static constexpr double kSlowest = 0.1, kFastest = 8, kUnpaced = 0;

  /// Wakes a waiting take(), which then gives kEnd; the thread ends soon after.
  void stop();

  [[nodiscard]] Drops drops() const;
  [[nodiscard]] uint64_t delivered() const;
  [[nodiscard]] const SourceInfo& info() const { return info_; }
  [[nodiscard]] const MailboxOptions& options() const { return options_; }

 private:
  using Lock = std::unique_lock<std::mutex>;
  /// What became of a wait: go on, drop the frame for a request, or stop.
  enum class Then : uint8_t { kGo, kRequest, kStop };
  struct Target {
    uint64_t position = 0;
    std::optional<double> time_s;  // instead of the position
    int64_t offset = 0;            // of steps, which end at the clip's ends
  };
  void run();
  void answer(Lock& lock);
  void carry_out(Lock& lock);
  Result<uint64_t> go_to(const Target& target);
  bool jump_to_loop(Lock& lock);
  void request(const Target& target);
  [[nodiscard]] Status check(uint64_t position) const;
  Then wait_until_due(Lock& lock, const Frame& frame);
  Then push(Lock& lock, Frame frame);
  /// The frame that somebody sought is shown wherever it lies.
  [[nodiscard]] bool beyond_loop(uint64_t position) const {
    return loop_ && position > loop_->second && !(shows_ && position == sought_);
  }
  Letter collect(Lock& lock);
  [[nodiscard]] Drops drops(const Lock& lock) const;

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
  double speed_ = 1;            // 0: unpaced
  Clock::time_point epoch_;     // paced: when presentation time 0 was or would have been
  Clock::time_point earliest_;  // of the first frame after a jump, so that a loop keeps its rhythm
  bool epoch_set_ = false;

  Clock::time_point last_due_;

  const bool can_seek_;
  std::optional<Error> no_seek_;
  std::optional<Target> wanted_;  // the newest seek, until the thread takes it
  std::optional<Target> moving_;  // the one that it carries out
  std::optional<std::pair<uint64_t, uint64_t>> wanted_loop_, loop_;
  bool wants_count_ = false, counting_ = false;
  bool shows_ = false;    // the frame that was sought is to be handed out, paused or not
  uint64_t sought_ = 0;   // its position
  bool arrived_ = false;  // the source is there: what it gives next is that frame
  std::optional<uint64_t> count_;
  double last_s_ = 0;
  std::optional<Error> refusal_;
  std::optional<std::pair<uint64_t, double>> given_;  // position and time of what was handed out last
  uint64_t next_position_ = 0;                        // of what the source gives next
  std::unique_ptr<Error> failure_;
  std::thread thread_;
};

}  // namespace tarsier::capture
