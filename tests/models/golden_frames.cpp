#include "models/golden_frames.hpp"

#include <algorithm>
#include <cstring>
#include <memory>

#include "capture/frame_source.hpp"
#include "core/file.hpp"

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
}

namespace tarsier::test {
namespace {

struct Free {
  void operator()(AVFormatContext* p) const { avformat_close_input(&p); }
  void operator()(AVCodecContext* p) const { avcodec_free_context(&p); }
  void operator()(AVFrame* p) const { av_frame_free(&p); }
  void operator()(AVPacket* p) const { av_packet_free(&p); }
};
template <class T>
using Owned = std::unique_ptr<T, Free>;

uint32_t byte_of(int value) {
  return uint32_t(std::clamp(value, 0, 255));
}

Result<GoldenFrame> to_bgra(const AVFrame& frame) {
  if (frame.format != AV_PIX_FMT_YUV420P && frame.format != AV_PIX_FMT_YUVJ420P) {
    return runtime_error("pixel format {} is not planar 4:2:0", frame.format);
  }
  const bool full = frame.format == AV_PIX_FMT_YUVJ420P || frame.color_range == AVCOL_RANGE_JPEG;
  GoldenFrame out{frame.width, frame.height, {}};
  out.pixels.reserve(size_t(frame.width) * size_t(frame.height));
  for (int y = 0; y < frame.height; ++y) {
    for (int x = 0; x < frame.width; ++x) {
      const int luma = frame.data[0][y * frame.linesize[0] + x];
      const int d = frame.data[1][y / 2 * frame.linesize[1] + x / 2] - 128;
      const int e = frame.data[2][y / 2 * frame.linesize[2] + x / 2] - 128;
      int r = 0, g = 0, b = 0;
      if (full) {
        r = luma + ((359 * e + 128) >> 8);
        g = luma - ((88 * d + 183 * e + 128) >> 8);
        b = luma + ((454 * d + 128) >> 8);
      } else {
        const int c = 298 * (luma - 16);
        r = (c + 409 * e + 128) >> 8;
        g = (c - 100 * d - 208 * e + 128) >> 8;
        b = (c + 516 * d + 128) >> 8;
      }
      out.pixels.push_back(byte_of(b) | byte_of(g) << 8 | byte_of(r) << 16 | 0xFF000000U);
    }
  }
  return out;
}

}  // namespace

GoldenFrame GoldenFrame::crop(int x, int y, int size) const {
  GoldenFrame out{size, size, {}};
  for (int row = y; row < y + size; ++row) {
    const auto begin = pixels.begin() + std::ptrdiff_t(row) * width + x;
    out.pixels.insert(out.pixels.end(), begin, begin + size);
  }
  return out;
}

Result<std::map<int, GoldenFrame>> decode_frames(const std::filesystem::path& clip,
                                                 const std::set<int>& wanted) {
  AVFormatContext* raw = nullptr;
  if (avformat_open_input(&raw, clip.c_str(), nullptr, nullptr) < 0) {
    return input_error("{}: cannot be opened", clip.string());
  }
  const Owned<AVFormatContext> container(raw);
  if (avformat_find_stream_info(raw, nullptr) < 0) return input_error("{}: no streams", clip.string());
  const int stream = av_find_best_stream(raw, AVMEDIA_TYPE_VIDEO, -1, -1, nullptr, 0);
  if (stream < 0) return input_error("{}: no video", clip.string());
  const AVCodecParameters* parameters = raw->streams[stream]->codecpar;
  const AVCodec* decoder = avcodec_find_decoder(parameters->codec_id);
  const Owned<AVCodecContext> codec(avcodec_alloc_context3(decoder));
  if (decoder == nullptr || avcodec_parameters_to_context(codec.get(), parameters) < 0 ||
      avcodec_open2(codec.get(), decoder, nullptr) < 0) {
    return input_error("{}: no decoder", clip.string());
  }
  const Owned<AVPacket> packet(av_packet_alloc());
  const Owned<AVFrame> frame(av_frame_alloc());
  std::map<int, GoldenFrame> found;
  int index = 0;
  for (bool reading = true; found.size() < wanted.size();) {
    if (reading) {
      reading = av_read_frame(raw, packet.get()) >= 0;
      if (!reading) {
        avcodec_send_packet(codec.get(), nullptr);
      } else {
        if (packet->stream_index == stream) avcodec_send_packet(codec.get(), packet.get());
        av_packet_unref(packet.get());
      }
    }
    bool any = false;
    while (avcodec_receive_frame(codec.get(), frame.get()) >= 0) {
      any = true;
      if (wanted.contains(index)) {
        TARSIER_TRY(found[index], to_bgra(*frame));
      }
      ++index;
    }
    if (!reading && !any) return input_error("{}: ended after {} frames", clip.string(), index);
  }
  return found;
}

Result<GoldenFrame> read_image(const std::filesystem::path& path) {
  TARSIER_TRY(const auto source, capture::open_source(path.string()));
  TARSIER_TRY(const auto frame, source->next());
  if (!frame) return input_error("{}: no picture", path.string());
  GoldenFrame out{frame->width, frame->height, {}};
  out.pixels.resize(frame->bgra->size() / 4);
  std::memcpy(out.pixels.data(), frame->bgra->data(), frame->bgra->size());
  return out;
}

vision::PreprocessDesc preprocess_desc(const models::InputSpec& input) {
  vision::PreprocessDesc desc;
  desc.fit = input.fit == models::Fit::kStretch            ? vision::FitMode::kStretch
             : input.fit == models::Fit::kLetterboxTopLeft ? vision::FitMode::kLetterboxTopLeft
                                                           : vision::FitMode::kLetterboxCentre;
  desc.order = input.bgr ? vision::ColourOrder::kBgr : vision::ColourOrder::kRgb;
  desc.mean = input.mean;
  for (size_t c = 0; c < 3; ++c) desc.scale[c] = 1.0F / input.std[c];
  desc.pad = input.pad;
  return desc;
}

GoldenInput prepare(const GoldenFrame& frame, const models::InputSpec& input) {
  auto desc = preprocess_desc(input);
  desc.mean = {0, 0, 0};  // whole numbers first, so that their bytes can be hashed
  desc.scale = {1, 1, 1};
  const auto fitted = vision::preprocess_reference(desc, frame.pixels, frame.width, frame.height, input.width,
                                                   input.height, /*channels_last=*/true);
  std::vector<std::byte> bytes(fitted.size());
  std::transform(fitted.begin(), fitted.end(), bytes.begin(), [](float v) { return std::byte(uint8_t(v)); });
  GoldenInput out{sha256_hex(bytes), std::vector<float>(fitted.size())};
  const size_t pixels = fitted.size() / 3;
  for (size_t p = 0; p < pixels; ++p) {
    for (size_t c = 0; c < 3; ++c) {
      out.values[input.nhwc ? p * 3 + c : c * pixels + p] =
          (fitted[p * 3 + c] - input.mean[c]) / input.std[c];
    }
  }
  return out;
}

}  // namespace tarsier::test
