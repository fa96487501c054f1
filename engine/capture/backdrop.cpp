#include "capture/backdrop.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include "capture/quiet.hpp"
#include "capture/sources.hpp"
#include "core/log.hpp"

namespace tarsier::capture {
namespace {

constexpr size_t kAhead = 4;       // pictures decoded ahead
constexpr double kEarly_s = 1e-3;  // containers round their times to milliseconds
constexpr double kBehind_s = 0.5;  // a clip that is later than that goes on from where it is

/// Only files: a camera or a stream would be live and has no size of its own, a folder is a slide show.
Status check_file(const std::string& path, const char* what) {
  std::error_code code;
  if (!std::filesystem::exists(path, code))
    return input_error("{}: no such file{}", path, similar_neighbour(path));
  if (!std::filesystem::is_regular_file(path, code))
    return input_error("{}: is no file; give a {}", path, what);
  return {};
}

}  // namespace

Frame cover(const Frame& picture, int width, int height, FramePool& pool) {
  Frame out = picture;
  out.width = width;
  out.height = height;
  out.bgra = pool.take(size_t(width) * size_t(height) * 4);
  const cv::Mat whole(picture.height, picture.width, CV_8UC4, picture.bgra->data());
  const double scale = std::max(double(width) / picture.width, double(height) / picture.height);
  const int w = std::clamp(int(std::lround(width / scale)), 1, picture.width);
  const int h = std::clamp(int(std::lround(height / scale)), 1, picture.height);
  const cv::Mat part = whole(cv::Rect((picture.width - w) / 2, (picture.height - h) / 2, w, h));
  cv::Mat to(height, width, CV_8UC4, out.bgra->data());
  cv::resize(part, to, to.size(), 0, 0, scale < 1 ? cv::INTER_AREA : cv::INTER_LINEAR);
  return out;
}

Result<Frame> read_picture(const std::string& path) {
  TARSIER_CHECK(check_file(path, "picture"));
  silence_libraries();
  cv::Mat bgr;
  try {
    bgr = cv::imread(path, cv::IMREAD_COLOR);
  } catch (const cv::Exception&) {  // told below: what it says is of no use to a user
  }
  if (bgr.empty()) return input_error("{}: is no picture that can be read", path);
  Frame frame;
  frame.width = bgr.cols;
  frame.height = bgr.rows;
  frame.bgra = std::make_shared<std::vector<uint8_t>>(bgr.total() * 4);
  cv::Mat bgra(bgr.rows, bgr.cols, CV_8UC4, frame.bgra->data());
  cv::cvtColor(bgr, bgra, cv::COLOR_BGR2BGRA);
  return frame;
}

Result<std::unique_ptr<LoopedClip>> LoopedClip::open(const std::string& path) {
  TARSIER_CHECK(check_file(path, "video"));
  TARSIER_TRY(auto source, open_source(path, {.loop = true}));
  if (source->info().kind != "video") return input_error("{}: is no video; give it as a picture", path);
  TARSIER_TRY(auto first, source->next());
  if (!first) return input_error("{}: holds no picture", path);
  return std::unique_ptr<LoopedClip>(new LoopedClip(std::move(source), *std::move(first)));
}

LoopedClip::LoopedClip(std::unique_ptr<FrameSource> source, Frame first)
    : source_(std::move(source)), current_(std::move(first)), thread_([this] { run(); }) {}

LoopedClip::~LoopedClip() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
    for_source_.notify_all();
  }
  thread_.join();
}

void LoopedClip::run() {
  while (true) {
    int width = 0, height = 0;
    {
      std::unique_lock lock(mutex_);
      // Nothing is decoded for an effect that nobody has chosen yet.
      for_source_.wait(lock, [&] { return stopping_ || (width_ > 0 && queue_.size() < kAhead); });
      if (stopping_) return;
      width = width_;
      height = height_;
    }
    auto next = source_->next();  // decodes: never under the lock
    const bool failed = !next.ok() || !next->has_value();
    if (failed) {
      log::warn("{}; the background keeps its last picture",
                next.ok() ? source_->info().name + ": no more of it can be read" : next.error().message);
    }
    std::optional<Frame> picture;
    if (!failed) picture = cover(**next, width, height, pool_);
    const std::scoped_lock lock(mutex_);
    if (failed) {
      ended_ = true;
    } else {
      queue_.push_back(*std::move(picture));
    }
    for_reader_.notify_all();
    if (failed) return;
  }
}

bool LoopedClip::advance(double clip_s, bool wait) {
  std::unique_lock lock(mutex_);
  if (wait) for_reader_.wait(lock, [&] { return ended_ || !queue_.empty(); });
  if (queue_.empty() || queue_.front().time_s > clip_s + kEarly_s) return false;
  current_ = std::move(queue_.front());
  queue_.pop_front();
  for_source_.notify_all();
  return true;
}

const Frame& LoopedClip::at(double time_s, int width, int height, bool wait) {
  {
    const std::scoped_lock lock(mutex_);
    if (width != width_ || height != height_) {
      width_ = width;
      height_ = height;
      for_source_.notify_all();
    }
  }
  // A source that went back, or a clip that could not follow, goes on from the picture that is shown.
  if (!began_s_ || time_s - *began_s_ < current_.time_s - kBehind_s) began_s_ = time_s - current_.time_s;
  bool changed = false;
  while (advance(time_s - *began_s_, wait)) changed = true;
  if (!wait && time_s - *began_s_ > current_.time_s + kBehind_s) began_s_ = time_s - current_.time_s;
  if (current_.width != width || current_.height != height) {
    current_ = cover(current_, width, height, pool_);
    changed = true;
  }
  if (changed || pictures_ == 0) ++pictures_;
  current_.id = pictures_;
  return current_;
}

}  // namespace tarsier::capture
