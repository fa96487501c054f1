// "zones": how many are within a polygon and for how long, and how many have crossed a line in which
// direction, by the tracks of a stage before it.
//
// Works on the host, on the tracks of a frame when that frame is done, like the tracker itself: counts in a
// frame's result are exact. What is drawn is what was known when the frame was recorded.
#include <array>
#include <iterator>
#include <set>

#include "pipeline/stage.hpp"
#include "pipeline/zone_tables.hpp"
#include "vision/zones.hpp"

namespace tarsier::pipeline {
namespace {

class ZonesStage final : public Stage, public ZoneKeeper {
 public:
  ZonesStage(std::string name, int32_t label_set, std::vector<vision::ZoneShape> shapes)
      : name_(std::move(name)), label_set_(label_set) {
    use_shapes(std::move(shapes));
  }

  [[nodiscard]] ZoneKeeper* zone_keeper() override { return this; }
  [[nodiscard]] const vision::ZoneCounter& counter() const override { return counter_; }
  void use_shapes(std::vector<vision::ZoneShape> shapes) override {
    counter_.use_shapes(std::move(shapes));
    drawn_.clear();
    for (const auto& shape : counter_.shapes()) {
      auto& drawn = drawn_.emplace_back();
      if (!shape.line) drawn.triangles = vision::triangulate(shape.points);
      drawn.points.resize(shape.points.size());
    }
  }

  [[nodiscard]] const std::string& name() const override { return name_; }

  Status record(gpu::FrameContext&, const DeviceFrame& picture, const Params& params) override {
    params_.band = params.real(name_ + ".band");
    params_.settle_s = params.real(name_ + ".settle");
    shown_ = params.boolean(name_ + ".show");
    for (size_t i = 0; shown_ && i < drawn_.size(); ++i) {
      const auto& shape = counter_.shapes()[i];
      for (size_t k = 0; k < shape.points.size(); ++k) {
        drawn_[i].points[k] = {float(shape.points[k].x * picture.width),
                               float(shape.points[k].y * picture.height), 0.9F};
      }
      write_label(i, drawn_[i].label);
    }
    return {};
  }

  void layers(const gpu::FrameContext&, const DeviceFrame&, const Params&, Layers& layers) const override {
    if (!shown_) return;
    for (const auto& one : drawn_) layers.zones.push_back({one.points, one.triangles, kColor, one.label});
  }

  void read_results(gpu::FrameContext& frame, const std::shared_ptr<FrameResult>& result,
                    bool /*wanted*/) override {
    frame.on_complete([this, params = params_, result] {
      counter_.update(result->time_s, result->width, result->height, result->tracks, params);
      const auto& shapes = counter_.shapes();
      result->zones.reserve(shapes.size());
      result->lines.reserve(shapes.size());
      for (size_t i = 0; i < shapes.size(); ++i) {
        if (shapes[i].line) {
          result->lines.push_back({shapes[i].name, counter_.line(i), label_set_});
        } else {
          result->zones.push_back({shapes[i].name, counter_.zone(i), label_set_});
        }
      }
    });
  }

 private:
  // The same for all: the strong colours are those of what moves.
  static constexpr std::array<float, 3> kColor{0.61F, 0.91F, 1.0F};
  struct Drawn {
    std::vector<present::TrailPoint> points;
    std::vector<std::array<size_t, 3>> triangles;
    std::string label;
  };

  /// "forecourt  2 in, 7 entered, 3.4 s", "path  5 forward, 3 back". In place: nothing is allocated.
  void write_label(size_t i, std::string& text) const {
    text.clear();
    const auto at = std::back_inserter(text);
    const auto& shape = counter_.shapes()[i];
    if (shape.line) {
      const auto& line = counter_.line(i);
      fmt::format_to(at, "{}  {} forward, {} back", shape.name, vision::total(line.forward),
                     vision::total(line.backward));
      return;
    }
    const auto& zone = counter_.zone(i);
    fmt::format_to(at, "{}  {} in, {} entered", shape.name, zone.inside.size(), vision::total(zone.entered));
    if (const auto mean = zone.mean_dwell_s()) fmt::format_to(at, ", {:.1f} s", *mean);
  }

  std::string name_;
  int32_t label_set_;
  vision::ZoneCounter counter_;
  vision::ZoneParams params_;  // of the latest frame
  bool shown_ = true;
  std::vector<Drawn> drawn_;  // by shape
};

/// Errors (kInput): one with a fault, two of one name. None at all is no mistake: they can be drawn.
Status check_zones(const StageSpec& spec) {
  std::set<std::pair<std::string, std::string>> names;
  for (const auto& zone : spec.zones) {
    const auto& shape = zone.shape;
    const std::string what = shape.line ? "line" : "zone";
    if (const std::string fault = vision::fault_of(shape); !fault.empty())
      return placed(zone.place, input_error("stage '{}', {} '{}': {}", spec.name, what, shape.name, fault));
    if (!names.insert({zone.source, shape.name}).second) {
      return placed(zone.place, input_error("stage '{}': there are two zones or lines named '{}'; give one "
                                            "another name",
                                            spec.name, shape.name));
    }
  }
  return {};
}

Status declare(const StageSpec& spec, std::span<const StageSpec> before, const models::Catalogue&,
               Params& params) {
  TARSIER_CHECK(declare_input(spec, "track", "the stage whose tracks are counted", params));
  StageParams declare(spec.name, params);
  declare.number("band", 0.1, {},
                 "how far beyond a line or an edge an object must stand to be on the other side, in parts of "
                 "its height: its box jitters");
  declare.number("settle", 0.5, {.max = 10, .step = 0.1, .unit = "s"},
                 "or for how long it must stand on the other side of a zone's edge");
  declare.toggle("show", true, "draw zones, lines and their counts");
  TARSIER_CHECK(declare.status());
  TARSIER_CHECK(check_zones(spec));
  TARSIER_CHECK(check_only_one(spec, before));
  return check_input(spec, before, "track", params);
}

Result<std::unique_ptr<Stage>> make(const StageSpec& spec, StageContext& context) {
  TARSIER_TRY(Stage * input, input_of(spec, context));  // its tracks are in the results
  return std::unique_ptr<Stage>(new ZonesStage(spec.name, input->track_source()->boxes().label_set(),
                                               shapes_of(zones_in(spec, context.source))));
}

}  // namespace

const StageType kZonesStage{"zones", declare, make};

}  // namespace tarsier::pipeline
