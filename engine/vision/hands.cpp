#include "vision/hands.hpp"

#include "gpu/device.hpp"
#include "gpu/pipeline.hpp"
#include "vision/state_pass.hpp"

namespace tarsier::vision {
namespace {

struct RegionPush {
  uint64_t body, hands;
  float least_score, seconds;
  uint32_t reset;
};

struct LandmarkPush {
  uint64_t points, presence, hand;
  uint32_t group, channel, pixel;
  float crop_size, least_presence;
  float min_cutoff, beta, d_cutoff, seconds;
};

}  // namespace

Result<HandRegions> HandRegions::create(gpu::Device& device) {
  HandRegions pass;
  TARSIER_TRY(pass.pipeline_, device.pipelines().get({"vision/hand_regions.comp", {}}));
  return pass;
}

void HandRegions::record(gpu::CommandList& commands, const HandRegionParams& params, uint64_t body,
                         uint64_t hands) const {
  record_state_pass(commands, *pipeline_,
                    RegionPush{body, hands, params.score, params.seconds, params.reset ? 1U : 0U});
}

Result<HandLandmarks> HandLandmarks::create(gpu::Device& device, const TensorRef& points,
                                            const TensorRef& presence, int crop_size) {
  HandLandmarks pass;
  const auto point_view = image_view(points), presence_view = image_view(presence);
  if (!point_view.ok() || !presence_view.ok() || point_view->channels != int(3 * kHandPoints) ||
      point_view->pixels() != 1 || presence_view->channels != 1 || presence_view->pixels() != 1) {
    return input_error("a hand landmark network gives [1,{}] and [1,1], this one {} and {}", 3 * kHandPoints,
                       to_string(points), to_string(presence));
  }
  pass.points_ = *point_view;
  pass.presence_ = *presence_view;
  pass.crop_size_ = crop_size;
  TARSIER_TRY(pass.pipeline_,
              device.pipelines().get({"vision/hand_landmarks.comp",
                                      {pass.points_.fp16 ? 1U : 0U, pass.presence_.fp16 ? 1U : 0U}}));
  return pass;
}

void HandLandmarks::record(gpu::CommandList& commands, const HandParams& params, uint64_t hand) const {
  record_state_pass(
      commands, *pipeline_,
      LandmarkPush{points_.address, presence_.address, hand, points_.group_stride, points_.channel_stride,
                   points_.pixel_stride, float(crop_size_), params.presence, params.filter.min_cutoff,
                   params.filter.beta, params.filter.d_cutoff, 0});
}

}  // namespace tarsier::vision
