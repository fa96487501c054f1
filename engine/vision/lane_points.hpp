// What a mask of lane lines shows: the middle of each piece of paint, and straight lines through them near
// the vehicle.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "vision/ground_plane.hpp"
#include "vision/types.hpp"

namespace tarsier::vision {

/// The middle of a run of paint in one row of the mask, pixels of the frame.
struct LanePoint {
  double x = 0, row = 0;
};

/// Points below the horizon of `plane`, row by row from the lower edge. What is wider than a line (a
/// crossing, a stop line, an arrow) gives none.
void find_lane_points(const HostMask& mask, const GroundPlane& plane, std::vector<LanePoint>& points);

/// x = at + slope (row - base).
struct LaneLine {
  double at = 0, slope = 0, base = 0;
  int rows = 0;  // that support it
};

/// The line nearest to the column `middle` on one side (-1: left) among those that many rows support, by
/// RANSAC (M. Fischler, R. Bolles, "Random sample consensus", CACM 1981) with samples that are the same in
/// every run. Lines run towards the middle as they go up, as those of the own lane do. `base`: the frame's
/// lower edge.
std::optional<LaneLine> find_lane_line(std::span<const LanePoint> points, int side, double middle,
                                       double base, double tolerance, int least_rows);

}  // namespace tarsier::vision
