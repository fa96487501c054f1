#include "vision/depth_map.hpp"

#include <algorithm>
#include <cmath>

#include "gpu/device.hpp"
#include "gpu/pipeline.hpp"

namespace tarsier::vision {
namespace {

constexpr uint32_t kGroup = 64;       // local size of depth_map.comp
constexpr uint32_t kSamples = 8192;   // of the frame, about: percentiles need no more
constexpr float kTail = 0.02F;        // beyond each percentile
constexpr float kLeastDepth = 1e-6F;  // as in depth.glsl
constexpr float kMostValue = 1e30F;

struct Push {
  uint64_t tensor, range, bytes;
  ViewStrides strides;
  uint32_t pixels, step;
  float tail, follow;
};

Result<ChannelView> depth_view(const TensorRef& source) {
  if (source.rank == 3 && source.layout == TensorLayout::kLinear) {
    TensorRef image = source;
    image.rank = 4;
    image.channels_last = false;
    image.shape = {1, 1, source.shape[1], source.shape[2]};
    return image_view(image);
  }
  auto view = image_view(source);
  if (!view.ok() || view->channels != 1) {
    return input_error("a depth network gives [1,1,H,W], [1,H,W,1] or [1,H,W], this one {}",
                       to_string(source));
  }
  return view;
}

/// Odd, so that rows are not sampled at the same columns.
uint32_t step_of(uint32_t pixels) {
  return std::max(1U, pixels / kSamples) | 1U;
}

}  // namespace

Result<DepthMap> DepthMap::create(gpu::Device& device, DepthKind kind, const TensorRef& source) {
  DepthMap pass;
  TARSIER_TRY(pass.view_, depth_view(source));
  const std::vector<uint32_t> constants = {pass.view_.fp16 ? 1U : 0U, kind == DepthKind::kDepth ? 1U : 0U};
  TARSIER_TRY(pass.range_, device.pipelines().get({"vision/depth_range.comp", constants}));
  TARSIER_TRY(pass.map_, device.pipelines().get({"vision/depth_map.comp", constants}));
  const uint64_t words = (uint64_t(pass.view_.pixels()) + 3) / 4;
  TARSIER_TRY(pass.bytes_, device.create_buffer({.size = words * 4, .name = "depth map"}));
  TARSIER_TRY(pass.range_of_, device.create_buffer({.size = 2 * sizeof(float), .name = "depth range"}));
  const std::array<float, 2> nothing{};
  TARSIER_CHECK(device.upload(pass.range_of_, 0, nothing.data(), sizeof(nothing)));
  return pass;
}

void DepthMap::record(gpu::CommandList& commands, float follow) {
  const auto pixels = uint32_t(view_.pixels());
  const Push push{
      view_.address, range_of_.address(), bytes_.address(), view_.strides(), pixels, step_of(pixels), kTail,
      follow};
  commands.barrier(gpu::Scope::kCompute | gpu::Scope::kTransfer, gpu::Scope::kCompute);
  commands.dispatch(*range_, push, {1, 1, 1});
  commands.barrier();
  commands.dispatch(*map_, push, {gpu::groups_for((uint64_t(pixels) + 3) / 4, kGroup), 1, 1});
  commands.barrier();
}

std::vector<uint8_t> depth_map_reference(DepthKind kind, const HostTensor& source) {
  const auto view = depth_view(source.ref());
  if (!view.ok()) return {};
  const auto pixels = uint32_t(view->pixels());
  const auto near_of = [&](uint32_t pixel) {
    const float value = source.data[view->element(0, int(pixel))];
    return kind == DepthKind::kDepth ? 1 / std::max(value, kLeastDepth) : value;
  };
  std::vector<float> samples;
  for (uint32_t pixel = 0; pixel < pixels; pixel += step_of(pixels)) {
    if (const float value = near_of(pixel); std::abs(value) < kMostValue) samples.push_back(value);
  }
  std::ranges::sort(samples);
  const auto tail = size_t(kTail * float(samples.size()));
  const float low = samples[tail], high = samples[samples.size() - 1 - tail];
  std::vector<uint8_t> bytes(pixels);
  for (uint32_t pixel = 0; pixel < pixels; ++pixel) {
    const float near = (near_of(pixel) - low) / std::max(high - low, 1e-20F);
    bytes[pixel] = uint8_t(std::lround(std::clamp(near, 0.0F, 1.0F) * 255));
  }
  return bytes;
}

}  // namespace tarsier::vision
