// One body on the device: the points of MoveNet, smoothed, and the region where the next frame is looked at.
#pragma once

#include <span>

#include "gpu/command_list.hpp"
#include "vision/landmark_state.hpp"
#include "vision/one_euro.hpp"
#include "vision/tensor_ref.hpp"

namespace tarsier::gpu {
class Device;
}

namespace tarsier::vision {

/// COCO's order of a body's points; left and right are the person's own.
enum BodyPoint : uint8_t {
  kNose,
  kLeftEye,
  kRightEye,
  kLeftEar,
  kRightEar,
  kLeftShoulder,
  kRightShoulder,
  kLeftElbow,
  kRightElbow,
  kLeftWrist,
  kRightWrist,
  kLeftHip,
  kRightHip,
  kLeftKnee,
  kRightKnee,
  kLeftAnkle,
  kRightAnkle
};

struct BodyParams {
  float score = 0.3F;  // least score of a point that is there; four of them are a body
  OneEuroParams filter;
  /// Since the frame before; 0: the same frame again (a paused window), whose points stay as they are.
  float seconds = 0;
  int frame_width = 0, frame_height = 0;
};

/// Points of the crop to a frame's pixels, filtered, and the region of the next frame.
///
/// The region is MoveNet's own, as its authors crop (TensorFlow Hub, "MoveNet: Ultra fast and accurate pose
/// detection model", "Cropping algorithm"): a square around the hips that holds 1.9 times the torso and 1.2
/// times all that is seen of the body; the whole frame with a black border where no torso is seen.
class BodyLandmarks {
 public:
  /// `points` [1,1,17,3]: y, x, score of each, 0..1 of the input. The error says what is expected and what is
  /// there.
  static Result<BodyLandmarks> create(gpu::Device& device, const TensorRef& points);
  /// Forgets who was there: the next crop is the whole frame. Barriers as record().
  void reset(gpu::CommandList& commands, int frame_width, int frame_height) const;
  /// Starts by waiting for compute writes and for readers of the frame before; ends by making state() visible
  /// to compute, graphics and transfers.
  void record(gpu::CommandList& commands, const BodyParams& params) const;
  /// A LandmarkState.
  [[nodiscard]] const gpu::Buffer& state() const { return state_; }

 private:
  void record(gpu::CommandList& commands, const BodyParams& params, bool reset) const;
  uint64_t points_ = 0;
  uint32_t point_stride_ = 0, value_stride_ = 0;
  const gpu::ComputePipeline* pipeline_ = nullptr;
  gpu::Buffer state_;
};

/// CPU reference of BodyLandmarks' step: `points` as the network gives them.
LandmarkState body_reference(std::span<const float> points, const BodyParams& params,
                             const LandmarkState& before);
/// What reset() leaves.
Region whole_frame(int width, int height);

}  // namespace tarsier::vision
