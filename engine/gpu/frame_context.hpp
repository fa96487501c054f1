// Frames in flight: each owns a command buffer, a staging area, timestamps and the objects that die when it
// is done.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "gpu/command_list.hpp"

namespace tarsier::gpu {

using Clock = std::chrono::steady_clock;

/// Device time of a named span within one frame, milliseconds.
struct PassTime {
  std::string name;
  double ms = 0;
  Clock::time_point begin, end;  // on the host's clock: FrameRing::calibrated()
};

/// When the host did what with a frame.
struct HostTimes {
  Clock::time_point begun, submitting, submitted;
  Clock::time_point waiting, waited;  // for the device; the epoch where nobody had to
  Clock::time_point completing;       // callbacks come after it
};

class FrameContext;

/// 2 or 3 frame contexts round a timeline semaphore. Single thread.
class FrameRing {
 public:
  static Result<std::unique_ptr<FrameRing>> create(Device& device, uint32_t frames_in_flight,
                                                   uint64_t staging_bytes);
  ~FrameRing();
  /// Waits until the oldest context is done (the frames-in-flight limit, the only wait on the host path),
  /// runs its deletions and completion callbacks, and opens it for recording.
  Result<FrameContext*> begin();
  /// Ends and submits. Waits on / signals the given binary semaphores (swapchain) beside the timeline.
  Status submit(FrameContext& frame, VkSemaphore wait = VK_NULL_HANDLE, VkPipelineStageFlags wait_stage = 0,
                VkSemaphore signal = VK_NULL_HANDLE);
  /// Runs the completions of frames that are already done, without waiting.
  void poll();
  /// Frames that were submitted and whose completion has not been run yet.
  [[nodiscard]] uint32_t in_flight() const;
  /// Waits for all frames in flight and runs their completions: shutdown, resize, and loops that keep one
  /// frame in flight.
  void drain();
  [[nodiscard]] uint32_t size() const;
  /// Whether PassTime::begin is measured. Where the device cannot tell, a frame's first pass is taken to
  /// begin when the frame is submitted, or when the last pass of the one before it ends.
  [[nodiscard]] bool calibrated() const;

 private:
  explicit FrameRing(Device& device);
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

class FrameContext {
 public:
  [[nodiscard]] CommandList& commands();
  [[nodiscard]] uint64_t timeline_value() const;
  /// Which context of the ring this is: 0 .. size-1. For per-frame buffers of a pass.
  [[nodiscard]] uint32_t slot() const;
  /// Host-written bytes that stay valid until the frame is done. Errors (kRuntime): the staging area is full.
  struct Staging {
    const Buffer* buffer;
    uint64_t offset;
    void* mapped;
  };
  Result<Staging> stage(uint64_t bytes, uint64_t alignment = 16);
  /// What the host wrote for this frame: staged, or by an UploadRing where the device reads it.
  [[nodiscard]] uint64_t upload_bytes() const;
  /// The same, holding a copy of these rows.
  template <class T>
  Result<Staging> stage_copy(const std::vector<T>& rows) {
    TARSIER_TRY(const auto staging, stage(rows.size() * sizeof(T)));
    std::memcpy(staging.mapped, rows.data(), rows.size() * sizeof(T));
    return staging;
  }
  /// Runs when the device has finished this frame (from FrameRing::begin, poll or drain).
  void on_complete(std::function<void()> callback);
  /// Keeps an object alive until the frame is done.
  void retire(std::shared_ptr<void> object);
  /// Device-time span; spans may follow each other, not nest. Results appear in times() two or three frames
  /// later.
  void begin_span(std::string_view name);
  void end_span();
  /// Device times of the latest finished use of this context.
  [[nodiscard]] const std::vector<PassTime>& times() const;
  /// Of the same use, while its callbacks run.
  [[nodiscard]] const HostTimes& host_times() const;

 private:
  friend class FrameRing;
  friend class UploadRing;
  FrameContext();
  void count_upload(uint64_t bytes);
  struct Impl;
  std::unique_ptr<Impl> impl_;

 public:
  ~FrameContext();
};

}  // namespace tarsier::gpu
