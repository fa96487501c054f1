#include "vision/zones.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <limits>
#include <numeric>

namespace tarsier::vision {
namespace {

/// Twice the area of a triangle; above 0 where c lies to the right of the way from a to b (y goes down).
double turn(Point a, Point b, Point c) {
  return (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x);
}

/// Whether c, on the straight line through a and b, lies between them.
bool between(Point a, Point b, Point c) {
  return std::min(a.x, b.x) <= c.x && c.x <= std::max(a.x, b.x) && std::min(a.y, b.y) <= c.y &&
         c.y <= std::max(a.y, b.y);
}

double area(std::span<const Point> polygon) {
  double sum = 0;
  for (size_t i = 0; i < polygon.size(); ++i) {
    const Point a = polygon[i], b = polygon[(i + 1) % polygon.size()];
    sum += a.x * b.y - b.x * a.y;
  }
  return sum / 2;
}

bool contains(std::span<const Point> polygon, Point at) {
  bool inside = false;
  for (size_t i = 0, before = polygon.size() - 1; i < polygon.size(); before = i++) {
    const Point a = polygon[i], b = polygon[before];
    if ((a.y > at.y) != (b.y > at.y) && at.x < (b.x - a.x) * (at.y - a.y) / (b.y - a.y) + a.x)
      inside = !inside;
  }
  return inside;
}

double distance_to_edge(std::span<const Point> polygon, Point at) {
  double least = std::numeric_limits<double>::infinity();
  for (size_t i = 0; i < polygon.size(); ++i)
    least = std::min(least, distance_to_segment(polygon[i], polygon[(i + 1) % polygon.size()], at));
  return least;
}

}  // namespace

double distance(Point a, Point b) {
  return std::hypot(b.x - a.x, b.y - a.y);
}

double distance_to_segment(Point a, Point b, Point at) {
  const double square = (b.x - a.x) * (b.x - a.x) + (b.y - a.y) * (b.y - a.y);
  const double along = ((at.x - a.x) * (b.x - a.x) + (at.y - a.y) * (b.y - a.y)) / std::max(square, 1e-12);
  const double t = std::clamp(along, 0.0, 1.0);
  return distance(at, {a.x + t * (b.x - a.x), a.y + t * (b.y - a.y)});
}

bool touch(Point a, Point b, Point c, Point d) {
  const double abc = turn(a, b, c), abd = turn(a, b, d), cda = turn(c, d, a), cdb = turn(c, d, b);
  if (((abc > 0) != (abd > 0)) && ((cda > 0) != (cdb > 0)) && abc != 0 && abd != 0 && cda != 0 && cdb != 0)
    return true;
  return (abc == 0 && between(a, b, c)) || (abd == 0 && between(a, b, d)) || (cda == 0 && between(c, d, a)) ||
         (cdb == 0 && between(c, d, b));
}

std::string fault_of(const ZoneShape& shape) {
  const auto& points = shape.points;
  const size_t count = points.size();
  if (shape.line && count != 2) return fmt::format("a line has 2 points, not {}", count);
  if (!shape.line && count < 3) return fmt::format("a zone has at least 3 points, not {}", count);
  for (const Point& point : points) {
    if (!(point.x >= 0 && point.x <= 1 && point.y >= 0 && point.y <= 1)) {
      return fmt::format("point ({:g}, {:g}) is outside of the frame: x and y go from 0 to 1", point.x,
                         point.y);
    }
  }
  for (size_t i = 0; i < count; ++i) {
    const Point a = points[i], b = points[(i + 1) % count];
    if (a == b) return fmt::format("point ({:g}, {:g}) is there twice in a row", a.x, a.y);
  }
  if (shape.line) return "";
  if (std::ranges::all_of(points, [&](Point at) { return std::abs(turn(points[0], points[1], at)) < 1e-9; }))
    return "its points lie on a straight line";
  for (size_t i = 0; i < count; ++i) {
    for (size_t j = i + 1; j < count; ++j) {
      const Point a = points[i], b = points[(i + 1) % count], c = points[j], d = points[(j + 1) % count];
      // Neighbours share a point, and may not lie on each other.
      const bool next = j == i + 1, around = i == 0 && j + 1 == count;
      const bool crossing = next     ? turn(a, b, d) == 0 && (between(a, b, d) || between(c, d, a))
                            : around ? turn(a, b, c) == 0 && (between(a, b, c) || between(c, d, b))
                                     : touch(a, b, c, d);
      if (crossing) {
        return fmt::format("its edges from ({:g}, {:g}) and from ({:g}, {:g}) cross", a.x, a.y, c.x, c.y);
      }
    }
  }
  return "";
}

std::vector<std::array<size_t, 3>> triangulate(std::span<const Point> polygon) {
  std::vector<std::array<size_t, 3>> triangles;
  std::vector<size_t> left(polygon.size());
  std::iota(left.begin(), left.end(), size_t{0});
  const double sign = area(polygon) > 0 ? 1 : -1;
  // Ear clipping: a corner that turns inwards and whose triangle holds no other point is cut off.
  const auto is_ear = [&](size_t i) {
    const size_t n = left.size();
    const Point a = polygon[left[(i + n - 1) % n]], b = polygon[left[i]], c = polygon[left[(i + 1) % n]];
    if (sign * turn(a, b, c) <= 0) return false;
    return std::ranges::none_of(left, [&](size_t other) {
      const Point p = polygon[other];
      return p != a && p != b && p != c && sign * turn(a, b, p) >= 0 && sign * turn(b, c, p) >= 0 &&
             sign * turn(c, a, p) >= 0;
    });
  };
  while (left.size() > 3) {
    size_t ear = 0;
    while (ear < left.size() && !is_ear(ear)) ++ear;
    if (ear == left.size()) ear = 0;  // only points on straight edges are left: none is an ear, each may go
    const size_t n = left.size();
    triangles.push_back({left[(ear + n - 1) % n], left[ear], left[(ear + 1) % n]});
    left.erase(left.begin() + std::ptrdiff_t(ear));
  }
  if (left.size() == 3) triangles.push_back({left[0], left[1], left[2]});
  return triangles;
}

uint64_t total(const ClassCounts& counts) {
  uint64_t sum = 0;
  for (const auto& [id, count] : counts) sum += count;
  return sum;
}

ZoneCounter::ZoneCounter(std::vector<ZoneShape> shapes)
    : shapes_(std::move(shapes)), pixels_(shapes_.size()), zones_(shapes_.size()), lines_(shapes_.size()) {}

void ZoneCounter::use_shapes(std::vector<ZoneShape> shapes) {
  constexpr size_t kNew = SIZE_MAX;
  std::vector<size_t> from(shapes.size(), kNew);
  // Two may lie in one place: then the name says which is which.
  for (const bool by_name : {true, false}) {
    for (size_t i = 0; i < shapes.size(); ++i) {
      for (size_t k = 0; from[i] == kNew && k < shapes_.size(); ++k) {
        const bool same = shapes[i].line == shapes_[k].line && shapes[i].points == shapes_[k].points &&
                          (!by_name || shapes[i].name == shapes_[k].name);
        if (same && std::ranges::find(from, k) == from.end()) from[i] = k;
      }
    }
  }
  const auto rearrange = [&](auto& all) {
    std::remove_reference_t<decltype(all)> next(from.size());
    for (size_t i = 0; i < from.size(); ++i) {
      if (from[i] < all.size()) next[i] = std::move(all[from[i]]);
    }
    all = std::move(next);
  };
  rearrange(zones_);
  rearrange(lines_);
  for (auto& [id, object] : objects_) rearrange(object.states);
  shapes_ = std::move(shapes);
  pixels_.resize(shapes_.size());
}

void ZoneCounter::update(double time_s, int width, int height, std::span<const Track> tracks,
                         const ZoneParams& params) {
  if (time_s < time_s_) {
    for (auto& [id, object] : objects_) end(object);
    objects_.clear();
  }
  time_s_ = time_s;
  for (size_t i = 0; i < shapes_.size(); ++i) {
    pixels_[i] = shapes_[i].points;
    for (Point& point : pixels_[i]) point = {point.x * width, point.y * height};
    zones_[i].inside.clear();
    lines_[i].crossed.clear();
  }
  for (auto& [id, object] : objects_) object.listed = false;
  for (const Track& track : tracks) {
    if (track.state == TrackState::kRemoved) continue;
    Object& object = objects_[track.id];
    object.listed = true;
    object.class_id = track.class_id;
    object.states.resize(shapes_.size());
    if (track.state != TrackState::kTracked) continue;
    object.seen_s = time_s;
    // A box that goes beyond the frame's lower edge stands out of sight: at the edge, for all that is known.
    const Point foot{double(track.x0 + track.x1) / 2, std::min(double(track.y1), double(height))};
    const double band = params.band * std::max(double(track.y1 - track.y0), 0.0);
    for (size_t i = 0; i < shapes_.size(); ++i) {
      State& state = object.states[i];
      if (shapes_[i].line) {
        cross(i, state, track.id, object, foot, band);
      } else {
        visit(i, state, object, foot, band, time_s, params);
      }
      state.known = true;
    }
  }
  for (auto at = objects_.begin(); at != objects_.end();) {
    if (at->second.listed) {
      ++at;
    } else {
      end(at->second);
      at = objects_.erase(at);
    }
  }
  for (const auto& [id, object] : objects_) {
    for (size_t i = 0; i < shapes_.size(); ++i) {
      const State& state = object.states[i];
      if (state.inside) zones_[i].inside.push_back({id, object.seen_s - state.entered_s});
    }
  }
  for (ZoneCount& zone : zones_) std::ranges::sort(zone.inside, {}, &ZoneCount::Visitor::track);
}

void ZoneCounter::visit(size_t shape, State& state, const Object& object, Point foot, double band,
                        double time_s, const ZoneParams& params) {
  const bool inside = contains(pixels_[shape], foot);
  if (!state.known) {
    // Found within it: nobody knows for how long already.
    state.inside = inside;
    state.entered_s = time_s;
    if (inside) ++zones_[shape].entered[object.class_id];
    return;
  }
  if (inside == state.inside) {
    state.changing = false;
    return;
  }
  if (!state.changing) {
    state.changing = true;
    state.since_s = time_s;
  }
  if (distance_to_edge(pixels_[shape], foot) <= band && time_s - state.since_s < params.settle_s) return;
  state.changing = false;
  if (inside) {
    state.inside = true;
    state.entered_s = state.since_s;
    ++zones_[shape].entered[object.class_id];
  } else {
    leave(shape, state, object, state.since_s);
  }
}

void ZoneCounter::leave(size_t shape, State& state, const Object& object, double time_s) {
  ZoneCount& zone = zones_[shape];
  ++zone.left[object.class_id];
  ++zone.visits;
  zone.visits_s += std::max(time_s - state.entered_s, 0.0);
  state.inside = false;
}

void ZoneCounter::end(Object& object) {
  for (size_t i = 0; i < object.states.size(); ++i) {
    if (object.states[i].inside) leave(i, object.states[i], object, object.seen_s);
  }
}

void ZoneCounter::cross(size_t shape, State& state, int64_t id, const Object& object, Point foot,
                        double band) {
  const Point a = pixels_[shape][0], b = pixels_[shape][1];
  const double beyond = turn(a, b, foot) / std::max(distance(a, b), 1e-9);
  if (state.known && (beyond > 0) != (state.last_distance > 0)) {
    const double t = state.last_distance / (state.last_distance - beyond);
    const Point at{state.last.x + t * (foot.x - state.last.x), state.last.y + t * (foot.y - state.last.y)};
    const double along = (at.x - a.x) * (b.x - a.x) + (at.y - a.y) * (b.y - a.y);
    const double square = (b.x - a.x) * (b.x - a.x) + (b.y - a.y) * (b.y - a.y);
    state.through = along >= 0 && along <= square;
  }
  state.last = foot;
  state.last_distance = beyond;
  if (std::abs(beyond) <= band) return;
  const int side = beyond > 0 ? 1 : -1;
  if (state.side == -side && state.through) {
    LineCount& line = lines_[shape];
    ++(side > 0 ? line.forward : line.backward)[object.class_id];
    line.crossed.push_back({id, side > 0});
  }
  state.side = side;
}

}  // namespace tarsier::vision
