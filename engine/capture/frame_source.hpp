// Where frames come from. With `record`, the only folder that uses OpenCV's and FFmpeg's I/O.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/result.hpp"

namespace tarsier::capture {

using Clock = std::chrono::steady_clock;

/// Frames that were not handed out, by reason.
struct Drops {
  uint64_t policy = 0;  // left out by the stride
  uint64_t late = 0;    // replaced by a newer frame before it was taken
  uint64_t decode = 0;  // could not be decoded
  uint64_t paused = 0;  // came from a live source while paused
  [[nodiscard]] uint64_t total() const { return policy + late + decode + paused; }
  /// With the names that people know them by.
  [[nodiscard]] std::array<std::pair<const char*, uint64_t>, 4> by_reason() const {
    return {{{"policy", policy}, {"late", late}, {"undecodable", decode}, {"paused", paused}}};
  }
};

/// One picture in host memory: B, G, R, A bytes per pixel (A = 255), rows packed without padding.
struct Frame {
  /// From 0. Of a recording: `position`, plus the length of the clip for each round that it has looped by
  /// itself; a seek begins with round 0 again.
  uint64_t id = 0;
  uint64_t position = 0;  // place in the clip; what seek() takes
  /// Live: when the frame came. Recorded: when it was due (paced) or asked for (as fast as possible), see
  /// mailbox.hpp.
  Clock::time_point captured;
  /// When the mailbox asked the source for it, and got it: decoding, or waiting for a camera.
  Clock::time_point asked, decoded;
  Drops dropped;  // until it was handed out
  /// Presentation time in the source, which goes back by a seek alone; seconds since opening if live.
  double time_s = 0;
  /// It does not follow the frame before it, though nobody sought here: when a session was recorded, somebody
  /// did. It is due at once.
  bool jumps = false;
  int width = 0, height = 0;
  std::shared_ptr<std::vector<uint8_t>> bgra;  // width * height * 4; goes back to the source's pool
};

struct SourceInfo {
  std::string name;  // as the user gave it, but for passwords: display_name()
  std::string kind;  // "video", "camera", "images", "stream", "synthetic"
  int width = 0, height = 0;
  double fps = 0;       // nominal; 0 where unknown
  int64_t frames = -1;  // what the container says, which may lie; -1 where unknown or endless
  bool live = false;    // frames come whether they are read or not
};

class FrameSource {
 public:
  virtual ~FrameSource() = default;
  [[nodiscard]] virtual const SourceInfo& info() const = 0;
  /// The next frame; nullopt at the end of a recording. An error for a live source that stopped (unplugged
  /// camera).
  virtual Result<std::optional<Frame>> next() = 0;
  /// Pictures that were left out because they could not be decoded. Any thread.
  [[nodiscard]] virtual uint64_t decode_failures() const { return 0; }

  /// Whether the functions below work; where not, they give an error that says why. The first of them may
  /// take a while: a video file is read through once (VideoIndex).
  [[nodiscard]] virtual bool can_seek() const { return false; }
  /// Frames in the clip, counted; nullopt where endless.
  virtual Result<std::optional<uint64_t>> count();
  /// next() gives this frame, byte for byte as when it is reached by playing, and goes on from there. Errors
  /// (kInput): outside of the clip, with its range.
  virtual Status seek(uint64_t position);
  /// The frame that is shown at this time. Errors (kInput): outside of the clip, with its range.
  virtual Result<uint64_t> position_at(double time_s);
  virtual Result<double> time_of(uint64_t position);
  /// Frames that are found without decoding others, in order: what thumbnails are best made of.
  virtual Result<std::vector<uint64_t>> key_frames();
  /// Any thread: what takes long (an index, a far seek) ends soon in an error; for the end of the program.
  virtual void cancel() {}

  /// The errors of the above. Any thread.
  [[nodiscard]] Error no_seek() const;
  [[nodiscard]] Error outside(uint64_t position, uint64_t count) const;
  [[nodiscard]] Error outside(double time_s, double last_s) const;
};

struct SourceOptions {
  bool loop = false;              // a recording starts again at its end
  int width = 0, height = 0;      // wanted size of a camera; 0 = its default
  double stream_timeout_s = 5.0;  // a URL that gives nothing for this long has failed
};

/// Opens what the user named: a file, a camera index or /dev/videoN, an image folder or glob, an http://
/// MJPEG or rtsp:// URL, a GStreamer pipeline ("... ! appsink"), or "synthetic[:WxH[@FPS]]" (endless; a pure
/// function of the frame number). One frame has been decoded when this returns, so width and height are
/// known. Errors (kInput): missing file, a file that is no video, no such camera, ...; each says what to do.
Result<std::unique_ptr<FrameSource>> open_source(const std::string& spec, const SourceOptions& options = {});

}  // namespace tarsier::capture
