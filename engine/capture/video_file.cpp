// Video files: played from the front without an index, sought in with one.
#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <fstream>
#include <map>

#include "capture/frame_pool.hpp"
#include "capture/quiet.hpp"
#include "capture/sources.hpp"
#include "capture/video_index.hpp"
#include "core/log.hpp"
#include "core/text.hpp"

namespace tarsier::capture {
namespace fs = std::filesystem;
namespace {

/// Decoded pictures of one group of pictures at most, so that stepping back does not decode it anew each
/// time.
constexpr size_t kCacheBytes = size_t(256) << 20;
/// Pictures before that of the key frame that a decoder may give after a seek: those that refer to what lies
/// before it, and what was on its way through its threads.
constexpr int kLeading = 64;
/// Key frames that are tried, each earlier than the one before, until the clip is decoded from its beginning.
constexpr int kEarlier = 3;

class VideoFile final : public FrameSource {
 public:
  VideoFile(const std::string& path, bool loop) : path_(path), loop_(loop) {
    info_ = {.name = path, .kind = "video"};
  }

  /// Decodes the first frame, which proves that this is a video and gives the size.
  Status open() {
    TARSIER_TRY(decoder_, VideoDecoder::open(path_, cancelled_));
    auto* container = const_cast<AVFormatContext*>(&decoder_->container());
    auto* stream = const_cast<AVStream*>(&decoder_->stream());
    info_.fps = sane_fps(av_q2d(av_guess_frame_rate(container, stream, nullptr)));
    double frames = double(stream->nb_frames);
    if (frames <= 0) {
      double duration_s = double(container->duration) / AV_TIME_BASE;
      if (duration_s <= 0) duration_s = double(stream->duration) * av_q2d(stream->time_base);
      frames = std::floor(duration_s * info_.fps + 0.5);
    }
    info_.frames = sane_count(frames);
    clock_ = first_clock_ = ClipClock(*stream, info_.fps);
    TARSIER_TRY(primed_, decode());
    if (primed_.frame == nullptr) {
      return input_error("{}: no frame of it can be decoded ({})", path_, reason_or("no video stream"));
    }
    info_.width = primed_.frame->width;
    info_.height = primed_.frame->height;
    if (decoder_->rotation() % 180 != 0) std::swap(info_.width, info_.height);
    return {};
  }

  [[nodiscard]] const SourceInfo& info() const override { return info_; }

  Result<std::optional<Frame>> next() override {
    TARSIER_TRY(auto picture, picture_at(next_));
    if (picture.frame == nullptr) {
      report_short_read();
      if (!loop_ || next_ == 0) return std::optional<Frame>();
      base_id_ += next_;
      base_s_ = last_s_ + (info_.fps > 0 ? 1.0 / info_.fps : 0.04);
      TARSIER_CHECK(to_beginning());
      TARSIER_TRY(picture, picture_at(0));
      if (picture.frame == nullptr) return std::optional<Frame>();
    }
    Frame frame;
    frame.position = next_++;
    frame.id = base_id_ + frame.position;
    frame.captured = Clock::now();
    frame.time_s = last_s_ =
        base_s_ + (index_ ? index_->times[frame.position] : clock_.next(picture.stamp.pts));
    const Status converted =
        converter_.convert(picture, decoder_->codec().coded_width, decoder_->codec().coded_height,
                           decoder_->rotation(), [&](int width, int height) {
                             frame.width = width;
                             frame.height = height;
                             frame.bgra = pool_.take(size_t(width) * size_t(height) * 4);
                             return frame.bgra->data();
                           });
    if (!converted.ok()) return converted.error().in(path_);
    return std::optional<Frame>(std::move(frame));
  }

  [[nodiscard]] uint64_t decode_failures() const override { return failures_.load(); }

  [[nodiscard]] bool can_seek() const override { return true; }

  Result<std::optional<uint64_t>> count() override {
    TARSIER_CHECK(need_index());
    return std::optional<uint64_t>(index_->frames.size());
  }

  Status seek(uint64_t position) override {
    TARSIER_CHECK(need_index());
    if (position >= index_->frames.size()) return outside(position, index_->frames.size());
    next_ = position;
    base_id_ = 0;
    base_s_ = 0;
    caching_ = true;
    return {};
  }

  Result<uint64_t> position_at(double time_s) override {
    TARSIER_CHECK(need_index());
    const auto& times = index_->times;
    const double last_s = times.empty() ? 0 : times.back();
    const double interval_s = info_.fps > 0 ? 1 / info_.fps : 0.04;
    if (times.empty() || !(time_s >= 0) || time_s > last_s + interval_s) return outside(time_s, last_s);
    const auto after = std::upper_bound(times.begin(), times.end(), time_s + 1e-6);
    return uint64_t(std::max<ptrdiff_t>(0, after - times.begin() - 1));
  }

  Result<double> time_of(uint64_t position) override {
    TARSIER_CHECK(need_index());
    if (position >= index_->frames.size()) return outside(position, index_->frames.size());
    return index_->times[position];
  }

  Result<std::vector<uint64_t>> key_frames() override {
    TARSIER_CHECK(need_index());
    std::vector<uint64_t> frames;
    for (const auto& start : index_->starts) frames.push_back(start.frame);
    return frames;
  }

  void cancel() override { cancelled_ = true; }

 private:
  Status need_index() {
    if (index_) return {};
    TARSIER_TRY(auto index, VideoIndex::of(path_, false, cancelled_));
    const bool trusted = index.decoded || (!damaged_ && failures_ == 0);
    index_ = std::move(index);
    index_->fill_times(first_clock_);
    // What was played by now must be what the packets promised.
    if (!trusted ||
        (decoded_ > 0 && (decoded_ > index_->frames.size() || !index_->matches(latest_, decoded_ - 1)))) {
      return index_by_decoding();
    }
    return {};
  }

  Status index_by_decoding() {
    TARSIER_TRY(auto index, VideoIndex::of(path_, true, cancelled_));
    index_ = std::move(index);
    index_->fill_times(first_clock_);
    cache_.clear();
    decoded_known_ = false;
    return {};
  }

  /// The picture of this number; an empty one behind the last.
  Result<DecodedPicture> picture_at(uint64_t number) {
    if (auto primed = std::exchange(primed_, {}); primed.frame != nullptr && number == 0) {
      if (!index_ || index_->matches(primed, 0)) return primed;
    }
    if (!index_) return decode();
    for (int attempt = 0; attempt < 3; ++attempt) {
      TARSIER_TRY(auto picture, find(number));
      if (picture) return *std::move(picture);
      // The packets, or a kept index of another machine's decoder, promised something else.
      TARSIER_CHECK(index_by_decoding());
    }
    return runtime_error("{}: frame {} is another one each time; does somebody write to the file?", path_,
                         number);
  }

  /// The next picture of the decoder.
  Result<DecodedPicture> decode() {
    TARSIER_TRY(auto picture, decoder_->next());
    failures_ = decoder_->failures();
    if (picture.frame != nullptr) {
      ++decoded_;
      damaged_ = damaged_ || picture.frame->decode_error_flags != 0;
      latest_ = picture;
    }
    return picture;
  }

  /// nullopt: the index is wrong.
  Result<std::optional<DecodedPicture>> find(uint64_t number) {
    const auto found = cache_.find(number);
    if (found != cache_.end()) return std::optional(found->second);
    const bool end = number >= index_->frames.size();
    if (end && index_->decoded) return std::optional(DecodedPicture());
    const VideoIndex::Start* start = index_->start_for(number);
    if (decoded_known_ && decoded_ <= number && (end || start == nullptr || start->frame <= decoded_)) {
      TARSIER_TRY(auto picture, decode_to(number));
      if (picture || end) return picture;
    } else if (end) {
      return std::optional(DecodedPicture());
    }
    // From the key frame before it; where that does not lead there exactly, from an earlier one.
    for (int tries = 0; start != nullptr && tries < kEarlier; ++tries) {
      TARSIER_TRY(const bool begun, begin_with(*start));
      if (begun && start->frame == number) return std::optional(latest_);
      if (begun) {
        TARSIER_TRY(auto picture, decode_to(number));
        if (picture) return picture;
      }
      if (!index_->decoded) return std::optional<DecodedPicture>();
      start = start == index_->starts.data() ? nullptr : start - 1;
    }
    TARSIER_CHECK(decoder_->reopen());
    decoded_ = 0;
    decoded_known_ = true;
    return decode_to(number, true);
  }

  /// Decodes on until this number; nullopt where a picture on the way is none that the index knows.
  /// `from_beginning`: nothing is truer than what comes now, so that a damaged picture, which may look
  /// different each time, is taken as it is.
  Result<std::optional<DecodedPicture>> decode_to(uint64_t number, bool from_beginning = false) {
    const uint64_t count = index_->frames.size();
    while (true) {
      TARSIER_TRY(auto picture, decode());
      if (picture.frame == nullptr) {
        decoded_known_ = false;
        if (number >= count && decoded_ == count) return std::optional(std::move(picture));
        return std::optional<DecodedPicture>();
      }
      const uint64_t at = decoded_ - 1;
      if (from_beginning && index_->decoded && at < count && index_->has_stamp_of(picture, at) &&
          !index_->matches(picture, at)) {
        index_->frames[at].hash = 0;
      }
      if (at >= count || !index_->matches(picture, at)) {
        decoded_known_ = false;
        return std::optional<DecodedPicture>();
      }
      remember(at, picture);
      if (at == number) return std::optional(std::move(picture));
    }
  }

  /// Puts the decoder before the start's own frame; false where that does not come.
  Result<bool> begin_with(const VideoIndex::Start& start) {
    decoded_known_ = false;
    TARSIER_TRY(const bool there, decoder_->start_at(start.packet, index_->packets_by_position));
    if (!there) return false;
    for (int i = 0; i < kLeading; ++i) {
      TARSIER_TRY(auto picture, decoder_->next());
      if (picture.frame == nullptr) return false;
      if (!index_->matches(picture, start.frame)) continue;
      decoded_ = start.frame + 1;
      decoded_known_ = true;
      latest_ = picture;
      remember(start.frame, picture);
      return true;
    }
    return false;
  }

  void remember(uint64_t number, const DecodedPicture& picture) {
    if (!caching_ || !index_) return;
    const auto* group = index_->start_for(number);
    const uint64_t first = group != nullptr ? group->frame : 0;
    while (!cache_.empty() && cache_.begin()->first < first) forget(cache_.begin());
    while (!cache_.empty() && cache_.rbegin()->first > number) forget(std::prev(cache_.end()));
    if (!cache_.emplace(number, picture).second) return;
    cache_bytes_ += picture.bytes();
    while (cache_bytes_ > kCacheBytes && cache_.size() > 1) forget(cache_.begin());
  }

  void forget(std::map<uint64_t, DecodedPicture>::iterator which) {
    cache_bytes_ -= which->second.bytes();
    cache_.erase(which);
  }

  Status to_beginning() {
    next_ = 0;
    if (index_) return {};
    // Opening again instead of seeking: exact for every container, and a loop is rare.
    TARSIER_CHECK(decoder_->reopen());
    decoded_ = 0;
    clock_ = first_clock_;
    return {};
  }

  void report_short_read() {
    // Frame counts in containers are estimates; only a big gap tells of a damaged file.
    if (warned_ || info_.frames <= 0 || double(next_) >= 0.9 * double(info_.frames)) return;
    warned_ = true;
    log::warn("{}: ended after {} of {} frames; the file is damaged or incomplete", path_, next_,
              info_.frames);
  }

  const std::string path_;
  const bool loop_;
  SourceInfo info_;
  std::atomic<bool> cancelled_ = false;
  std::atomic<uint64_t> failures_ = 0;
  std::unique_ptr<VideoDecoder> decoder_;
  PictureConverter converter_;
  FramePool pool_;
  std::optional<VideoIndex> index_;  // once somebody seeks
  DecodedPicture primed_;            // the first picture, decoded by open()

  uint64_t next_ = 0;          // what next() gives
  uint64_t decoded_ = 0;       // the number of the picture that the decoder gives next,
  bool decoded_known_ = true;  // if that is known
  DecodedPicture latest_;      // the one before it
  bool caching_ = false, warned_ = false, damaged_ = false;
  std::map<uint64_t, DecodedPicture> cache_;
  size_t cache_bytes_ = 0;

  uint64_t base_id_ = 0;  // of the rounds that a looping clip has made
  double base_s_ = 0, last_s_ = 0;
  ClipClock clock_, first_clock_;  // until there is an index; as it was at the beginning
};

}  // namespace

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

SourceResult open_video_file(const std::string& path, const SourceOptions& options) {
  if (std::ifstream readable(path, std::ios::binary); !readable) {
    return input_error("{}: the file cannot be opened for reading; check its permissions", path);
  }
  if (looks_like_text(path)) {
    return input_error("{}: is a text file, not a video; give a video, an image folder or a camera", path);
  }
  auto source = std::make_unique<VideoFile>(path, options.loop);
  TARSIER_CHECK(source->open());
  return SourceResult(std::move(source));
}

}  // namespace tarsier::capture
