#include "present/face_layer.hpp"

#include <vector>

#include "gpu/device.hpp"
#include "vision/face_model.hpp"

namespace tarsier::present {
namespace {

/// An instance of face_line.vert.
struct Line {
  float from, to;  // points; for an axis: the nose, and which axis
  float kind;
  float reserved = 0;
};
constexpr float kMeshLine = 0, kContourLine = 1, kPoint = 2, kAxis = 3;  // as in face_line.vert

struct Push {
  uint64_t face, model;
  float frame[2];
  float line;
};

}  // namespace

Result<FaceLayer> FaceLayer::create(gpu::Device& device, const gpu::RenderTarget& target) {
  FaceLayer layer;
  TARSIER_TRY(layer.pipeline_, gpu::GraphicsPipeline::create(device, target,
                                                             {.vertex = "present/face_line.vert",
                                                              .fragment = "present/landmark_line.frag",
                                                              .constants = {},
                                                              .blend = true,
                                                              .instance_vec4s = 1}));
  std::vector<Line> lines;
  const auto range_from = [&](size_t first) {
    return Range{uint32_t(first), uint32_t(lines.size() - first)};
  };
  for (const auto& edge : vision::face_edges()) lines.push_back({float(edge[0]), float(edge[1]), kMeshLine});
  layer.mesh_ = range_from(0);
  size_t first = lines.size();
  for (const auto& edge : vision::face_contours())
    lines.push_back({float(edge[0]), float(edge[1]), kContourLine});
  layer.contours_ = range_from(first);
  first = lines.size();
  for (uint32_t i = 0; i < vision::kFacePoints; ++i) lines.push_back({float(i), float(i), kPoint});
  layer.points_ = range_from(first);
  first = lines.size();
  for (const float axis : {2.0F, 0.0F, 1.0F}) lines.push_back({float(vision::kNoseTip), axis, kAxis});
  layer.axes_ = range_from(first);
  TARSIER_TRY(layer.lines_,
              device.create_buffer({.size = lines.size() * sizeof(Line), .name = "face lines"}));
  TARSIER_CHECK(device.upload(layer.lines_, 0, lines.data(), lines.size() * sizeof(Line)));
  const auto& head = vision::canonical_head();
  TARSIER_TRY(layer.model_, device.create_buffer({.size = sizeof head, .name = "canonical head"}));
  TARSIER_CHECK(device.upload(layer.model_, 0, head.data(), sizeof head));
  return layer;
}

void FaceLayer::draw(gpu::CommandList& commands, std::span<const FaceInput> inputs, uint32_t width,
                     uint32_t height, float line) const {
  for (const FaceInput& input : inputs) {
    commands.bind(pipeline_,
                  Push{input.state->address(), model_.address(), {float(width), float(height)}, line});
    const auto lines = [&](const Range& range) {
      commands.bind_instances(lines_, range.first * sizeof(Line));
      commands.draw(6, range.count);
    };
    if (input.show == FaceShow::kMesh) lines(mesh_);
    if (input.show == FaceShow::kMesh || input.show == FaceShow::kContours) lines(contours_);
    if (input.show == FaceShow::kPoints) lines(points_);
    if (input.axes) lines(axes_);
  }
}

}  // namespace tarsier::present
