// What each of the last frames cost: spans of time on the capture thread, the host and the device, age, bytes
// and drops. For the profiler panel, traces and metrics.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace tarsier {

struct ProfileSpan {
  enum class Track : uint8_t { kCapture, kHost, kDevice };
  Track track = Track::kHost;
  std::string_view name;
  std::chrono::steady_clock::time_point begin, end;
  [[nodiscard]] double ms() const { return std::chrono::duration<double, std::milli>(end - begin).count(); }
};

/// Names are those of its Profiler and live as long as it does.
struct FrameProfile {
  using Clock = std::chrono::steady_clock;
  uint64_t number = 0;    // of the frames that were finished, from 0
  uint64_t frame_id = 0;  // the source's
  Clock::time_point captured, completed;
  /// In order of time on each track, without overlap there; host spans of one frame may lie between those of
  /// another.
  std::vector<ProfileSpan> spans;
  uint64_t upload_bytes = 0, readback_bytes = 0;
  struct Count {
    std::string_view reason;
    uint64_t count = 0;
  };
  std::vector<Count> drops;  // since the run began

  [[nodiscard]] double age_ms() const {
    return std::chrono::duration<double, std::milli>(completed - captured).count();
  }
  /// Sum of the spans of a track, milliseconds.
  [[nodiscard]] double sum_ms(ProfileSpan::Track track) const;
};

/// Single thread. Takes its memory (2.5 MB) when it is made, and more only for frames of more spans than
/// kSpans.
class Profiler {
 public:
  static constexpr size_t kFrames = 600, kSpans = 96;
  Profiler();
  /// A frame that is under way. It is the profiler's; a frame that is given up need not be finished.
  FrameProfile& begin(uint64_t frame_id);
  void add(FrameProfile& frame, ProfileSpan::Track track, std::string_view name,
           FrameProfile::Clock::time_point begin, FrameProfile::Clock::time_point end);
  void count_drops(FrameProfile& frame, std::string_view reason, uint64_t count);
  /// `frame` is done and takes the place of the oldest one; the reference that is returned is good until the
  /// next call.
  const FrameProfile& finish(FrameProfile& frame);
  /// The last frames that were finished, oldest first.
  [[nodiscard]] size_t size() const { return size_t(std::min<uint64_t>(finished_, kFrames)); }
  [[nodiscard]] const FrameProfile& at(size_t index) const {
    return ring_[(finished_ - size() + index) % kFrames];
  }

 private:
  std::string_view keep(std::string_view name);

  std::set<std::string, std::less<>> names_;
  std::vector<FrameProfile> ring_;                   // of kFrames places
  uint64_t finished_ = 0;                            // frame number n has place n % kFrames
  std::vector<std::unique_ptr<FrameProfile>> made_;  // as many as there are frames in flight
  std::vector<FrameProfile*> free_;                  // of them
};

}  // namespace tarsier
