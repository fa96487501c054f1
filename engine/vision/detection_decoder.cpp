#include <algorithm>

#include "gpu/device.hpp"
#include "gpu/pipeline.hpp"
#include "vision/detection.hpp"
#include "vision/head_view.hpp"

namespace tarsier::vision {
namespace {

constexpr uint32_t kDecodeGroup = 64;       // local size of detect_decode.comp
constexpr uint32_t kKeysPerGroup = 32 * 8;  // local size and block of detect_rank.comp
constexpr uint64_t kKeyBytes = 8;
constexpr uint64_t kStateBytes = (2 + 2048) * sizeof(uint32_t);           // SelectState
constexpr uint64_t kSortedBytes = kMaxCandidates * (16 + 4 + kKeyBytes);  // boxes, marks, keys

struct DecodePush {
  uint64_t tensor, keys, state;
  ViewStrides strides;
  uint32_t width, height, classes, capacity, per_class;
  float threshold;
  std::array<uint32_t, 4> class_mask;
};

struct SelectPush {
  uint64_t keys, compact, state;
  uint32_t capacity, keep;
};

struct RankPush {
  uint64_t tensor, keys, compact, state, sorted;
  uint32_t keep;
  ViewStrides strides;
  uint32_t width, height, classes, input_width, input_height;
  float frame_width, frame_height;
  Fit fit;
};

struct NmsPush {
  uint64_t state, sorted, detections;
  uint32_t keep, classes, max_detections, agnostic;
  float iou, frame_width, frame_height;
};

Result<ChannelView> single_view(const HeadDesc& head, const TensorRef& tensor) {
  switch (head.kind) {
    case HeadKind::kYolox:
      return list_view(tensor, true);
    case HeadKind::kYolov8:
      return list_view(tensor, false);
    default:
      return image_view(tensor);
  }
}

std::string expectation(const HeadDesc& head) {
  switch (head.kind) {
    case HeadKind::kYolox:
      return fmt::format("the yolox head reads [1,N,{}]", 5 + head.classes);
    case HeadKind::kFastestDet:
      return fmt::format("the fastestdet head reads [1,{},H,W]", 5 + head.classes);
    case HeadKind::kCenterNet:
      return fmt::format("the centernet head reads a heat map of {} channels and distances of 4, of one size",
                         head.classes);
    default:
      return fmt::format("the yolov8 head reads [1,{},N]", 4 + head.classes);
  }
}

}  // namespace

Result<std::vector<ChannelView>> head_views(const HeadDesc& head, std::span<const TensorRef> tensors) {
  std::string given;
  for (const TensorRef& tensor : tensors) given += (given.empty() ? "" : ", ") + to_string(tensor);
  const auto mismatch = [&](std::string_view detail) {
    return runtime_error("{}, the network gives {}{}", expectation(head), given.empty() ? "nothing" : given,
                         detail);
  };
  if (head.classes < 1 || head.classes > 128) {
    return runtime_error("a detection head has 1 to 128 classes, not {}", head.classes);
  }
  if (head.input_width < 1 || head.input_height < 1) {
    return runtime_error("a detection head needs the size of the network's input");
  }
  const size_t count = head.kind == HeadKind::kCenterNet ? 2 : 1;
  if (tensors.size() != count) return mismatch("");
  std::vector<ChannelView> views;
  for (const TensorRef& tensor : tensors) {
    auto view = single_view(head, tensor);
    if (!view.ok()) return mismatch("");
    views.push_back(*view);
  }
  const int extra = head.kind == HeadKind::kCenterNet ? 0 : head.kind == HeadKind::kYolov8 ? 4 : 5;
  if (views[0].channels != head.classes + extra) return mismatch("");
  if (count == 2 &&
      (views[1].channels != 4 || views[1].width != views[0].width || views[1].height != views[0].height)) {
    return mismatch("");
  }
  if (head.kind == HeadKind::kYolox) {
    int cells = 0;
    for (const int stride : {8, 16, 32}) cells += (head.input_width / stride) * (head.input_height / stride);
    if (views[0].pixels() != cells) {
      return mismatch(
          fmt::format(" (N is {} for an input of {}x{})", cells, head.input_width, head.input_height));
    }
  }
  if (uint64_t(views[0].pixels()) * uint64_t(head.classes) > kMaxCodes) return mismatch(" (too many cells)");
  return views;
}

Result<DetectionDecoder> DetectionDecoder::create(gpu::Device& device, const HeadDesc& head,
                                                  std::span<const TensorRef> tensors, uint32_t slots) {
  DetectionDecoder decoder;
  decoder.head_ = head;
  TARSIER_TRY(decoder.views_, head_views(head, tensors));
  const auto kind = uint32_t(head.kind);
  // One workgroup walks the list: a software device switches between subgroups at each barrier, so there it
  // gets one subgroup; elsewhere its width is what hides the latency.
  const uint32_t lanes = device.info().software ? std::clamp(device.features().subgroup_size, 4U, 64U) : 256U;
  gpu::PipelineCache& pipelines = device.pipelines();
  TARSIER_TRY(decoder.decode_,
              pipelines.get({"vision/detect_decode.comp", {kind, decoder.views_.front().fp16 ? 1U : 0U}}));
  TARSIER_TRY(decoder.select_, pipelines.get({"vision/detect_select.comp", {lanes}}));
  TARSIER_TRY(decoder.rank_,
              pipelines.get({"vision/detect_rank.comp", {kind, decoder.views_.back().fp16 ? 1U : 0U}}));
  TARSIER_TRY(decoder.nms_, pipelines.get({"vision/detect_nms.comp", {lanes}}));

  // Room for every candidate that there can be: nothing is lost before the best are chosen.
  const uint64_t capacity = uint64_t(decoder.views_.front().pixels()) * uint64_t(head.classes);
  TARSIER_TRY(decoder.keys_, device.create_buffer({capacity * kKeyBytes, gpu::Memory::kDevice, false, false,
                                                   "detection keys"}));
  TARSIER_TRY(decoder.compact_, device.create_buffer({kMaxCandidates * kKeyBytes, gpu::Memory::kDevice, false,
                                                      false, "detection keys, chosen"}));
  TARSIER_TRY(decoder.state_,
              device.create_buffer({kStateBytes, gpu::Memory::kDevice, false, false, "detection state"}));
  TARSIER_TRY(decoder.sorted_, device.create_buffer({kSortedBytes, gpu::Memory::kDevice, false, false,
                                                     "detection candidates"}));
  for (uint32_t slot = 0; slot < slots; ++slot) {
    TARSIER_TRY(auto buffer, device.create_buffer({kDetectionBufferBytes, gpu::Memory::kDevice, false, false,
                                                   fmt::format("detections {}", slot)}));
    decoder.detections_.push_back(std::move(buffer));
  }
  return decoder;
}

void DetectionDecoder::record(gpu::CommandList& commands, uint32_t slot, const DetectionParams& params,
                              const FrameGeometry& frame) const {
  const ChannelView& scores = views_.front();
  const ChannelView& boxes = views_.back();
  const auto cells = uint32_t(scores.pixels());
  const auto classes = uint32_t(head_.classes);
  const uint32_t keep = std::clamp(params.max_candidates, 1U, kMaxCandidates);
  const uint32_t capacity = cells * classes;

  const DecodePush decode{scores.address,
                          keys_.address(),
                          state_.address(),
                          scores.strides(),
                          uint32_t(scores.width),
                          uint32_t(scores.height),
                          classes,
                          capacity,
                          params.per_class ? 1U : 0U,
                          std::max(params.score_threshold, 0.0F),
                          params.class_mask};
  const SelectPush select{keys_.address(), compact_.address(), state_.address(), capacity, keep};
  const RankPush rank{boxes.address,
                      keys_.address(),
                      compact_.address(),
                      state_.address(),
                      sorted_.address(),
                      keep,
                      boxes.strides(),
                      uint32_t(boxes.width),
                      uint32_t(boxes.height),
                      classes,
                      uint32_t(head_.input_width),
                      uint32_t(head_.input_height),
                      float(frame.width),
                      float(frame.height),
                      frame.fit};
  const NmsPush nms{state_.address(),
                    sorted_.address(),
                    detections_[slot].address(),
                    keep,
                    classes,
                    std::min(params.max_detections, kMaxDetections),
                    params.class_agnostic ? 1U : 0U,
                    params.iou_threshold,
                    float(frame.width),
                    float(frame.height)};

  commands.barrier();  // the network's outputs; the scratch memory of the frame before
  commands.dispatch(*decode_, decode, {gpu::groups_for(cells, kDecodeGroup), 1, 1});
  commands.barrier();
  commands.dispatch(*select_, select, {1, 1, 1});
  commands.barrier();
  commands.dispatch(*rank_, rank, {gpu::groups_for(keep, kKeysPerGroup), 1, 1});
  commands.barrier();
  commands.dispatch(*nms_, nms, {1, 1, 1});
  commands.barrier(gpu::Scope::kCompute, gpu::Scope::kCompute | gpu::Scope::kTransfer);
}

}  // namespace tarsier::vision
