#include "vision/face_model.hpp"

#include <algorithm>

#include "vision/face_model_data.hpp"

namespace tarsier::vision {

const std::array<HeadPoint, kFacePoints>& canonical_head() {
  return kHead;
}

std::span<const std::array<uint16_t, 3>> face_triangles() {
  return kTriangles;
}

std::vector<FaceEdge> face_edges() {
  std::vector<FaceEdge> edges;
  for (const auto& triangle : kTriangles) {
    for (size_t k = 0; k < 3; ++k) {
      const auto [a, b] = std::minmax(triangle[k], triangle[(k + 1) % 3]);
      edges.push_back({a, b});
    }
  }
  std::ranges::sort(edges);
  const auto rest = std::ranges::unique(edges);
  edges.erase(rest.begin(), rest.end());
  return edges;
}

std::vector<FaceEdge> face_contours() {
  std::vector<FaceEdge> edges;
  const auto add = [&](std::span<const uint16_t> points) {
    for (size_t i = 0; i < points.size(); ++i) edges.push_back({points[i], points[(i + 1) % points.size()]});
  };
  add(kOval);
  add(kRightEye);
  add(kLeftEye);
  add(kOuterLips);
  add(kInnerLips);
  return edges;
}

}  // namespace tarsier::vision
