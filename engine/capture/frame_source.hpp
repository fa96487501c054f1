// Where frames come from. The only folder that uses OpenCV's I/O.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/result.hpp"

namespace tarsier::capture {

using Clock = std::chrono::steady_clock;

/// One picture in host memory: B, G, R, A bytes per pixel (A = 255), rows packed without padding.
struct Frame {
  uint64_t id = 0;  // position in the source, from 0; keeps counting when a recording loops
  /// Live: when the frame came. Recorded: when it was due (paced) or asked for (as fast as possible), see
  /// mailbox.hpp.
  Clock::time_point captured;
  double time_s = 0;  // presentation time in the source (never goes back); seconds since opening if live
  int width = 0, height = 0;
  std::shared_ptr<std::vector<uint8_t>> bgra;  // width * height * 4; goes back to the source's pool
};

struct SourceInfo {
  std::string name;  // as the user gave it, but for passwords: display_name()
  std::string kind;  // "video", "camera", "images", "stream", "synthetic"
  int width = 0, height = 0;
  double fps = 0;       // nominal; 0 where unknown
  int64_t frames = -1;  // -1 where unknown or endless
  bool live = false;    // frames come whether they are read or not
};

class FrameSource {
 public:
  virtual ~FrameSource() = default;
  [[nodiscard]] virtual const SourceInfo& info() const = 0;
  /// The next frame; nullopt at the end of a recording. An error for a live source that stopped (unplugged
  /// camera).
  virtual Result<std::optional<Frame>> next() = 0;
  /// Back to the first frame, which gets id 0 again; an error for a live source.
  virtual Status rewind() = 0;
  /// Pictures that were left out because they could not be decoded. Any thread.
  [[nodiscard]] virtual uint64_t decode_failures() const { return 0; }
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
