#include "present/birdseye.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

#include "present/palette.hpp"
#include "present/text_tables.hpp"

namespace tarsier::present {
namespace {

using Color = std::array<float, 3>;
constexpr Color kGrid{0.62F, 0.66F, 0.72F}, kOwn{0.95F, 0.96F, 0.98F}, kWindow{0.25F, 0.30F, 0.36F},
    kLane{1.0F, 0.80F, 0.20F}, kFill{0.25F, 0.65F, 1.0F}, kWarning{0.95F, 0.16F, 0.18F};

constexpr double kFront_m = 1.9, kBack_m = 2.7, kOwnWidth_m = 1.85;  // of the own vehicle, from its camera
constexpr double kVector_s = 2;                                      // a speed is drawn as the way of so long
constexpr double kFade_s = 0.3;                                      // to come or to go
constexpr double kSettle_s = 0.25;  // time constant in which corrections are spread
constexpr double kTurn_s = 0.5;     // and in which arrows turn
constexpr double kPause_s = 1;      // nothing is carried on over a longer one
constexpr double kAhead_s = 0.5;    // no longer is a speed good for
constexpr float kLost = 0.45F;      // opacity
constexpr float kAspect = 0.62F;    // of the panel
constexpr size_t kMost = 64;        // objects

/// No object is drawn smaller.
float least_px(const Rect& place) {
  return (place.y1 - place.y0) / 45;
}

float smooth(double x, double from, double to) {
  const auto t = float(std::clamp((x - from) / (to - from), 0.0, 1.0));
  return t * t * (3 - 2 * t);
}

/// As much of a speed as is beyond its noise.
double beyond(const vision::Measured& speed) {
  return speed.value * smooth(std::abs(speed.value) / std::max(speed.sigma, 1e-3F), 1, 2.5);
}

float approach(float value, float wanted, double seconds) {
  const auto step = float(seconds / kFade_s);
  return value + std::clamp(wanted - value, -step, step);
}

}  // namespace

BirdseyeView::BirdseyeView(Corner corner, double size, double far_m, int picture_width, int picture_height)
    : far_m_(far_m) {
  const auto width = float(picture_width), height = float(picture_height);
  const float margin = std::round(height * 0.02F);
  const float high = std::min(std::round(height * float(size)), height - 2 * margin);
  const float wide = std::min(std::round(high * kAspect), width - 2 * margin);
  const bool left = corner == Corner::kTopLeft || corner == Corner::kBottomLeft;
  const bool top = corner == Corner::kTopLeft || corner == Corner::kTopRight;
  // The picture's status line is in its lower left corner.
  const float lift = corner == Corner::kBottomLeft ? 2 * text_pixels(uint32_t(picture_height)) : 0;
  place_.x0 = left ? margin : width - margin - wide;
  place_.y0 = top ? margin : std::max(height - margin - high - lift, 0.0F);
  place_.x1 = place_.x0 + wide;
  place_.y1 = place_.y0 + high;
  across_ = wide / float(2 * kHalf_m);
  along_ = high / float(far_m + kBehind_m);
}

Footprint footprint_of(std::string_view class_name) {
  struct Row {
    std::string_view name;
    Footprint size;
  };
  constexpr std::array<Row, 14> kSizes{{{"car", {4.4, 1.8}},
                                        {"van", {5.2, 2.0}},
                                        {"truck", {8.0, 2.5}},
                                        {"bus", {11.0, 2.5}},
                                        {"train", {16.0, 2.9}},
                                        {"motorcycle", {2.2, 0.8}},
                                        {"bicycle", {1.8, 0.6}},
                                        {"person", {0.6, 0.6}},
                                        {"horse", {2.4, 0.7}},
                                        {"cow", {2.4, 0.8}},
                                        // Their boxes end above the road: no distance of theirs is one.
                                        {"traffic light", {}},
                                        {"stop sign", {}},
                                        {"airplane", {}},
                                        {"bird", {}}}};
  const auto found = std::ranges::find(kSizes, class_name, &Row::name);
  return found == kSizes.end() ? Footprint{1, 1} : found->size;
}

Birdseye::Birdseye(std::span<const std::string> class_names) {
  for (const auto& name : class_names) sizes_.push_back(footprint_of(name));
}

void Birdseye::see(double time_s, std::span<const vision::Track> tracks, std::span<const int64_t> warned,
                   const vision::Lane* lane, int departing) {
  if (time_s < time_s_) objects_.clear();  // the source went back: numbers are others'
  time_s_ = time_s;
  for (Object& object : objects_) object.there = false;
  for (const auto& track : tracks) {
    const bool lost = track.state == vision::TrackState::kLost;
    if ((!lost && track.state != vision::TrackState::kTracked) || !track.distance_m || !track.lateral_m)
      continue;
    const auto class_id = size_t(std::max(track.class_id, 0));
    const Footprint size = class_id < sizes_.size() ? sizes_[class_id] : footprint_of("");
    if (size.length_m == 0) continue;
    auto object = std::ranges::find(objects_, track.id, &Object::id);
    if (object == objects_.end()) {
      if (objects_.size() == kMost) continue;
      object = objects_.insert(object, Object());
      object->id = track.id;
    }
    object->size = size;
    object->there = true;
    object->lost = lost;
    object->warned = std::ranges::find(warned, track.id) != warned.end();
    object->seen_s = time_s;
    object->place = {track.distance_m->value, track.lateral_m->value};
    object->sigma_m = track.distance_m->sigma;
    object->speed = {track.relative_speed_mps ? beyond(*track.relative_speed_mps) : 0,
                     track.lateral_speed_mps ? beyond(*track.lateral_speed_mps) : 0};
  }
  for (const size_t side : {0, 1}) {
    Boundary& boundary = lane_[side];
    boundary.there = lane != nullptr && lane->sides[side].known;
    if (!boundary.there) continue;
    boundary.offset = lane->sides[side].lateral.value;
    boundary.heading = lane->heading;
    boundary.curvature = lane->curvature ? lane->curvature->value : 0;
    boundary.sure = std::clamp(lane->sides[side].confidence / 0.5F, 0.25F, 1.0F);
    boundary.warned = departing == int(side);
    lane_far_m_ = lane->far_m;
  }
}

/// Where it is at this time, and on from where it was shown `seconds` before.
void Birdseye::move(Object& object, double time_s, double seconds) const {
  const double since = std::clamp(time_s - object.seen_s, 0.0, kAhead_s);
  const Vector at{object.place.ahead + object.speed.ahead * since,
                  object.place.right + object.speed.right * since};
  if (object.fresh) {
    object.fresh = false;
    object.shown_place = at;
    object.shown_speed = object.speed;
    object.shown_sigma_m = object.sigma_m;
  } else {
    const double part = 1 - std::exp(-seconds / kSettle_s);
    const double turn = 1 - std::exp(-seconds / kTurn_s);
    const auto follow = [&](double& shown, double& speed, double place, double to_speed) {
      shown += to_speed * seconds;
      shown += (place - shown) * part;
      speed += (to_speed - speed) * turn;
    };
    follow(object.shown_place.ahead, object.shown_speed.ahead, at.ahead, object.speed.ahead);
    follow(object.shown_place.right, object.shown_speed.right, at.right, object.speed.right);
    object.shown_sigma_m += (object.sigma_m - object.shown_sigma_m) * part;
  }
  const float wanted = !object.there ? 0.0F : object.lost ? kLost : 1.0F;
  object.opacity = approach(object.opacity, wanted, seconds);
}

const PanelInput& Birdseye::draw(double time_s, const BirdseyeView& view, float text_pixels) {
  const double passed = time_s - drawn_s_;
  const bool anew = !drawn_ || passed < 0 || passed > kPause_s;
  const double seconds = anew ? kFade_s : passed;
  drawn_ = true;
  drawn_s_ = time_s;
  for (Object& object : objects_) {
    if (anew) object.fresh = true;
    move(object, time_s, seconds);
  }
  std::erase_if(objects_, [](const Object& one) { return !one.there && one.opacity <= 0; });
  for (Boundary& one : lane_) one.opacity = approach(one.opacity, one.there ? one.sure : 0.0F, seconds);

  points_.clear();
  parts_.clear();
  boxes_.clear();
  draw_ground(view, text_pixels);
  draw_lane(view);
  // The nearest one first: it lies above, and its number has its place before the others'.
  std::ranges::sort(objects_, {}, [](const Object& one) { return std::pair(one.shown_place.ahead, one.id); });
  draw_own(view);
  for (const Object& object : objects_) draw_object(object, view);

  lines_.clear();
  const std::span<const TrailPoint> all(points_);
  for (const Line& part : parts_) {
    lines_.push_back({.points = all.subspan(part.first, part.count),
                      .other = part.area ? all.subspan(part.first + part.count, part.count)
                                         : std::span<const TrailPoint>(),
                      .color = part.color,
                      .opacity = part.opacity,
                      .width = part.width});
  }
  panel_.place = view.place();
  panel_.radius = std::round(text_pixels * 0.5F);
  panel_.lines = lines_;
  panel_.boxes = boxes_;
  panel_.texts = texts_;
  return panel_;
}

/// A line every 10, 20 or 50 metres, with its distance on the side that less traffic is on in most countries.
void Birdseye::draw_ground(const BirdseyeView& view, float text_pixels) {
  const double step = view.far_m() <= 40 ? 10 : view.far_m() <= 110 ? 20 : 50;
  const Rect& place = view.place();
  const float inset = std::round(text_pixels * 0.4F);
  size_t count = 0;
  texts_.clear();
  names_.resize(size_t(view.far_m() / step));
  for (std::string& name : names_) {
    const double distance = step * double(++count);
    name.clear();
    fmt::format_to(std::back_inserter(name), "{:.0f} m", distance);
    const float y = std::round(view.row(distance)) + 0.5F;
    const float low = y - inset / 2;
    if (low - text_pixels < place.y0) continue;
    add_line(std::array{TrailPoint{place.x0, y}, TrailPoint{place.x1, y}}, kGrid, 0.35F, 0.7F);
    texts_.push_back({place.x1 - inset, std::floor(low), name, 0.6F});
  }
}

void Birdseye::draw_lane(const BirdseyeView& view) {
  const Rect& place = view.place();
  const double nearest = -BirdseyeView::kBehind_m;
  const double farthest = std::min(lane_far_m_ * 1.2, view.far_m());
  std::array<std::array<TrailPoint, kCurve>, 2> curves;
  for (const size_t side : {0, 1}) {
    const Boundary& one = lane_[side];
    for (size_t i = 0; i < kCurve; ++i) {
      const double z = nearest + (farthest - nearest) * double(i) / (kCurve - 1);
      const float x = view.column(one.offset + (one.heading + one.curvature / 2 * z) * z);
      const float inside = std::min(x - place.x0, place.x1 - x);
      // Farther than paint was seen it is a guess.
      const float seen = 1 - smooth(z, lane_far_m_ * 0.6, lane_far_m_ * 1.2);
      const float edge = smooth(z, nearest, nearest + 1.5);
      curves[side][i] = {std::clamp(x, place.x0, place.x1), view.row(z), seen * edge * smooth(inside, 0, 8)};
    }
  }
  const float both = std::min(lane_[0].opacity, lane_[1].opacity);
  if (both > 0) add_area(curves[0], curves[1], kFill, 0.28F * both);
  for (const size_t side : {0, 1}) {
    const Boundary& one = lane_[side];
    if (one.opacity > 0)
      add_line(curves[side], one.warned ? kWarning : kLane, one.opacity, one.warned ? 2.4F : 1.4F);
  }
}

void Birdseye::draw_own(const BirdseyeView& view) {
  const auto at = [&](double right, double ahead) { return TrailPoint{view.column(right), view.row(ahead)}; };
  const double half = kOwnWidth_m / 2;
  const TrailPoint low = at(-half, -kBack_m), high = at(half, kFront_m);
  const float radius = (high.x - low.x) * 0.28F;
  // Earlier boxes lie above later ones.
  const TrailPoint left = at(-half * 0.68, -0.5), right = at(half * 0.68, 0.6);
  boxes_.push_back({{left.x, right.y, right.x, left.y}, kWindow, 1, radius * 0.4F});
  boxes_.push_back({{low.x, high.y, high.x, low.y}, kOwn, 1, radius});
}

void Birdseye::draw_object(const Object& object, const BirdseyeView& view) {
  const Rect& place = view.place();
  const auto& [ahead, right] = object.shown_place;
  // What is small stays visible, and what is longer than wide looks like it.
  const float least = least_px(place);
  const float wide = std::max(float(object.size.width_m) * view.pixels_across(), least);
  const float long_px = std::max(float(object.size.length_m) * view.pixels_along(),
                                 object.size.length_m > object.size.width_m ? 1.3F * wide : wide);
  const float x = view.column(right), low = view.row(ahead), high = low - long_px;
  const float room = std::min({x - wide / 2 - place.x0, place.x1 - x - wide / 2, high - place.y0});
  const float shown = object.opacity * smooth(room, 0, double(place.y1 - place.y0) / 40);
  if (shown <= 0 || low > place.y1 - 2) return;
  const Rgb rgb = track_color(object.id);
  const Color own{float(rgb[0]) / 255, float(rgb[1]) / 255, float(rgb[2]) / 255};
  const Color color = object.warned ? kWarning : own;
  const auto inside = [&](float y) { return std::clamp(y, place.y0 + 2, place.y1 - 2); };

  // So far it may be nearer or farther, by one standard deviation.
  const float bar = float(object.shown_sigma_m) * view.pixels_along();
  add_line(std::array{TrailPoint{x, inside(low + bar)}, TrailPoint{x, inside(high - bar)}}, color,
           0.45F * shown, 0.8F);
  for (const float y : {low + bar, high - bar}) {
    if (inside(y) != y) continue;
    add_line(std::array{TrailPoint{x - wide / 4, y}, TrailPoint{x + wide / 4, y}}, color, 0.45F * shown,
             0.8F);
  }

  draw_arrow(object, {x - wide / 2, high, x + wide / 2, low}, color, shown, view);
  const bool round = object.size.length_m <= object.size.width_m;
  const float radius = round ? wide / 2 : wide * 0.25F;
  boxes_.push_back({{x - wide / 2, high, x + wide / 2, low}, color, shown, radius, object.id});
  if (object.warned) {  // others are red by chance
    const float rim = std::max(wide * 0.12F, 1.5F);
    boxes_.push_back(
        {{x - wide / 2 - rim, high - rim, x + wide / 2 + rim, low + rim}, kOwn, shown, radius + rim});
  }
}

/// From the box's edge on, in the direction in which it goes.
void Birdseye::draw_arrow(const Object& object, const Rect& box, const Color& color, float opacity,
                          const BirdseyeView& view) {
  const Rect& place = view.place();
  const float least = least_px(place);
  const float way_x = float(object.shown_speed.right * kVector_s) * view.pixels_across();
  const float way_y = -float(object.shown_speed.ahead * kVector_s) * view.pixels_along();
  const float length = std::hypot(way_x, way_y);
  const float drawn = opacity * smooth(length, least * 0.8, least * 1.6);
  if (drawn <= 0) return;
  const TrailPoint from{
      (box.x0 + box.x1) / 2 + std::clamp(way_x / least, -1.0F, 1.0F) * (box.x1 - box.x0) / 2,
      (box.y0 + box.y1) / 2 + std::clamp(way_y / least, -1.0F, 1.0F) * (box.y1 - box.y0) / 2, drawn};
  // Cut off at the panel's edge, in its direction.
  float part = 1;
  const auto cut = [&](float start, float way, float first, float last) {
    if (way > 0) part = std::min(part, (last - start) / way);
    if (way < 0) part = std::min(part, (first - start) / way);
  };
  cut(from.x, way_x, place.x0 + 3, place.x1 - 3);
  cut(from.y, way_y, place.y0 + 3, place.y1 - 3);
  part = std::max(part, 0.0F);
  const TrailPoint to{from.x + way_x * part, from.y + way_y * part, drawn};
  const float head = std::min(least * 0.9F, length * part * 0.6F);
  const float ux = way_x / length, uy = way_y / length;
  const TrailPoint neck{to.x - ux * head, to.y - uy * head, drawn};
  add_line(std::array{from, neck}, color, 1, 1.4F);
  const float half = head * 0.6F;
  add_area(std::array{TrailPoint{neck.x - uy * half, neck.y + ux * half, drawn}, to},
           std::array{TrailPoint{neck.x + uy * half, neck.y - ux * half, drawn}, to}, color, 1);
}

void Birdseye::add_line(std::span<const TrailPoint> points, const Color& color, float opacity, float width) {
  parts_.push_back({points_.size(), points.size(), false, color, opacity, width});
  points_.insert(points_.end(), points.begin(), points.end());
}

void Birdseye::add_area(std::span<const TrailPoint> points, std::span<const TrailPoint> other,
                        const Color& color, float opacity) {
  parts_.push_back({points_.size(), points.size(), true, color, opacity, 1});
  points_.insert(points_.end(), points.begin(), points.end());
  points_.insert(points_.end(), other.begin(), other.end());
}

}  // namespace tarsier::present
