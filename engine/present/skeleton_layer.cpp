#include "present/skeleton_layer.hpp"

#include <vector>

#include "gpu/device.hpp"
#include "vision/body.hpp"

namespace tarsier::present {
namespace {

/// An instance of skeleton.vert.
struct Part {
  float from, to;
  float half_width;  // of a box's line, for a skeleton that is near
  float reserved;
  std::array<float, 4> color;
};

struct Push {
  uint64_t state;
  float frame[2];
  float line, least_score, reference;
  uint32_t settled;
};

using Color = std::array<float, 3>;
constexpr Color kMiddle{0.93F, 0.95F, 0.97F};
// From the thumb to the little finger; the arm of that side has the middle one.
constexpr std::array<Color, 5> kLeft{Color{1.00F, 0.78F, 0.94F}, Color{1.00F, 0.57F, 0.85F},
                                     Color{1.00F, 0.36F, 0.72F}, Color{0.96F, 0.21F, 0.56F},
                                     Color{0.80F, 0.12F, 0.42F}};
constexpr std::array<Color, 5> kRight{Color{0.52F, 0.96F, 0.86F}, Color{0.31F, 0.86F, 0.94F},
                                      Color{0.27F, 0.71F, 1.00F}, Color{0.36F, 0.55F, 1.00F},
                                      Color{0.53F, 0.43F, 0.98F}};
constexpr float kBone = 1.5F, kJoint = 2.6F, kHead = 1.0F, kHeadJoint = 1.6F;
constexpr float kFinger = 1.2F, kKnuckle = 1.9F;
// At which size a bone is as wide as that: a body half as high as the frame, a palm of a tenth.
constexpr float kBodyReference = 0.6F, kHandReference = 0.1F;

Part part(uint32_t from, uint32_t to, float half_width, const Color& color) {
  return {float(from), float(to), half_width, 0, {color[0], color[1], color[2], 1}};
}

/// The colour of a body's point: that of its side.
const Color& side_of(uint32_t point) {
  if (point == vision::kNose) return kMiddle;
  return point % 2 == 1 ? kLeft[2] : kRight[2];
}

std::vector<Part> body_bones() {
  using enum vision::BodyPoint;
  constexpr std::array<std::array<uint32_t, 2>, 4> kFaceLines{
      {{kNose, kLeftEye}, {kNose, kRightEye}, {kLeftEye, kLeftEar}, {kRightEye, kRightEar}}};
  constexpr std::array<std::array<uint32_t, 2>, 2> kAcross{
      {{kLeftShoulder, kRightShoulder}, {kLeftHip, kRightHip}}};
  constexpr std::array<std::array<uint32_t, 2>, 10> kLimbs{{{kLeftShoulder, kLeftHip},
                                                            {kRightShoulder, kRightHip},
                                                            {kLeftHip, kLeftKnee},
                                                            {kRightHip, kRightKnee},
                                                            {kLeftKnee, kLeftAnkle},
                                                            {kRightKnee, kRightAnkle},
                                                            {kLeftShoulder, kLeftElbow},
                                                            {kRightShoulder, kRightElbow},
                                                            {kLeftElbow, kLeftWrist},
                                                            {kRightElbow, kRightWrist}}};
  std::vector<Part> parts;
  for (const auto& [a, b] : kFaceLines) parts.push_back(part(a, b, kHead, side_of(b)));
  for (const auto& [a, b] : kAcross) parts.push_back(part(a, b, kBone, kMiddle));
  for (const auto& [a, b] : kLimbs) parts.push_back(part(a, b, kBone, side_of(a)));
  return parts;
}

std::vector<Part> body_joints() {
  std::vector<Part> parts;
  for (uint32_t i = 0; i < vision::kBodyPoints; ++i)
    parts.push_back(part(i, i, i < vision::kLeftShoulder ? kHeadJoint : kJoint, side_of(i)));
  return parts;
}

/// Four points a finger from its root, after the wrist.
std::vector<Part> hand_bones(const std::array<Color, 5>& shades) {
  std::vector<Part> parts;
  for (const auto& [a, b] : {std::array{5U, 9U}, {9U, 13U}, {13U, 17U}, {0U, 17U}, {0U, 5U}})
    parts.push_back(part(a, b, kFinger, kMiddle));
  parts.push_back(part(0, 1, kFinger, shades[0]));
  for (uint32_t finger = 0; finger < 5; ++finger) {
    for (uint32_t i = 1; i < 4; ++i)
      parts.push_back(part(4 * finger + i, 4 * finger + i + 1, kFinger, shades[finger]));
  }
  return parts;
}

std::vector<Part> hand_joints(const std::array<Color, 5>& shades) {
  std::vector<Part> parts{part(0, 0, kKnuckle, kMiddle)};
  for (uint32_t i = 1; i < vision::kHandPoints; ++i)
    parts.push_back(part(i, i, kKnuckle, shades[(i - 1) / 4]));
  return parts;
}

}  // namespace

Result<SkeletonLayer> SkeletonLayer::create(gpu::Device& device, const gpu::RenderTarget& target) {
  SkeletonLayer layer;
  TARSIER_TRY(layer.pipeline_, gpu::GraphicsPipeline::create(device, target,
                                                             {.vertex = "present/skeleton.vert",
                                                              .fragment = "present/landmark_line.frag",
                                                              .constants = {},
                                                              .blend = true,
                                                              .instance_vec4s = 2}));
  std::vector<Part> parts;
  const auto add = [&](const std::vector<Part>& more) {
    const Range range{uint32_t(parts.size()), uint32_t(more.size())};
    parts.insert(parts.end(), more.begin(), more.end());
    return range;
  };
  layer.bones_ = {add(body_bones()), add(hand_bones(kLeft)), add(hand_bones(kRight))};
  layer.joints_ = {add(body_joints()), add(hand_joints(kLeft)), add(hand_joints(kRight))};
  TARSIER_TRY(layer.parts_,
              device.create_buffer({.size = parts.size() * sizeof(Part), .name = "skeleton parts"}));
  TARSIER_CHECK(device.upload(layer.parts_, 0, parts.data(), parts.size() * sizeof(Part)));
  return layer;
}

void SkeletonLayer::draw(gpu::CommandList& commands, std::span<const SkeletonInput> inputs, uint32_t width,
                         uint32_t height, float line) const {
  for (const SkeletonInput& input : inputs) {
    const bool body = input.kind == SkeletonKind::kBody;
    commands.bind(pipeline_, Push{input.state->address() + input.offset,
                                  {float(width), float(height)},
                                  line,
                                  input.least_score,
                                  body ? kBodyReference : kHandReference,
                                  body ? 1 : vision::kSettledFrames});
    const auto draw = [&](const Range& range) {
      commands.bind_instances(parts_, range.first * sizeof(Part));
      commands.draw(6, range.count);
    };
    if (input.show == SkeletonShow::kSkeleton) draw(bones_[size_t(input.kind)]);
    if (input.show != SkeletonShow::kOff) draw(joints_[size_t(input.kind)]);
  }
}

}  // namespace tarsier::present
