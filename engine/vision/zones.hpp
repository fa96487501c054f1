// Who is in a zone and for how long, and who crosses a line: from where tracked objects stand.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "vision/track.hpp"

namespace tarsier::vision {

struct Point {
  double x = 0, y = 0;
  bool operator==(const Point&) const = default;
};

/// A polygon, or a line from its first point to its second. In parts of the frame's width and height, so that
/// it holds at any size.
struct ZoneShape {
  std::string name;
  bool line = false;
  std::vector<Point> points;
  bool operator==(const ZoneShape&) const = default;
};

/// What is wrong with a shape's points, or "": too few, outside of the frame, edges that cross, no extent.
[[nodiscard]] std::string fault_of(const ZoneShape& shape);
/// Whether the segments from a to b and from c to d have a point in common.
[[nodiscard]] bool touch(Point a, Point b, Point c, Point d);
[[nodiscard]] double distance(Point a, Point b);
[[nodiscard]] double distance_to_segment(Point a, Point b, Point at);
/// A polygon without crossing edges in triangles, as indices of its points.
[[nodiscard]] std::vector<std::array<size_t, 3>> triangulate(std::span<const Point> polygon);

/// May change from frame to frame.
struct ZoneParams {
  /// In parts of a box's height: so far beyond a line or a zone's edge it must stand to be on the other side,
  /// since boxes jitter.
  double band = 0.1;
  /// Or, for zones, it has stood there for so long: a zone may be narrower than that.
  double settle_s = 0.5;
};

/// How many, by class.
using ClassCounts = std::map<int32_t, uint64_t>;
[[nodiscard]] uint64_t total(const ClassCounts& counts);

/// Since the start, but for what is said to be of the latest frame.
struct ZoneCount {
  struct Visitor {
    int64_t track = 0;
    double dwell_s = 0;  // so far
  };
  std::vector<Visitor> inside;  // in the latest frame, by track
  ClassCounts entered, left;    // inside.size() is the difference of their totals
  uint64_t visits = 0;          // that have ended
  double visits_s = 0;          // and how long they took together
  [[nodiscard]] std::optional<double> mean_dwell_s() const {
    return visits == 0 ? std::nullopt : std::optional(visits_s / double(visits));
  }
};

/// "Forward" is from the left to the right of somebody who looks from the line's first point to its second.
struct LineCount {
  struct Crossing {
    int64_t track = 0;
    bool forward = true;
  };
  std::vector<Crossing> crossed;  // in the latest frame
  ClassCounts forward, backward;
};

/// An object stands where the middle of its box's lower edge is. Only where it was seen counts: somebody who
/// is lost stays in his zone, and if he is regained beyond a line he has crossed it once, on the straight way
/// between. Who ends within a zone has left it when he was last seen.
class ZoneCounter {
 public:
  ZoneCounter() = default;
  /// Shapes without fault.
  explicit ZoneCounter(std::vector<ZoneShape> shapes);
  /// `tracks`: confirmed ones after the update with this frame's boxes, those that end here among them. Where
  /// the time goes back, all visits end; counts go on.
  void update(double time_s, int width, int height, std::span<const Track> tracks, const ZoneParams& params);
  /// Other shapes without fault. Where points stay as they are, counts go on, whatever the name is now; a
  /// place that changed begins anew.
  void use_shapes(std::vector<ZoneShape> shapes);
  [[nodiscard]] const std::vector<ZoneShape>& shapes() const { return shapes_; }
  /// Of shapes()[i] that is no line, or that is one.
  [[nodiscard]] const ZoneCount& zone(size_t i) const { return zones_[i]; }
  [[nodiscard]] const LineCount& line(size_t i) const { return lines_[i]; }

 private:
  /// What is known of one object and one shape.
  struct State {
    bool known = false;
    // Zone.
    bool inside = false, changing = false;
    double since_s = 0;  // of `changing`
    double entered_s = 0;
    // Line.
    int side = 0;          // the one that it stood on clearly: -1 left, 1 right, 0 none yet
    bool through = false;  // the latest change of sides was between the line's ends
    Point last;
    double last_distance = 0;
  };
  struct Object {
    std::vector<State> states;  // by shape
    int32_t class_id = 0;
    double seen_s = 0;
    bool listed = false;  // in this update
  };
  void visit(size_t shape, State& state, const Object& object, Point foot, double band, double time_s,
             const ZoneParams& params);
  void cross(size_t shape, State& state, int64_t id, const Object& object, Point foot, double band);
  void leave(size_t shape, State& state, const Object& object, double time_s);
  void end(Object& object);

  std::vector<ZoneShape> shapes_;
  std::vector<std::vector<Point>> pixels_;  // the shapes' points in this frame
  std::vector<ZoneCount> zones_;            // by shape, as lines_
  std::vector<LineCount> lines_;
  std::unordered_map<int64_t, Object> objects_;
  double time_s_ = 0;
};

}  // namespace tarsier::vision
