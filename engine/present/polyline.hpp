// Lines through points as strips for present/trail.vert: smooth, with a dark rim, of any width.
#pragma once

#include <array>
#include <span>
#include <vector>

namespace tarsier::present {

struct TrailPoint {
  float x = 0, y = 0;  // pixels of the picture
  float opacity = 1;
};

/// One instance of present/trail.vert: a strip with these corners.
struct Strip {
  float start[4], end[4];  // left x, y, right x, y
  float color[4];
  float shape[4];  // opacity at the start, at the end, half the strip's width, half the line's
};

/// Pieces of a line along `points`. Where two meet, their corners lie on the line that halves the angle
/// between them (a mitre), no further out than twice the width. `closed`: on from the last point to the
/// first. Fewer than two points apart from each other: none.
void add_polyline(std::span<const TrailPoint> points, bool closed, const std::array<float, 3>& color,
                  float half_line, float outline, std::vector<Strip>& strips);
/// A triangle filled evenly.
void add_triangle(const std::array<TrailPoint, 3>& corners, const std::array<float, 3>& color, float opacity,
                  std::vector<Strip>& strips);

}  // namespace tarsier::present
