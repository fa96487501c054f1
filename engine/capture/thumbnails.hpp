// Small pictures of a recording's frames, for whoever looks for a place in it.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "capture/frame_source.hpp"

namespace tarsier::capture {

struct Thumbnail {
  uint64_t position = 0;  // of the frame that it shows
  int width = 0, height = 0;
  std::shared_ptr<const std::vector<uint8_t>> bgra;  // B, G, R, A bytes, rows packed
};

/// Decodes on a thread and with a source of its own: nothing that plays waits for it. Any thread.
class Thumbnails {
 public:
  static constexpr int kWidth = 256, kHeight = 144;  // at most
  static constexpr size_t kMost = 128;               // that are kept: 19 MB

  using Open = std::function<Result<std::unique_ptr<FrameSource>>()>;
  /// Nothing is opened before somebody looks; then by another thread.
  explicit Thumbnails(Open open) : open_(std::move(open)) {}
  ~Thumbnails();
  Thumbnails(const Thumbnails&) = delete;
  Thumbnails& operator=(const Thumbnails&) = delete;

  /// The frame's picture. Where it is not there yet, it comes in one of the next calls; until then that of
  /// the key frame before it, or none. Of frames asked for in quick succession the last one comes.
  [[nodiscard]] std::optional<Thumbnail> at(uint64_t position);

 private:
  using Lock = std::unique_lock<std::mutex>;
  struct Kept {
    Thumbnail picture;
    uint64_t used = 0;
  };
  void run();
  Status open();
  /// Decodes the frame, unless its picture is there.
  Status make(uint64_t position);
  [[nodiscard]] std::optional<uint64_t> key_frame_of(uint64_t position) const;
  const Thumbnail* find(uint64_t position);

  const Open open_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::unique_ptr<FrameSource> source_;  // used by the thread alone, but for cancel()
  std::vector<uint64_t> key_frames_;
  std::map<uint64_t, Kept> kept_;
  uint64_t uses_ = 0;
  std::optional<uint64_t> wanted_, refused_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace tarsier::capture
