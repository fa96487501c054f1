#include "present/strip.hpp"

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

/// Where two pieces meet, their corners lie on the line that halves the angle between them (a mitre), no
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

void add_area(const LineInput& input, std::vector<StripPiece>& pieces) {
  constexpr float kAllOfIt = 1e4F;  // half the line's width: no edge inside
  const size_t count = std::min(input.points.size(), input.other.size());
  for (size_t i = 0; i + 1 < count; ++i) {
    const TrailPoint &a = input.points[i], &b = input.points[i + 1];
    const TrailPoint &c = input.other[i], &d = input.other[i + 1];
    pieces.push_back({{a.x, a.y, c.x, c.y},
                      {b.x, b.y, d.x, d.y},
                      {input.color[0], input.color[1], input.color[2], 1},
                      {a.opacity * input.opacity, b.opacity * input.opacity, 1, kAllOfIt}});
  }
}

}  // namespace

void add_strip(const LineInput& input, float line, float outline, std::vector<StripPiece>& pieces) {
  if (!input.other.empty()) {
    add_area(input, pieces);
    return;
  }
  const float half_line = line * input.width;
  const float half_strip = half_line + outline + 1;
  StripPiece piece{
      {}, {}, {input.color[0], input.color[1], input.color[2], 1}, {0, 0, half_strip, half_line}};
  // A piece without a length has no direction: points that lie on the one before are left out.
  const auto next = [&](size_t i) {
    size_t j = i + 1;
    while (j < input.points.size() &&
           std::hypot(input.points[j].x - input.points[i].x, input.points[j].y - input.points[i].y) <= 0.25F)
      ++j;
    return j;
  };
  if (input.points.empty()) return;
  size_t at = 0, to = next(0);
  if (to >= input.points.size()) return;
  Direction ahead = direction(input.points[at], input.points[to]);
  corners(input.points[at], ahead, ahead, half_strip, piece.end);
  while (to < input.points.size()) {
    const size_t after = next(to);
    const Direction turn =
        after < input.points.size() ? direction(input.points[to], input.points[after]) : ahead;
    std::copy_n(piece.end, 4, piece.start);
    // Corners at the end of a piece are measured against that which follows, as at its start.
    corners(input.points[to], ahead, turn, half_strip, piece.end);
    piece.shape[0] = input.points[at].opacity * input.opacity;
    piece.shape[1] = input.points[to].opacity * input.opacity;
    pieces.push_back(piece);
    at = to;
    to = after;
    ahead = turn;
  }
}

}  // namespace tarsier::present
