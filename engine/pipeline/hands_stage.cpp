// "hands": 21 landmarks of each hand of a person, smoothed, drawn as a skeleton.
//
// How it flows, all on the device: where a hand begins is known from the body's arm, beyond the wrist along
// the forearm (`HandRegions`), as where MediaPipe's holistic pipeline has the pose find the hands. That
// turned square is cropped into the landmark network's input (`RegionCrop`); the network's points go back to
// the frame's pixels, through the One Euro filter, and give the square that the next frame is looked at in
// (`HandLandmarks`), as long as the network says that there is a hand. So a hand is followed by its own
// landmarks, which know it better than the arm does.
//
// Why the arm and no palm detector: the body is there already, the arm tells left from right (the network's
// own handedness takes pictures for mirrored ones), and a detector would be one more network in every frame
// in which a hand is missing. The catalogue's hand detector, handtrack, has outputs whose sizes only the host
// learns. The price: no hands without an arm to be seen.
//
// Both hands share one network, which runs for each in turn: for one that is followed in every frame, else in
// every `look_every`th one in which the arm's wrist is in view. Which it is the host learns by a copy of a
// few bytes that it does not wait for: of the frame that had this frame's slot before, so that the same clip
// gives the same results. With `show = "off"`, while results are not wanted either (see "body"), nothing
// runs.
#include <algorithm>
#include <array>
#include <cstring>

#include "pipeline/landmark_stage.hpp"
#include "vision/hands.hpp"

namespace tarsier::pipeline {
namespace {

constexpr std::array<const char*, 2> kSides{"left", "right"};

struct Parts {
  std::unique_ptr<Network> network;
  vision::RegionCrop crop;
  vision::HandRegions regions;
  vision::HandLandmarks landmarks;
  gpu::Buffer state;                  // vision::HandStates
  std::vector<gpu::Buffer> readback;  // one a slot, the same
};

class HandsStage final : public Stage, public BodyReader {
 public:
  HandsStage(const std::string& name, BodySource& body, Parts parts, bool results)
      : name_(name), runs_(results), body_(body), parts_(std::move(parts)) {
    known_.resize(parts_.readback.size());
    body.attach(*this);
  }

  [[nodiscard]] const std::string& name() const override { return name_; }

  [[nodiscard]] bool needs_body(const Params& params) const override {
    return runs_.wanted() || params.text(keys_.show) != "off";
  }

  Status record(gpu::FrameContext& frame, const DeviceFrame& picture, const Params& params) override {
    if (!runs_.begin(picture, needs_body(params))) return {};
    if (runs_.restarts()) known_.assign(known_.size(), {});
    frame.begin_span(regions_name_);
    parts_.regions.record(
        frame.commands(),
        {.score = body_.least_score(params), .seconds = runs_.seconds(), .reset = runs_.restarts()},
        body_.body().address(), parts_.state.address());
    frame.end_span();
    const vision::HandParams how{.presence = float(params.real(keys_.presence)),
                                 .filter = filter_params(params, name_)};
    const int64_t look_every = params.integer(keys_.look_every);
    for (size_t side = 0; side < kSides.size(); ++side) {
      const Known& known = known_[frame.slot()][side];
      const bool looks = known.arm && (count_ + int64_t(side)) % look_every == 0;
      if (known.followed || looks) record_hand(frame, picture, how, side);
    }
    ++count_;
    return {};
  }

  void layers(const gpu::FrameContext&, const DeviceFrame&, const Params& params,
              Layers& layers) const override {
    const auto show = skeleton_show_of(params.text(keys_.show));
    if (!runs_.ran() || show == present::SkeletonShow::kOff) return;
    for (size_t side = 0; side < kSides.size(); ++side) {
      layers.skeletons.push_back(
          {.state = &parts_.state,
           .offset = side * sizeof(vision::LandmarkState),
           .kind = side == 0 ? present::SkeletonKind::kLeftHand : present::SkeletonKind::kRightHand,
           .show = show,
           .least_score = float(params.real(keys_.presence))});
    }
  }

  void read_results(gpu::FrameContext& frame, const std::shared_ptr<FrameResult>& result,
                    bool wanted) override {
    runs_.want(wanted);
    if (!runs_.ran()) return;
    const gpu::Buffer& copy = parts_.readback[frame.slot()];
    for (size_t side = 0; side < kSides.size(); ++side) {
      const uint64_t at = side * sizeof(vision::LandmarkState);
      frame.commands().read_back(parts_.state, at, copy, at,
                                 wanted ? sizeof(vision::LandmarkState) : vision::kLandmarkHeaderBytes);
    }
    frame.on_complete([this, &copy, slot = frame.slot(), epoch = runs_.epoch(), wanted, result] {
      vision::HandStates hands;
      std::memcpy(&hands, copy.mapped(), sizeof hands);
      for (size_t side = 0; side < kSides.size(); ++side) {
        const auto& hand = hands[side];
        if (epoch == runs_.epoch())
          known_[slot][side] = {.followed = hand.tracked != 0, .arm = hand.begins != 0};
        if (!wanted || hand.tracked < vision::kSettledFrames) continue;
        result->landmarks.push_back({.kind = "hand",
                                     .side = kSides[side],
                                     .score = hand.presence,
                                     .points = {hand.points.begin(), hand.points.end()},
                                     .head = {}});
      }
    });
  }

  /// One for both hands: it runs once or twice a frame.
  [[nodiscard]] std::vector<NamedNetwork> networks() override { return {{name_, parts_.network.get()}}; }

 private:
  struct Known {
    bool followed = false, arm = true;
  };

  void record_hand(gpu::FrameContext& frame, const DeviceFrame& picture, const vision::HandParams& how,
                   size_t side) {
    const uint64_t state = parts_.state.address() + side * sizeof(vision::LandmarkState);
    passes_[side].record(frame, picture, parts_.crop, *parts_.network, state,
                         runs_.looks(vision::kSettledFrames),
                         [&] { parts_.landmarks.record(frame.commands(), how, state); });
  }

  std::string name_;
  std::string regions_name_ = name_ + " regions";
  struct {
    std::string show, presence, look_every;
  } keys_{name_ + ".show", name_ + ".presence", name_ + ".look_every"};
  std::array<LandmarkPasses, 2> passes_{LandmarkPasses(fmt::format("{} {}", name_, kSides[0])),
                                        LandmarkPasses(fmt::format("{} {}", name_, kSides[1]))};
  LandmarkRuns runs_;
  BodySource& body_;
  Parts parts_;
  std::vector<std::array<Known, 2>> known_;  // of the latest completed frame of each slot
  int64_t count_ = 0;                        // frames
};

Status declare(const StageSpec& spec, std::span<const StageSpec> before, const models::Catalogue& catalogue,
               Params& params) {
  TARSIER_CHECK(declare_input(spec, "body", "the stage whose arms the hands are at", params));
  TARSIER_CHECK(declare_network(spec, "model", "hand_landmark_lite", models::Head::kHand,
                                "finds no hand landmarks", catalogue, params));
  StageParams declare(spec.name, params);
  declare.number("presence", 0.5, {.min = 0.05, .max = 0.99},
                 "a hand is followed while the network is so sure that it is there");
  declare.whole("look_every", 1, {.min = 1, .max = 100, .unit = "frames"},
                "a hand that is not followed is looked for while its wrist is in view");
  declare_filter(declare, {.min_cutoff = 1.5F, .beta = 10, .d_cutoff = 1}, "the hand");
  declare.choice("show", "skeleton", {"skeleton", "points", "off"},
                 "what is drawn of the hands; off: their network runs only for results");
  TARSIER_CHECK(declare.status());
  TARSIER_CHECK(check_only_one(spec, before));
  return check_input(spec, before, "body", params);
}

Result<std::unique_ptr<Stage>> make(const StageSpec& spec, StageContext& context) {
  TARSIER_TRY(Stage* const input, input_of(spec, context));
  Parts parts;
  TARSIER_TRY(parts.network, load_network(spec, context));
  const Network& network = *parts.network;
  const auto read = [&]() -> Status {
    TARSIER_TRY(const auto outputs, head_outputs(network, 2));
    auto landmarks =
        vision::HandLandmarks::create(context.device, outputs[0], outputs[1], network.input_width());
    if (!landmarks.ok()) return landmarks.error().in(network.entry().name);
    parts.landmarks = *landmarks;
    return {};
  };
  if (const Status status = read(); !status.ok())
    return misfit(spec, "model", context.params, status.error());
  TARSIER_TRY(parts.regions, vision::HandRegions::create(context.device));
  TARSIER_TRY(parts.crop, vision::RegionCrop::create(context.device, preprocess_desc(network.entry().input),
                                                     network.input()));
  const vision::HandStates none;
  TARSIER_TRY(parts.state, context.device.create_buffer({.size = sizeof none, .name = spec.name}));
  TARSIER_CHECK(context.device.upload(parts.state, 0, &none, sizeof none));
  TARSIER_TRY(parts.readback, readback_buffers(context, sizeof none, spec.name));
  return std::unique_ptr<Stage>(
      new HandsStage(spec.name, *input->body_source(), std::move(parts), context.results));
}

}  // namespace

const StageType kHandsStage{"hands", declare, make};

}  // namespace tarsier::pipeline
