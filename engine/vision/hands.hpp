// Two hands on the device: where they begin at a body's arms, their landmarks, smoothed, and the regions
// where the next frame is looked at. Each pass has a CPU reference with the same results, for tests.
#pragma once

#include <array>
#include <span>

#include "gpu/command_list.hpp"
#include "vision/landmark_state.hpp"
#include "vision/one_euro.hpp"
#include "vision/tensor_ref.hpp"

namespace tarsier::gpu {
class Device;
}

namespace tarsier::vision {

/// The person's own left hand, then the right one.
using HandStates = std::array<LandmarkState, 2>;

struct HandRegionParams {
  float score = 0.3F;  // least score of the body's points
  float seconds = 0;   // since the frame before
  bool reset = false;  // forget the hands: the frame does not follow the one before
};

/// A hand that is followed stays where its landmarks were, unless its arm's wrist is elsewhere for a quarter
/// of a second or both hands are on the same place (then the one nearer to its own wrist stays). Else it is
/// looked for beyond the wrist, along the forearm, in a square as large as the arm says: the forearm, or the
/// span of the shoulders where that says that the forearm is seen from its end; straight on, then bent to one
/// side and to the other, by turns, until it is found.
class HandRegions {
 public:
  static Result<HandRegions> create(gpu::Device& device);
  /// `body`: a LandmarkState, `hands`: HandStates. Starts by waiting for compute writes and for readers of
  /// the frame before; ends by making the states visible to compute, graphics and transfers.
  void record(gpu::CommandList& commands, const HandRegionParams& params, uint64_t body,
              uint64_t hands) const;

 private:
  const gpu::ComputePipeline* pipeline_ = nullptr;
};

struct HandParams {
  float presence = 0.5F;  // least presence of a hand
  OneEuroParams filter;
};

/// Landmarks of the crop to a frame's pixels, filtered; presence; the region of the next frame: the square
/// around the palm and the fingers' first joints along the line from the wrist to the fingers' roots, twice
/// as large, as where MediaPipe tracks ("MediaPipe Hands: On-device Real-time Hand Tracking", Zhang et al.,
/// 2020). The filter begins with the third frame: in the first, the square is the arm's and not the
/// landmarks' own.
class HandLandmarks {
 public:
  /// `points` 63 channels of one pixel: x, y, z of 21 points in pixels of the crop; `presence` one, 0..1.
  static Result<HandLandmarks> create(gpu::Device& device, const TensorRef& points, const TensorRef& presence,
                                      int crop_size);
  /// `hand`: a LandmarkState. Barriers as HandRegions.
  void record(gpu::CommandList& commands, const HandParams& params, uint64_t hand) const;

 private:
  ChannelView points_, presence_;
  int crop_size_ = 0;
  const gpu::ComputePipeline* pipeline_ = nullptr;
};

// CPU references.
HandStates hand_regions_reference(const LandmarkState& body, const HandRegionParams& params,
                                  const HandStates& before);
/// `points` as the network gives them, x, y, z in turn.
LandmarkState hand_landmarks_reference(std::span<const float> points, float presence, int crop_size,
                                       const HandParams& params, const LandmarkState& before);

}  // namespace tarsier::vision
