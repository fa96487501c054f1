// "background": a person before another background: their own one blurred, a picture, a clip or a plain
// colour. The person is cut out with the mask of a `segment` stage.
//
// The matte is made of the picture that was captured; the effect is drawn into what people see, behind
// whatever earlier stages did to it. With `none` nothing is done at all.
#include <algorithm>
#include <filesystem>

#include "capture/backdrop.hpp"
#include "core/file.hpp"
#include "core/text.hpp"
#include "gpu/upload_ring.hpp"
#include "pipeline/stage.hpp"
#include "present/palette.hpp"
#include "vision/composite.hpp"

namespace tarsier::pipeline {
namespace {

namespace fs = std::filesystem;

const std::vector<std::string> kEffects = {"none", "blur", "image", "clip", "green", "matte"};
// Cells over which the own background is averaged where another one takes its place at the person's edge.
constexpr float kEdgeRadius = 4;

/// As the user wrote it, from the working folder, or from the program's (what pipelines/ come with).
std::string file_of(const std::string& path) {
  std::error_code code;
  if (path.empty() || fs::exists(path, code) || fs::path(path).is_absolute()) return path;
  const fs::path own = home_dir() / path;
  return fs::exists(own, code) ? own.string() : path;
}

/// What is bound to the sizes of the frame and the mask.
struct Passes {
  vision::Matte matte;
  vision::DiscBlur blur;
  vision::Composite composite;
  int mask_width = 0, mask_height = 0;
};

class BackgroundStage final : public Stage, public MaskReader {
 public:
  BackgroundStage(std::string name, MaskSource& source, StageContext& context)
      : name_(std::move(name)),
        mask_(context.params.text(name_ + ".input_mask")),
        source_(source),
        device_(context.device),
        uploads_(context.device, context.slots, "backdrop", gpu::UploadRing::best_way(context.device)),
        waits_(!context.paced) {
    source.attach(mask_, *this, false);
  }

  /// The files were there when the stage was declared.
  Status open(const Params& params) {
    if (const auto path = file_of(params.text(name_ + ".image")); !path.empty()) {
      TARSIER_TRY(image_, capture::read_picture(path));
    }
    if (const auto path = file_of(params.text(name_ + ".clip")); !path.empty()) {
      TARSIER_TRY(clip_, capture::LoopedClip::open(path));
    }
    return {};
  }

  [[nodiscard]] const std::string& name() const override { return name_; }
  [[nodiscard]] bool takes_mask(const Params& params) const override { return chosen(params) != "none"; }

  Status record(gpu::FrameContext& frame, const DeviceFrame& picture, const Params& params) override {
    captured_ = picture;
    note_.clear();
    effect_ = chosen(params);
    if (const std::string& wanted = params.text(name_ + ".effect"); effect_ != wanted)
      note_ = fmt::format("no {0} is given: set {1}.{0}", wanted, name_);
    if (effect_ == "none") return {};
    if (const auto color = present::parse_color(params.text(name_ + ".color")); color.ok()) {
      color_ = {(*color)[2], (*color)[1], (*color)[0]};
    } else if (effect_ == "green") {
      note_ = color.error().message;
    }

    const present::MaskInput mask = source_.mask(mask_, picture);
    TARSIER_CHECK(fit(frame, picture, int(mask.width), int(mask.height)));
    frame.begin_span(name_ + " matte");
    passes_->matte.record(frame.commands(), picture.address(),
                          {mask.buffer->address() + mask.offset, int(mask.width), int(mask.height), mask.fit},
                          picture.time_s, params.real(name_ + ".smooth"));
    frame.end_span();
    return {};
  }

  Status edit(gpu::FrameContext& frame, const Params& params, DeviceFrame& shown) override {
    if (effect_ == "none") return {};
    vision::Ground ground = vision::Ground::kBlurred;
    if (effect_ == "green") ground = vision::Ground::kColour;
    if (effect_ == "matte") ground = vision::Ground::kMatte;
    vision::Composite::Input input{.guide = captured_.address(), .frame = shown.address(), .colour = color_};
    if (effect_ == "image" || effect_ == "clip") {
      ground = vision::Ground::kPicture;
      TARSIER_TRY(input.picture, backdrop(frame, shown));
    }
    const bool blurs = ground != vision::Ground::kMatte;  // the cut-out itself has no ground
    if (blurs) {
      const float cells = float(params.real(name_ + ".radius")) * float(passes_->matte.grid().rows);
      frame.begin_span(name_ + " blur");
      passes_->blur.record(frame.commands(), passes_->matte,
                           ground == vision::Ground::kBlurred ? cells : kEdgeRadius);
      frame.end_span();
    }
    frame.begin_span(name_ + " composite");
    passes_->composite.record(frame.commands(), ground, passes_->matte, blurs ? &passes_->blur : nullptr,
                              input);
    frame.end_span();
    shown.buffer = &passes_->composite.result();
    shown.offset = 0;
    return {};
  }

  void layers(const gpu::FrameContext&, const DeviceFrame&, const Params&, Layers& layers) const override {
    if (!note_.empty()) layers.add_note(note_);
  }

  void read_results(gpu::FrameContext&, const std::shared_ptr<FrameResult>&, bool /*wanted*/) override {}

 private:
  /// The effect, or none where its picture or clip is not given.
  [[nodiscard]] std::string chosen(const Params& params) const {
    const std::string& effect = params.text(name_ + ".effect");
    return (effect == "image" && !image_) || (effect == "clip" && !clip_) ? "none" : effect;
  }

  /// Makes the passes for these sizes where they are not the last frame's (image folders).
  Status fit(gpu::FrameContext& frame, const DeviceFrame& picture, int mask_width, int mask_height) {
    if (passes_ && passes_->matte.grid() == vision::cell_grid(picture.width, picture.height) &&
        passes_->mask_width == mask_width && passes_->mask_height == mask_height)
      return {};
    TARSIER_TRY(auto matte,
                vision::Matte::create(device_, picture.width, picture.height, mask_width, mask_height));
    TARSIER_TRY(auto blur, vision::DiscBlur::create(device_, matte.grid()));
    TARSIER_TRY(auto composite, vision::Composite::create(device_, matte.grid(),
                                                          {vision::Ground::kBlurred, vision::Ground::kPicture,
                                                           vision::Ground::kColour, vision::Ground::kMatte}));
    if (passes_) frame.retire(passes_);
    passes_ = std::make_shared<Passes>(
        Passes{std::move(matte), std::move(blur), std::move(composite), mask_width, mask_height});
    return {};
  }

  /// Address of the picture behind the person; uploaded when it is another one than in the last frame.
  Result<uint64_t> backdrop(gpu::FrameContext& frame, const DeviceFrame& shown) {
    const bool is_clip = effect_ == "clip";
    if (!is_clip && (covered_.width != shown.width || covered_.height != shown.height)) {
      covered_ = capture::cover(*image_, shown.width, shown.height, pool_);
      uploaded_.reset();
    }
    const capture::Frame& picture =
        is_clip ? clip_->at(shown.time_s, shown.width, shown.height, waits_) : covered_;
    const Uploaded wanted{is_clip, picture.id, picture.width, picture.height};
    if (uploaded_ != wanted) {
      TARSIER_TRY(backdrop_, uploads_.write(frame, std::as_bytes(std::span(*picture.bgra))));
      uploaded_ = wanted;
    }
    return backdrop_->address();
  }

  /// Which picture lies in backdrop_.
  struct Uploaded {
    bool is_clip;
    uint64_t id;
    int width, height;
    bool operator==(const Uploaded&) const = default;
  };

  std::string name_, mask_;
  const MaskSource& source_;
  gpu::Device& device_;
  std::shared_ptr<Passes> passes_;
  gpu::UploadRing uploads_;
  bool waits_;
  std::optional<capture::Frame> image_;
  std::unique_ptr<capture::LoopedClip> clip_;
  capture::Frame covered_;  // the image in the frame's size
  capture::FramePool pool_;
  const gpu::Buffer* backdrop_ = nullptr;
  std::optional<Uploaded> uploaded_;
  // Of the frame that is recorded:
  DeviceFrame captured_;
  std::string effect_, note_;
  std::array<float, 3> color_{0, 1, 0};  // B, G, R: the last one that could be read
};

/// A file that is given must be there whatever the effect is now: it may be chosen at any time.
Status check_files(const StageSpec& spec, const Params& params) {
  const auto where = [&](const char* key) { return fmt::format("stage '{}', {}", spec.name, key); };
  const std::string& effect = params.text(spec.name + ".effect");
  for (const char* key : {"image", "clip"}) {
    const std::string path = file_of(params.text(fmt::format("{}.{}", spec.name, key)));
    if (path.empty()) {
      if (effect != key) continue;
      return at(spec, "effect", params,
                input_error("stage '{0}': its effect is '{1}', but no {1} is given; set {0}.{1} to a file",
                            spec.name, key));
    }
    Status read;
    if (std::string_view(key) == "image") {
      if (auto picture = capture::read_picture(path); !picture.ok()) read = picture.error();
    } else {
      if (auto clip = capture::LoopedClip::open(path); !clip.ok()) read = clip.error();
    }
    if (!read.ok()) return at(spec, key, params, read.error().in(where(key)));
  }
  if (const auto color = present::parse_color(params.text(spec.name + ".color")); !color.ok())
    return at(spec, "color", params, color.error().in(where("color")));
  return {};
}

Status declare(const StageSpec& spec, std::span<const StageSpec> before, const models::Catalogue&,
               Params& params) {
  StageParams declare(spec.name, params);
  declare.choice("effect", "blur", kEffects, "what is behind the person; matte: the cut-out itself, in grey");
  declare.number("radius", 0.035, {.min = 0.005, .max = 0.15, .step = 0.001, .unit = "of the height"},
                 "of the blur's disc");
  declare.text("color", "#00b140", "of the effect green, #rrggbb");
  declare.number("smooth", 0.2, {.max = 2, .unit = "s"},
                 "over which the mask is averaged where nothing moves");
  declare.text("image", "", "picture file of the effect image", StageParams::kOnStart);
  declare.text("clip", "", "video file of the effect clip; it plays round and round", StageParams::kOnStart);
  TARSIER_CHECK(declare.status());
  TARSIER_CHECK(declare_input_mask(spec, "person", "person", "the stage whose mask is the person", params));
  TARSIER_CHECK(check_input_mask(spec, before, params));
  return check_files(spec, params);
}

Result<std::unique_ptr<Stage>> make(const StageSpec& spec, StageContext& context) {
  TARSIER_TRY(Stage * input, input_of(spec, context));
  auto stage = std::make_unique<BackgroundStage>(spec.name, *input->mask_source(), context);
  TARSIER_CHECK(stage->open(context.params));
  return std::unique_ptr<Stage>(std::move(stage));
}

}  // namespace

const StageType kBackgroundStage{"background", declare, make};

}  // namespace tarsier::pipeline
