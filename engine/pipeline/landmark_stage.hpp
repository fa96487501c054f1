// What the stages with a landmark network share.
#pragma once

#include <vector>

#include "pipeline/stage.hpp"
#include "pipeline/stage_params.hpp"
#include "vision/one_euro.hpp"

namespace tarsier::pipeline {

/// declare_model() for a network of this head. Errors (kInput): it has another one: `does` says what it is
/// not; the message names those that are.
Status declare_network(const StageSpec& spec, std::string_view key, const char* initial, models::Head head,
                       std::string_view does, const models::Catalogue& catalogue, Params& params);

/// The outputs that the network's head reads, in its order. Errors (kInput): it has more or fewer.
Result<std::vector<vision::TensorRef>> head_outputs(const Network& network, size_t count);

/// Declares `min_cutoff`, `beta` and `d_cutoff` of the One Euro filter; `what`: "the face".
void declare_filter(StageParams& declare, const vision::OneEuroParams& initial, std::string_view what);
[[nodiscard]] vision::OneEuroParams filter_params(const Params& params, const std::string& stage);

/// Time from frame to frame.
class FrameClock {
 public:
  /// Whether this frame has nothing to do with the one before: time went back or too far on, or the size is
  /// another. `seconds()` is what passed.
  bool restarts(const DeviceFrame& picture);
  [[nodiscard]] double seconds() const { return passed_; }

 private:
  double time_s_ = 0, passed_ = 0;
  int width_ = 0, height_ = 0;
};

}  // namespace tarsier::pipeline
