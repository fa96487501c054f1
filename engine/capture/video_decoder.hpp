// One video file, demultiplexed and decoded in order. It knows packets and pictures, not their numbers: those
// are VideoIndex's and the source's.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "capture/libav.hpp"
#include "core/result.hpp"

namespace tarsier::capture {

/// What a packet, or the picture that came of it, is recognised by. AV_NOPTS_VALUE and -1 where unknown.
struct Stamp {
  int64_t pts = AV_NOPTS_VALUE;
  int64_t pos = -1;  // place in the file, in bytes
  bool operator==(const Stamp&) const = default;
};

/// A packet that decoding may begin with.
struct PacketStamp : Stamp {
  int64_t dts = AV_NOPTS_VALUE;
};

struct DecodedPicture {
  Stamp stamp;
  bool key = false;
  std::shared_ptr<const AVFrame> frame;
  [[nodiscard]] size_t bytes() const;
  /// Of the planes' visible part.
  [[nodiscard]] uint64_t hash() const;
};

class VideoDecoder {
 public:
  /// `cancelled` is looked at now and then. Errors (kInput): no video that can be read, with FFmpeg's reason.
  static Result<std::unique_ptr<VideoDecoder>> open(const std::string& path,
                                                    const std::atomic<bool>& cancelled);

  /// The next picture in display order; an empty one at the end.
  Result<DecodedPicture> next();
  /// The next packet of the video alone, not decoded; null at the end.
  Result<const AVPacket*> next_packet();
  /// To the beginning, by opening the file again: exact for every container.
  Status reopen();
  /// Whether the next pictures come of this packet and those behind it. `by_position`: places in the file are
  /// known and differ, so that they name a packet.
  Result<bool> start_at(const PacketStamp& packet, bool by_position);
  /// Called with each packet that is decoded.
  void on_packet(std::function<void(const AVPacket&)> listener) { listener_ = std::move(listener); }

  [[nodiscard]] const AVFormatContext& container() const { return *container_; }
  [[nodiscard]] const AVStream& stream() const { return *stream_; }
  [[nodiscard]] const AVCodecContext& codec() const { return *codec_; }
  /// Packets that the decoder refused.
  [[nodiscard]] uint64_t failures() const { return failures_; }
  /// Clockwise, for display: 0, 90, 180 or 270.
  [[nodiscard]] int rotation() const;

 private:
  VideoDecoder(std::string path, const std::atomic<bool>& cancelled)
      : path_(std::move(path)), cancelled_(cancelled) {}
  Status open_file();
  Error cancelled() const;
  bool skip_to(const PacketStamp& packet, bool by_position);

  std::string path_;
  const std::atomic<bool>& cancelled_;
  std::function<void(const AVPacket&)> listener_;
  Libav<AVFormatContext> container_;
  Libav<AVCodecContext> codec_;
  Libav<AVPacket> packet_;
  AVStream* stream_ = nullptr;
  bool held_ = false;      // packet_ was read and not decoded yet
  bool draining_ = false;  // the file is over; the decoder still has pictures
  uint64_t failures_ = 0;
};

/// Pictures to B, G, R, A, rotated as the file says. The way is OpenCV's, so that a frame has the bytes that
/// its VideoCapture gives: libswscale, bicubic, over the coded extent (whose even height decides which of its
/// converters is taken) to BGR, and from there.
class PictureConverter {
 public:
  /// `out` is filled with width * height * 4 bytes by the caller's `allocate`.
  using Allocate = std::function<uint8_t*(int width, int height)>;
  Status convert(const DecodedPicture& picture, int coded_width, int coded_height, int rotation,
                 const Allocate& allocate);

 private:
  Libav<SwsContext> scaler_;
  Libav<AVFrame> bgr_;
};

}  // namespace tarsier::capture
