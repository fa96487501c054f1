// "privacy": blurs people, faces or vehicles in the picture that is shown and recorded, so that it can be
// passed on. Networks go on seeing what was captured.
//
// Blurred is what the detector found in this very frame, taken where it lies on the device, and where the
// tracker expects what it follows: who is missed in a frame or half hidden stays blurred.
#include <algorithm>
#include <functional>

#include "core/text.hpp"
#include "pipeline/stage.hpp"
#include "vision/region_blur.hpp"

namespace tarsier::pipeline {
namespace {

struct Subject {
  const char* name;
  bool head;  // of the box only the part where the head is
  /// The first one is what a detector must know for this to mean anything.
  std::vector<std::string> classes;
};

const std::vector<Subject>& subjects() {
  static const std::vector<Subject> all = {
      {"people", false, {"person", "bicycle", "motorcycle"}},  // whoever rides may have no box of his own
      {"faces", true, {"person"}},
      {"vehicles", false, {"car", "bus", "truck", "motorcycle", "train"}}};
  return all;
}

class PrivacyStage final : public Stage {
 public:
  PrivacyStage(std::string name, std::string detector, const TrackSource& tracks, vision::RegionBlur blur)
      : name_(std::move(name)), detector_(std::move(detector)), tracks_(tracks), blur_(std::move(blur)) {
    for (const Subject& subject : subjects())
      masks_.push_back(vision::class_mask(subject.classes, tracks.boxes().class_names()));
  }

  [[nodiscard]] const std::string& name() const override { return name_; }

  Status record(gpu::FrameContext&, const DeviceFrame&, const Params&) override { return {}; }

  Status edit(gpu::FrameContext& frame, const Params& params, DeviceFrame& shown) override {
    const auto& chosen = params.set_of(name_ + ".blur");
    banner_.clear();
    if (chosen.empty()) return {};
    vision::BlurParams blur;
    for (size_t i = 0; i < subjects().size(); ++i) {
      const Subject& subject = subjects()[i];
      if (std::ranges::find(chosen, subject.name) == chosen.end()) continue;
      auto& bits = subject.head ? blur.heads : blur.whole;
      std::ranges::transform(bits, masks_[i], bits.begin(), std::bit_or());
      warn_of_unseen(subject, params);
    }
    blur.cell = float(params.real(name_ + ".cell"));
    blur.margin = float(params.real(name_ + ".margin"));
    followed_.clear();
    tracks_.whereabouts(shown.time_s, shown, followed_);
    frame.begin_span(name_);
    TARSIER_TRY(
        shown.buffer,
        blur_.record(frame, {shown.buffer, shown.offset, uint32_t(shown.width), uint32_t(shown.height)},
                     tracks_.boxes().device_boxes(), followed_, blur));
    shown.offset = 0;
    frame.end_span();
    return {};
  }

  void layers(const gpu::FrameContext&, const DeviceFrame&, const Params&, Layers& layers) const override {
    if (!banner_.empty()) layers.banner = banner_;
  }

  void read_results(gpu::FrameContext&, const std::shared_ptr<FrameResult>&, bool) override {}

 private:
  /// Classes of the detector may be switched off while it runs: nobody must take the picture for blurred.
  void warn_of_unseen(const Subject& subject, const Params& params) {
    const auto& seen = params.set_of(detector_ + ".classes");
    if (seen.empty() || std::ranges::find(seen, subject.classes.front()) != seen.end()) return;
    banner_ = fmt::format("NOT BLURRED: {}.classes leaves out {}", detector_, subject.classes.front());
  }

  std::string name_, detector_;
  const TrackSource& tracks_;
  vision::RegionBlur blur_;
  std::string banner_;
  std::vector<vision::Detection> followed_;
  std::vector<vision::ClassMask> masks_;  // by subject
};

/// Errors (kInput): what is to be blurred is nothing that the detector finds.
Status check_subjects(const StageSpec& spec, const Params& params) {
  const std::string& detector = params.text(params.text(spec.name + ".input") + ".input");
  const std::string key = detector + ".classes";
  const auto found = std::ranges::find(params.specs(), key, &ParamSpec::key);
  const auto& seen = params.set_of(key);
  for (const Subject& subject : subjects()) {
    const auto& chosen = params.set_of(spec.name + ".blur");
    const std::string& needed = subject.classes.front();
    if (std::ranges::find(chosen, subject.name) == chosen.end()) continue;
    if (std::ranges::find(found->choices, needed) == found->choices.end()) {
      return at(
          spec, "blur", params,
          input_error("{}.blur: {} cannot be blurred, since the network {}.model = {} knows no class '{}'",
                      spec.name, subject.name, detector, params.text(detector + ".model"), needed));
    }
    if (!seen.empty() && std::ranges::find(seen, needed) == seen.end()) {
      return at(spec, "blur", params,
                input_error("{}.blur: {} cannot be blurred, since {} leaves out '{}'; add it there",
                            spec.name, subject.name, key, needed));
    }
  }
  return {};
}

Status declare(const StageSpec& spec, std::span<const StageSpec> before, const models::Catalogue&,
               Params& params) {
  TARSIER_CHECK(declare_input(spec, "track", "the stage whose tracks and boxes are blurred", params));
  std::vector<std::string> names;
  for (const Subject& subject : subjects()) names.emplace_back(subject.name);
  StageParams declare(spec.name, params);
  declare.set("blur", std::move(names),
              "what is made unrecognisable in the picture and in what is recorded; faces: the upper part of "
              "each person's box",
              "off");
  declare.number("cell", 0.125, {.min = 0.08, .max = 0.5},
                 "what is smaller than this part of a box's longer side is gone");
  declare.number("margin", 0.1, {.max = 0.5}, "how far beyond a box it reaches, in parts of its longer side");
  TARSIER_CHECK(declare.status());
  TARSIER_CHECK(check_only_one(spec, before));
  TARSIER_CHECK(check_input(spec, before, "track", params));
  return check_subjects(spec, params);
}

Result<std::unique_ptr<Stage>> make(const StageSpec& spec, StageContext& context) {
  auto input = input_of(spec, context);
  if (!input.ok()) {
    // Without it the rest would run on and show what was to be hidden.
    if (context.params.set_of(spec.name + ".blur").empty()) return input.error();
    return at(spec, "blur", context.params,
              input_error("{}.blur: nothing can be blurred, {}", spec.name, input.error().message));
  }
  TARSIER_TRY(auto blur, vision::RegionBlur::create(context.device));
  const std::string& detector = context.params.text(context.params.text(spec.name + ".input") + ".input");
  return std::unique_ptr<Stage>(
      new PrivacyStage(spec.name, detector, *(*input)->track_source(), std::move(blur)));
}

}  // namespace

const StageType kPrivacyStage{"privacy", declare, make};

}  // namespace tarsier::pipeline
