#include "present/mask_layer.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "gpu/device.hpp"
#include "gpu/pipeline.hpp"

namespace tarsier::present {
namespace {

using gpu::ImageUse;

struct TilesPush {
  uint64_t mask, tiles;
  uint32_t width, height;
  uint32_t columns, count;
  uint32_t side, border;
  vision::Fit fit;
  std::array<float, 2> frame;
  float threshold;
  uint32_t capacity;
};
static_assert(offsetof(TilesPush, fit) == 40 && sizeof(TilesPush) == 72);

constexpr uint32_t kGroup = 64;     // local size of mask_tiles.comp
constexpr float kTilePixels = 20;   // of a tile's side in the picture, about
constexpr uint32_t kLeastSide = 4;  // texels
constexpr uint32_t kMostSide = 64;
constexpr uint64_t kPlainCommand = 16;  // byte offsets in the tile buffer
constexpr uint64_t kRectangles = 32;
constexpr uint64_t kRectangleBytes = 16;

constexpr uint32_t tiles_across(uint32_t texels, uint32_t side) {
  return (texels + side - 1) / side;
}

/// Rectangles of a list at most: an empty one and the tiles, whatever the frame's size makes of their sides.
uint32_t list_capacity(const MaskInput& input) {
  return 1 + tiles_across(input.width, kLeastSide) * tiles_across(input.height, kLeastSide);
}
/// Where the second list begins in the tile buffer, in bytes.
uint64_t plain_rectangles(const MaskInput& input) {
  return kRectangles + list_capacity(input) * kRectangleBytes;
}

}  // namespace

Result<MaskLayer> MaskLayer::create(gpu::Device& device, const gpu::RenderTarget& target) {
  MaskLayer layer;
  layer.device_ = &device;
  TARSIER_TRY(layer.tiles_, device.pipelines().get({.shader = "present/mask_tiles.comp", .constants = {}}));
  const auto make = [&](uint32_t plain) {
    return gpu::GraphicsPipeline::create(device, target,
                                         {.vertex = "present/mask.vert",
                                          .fragment = "present/mask.frag",
                                          .constants = {plain},
                                          .blend = true,
                                          .textures = 1,
                                          .instance_vec4s = 1});
  };
  TARSIER_TRY(layer.soft_, make(0));
  TARSIER_TRY(layer.plain_, make(1));
  return layer;
}

Result<std::shared_ptr<MaskLayer::Mask>> MaskLayer::make_mask(const MaskInput& input) const {
  auto mask = std::make_shared<Mask>();
  TARSIER_TRY(mask->image, gpu::Image::create(*device_, {.width = input.width,
                                                         .height = input.height,
                                                         .format = gpu::Format::kR8,
                                                         .color_target = false,
                                                         .name = "mask"}));
  const gpu::TextureSet::Texture one{&mask->image, gpu::Filter::kLinear};
  TARSIER_TRY(mask->textures, gpu::TextureSet::create(*device_, std::span(&one, 1)));
  TARSIER_TRY(mask->tiles, device_->create_buffer(
                               {.size = plain_rectangles(input) + list_capacity(input) * kRectangleBytes,
                                .indirect = true,
                                .name = "mask tiles"}));
  return mask;
}

Status MaskLayer::prepare(gpu::FrameContext& frame, std::span<const MaskInput> masks, uint32_t width,
                          uint32_t height) {
  gpu::CommandList& commands = frame.commands();
  draws_.clear();
  if (masks.empty()) return {};
  masks_.resize(std::max(masks_.size(), masks.size()));
  for (size_t i = 0; i < masks.size(); ++i) {
    const MaskInput& input = masks[i];
    if (input.opacity <= 0) continue;
    std::shared_ptr<Mask>& mask = masks_[i];
    if (!mask || mask->image.width() != input.width || mask->image.height() != input.height) {
      if (mask) frame.retire(mask);
      TARSIER_TRY(mask, make_mask(input));
    }
    commands.image_barrier(mask->image, ImageUse::kUndefined, ImageUse::kTransferWrite);
    commands.copy_to_image(*input.buffer, input.offset, mask->image);
    commands.image_barrier(mask->image, ImageUse::kTransferWrite, ImageUse::kSampled);
    // Two draws of six vertices, of one rectangle without area each: a driver that compiles a pipeline when
    // it first draws something does so before a mask shows.
    constexpr std::array<uint32_t, 12> kStart = {6, 1, 0, 0, 6, 1, 0, 0, 0, 0, 0, 0};
    commands.update(mask->tiles, 0, std::as_bytes(std::span(kStart)));
    commands.fill(mask->tiles, plain_rectangles(input), kRectangleBytes, 0);
  }
  commands.barrier(gpu::Scope::kTransfer, gpu::Scope::kCompute);
  for (size_t i = 0; i < masks.size(); ++i) {
    const MaskInput& input = masks[i];
    if (input.opacity <= 0) continue;
    const vision::Fit& fit = input.fit;
    const float scale = std::max(fit.scale_x, fit.scale_y);
    const auto w = float(width), h = float(height);
    TilesPush push{};
    push.mask = input.buffer->address() + input.offset;
    push.tiles = masks_[i]->tiles.address();
    push.width = input.width;
    push.height = input.height;
    push.side = std::clamp(uint32_t(kTilePixels * scale), kLeastSide, kMostSide);
    push.columns = tiles_across(input.width, push.side);
    push.count = push.columns * tiles_across(input.height, push.side);
    push.capacity = list_capacity(input);
    // Beyond a tile: half a pixel by rounding its sides, one by the derivatives, half a texel by the filter.
    push.border = uint32_t(std::ceil(1.5F * scale + 0.5F));
    push.fit = fit;
    push.frame = {w, h};
    push.threshold = input.threshold;
    commands.dispatch(*tiles_, push, {gpu::groups_for(push.count, kGroup), 1, 1});
    const auto mask_w = float(input.width), mask_h = float(input.height);
    draws_.push_back({i,
                      plain_rectangles(input),
                      {{fit.scale_x / mask_w, fit.scale_y / mask_h},
                       {fit.offset_x / mask_w, fit.offset_y / mask_h},
                       {input.color[0], input.color[1], input.color[2], input.opacity},
                       {w, h},
                       input.threshold}});
  }
  return {};
}

void MaskLayer::draw(gpu::CommandList& commands) const {
  for (const Draw& draw : draws_) {
    const Mask& mask = *masks_[draw.mask];
    commands.bind(plain_, draw.push, &mask.textures);
    commands.bind_instances(mask.tiles, draw.plain_rectangles);
    commands.draw_indirect(mask.tiles, kPlainCommand);
    commands.bind(soft_, draw.push, &mask.textures);
    commands.bind_instances(mask.tiles, kRectangles);
    commands.draw_indirect(mask.tiles, 0);
  }
}

}  // namespace tarsier::present
