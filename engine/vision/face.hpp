// One face on the device: found by a detector's anchors, its landmarks smoothed, its head's pose, and the
// region where the next frame is looked at. Each pass has a CPU reference with the same results, for tests.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "gpu/command_list.hpp"
#include "vision/landmarks.hpp"
#include "vision/one_euro.hpp"
#include "vision/region.hpp"
#include "vision/tensor_ref.hpp"
#include "vision/types.hpp"

namespace tarsier::gpu {
class Device;
}

namespace tarsier::vision {

inline constexpr uint32_t kFacePoints = 468;
/// Frames until the square is the landmarks' own: the detector's is poor, and in it the points slide into
/// place.
inline constexpr uint32_t kFaceSettledFrames = 3;

/// What is known of the face, in device memory, and the same from frame to frame: begins with the region that
/// the crop reads. std430, as in shaders/include/face.glsl; kFacePoints LandmarkPoints follow, then as many
/// filtered speeds.
struct FaceState {
  Region region;  // where to look next (by the landmarks) or in this frame (by the detector)
  float x0 = 0, y0 = 0, x1 = 0, y1 = 0;  // box around the points, pixels
  float presence = 0;                    // of the landmark network for this frame, 0..1
  float score = 0;                       // of the detector when it ran last, 0..1; 0: it found none
  uint32_t tracked = 0;                  // frames, up to 3, whose face this is; 0: there is none
  float size = 0;                        // longer side of the face, pixels, along its own axes
  std::array<float, 12>
      axes{};  // the head's right, down and back (as seen) in the camera's axes; one a row of four
  HeadPose pose;
  float scale = 0;  // pixels a unit of the canonical head (face_model.hpp)
};
static_assert(sizeof(FaceState) == 128);
inline constexpr uint64_t kFaceStateBytes = sizeof(FaceState) + 2ULL * kFacePoints * sizeof(LandmarkPoint);
/// Header and points: what a host wants to know.
inline constexpr uint64_t kFaceResultBytes =
    sizeof(FaceState) + uint64_t(kFacePoints) * sizeof(LandmarkPoint);

struct FaceDetectParams {
  float score = 0.5F;  // least score of a face
  bool reset = false;  // forget who was tracked: the frame does not follow the one before
};

/// Anchors of MediaPipe's face detectors ("BlazeFace: Sub-millisecond Neural Face Detection on Mobile GPUs",
/// Bazarevsky et al., 2019), which have no sizes: only their centres matter. 896 of them: two a cell of the
/// grid of stride 8 and six (three layers of stride 16) a cell of that of stride 16, for an input of 128x128.
/// 2304: one a cell of stride 4, for 192x192.
struct FaceAnchors {
  std::array<int, 2> grid{};  // cells a side of each of two layers; 0: not there
  std::array<int, 2> each{};  // anchors a cell
  [[nodiscard]] int count() const { return grid[0] * grid[0] * each[0] + grid[1] * grid[1] * each[1]; }
  /// Centre of an anchor, 0..1 of the input.
  [[nodiscard]] std::array<float, 2> centre(int anchor) const;
};
/// Fails for a number of anchors or a size that no detector has.
Result<FaceAnchors> face_anchors(int count, int input_size);

/// Takes the best anchor and, as the paper does in place of suppression, the mean of all that overlap it,
/// weighted by their scores. While a face is tracked and any detection lies on it, nothing changes; else the
/// state starts anew with the detected face, or with none.
class FaceDecoder {
 public:
  /// `boxes` [1,N,16]: centre, size and six points (right eye, left eye, nose, mouth, right ear, left ear) in
  /// pixels of the input, from the anchor's centre. `scores` [1,N,1], logits. The error says what is expected
  /// and what is there.
  static Result<FaceDecoder> create(gpu::Device& device, const TensorRef& boxes, const TensorRef& scores,
                                    int input_width, int input_height);
  /// Starts by waiting for compute writes (the network's outputs) and ends by making the state visible to
  /// compute.
  void record(gpu::CommandList& commands, const FaceDetectParams& params, const Fit& fit,
              uint64_t state_address) const;

 private:
  ChannelView boxes_, scores_;
  FaceAnchors anchors_;
  int input_size_ = 0;
  const gpu::ComputePipeline* pipeline_ = nullptr;
};

struct FaceLandmarkParams {
  float presence = 0.5F;  // least presence of a face
  OneEuroParams filter;
  /// Since the frame before; 0: the same frame again (a paused window), whose points stay as they are.
  float seconds = 0;
};

/// Landmarks of the crop to a frame's pixels, filtered; presence; pose; the region of the next frame.
///
/// The first three frames are not filtered: the detector's square is not yet the landmarks' own, in which the
/// network is exact, and the way there is no movement of the face.
///
/// The region is the square around the points along the line of the eyes, half as large again, as where
/// MediaPipe tracks. The pose is the rotation that takes the canonical head to the points with the least
/// squares: the polar factor of their covariance (Schönemann, "A generalized solution of the orthogonal
/// Procrustes problem", Psychometrika 1966), by Newton's iteration (Higham, "Computing the polar
/// decomposition", SIAM J. Sci. Stat. Comput. 1986). The network's depths have the scale of its columns, so
/// this is a parallel projection: angles are those against the line of sight.
class FaceLandmarks {
 public:
  /// `points` 1404 channels of one pixel: x, y, z of 468 points in pixels of the crop; `presence` one, a
  /// logit.
  static Result<FaceLandmarks> create(gpu::Device& device, const TensorRef& points, const TensorRef& presence,
                                      int crop_size);
  /// Starts by waiting for compute writes and for readers of the frame before; ends by making state() visible
  /// to compute, graphics and transfers.
  void record(gpu::CommandList& commands, const FaceLandmarkParams& params) const;
  /// FaceState and what follows.
  [[nodiscard]] const gpu::Buffer& state() const { return state_; }

 private:
  ChannelView points_, presence_;
  int crop_size_ = 0;
  const gpu::ComputePipeline* pipeline_ = nullptr;
  gpu::Buffer state_, model_;
};

// CPU references.

/// FaceDecoder's step on a state.
Result<FaceState> face_decode_reference(const HostTensor& boxes, const HostTensor& scores, int input_size,
                                        const FaceDetectParams& params, const Fit& fit,
                                        const FaceState& before);

struct FaceReference {
  FaceState state;
  std::vector<LandmarkPoint> points, speeds;
};
/// FaceLandmarks' step: `points` as the network gives them, x, y, z in turn.
FaceReference face_landmarks_reference(std::span<const float> points, float presence_logit, int crop_size,
                                       const FaceLandmarkParams& params, const FaceReference& before);
/// Angles of a head whose right, down and back point there.
HeadPose head_pose(const std::array<float, 12>& axes);

}  // namespace tarsier::vision
