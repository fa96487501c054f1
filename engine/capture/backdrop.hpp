// Pictures and clips that are shown behind a person: read by OpenCV, scaled to cover the frame.
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "capture/frame_pool.hpp"
#include "capture/frame_source.hpp"

namespace tarsier::capture {

/// Scaled so that it covers width x height, what is beyond left away on both sides alike.
Frame cover(const Frame& picture, int width, int height, FramePool& pool);

/// Errors (kInput): no such file (with the nearest name), a file that is no picture.
Result<Frame> read_picture(const std::string& path);

/// A video file that plays round and round, decoded and scaled on a thread of its own. at() from one thread.
class LoopedClip {
 public:
  /// Errors (kInput): no such file (with the nearest name), a file that is no video.
  static Result<std::unique_ptr<LoopedClip>> open(const std::string& path);
  ~LoopedClip();
  LoopedClip(const LoopedClip&) = delete;
  LoopedClip& operator=(const LoopedClip&) = delete;

  /// The picture at this time of whoever shows it, in this size; the clip begins with the first call. It is
  /// whole until the next call; its id changes with each new picture. `wait`: for the picture that is due,
  /// however long decoding takes; else the newest one that is there. A clip that can no longer be read says
  /// so once and keeps its last picture.
  const Frame& at(double time_s, int width, int height, bool wait);

 private:
  LoopedClip(std::unique_ptr<FrameSource> source, Frame first);
  void run();
  /// Takes the next picture if it is due.
  bool advance(double clip_s, bool wait);

  std::unique_ptr<FrameSource> source_;  // used by the thread alone once it runs
  FramePool pool_;
  Frame current_;
  std::optional<double> began_s_;
  uint64_t pictures_ = 0;

  std::mutex mutex_;
  std::condition_variable for_reader_, for_source_;
  std::deque<Frame> queue_;
  int width_ = 0, height_ = 0;  // what the thread scales to
  bool ended_ = false, stopping_ = false;
  std::thread thread_;
};

}  // namespace tarsier::capture
