// "lanes": the own lane, from a mask of lane lines: its two boundaries as curves, where in it the camera is,
// how it bends, a warning of leaving it, and the horizon, which is where parallel lines meet. Estimates, not
// safety-rated.
//
// Works on the host: the mask comes by a copy that nothing waits for, and is taken in when its frame is done.
// A frame's results are exact; what is drawn over it is what was known when it was recorded.
#include <algorithm>
#include <cmath>

#include "core/log.hpp"
#include "core/text.hpp"
#include "pipeline/camera.hpp"
#include "pipeline/event_span.hpp"
#include "pipeline/stage.hpp"
#include "vision/lane_tracker.hpp"

namespace tarsier::pipeline {
namespace {

constexpr size_t kDrawn = 24;    // points of a curve
constexpr float kFades = 0.35F;  // of its length, at the far end
constexpr std::array<float, 3> kLine{1.0F, 0.80F, 0.20F}, kWarned{0.90F, 0.11F, 0.14F},
    kFill{0.25F, 0.65F, 1.0F};

struct Settings {
  vision::LaneParams lane;
  vision::LaneDeparture::Params departure;
};

class LanesStage final : public Stage, public LaneSource, public MaskReader {
 public:
  LanesStage(std::string name, std::string camera, std::string mask, MaskSource* source)
      : name_(std::move(name)), camera_(std::move(camera)), mask_(std::move(mask)), source_(source) {
    if (source_ != nullptr) source_->attach(mask_, *this, true);
  }

  [[nodiscard]] const std::string& name() const override { return name_; }
  [[nodiscard]] LaneSource* lane_source() override { return this; }
  [[nodiscard]] bool takes_mask(const Params&) const override { return true; }
  [[nodiscard]] const vision::GroundPlane& ground() const override {
    return from_lanes_ ? tracker_.plane() : described_;
  }

  Status record(gpu::FrameContext&, const DeviceFrame& picture, const Params& params) override {
    const auto real = [&](const char* key) { return params.real(fmt::format("{}.{}", name_, key)); };
    TARSIER_TRY(plane_,
                vision::GroundPlane::create(read_camera(camera_, params), picture.width, picture.height));
    settings_.lane = {.hold_s = real("hold"), .horizon_from_lanes = horizon_from_lanes(camera_, params)};
    settings_.departure = {.vehicle_m = real("vehicle_width"),
                           .warn_m = real("warn"),
                           .clear_m = std::max(real("clear"), real("warn")),
                           .frames = int(params.integer(name_ + ".frames"))};
    if (source_ == nullptr) described_ = plane_;
    shown_ = params.boolean(name_ + ".show");
    fill_ = float(real("fill"));
    for (const int side : {0, 1}) {
      const auto& one = tracker_.lane().sides[size_t(side)];
      auto& drawn = drawn_[size_t(side)];
      if (!one.known) continue;
      std::array<vision::CurvePoint, kDrawn> curve;
      tracker_.curve(side, picture.height, curve);
      // Certain ones are whole, doubtful ones faint.
      const float sure = std::clamp(one.confidence / 0.5F, 0.25F, 1.0F);
      for (size_t i = 0; i < kDrawn; ++i) {
        const float left = float(kDrawn - 1 - i) / float(kDrawn - 1);
        drawn[i] = {curve[i].x, curve[i].y, sure * std::min(left / kFades, 1.0F)};
      }
    }
    return {};
  }

  void layers(const gpu::FrameContext&, const DeviceFrame&, const Params&, Layers& layers) const override {
    if (!shown_ || source_ == nullptr) return;
    const auto& lane = tracker_.lane();
    if (lane.sides[0].known && lane.sides[1].known && fill_ > 0)
      layers.lines.push_back({.points = drawn_[0], .other = drawn_[1], .color = kFill, .opacity = fill_});
    for (const int side : {0, 1}) {
      if (!lane.sides[size_t(side)].known) continue;
      const bool warned = departure_.on() && departure_.side() == side;
      layers.lines.push_back(
          {.points = drawn_[size_t(side)], .color = warned ? kWarned : kLine, .width = warned ? 3.0F : 2.0F});
    }
    if (lane.position_m) {
      const float position = lane.position_m->value;
      layers.add_note(fmt::format("{:.1f} m {} of the lane's middle", std::abs(position),
                                  position < 0 ? "left" : "right"));
    }
    layers.add_note(kEstimates);
    if (departure_.on()) {
      layers.banners.push_back(
          fmt::format("LANE DEPARTURE  {}   (not safety-rated)", departure_.side() == 0 ? "left" : "right"));
    }
  }

  void read_results(gpu::FrameContext& frame, const std::shared_ptr<FrameResult>& result,
                    bool /*wanted*/) override {
    if (source_ == nullptr) return;
    frame.on_complete(
        [this, slot = frame.slot(), ran = source_->ran(), settings = settings_, plane = plane_, result] {
          if (ran) update(*result, source_->host_mask(mask_, slot), settings, plane);
          tell(*result);
        });
  }

 private:
  void update(FrameResult& result, const vision::HostMask& mask, const Settings& settings,
              const vision::GroundPlane& plane) {
    if (result.time_s < time_s_) {  // the source went back: so does the tracker
      departure_ = {};
      event_.end(result);
    }
    time_s_ = result.time_s;
    tracker_.update(mask, result.time_s, plane, result.width, result.height, settings.lane);
    described_ = plane;
    from_lanes_ = tracker_.lane().pitch_from_lanes;
    departure_.update(tracker_.lane(), settings.departure);
  }

  /// Also in frames that the network did not look at: there the lane is where it was.
  void tell(FrameResult& result) {
    auto& lanes = result.lanes.emplace();
    lanes.lane = tracker_.lane();
    for (const int side : {0, 1}) {
      if (lanes.lane.sides[size_t(side)].known)
        tracker_.curve(side, result.height, lanes.curves[size_t(side)]);
    }
    event_.update(departure_.on(),
                  {.type = "lane_departure", .side = departure_.side() == 0 ? "left" : "right"}, result);
  }

  std::string name_, camera_;  // prefixes of its parameters
  std::string mask_;
  MaskSource* source_;  // null: left out; then there is the camera alone, for the stages behind
  Settings settings_;   // of the latest frame
  vision::GroundPlane plane_, described_;
  bool shown_ = true, from_lanes_ = false;
  float fill_ = 0;
  vision::LaneTracker tracker_;
  vision::LaneDeparture departure_;
  EventSpan event_;  // of the departure
  double time_s_ = 0;
  std::array<std::array<present::TrailPoint, kDrawn>, 2> drawn_;
};

Status declare(const StageSpec& spec, std::span<const StageSpec> before, const models::Catalogue&,
               Params& params) {
  TARSIER_CHECK(
      declare_input_mask(spec, "road", "lanes", "the stage whose mask shows the lane lines", params));
  TARSIER_CHECK(declare_camera(spec, before, params));
  StageParams declare(spec.name, params);
  declare.number("hold", 1, {.min = 0.1, .max = 10, .unit = "s"},
                 "how long a boundary stays that no frame shows");
  declare.number("vehicle_width", 1.8, {.min = 0.5, .max = 4, .unit = "m"},
                 "of the own vehicle, the camera in its middle");
  declare.number("warn", 0, {.min = -1, .max = 2, .unit = "m"},
                 "warns of leaving the lane with less room than this beside it");
  declare.number("clear", 0.25, {.min = -1, .max = 2, .unit = "m"}, "until there is more than this");
  declare.whole("frames", 3, {.min = 1, .max = 100}, "for so many frames in a row");
  declare.toggle("show", true, "draw the lane and its warning");
  declare.number("fill", 0.2, {}, "how much of the picture the lane's colour hides (0: lines alone)");
  TARSIER_CHECK(declare.status());
  TARSIER_CHECK(check_only_one(spec, before));
  return check_input_mask(spec, before, params);
}

Result<std::unique_ptr<Stage>> make(const StageSpec& spec, StageContext& context) {
  TARSIER_TRY(auto camera, camera_of(spec, context));
  const std::string& mask = context.params.text(spec.name + ".input_mask");
  MaskSource* source = nullptr;
  if (const auto input = input_of(spec, context); input.ok()) {
    source = (*input)->mask_source();
  } else {
    log::warn("stage '{}' follows no lane: {}", spec.name, input.error().message);
  }
  return std::unique_ptr<Stage>(new LanesStage(spec.name, std::move(camera), mask, source));
}

}  // namespace

const StageType kLanesStage{"lanes", declare, make};

}  // namespace tarsier::pipeline
