#include "capture/video_decoder.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>

#include "capture/quiet.hpp"
#include "capture/sources.hpp"
#include "core/file.hpp"

extern "C" {
#include <libavutil/display.h>
#include <libavutil/imgutils.h>
#include <libavutil/pixdesc.h>
}

namespace tarsier::capture {
namespace {

Stamp stamp_of(const AVPacket& packet) {
  return {packet.pts, packet.pos};
}

/// Width in bytes and height of a plane's visible part.
std::pair<int, int> plane_extent(const AVFrame& frame, int plane, int width, int height) {
  const auto format = static_cast<AVPixelFormat>(frame.format);
  const AVPixFmtDescriptor* about = av_pix_fmt_desc_get(format);
  const bool chroma = about != nullptr && (plane == 1 || plane == 2);
  return {av_image_get_linesize(format, width, plane),
          chroma ? AV_CEIL_RSHIFT(height, about->log2_chroma_h) : height};
}

int planes_of(const AVFrame& frame) {
  return std::max(0, av_pix_fmt_count_planes(static_cast<AVPixelFormat>(frame.format)));
}

/// Whether the decoder's buffers hold a picture of this extent: what lies beyond the visible part is not
/// promised.
bool holds(const AVFrame& frame, int width, int height) {
  for (int plane = 0; plane < planes_of(frame); ++plane) {
    const AVBufferRef* buffer = av_frame_get_plane_buffer(const_cast<AVFrame*>(&frame), plane);
    if (buffer == nullptr || frame.linesize[plane] <= 0) return false;
    const auto [bytes, rows] = plane_extent(frame, plane, width, height);
    const uint8_t* end = frame.data[plane] + ptrdiff_t(frame.linesize[plane]) * (rows - 1) + bytes;
    if (bytes > frame.linesize[plane] || end > buffer->data + buffer->size) return false;
  }
  return true;
}

/// What a damaged picture leaves unwritten is black or green, not what the memory held before: the same in
/// every run, and after a seek. Called by the decoder's threads.
int clear_buffer(AVCodecContext* codec, AVFrame* frame, int flags) {
  const int result = avcodec_default_get_buffer2(codec, frame, flags);
  if (result < 0) return result;
  for (const AVBufferRef* buffer : frame->buf)
    if (buffer != nullptr) std::memset(buffer->data, 0, buffer->size);
  return result;
}

}  // namespace

size_t DecodedPicture::bytes() const {
  size_t sum = 0;
  for (const AVBufferRef* buffer : frame->buf) sum += buffer != nullptr ? buffer->size : 0;
  return sum;
}

uint64_t DecodedPicture::hash() const {
  uint64_t hash = uint64_t(frame->width) << 32 | uint32_t(frame->height);
  for (int plane = 0; plane < planes_of(*frame); ++plane) {
    const auto [bytes, rows] = plane_extent(*frame, plane, frame->width, frame->height);
    for (int y = 0; y < rows; ++y) {
      const uint8_t* row = frame->data[plane] + ptrdiff_t(frame->linesize[plane]) * y;
      hash = hash64(std::as_bytes(std::span(row, size_t(bytes))), hash);
    }
  }
  if (frame->format == AV_PIX_FMT_PAL8) hash = hash64(std::as_bytes(std::span(frame->data[1], 1024)), hash);
  return hash;
}

Result<std::unique_ptr<VideoDecoder>> VideoDecoder::open(const std::string& path,
                                                         const std::atomic<bool>& cancelled) {
  std::unique_ptr<VideoDecoder> decoder(new VideoDecoder(path, cancelled));
  TARSIER_CHECK(decoder->open_file());
  return decoder;
}

Status VideoDecoder::open_file() {
  codec_.reset();
  container_.reset();
  held_ = draining_ = false;
  take_library_error();
  const auto refuse = [&](std::string_view fallback) {
    return input_error("{}: is no video that can be read ({})", path_, reason_or(fallback));
  };
  AVFormatContext* container = nullptr;
  // With the protocol, or a colon in a file's name would be taken for one.
  if (avformat_open_input(&container, ("file:" + path_).c_str(), nullptr, nullptr) < 0)
    return refuse("unknown format");
  container_.reset(container);
  if (avformat_find_stream_info(container, nullptr) < 0) return refuse("damaged");
  stream_ = nullptr;
  for (unsigned i = 0; i < container->nb_streams; ++i) {
    AVStream* stream = container->streams[i];
    const bool video = stream->codecpar->codec_type == AVMEDIA_TYPE_VIDEO;
    if (video && stream_ == nullptr) {
      stream_ = stream;
    } else {
      stream->discard = AVDISCARD_ALL;
    }
  }
  if (stream_ == nullptr) return refuse("no video stream");
  const AVCodec* codec = avcodec_find_decoder(stream_->codecpar->codec_id);
  if (codec == nullptr)
    return refuse(fmt::format("no decoder for {}", avcodec_get_name(stream_->codecpar->codec_id)));
  codec_.reset(avcodec_alloc_context3(codec));
  if (packet_ == nullptr) packet_.reset(av_packet_alloc());
  if (codec_ == nullptr || packet_ == nullptr) return runtime_error("{}: out of memory", path_);
  codec_->thread_count = std::max(1, cv::getNumberOfCPUs());
  codec_->get_buffer2 = clear_buffer;
#if LIBAVCODEC_VERSION_MAJOR < 60
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
  codec_->thread_safe_callbacks = 1;  // later versions call them so in any case
#pragma GCC diagnostic pop
#endif
  if (avcodec_parameters_to_context(codec_.get(), stream_->codecpar) < 0 ||
      avcodec_open2(codec_.get(), codec, nullptr) < 0) {
    return refuse("its decoder cannot be started");
  }
  return {};
}

Error VideoDecoder::cancelled() const {
  return runtime_error("{}: reading was given up", path_);
}

Result<const AVPacket*> VideoDecoder::next_packet() {
  while (true) {
    if (cancelled_) return cancelled();
    av_packet_unref(packet_.get());
    const int result = av_read_frame(container_.get(), packet_.get());
    if (result == AVERROR(EAGAIN)) continue;
    if (result < 0) return static_cast<const AVPacket*>(nullptr);
    if (packet_->stream_index == stream_->index) return static_cast<const AVPacket*>(packet_.get());
  }
}

Result<DecodedPicture> VideoDecoder::next() {
  Libav<AVFrame> frame(av_frame_alloc());
  if (frame == nullptr) return runtime_error("{}: out of memory", path_);
  while (true) {
    const int received = avcodec_receive_frame(codec_.get(), frame.get());
    if (received >= 0) {
      DecodedPicture picture;
      // Frames of a variable size or of a format that nobody knows in advance: each tells its own.
      picture.stamp = {frame->pts != AV_NOPTS_VALUE ? frame->pts : frame->pkt_dts, frame->pkt_pos};
      picture.key = frame->key_frame != 0;
      picture.frame = std::shared_ptr<const AVFrame>(
          frame.release(), [](const AVFrame* p) { FreeLibav()(const_cast<AVFrame*>(p)); });
      return picture;
    }
    if (received == AVERROR_EOF || draining_) return DecodedPicture();
    // What cannot be decoded is left out; the rest of the clip may be whole.
    if (received != AVERROR(EAGAIN)) ++failures_;
    if (!std::exchange(held_, false)) {
      TARSIER_TRY(const AVPacket* packet, next_packet());
      draining_ = packet == nullptr;
    }
    if (!draining_ && listener_) listener_(*packet_);
    const int sent = avcodec_send_packet(codec_.get(), draining_ ? nullptr : packet_.get());
    if (sent == AVERROR(EAGAIN)) {
      held_ = !draining_;
    } else if (sent < 0 && sent != AVERROR_EOF) {
      ++failures_;
    }
  }
}

Status VideoDecoder::reopen() {
  const Status opened = open_file();
  if (opened.ok()) return {};
  return runtime_error("{}: cannot be opened again; was it moved or deleted?", path_);
}

/// Reads on to this packet; false where it was passed or does not come.
bool VideoDecoder::skip_to(const PacketStamp& packet, bool by_position) {
  while (true) {
    const auto read = next_packet();
    if (!read.ok() || *read == nullptr) return false;
    const AVPacket& at = **read;
    if (by_position ? at.pos == packet.pos : stamp_of(at) == packet && at.dts == packet.dts) {
      held_ = true;
      return true;
    }
    const bool times = at.dts != AV_NOPTS_VALUE && packet.dts != AV_NOPTS_VALUE;
    const bool later = times && at.dts > packet.dts;
    if (by_position ? at.pos > packet.pos && (later || !times) : later) return false;
  }
}

Result<bool> VideoDecoder::start_at(const PacketStamp& packet, bool by_position) {
  const auto restart = [&] {
    avcodec_flush_buffers(codec_.get());
    held_ = draining_ = false;
  };
  int64_t time = packet.dts;
  if (time == AV_NOPTS_VALUE || (packet.pts != AV_NOPTS_VALUE && packet.pts < time)) time = packet.pts;
  const int flags = container_->iformat->flags;
  // Without timestamps the demuxer would guess from the bit rate.
  if (time != AV_NOPTS_VALUE && (flags & AVFMT_NOTIMESTAMPS) == 0 &&
      av_seek_frame(container_.get(), stream_->index, time, AVSEEK_FLAG_BACKWARD) >= 0) {
    restart();
    if (skip_to(packet, by_position)) return true;
    if (cancelled_) return cancelled();
  }
  if (by_position && (flags & AVFMT_NO_BYTE_SEEK) == 0 &&
      av_seek_frame(container_.get(), stream_->index, packet.pos, AVSEEK_FLAG_BYTE) >= 0) {
    restart();
    if (skip_to(packet, by_position)) return true;
    if (cancelled_) return cancelled();
  }
  TARSIER_CHECK(reopen());  // a container without an index: reads from the front, without decoding
  if (skip_to(packet, by_position)) return true;
  if (cancelled_) return cancelled();
  return false;
}

int VideoDecoder::rotation() const {
  const uint8_t* matrix = av_stream_get_side_data(stream_, AV_PKT_DATA_DISPLAYMATRIX, nullptr);
  if (matrix == nullptr) return 0;
  const double angle = -av_display_rotation_get(reinterpret_cast<const int32_t*>(matrix));
  if (!std::isfinite(angle)) return 0;
  const int turned = (cvRound(angle) % 360 + 360) % 360;
  return turned % 90 == 0 ? turned : 0;
}

Status PictureConverter::convert(const DecodedPicture& picture, int coded_width, int coded_height,
                                 int rotation, const Allocate& allocate) {
  const AVFrame& frame = *picture.frame;
  if (frame.width <= 0 || frame.height <= 0) return runtime_error("a picture without extent");
  int width = std::max(coded_width, frame.width), height = std::max(coded_height, frame.height);
  if (!holds(frame, width, height)) std::tie(width, height) = std::pair(frame.width, frame.height);
  scaler_.reset(sws_getCachedContext(scaler_.release(), width, height,
                                     static_cast<AVPixelFormat>(frame.format), width, height,
                                     AV_PIX_FMT_BGR24, SWS_BICUBIC, nullptr, nullptr, nullptr));
  if (scaler_ == nullptr) {
    const char* name = av_get_pix_fmt_name(static_cast<AVPixelFormat>(frame.format));
    return runtime_error("pictures of format {} cannot be converted", name != nullptr ? name : "unknown");
  }
  if (bgr_ == nullptr || bgr_->width != width || bgr_->height != height) {
    bgr_.reset(av_frame_alloc());
    if (bgr_ != nullptr) {
      bgr_->format = AV_PIX_FMT_BGR24;
      bgr_->width = width;
      bgr_->height = height;
    }
    if (bgr_ == nullptr || av_frame_get_buffer(bgr_.get(), 32) < 0) return runtime_error("out of memory");
  }
  sws_scale(scaler_.get(), frame.data, frame.linesize, 0, height, bgr_->data, bgr_->linesize);

  const cv::Mat bgr(frame.height, frame.width, CV_8UC3, bgr_->data[0], size_t(bgr_->linesize[0]));
  const bool lies = rotation % 180 != 0;
  const int out_width = lies ? frame.height : frame.width, out_height = lies ? frame.width : frame.height;
  cv::Mat out(out_height, out_width, CV_8UC4, allocate(out_width, out_height));
  if (rotation == 0) {
    cv::cvtColor(bgr, out, cv::COLOR_BGR2BGRA);
    return {};
  }
  cv::Mat turned;
  cv::rotate(bgr, turned,
             rotation == 90    ? cv::ROTATE_90_CLOCKWISE
             : rotation == 180 ? cv::ROTATE_180
                               : cv::ROTATE_90_COUNTERCLOCKWISE);
  cv::cvtColor(turned, out, cv::COLOR_BGR2BGRA);
  return {};
}

}  // namespace tarsier::capture
