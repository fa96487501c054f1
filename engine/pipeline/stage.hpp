// A stage: one step of a pipeline, with its networks, its parameters and what it gives to the picture and the
// results.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/param.hpp"
#include "gpu/frame_context.hpp"
#include "models/catalogue.hpp"
#include "models/store.hpp"
#include "pipeline/frame_result.hpp"
#include "pipeline/network.hpp"
#include "pipeline/pipeline_file.hpp"
#include "pipeline/stage_params.hpp"
#include "present/scene_renderer.hpp"
#include "vision/ground_plane.hpp"

namespace tarsier::pipeline {

class Stage;

/// What a stage is made from. References outlive the stage.
struct StageContext {
  gpu::Device& device;
  const models::Catalogue& catalogue;
  const models::StoreOptions& store;
  Params& params;
  uint32_t slots = 3;  // frames in flight
  int frame_width = 0, frame_height = 0;
  std::string source = {};  // as the user gave it
  infer::Precision precision = infer::Precision::kFp32;
  infer::Tune tune = infer::Tune::kOff;
  /// Frames come when they come, and nothing may make them wait; else they are taken as fast as they can be
  /// worked on, and results are the same in every run.
  bool paced = false;
  /// Whether results are wanted from the first frame on: a stage that works for nobody else may rest.
  bool results = true;
  LoadProgress progress;
  /// Stages before this one, for those that take what another one finds.
  std::span<const std::unique_ptr<Stage>> before = {};
};

/// Boxes on the device: a DetectionHeader and Detections, with their class names.
struct DetectionLayer {
  const gpu::Buffer* detections = nullptr;
  const std::vector<std::string>* labels = nullptr;
  float least_score = 0;  // boxes are drawn whose score is above it
};

/// Tracked objects, from the host, with their class names.
struct TrackView {
  std::span<const present::TrackBox> boxes;
  const std::vector<std::string>* labels = nullptr;
};

/// What the stages give to the picture of this frame; lives until the frame is recorded.
struct Layers {
  std::vector<DetectionLayer> detections;
  std::vector<present::MaskInput> masks;
  std::vector<TrackView> tracks;
  std::vector<present::ZoneInput> zones;
  std::vector<present::LineInput> lines;
  std::vector<present::FaceInput> faces;
  std::vector<present::SkeletonInput> skeletons;
  const present::PanelInput* panel = nullptr;
  std::string note;                  // one line in the lower left corner
  std::vector<std::string> banners;  // warnings at the top, one below the other
  /// Adds to the note what it does not say yet.
  void add_note(std::string_view text) {
    if (note.find(text) != std::string::npos) return;
    if (!note.empty()) note += "   ";
    note += text;
  }
};

/// A stage that follows the lane, and knows the horizon by it.
class LaneSource {
 public:
  virtual ~LaneSource() = default;
  /// The road before the camera by the latest frame that is done: in completions that were asked for after
  /// the source's own, that very frame's.
  [[nodiscard]] virtual const vision::GroundPlane& ground() const = 0;
};

/// A stage that takes another one's boxes on the host.
class DetectionReader {
 public:
  virtual ~DetectionReader() = default;
  /// Boxes down to this score are wanted.
  [[nodiscard]] virtual float least_score(const Params& params) const = 0;
  /// Whether it draws what becomes of the boxes itself, so that they need not be drawn.
  [[nodiscard]] virtual bool draws(const Params& params) const = 0;
};

/// A stage whose boxes others take.
class DetectionSource {
 public:
  virtual ~DetectionSource() = default;
  /// From now on every frame's boxes are copied to the host. The reader outlives the frames.
  virtual void attach(const DetectionReader& reader) = 0;
  /// The boxes of the frame in this slot, by falling score: for completions of that frame that were asked for
  /// after the source's own.
  [[nodiscard]] virtual std::span<const vision::Detection> boxes(uint32_t slot) const = 0;
  /// Whether the frame that is being recorded has boxes of its own: the network may run on every Nth only.
  [[nodiscard]] virtual bool ran() const = 0;
  /// The latest boxes on the device, for the frame that is being recorded: a DetectionHeader and Detections,
  /// down to the lowest score that any reader wants.
  [[nodiscard]] virtual const gpu::Buffer& device_boxes() const = 0;
  /// The score above which its boxes are shown, in the frame that is being recorded.
  [[nodiscard]] virtual float shown_score() const = 0;
  [[nodiscard]] virtual const std::vector<std::string>& class_names() const = 0;
  /// Which of all detectors' names these are, LabelSets.
  [[nodiscard]] virtual int32_t label_set() const = 0;
};

/// A stage that knows more of tracked objects and has it drawn with them.
class TrackNotes {
 public:
  virtual ~TrackNotes() = default;
  /// What is to be shown of it at a time.
  virtual void note(int64_t id, double time_s, present::TrackBox& box) const = 0;
};

/// A stage whose tracks others take: they are in the frame's result in completions that were asked for after
/// the source's own.
class TrackSource {
 public:
  virtual ~TrackSource() = default;
  /// The notes outlive the frames.
  virtual void attach(const TrackNotes& notes) = 0;
  /// Where everything that is followed may be at a time, appended: also what was not seen lately or only
  /// once. Of what is out of sight the box holds both where it was seen and where it is expected.
  virtual void whereabouts(double time_s, const DeviceFrame& picture,
                           std::vector<vision::Detection>& boxes) const = 0;
  /// The stage whose boxes are tracked.
  [[nodiscard]] virtual const DetectionSource& boxes() const = 0;
};

/// A stage that takes another one's masks.
class MaskReader {
 public:
  virtual ~MaskReader() = default;
  /// Whether it takes one of the frame that is being recorded.
  [[nodiscard]] virtual bool takes_mask(const Params& params) const = 0;
};

/// A stage whose masks others take. Names are those of its [[stage.mask]].
class MaskSource {
 public:
  virtual ~MaskSource() = default;
  /// The latest mask on the device: for what is recorded after the source's record().
  [[nodiscard]] virtual present::MaskInput mask(std::string_view name, const DeviceFrame& picture) const = 0;
  /// Whether the frame that is being recorded has masks of its own: the network may run on every Nth only.
  [[nodiscard]] virtual bool ran() const = 0;
  /// The network runs while some reader takes a mask, whether it is drawn or not. With `on_host` this mask of
  /// every frame that has one is copied to the host. The reader outlives the frames.
  virtual void attach(std::string_view name, const MaskReader& reader, bool on_host) = 0;
  /// That of the frame in this slot, for completions of that frame that were asked for after the source's
  /// own.
  [[nodiscard]] virtual vision::HostMask host_mask(std::string_view name, uint32_t slot) const = 0;
};

/// A stage that counts in zones and over lines, which can be changed while it runs.
class ZoneKeeper {
 public:
  virtual ~ZoneKeeper() = default;
  [[nodiscard]] virtual const vision::ZoneCounter& counter() const = 0;
  /// Between frames, shapes without fault: from the next frame on. Counts go on where a place stays.
  virtual void use_shapes(std::vector<vision::ZoneShape> shapes) = 0;
};

/// A stage that begins where a body's limbs are.
class BodyReader {
 public:
  virtual ~BodyReader() = default;
  /// Whether it needs this frame's body, shown or not.
  [[nodiscard]] virtual bool needs_body(const Params& params) const = 0;
};

/// A stage that follows a body.
class BodySource {
 public:
  virtual ~BodySource() = default;
  /// The reader outlives the frames.
  virtual void attach(const BodyReader& reader) = 0;
  /// A vision::LandmarkState on the device: this frame's for what is recorded after the source's record().
  [[nodiscard]] virtual const gpu::Buffer& body() const = 0;
  /// Least score of a point that is there.
  [[nodiscard]] virtual float least_score(const Params& params) const = 0;
};

class Stage {
 public:
  virtual ~Stage() = default;
  [[nodiscard]] virtual const std::string& name() const = 0;
  /// Records what it changes in the captured picture, before its record() and all stages' behind it: they
  /// and people see what it made, B, G, R, A bytes in packed rows.
  virtual Status prepare(gpu::FrameContext& /*frame*/, const Params& /*params*/, DeviceFrame& /*picture*/) {
    return {};
  }
  /// Records the stage for one frame; reads its parameters once, here.
  virtual Status record(gpu::FrameContext& frame, const DeviceFrame& picture, const Params& params) = 0;
  /// Records what it changes in the picture that people see, after every stage's record(): networks work on
  /// what was captured or prepared. `shown` is that picture or what an earlier stage made of it; a stage that
  /// changes it draws a picture of its own, B, G, R, A bytes in packed rows, and puts that there.
  virtual Status edit(gpu::FrameContext& /*frame*/, const Params& /*params*/, DeviceFrame& /*shown*/) {
    return {};
  }
  /// Adds what there is to draw of this frame.
  virtual void layers(const gpu::FrameContext& frame, const DeviceFrame& picture, const Params& params,
                      Layers& layers) const = 0;
  /// Asks, by an asynchronous copy, for what the host needs of this frame: `result` is filled when the frame
  /// completes. Without `wanted` nobody lists or writes results: then only what a later stage needs is
  /// copied.
  virtual void read_results(gpu::FrameContext& frame, const std::shared_ptr<FrameResult>& result,
                            bool wanted) = 0;
  /// Its boxes for later stages; null for stages that find none.
  [[nodiscard]] virtual DetectionSource* detection_source() { return nullptr; }
  /// Its tracks, or those that it tells more of, for later stages; null for other stages.
  [[nodiscard]] virtual TrackSource* track_source() { return nullptr; }
  /// Its masks for later stages; null for stages that make none.
  [[nodiscard]] virtual MaskSource* mask_source() { return nullptr; }
  /// The lane for later stages; null for stages that do not follow it.
  [[nodiscard]] virtual LaneSource* lane_source() { return nullptr; }
  /// Its zones and lines; null for stages that have none.
  [[nodiscard]] virtual ZoneKeeper* zone_keeper() { return nullptr; }
  /// The body for later stages; null for stages that follow none.
  [[nodiscard]] virtual BodySource* body_source() { return nullptr; }
  /// Its networks; none for stages without.
  [[nodiscard]] virtual std::vector<NamedNetwork> networks() { return {}; }
  /// Whether it adds tracks to every frame's result, wanted or not.
  [[nodiscard]] virtual bool tracks() const { return false; }
};

/// Checks the stage and declares its parameters, before anything is fetched or loaded: a user's mistake is
/// told at once. Errors (kInput): unknown type or network (with the nearest), a network that does not suit
/// the stage, a parameter's value, an input that no stage of `before` gives.
Status declare_stage(const StageSpec& spec, std::span<const StageSpec> before,
                     const models::Catalogue& catalogue, Params& params);
/// Makes a declared stage and loads its networks. Errors: a network that cannot be had or does not suit.
Result<std::unique_ptr<Stage>> make_stage(const StageSpec& spec, StageContext& context);

/// A type of stage, as files name it: how it is declared and made (see declare_stage, make_stage).
struct StageType {
  const char* name;
  Status (*declare)(const StageSpec& spec, std::span<const StageSpec> before,
                    const models::Catalogue& catalogue, Params& params);
  Result<std::unique_ptr<Stage>> (*make)(const StageSpec& spec, StageContext& context);
};
// One a stage file; listed in stage.cpp.
extern const StageType kDetectStage, kSegmentStage, kTrackStage, kLanesStage, kRangeStage, kPrivacyStage,
    kZonesStage, kBackgroundStage, kFaceStage, kBodyStage, kHandsStage, kDepthStage, kEnhanceStage,
    kBirdseyeStage;

/// The error, told where a file has it; as it is without a place.
Error placed(const std::string& place, const Error& error);
/// The error, told where the value of the stage's key was written, or the stage where the file says nothing
/// of it.
Error at(const StageSpec& spec, std::string_view key, const Params& params, const Error& error);

/// The error of a network that does not suit, told where the key names it; what is no mistake of the user's
/// as it is.
Error misfit(const StageSpec& spec, std::string_view key, const Params& params, const Error& error);

/// Declares the key `model` (or another, for a stage with two networks), a name of the catalogue or a file,
/// and finds its entry. Errors (kInput): no such network (with the nearest).
Result<models::Entry> declare_model(const StageSpec& spec, std::string initial,
                                    const models::Catalogue& catalogue, Params& params,
                                    std::string_view key = "model");
/// Loads the network that a declared key names, with the run's precision and tuning; `options` says the rest.
Result<std::unique_ptr<Network>> load_network(const StageSpec& spec, const StageContext& context,
                                              NetworkOptions options = {}, std::string_view key = "model");

/// A buffer for each slot that the host reads, for copies that nothing waits for.
Result<std::vector<gpu::Buffer>> readback_buffers(const StageContext& context, uint64_t bytes,
                                                  const std::string& stage);

// For stages that take what another one finds.
/// Declares the key `input`: the name of the stage that is taken from.
Status declare_input(const StageSpec& spec, std::string initial, std::string help, Params& params);
/// Errors (kInput): `input` names no stage of `before` that is of this type (with the nearest).
Status check_input(const StageSpec& spec, std::span<const StageSpec> before, std::string_view type,
                   const Params& params);
/// The same for one that takes a mask: declares `input` and `input_mask`.
Status declare_input_mask(const StageSpec& spec, std::string stage, std::string mask, std::string help,
                          Params& params);
/// Errors (kInput): `input` names no segment stage of `before`, `input_mask` none of its masks.
Status check_input_mask(const StageSpec& spec, std::span<const StageSpec> before, const Params& params);
/// Errors (kInput): a stage of the same type is there already.
Status check_only_one(const StageSpec& spec, std::span<const StageSpec> before);
/// The stage that `input` names. Errors: it was left out.
Result<Stage*> input_of(const StageSpec& spec, const StageContext& context);

/// The error of a network whose head is of another kind than the stage needs: `does` says what it does not
/// do, `task` which networks to choose. A user's own file that is no network at all is told as that instead.
Error unsuitable(const models::Entry& entry, std::string_view does, std::string_view task);

}  // namespace tarsier::pipeline
