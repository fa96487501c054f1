#include "app/side.hpp"

#include <algorithm>

#include "core/log.hpp"
#include "gpu/device.hpp"

namespace tarsier::app {
namespace {

Result<Side::Stages> make_stages(const SideContext& side, Setup& setup) {
  pipeline::StageContext context{side.device, side.catalogue, side.store, setup.params};
  context.slots = setup.options.frames_in_flight;
  context.frame_width = side.source.width;
  context.frame_height = side.source.height;
  context.source = side.source.name;
  TARSIER_TRY(context.precision, infer::parse_precision(setup.options.precision));
  context.paced = side.paced;
  context.results = side.results;
  TARSIER_TRY(context.tune, infer::parse_tune(setup.options.globals.tune));
  if (side.beside_frames && context.tune != infer::Tune::kOff) context.tune = infer::Tune::kKept;
  context.progress = side.progress;
  Side::Stages stages;
  std::vector<std::pair<std::string, Error>> left_out;
  for (const auto& spec : setup.spec.stages) {
    context.before = stages;
    auto stage = pipeline::make_stage(spec, context);
    if (stage.ok()) {
      stages.push_back(*std::move(stage));
      continue;
    }
    const bool known = std::ranges::find(setup.left_out, spec.name) != setup.left_out.end();
    if (stage.error().kind == ErrorKind::kInput || (side.whole && !known)) return stage.error();
    left_out.emplace_back(spec.name, stage.error());
    setup.params.withdraw(spec.name + ".");
  }
  if (stages.empty()) return left_out.front().second;
  setup.left_out.clear();
  for (const auto& [name, error] : left_out) setup.left_out.push_back(name);
  for (const auto& [name, error] : left_out) log::warn("stage '{}' is left out: {}", name, error.message);
  return stages;
}

}  // namespace

Result<std::unique_ptr<Side>> Side::create(gpu::Device& device, Stages stages) {
  auto side = std::unique_ptr<Side>(new Side);
  side->stages_ = std::move(stages);
  for (const auto& stage : side->stages_) {
    side->tracks_ = side->tracks_ || stage->tracks();
    if (const auto* source = stage->detection_source()) side->label_sets_.push_back(source->class_names());
  }
  present::SceneOptions options;
  options.label_sets = side->label_sets_;
  TARSIER_TRY(side->scene_, present::SceneRenderer::create(device, options));
  return side;
}

pipeline::DetectionSource* Side::detector() const {
  for (const auto& stage : stages_)
    if (auto* source = stage->detection_source()) return source;
  return nullptr;
}

Status Side::record(gpu::FrameContext& context, const pipeline::DeviceFrame& frame, const Params& params,
                    const Recorded& recorded) {
  frame_ = frame;
  pipeline::DeviceFrame picture = frame;
  for (const auto& stage : stages_) {
    TARSIER_CHECK(stage->prepare(context, params, picture));
    TARSIER_CHECK(stage->record(context, picture, params));
    if (recorded) recorded(stage->name());
  }
  shown_ = picture;
  for (const auto& stage : stages_) TARSIER_CHECK(stage->edit(context, params, shown_));
  if (recorded) recorded("edit");
  return {};
}

Status Side::draw(gpu::FrameContext& context, const Params& params, const gpu::Buffer* marks) {
  pipeline::Layers layers;
  for (const auto& stage : stages_) stage->layers(context, frame_, params, layers);
  const auto set_of = [this](const std::vector<std::string>& labels) {
    const auto set = std::find(label_sets_.begin(), label_sets_.end(), labels);
    return set == label_sets_.end() ? 0U : static_cast<uint32_t>(set - label_sets_.begin());
  };
  std::vector<present::DetectionInput> detections;
  for (const auto& layer : layers.detections) {
    detections.push_back({layer.detections, 0, set_of(*layer.labels), layer.least_score});
  }
  std::vector<present::TrackInput> tracks;
  for (const auto& layer : layers.tracks) tracks.push_back({layer.boxes, set_of(*layer.labels)});
  present::SceneInputs inputs;
  inputs.frame = shown_.buffer;
  inputs.frame_offset = shown_.offset;
  inputs.width = static_cast<uint32_t>(frame_.width);
  inputs.height = static_cast<uint32_t>(frame_.height);
  inputs.masks = layers.masks;
  inputs.zones = layers.zones;
  inputs.detections = detections;
  inputs.tracks = tracks;
  inputs.marks = marks;
  inputs.faces = layers.faces;
  inputs.skeletons = layers.skeletons;
  inputs.lines = layers.lines;
  inputs.panel = layers.panel;
  keep_free_.clear();
  if (layers.panel != nullptr) keep_free_.push_back(layers.panel->place);
  if (!layers.note.empty()) keep_free_.push_back(present::status_strip(inputs.width, inputs.height));
  inputs.status = layers.note;
  inputs.banners = layers.banners;
  return scene_->draw(context, inputs);
}

void Side::read_results(gpu::FrameContext& context, const std::shared_ptr<pipeline::FrameResult>& result,
                        bool wanted) const {
  for (const auto& stage : stages_) stage->read_results(context, result, wanted);
}

Status Side::warm_up(gpu::Device& device, uint32_t frames_in_flight, int width, int height,
                     const Params& params) {
  // Every slot has objects of its own, and one dispatch of each pipeline compiles it for all.
  TARSIER_TRY(const auto ring, gpu::FrameRing::create(device, frames_in_flight, staging_for(width, height)));
  TARSIER_TRY(const auto black, device.create_buffer({.size = uint64_t(width) * uint64_t(height) * 4,
                                                      .name = "black picture"}));
  // The first real frame goes back in time: no stage takes this one for its predecessor.
  constexpr double kLater_s = 1e6;
  TARSIER_TRY(auto* context, ring->begin());
  TARSIER_CHECK(record(*context, {&black, 0, width, height, kLater_s}, params));
  TARSIER_CHECK(draw(*context, params));
  TARSIER_CHECK(ring->submit(*context));
  ring->drain();
  frame_ = shown_ = {};
  return {};
}

Result<std::unique_ptr<Side>> make_side(const SideContext& context, Setup& setup) {
  TARSIER_TRY(auto stages, make_stages(context, setup));
  TARSIER_TRY(auto side, Side::create(context.device, std::move(stages)));
  if (context.progress) context.progress("preparing the first frame", -1);
  TARSIER_CHECK(side->warm_up(context.device, setup.options.frames_in_flight, context.source.width,
                              context.source.height, setup.params));
  return side;
}

}  // namespace tarsier::app
