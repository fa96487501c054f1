#include "record/video_writer.hpp"

#include <algorithm>
#include <array>
#include <chrono>

#include "core/text.hpp"

namespace tarsier::record {
namespace fs = std::filesystem;
namespace {

constexpr std::array<std::string_view, 4> kVideoExtensions = {".mp4", ".mkv", ".mov", ".avi"};
constexpr std::array<std::string_view, 5> kImageExtensions = {".png", ".jpg", ".jpeg", ".bmp", ".webp"};

template <class List>
bool contains(const List& list, const fs::path& path) {
  return std::find(list.begin(), list.end(), to_lower(path.extension().string())) != list.end();
}

bool names_folder(const fs::path& path) {
  std::error_code code;
  return path.filename().empty() || fs::is_directory(path, code);
}

}  // namespace

bool is_video_sink(const fs::path& path) {
  return !path.empty() &&
         (names_folder(path) || contains(kVideoExtensions, path) || contains(kImageExtensions, path));
}

fs::path image_folder(const fs::path& path) {
  if (names_folder(path)) return path;
  if (contains(kVideoExtensions, path)) return {};
  return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

Result<std::unique_ptr<VideoWriter>> VideoWriter::open(const fs::path& path, const VideoOptions& options) {
  if (!is_video_sink(path)) {
    return input_error(
        "{}: not a kind of video that can be written; use .mp4, .mkv, .mov, .avi, %05d.png, %05d.jpg or a "
        "folder "
        "(ending in /)",
        path.string());
  }
  std::unique_ptr<VideoWriter> writer(new VideoWriter);
  const bool video = !names_folder(path) && contains(kVideoExtensions, path);
  TARSIER_TRY(writer->encoder_, video ? make_video_encoder(path, options) : make_image_encoder(path));
  writer->bound_ = std::max<size_t>(1, options.queue);
  writer->stats_.codec = writer->encoder_->codec();
  writer->thread_ = std::thread([raw = writer.get()] { raw->run(); });
  return writer;
}

VideoWriter::~VideoWriter() {
  {
    const std::scoped_lock lock(mutex_);
    closing_ = abandoned_ = true;
    for_encoder_.notify_all();
    for_producer_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

void VideoWriter::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    for_encoder_.wait(lock, [&] { return closing_ || !queue_.empty(); });
    if (abandoned_ || queue_.empty()) return;
    const Picture picture = std::move(queue_.front());
    queue_.pop_front();
    for_producer_.notify_all();
    lock.unlock();
    const auto begin = std::chrono::steady_clock::now();
    const Status status = encoder_->encode(picture);
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begin;
    lock.lock();
    if (!status.ok()) {
      failure_ = std::make_unique<Error>(status.error());
      queue_.clear();
      for_producer_.notify_all();
      return;
    }
    ++stats_.frames;
    stats_.encode_ms += took.count();
  }
}

Status VideoWriter::push(Picture picture) {
  std::unique_lock lock(mutex_);
  for_producer_.wait(lock, [&] { return closing_ || failure_ || queue_.size() < bound_; });
  if (failure_) return *failure_;
  if (closing_) return runtime_error("the video is already finished");
  queue_.push_back(std::move(picture));
  for_encoder_.notify_all();
  return {};
}

bool VideoWriter::ready() const {
  const std::scoped_lock lock(mutex_);
  return closing_ || failure_ || queue_.size() < bound_;
}

Status VideoWriter::finish() {
  if (finished_) return {};
  {
    const std::scoped_lock lock(mutex_);
    closing_ = true;
    for_encoder_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
  if (!failure_) {
    if (const Status status = encoder_->finish(); !status.ok()) {
      failure_ = std::make_unique<Error>(status.error());
    }
  }
  encoder_.reset();  // removes the temporary file of a failed video
  if (failure_) return *failure_;
  finished_ = true;
  return {};
}

VideoWriter::Stats VideoWriter::stats() const {
  const std::scoped_lock lock(mutex_);
  return stats_;
}

}  // namespace tarsier::record
