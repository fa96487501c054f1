#include "vision/body.hpp"

#include "gpu/device.hpp"
#include "gpu/pipeline.hpp"
#include "vision/state_pass.hpp"

namespace tarsier::vision {
namespace {

struct Push {
  uint64_t points, body;
  uint32_t point_stride, value_stride;
  float least_score;
  float min_cutoff, beta, d_cutoff, seconds;
  float reserved;  // of the vector behind it
  float frame[2];
  uint32_t reset;
};

}  // namespace

Result<BodyLandmarks> BodyLandmarks::create(gpu::Device& device, const TensorRef& points) {
  BodyLandmarks pass;
  const auto view = image_view(points);
  const std::array<int, 4> wanted{1, 1, int(kBodyPoints), 3};
  if (!view.ok() || points.shape != wanted)
    return input_error("a body landmark network gives [1,1,{},3], this one {}", kBodyPoints,
                       to_string(points));
  pass.points_ = view->address;
  const auto element = [&](int point, int value) {
    return uint32_t(points.channels_last ? view->element(value, point)
                                         : view->element(0, point * view->width + value));
  };
  pass.point_stride_ = element(1, 0);
  pass.value_stride_ = element(0, 1);
  TARSIER_TRY(pass.pipeline_, device.pipelines().get({"vision/body_landmarks.comp", {view->fp16 ? 1U : 0U}}));
  const LandmarkState none;
  TARSIER_TRY(pass.state_, device.create_buffer({.size = sizeof none, .name = "body"}));
  TARSIER_CHECK(device.upload(pass.state_, 0, &none, sizeof none));
  return pass;
}

void BodyLandmarks::reset(gpu::CommandList& commands, int frame_width, int frame_height) const {
  record(commands, {.frame_width = frame_width, .frame_height = frame_height}, true);
}

void BodyLandmarks::record(gpu::CommandList& commands, const BodyParams& params) const {
  record(commands, params, false);
}

void BodyLandmarks::record(gpu::CommandList& commands, const BodyParams& params, bool reset) const {
  const Push push{points_,
                  state_.address(),
                  point_stride_,
                  value_stride_,
                  params.score,
                  params.filter.min_cutoff,
                  params.filter.beta,
                  params.filter.d_cutoff,
                  params.seconds,
                  0,
                  {float(params.frame_width), float(params.frame_height)},
                  reset ? 1U : 0U};
  record_state_pass(commands, *pipeline_, push);
}

}  // namespace tarsier::vision
