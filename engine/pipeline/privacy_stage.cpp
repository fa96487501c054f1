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
  bool head;                         // of the box only the part where the head is
  std::vector<std::string> classes;  // what is blurred
  std::vector<std::string> needed;   // of them those without which the picture would not count as blurred
};

const std::vector<Subject>& subjects() {
  static const std::vector<Subject> all = {
      {"people",
       false,
       {"person", "bicycle", "motorcycle"},
       {"person"}},  // who rides may have no box of his own
      {"faces", true, {"person"}, {"person"}},
      {"vehicles", false, {"car", "bus", "truck", "motorcycle", "train"}, {"car", "bus", "truck"}}};
  return all;
}

bool holds(const std::vector<std::string>& list, std::string_view name) {
  return std::ranges::find(list, name) != list.end();
}

/// What of a subject a detector with these classes does not find; `seen` of them are switched on, all where
/// it is empty. A network that knows one of them need not know the others: a vehicle may be just that.
struct Missing {
  std::string unknown;                // none of them is a class of the network
  std::vector<std::string> left_out;  // known and switched off
};
Missing missing_of(const Subject& subject, const std::vector<std::string>& known,
                   const std::vector<std::string>& seen) {
  Missing missing;
  bool any = false;
  for (const auto& name : subject.needed) {
    if (!holds(known, name)) continue;
    any = true;
    if (!seen.empty() && !holds(seen, name)) missing.left_out.push_back(name);
  }
  if (!any) missing.unknown = subject.needed.front();
  return missing;
}

class PrivacyStage final : public Stage {
 public:
  PrivacyStage(std::string name, std::string detector, const TrackSource& tracks, vision::RegionBlur blur)
      : name_(std::move(name)),
        detector_(std::move(detector)),
        classes_key_(detector_ + ".classes"),
        tracks_(tracks),
        blur_(std::move(blur)) {
    for (const Subject& subject : subjects())
      masks_.push_back(vision::class_mask(subject.classes, tracks.boxes().class_names()));
  }

  [[nodiscard]] const std::string& name() const override { return name_; }

  Status record(gpu::FrameContext&, const DeviceFrame&, const Params&) override { return {}; }

  Status edit(gpu::FrameContext& frame, const Params& params, DeviceFrame& shown) override {
    const auto& chosen = params.set_of(name_ + ".blur");
    warnings_.clear();
    if (chosen.empty()) return {};
    vision::BlurParams blur;
    for (size_t i = 0; i < subjects().size(); ++i) {
      const Subject& subject = subjects()[i];
      if (!holds(chosen, subject.name)) continue;
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
    layers.banners.insert(layers.banners.end(), warnings_.begin(), warnings_.end());
  }

  void read_results(gpu::FrameContext&, const std::shared_ptr<FrameResult>&, bool) override {}

 private:
  /// Classes of the detector may be switched off while it runs, and subjects on that its network does not
  /// know: nobody must take the picture for blurred.
  void warn_of_unseen(const Subject& subject, const Params& params) {
    const Missing missing = missing_of(subject, tracks_.boxes().class_names(), params.set_of(classes_key_));
    if (!missing.unknown.empty())
      warn(fmt::format("NOT BLURRED: {}.model knows no {}", detector_, missing.unknown));
    if (!missing.left_out.empty())
      warn(fmt::format("NOT BLURRED: {} leaves out {}", classes_key_, join(missing.left_out, ", ")));
  }
  /// People and faces have the same reason.
  void warn(std::string text) {
    if (!holds(warnings_, text)) warnings_.push_back(std::move(text));
  }

  std::string name_, detector_, classes_key_;
  const TrackSource& tracks_;
  vision::RegionBlur blur_;
  std::vector<std::string> warnings_;  // in this frame
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
    if (!holds(params.set_of(spec.name + ".blur"), subject.name)) continue;
    const Missing missing = missing_of(subject, found->choices, seen);
    if (!missing.unknown.empty()) {
      return at(
          spec, "blur", params,
          input_error("{}.blur: {} cannot be blurred, since the network {}.model = {} knows no class '{}'",
                      spec.name, subject.name, detector, params.text(detector + ".model"), missing.unknown));
    }
    if (!missing.left_out.empty()) {
      return at(spec, "blur", params,
                input_error("{}.blur: {} cannot be blurred, since {} leaves out '{}'; add it there",
                            spec.name, subject.name, key, join(missing.left_out, "', '")));
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
