// Cameras, network streams and GStreamer through OpenCV's VideoCapture.
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
  VideoSource(const cv::VideoCapture& capture, SourceInfo info) : capture_(capture), info_(std::move(info)) {}

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
      return std::optional<Frame>();
    }
    primed_ = false;

    Frame frame;
    frame.id = frame.position = next_id_++;
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
    return std::optional<Frame>(std::move(frame));
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

  double presentation_time(Clock::time_point now) {
    if (info_.live) {
      if (next_id_ == 1) opened_ = now;
      return std::chrono::duration<double>(now - opened_).count();
    }
    const double fps = info_.fps > 0 ? info_.fps : 25.0;
    double time = capture_.get(cv::CAP_PROP_POS_MSEC) / 1000.0;
    // Containers without timestamps report 0, broken ones jump: count frames instead.
    if (!std::isfinite(time) || time < 0 || (next_id_ > 1 && time <= 0)) time = double(next_id_ - 1) / fps;
    if (next_id_ > 1 && time <= last_time_) time = last_time_ + 1.0 / fps;
    last_time_ = time;
    return time;
  }

  cv::VideoCapture capture_;
  SourceInfo info_;
  cv::Mat picture_;
  FramePool pool_;
  bool primed_ = false;
  uint64_t next_id_ = 0;
  double last_time_ = 0;
  Clock::time_point opened_;
};

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
  auto source = std::make_unique<VideoSource>(capture, std::move(info));
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
  auto source = std::make_unique<VideoSource>(capture, std::move(info));
  if (!source->prime()) {
    return input_error("{}: gives no video frames ({})", name, reason_or("no video stream"));
  }
  return SourceResult(std::move(source));
}

SourceResult open_gstreamer(const std::string& pipeline) {
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
  auto source = std::make_unique<VideoSource>(capture, std::move(info));
  if (!source->prime()) return input_error("{}: the pipeline gives no frames", name);
  return SourceResult(std::move(source));
}

}  // namespace tarsier::capture
