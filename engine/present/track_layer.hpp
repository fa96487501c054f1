// Draws tracked objects: boxes and labels in the colour of their identity, and the trails behind them.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include "gpu/frame_context.hpp"
#include "gpu/graphics_pipeline.hpp"
#include "present/label_placer.hpp"
#include "present/polyline.hpp"

namespace tarsier::present {

struct Quad;
struct TextTables;

/// As many are drawn, the first ones.
inline constexpr size_t kMaxTracksDrawn = 200;
/// Points of a trail that are drawn, the last ones.
inline constexpr size_t kMaxTrailPoints = 32;

inline constexpr float kNotKnown = std::numeric_limits<float>::quiet_NaN();

struct TrackBox {
  float x0 = 0, y0 = 0, x1 = 0, y1 = 0;  // pixels of the picture
  int64_t id = 0;                        // gives the colour and stands in the label
  int32_t class_id = 0;
  float score = 0;
  bool lost = false;  // dashed, without a score
  float opacity = 1;
  float distance_m = kNotKnown;       // in the label in the score's place: "23 m"
  float ttc_s = kNotKnown;            // behind it: "2.1 s"
  bool warned = false;                // a red frame around the box, and a red label
  std::span<const TrailPoint> trail;  // oldest point first; fewer than two: none
};

struct TrackInput {
  /// Later ones are drawn over earlier ones, and get their labels' places before them. Labels do not cover
  /// one another: one that finds no place above, inside or below its box is left out.
  std::span<const TrackBox> boxes;
  uint32_t label_set = 0;  // of SceneOptions
};

/// Push constants of present/quad.* and present/trail.*.
struct QuadPush {
  float frame[2];       // pixels
  float line, outline;  // half the width of a box's line, width of its dark rim
};

/// Draws Strips, one an instance, with QuadPush.
Result<gpu::GraphicsPipeline> create_strip_pipeline(gpu::Device& device, const gpu::RenderTarget& target);

class TrackLayer {
 public:
  /// For every target of the format of `target`.
  static Result<TrackLayer> create(gpu::Device& device, const gpu::RenderTarget& target);

  /// Writes what the draws need into the frame's staging area: under 5 kB a track. Steady state allocates
  /// nothing. Fails where the staging area is too small. `hidden`: what is drawn over it, where labels have
  /// no place.
  Status prepare(gpu::FrameContext& frame, std::span<const TrackInput> inputs,
                 std::span<const LineInput> lines, std::span<const Rect> hidden, const TextTables& text,
                 const QuadPush& push);
  /// And the lines below them.
  void draw_trails(gpu::CommandList& commands) const;
  /// With the pipeline of quads bound.
  void draw_boxes(gpu::CommandList& commands) const;

 private:
  struct Staged {
    const gpu::Buffer* buffer = nullptr;
    uint64_t offset = 0;
    uint32_t count = 0;
  };
  template <class T>
  static Result<Staged> stage(gpu::FrameContext& frame, const std::vector<T>& rows);
  void add_trail(const TrackBox& box);
  void add_box(const TrackBox& box);
  void add_outline(const TrackBox& box, float outset, const float (&color)[4], float kind);
  void place_labels(const TrackInput& input, size_t count, const TextTables& text);
  void add_label(const TrackBox& box, const TextTables& text, uint32_t label_set);

  gpu::GraphicsPipeline trail_pipeline_;
  QuadPush push_{};
  std::vector<Strip> pieces_;
  std::vector<Quad> quads_;
  LabelPlacer labels_;
  std::vector<std::pair<float, const TrackBox*>> order_;  // in which labels get their places
  Staged staged_pieces_, staged_quads_;
};

}  // namespace tarsier::present
