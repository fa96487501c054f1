// A moving test picture: needs no file, and frame N is the same bytes on every machine.
#include <algorithm>
#include <charconv>
#include <cmath>

#include "capture/frame_pool.hpp"
#include "capture/sources.hpp"

namespace tarsier::capture {
namespace {

/// Triangle wave: where a ball that bounces between 0 and `range` is after `step` pixels.
int bounce(uint64_t step, int range) {
  if (range <= 0) return 0;
  const auto period = uint64_t(range) * 2;
  const auto phase = int(step % period);
  return phase <= range ? phase : int(period) - phase;
}

class SyntheticSource final : public FrameSource {
 public:
  SyntheticSource(const std::string& spec, int width, int height, double fps) {
    info_ = {.name = spec, .kind = "synthetic", .width = width, .height = height, .fps = fps};
  }

  [[nodiscard]] const SourceInfo& info() const override { return info_; }

  Result<std::optional<Frame>> next() override {
    Frame frame;
    frame.id = frame.position = next_id_++;
    frame.time_s = double(frame.id) / info_.fps;
    frame.width = info_.width;
    frame.height = info_.height;
    frame.bgra = pool_.take(size_t(info_.width) * size_t(info_.height) * 4);
    paint(frame.id, frame.bgra->data());
    frame.captured = Clock::now();
    return std::optional<Frame>(std::move(frame));
  }

  [[nodiscard]] bool can_seek() const override { return true; }
  Result<std::optional<uint64_t>> count() override { return std::optional<uint64_t>(); }
  Status seek(uint64_t position) override {
    next_id_ = position;
    return {};
  }
  Result<uint64_t> position_at(double time_s) override {
    if (!(time_s >= 0 && time_s < 1e9))
      return input_error("{}: has no frame at {:.3f} s; give a time from 0 on", info_.name, time_s);
    return uint64_t(std::floor(time_s * info_.fps + 1e-6));
  }
  Result<double> time_of(uint64_t position) override { return double(position) / info_.fps; }
  /// Endless: any frame is as near as another.
  Result<std::vector<uint64_t>> key_frames() override { return std::vector<uint64_t>(); }

 private:
  /// A scrolling gradient with a bright box that bounces off the borders, in integers only.
  void paint(uint64_t id, uint8_t* out) const {
    const int width = info_.width, height = info_.height;
    const int box = std::max(1, std::min(width, height) / 5);
    const int box_x = bounce(id * 7, width - box), box_y = bounce(id * 5, height - box);
    const auto scroll = int(id * 2 % 256);
    for (int y = 0; y < height; ++y) {
      for (int x = 0; x < width; ++x, out += 4) {
        const bool inside = x >= box_x && x < box_x + box && y >= box_y && y < box_y + box;
        out[0] = inside ? 40 : uint8_t((x + scroll) & 255);
        out[1] = inside ? 220 : uint8_t((y + 2 * scroll) & 255);
        out[2] = inside ? 255 : uint8_t(((x ^ y) >> 1) & 255);
        out[3] = 255;
      }
    }
  }

  SourceInfo info_;
  FramePool pool_;
  uint64_t next_id_ = 0;
};

}  // namespace

SourceResult open_synthetic(const std::string& spec) {
  int width = 1280, height = 720;
  double fps = 30;
  if (const auto colon = spec.find(':'); colon != std::string::npos) {
    const auto bad = [&] {
      return input_error(
          "{}: expected synthetic[:WxH[@FPS]] with 16..8192 pixels and 1..1000 frames/s, e.g. "
          "synthetic:1280x720@30",
          spec);
    };
    const char* at = spec.data() + colon + 1;
    const char* const end = spec.data() + spec.size();
    const auto number = [&](auto& value) {
      const auto [next, code] = std::from_chars(at, end, value);
      at = next;
      return code == std::errc();
    };
    if (!number(width) || at == end || *at++ != 'x' || !number(height)) return bad();
    if (at != end && (*at++ != '@' || !number(fps))) return bad();
    if (at != end || width < 16 || width > 8192 || height < 16 || height > 8192) return bad();
    if (!(fps >= 1 && fps <= 1000)) return bad();
  }
  return SourceResult(std::make_unique<SyntheticSource>(spec, width, height, fps));
}

}  // namespace tarsier::capture
