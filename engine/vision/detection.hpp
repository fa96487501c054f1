// Detection heads: decode, sort and non-maximum suppression on the device, and the same on the CPU for tests.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "gpu/command_list.hpp"
#include "vision/class_mask.hpp"
#include "vision/tensor_ref.hpp"
#include "vision/types.hpp"

namespace tarsier::gpu {
class Device;
}

namespace tarsier::vision {

/// The heads and the tensors that they read, in this order. C classes, scores in 0..1.
enum class HeadKind : uint8_t {
  /// [1,N,5+C]: x, y, w, h raw, objectness and classes after their sigmoid. N cells of the grids of stride 8,
  /// 16,
  /// 32 in turn: centre = (xy + cell) * stride, size = exp(wh) * stride, score = objectness * class.
  kYolox,
  /// [1,5+C,H,W]: objectness (sigmoid), x, y, w, h raw, classes (softmax). centre = (cell + tanh(xy)) / grid,
  /// size
  /// = sigmoid(wh), both of the input's size; score = objectness^0.6 * class^0.4 (the project's own
  /// examples).
  kFastestDet,
  /// heat map [.,C,.] (sigmoid) and distances [.,4,.] to left, top, right, bottom in input pixels, both H x
  /// W. A
  /// candidate is a class of a cell that no cell of its 3x3 neighbourhood exceeds; the box starts from cell *
  /// stride. The same as the network's own `detections` output, before its top 100.
  kCenterNet,
  /// [1,4+C,N]: cx, cy, w, h in input pixels, classes after their sigmoid (Ultralytics' export).
  kYolov8
};

/// A head as the catalogue describes it.
struct HeadDesc {
  HeadKind kind = HeadKind::kYolox;
  int classes = 80;                       // at most 128
  int input_width = 0, input_height = 0;  // of the network, pixels
};

/// May change every frame.
struct DetectionParams {
  float score_threshold = 0.25F;             // keeps what is above; at least 0
  float iou_threshold = 0.45F;               // suppresses what overlaps by more
  ClassMask class_mask{~0U, ~0U, ~0U, ~0U};  // those that are wanted
  /// Every class of a cell that passes, not the best one alone. CenterNet is always so.
  bool per_class = false;
  bool class_agnostic = false;               // boxes of different classes suppress each other
  uint32_t max_candidates = kMaxCandidates;  // the best this many enter NMS
  uint32_t max_detections = 300;             // at most kMaxDetections
};

/// How this frame was shown to the network.
struct FrameGeometry {
  Fit fit;
  int width = 0, height = 0;  // of the frame, pixels
};

/// Owns its scratch memory and one detection buffer per slot. Order of results: score descending, then cell,
/// then class; it does not depend on how the device schedules its work. Four dispatches, nothing is read
/// back.
class DetectionDecoder {
 public:
  /// `slots`: how many detection buffers, one a frame in flight. The error names the head, what it expects
  /// and what the tensors are.
  static Result<DetectionDecoder> create(gpu::Device& device, const HeadDesc& head,
                                         std::span<const TensorRef> tensors, uint32_t slots);
  /// Starts by waiting for compute writes (the network's outputs) and ends by making detections(slot) visible
  /// to compute and transfers.
  void record(gpu::CommandList& commands, uint32_t slot, const DetectionParams& params,
              const FrameGeometry& frame) const;
  /// DetectionHeader and kMaxDetections Detections; only header.count of them are valid. Boxes are clipped to
  /// the frame.
  [[nodiscard]] const gpu::Buffer& detections(uint32_t slot) const { return detections_[slot]; }

 private:
  HeadDesc head_;
  std::vector<ChannelView> views_;
  const gpu::ComputePipeline* decode_ = nullptr;
  const gpu::ComputePipeline* select_ = nullptr;
  const gpu::ComputePipeline* rank_ = nullptr;
  const gpu::ComputePipeline* nms_ = nullptr;
  gpu::Buffer keys_, compact_, state_, sorted_;
  std::vector<gpu::Buffer> detections_;
};

/// Reference on the CPU with the same results, for tests. Fails as DetectionDecoder::create does.
Result<std::vector<Detection>> decode_reference(const HeadDesc& head, std::span<const HostTensor> tensors,
                                                const FrameGeometry& frame, const DetectionParams& params);
/// Reference of the suppression alone: `candidates` in order of precedence, boxes not clipped.
std::vector<Detection> nms_reference(std::span<const Detection> candidates, const FrameGeometry& frame,
                                     const DetectionParams& params);

}  // namespace tarsier::vision
