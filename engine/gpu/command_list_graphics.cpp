// The drawing half of CommandList.
#include <cassert>

#include "gpu/command_list.hpp"
#include "gpu/device.hpp"
#include "gpu/graphics_pipeline.hpp"

namespace tarsier::gpu {
namespace {

struct Use {
  VkImageLayout layout;
  VkPipelineStageFlags stages;
  VkAccessFlags access;
  bool writes;
};

Use use_of(ImageUse use) {
  switch (use) {
    case ImageUse::kUndefined:
      // The old contents go, but whoever used them last has to be done: any of the other uses.
      return {VK_IMAGE_LAYOUT_UNDEFINED,
              VK_PIPELINE_STAGE_TRANSFER_BIT | VK_PIPELINE_STAGE_FRAGMENT_SHADER_BIT |
                  VK_PIPELINE_STAGE_COLOR_ATTACHMENT_OUTPUT_BIT,
              VK_ACCESS_TRANSFER_WRITE_BIT | VK_ACCESS_COLOR_ATTACHMENT_WRITE_BIT, true};
    case ImageUse::kTransferRead:
      return {VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL, VK_PIPELINE_STAGE_TRANSFER_BIT,
              VK_ACCESS_TRANSFER_READ_BIT, false};
    case ImageUse::kTransferWrite:
      return {VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL, VK_PIPELINE_STAGE_TRANSFER_BIT,
              VK_ACCESS_TRANSFER_WRITE_BIT, true};
    case ImageUse::kColorTarget:
      return {VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL, VK_PIPELINE_STAGE_COLOR_ATTACHMENT_OUTPUT_BIT,
              VK_ACCESS_COLOR_ATTACHMENT_READ_BIT | VK_ACCESS_COLOR_ATTACHMENT_WRITE_BIT, true};
    case ImageUse::kDepthTarget:
      return {VK_IMAGE_LAYOUT_DEPTH_STENCIL_ATTACHMENT_OPTIMAL,
              VK_PIPELINE_STAGE_EARLY_FRAGMENT_TESTS_BIT | VK_PIPELINE_STAGE_LATE_FRAGMENT_TESTS_BIT,
              VK_ACCESS_DEPTH_STENCIL_ATTACHMENT_READ_BIT | VK_ACCESS_DEPTH_STENCIL_ATTACHMENT_WRITE_BIT,
              true};
    case ImageUse::kSampled:
      return {VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL, VK_PIPELINE_STAGE_FRAGMENT_SHADER_BIT,
              VK_ACCESS_SHADER_READ_BIT, false};
    case ImageUse::kAcquired:
      // Same stage as the wait for the swapchain's semaphore, so that the layout change comes after it.
      return {VK_IMAGE_LAYOUT_UNDEFINED, VK_PIPELINE_STAGE_COLOR_ATTACHMENT_OUTPUT_BIT, 0, false};
    case ImageUse::kPresent:
      return {VK_IMAGE_LAYOUT_PRESENT_SRC_KHR, VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT, 0, false};
  }
  return {};
}

VkBufferImageCopy whole(const Image& image, uint64_t offset) {
  VkBufferImageCopy region{};
  region.bufferOffset = offset;
  region.imageSubresource = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, 1};
  region.imageExtent = {image.width(), image.height(), 1};
  return region;
}

}  // namespace

void CommandList::begin_render(const RenderTarget& target, uint32_t image, std::array<float, 4> clear) {
  VkClearValue value{};
  for (size_t i = 0; i < 4; ++i) value.color.float32[i] = clear[i];
  VkRenderPassBeginInfo info{VK_STRUCTURE_TYPE_RENDER_PASS_BEGIN_INFO};
  info.renderPass = target.pass();
  info.framebuffer = target.framebuffer(image);
  info.renderArea = {{0, 0}, {target.width(), target.height()}};
  info.clearValueCount = 1;
  info.pClearValues = &value;
  vkCmdBeginRenderPass(commands_, &info, VK_SUBPASS_CONTENTS_INLINE);
  viewport({0, 0, target.width(), target.height()});
}

void CommandList::end_render() {
  vkCmdEndRenderPass(commands_);
}

void CommandList::viewport(Area area) {
  const VkViewport view{float(area.x), float(area.y), float(area.width), float(area.height), 0, 1};
  const VkRect2D scissor{{int32_t(area.x), int32_t(area.y)}, {area.width, area.height}};
  vkCmdSetViewport(commands_, 0, 1, &view);
  vkCmdSetScissor(commands_, 0, 1, &scissor);
}

void CommandList::bind(const GraphicsPipeline& pipeline, std::span<const std::byte> push,
                       const TextureSet* textures) {
  assert(push.size() <= 128 && push.size() % 4 == 0);
  vkCmdBindPipeline(commands_, VK_PIPELINE_BIND_POINT_GRAPHICS, pipeline.handle());
  if (textures != nullptr) {
    const VkDescriptorSet set = textures->handle();
    vkCmdBindDescriptorSets(commands_, VK_PIPELINE_BIND_POINT_GRAPHICS, pipeline.layout(), 0, 1, &set, 0,
                            nullptr);
  }
  if (!push.empty()) {
    vkCmdPushConstants(commands_, pipeline.layout(),
                       VK_SHADER_STAGE_VERTEX_BIT | VK_SHADER_STAGE_FRAGMENT_BIT, 0, uint32_t(push.size()),
                       push.data());
  }
}

void CommandList::bind_instances(const Buffer& buffer, uint64_t offset) {
  const VkBuffer handle = buffer.handle();
  vkCmdBindVertexBuffers(commands_, 0, 1, &handle, &offset);
}

void CommandList::draw(uint32_t vertices, uint32_t instances) {
  vkCmdDraw(commands_, vertices, instances, 0, 0);
}

void CommandList::bind_vertices(const Buffer& vertices, const Buffer& indices) {
  bind_instances(vertices, 0);
  vkCmdBindIndexBuffer(commands_, indices.handle(), 0, VK_INDEX_TYPE_UINT32);
}

void CommandList::draw_indexed(uint32_t first, uint32_t count) {
  vkCmdDrawIndexed(commands_, count, 1, first, 0, 0);
}

void CommandList::draw_indirect(const Buffer& arguments, uint64_t offset) {
  vkCmdDrawIndirect(commands_, arguments.handle(), offset, 1, 16);
}

void CommandList::image_barrier(const Image& image, ImageUse from, ImageUse to) {
  const Use source = use_of(from);
  const Use target = use_of(to);
  VkImageMemoryBarrier barrier{VK_STRUCTURE_TYPE_IMAGE_MEMORY_BARRIER};
  barrier.srcAccessMask = source.writes ? source.access : 0;
  barrier.dstAccessMask = target.access;
  barrier.oldLayout = source.layout;
  barrier.newLayout = target.layout;
  barrier.srcQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED;
  barrier.dstQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED;
  barrier.image = image.handle();
  barrier.subresourceRange = {image.aspect(), 0, 1, 0, 1};
  vkCmdPipelineBarrier(commands_, source.stages, target.stages, 0, 0, nullptr, 0, nullptr, 1, &barrier);
}

void CommandList::copy_to_image(const Buffer& source, uint64_t source_offset, const Image& destination) {
  const VkBufferImageCopy region = whole(destination, source_offset);
  vkCmdCopyBufferToImage(commands_, source.handle(), destination.handle(),
                         VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL, 1, &region);
}

void CommandList::read_back(const Image& source, const Buffer& destination, uint64_t destination_offset) {
  const uint64_t pixel = source.format() == VK_FORMAT_R8_UNORM ? 1 : 4;
  device_->count_readback(pixel * source.width() * source.height());
  const VkBufferImageCopy region = whole(source, destination_offset);
  vkCmdCopyImageToBuffer(commands_, source.handle(), VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL,
                         destination.handle(), 1, &region);
}

}  // namespace tarsier::gpu
