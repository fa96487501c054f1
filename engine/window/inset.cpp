#include "window/inset.hpp"

#include <cstring>
#include <utility>

namespace tarsier::window {
using gpu::ImageUse;

Status Inset::prepare(gpu::Device& device, gpu::FrameContext& frame) {
  if (!there() || wanted_.bgra == shown_.bgra) return {};
  const auto staged = frame.stage(wanted_.bgra->size());
  if (!staged.ok()) {
    wanted_ = {};
    return {};
  }
  std::memcpy(staged->mapped, wanted_.bgra->data(), wanted_.bgra->size());
  ImageUse before = ImageUse::kSampled;
  if (!texture_ || wanted_.width != shown_.width || wanted_.height != shown_.height) {
    if (texture_) frame.retire(std::exchange(texture_, {}));
    auto texture = std::make_shared<Texture>();
    TARSIER_TRY(
        texture->image,
        gpu::Image::create(device, {.width = wanted_.width, .height = wanted_.height, .name = "thumbnail"}));
    const gpu::TextureSet::Texture one{&texture->image, gpu::Filter::kLinear};
    TARSIER_TRY(texture->set, gpu::TextureSet::create(device, std::span(&one, 1)));
    texture_ = std::move(texture);
    before = ImageUse::kUndefined;
  }
  gpu::CommandList& commands = frame.commands();
  commands.image_barrier(texture_->image, before, ImageUse::kTransferWrite);
  commands.copy_to_image(*staged->buffer, staged->offset, texture_->image);
  commands.image_barrier(texture_->image, ImageUse::kTransferWrite, ImageUse::kSampled);
  shown_ = wanted_;
  return {};
}

void Inset::draw(gpu::CommandList& commands, const gpu::GraphicsPipeline& pipeline, const gpu::Area& area) {
  wanted_ = {};
  commands.viewport(area);
  commands.bind(pipeline, std::span<const std::byte>(), &texture_->set);
  commands.draw(3);
}

}  // namespace tarsier::window
