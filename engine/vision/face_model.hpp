// What the 468 landmarks of MediaPipe's face mesh are on a head: where they lie on a canonical one, and which
// of them lines connect. Made by tools/face/make_model from what the network finds on the footage; nothing is
// taken over from published meshes.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "vision/face.hpp"

namespace tarsier::vision {

/// A point of the canonical head: symmetrical, looking at the camera (x right in the picture, y down, z
/// away), its face one unit high; the weighted mean is 0.
struct HeadPoint {
  float x = 0, y = 0, z = 0;
  float weight = 0;  // for the pose: little where a face moves on its head (mouth, jaw)
};
static_assert(sizeof(HeadPoint) == 16);
[[nodiscard]] const std::array<HeadPoint, kFacePoints>& canonical_head();

using FaceEdge = std::array<uint16_t, 2>;

/// Triangles over the face, without the eyes and the mouth.
[[nodiscard]] std::span<const std::array<uint16_t, 3>> face_triangles();
/// Every side of the triangles once.
[[nodiscard]] std::vector<FaceEdge> face_edges();
/// Outlines of the face, the eyes and the lips (outer and inner), closed.
[[nodiscard]] std::vector<FaceEdge> face_contours();

/// Where the nose ends.
inline constexpr uint32_t kNoseTip = 1;

}  // namespace tarsier::vision
