// A stage: one step of a pipeline, with its networks, its parameters and what it gives to the picture and the
// results.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "core/param.hpp"
#include "gpu/frame_context.hpp"
#include "models/catalogue.hpp"
#include "models/store.hpp"
#include "pipeline/frame_result.hpp"
#include "pipeline/network.hpp"
#include "pipeline/pipeline_file.hpp"
#include "present/scene_renderer.hpp"

namespace tarsier::pipeline {

/// What a stage is made from. References outlive the stage.
struct StageContext {
  gpu::Device& device;
  const models::Catalogue& catalogue;
  const models::StoreOptions& store;
  Params& params;
  uint32_t slots = 3;  // frames in flight
  int frame_width = 0, frame_height = 0;
  infer::Precision precision = infer::Precision::kFp32;
  infer::Tune tune = infer::Tune::kOff;
  LoadProgress progress;
};

/// Boxes on the device: a DetectionHeader and Detections, with their class names.
struct DetectionLayer {
  const gpu::Buffer* detections = nullptr;
  const std::vector<std::string>* labels = nullptr;
};

/// What the stages give to the picture of this frame; lives until the frame is recorded.
struct Layers {
  std::vector<DetectionLayer> detections;
  std::vector<present::MaskInput> masks;
};

class Stage {
 public:
  virtual ~Stage() = default;
  [[nodiscard]] virtual const std::string& name() const = 0;
  /// Records the stage for one frame; reads its parameters once, here.
  virtual Status record(gpu::FrameContext& frame, const DeviceFrame& picture, const Params& params) = 0;
  /// Adds what there is to draw of this frame.
  virtual void layers(const gpu::FrameContext& frame, const DeviceFrame& picture, const Params& params,
                      Layers& layers) const = 0;
  /// Asks for this frame's results by an asynchronous copy; `result` is filled when the frame completes.
  virtual void read_results(gpu::FrameContext& frame, const std::shared_ptr<FrameResult>& result) = 0;
  /// Class names of its detections; empty for other stages.
  [[nodiscard]] virtual std::vector<std::string> labels() const { return {}; }
};

/// Checks the stage and declares its parameters, before anything is fetched or loaded: a user's mistake is
/// told at once. Errors (kInput): unknown type or network (with the nearest), a network that does not suit
/// the stage, a parameter's value.
Status declare_stage(const StageSpec& spec, const models::Catalogue& catalogue, Params& params);
/// Makes a declared stage and loads its networks. Errors: a network that cannot be had or does not suit.
Result<std::unique_ptr<Stage>> make_stage(const StageSpec& spec, StageContext& context);

// Two functions a stage file; listed in stage.cpp.
Status declare_detect_stage(const StageSpec& spec, const models::Catalogue& catalogue, Params& params);
Result<std::unique_ptr<Stage>> make_detect_stage(const StageSpec& spec, StageContext& context);
Status declare_segment_stage(const StageSpec& spec, const models::Catalogue& catalogue, Params& params);
Result<std::unique_ptr<Stage>> make_segment_stage(const StageSpec& spec, StageContext& context);

/// The error of a network whose head is of another kind than the stage needs: `does` says what it does not
/// do, `task` which networks to choose. A user's own file that is no network at all is told as that instead.
Error unsuitable(const models::Entry& entry, std::string_view does, std::string_view task);

}  // namespace tarsier::pipeline
