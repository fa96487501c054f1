#include "present/polyline.hpp"

#include <algorithm>
#include <cmath>

namespace tarsier::present {
namespace {

struct Direction {
  float x, y;
};

Direction direction(const TrailPoint& from, const TrailPoint& to) {
  const float x = to.x - from.x, y = to.y - from.y;
  const float length = std::max(std::hypot(x, y), 1e-3F);
  return {x / length, y / length};
}

}  // namespace

void add_polyline(std::span<const TrailPoint> points, bool closed, const std::array<float, 3>& color,
                  float half_line, float outline, std::vector<Strip>& strips) {
  const size_t count = points.size();
  if (count < 2) return;
  const float half_strip = half_line + outline + 1;
  const auto corners = [&](size_t i, float(&out)[4]) {
    const size_t previous = closed ? (i + count - 1) % count : i == 0 ? 0 : i - 1;
    const size_t next = closed ? (i + 1) % count : std::min(i + 1, count - 1);
    const Direction before = direction(points[previous], points[previous == i ? i + 1 : i]);
    const Direction after = next == i ? before : direction(points[i], points[next]);
    float x = before.x + after.x;
    float y = before.y + after.y;
    const float length = std::hypot(x, y);
    if (length < 1e-3F) {  // straight back
      x = after.x;
      y = after.y;
    } else {
      x /= length;
      y /= length;
    }
    const float reach = half_strip / std::max(x * after.x + y * after.y, 0.5F);
    out[0] = points[i].x + y * reach;
    out[1] = points[i].y - x * reach;
    out[2] = points[i].x - y * reach;
    out[3] = points[i].y + x * reach;
  };
  Strip strip{{}, {}, {color[0], color[1], color[2], 1}, {0, 0, half_strip, half_line}};
  corners(0, strip.end);
  for (size_t i = 0; i + 1 < count + (closed ? 1 : 0); ++i) {
    const size_t next = (i + 1) % count;
    std::copy_n(strip.end, 4, strip.start);
    corners(next, strip.end);
    strip.shape[0] = points[i].opacity;
    strip.shape[1] = points[next].opacity;
    strips.push_back(strip);
  }
}

void add_triangle(const std::array<TrailPoint, 3>& corners, const std::array<float, 3>& color, float opacity,
                  std::vector<Strip>& strips) {
  const auto& [a, b, c] = corners;
  // No width: every pixel lies in the middle of the line.
  strips.push_back({{a.x, a.y, b.x, b.y},
                    {c.x, c.y, c.x, c.y},
                    {color[0], color[1], color[2], 1},
                    {opacity, opacity, 0, 1}});
}

}  // namespace tarsier::present
