// "range": how far away tracked objects are, how fast they come nearer and when they would be here, from one
// camera over a flat road; warns of what the own vehicle would run into. Estimates, not safety-rated.
//
// Works on the host, on the tracks of a frame when that frame is done, like the tracker itself. What is drawn
// is what was known when the frame was recorded, moved on to the frame's own time.
#include <algorithm>
#include <map>

#include "core/text.hpp"
#include "pipeline/camera.hpp"
#include "pipeline/event_span.hpp"
#include "pipeline/stage.hpp"
#include "vision/ground_plane.hpp"
#include "vision/range_filter.hpp"

namespace tarsier::pipeline {
namespace {

constexpr double kTtcShown_s = 10;  // later than that is no news to a driver

struct Settings {
  vision::CameraDesc camera;
  vision::CollisionWarning::Params warning;
  double corridor_m = 2, acceleration = 0.5;
};

class RangeStage final : public Stage, public TrackNotes {
 public:
  RangeStage(std::string name, std::string camera, TrackSource& source, const LaneSource* lanes)
      : name_(std::move(name)), camera_(std::move(camera)), source_(source), lanes_(lanes) {
    source.attach(*this);
  }

  [[nodiscard]] const std::string& name() const override { return name_; }
  [[nodiscard]] TrackSource* track_source() override { return &source_; }

  Status record(gpu::FrameContext&, const DeviceFrame& picture, const Params& params) override {
    const auto real = [&](const char* key) { return params.real(fmt::format("{}.{}", name_, key)); };
    settings_.camera = read_camera(camera_, params);
    settings_.warning = {.warn_s = real("warn"),
                         .clear_s = std::max(real("clear"), real("warn")),
                         .frames = int(params.integer(name_ + ".frames"))};
    settings_.corridor_m = real("corridor");
    settings_.acceleration = real("acceleration");
    TARSIER_TRY(plane_, vision::GroundPlane::create(settings_.camera, picture.width, picture.height));
    shown_ = params.boolean(name_ + ".show");
    return {};
  }

  void layers(const gpu::FrameContext&, const DeviceFrame& picture, const Params&,
              Layers& layers) const override {
    if (!shown_) return;
    layers.add_note(kEstimates);
    std::optional<double> first;
    for (const auto& [id, one] : tracks_) {
      if (!one.warning.on()) continue;
      const double ttc = one.range.ttc_at(picture.time_s).value_or(settings_.warning.clear_s);
      if (!first || ttc < *first) first = ttc;
    }
    if (first)
      layers.banners.push_back(fmt::format("COLLISION WARNING  {:.1f} s   (not safety-rated)", *first));
  }

  void read_results(gpu::FrameContext& frame, const std::shared_ptr<FrameResult>& result,
                    bool /*wanted*/) override {
    frame.on_complete([this, settings = settings_, plane = plane_, result] {
      // The lanes' horizon is that of this very frame by now.
      update(*result, settings, lanes_ != nullptr ? lanes_->ground() : plane);
    });
  }

  void note(int64_t id, double time_s, present::TrackBox& box) const override {
    const auto found = tracks_.find(id);
    if (!shown_ || found == tracks_.end()) return;
    if (const auto distance = found->second.range.distance_at(time_s)) box.distance_m = float(*distance);
    const auto ttc = found->second.range.ttc_at(time_s);
    if (ttc && *ttc < kTtcShown_s) box.ttc_s = float(*ttc);
    box.warned = found->second.warning.on();
  }

 private:
  struct One {
    vision::TrackRange range;
    vision::CollisionWarning warning;
    EventSpan event;
  };

  void update(FrameResult& result, const Settings& settings, const vision::GroundPlane& plane) {
    if (result.time_s < time_s_) {  // the source went back: so does the tracker
      for (auto& [id, one] : tracks_) one.event.end(result);
      tracks_.clear();
    }
    time_s_ = result.time_s;
    for (auto& track : result.tracks) {
      One& one = tracks_[track.id];
      // In a frame that the detector did not look at a tracked object is as it was, only later.
      const bool tracked = track.state == vision::TrackState::kTracked;
      const bool seen = tracked && track.seen_s >= result.time_s;
      const bool removed = track.state == vision::TrackState::kRemoved;
      one.range.update(track, seen, result.time_s, plane, result.width, result.height, settings.acceleration);
      one.range.fill(track, plane);
      std::optional<double> ttc;
      if (track.ttc_s) ttc = track.ttc_s->value;
      if (seen || !tracked)
        one.warning.update(ttc, in_path(track, one, result.time_s, settings, plane), seen, settings.warning);
      one.event.update(one.warning.on() && !removed, {.type = "forward_collision", .track = track.id},
                       result);
      if (removed) tracks_.erase(track.id);
    }
  }

  /// Whether any of the box is in the strip straight ahead that the own vehicle will drive on.
  static bool in_path(const vision::Track& track, const One& one, double time_s, const Settings& settings,
                      const vision::GroundPlane& plane) {
    const auto distance = one.range.distance_at(time_s);
    if (!distance) return false;
    const double half = settings.corridor_m / 2;
    return plane.lateral_m(track.x0, *distance) < half && plane.lateral_m(track.x1, *distance) > -half;
  }

  std::string name_, camera_;  // prefixes of its parameters
  TrackSource& source_;
  const LaneSource* lanes_;  // null: none in the pipeline
  Settings settings_;        // of the latest frame
  vision::GroundPlane plane_;
  bool shown_ = true;
  double time_s_ = 0;
  std::map<int64_t, One> tracks_;
};

Status declare(const StageSpec& spec, std::span<const StageSpec> before, const models::Catalogue&,
               Params& params) {
  TARSIER_CHECK(declare_input(spec, "track", "the stage whose tracks are measured", params));
  TARSIER_CHECK(declare_camera(spec, before, params));
  StageParams declare(spec.name, params);
  declare.number("acceleration", 0.5, {.min = 0.05, .max = 10, .unit = "m/s^2"},
                 "how fast speeds may change: higher follows sooner, lower is steadier");
  declare.number("corridor", 2, {.min = 0.5, .max = 10, .unit = "m"},
                 "width of the own vehicle's path, straight ahead");
  declare.number("warn", 2, {.min = 0.1, .max = 20, .unit = "s"}, "warns of a time to collision below this");
  declare.number("clear", 3, {.min = 0.1, .max = 30, .unit = "s"}, "until it is above this");
  declare.whole("frames", 3, {.min = 1, .max = 100}, "for so many frames in a row");
  declare.toggle("show", true, "draw distances, times to collision and warnings");
  TARSIER_CHECK(declare.status());
  TARSIER_CHECK(check_only_one(spec, before));
  TARSIER_CHECK(check_horizon(spec, before, params));
  return check_input(spec, before, "track", params);
}

Result<std::unique_ptr<Stage>> make(const StageSpec& spec, StageContext& context) {
  TARSIER_TRY(Stage * input, input_of(spec, context));
  TARSIER_TRY(auto camera, camera_of(spec, context));
  const LaneSource* lanes = nullptr;
  for (const auto& stage : context.before) {
    if (lanes == nullptr) lanes = stage->lane_source();
  }
  return std::unique_ptr<Stage>(new RangeStage(spec.name, std::move(camera), *input->track_source(), lanes));
}

}  // namespace

const StageType kRangeStage{"range", declare, make};

}  // namespace tarsier::pipeline
