// Lines with a width, and areas, as strips for present/trail.vert: smooth, with a dark rim.
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
  float width = 1.5F;   // of a box's line
  bool closed = false;  // on from the last point to the first
};

/// One instance of present/trail.vert: a strip with these corners.
struct Strip {
  float start[4], end[4];  // left x, y, right x, y
  float color[4];
  float shape[4];  // opacity at the start, at the end, half the strip's width, half the line's
};

/// Appends a line's pieces; none for fewer than two points that are apart. Where two pieces meet, their
/// corners lie on the line that halves the angle between them (a mitre), no further out than twice the width.
/// `line`: half the width of a box's line, `outline`: of its rim, pixels.
void add_line(const LineInput& input, float line, float outline, std::vector<Strip>& strips);
/// A triangle filled evenly.
void add_triangle(const std::array<TrailPoint, 3>& corners, const std::array<float, 3>& color, float opacity,
                  std::vector<Strip>& strips);

}  // namespace tarsier::present
