// Image folders, globs and single images as a recording of 25 frames/s.
#include <algorithm>
#include <array>
#include <atomic>
#include <cctype>
#include <cmath>
#include <numeric>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include "capture/frame_pool.hpp"
#include "capture/sources.hpp"
#include "core/file.hpp"
#include "core/log.hpp"
#include "core/text.hpp"

namespace tarsier::capture {
namespace fs = std::filesystem;
namespace {

constexpr double kImagesPerSecond = 25.0;

class ImageSource final : public FrameSource {
 public:
  ImageSource(const std::string& spec, std::vector<fs::path> files, bool loop)
      : files_(std::move(files)), loop_(loop) {
    info_.name = spec;
    info_.kind = "images";
    info_.fps = kImagesPerSecond;
    info_.frames = int64_t(files_.size());
  }

  /// Reads the first image that can be read; false where there is none.
  bool prime() {
    primed_ = read();
    info_.width = picture_.cols;
    info_.height = picture_.rows;
    return primed_;
  }

  [[nodiscard]] const SourceInfo& info() const override { return info_; }

  Result<std::optional<Frame>> next() override {
    if (!primed_ && !read()) {
      if (!loop_) return std::optional<Frame>();
      at_ = 0;
      base_id_ += files_.size();
      if (!read()) return std::optional<Frame>();
    }
    primed_ = false;
    Frame frame;
    frame.position = at_ - 1;  // an image that cannot be read leaves a gap
    frame.id = base_id_ + frame.position;
    frame.captured = Clock::now();
    frame.time_s = double(frame.id) / kImagesPerSecond;
    frame.width = picture_.cols;
    frame.height = picture_.rows;
    frame.bgra = pool_.take(size_t(frame.width) * size_t(frame.height) * 4);
    cv::Mat out(frame.height, frame.width, CV_8UC4, frame.bgra->data());
    cv::cvtColor(picture_, out, cv::COLOR_BGR2BGRA);
    return std::optional<Frame>(std::move(frame));
  }

  [[nodiscard]] uint64_t decode_failures() const override { return failures_.load(); }

  [[nodiscard]] bool can_seek() const override { return true; }
  Result<std::optional<uint64_t>> count() override { return std::optional<uint64_t>(files_.size()); }
  Status seek(uint64_t position) override {
    if (position >= files_.size()) return outside(position, files_.size());
    at_ = position;
    base_id_ = 0;
    primed_ = false;
    return {};
  }
  Result<uint64_t> position_at(double time_s) override {
    const double position = std::floor(time_s * kImagesPerSecond + 1e-6);
    if (!(position >= 0 && position < double(files_.size())))
      return outside(time_s, double(files_.size() - 1) / kImagesPerSecond);
    return uint64_t(position);
  }
  Result<double> time_of(uint64_t position) override {
    if (position >= files_.size()) return outside(position, files_.size());
    return double(position) / kImagesPerSecond;
  }
  Result<std::vector<uint64_t>> key_frames() override {
    std::vector<uint64_t> all(files_.size());
    std::iota(all.begin(), all.end(), 0);
    return all;
  }

 private:
  /// The next image that can be decoded, into picture_.
  bool read() {
    while (at_ < files_.size()) {
      const fs::path& file = files_[at_++];
      std::string reason = "not an image or damaged";
      try {
        picture_ = cv::imread(file.string(), cv::IMREAD_COLOR);
      } catch (const cv::Exception& e) {
        picture_.release();
        reason = e.err;
      }
      if (!picture_.empty()) return true;
      failures_.fetch_add(1);
      if (!std::exchange(warned_, true)) {
        log::warn("{}: cannot be read ({}); skipped, as are any others like it", file.string(), reason);
      }
    }
    return false;
  }

  std::vector<fs::path> files_;
  bool loop_;
  SourceInfo info_;
  cv::Mat picture_;
  FramePool pool_;
  bool primed_ = false, warned_ = false;
  size_t at_ = 0;
  uint64_t base_id_ = 0;  // of the rounds that a looping folder has made
  std::atomic<uint64_t> failures_ = 0;
};

bool is_digit(char c) {
  return std::isdigit(static_cast<unsigned char>(c)) != 0;
}

}  // namespace

bool is_image_file(const fs::path& path) {
  static constexpr std::array<std::string_view, 9> kExtensions = {".png",  ".jpg",  ".jpeg", ".bmp", ".tif",
                                                                  ".tiff", ".webp", ".ppm",  ".pgm"};
  const std::string extension = to_lower(path.extension().string());
  return std::find(kExtensions.begin(), kExtensions.end(), extension) != kExtensions.end();
}

bool natural_less(const std::string& a, const std::string& b) {
  size_t i = 0, j = 0;
  while (i < a.size() && j < b.size()) {
    if (is_digit(a[i]) && is_digit(b[j])) {
      while (i < a.size() && a[i] == '0') ++i;
      while (j < b.size() && b[j] == '0') ++j;
      size_t end_a = i, end_b = j;
      while (end_a < a.size() && is_digit(a[end_a])) ++end_a;
      while (end_b < b.size() && is_digit(b[end_b])) ++end_b;
      if (end_a - i != end_b - j) return end_a - i < end_b - j;
      if (const int order = a.compare(i, end_a - i, b, j, end_b - j); order != 0) return order < 0;
      i = end_a;
      j = end_b;
    } else {
      if (a[i] != b[j]) return a[i] < b[j];
      ++i;
      ++j;
    }
  }
  if (a.size() - i != b.size() - j) return a.size() - i < b.size() - j;
  return a < b;  // equal but for leading zeros: any strict order will do
}

SourceResult open_images(const std::string& spec, std::vector<fs::path> files, const SourceOptions& options) {
  const size_t count = files.size();
  auto source = std::make_unique<ImageSource>(spec, std::move(files), options.loop);
  if (!source->prime()) {
    return input_error("{}: {} can be read as an image", spec,
                       count == 1 ? std::string("it does not hold a picture that")
                                  : fmt::format("none of its {} files", count));
  }
  return SourceResult(std::move(source));
}

}  // namespace tarsier::capture
