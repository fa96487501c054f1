#include "vision/run_length.hpp"

#include <algorithm>
#include <cmath>

namespace tarsier::vision {
namespace {

/// Where the frame begins and ends along an axis of the mask.
std::pair<int, int> shown(float scale, float offset, int frame_extent, int mask_extent) {
  const int begin = std::clamp(int(std::lround(offset)), 0, mask_extent);
  const int end = std::clamp(int(std::lround(offset + scale * float(frame_extent))), begin, mask_extent);
  return {begin, end};
}

}  // namespace

uint64_t RunLengths::covered() const {
  uint64_t sum = 0;
  for (size_t i = 1; i < counts.size(); i += 2) sum += counts[i];
  return sum;
}

RunLengths run_lengths(const HostMask& mask, int frame_width, int frame_height) {
  const auto [x0, x1] = shown(mask.fit.scale_x, mask.fit.offset_x, frame_width, mask.width);
  const auto [y0, y1] = shown(mask.fit.scale_y, mask.fit.offset_y, frame_height, mask.height);
  RunLengths out{x1 - x0, y1 - y0, {}};
  bool inside = false;
  uint32_t length = 0;
  for (int x = x0; x < x1; ++x) {
    const uint8_t* pixel = mask.pixels.data() + size_t(y0) * size_t(mask.width) + size_t(x);
    for (int y = y0; y < y1; ++y, pixel += mask.width) {
      if ((*pixel >= 128) != inside) {
        out.counts.push_back(length);
        inside = !inside;
        length = 0;
      }
      ++length;
    }
  }
  out.counts.push_back(length);
  return out;
}

std::string compressed(const RunLengths& mask) {
  std::string text;
  for (size_t i = 0; i < mask.counts.size(); ++i) {
    int64_t rest = mask.counts[i];
    if (i > 2) rest -= mask.counts[i - 2];
    for (bool more = true; more;) {
      const auto group = int(rest & 31);
      rest >>= 5;
      // The highest bit that is written is the sign.
      more = (group & 16) != 0 ? rest != -1 : rest != 0;
      text += char(48 + group + (more ? 32 : 0));
    }
  }
  return text;
}

}  // namespace tarsier::vision
