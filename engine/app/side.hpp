// A side: stages with the networks that they run and the scene that they are drawn into. The frame loop has
// one; a comparison has another that looks at the same frame.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "app/setup.hpp"
#include "capture/frame_source.hpp"
#include "pipeline/stage.hpp"
#include "present/scene_renderer.hpp"

namespace tarsier::app {

/// Of a frame in flight: the picture, those that are shown behind a person (two where sides are compared),
/// and what the host draws over it (tracks: under 5 kB each, at most 200 a side).
[[nodiscard]] constexpr uint64_t staging_for(int width, int height) {
  return 3 * uint64_t(width) * uint64_t(height) * 4 + (uint64_t{2} << 20);
}

class Side {
 public:
  using Stages = std::vector<std::unique_ptr<pipeline::Stage>>;
  static Result<std::unique_ptr<Side>> create(gpu::Device& device, Stages stages);

  /// Records the stages on this frame, with the parameters as they are now.
  /// `recorded`, where given, is called behind each stage with its name, and with "edit" at the end.
  using Recorded = std::function<void(std::string_view)>;
  Status record(gpu::FrameContext& context, const pipeline::DeviceFrame& frame, const Params& params,
                const Recorded& recorded = {});
  /// Draws the scene of what was recorded; `marks` as of present::SceneInputs.
  Status draw(gpu::FrameContext& context, const Params& params, const gpu::Buffer* marks = nullptr);
  /// Asks for the results of what was recorded (Stage::read_results).
  void read_results(gpu::FrameContext& context, const std::shared_ptr<pipeline::FrameResult>& result,
                    bool wanted) const;
  /// Walks a black picture of this size through stages and scene on a ring of its own and waits, so that
  /// what a driver compiles at the first use is compiled now.
  Status warm_up(gpu::Device& device, uint32_t frames_in_flight, int width, int height, const Params& params);

  [[nodiscard]] std::span<const std::unique_ptr<pipeline::Stage>> stages() const { return stages_; }
  /// The first stage that finds boxes, or null.
  [[nodiscard]] pipeline::DetectionSource* detector() const;
  [[nodiscard]] const present::SceneRenderer& scene() const { return *scene_; }
  /// Where the scene says something at a fixed place: its panel, the strip of its note. Pixels of the frame.
  [[nodiscard]] const std::vector<present::Rect>& keep_free() const { return keep_free_; }
  [[nodiscard]] const pipeline::LabelSets& label_sets() const { return label_sets_; }
  /// Whether the host learns of tracked objects, with every frame.
  [[nodiscard]] bool tracks() const { return tracks_; }

 private:
  Side() = default;
  Stages stages_;
  std::unique_ptr<present::SceneRenderer> scene_;
  pipeline::LabelSets label_sets_;
  bool tracks_ = false;
  std::vector<present::Rect> keep_free_;
  pipeline::DeviceFrame frame_;
  pipeline::DeviceFrame shown_;  // frame_ as the stages change it for people
};

/// What sides are made with: the same for all of a run.
struct SideContext {
  gpu::Device& device;
  const models::Catalogue& catalogue;
  const models::StoreOptions& store;
  capture::SourceInfo source;
  bool paced = false;   // as of pipeline::StageContext
  bool results = true;  // as there
  /// Frames run on the device meanwhile: nothing is measured, choices that were kept hold.
  bool beside_frames = false;
  /// A stage that cannot be made is an error, unless the setup says that it was left out before.
  bool whole = false;
  pipeline::LoadProgress progress = {};
};

/// Makes the stages of a setup that was read, loads their networks and walks a black picture through them. A
/// stage whose network can't be had is left out with a message, as is one that takes its boxes, and the rest
/// runs; their parameters are withdrawn from the setup. Errors: a file of the user's that is no network, no
/// stage is left, or what SideContext::whole forbids.
Result<std::unique_ptr<Side>> make_side(const SideContext& context, Setup& setup);

}  // namespace tarsier::app
