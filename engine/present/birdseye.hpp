// The road from above: where the own lane and what is tracked lie around the own vehicle. Without a device.
//
// All positions and speeds are relative to the own vehicle, whose own speed nobody here knows: what drives as
// fast as it does stands still in this view, and what stands comes nearer.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "present/panel_layer.hpp"
#include "vision/lane_tracker.hpp"
#include "vision/track.hpp"

namespace tarsier::present {

enum class Corner : uint8_t { kTopLeft, kTopRight, kBottomLeft, kBottomRight };

/// Metres ahead of the camera and to its right, in a part of the picture: both to scale, but not to the same
/// one, since a road is long and narrow.
class BirdseyeView {
 public:
  static constexpr double kHalf_m = 14;     // as far it shows to each side: three lanes
  static constexpr double kBehind_m = 3.6;  // and behind the camera: the own vehicle
  /// `size`: its height, of the picture's.
  BirdseyeView(Corner corner, double size, double far_m, int picture_width, int picture_height);

  [[nodiscard]] const Rect& place() const { return place_; }
  [[nodiscard]] double far_m() const { return far_m_; }
  [[nodiscard]] float column(double lateral_m) const {
    return (place_.x0 + place_.x1) / 2 + float(lateral_m) * across_;
  }
  [[nodiscard]] float row(double distance_m) const {
    return place_.y1 - float(distance_m + kBehind_m) * along_;
  }
  [[nodiscard]] float pixels_across() const { return across_; }  // a metre
  [[nodiscard]] float pixels_along() const { return along_; }

 private:
  Rect place_;
  double far_m_;
  float across_ = 1, along_ = 1;
};

/// How much room something takes on the road; 0: it does not stand there.
struct Footprint {
  double length_m = 0, width_m = 0;
};
/// By the name of its class, of COCO's or what it is called elsewhere ("car", "van"). Unknown ones are small.
[[nodiscard]] Footprint footprint_of(std::string_view class_name);

class Birdseye {
 public:
  explicit Birdseye(std::span<const std::string> class_names);

  /// What the latest frame that is done shows. `lane`: null where none is followed. `warned`: tracks that a
  /// collision is expected with. `departing`: the side of the lane that is being left, or -1.
  void see(double time_s, std::span<const vision::Track> tracks, std::span<const int64_t> warned,
           const vision::Lane* lane, int departing);
  /// Draws it at a later time, which grows from call to call: what moves is moved on, what comes and goes
  /// fades, corrections are spread over a moment. Valid until the next call.
  const PanelInput& draw(double time_s, const BirdseyeView& view, float text_pixels);

 private:
  /// Of one object. Ahead and to the right: metres, metres a second.
  struct Vector {
    double ahead = 0, right = 0;
  };
  struct Object {
    int64_t id = 0;
    Footprint size;
    // As seen at a time.
    bool there = true, lost = false, warned = false;
    double seen_s = 0;
    Vector place, speed;
    // As shown.
    bool fresh = true;
    Vector shown_place, shown_speed;
    double sigma_m = 0, shown_sigma_m = 0;  // of the distance
    float opacity = 0;
  };
  struct Boundary {
    bool there = false, warned = false;
    double offset = 0, heading = 0, curvature = 0;
    float sure = 0, opacity = 0;
  };
  static constexpr size_t kCurve = 20;

  void move(Object& object, double time_s, double seconds) const;
  void draw_ground(const BirdseyeView& view, float text_pixels);
  void draw_lane(const BirdseyeView& view);
  void draw_object(const Object& object, const BirdseyeView& view);
  void draw_arrow(const Object& object, const Rect& box, const std::array<float, 3>& color, float opacity,
                  const BirdseyeView& view);
  void draw_own(const BirdseyeView& view);
  void add_line(std::span<const TrailPoint> points, const std::array<float, 3>& color, float opacity,
                float width);
  void add_area(std::span<const TrailPoint> points, std::span<const TrailPoint> other,
                const std::array<float, 3>& color, float opacity);

  std::vector<Footprint> sizes_;  // by class
  double time_s_ = 0, drawn_s_ = 0;
  bool drawn_ = false;
  std::vector<Object> objects_;
  std::array<Boundary, 2> lane_;
  double lane_far_m_ = 0;

  /// Points of a line, or with `other` of an area's two.
  struct Line {
    size_t first = 0, count = 0;
    bool area = false;
    std::array<float, 3> color{};
    float opacity = 1, width = 1;
  };
  std::vector<TrailPoint> points_;
  std::vector<Line> parts_;
  std::vector<LineInput> lines_;
  std::vector<PanelBox> boxes_;
  std::vector<std::string> names_;
  std::vector<PanelText> texts_;
  PanelInput panel_;
};

}  // namespace tarsier::present
