// Video files through FFmpeg's libraries. OpenCV's own writer cannot say that the disk is full, and its H.264
// runs at a preset that costs eight times what a live annotated recording can spend.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <mutex>

#include "core/text.hpp"
#include "record/video_writer.hpp"

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/log.h>
#include <libavutil/opt.h>
#include <libswscale/swscale.h>
}

namespace tarsier::record {
namespace fs = std::filesystem;
namespace {

/// Of timestamps. MPEG-4 part 2 has no finer ones; 24, 25, 30 and 60 frames/s are whole numbers of it, and
/// so are 29.97 and 59.94.
constexpr AVRational kTick{1, 60000};
/// A pause longer than this, as of a camera that is switched off for the night, is shortened to it.
constexpr double kLongestPause_s = 600;

std::string reason_of(int code) {
  char text[AV_ERROR_MAX_STRING_SIZE] = {};
  av_strerror(code, text, sizeof text);
  return text;
}

struct FreeContext {
  void operator()(AVCodecContext* p) const { avcodec_free_context(&p); }
  void operator()(AVFrame* p) const { av_frame_free(&p); }
  void operator()(AVPacket* p) const { av_packet_free(&p); }
  void operator()(SwsContext* p) const { sws_freeContext(p); }
};
template <class T>
using Owned = std::unique_ptr<T, FreeContext>;

class VideoEncoder final : public PictureEncoder {
 public:
  VideoEncoder(fs::path path, const VideoOptions& options) : path_(std::move(path)), options_(options) {
    if (!(options_.fps > 0 && options_.fps <= 1000)) options_.fps = 25;
    // Hidden and with the right extension: file managers do not show it, FFmpeg still knows the container.
    partial_ = path_.parent_path() / ("." + path_.stem().string() + ".partial" + path_.extension().string());
  }

  ~VideoEncoder() override {
    if (container_ != nullptr) {
      avio_closep(&container_->pb);
      avformat_free_context(container_);
    }
    std::error_code code;
    if (partial_.empty()) return;
    if (options_.lossless && frames_ > 0) {
      fs::rename(partial_, path_, code);
    } else {
      fs::remove(partial_, code);
    }
  }
  VideoEncoder(const VideoEncoder&) = delete;
  VideoEncoder& operator=(const VideoEncoder&) = delete;

  Status open() {
    std::error_code code;
    if (path_.has_parent_path()) fs::create_directories(path_.parent_path(), code);
    if (code) {
      return input_error("{}: its folder cannot be made: {}; choose another place", path_.string(),
                         code.message());
    }
    int result = avformat_alloc_output_context2(&container_, nullptr, nullptr, partial_.c_str());
    if (result < 0)
      return input_error("{}: FFmpeg has no such container ({})", path_.string(), reason_of(result));
    // MPEG-4 part 2 for AVI: that container has no room for the frame order of H.264.
    avi_ = to_lower(path_.extension().string()) == ".avi";
    if (options_.lossless) {
      encoder_ = avcodec_find_encoder(AV_CODEC_ID_FFV1);
      if (encoder_ == nullptr) return runtime_error("{}: FFmpeg has no FFV1 to encode with", path_.string());
    } else {
      encoder_ = avi_ ? nullptr : avcodec_find_encoder_by_name("libx264");
      if (encoder_ == nullptr) encoder_ = avcodec_find_encoder(AV_CODEC_ID_MPEG4);
    }
    if (encoder_ == nullptr) {
      return runtime_error(
          "{}: FFmpeg has neither libx264 nor mpeg4 to encode with; write images instead (%05d.jpg)",
          path_.string());
    }
    result = avio_open(&container_->pb, partial_.c_str(), AVIO_FLAG_WRITE);
    if (result < 0) {
      return input_error("{}: cannot be written: {}; choose another place", path_.string(),
                         reason_of(result));
    }
    return {};
  }

  Status encode(const Picture& picture) override {
    if (!codec_) TARSIER_CHECK(start(picture));
    if (const int result = av_frame_make_writable(frame_.get()); result < 0) return fail(result);
    options_.lossless ? copy(picture) : convert(picture);
    frame_->pts = timestamp(picture.time_s);
    ++frames_;
    if (const int result = avcodec_send_frame(codec_.get(), frame_.get()); result < 0) return fail(result);
    return drain();
  }

  Status finish() override {
    if (!codec_) {
      return runtime_error("{}: no frame was recorded, so no video was written", path_.string());
    }
    if (const int result = avcodec_send_frame(codec_.get(), nullptr); result < 0) return fail(result);
    TARSIER_CHECK(drain());
    if (const int result = av_write_trailer(container_); result < 0) return fail(result);
    avio_flush(container_->pb);
    if (container_->pb->error < 0) return fail(container_->pb->error);
    if (const int result = avio_closep(&container_->pb); result < 0) return fail(result);
    std::error_code code;
    fs::rename(partial_, path_, code);
    if (code) return runtime_error("{}: cannot be put in place: {}", path_.string(), code.message());
    partial_.clear();
    return {};
  }

  [[nodiscard]] std::string codec() const override { return avcodec_get_name(encoder_->id); }

 private:
  [[nodiscard]] Error fail(int code) const {
    return runtime_error("{}: cannot be written after {} frames: {}; free space or choose another place",
                         path_.string(), frames_, reason_of(code));
  }

  Status start(const Picture& first) {
    Owned<AVCodecContext> codec(avcodec_alloc_context3(encoder_));
    const bool lossless = options_.lossless;
    codec->width = lossless ? first.width : std::max(2, first.width & ~1);
    codec->height = lossless ? first.height : std::max(2, first.height & ~1);
    codec->pix_fmt = lossless ? AV_PIX_FMT_BGR0 : AV_PIX_FMT_YUV420P;
    codec->framerate = av_d2q(options_.fps, 100000);
    // AVI has frames of one length: its muxer repeats the last one where a number is left out.
    codec->time_base = avi_ ? av_inv_q(codec->framerate) : kTick;
    codec->thread_count = std::max(1, options_.threads);
    if (!lossless) {
      // swscale's default conversion; said in the file so that players invert the same one.
      codec->colorspace = AVCOL_SPC_SMPTE170M;
      codec->color_primaries = AVCOL_PRI_BT709;
      codec->color_trc = AVCOL_TRC_BT709;
      codec->color_range = AVCOL_RANGE_MPEG;
    }
    if (encoder_->id == AV_CODEC_ID_H264) {
      av_opt_set(codec->priv_data, "preset", "superfast", 0);
      av_opt_set_int(codec->priv_data, "crf", options_.quality, 0);
      codec->gop_size = std::max(1, int(options_.fps * 2));  // seeking within two seconds
    } else if (lossless) {
      codec->level = 3;  // slices, each with a checksum
      codec->gop_size = 1;
      av_opt_set_int(codec->priv_data, "slicecrc", 1, 0);
    } else {
      codec->flags |= AV_CODEC_FLAG_QSCALE;
      codec->global_quality = FF_QP2LAMBDA * 4;
    }
    if ((container_->oformat->flags & AVFMT_GLOBALHEADER) != 0) codec->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    if (const int result = avcodec_open2(codec.get(), encoder_, nullptr); result < 0) {
      return runtime_error("{}: {} cannot encode {}x{}: {}", path_.string(), encoder_->name, codec->width,
                           codec->height, reason_of(result));
    }
    stream_ = avformat_new_stream(container_, nullptr);
    stream_->time_base = codec->time_base;
    stream_->avg_frame_rate = codec->framerate;
    if (const int result = avcodec_parameters_from_context(stream_->codecpar, codec.get()); result < 0) {
      return fail(result);
    }
    if (!options_.comment.empty()) av_dict_set(&container_->metadata, "comment", options_.comment.c_str(), 0);
    AVDictionary* muxer = nullptr;
    av_dict_set(&muxer, "movflags", "+faststart", 0);  // a browser plays it while it loads
    const int result = avformat_write_header(container_, &muxer);
    av_dict_free(&muxer);
    if (result < 0) return fail(result);

    frame_.reset(av_frame_alloc());
    frame_->format = codec->pix_fmt;
    frame_->width = codec->width;
    frame_->height = codec->height;
    if (const int code = av_frame_get_buffer(frame_.get(), 0); code < 0) return fail(code);
    packet_.reset(av_packet_alloc());
    codec_ = std::move(codec);
    return {};
  }

  [[nodiscard]] int64_t frame_ticks() const {
    return std::max<int64_t>(1, std::llround(1 / (options_.fps * av_q2d(codec_->time_base))));
  }

  /// Of a picture of that time, in the codec's time base: later than the one before.
  int64_t timestamp(double time_s) {
    const double tick = av_q2d(codec_->time_base);
    const bool goes_back = frames_ > 0 && !(time_s >= time_s_);
    const double passed = std::min(time_s - time_s_, kLongestPause_s);
    if (frames_ == 0 || goes_back || time_s - time_s_ > kLongestPause_s) {
      origin_s_ = time_s;
      origin_ = frames_ == 0 ? 0 : pts_ + (goes_back ? frame_ticks() : std::llround(passed / tick));
      pts_ = origin_;
    } else {
      pts_ = std::max<int64_t>(pts_ + 1, origin_ + std::llround((time_s - origin_s_) / tick));
    }
    time_s_ = time_s;
    return pts_;
  }

  void copy(const Picture& picture) {
    const size_t row = size_t(picture.width) * 4;
    for (int y = 0; y < picture.height; ++y)
      std::memcpy(frame_->data[0] + y * frame_->linesize[0], picture.bgra->data() + size_t(y) * row, row);
  }

  void convert(const Picture& picture) {
    const int width = frame_->width, height = frame_->height;
    int x = 0, y = 0, out_width = width, out_height = height;
    // The first picture's odd row or column is cut, not squeezed into its neighbours.
    int in_width = picture.width, in_height = picture.height;
    if ((picture.width & ~1) == width && (picture.height & ~1) == height) {
      in_width = width;
      in_height = height;
    } else {
      const double scale = std::min(double(width) / picture.width, double(height) / picture.height);
      out_width = std::clamp(int(picture.width * scale) & ~1, 2, width);
      out_height = std::clamp(int(picture.height * scale) & ~1, 2, height);
      x = ((width - out_width) / 2) & ~1;
      y = ((height - out_height) / 2) & ~1;
      for (int row = 0; row < height; ++row)
        std::fill_n(frame_->data[0] + row * frame_->linesize[0], width, 16);
      for (int plane = 1; plane < 3; ++plane) {
        for (int row = 0; row < height / 2; ++row) {
          std::fill_n(frame_->data[plane] + row * frame_->linesize[plane], width / 2, 128);
        }
      }
    }
    scaler_.reset(sws_getCachedContext(scaler_.release(), in_width, in_height, AV_PIX_FMT_BGR0, out_width,
                                       out_height, AV_PIX_FMT_YUV420P, SWS_BILINEAR, nullptr, nullptr,
                                       nullptr));
    const uint8_t* const source[4] = {picture.bgra->data()};
    const int source_stride[4] = {picture.width * 4};
    uint8_t* const planes[4] = {frame_->data[0] + y * frame_->linesize[0] + x,
                                frame_->data[1] + y / 2 * frame_->linesize[1] + x / 2,
                                frame_->data[2] + y / 2 * frame_->linesize[2] + x / 2};
    sws_scale(scaler_.get(), source, source_stride, 0, in_height, planes, frame_->linesize);
  }

  /// Writes what the codec has ready.
  Status drain() {
    while (true) {
      const int result = avcodec_receive_packet(codec_.get(), packet_.get());
      if (result == AVERROR(EAGAIN) || result == AVERROR_EOF) return {};
      if (result < 0) return fail(result);
      packet_->duration = frame_ticks();
      av_packet_rescale_ts(packet_.get(), codec_->time_base, stream_->time_base);
      packet_->stream_index = stream_->index;
      if (const int code = av_interleaved_write_frame(container_, packet_.get()); code < 0) return fail(code);
      // The muxer buffers: a failed write shows here, not in its return value.
      if (container_->pb->error < 0) return fail(container_->pb->error);
    }
  }

  fs::path path_, partial_;
  VideoOptions options_;
  const AVCodec* encoder_ = nullptr;
  AVFormatContext* container_ = nullptr;
  AVStream* stream_ = nullptr;
  Owned<AVCodecContext> codec_;
  Owned<AVFrame> frame_;
  Owned<AVPacket> packet_;
  Owned<SwsContext> scaler_;
  bool avi_ = false;
  int64_t frames_ = 0;
  // Timestamps count from the first picture, or from the latest one where the source's time jumped.
  double origin_s_ = 0, time_s_ = 0;
  int64_t origin_ = 0, pts_ = 0;
};

}  // namespace

Result<std::unique_ptr<PictureEncoder>> make_video_encoder(const fs::path& path,
                                                           const VideoOptions& options) {
  static std::once_flag once;
  // Its messages would tear the progress bar; errors come back as codes. Capture's handler, where there is
  // one, drops them anyhow.
  std::call_once(once, [] { av_log_set_level(AV_LOG_QUIET); });
  auto encoder = std::make_unique<VideoEncoder>(path, options);
  TARSIER_CHECK(encoder->open());
  return Result<std::unique_ptr<PictureEncoder>>(std::move(encoder));
}

}  // namespace tarsier::record
