#include "vision/mask.hpp"

#include <algorithm>
#include <cmath>

#include "gpu/device.hpp"
#include "gpu/pipeline.hpp"

namespace tarsier::vision {
namespace {

constexpr uint32_t kGroup = 64;  // local size of mask.comp
constexpr uint32_t kWords = 16;  // words of four pixels that an invocation makes

struct Push {
  uint64_t tensor, mask;
  uint32_t group_stride, channel_stride, pixel_stride;
  uint32_t pixels;
  float threshold;
};

Result<ChannelView> mask_view(MaskKind kind, const TensorRef& source) {
  const int channels = kind == MaskKind::kTwoLogits ? 2 : 1;
  auto view = image_view(source);
  if (!view.ok() || view->channels != channels) {
    return runtime_error("a {} mask reads {} channel{} of rank 4, the network gives {}",
                         kind == MaskKind::kTwoLogits ? "two-logit" : "probability", channels,
                         channels == 1 ? "" : "s", to_string(source));
  }
  return view;
}

/// Whether one aligned load has the first two channels of any pixel.
bool paired(const ChannelView& view) {
  return view.channels > 1 && view.channel_stride == 1 && view.pixel_stride % 2 == 0 &&
         view.address % (view.fp16 ? 4 : 8) == 0;
}

// What the shader compares with: probabilities as they are, logits with the logit of the threshold.
float bound_of(MaskKind kind, float threshold) {
  const float t = std::clamp(threshold, 0.0F, 1.0F);
  return kind == MaskKind::kProbability ? t : std::log(std::max(t, 1e-6F)) - std::log(std::max(1 - t, 1e-6F));
}

}  // namespace

Result<MaskPass> MaskPass::create(gpu::Device& device, MaskKind kind, const TensorRef& source,
                                  uint32_t slots) {
  MaskPass pass;
  pass.kind_ = kind;
  TARSIER_TRY(pass.view_, mask_view(kind, source));
  TARSIER_TRY(
      pass.pipeline_,
      device.pipelines().get(
          {"vision/mask.comp", {uint32_t(kind), pass.view_.fp16 ? 1U : 0U, paired(pass.view_) ? 1U : 0U}}));
  const auto pixels = uint64_t(pass.view_.pixels());
  for (uint32_t slot = 0; slot < slots; ++slot) {
    TARSIER_TRY(auto buffer, device.create_buffer({(pixels + 3) / 4 * 4, gpu::Memory::kDevice, false, false,
                                                   fmt::format("mask {}", slot)}));
    pass.masks_.push_back(std::move(buffer));
  }
  return pass;
}

void MaskPass::record(gpu::CommandList& commands, uint32_t slot, float threshold) const {
  const gpu::Buffer& buffer = masks_[slot];
  const Push push{
      view_.address,      buffer.address(),         view_.group_stride,        view_.channel_stride,
      view_.pixel_stride, uint32_t(view_.pixels()), bound_of(kind_, threshold)};
  commands.barrier(gpu::Scope::kCompute | gpu::Scope::kTransfer, gpu::Scope::kCompute);
  const uint64_t words = (uint64_t(view_.pixels()) + 3) / 4;
  commands.dispatch(*pipeline_, push, {gpu::groups_for(words, kGroup * kWords), 1, 1});
  commands.barrier(gpu::Scope::kCompute,
                   gpu::Scope::kCompute | gpu::Scope::kGraphics | gpu::Scope::kTransfer);
}

Result<std::vector<uint8_t>> mask_reference(MaskKind kind, const HostTensor& source, float threshold) {
  TARSIER_TRY(const ChannelView view, mask_view(kind, source.ref()));
  if (source.data.size() != view.elements()) {
    return runtime_error("{}: {} values given", to_string(source.ref()), source.data.size());
  }
  const float bound = bound_of(kind, threshold);
  std::vector<uint8_t> bytes(size_t(view.pixels()));
  for (int pixel = 0; pixel < view.pixels(); ++pixel) {
    const float first = source.data[view.element(0, pixel)];
    bool inside = first > bound;
    float soft = inside ? 0.5F + 0.5F * (first - bound) / std::max(1 - bound, 1e-6F)
                        : 0.5F * first / std::max(bound, 1e-6F);
    if (kind == MaskKind::kTwoLogits) {
      const float difference = source.data[view.element(1, pixel)] - first - bound;
      inside = difference > 0;
      soft = 1 / (1 + std::exp(-difference));
    }
    const int byte = int(std::lround(std::clamp(soft, 0.0F, 1.0F) * 255.0F));
    bytes[size_t(pixel)] = uint8_t(inside ? std::max(byte, 128) : std::min(byte, 127));
  }
  return bytes;
}

}  // namespace tarsier::vision
