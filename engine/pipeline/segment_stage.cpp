// "segment": masks from the outputs of one network, made on the device and drawn as translucent colours.
// While nobody sees them, takes them or lists results the network rests.
#include <algorithm>

#include "pipeline/cadence.hpp"
#include "pipeline/stage.hpp"
#include "present/palette.hpp"
#include "vision/mask.hpp"

namespace tarsier::pipeline {
namespace {

struct Mask {
  MaskSpec spec;
  std::string key;  // prefix of its parameters
  std::array<float, 3> colour{};
  vision::MaskPass pass;
  std::vector<gpu::Buffer> readback;  // one a slot
  bool taken = false;                 // by a stage, on the host
  std::vector<vision::Fit> fits;      // of the frame in each slot

  [[nodiscard]] vision::HostMask host(uint32_t slot) const {
    const auto* bytes = static_cast<const uint8_t*>(readback[slot].mapped());
    return {{bytes, size_t(pass.width()) * size_t(pass.height())}, pass.width(), pass.height(), fits[slot]};
  }
};

class SegmentStage final : public Stage, public MaskSource {
 public:
  SegmentStage(std::string name, std::unique_ptr<Network> network, std::vector<Mask> masks)
      : name_(std::move(name)), network_(std::move(network)), masks_(std::move(masks)) {}

  [[nodiscard]] const std::string& name() const override { return name_; }

  Status record(gpu::FrameContext& frame, const DeviceFrame& picture, const Params& params) override {
    const bool needed = is_needed(params);
    if (!needed) cadence_.rest();
    ran_ = needed && cadence_.due(name_, params, picture);
    if (!ran_) return {};
    ran_slot_ = frame.slot();
    network_->record(frame, picture, name_);
    frame.begin_span(name_ + " masks");
    for (auto& mask : masks_) {
      mask.fits[frame.slot()] = fit(mask, picture);
      mask.pass.record(frame.commands(), frame.slot(),
                       static_cast<float>(params.real(mask.key + ".threshold")));
    }
    frame.end_span();
    return {};
  }

  void layers(const gpu::FrameContext&, const DeviceFrame& picture, const Params& params,
              Layers& layers) const override {
    for (const auto& mask : masks_) {
      if (!is_drawn(mask, params)) continue;
      present::MaskInput layer = layer_of(mask, picture);
      layer.color = mask.colour;
      layer.opacity = static_cast<float>(params.real(mask.key + ".opacity"));
      layers.masks.push_back(layer);
    }
  }

  void read_results(gpu::FrameContext& frame, const std::shared_ptr<FrameResult>& result,
                    bool wanted) override {
    wanted_ = wanted;
    for (const auto& mask : masks_) {
      if (!wanted && !(mask.taken && ran_)) continue;
      // Where the network did not run on this frame, the mask that is drawn is an earlier one's.
      const gpu::Buffer& copy = mask.readback[frame.slot()];
      frame.commands().read_back(mask.pass.mask(ran_slot_), 0, copy, 0, copy.size());
      if (!wanted) continue;
      frame.on_complete([&mask, slot = frame.slot(), fit = mask.fits[ran_slot_], result] {
        auto host = mask.host(slot);
        host.fit = fit;
        result->masks.push_back({mask.spec.name, vision::run_lengths(host, result->width, result->height)});
      });
    }
  }

  [[nodiscard]] std::vector<NamedNetwork> networks() override { return {{name_, network_.get()}}; }
  [[nodiscard]] MaskSource* mask_source() override { return this; }
  [[nodiscard]] present::MaskInput mask(std::string_view name, const DeviceFrame& picture) const override {
    return layer_of(masks_[index_of(name)], picture);
  }
  [[nodiscard]] bool ran() const override { return ran_; }
  void attach(std::string_view name, const MaskReader& reader, bool on_host) override {
    readers_.push_back(&reader);
    if (on_host) masks_[index_of(name)].taken = true;
  }
  [[nodiscard]] vision::HostMask host_mask(std::string_view name, uint32_t slot) const override {
    return masks_[index_of(name)].host(slot);
  }

 private:
  /// Whether anybody sees, reads or lists a mask.
  [[nodiscard]] bool is_needed(const Params& params) const {
    return wanted_ ||
           std::ranges::any_of(readers_, [&](const auto* reader) { return reader->takes_mask(params); }) ||
           std::ranges::any_of(masks_, [&](const Mask& mask) { return is_drawn(mask, params); });
  }
  static bool is_drawn(const Mask& mask, const Params& params) {
    return params.boolean(mask.key + ".show") && params.real(mask.key + ".opacity") > 0;
  }
  /// Of a mask that there is: check_input_mask() has seen to it.
  [[nodiscard]] size_t index_of(std::string_view name) const {
    const auto found = std::ranges::find(masks_, name, [](const Mask& mask) { return mask.spec.name; });
    return size_t(found - masks_.begin());
  }
  [[nodiscard]] present::MaskInput layer_of(const Mask& mask, const DeviceFrame& picture) const {
    present::MaskInput layer;
    layer.buffer = &mask.pass.mask(ran_slot_);
    layer.width = static_cast<uint32_t>(mask.pass.width());
    layer.height = static_cast<uint32_t>(mask.pass.height());
    layer.fit = fit(mask, picture);
    return layer;
  }
  [[nodiscard]] vision::Fit fit(const Mask& mask, const DeviceFrame& picture) const {
    return network_->output_fit(picture, mask.pass.width(), mask.pass.height());
  }

  std::string name_;
  std::unique_ptr<Network> network_;
  std::vector<Mask> masks_;  // never resized: completions refer to its elements
  std::vector<const MaskReader*> readers_;
  Cadence cadence_;
  bool wanted_ = true;     // results, of the frame before
  bool ran_ = false;       // on the latest frame
  uint32_t ran_slot_ = 0;  // of the latest frame on which it did
};

/// Prefix of a mask's parameters.
std::string key_of(const StageSpec& stage, const MaskSpec& mask) {
  return fmt::format("{}.{}", stage.name, mask.name);
}

Status declare_params(const std::string& key, const MaskSpec& mask, Params& params) {
  StageParams declare(key, params);
  declare.toggle("show", true, fmt::format("draw the mask '{}'", mask.name));
  declare.number("opacity", mask.opacity, {}, "how much of the picture the mask's colour hides");
  declare.number("threshold", 0.5, {.min = 0.01, .max = 0.99},
                 "probability from which a pixel belongs to the mask");
  return declare.status();
}

Result<Mask> make_mask(const StageSpec& stage, const MaskSpec& spec, const Network& network,
                       StageContext& context) {
  const bool logits = network.entry().head == models::Head::kMaskArgmax;
  const std::string output = spec.output.empty() ? network.plan().outputs().front().name : spec.output;
  TARSIER_TRY(const auto source, network.output(output));
  TARSIER_TRY(const auto colour, present::parse_color(spec.color));
  TARSIER_TRY(auto pass,
              vision::MaskPass::create(context.device,
                                       logits ? vision::MaskKind::kTwoLogits : vision::MaskKind::kProbability,
                                       source, context.slots));
  Mask mask{spec, key_of(stage, spec), colour, std::move(pass), {}, false, {}};
  mask.fits.resize(context.slots);
  TARSIER_TRY(mask.readback, readback_buffers(context, mask.pass.mask(0).size(), mask.key));
  return mask;
}

/// Results know masks by their names alone. Errors (kInput): a stage before it has one of the same.
Status check_names(const StageSpec& spec, std::span<const StageSpec> before) {
  for (const auto& mask : spec.masks) {
    for (const auto& other : before) {
      if (std::ranges::find(other.masks, mask.name, &MaskSpec::name) == other.masks.end()) continue;
      return placed(mask.place, input_error("stage '{}': stage '{}' has a mask named '{}' already; give one "
                                            "another name",
                                            spec.name, other.name, mask.name));
    }
  }
  return {};
}

Status declare(const StageSpec& spec, std::span<const StageSpec> before, const models::Catalogue& catalogue,
               Params& params) {
  TARSIER_TRY(const auto entry, declare_model(spec, "selfie_segmentation", catalogue, params));
  StageParams own(spec.name, params);
  Cadence::declare(own);
  TARSIER_CHECK(own.status());
  if (entry.head != models::Head::kMaskArgmax && entry.head != models::Head::kMaskThreshold)
    return at(spec, "model", params, unsuitable(entry, "makes no masks", "segment"));
  if (spec.masks.empty())
    return placed(spec.place, input_error("stage '{}': needs at least one [[stage.mask]]", spec.name));
  TARSIER_CHECK(check_names(spec, before));
  for (const auto& mask : spec.masks) {
    if (const auto colour = present::parse_color(mask.color); !colour.ok())
      return placed(mask.place,
                    colour.error().in(fmt::format("stage '{}', mask '{}'", spec.name, mask.name)));
    TARSIER_CHECK(declare_params(key_of(spec, mask), mask, params));
  }
  return {};
}

Result<std::unique_ptr<Stage>> make(const StageSpec& spec, StageContext& context) {
  TARSIER_TRY(auto network, load_network(spec, context));
  std::vector<Mask> masks;
  for (const auto& mask_spec : spec.masks) {
    auto mask = make_mask(spec, mask_spec, *network, context);
    if (!mask.ok()) {
      return placed(mask_spec.place,
                    mask.error().in(fmt::format("stage '{}', mask '{}'", spec.name, mask_spec.name)));
    }
    masks.push_back(*std::move(mask));
  }
  return std::unique_ptr<Stage>(new SegmentStage(spec.name, std::move(network), std::move(masks)));
}

}  // namespace

const StageType kSegmentStage{"segment", declare, make};

}  // namespace tarsier::pipeline
