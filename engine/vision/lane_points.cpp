#include "vision/lane_points.hpp"

#include <algorithm>
#include <cmath>

namespace tarsier::vision {
namespace {

constexpr double kWidestPaint_m = 0.4;
constexpr int kBlur = 14;       // pixels of the mask by which a network makes slanted paint wider
constexpr double kHorizon = 3;  // rows of the mask below it that show nothing but noise
constexpr int kSamples = 400;
constexpr double kNearEnough = 0.5;  // of the best line's support: the nearer one is the lane's

}  // namespace

void find_lane_points(const HostMask& mask, const GroundPlane& plane, std::vector<LanePoint>& points) {
  points.clear();
  const double scale_x = mask.fit.scale_x, scale_y = mask.fit.scale_y;
  for (int y = mask.height - 1; y >= 0; --y) {
    const double row = (y + 0.5 - mask.fit.offset_y) / scale_y;
    if (row < plane.horizon_row() + kHorizon / scale_y) break;
    const auto ground = plane.at(0, row);
    if (!ground) break;
    const double widest =
        (plane.column_of(kWidestPaint_m, ground->distance_m) - plane.column_of(0, ground->distance_m)) *
            scale_x +
        kBlur;
    const uint8_t* pixels = mask.pixels.data() + size_t(y) * size_t(mask.width);
    for (int x = 0; x < mask.width;) {
      if (pixels[x] < 128) {
        ++x;
        continue;
      }
      const int begin = x;
      double sum = 0, weight = 0;
      for (; x < mask.width && pixels[x] >= 128; ++x) {
        const double sure = pixels[x] - 127;
        sum += sure * (x + 0.5);
        weight += sure;
      }
      // Cut off by the picture's edge, the middle is not the middle.
      if (x - begin > widest || begin == 0 || x == mask.width) continue;
      points.push_back({(sum / weight - mask.fit.offset_x) / scale_x, row});
    }
  }
}

std::optional<LaneLine> find_lane_line(std::span<const LanePoint> points, int side, double middle,
                                       double base, double tolerance, int least_rows) {
  if (points.size() < 2) return std::nullopt;
  std::vector<LaneLine> found;
  uint64_t random = 0x9E3779B97F4A7C15ULL;
  const auto pick = [&] {  // xorshift64
    random ^= random << 13U;
    random ^= random >> 7U;
    random ^= random << 17U;
    return points[size_t(random % points.size())];
  };
  for (int sample = 0; sample < kSamples; ++sample) {
    const LanePoint a = pick(), b = pick();
    if (std::abs(a.row - b.row) < 8 * tolerance) continue;
    LaneLine line{0, (a.x - b.x) / (a.row - b.row), base, 0};
    line.at = a.x + line.slope * (base - a.row);
    if ((line.at - middle) * side <= 0 || line.slope * side <= 0) continue;
    double last_row = -1;
    for (const LanePoint& point : points) {
      if (point.row == last_row || std::abs(line.at + line.slope * (point.row - base) - point.x) > tolerance)
        continue;
      last_row = point.row;
      ++line.rows;
    }
    if (line.rows >= least_rows) found.push_back(line);
  }
  if (found.empty()) return std::nullopt;
  const int best = std::ranges::max(found, {}, &LaneLine::rows).rows;
  // The own lane's boundary is the nearest one; of the lines through the same paint the best one.
  const LaneLine* nearest = nullptr;
  for (const LaneLine& line : found) {
    if (line.rows < kNearEnough * best) continue;
    if (nearest == nullptr || (line.at - nearest->at) * side < 0) nearest = &line;
  }
  const LaneLine* out = nearest;
  for (const LaneLine& line : found) {
    const bool same = std::abs(line.at - nearest->at) < 12 * tolerance;
    if (same && line.rows > out->rows) out = &line;
  }
  return *out;
}

}  // namespace tarsier::vision
