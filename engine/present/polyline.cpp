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

/// Where two strips meet, their corners lie on the line that halves the angle between them (a mitre), no
/// further out than twice the width.
void corners(const TrailPoint& point, Direction before, Direction after, float half, float (&out)[4]) {
  float x = before.x + after.x, y = before.y + after.y;
  const float length = std::hypot(x, y);
  if (length < 1e-3F) {  // straight back
    x = after.x;
    y = after.y;
  } else {
    x /= length;
    y /= length;
  }
  const float reach = half / std::max(x * after.x + y * after.y, 0.5F);
  out[0] = point.x + y * reach;
  out[1] = point.y - x * reach;
  out[2] = point.x - y * reach;
  out[3] = point.y + x * reach;
}

void add_area(const LineInput& input, std::vector<Strip>& strips) {
  constexpr float kAllOfIt = 1e4F;  // half the line's width: no edge inside
  const size_t count = std::min(input.points.size(), input.other.size());
  for (size_t i = 0; i + 1 < count; ++i) {
    const TrailPoint &a = input.points[i], &b = input.points[i + 1];
    const TrailPoint &c = input.other[i], &d = input.other[i + 1];
    strips.push_back({{a.x, a.y, c.x, c.y},
                      {b.x, b.y, d.x, d.y},
                      {input.color[0], input.color[1], input.color[2], 1},
                      {a.opacity * input.opacity, b.opacity * input.opacity, 1, kAllOfIt}});
  }
}

}  // namespace

void add_line(const LineInput& input, float line, float outline, std::vector<Strip>& strips) {
  if (!input.other.empty()) {
    add_area(input, strips);
    return;
  }
  const auto& points = input.points;
  // A piece without a length has no direction: points that lie on the one before are left out.
  const auto next = [&](size_t i) {
    size_t j = i + 1;
    while (j < points.size() && std::hypot(points[j].x - points[i].x, points[j].y - points[i].y) <= 0.25F)
      ++j;
    return j;
  };
  if (points.empty() || next(0) >= points.size()) return;
  const float half_line = line * input.width;
  const float half_strip = half_line + outline + 1;
  Strip strip{{}, {}, {input.color[0], input.color[1], input.color[2], 1}, {0, 0, half_strip, half_line}};
  const auto add = [&](size_t from, size_t to, Direction before, Direction after) {
    std::copy_n(strip.end, 4, strip.start);
    corners(points[to], before, after, half_strip, strip.end);
    strip.shape[0] = points[from].opacity * input.opacity;
    strip.shape[1] = points[to].opacity * input.opacity;
    strips.push_back(strip);
  };
  const Direction first = direction(points[0], points[next(0)]);
  Direction ahead = first;
  corners(points[0], input.closed ? direction(points.back(), points[0]) : first, first, half_strip,
          strip.end);
  size_t at = 0;
  for (size_t to = next(0); to < points.size(); at = to, to = next(to)) {
    const size_t after = next(to);
    Direction turn = ahead;
    if (after < points.size()) {
      turn = direction(points[to], points[after]);
    } else if (input.closed) {
      turn = direction(points[to], points[0]);
    }
    add(at, to, ahead, turn);
    ahead = turn;
  }
  if (input.closed) add(at, 0, ahead, first);
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
