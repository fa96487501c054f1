#include "capture/thumbnails.hpp"

#include <algorithm>
#include <cmath>
#include <opencv2/imgproc.hpp>

#include "core/log.hpp"
#include "core/thread.hpp"

namespace tarsier::capture {
namespace {

/// A frame far from its key frame takes as many to decode: only where somebody stays.
constexpr auto kRest = std::chrono::milliseconds(120);

Thumbnail shrink(const Frame& frame) {
  const double scale =
      std::min({1.0, double(Thumbnails::kWidth) / frame.width, double(Thumbnails::kHeight) / frame.height});
  Thumbnail out{.position = frame.position,
                .width = std::max(1, int(std::lround(frame.width * scale))),
                .height = std::max(1, int(std::lround(frame.height * scale)))};
  const cv::Mat from(frame.height, frame.width, CV_8UC4, frame.bgra->data());
  auto bytes = std::make_shared<std::vector<uint8_t>>(size_t(out.width) * size_t(out.height) * 4);
  cv::Mat to(out.height, out.width, CV_8UC4, bytes->data());
  cv::resize(from, to, to.size(), 0, 0, cv::INTER_AREA);
  out.bgra = std::move(bytes);
  return out;
}

}  // namespace

Thumbnails::~Thumbnails() {
  {
    const Lock lock(mutex_);
    stopping_ = true;
    if (source_) source_->cancel();
    wake_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

const Thumbnail* Thumbnails::find(uint64_t position) {
  const auto at = kept_.find(position);
  if (at == kept_.end()) return nullptr;
  at->second.used = ++uses_;
  return &at->second.picture;
}

std::optional<uint64_t> Thumbnails::key_frame_of(uint64_t position) const {
  const auto behind = std::ranges::upper_bound(key_frames_, position);
  return behind == key_frames_.begin() ? std::nullopt : std::optional(*std::prev(behind));
}

std::optional<Thumbnail> Thumbnails::at(uint64_t position) {
  const Lock lock(mutex_);
  if (const auto* picture = find(position)) {
    wanted_.reset();
    return *picture;
  }
  if (refused_ != position) wanted_ = position;
  if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
  wake_.notify_all();
  const auto key = key_frame_of(position);
  const auto* picture = key ? find(*key) : nullptr;
  return picture != nullptr ? std::optional(*picture) : std::nullopt;
}

Status Thumbnails::open() {
  TARSIER_TRY(auto source, open_());
  FrameSource* opened = source.get();
  {
    const Lock lock(mutex_);
    if (stopping_) return {};
    source_ = std::move(source);
  }
  TARSIER_TRY(auto frames, opened->key_frames());
  const Lock lock(mutex_);
  key_frames_ = std::move(frames);
  return {};
}

Status Thumbnails::make(uint64_t position) {
  {
    const Lock lock(mutex_);
    if (kept_.contains(position)) return {};
  }
  TARSIER_CHECK(source_->seek(position));
  TARSIER_TRY(const auto frame, source_->next());
  if (!frame) return input_error("{}: has no frame {}", source_->info().name, position);
  Kept kept{.picture = shrink(*frame)};
  log::debug("thumbnail of frame {}", position);
  const Lock lock(mutex_);
  kept.used = ++uses_;
  if (kept_.size() >= kMost)
    kept_.erase(std::ranges::min_element(kept_, {}, [](const auto& one) { return one.second.used; }));
  kept_[position] = std::move(kept);
  return {};
}

void Thumbnails::run() {
  lower_thread_priority();
  if (const Status opened = open(); !opened.ok()) {
    log::debug("no thumbnails: {}", opened.error().message);
    return;
  }
  Lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [&] { return stopping_ || wanted_; });
    if (stopping_) return;
    const uint64_t position = *wanted_;
    const auto key = key_frame_of(position);
    const auto elsewhere = [&] { return stopping_ || (wanted_ && *wanted_ != position); };
    Status made;
    if (key && *key != position) {
      lock.unlock();
      made = make(*key);
      lock.lock();
      wake_.wait_for(lock, kRest, elsewhere);
    }
    if (elsewhere()) continue;
    lock.unlock();
    if (made.ok()) made = make(position);
    lock.lock();
    if (made.ok()) refused_.reset();
    if (!made.ok()) {
      log::debug("no thumbnail of frame {}: {}", position, made.error().message);
      refused_ = position;  // not again and again
    }
    if (wanted_ == position) wanted_.reset();
  }
}

}  // namespace tarsier::capture
