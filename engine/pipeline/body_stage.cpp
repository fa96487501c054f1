// "body": the 17 points of one person, smoothed, drawn as a skeleton.
//
// How it flows, all on the device: a square of the frame is cropped into the network's input (`RegionCrop`).
// The network gives the points of the person who is nearest to the crop's middle, whether there is one or
// not, each with a score. They go back to the frame's pixels, through the One Euro filter, and give the
// square that the next frame is looked at in (`BodyLandmarks`): around the hips, or the whole frame where no
// torso is seen, as at the start and when the person is lost. So no detector is needed, and nothing of it is
// known to the host but what results want.
//
// The network runs where somebody wants its points: they are drawn, a stage of type hands takes them, or
// results are listed or written, which is known from the frame before. With `show = "off"` and none of these
// the stage costs nothing.
#include <algorithm>
#include <cstring>

#include "pipeline/landmark_stage.hpp"
#include "vision/body.hpp"

namespace tarsier::pipeline {
namespace {

struct Parts {
  std::unique_ptr<Network> network;
  vision::RegionCrop crop;
  vision::BodyLandmarks landmarks;
  std::vector<gpu::Buffer> readback;  // one a slot
};

class BodyStage final : public Stage, public BodySource {
 public:
  BodyStage(const std::string& name, Parts parts, bool results)
      : name_(name), passes_(name), runs_(results), parts_(std::move(parts)) {}

  [[nodiscard]] const std::string& name() const override { return name_; }

  Status record(gpu::FrameContext& frame, const DeviceFrame& picture, const Params& params) override {
    const bool needed =
        std::ranges::any_of(readers_, [&](const BodyReader* reader) { return reader->needs_body(params); });
    if (!runs_.begin(picture, needed || params.text(show_key_) != "off")) return {};
    auto& commands = frame.commands();
    const auto& landmarks = parts_.landmarks;
    if (runs_.restarts()) landmarks.reset(commands, picture.width, picture.height);
    passes_.record(frame, picture, parts_.crop, *parts_.network, landmarks.state().address(),
                   runs_.looks(vision::kSettledFrames), [&] {
                     landmarks.record(commands, {.score = least_score(params),
                                                 .filter = filter_params(params, name_),
                                                 .seconds = runs_.seconds(),
                                                 .frame_width = picture.width,
                                                 .frame_height = picture.height});
                   });
    return {};
  }

  void layers(const gpu::FrameContext&, const DeviceFrame&, const Params& params,
              Layers& layers) const override {
    const auto show = skeleton_show_of(params.text(show_key_));
    if (!runs_.ran() || show == present::SkeletonShow::kOff) return;
    layers.skeletons.push_back({.state = &parts_.landmarks.state(),
                                .kind = present::SkeletonKind::kBody,
                                .show = show,
                                .least_score = least_score(params)});
  }

  void read_results(gpu::FrameContext& frame, const std::shared_ptr<FrameResult>& result,
                    bool wanted) override {
    runs_.want(wanted);
    if (!wanted || !runs_.ran()) return;
    const gpu::Buffer& copy = parts_.readback[frame.slot()];
    frame.commands().read_back(parts_.landmarks.state(), 0, copy, 0, sizeof(vision::LandmarkState));
    frame.on_complete([&copy, result] {
      vision::LandmarkState state;
      std::memcpy(&state, copy.mapped(), sizeof state);
      if (state.tracked == 0) return;
      result->landmarks.push_back(
          {.kind = "body",
           .score = state.presence,
           .points = {state.points.begin(), state.points.begin() + vision::kBodyPoints},
           .scored = true,
           .head = {}});
    });
  }

  [[nodiscard]] std::vector<NamedNetwork> networks() override { return {{name_, parts_.network.get()}}; }
  [[nodiscard]] BodySource* body_source() override { return this; }
  void attach(const BodyReader& reader) override { readers_.push_back(&reader); }
  [[nodiscard]] const gpu::Buffer& body() const override { return parts_.landmarks.state(); }
  [[nodiscard]] float least_score(const Params& params) const override {
    return float(params.real(score_key_));
  }

 private:
  std::string name_;
  std::string show_key_ = name_ + ".show", score_key_ = name_ + ".score";
  LandmarkPasses passes_;
  LandmarkRuns runs_;
  Parts parts_;
  std::vector<const BodyReader*> readers_;
};

Status declare(const StageSpec& spec, std::span<const StageSpec> before, const models::Catalogue& catalogue,
               Params& params) {
  TARSIER_CHECK(declare_network(spec, "model", "movenet_lightning", models::Head::kBody,
                                "finds no body landmarks", catalogue, params));
  StageParams declare(spec.name, params);
  declare.number("score", 0.3, {.min = 0.05, .max = 0.99},
                 "least score of a point that is there; four of them are a person");
  declare_filter(declare, {.min_cutoff = 1.5F, .beta = 20, .d_cutoff = 1}, "the body");
  declare.choice("show", "skeleton", {"skeleton", "points", "off"},
                 "what is drawn of the body; off: its network runs only for results and for hands");
  TARSIER_CHECK(declare.status());
  return check_only_one(spec, before);
}

Result<std::unique_ptr<Stage>> make(const StageSpec& spec, StageContext& context) {
  Parts parts;
  TARSIER_TRY(parts.network, load_network(spec, context));
  const Network& network = *parts.network;
  const auto read = [&]() -> Status {
    TARSIER_TRY(const auto outputs, head_outputs(network, 1));
    auto landmarks = vision::BodyLandmarks::create(context.device, outputs[0]);
    if (!landmarks.ok()) return landmarks.error().in(network.entry().name);
    parts.landmarks = *std::move(landmarks);
    return {};
  };
  if (const Status status = read(); !status.ok())
    return misfit(spec, "model", context.params, status.error());
  TARSIER_TRY(parts.crop, vision::RegionCrop::create(context.device, preprocess_desc(network.entry().input),
                                                     network.input()));
  TARSIER_TRY(parts.readback, readback_buffers(context, sizeof(vision::LandmarkState), spec.name));
  return std::unique_ptr<Stage>(new BodyStage(spec.name, std::move(parts), context.results));
}

}  // namespace

const StageType kBodyStage{"body", declare, make};

}  // namespace tarsier::pipeline
