#include "vision/face.hpp"

#include "gpu/device.hpp"
#include "gpu/pipeline.hpp"
#include "vision/face_model.hpp"
#include "vision/state_pass.hpp"

namespace tarsier::vision {
namespace {

struct DecodePush {
  uint64_t boxes, scores, face;
  ViewStrides box_strides, score_strides;
  uint32_t anchors, first_layer;
  std::array<uint32_t, 2> grid, each;
  float input_size, least_score;
  std::array<float, 2> fit_scale, fit_offset;
  uint32_t reset;
};

struct LandmarkPush {
  uint64_t points, presence, face, model;
  ViewStrides strides;
  float crop_size, least_presence;
  float min_cutoff, beta, d_cutoff;
  float seconds;
};

}  // namespace

std::array<float, 2> FaceAnchors::centre(int anchor) const {
  const int first = grid[0] * grid[0] * each[0];
  const size_t layer = anchor < first ? 0 : 1;
  const int cell = (anchor - (layer == 0 ? 0 : first)) / each[layer];
  const int side = grid[layer];
  return {(float(cell % side) + 0.5F) / float(side), (float(cell / side) + 0.5F) / float(side)};
}

Result<FaceAnchors> face_anchors(int count, int input_size) {
  const FaceAnchors short_range{{input_size / 8, input_size / 16}, {2, 6}};
  const FaceAnchors full_range{{input_size / 4, 0}, {1, 0}};
  if (count == short_range.count()) return short_range;
  if (count == full_range.count()) return full_range;
  return input_error("a face detector for {0}x{0} pixels has {1} or {2} anchors, this one has {3}",
                     input_size, short_range.count(), full_range.count(), count);
}

Result<FaceDecoder> FaceDecoder::create(gpu::Device& device, const TensorRef& boxes, const TensorRef& scores,
                                        int input_width, int input_height) {
  FaceDecoder pass;
  auto box_view = list_view(boxes, true);
  auto score_view = list_view(scores, true);
  if (!box_view.ok() || !score_view.ok() || box_view->channels != 16 || score_view->channels != 1 ||
      box_view->width != score_view->width || input_width != input_height) {
    return input_error(
        "a face detector gives [1,N,16] and [1,N,1] for a square input, this network {} and {} for {}x{}",
        to_string(boxes), to_string(scores), input_width, input_height);
  }
  pass.boxes_ = *box_view;
  pass.scores_ = *score_view;
  pass.input_size_ = input_width;
  TARSIER_TRY(pass.anchors_, face_anchors(pass.boxes_.width, input_width));
  TARSIER_TRY(pass.pipeline_,
              device.pipelines().get(
                  {"vision/face_decode.comp", {pass.boxes_.fp16 ? 1U : 0U, pass.scores_.fp16 ? 1U : 0U}}));
  return pass;
}

void FaceDecoder::record(gpu::CommandList& commands, const FaceDetectParams& params, const Fit& fit,
                         uint64_t state_address) const {
  const auto of = [](const std::array<int, 2>& values) {
    return std::array{uint32_t(values[0]), uint32_t(values[1])};
  };
  const DecodePush push{boxes_.address,
                        scores_.address,
                        state_address,
                        boxes_.strides(),
                        scores_.strides(),
                        uint32_t(anchors_.count()),
                        uint32_t(anchors_.grid[0] * anchors_.grid[0] * anchors_.each[0]),
                        of(anchors_.grid),
                        of(anchors_.each),
                        float(input_size_),
                        params.score,
                        {fit.scale_x, fit.scale_y},
                        {fit.offset_x, fit.offset_y},
                        params.reset ? 1U : 0U};
  commands.barrier();
  commands.dispatch(*pipeline_, push, {1, 1, 1});
  commands.barrier();
}

Result<FaceLandmarks> FaceLandmarks::create(gpu::Device& device, const TensorRef& points,
                                            const TensorRef& presence, int crop_size) {
  FaceLandmarks pass;
  auto point_view = image_view(points);
  auto presence_view = image_view(presence);
  if (!point_view.ok() || !presence_view.ok() || point_view->channels != int(3 * kFacePoints) ||
      point_view->pixels() != 1 || presence_view->channels != 1 || presence_view->pixels() != 1) {
    return input_error("a face landmark network gives [1,{},1,1] and [1,1,1,1], this one {} and {}",
                       3 * kFacePoints, to_string(points), to_string(presence));
  }
  pass.points_ = *point_view;
  pass.presence_ = *presence_view;
  pass.crop_size_ = crop_size;
  TARSIER_TRY(pass.pipeline_,
              device.pipelines().get({"vision/face_landmarks.comp",
                                      {pass.points_.fp16 ? 1U : 0U, pass.presence_.fp16 ? 1U : 0U}}));
  const auto& head = canonical_head();
  TARSIER_TRY(pass.model_, device.create_buffer({.size = sizeof head, .name = "canonical head"}));
  TARSIER_CHECK(device.upload(pass.model_, 0, head.data(), sizeof head));
  TARSIER_TRY(pass.state_, device.create_buffer({.size = kFaceStateBytes, .name = "face"}));
  return pass;
}

void FaceLandmarks::record(gpu::CommandList& commands, const FaceLandmarkParams& params) const {
  const LandmarkPush push{
      points_.address,    presence_.address,      state_.address(), model_.address(),
      points_.strides(),  float(crop_size_),      params.presence,  params.filter.min_cutoff,
      params.filter.beta, params.filter.d_cutoff, params.seconds};
  record_state_pass(commands, *pipeline_, push);
}

}  // namespace tarsier::vision
