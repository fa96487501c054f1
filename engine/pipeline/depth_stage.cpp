// "depth": how far away things are, as colours or as fog, from a network that tells depth from one picture.
//
// The network's small map is brought to the frame's edges as a person's mask is (vision/matte). Depth is
// relative: what is near is told within the frame. With the effect `none` nothing runs, and without a network
// (no depth network with clear terms is in the catalogue) nothing can: then the picture stays as it is.
#include <cmath>

#include "pipeline/cadence.hpp"
#include "pipeline/stage.hpp"
#include "present/palette.hpp"
#include "vision/composite.hpp"
#include "vision/depth_map.hpp"

namespace tarsier::pipeline {
namespace {

constexpr double kRange_s = 1;  // over which nearest and furthest follow the frames
constexpr double kSmooth_s = 0.1;

class DepthStage final : public Stage {
 public:
  DepthStage(std::string name, gpu::Device& device, std::unique_ptr<Network> network, vision::DepthMap map)
      : name_(std::move(name)), device_(device), network_(std::move(network)), map_(std::move(map)) {}

  [[nodiscard]] const std::string& name() const override { return name_; }

  Status record(gpu::FrameContext& frame, const DeviceFrame& picture, const Params& params) override {
    note_.clear();
    effect_ = params.text(name_ + ".effect");
    if (effect_ == "none") {
      cadence_.rest();
      return {};
    }
    if (!network_) {
      note_ = fmt::format("no depth network is given: set {}.model", name_);
      effect_ = "none";
      return {};
    }
    if (const auto color = present::parse_color(params.text(name_ + ".color")); color.ok()) {
      color_ = {(*color)[2], (*color)[1], (*color)[0]};
    } else {
      note_ = color.error().message;
    }
    captured_ = picture;
    if (cadence_.due(name_, params, picture)) {
      const double passed = picture.time_s - time_s_;
      time_s_ = picture.time_s;
      network_->record(frame, picture, name_);
      frame.begin_span(name_ + " map");
      map_.record(frame.commands(), passed < 0 ? 1.0F : float(1 - std::exp(-passed / kRange_s)));
      frame.end_span();
    }
    TARSIER_CHECK(fit(frame, picture));
    frame.begin_span(name_ + " edges");
    matte_->record(frame.commands(), picture.address(),
                   {map_.bytes().address(), map_.width(), map_.height(),
                    network_->output_fit(picture, map_.width(), map_.height())},
                   picture.time_s, kSmooth_s);
    frame.end_span();
    return {};
  }

  Status edit(gpu::FrameContext& frame, const Params& params, DeviceFrame& shown) override {
    if (effect_ == "none") return {};
    const bool fog = effect_ == "fog";
    const vision::Composite::Input input{
        .guide = captured_.address(),
        .frame = shown.address(),
        .colour = color_,
        .amount = float(params.real(name_ + (fog ? ".density" : ".opacity")))};
    frame.begin_span(name_ + " composite");
    composite_->record(frame.commands(), fog ? vision::Ground::kFog : vision::Ground::kDepth, *matte_,
                       nullptr, input);
    frame.end_span();
    shown.buffer = &composite_->result();
    shown.offset = 0;
    return {};
  }

  void layers(const gpu::FrameContext&, const DeviceFrame&, const Params&, Layers& layers) const override {
    if (!note_.empty()) layers.add_note(note_);
  }

  void read_results(gpu::FrameContext&, const std::shared_ptr<FrameResult>&, bool) override {}

  [[nodiscard]] std::vector<NamedNetwork> networks() override {
    if (!network_) return {};
    return {{name_, network_.get()}};
  }

 private:
  /// Makes the passes for this size where they are not the last frame's (image folders).
  Status fit(gpu::FrameContext& frame, const DeviceFrame& picture) {
    if (matte_ && matte_->grid() == vision::cell_grid(picture.width, picture.height)) return {};
    TARSIER_TRY(auto matte,
                vision::Matte::create(device_, picture.width, picture.height, map_.width(), map_.height()));
    TARSIER_TRY(auto composite, vision::Composite::create(device_, matte.grid(),
                                                          {vision::Ground::kFog, vision::Ground::kDepth}));
    if (matte_) {
      frame.retire(matte_);
      frame.retire(composite_);
    }
    matte_ = std::make_shared<vision::Matte>(std::move(matte));
    composite_ = std::make_shared<vision::Composite>(std::move(composite));
    return {};
  }

  std::string name_;
  gpu::Device& device_;
  std::unique_ptr<Network> network_;  // null: none is given
  vision::DepthMap map_;
  std::shared_ptr<vision::Matte> matte_;
  std::shared_ptr<vision::Composite> composite_;
  Cadence cadence_;
  // Of the frame that is recorded:
  DeviceFrame captured_;
  std::string effect_, note_;
  double time_s_ = 0;                    // of the latest frame on which the network ran
  std::array<float, 3> color_{1, 1, 1};  // B, G, R: the last one that could be read
};

Result<vision::DepthKind> depth_kind(const models::Entry& entry) {
  if (entry.head == models::Head::kInverseDepth) return vision::DepthKind::kInverse;
  if (entry.head == models::Head::kDepth) return vision::DepthKind::kDepth;
  if (!entry.own_file.empty()) return unsuitable(entry, "tells no depth", "depth");
  return input_error(
      "{}: tells no depth (its head is '{}'); give a file, described beside it as of head "
      "inverse_depth or depth",
      entry.name, models::name_of(entry.head));
}

Status declare(const StageSpec& spec, std::span<const StageSpec>, const models::Catalogue& catalogue,
               Params& params) {
  StageParams declare(spec.name, params);
  declare.text("model", "",
               "network: a file, described beside it as of head inverse_depth or depth; without "
               "one the stage does nothing",
               StageParams::kOnStart);
  declare.choice("effect", "none", {"none", "colors", "fog"}, "how depth is shown; none: nothing runs");
  declare.number("opacity", 0.85, {}, "of the effect colors: how much of the picture they hide");
  declare.number("density", 0.4, {.max = 3}, "of the effect fog");
  declare.text("color", "#c9d2d9", "of the effect fog, #rrggbb");
  Cadence::declare(declare);
  TARSIER_CHECK(declare.status());
  if (const auto color = present::parse_color(params.text(spec.name + ".color")); !color.ok())
    return at(spec, "color", params, color.error().in(fmt::format("stage '{}', color", spec.name)));
  const std::string& model = params.text(spec.name + ".model");
  if (model.empty()) return {};
  const auto entry = catalogue.resolve(model);
  if (!entry.ok()) return at(spec, "model", params, entry.error());
  if (const auto kind = depth_kind(*entry); !kind.ok()) return at(spec, "model", params, kind.error());
  return {};
}

Result<std::unique_ptr<Stage>> make(const StageSpec& spec, StageContext& context) {
  std::unique_ptr<Network> network;
  vision::DepthMap map;
  if (!context.params.text(spec.name + ".model").empty()) {
    TARSIER_TRY(network, load_network(spec, context));
    TARSIER_TRY(const auto kind, depth_kind(network->entry()));
    const auto outputs = network->head_outputs();
    if (!outputs.ok()) return misfit(spec, "model", context.params, outputs.error());
    auto made = vision::DepthMap::create(context.device, kind, outputs->front());
    if (!made.ok()) return misfit(spec, "model", context.params, made.error().in(network->entry().name));
    map = *std::move(made);
  }
  return std::unique_ptr<Stage>(
      new DepthStage(spec.name, context.device, std::move(network), std::move(map)));
}

}  // namespace

const StageType kDepthStage{"depth", declare, make};

}  // namespace tarsier::pipeline
