// Video files, cameras, network streams and GStreamer pipelines through OpenCV's VideoCapture.
#include <algorithm>
#include <array>
#include <cmath>
#include <fstream>
#include <opencv2/imgproc.hpp>
#include <opencv2/videoio.hpp>

#include "capture/frame_pool.hpp"
#include "capture/quiet.hpp"
#include "capture/source_name.hpp"
#include "capture/sources.hpp"
#include "core/log.hpp"
#include "core/text.hpp"

namespace tarsier::capture {
namespace fs = std::filesystem;
namespace {

class VideoSource final : public FrameSource {
 public:
  VideoSource(const cv::VideoCapture& capture, SourceInfo info, const SourceOptions& options)
      : capture_(capture), info_(std::move(info)), loop_(options.loop && !info_.live) {}

  /// Decodes the first frame, which proves that this is a video and gives the size.
  bool prime() {
    if (!read()) return false;
    primed_ = true;
    info_.width = picture_.cols;
    info_.height = picture_.rows;
    return true;
  }

  [[nodiscard]] const SourceInfo& info() const override { return info_; }

  Result<std::optional<Frame>> next() override {
    if (!primed_ && !read()) {
      if (info_.live) {
        const std::string reason = take_library_error();
        return runtime_error("{}: the {} stopped delivering frames{}; check that it is still connected",
                             info_.name, info_.kind, reason.empty() ? "" : " (" + reason + ")");
      }
      report_short_read();
      if (!loop_ || position_ == 0) return std::optional<Frame>();
      TARSIER_CHECK(reopen());
      time_base_ = last_time_ + (info_.fps > 0 ? 1.0 / info_.fps : 0.04);
      if (!read()) return std::optional<Frame>();
    }
    primed_ = false;

    Frame frame;
    frame.id = next_id_++;
    frame.captured = Clock::now();
    frame.width = picture_.cols;
    frame.height = picture_.rows;
    frame.time_s = presentation_time(frame.captured);
    frame.bgra = pool_.take(size_t(frame.width) * size_t(frame.height) * 4);
    cv::Mat out(frame.height, frame.width, CV_8UC4, frame.bgra->data());
    if (picture_.type() == CV_8UC3) {
      cv::cvtColor(picture_, out, cv::COLOR_BGR2BGRA);
    } else if (picture_.type() == CV_8UC1) {
      cv::cvtColor(picture_, out, cv::COLOR_GRAY2BGRA);
    } else if (picture_.type() == CV_8UC4) {
      picture_.copyTo(out);
    } else {
      return runtime_error("{}: frames of OpenCV type {} are not supported; 8-bit colour is", info_.name,
                           picture_.type());
    }
    ++position_;
    return std::optional<Frame>(std::move(frame));
  }

  Status rewind() override {
    if (info_.live) return input_error("{}: a live source cannot be rewound", info_.name);
    if (next_id_ == 0) return {};
    TARSIER_CHECK(reopen());
    next_id_ = 0;
    time_base_ = last_time_ = 0;
    if (!prime()) return runtime_error("{}: the first frame cannot be read again", info_.name);
    return {};
  }

 private:
  bool read() {
    try {
      return capture_.read(picture_) && !picture_.empty();
    } catch (const cv::Exception& e) {
      log::debug("{}: {}", info_.name, e.what());
      return false;
    }
  }

  /// Opening again instead of seeking: exact for every container, and a loop is rare.
  Status reopen() {
    position_ = 0;
    capture_.release();
    if (info_.kind == "video" && capture_.open(info_.name, cv::CAP_ANY)) return {};
    return runtime_error("{}: cannot be opened again for the next round; was it moved or deleted?",
                         info_.name);
  }

  double presentation_time(Clock::time_point now) {
    if (info_.live) {
      if (next_id_ == 1) opened_ = now;
      return std::chrono::duration<double>(now - opened_).count();
    }
    const double fps = info_.fps > 0 ? info_.fps : 25.0;
    double time = capture_.get(cv::CAP_PROP_POS_MSEC) / 1000.0;
    // Containers without timestamps report 0, broken ones jump: count frames instead.
    if (!std::isfinite(time) || time < 0 || (position_ > 0 && time <= 0)) time = double(position_) / fps;
    time += time_base_;
    if (next_id_ > 1 && time <= last_time_) time = last_time_ + 1.0 / fps;
    last_time_ = time;
    return time;
  }

  void report_short_read() {
    // Frame counts in containers are estimates; only a big gap tells of a damaged file.
    if (warned_ || info_.frames <= 0 || double(position_) >= 0.9 * double(info_.frames)) return;
    warned_ = true;
    log::warn("{}: ended after {} of {} frames; the file is damaged or incomplete", info_.name, position_,
              info_.frames);
  }

  cv::VideoCapture capture_;
  SourceInfo info_;
  bool loop_;
  cv::Mat picture_;
  FramePool pool_;
  bool primed_ = false, warned_ = false;
  uint64_t next_id_ = 0;
  uint64_t position_ = 0;  // frames delivered in this round of a looped recording
  double time_base_ = 0, last_time_ = 0;
  Clock::time_point opened_;
};

double sane_fps(double fps) {
  return std::isfinite(fps) && fps > 0 && fps <= 1000 ? fps : 0;
}

int64_t sane_count(double count) {
  return std::isfinite(count) && count > 0 && count < 1e12 ? int64_t(count) : -1;
}

std::string reason_or(std::string_view fallback) {
  const std::string reason = take_library_error();
  return reason.empty() ? std::string(fallback) : reason;
}

/// FFmpeg plays text files as terminal animations; nobody means that. Playlists and SDP files are text too.
bool looks_like_text(const std::string& path) {
  static constexpr std::array<std::string_view, 4> kTextFormats = {".m3u", ".m3u8", ".sdp", ".ffconcat"};
  const std::string extension = to_lower(fs::path(path).extension().string());
  if (std::find(kTextFormats.begin(), kTextFormats.end(), extension) != kTextFormats.end()) return false;
  std::ifstream in(path, std::ios::binary);
  std::array<char, 512> head{};
  in.read(head.data(), head.size());
  const auto end = head.begin() + in.gcount();
  return std::all_of(head.begin(), end, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte >= 32 && byte != 127) || byte == '\n' || byte == '\r' || byte == '\t';
  });
}

std::string camera_list() {
  std::vector<std::string> found;
  std::error_code code;
  for (fs::directory_iterator at("/dev", code), end; !code && at != end; at.increment(code)) {
    const std::string name = at->path().filename().string();
    if (name.starts_with("video") && name.size() > 5) found.push_back(at->path().string());
  }
  std::sort(found.begin(), found.end(), natural_less);
  return found.empty() ? "no camera is connected" : "there is " + join(found, ", ");
}

}  // namespace

SourceResult open_video_file(const std::string& path, const SourceOptions& options) {
  if (std::ifstream readable(path, std::ios::binary); !readable) {
    return input_error("{}: the file cannot be opened for reading; check its permissions", path);
  }
  if (looks_like_text(path)) {
    return input_error("{}: is a text file, not a video; give a video, an image folder or a camera", path);
  }
  take_library_error();
  cv::VideoCapture capture;
  try {
    // CAP_ANY ends at OpenCV's own decoders, which take numbers in a file's name for an image sequence.
    if (!capture.open(path, cv::CAP_FFMPEG) && !capture.open(path, cv::CAP_GSTREAMER)) {
      return input_error("{}: is no video that can be read ({})", path, reason_or("unknown format"));
    }
  } catch (const cv::Exception& e) {
    return input_error("{}: is no video that can be read ({})", path, e.err);
  }
  SourceInfo info{.name = path, .kind = "video"};
  info.fps = sane_fps(capture.get(cv::CAP_PROP_FPS));
  info.frames = sane_count(capture.get(cv::CAP_PROP_FRAME_COUNT));
  auto source = std::make_unique<VideoSource>(capture, std::move(info), options);
  if (!source->prime()) {
    return input_error("{}: no frame of it can be decoded ({})", path, reason_or("no video stream"));
  }
  return SourceResult(std::move(source));
}

SourceResult open_camera(const std::string& spec, int index, const SourceOptions& options) {
  const std::string device = fmt::format("/dev/video{}", index);
  std::error_code code;
  if (!fs::exists(device, code)) {
    return input_error("{}: no such camera ({} is missing; {})", spec, device, camera_list());
  }
  cv::VideoCapture capture;
  try {
    if (!capture.open(index, cv::CAP_V4L2)) {
      return input_error(
          "{}: the camera cannot be opened; close the program that uses it, or join the group 'video'", spec);
    }
  } catch (const cv::Exception& e) {
    return input_error("{}: the camera cannot be opened ({})", spec, e.err);
  }
  if (options.width > 0 && options.height > 0) {
    // Above VGA most USB cameras reach their full rate only in MJPEG.
    if (options.width * options.height > 640 * 480) {
      capture.set(cv::CAP_PROP_FOURCC, cv::VideoWriter::fourcc('M', 'J', 'P', 'G'));
    }
    capture.set(cv::CAP_PROP_FRAME_WIDTH, options.width);
    capture.set(cv::CAP_PROP_FRAME_HEIGHT, options.height);
  }
  capture.set(cv::CAP_PROP_BUFFERSIZE, 2);  // old frames in the driver's queue are only latency
  SourceInfo info{.name = spec, .kind = "camera", .live = true};
  info.fps = sane_fps(capture.get(cv::CAP_PROP_FPS));
  auto source = std::make_unique<VideoSource>(capture, std::move(info), options);
  if (!source->prime()) {
    return input_error("{}: the camera gives no frames; plug it in again or try another index ({})", spec,
                       camera_list());
  }
  return SourceResult(std::move(source));
}

SourceResult open_stream(const std::string& url, const SourceOptions& options) {
  const int timeout_ms = std::max(100, int(options.stream_timeout_s * 1000));
  take_library_error();
  const std::string name = display_name(url);
  cv::VideoCapture capture;
  try {
    const bool opened = capture.open(
        url, cv::CAP_FFMPEG,
        {cv::CAP_PROP_OPEN_TIMEOUT_MSEC, timeout_ms, cv::CAP_PROP_READ_TIMEOUT_MSEC, timeout_ms});
    if (!opened) {
      return input_error("{}: cannot be opened ({}); check the address and that the server runs", name,
                         reason_or(fmt::format("no answer within {:.0f} s", options.stream_timeout_s)));
    }
  } catch (const cv::Exception& e) {
    return input_error("{}: cannot be opened ({})", name, e.err);
  }
  SourceInfo info{.name = name, .kind = "stream"};
  info.fps = sane_fps(capture.get(cv::CAP_PROP_FPS));
  info.frames = sane_count(capture.get(cv::CAP_PROP_FRAME_COUNT));
  info.live = info.frames < 0;  // a file behind HTTP has a length
  auto source = std::make_unique<VideoSource>(capture, std::move(info), options);
  if (!source->prime()) {
    return input_error("{}: gives no video frames ({})", name, reason_or("no video stream"));
  }
  return SourceResult(std::move(source));
}

SourceResult open_gstreamer(const std::string& pipeline, const SourceOptions& options) {
  const std::string name = display_name(pipeline);
  if (pipeline.find("appsink") == std::string::npos) {
    return input_error("{}: a GStreamer pipeline must end in '! appsink'", name);
  }
  cv::VideoCapture capture;
  try {
    if (!capture.open(pipeline, cv::CAP_GSTREAMER)) {
      return input_error(
          "{}: GStreamer cannot start this pipeline; try it with gst-launch-1.0 (with fakesink in place of "
          "appsink) and install the plug-ins that it names",
          name);
    }
  } catch (const cv::Exception& e) {
    return input_error("{}: GStreamer cannot start this pipeline ({})", name, e.err);
  }
  SourceInfo info{.name = name, .kind = "stream"};
  info.fps = sane_fps(capture.get(cv::CAP_PROP_FPS));
  info.frames = sane_count(capture.get(cv::CAP_PROP_FRAME_COUNT));
  info.live = info.frames < 0;
  auto source = std::make_unique<VideoSource>(capture, std::move(info), options);
  if (!source->prime()) return input_error("{}: the pipeline gives no frames", name);
  return SourceResult(std::move(source));
}

}  // namespace tarsier::capture
