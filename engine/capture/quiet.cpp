#include "capture/quiet.hpp"

#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <opencv2/core.hpp>
#include <opencv2/core/utils/logger.hpp>
#include <opencv2/videoio/registry.hpp>
#include <string_view>
#include <utility>

extern "C" {
#include <libavutil/log.h>
}

namespace tarsier::capture {
namespace {

std::mutex last_error_mutex;
std::string last_error;

void on_ffmpeg_message(void* /*context*/, int level, const char* format, va_list arguments) {
  // The status of a web server is only a warning to FFmpeg; to the user it is the reason.
  const bool status = level == AV_LOG_WARNING && std::string_view(format).starts_with("HTTP error");
  if (level > AV_LOG_ERROR && !status) return;
  char line[512];
  if (std::vsnprintf(line, sizeof line, format, arguments) <= 0) return;
  std::string text = line;
  for (char& c : text) {
    if (c == '\n' || c == '\r' || c == '\t') c = ' ';
  }
  while (!text.empty() && (text.back() == ' ' || text.back() == '.')) text.pop_back();
  if (text.empty()) return;
  const std::scoped_lock lock(last_error_mutex);
  last_error = std::move(text);
}

}  // namespace

void silence_libraries() {
  static std::once_flag once;
  std::call_once(once, [] {
    // A camera that stops delivering is noticed after this many seconds (OpenCV's default is 10).
    ::setenv("OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT", "3", 0);
    cv::utils::logging::setLogLevel(cv::utils::logging::LOG_LEVEL_SILENT);
    // An exception handler of OpenCV prints before it throws; what it says is in the exception.
    cv::redirectError([](int, const char*, const char*, const char*, int, void*) { return 0; });
    av_log_set_callback(on_ffmpeg_message);
  });
}

std::string take_library_error() {
  const std::scoped_lock lock(last_error_mutex);
  return std::exchange(last_error, {});
}

}  // namespace tarsier::capture
