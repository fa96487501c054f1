// Annotated video: a file (.mp4, .mkv, .avi) or a sequence of images, encoded on a thread of its own.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "core/result.hpp"

namespace tarsier::record {

struct VideoOptions {
  double fps = 25;      // of the source, nominal; <= 0 means 25. Pictures are shown at their own times
  size_t queue = 3;     // frames that wait for the encoder; push() waits when it is full
  int quality = 23;     // H.264 constant rate factor: 18 looks lossless, 28 is small
  std::string comment;  // metadata that players and ffprobe show
  int threads = 1;      // of the encoder; the software Vulkan device wants the other cores
  /// FFV1 (RFC 9043) of the very bytes, .mkv alone; what was written stays without finish(), too.
  bool lossless = false;
};

/// A picture to encode: B, G, R, A (or X) bytes, rows packed.
struct Picture {
  int width = 0, height = 0;
  std::shared_ptr<const std::vector<uint8_t>> bgra;
  double time_s = 0;  // in its source
};

/// Turns pictures into files; called from one thread. Private to this folder but for tests.
class PictureEncoder {
 public:
  virtual ~PictureEncoder() = default;  // without finish(): leaves nothing behind
  virtual Status encode(const Picture& picture) = 0;
  virtual Status finish() = 0;
  [[nodiscard]] virtual std::string codec() const = 0;
};
Result<std::unique_ptr<PictureEncoder>> make_video_encoder(const std::filesystem::path& path,
                                                           const VideoOptions& options);
Result<std::unique_ptr<PictureEncoder>> make_image_encoder(const std::filesystem::path& path);

/// What a sink's name means.
///  *.mp4, *.mkv, *.mov, *.avi     H.264 (libx264) where FFmpeg has it, else MPEG-4 part 2
///  *%05d.png, *%d.jpg, ...        one image a frame, numbered from 0
///  *.png, *.jpg                   numbered beside that name: shot.png -> shot_00000.png
///  folder/ or an existing folder  folder/00000.png, ...
/// Of a video, pictures stand as long as in their source, however many were left out between; where its time
/// goes back it goes on behind the last one.
/// A video is written under a temporary name in the same folder and renamed by finish(); images are each
/// written whole. All pictures get the size of the first (odd extents lose one row or column, as H.264's
/// colour planes have half the size); later ones of another size are scaled into it with black borders.
class VideoWriter {
 public:
  /// Creates the folder and the temporary file. Errors (kInput): unknown extension (with the known ones),
  /// unwritable folder.
  static Result<std::unique_ptr<VideoWriter>> open(const std::filesystem::path& path,
                                                   const VideoOptions& options);
  /// Without finish(): stops the thread and removes what was written of a video.
  ~VideoWriter();
  VideoWriter(const VideoWriter&) = delete;
  VideoWriter& operator=(const VideoWriter&) = delete;

  /// Queues a picture; waits while the queue is full. Gives the encoder's error (kRuntime: full disk) as soon
  /// as there is one.
  Status push(Picture picture);
  /// Whether push() would return at once.
  [[nodiscard]] bool ready() const;
  /// Encodes what is queued and puts the file in place. With no picture at all it is an error and no file.
  Status finish();

  struct Stats {
    uint64_t frames = 0;
    double encode_ms = 0;  // sum over the frames
    std::string codec;     // "h264", "mpeg4", "png", ...
  };
  [[nodiscard]] Stats stats() const;

 private:
  VideoWriter() = default;
  void run();

  std::unique_ptr<PictureEncoder> encoder_;  // used by the thread alone until it ended
  size_t bound_ = 3;
  mutable std::mutex mutex_;
  std::condition_variable for_encoder_, for_producer_;
  std::deque<Picture> queue_;
  bool closing_ = false, abandoned_ = false, finished_ = false;
  std::unique_ptr<Error> failure_;
  Stats stats_;
  std::thread thread_;
};

/// True where `path` names something VideoWriter can write: tells a sink from a mistyped flag or a .jsonl
/// file.
[[nodiscard]] bool is_video_sink(const std::filesystem::path& path);
/// Where the images of such a sink go; empty for a video.
[[nodiscard]] std::filesystem::path image_folder(const std::filesystem::path& path);

}  // namespace tarsier::record
