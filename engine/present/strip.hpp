// Lines with a width and areas between two lines, as strips of pieces that present/trail.* draws.
#pragma once

#include <array>
#include <span>
#include <vector>

namespace tarsier::present {

struct TrailPoint {
  float x = 0, y = 0;  // pixels of the picture
  float opacity = 1;
};

/// A line with a dark rim; or, with `other`, the area between two lines of as many points.
struct LineInput {
  std::span<const TrailPoint> points;
  std::span<const TrailPoint> other = {};
  std::array<float, 3> color{1, 1, 1};
  float opacity = 1;
  float width = 1.5F;  // of a box's line
};

/// As in trail.vert.
struct StripPiece {
  float start[4], end[4], color[4], shape[4];
};

/// Appends a line's pieces; none for fewer than two points. `line`: half the width of a box's line,
/// `outline`: of its rim, pixels.
void add_strip(const LineInput& input, float line, float outline, std::vector<StripPiece>& pieces);

}  // namespace tarsier::present
