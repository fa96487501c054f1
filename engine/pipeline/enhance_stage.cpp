// "enhance": a picture made anew by a network before anything else sees it: low-light enhancement. Later
// stages' networks and people see what it made.
//
// The network's picture is small; the frame's own detail is kept by a guided filter (vision/guided_picture).
// While it is off nothing runs, and a network that is not here is fetched only where it is on at the start.
#include <cmath>

#include "pipeline/cadence.hpp"
#include "pipeline/stage.hpp"
#include "vision/guided_picture.hpp"

namespace tarsier::pipeline {
namespace {

constexpr double kFollow_s = 0.25;  // over which the light follows the network
constexpr double kGap_s = 1;        // frames that are further apart have nothing to do with each other

class EnhanceStage final : public Stage {
 public:
  EnhanceStage(std::string name, gpu::Device& device, std::unique_ptr<Network> network, std::string missing)
      : name_(std::move(name)), device_(device), network_(std::move(network)), missing_(std::move(missing)) {}

  [[nodiscard]] const std::string& name() const override { return name_; }

  Status prepare(gpu::FrameContext& frame, const Params& params, DeviceFrame& picture) override {
    note_.clear();
    if (!params.boolean(name_ + ".on")) {
      cadence_.rest();
      return {};
    }
    if (!network_) {
      note_ = missing_;
      return {};
    }
    TARSIER_CHECK(fit(frame, picture));
    if (cadence_.due(name_, params, picture)) {
      const double passed = picture.time_s - time_s_;
      time_s_ = picture.time_s;
      network_->record(frame, picture, name_);
      frame.begin_span(name_ + " fit");
      const bool follows = passed >= 0 && passed < kGap_s;
      picture_->fit(frame.commands(), picture.address(),
                    network_->output_fit(picture, picture_->width(), picture_->height()),
                    follows ? float(1 - std::exp(-passed / kFollow_s)) : 1.0F);
      frame.end_span();
    }
    frame.begin_span(name_ + " apply");
    picture_->apply(frame.commands(), picture.address(), float(params.real(name_ + ".strength")));
    frame.end_span();
    picture.buffer = &picture_->result();
    picture.offset = 0;
    return {};
  }

  Status record(gpu::FrameContext&, const DeviceFrame&, const Params&) override { return {}; }

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
    if (picture_ && picture_->grid() == vision::cell_grid(picture.width, picture.height)) return {};
    TARSIER_TRY(const auto outputs, network_->head_outputs());
    TARSIER_TRY(auto made,
                vision::GuidedPicture::create(device_, picture.width, picture.height,
                                              preprocess_desc(network_->entry().input), outputs.front()));
    if (picture_) frame.retire(picture_);
    picture_ = std::make_shared<vision::GuidedPicture>(std::move(made));
    cadence_.rest();  // it has no light yet that could be carried forward
    return {};
  }

  std::string name_;
  gpu::Device& device_;
  std::unique_ptr<Network> network_;  // null: it is not here
  std::string missing_;               // what is told then
  std::shared_ptr<vision::GuidedPicture> picture_;
  Cadence cadence_;
  std::string note_;   // of the frame that is recorded
  double time_s_ = 0;  // of the latest frame on which the network ran
};

Status declare(const StageSpec& spec, std::span<const StageSpec>, const models::Catalogue& catalogue,
               Params& params) {
  TARSIER_TRY(const auto entry, declare_model(spec, "lyt_net", catalogue, params));
  StageParams declare(spec.name, params);
  declare.toggle("on", false, "lighten dark pictures");
  declare.number("strength", 1, {}, "how much of the captured picture gives way");
  Cadence::declare(declare);
  TARSIER_CHECK(declare.status());
  if (entry.head != models::Head::kImage)
    return at(spec, "model", params, unsuitable(entry, "makes no picture", "enhance"));
  return {};
}

Result<std::unique_ptr<Stage>> make(const StageSpec& spec, StageContext& context) {
  std::unique_ptr<Network> network;
  std::string missing;
  TARSIER_TRY(const auto entry, context.catalogue.resolve(context.params.text(spec.name + ".model")));
  if (context.params.boolean(spec.name + ".on") || models::locate(entry, context.store).ok()) {
    TARSIER_TRY(network, load_network(spec, context));
    const auto outputs = network->head_outputs();
    if (!outputs.ok()) return misfit(spec, "model", context.params, outputs.error());
    // Made for the frame's size when it is first seen; here for what can be wrong with the network.
    const auto made =
        vision::GuidedPicture::create(context.device, network->input_width(), network->input_height(),
                                      preprocess_desc(network->entry().input), outputs->front());
    if (!made.ok()) return misfit(spec, "model", context.params, made.error().in(entry.name));
  } else {
    missing = fmt::format("{} is not here: start with --set {}.on=on to fetch it", entry.name, spec.name);
  }
  return std::unique_ptr<Stage>(
      new EnhanceStage(spec.name, context.device, std::move(network), std::move(missing)));
}

}  // namespace

const StageType kEnhanceStage{"enhance", declare, make};

}  // namespace tarsier::pipeline
