// What the stages with a landmark network share.
#pragma once

#include <string>
#include <vector>

#include "pipeline/stage.hpp"
#include "pipeline/stage_params.hpp"
#include "vision/one_euro.hpp"
#include "vision/region_crop.hpp"

namespace tarsier::pipeline {

/// declare_model() for a network of this head. Errors (kInput): it has another one: `does` says what it is
/// not; the message names those that are.
Status declare_network(const StageSpec& spec, std::string_view key, const char* initial, models::Head head,
                       std::string_view does, const models::Catalogue& catalogue, Params& params);

/// The outputs that the network's head reads, in its order. Errors (kInput): it has more or fewer; its input
/// is no square.
Result<std::vector<vision::TensorRef>> head_outputs(const Network& network, size_t count);

/// Declares `min_cutoff`, `beta` and `d_cutoff` of the One Euro filter; `what`: "the face".
void declare_filter(StageParams& declare, const vision::OneEuroParams& initial, std::string_view what);
[[nodiscard]] vision::OneEuroParams filter_params(const Params& params, const std::string& stage);

/// Whether a stage's network runs in a frame, and how that frame goes on from the last one in which it ran.
class LandmarkRuns {
 public:
  /// `results`: StageContext::results.
  explicit LandmarkRuns(bool results) : wanted_(results) {}

  /// Once a frame. Runs where its points are `needed` in this frame or results wanted them in the one before.
  bool begin(const DeviceFrame& picture, bool needed);
  /// From read_results().
  void want(bool wanted) { wanted_ = wanted; }
  [[nodiscard]] bool wanted() const { return wanted_; }
  /// Of the frame that is being recorded.
  [[nodiscard]] bool ran() const { return ran_; }
  /// Whether the frame has nothing to do with the last one that ran: time went back or too far on, the size
  /// is another, or it is the first one.
  [[nodiscard]] bool restarts() const { return restarts_; }
  /// Since the frame before; 0: the same frame again, or one that restarts.
  [[nodiscard]] float seconds() const { return seconds_; }
  /// How often a frame is looked at: one that restarts as often as the landmarks need to `settle`, so that a
  /// still picture, or frames that are far apart, have them too.
  [[nodiscard]] uint32_t looks(uint32_t settle) const { return restarts_ ? settle : 1; }
  /// Counts restarts: what a frame tells that was recorded before one is no news after it.
  [[nodiscard]] uint64_t epoch() const { return epoch_; }

 private:
  double time_s_ = 0;
  int width_ = 0, height_ = 0;
  float seconds_ = 0;
  uint64_t epoch_ = 0;
  bool ran_ = false, restarts_ = true;
  bool wanted_;
};

/// A frame's passes by name: crop, network and landmarks of what `state` holds.
class LandmarkPasses {
 public:
  explicit LandmarkPasses(const std::string& name)
      : crop_(name + " crop"), network_(name + " network"), landmarks_(name + " landmarks") {}

  /// Looks at the frame `looks` times; `landmarks` records the last pass.
  template <class Landmarks>
  void record(gpu::FrameContext& frame, const DeviceFrame& picture, const vision::RegionCrop& crop,
              const Network& network, uint64_t state, uint32_t looks, Landmarks&& landmarks) const {
    for (uint32_t look = 0; look < looks; ++look) {
      frame.begin_span(crop_);
      crop.record(frame.commands(), picture.address(), picture.width, picture.height, state);
      frame.end_span();
      frame.begin_span(network_);
      network.run(frame.commands());
      frame.end_span();
      frame.begin_span(landmarks_);
      landmarks();
      frame.end_span();
    }
  }

 private:
  std::string crop_, network_, landmarks_;
};

/// "skeleton", "points" or "off".
[[nodiscard]] present::SkeletonShow skeleton_show_of(const std::string& choice);

}  // namespace tarsier::pipeline
