// "birdseye": the road from above in a corner of the picture: the own lane, and what is tracked where it is
// and where it goes. Estimates, not safety-rated.
//
// Speeds are relative to the own vehicle, whose own speed nobody here knows: an arrow shows where something
// will be in two seconds in this very view. Distances are those of the stage that it takes; a bar ahead of
// and behind a vehicle is one standard deviation of its distance.
//
// Shows what was known when the frame was recorded, moved on to the frame's own time. Costs the device a few
// hundred small triangles, and nothing is read back.
#include <algorithm>

#include "pipeline/camera.hpp"
#include "pipeline/stage.hpp"
#include "present/birdseye.hpp"
#include "present/text_tables.hpp"

namespace tarsier::pipeline {
namespace {

using present::Corner;

/// In Corner's order.
const std::vector<std::string> kCorners = {"top-left", "top-right", "bottom-left", "bottom-right"};

class BirdseyeStage final : public Stage {
 public:
  BirdseyeStage(std::string name, const TrackSource& source)
      : name_(std::move(name)), birdseye_(source.boxes().class_names()) {}

  [[nodiscard]] const std::string& name() const override { return name_; }

  Status record(gpu::FrameContext&, const DeviceFrame& picture, const Params& params) override {
    panel_ = nullptr;
    if (!params.boolean(name_ + ".show")) return {};
    const auto corner = std::ranges::find(kCorners, params.text(name_ + ".corner")) - kCorners.begin();
    const present::BirdseyeView view(Corner(corner), params.real(name_ + ".size"),
                                     params.real(name_ + ".far"), picture.width, picture.height);
    panel_ = &birdseye_.draw(picture.time_s, view, present::text_pixels(uint32_t(picture.height)));
    return {};
  }

  void layers(const gpu::FrameContext&, const DeviceFrame&, const Params&, Layers& layers) const override {
    if (panel_ == nullptr) return;
    layers.panel = panel_;
    layers.add_note(kEstimates);
  }

  void read_results(gpu::FrameContext& frame, const std::shared_ptr<FrameResult>& result,
                    bool /*wanted*/) override {
    frame.on_complete([this, result] {
      warned_.clear();
      int departing = -1;
      for (const Event& event : result->events) {
        if (event.ended) continue;
        if (event.type == std::string_view("forward_collision")) warned_.push_back(event.track);
        if (event.type == std::string_view("lane_departure"))
          departing = event.side == std::string_view("left") ? 0 : 1;
      }
      birdseye_.see(result->time_s, result->tracks, warned_, result->lanes ? &result->lanes->lane : nullptr,
                    departing);
    });
  }

 private:
  std::string name_;
  present::Birdseye birdseye_;
  std::vector<int64_t> warned_;
  const present::PanelInput* panel_ = nullptr;  // of the frame that is being recorded
};

Status declare(const StageSpec& spec, std::span<const StageSpec> before, const models::Catalogue&,
               Params& params) {
  TARSIER_CHECK(declare_input(spec, "range", "the stage that knows how far away things are", params));
  StageParams declare(spec.name, params);
  declare.toggle("show", true,
                 "draw the road from above; arrows: where things will be in 2 s, relative to the "
                 "own vehicle");
  declare.number("size", 0.45, {.min = 0.2, .max = 0.9}, "its height, in parts of the picture's");
  declare.number("far", 80, {.min = 20, .max = 200, .step = 5, .unit = "m"}, "how far ahead it shows");
  declare.choice("corner", "top-right", kCorners, "of the picture, where it is drawn");
  TARSIER_CHECK(declare.status());
  TARSIER_CHECK(check_only_one(spec, before));
  return check_input(spec, before, "range", params);
}

Result<std::unique_ptr<Stage>> make(const StageSpec& spec, StageContext& context) {
  TARSIER_TRY(Stage * input, input_of(spec, context));
  return std::unique_ptr<Stage>(new BirdseyeStage(spec.name, *input->track_source()));
}

}  // namespace

const StageType kBirdseyeStage{"birdseye", declare, make};

}  // namespace tarsier::pipeline
