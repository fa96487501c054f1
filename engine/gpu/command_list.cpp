#include "gpu/command_list.hpp"

#include <cassert>

#include "gpu/device.hpp"

namespace tarsier::gpu {
namespace {

struct Masks {
  VkPipelineStageFlags stages = 0;
  VkAccessFlags reads = 0, writes = 0;
};

Masks masks_of(Scope scope) {
  Masks out;
  const auto add = [&](Scope bit, VkPipelineStageFlags stages, VkAccessFlags reads, VkAccessFlags writes) {
    if (!has(scope, bit)) return;
    out.stages |= stages;
    out.reads |= reads;
    out.writes |= writes;
  };
  add(Scope::kCompute, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT,
      VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_UNIFORM_READ_BIT, VK_ACCESS_SHADER_WRITE_BIT);
  add(Scope::kTransfer, VK_PIPELINE_STAGE_TRANSFER_BIT, VK_ACCESS_TRANSFER_READ_BIT,
      VK_ACCESS_TRANSFER_WRITE_BIT);
  add(Scope::kHost, VK_PIPELINE_STAGE_HOST_BIT, VK_ACCESS_HOST_READ_BIT, VK_ACCESS_HOST_WRITE_BIT);
  add(Scope::kIndirect, VK_PIPELINE_STAGE_DRAW_INDIRECT_BIT, VK_ACCESS_INDIRECT_COMMAND_READ_BIT, 0);
  add(Scope::kGraphics,
      VK_PIPELINE_STAGE_VERTEX_INPUT_BIT | VK_PIPELINE_STAGE_VERTEX_SHADER_BIT |
          VK_PIPELINE_STAGE_FRAGMENT_SHADER_BIT,
      VK_ACCESS_VERTEX_ATTRIBUTE_READ_BIT | VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_UNIFORM_READ_BIT, 0);
  add(Scope::kColorTarget, VK_PIPELINE_STAGE_COLOR_ATTACHMENT_OUTPUT_BIT, VK_ACCESS_COLOR_ATTACHMENT_READ_BIT,
      VK_ACCESS_COLOR_ATTACHMENT_WRITE_BIT);
  return out;
}

}  // namespace

void CommandList::bind_windows(VkDescriptorSet set) {
  vkCmdBindDescriptorSets(commands_, VK_PIPELINE_BIND_POINT_COMPUTE, device_->pipelines().layout(), 0, 1,
                          &set, 0, nullptr);
}

void CommandList::dispatch(const ComputePipeline& pipeline, std::span<const std::byte> push, Extent3 groups) {
  assert(push.size() <= 128 && push.size() % 4 == 0);
  vkCmdBindPipeline(commands_, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline.handle());
  if (!push.empty()) {
    vkCmdPushConstants(commands_, pipeline.layout(), VK_SHADER_STAGE_COMPUTE_BIT, 0, uint32_t(push.size()),
                       push.data());
  }
  vkCmdDispatch(commands_, groups[0], groups[1], groups[2]);
}

void CommandList::dispatch_indirect(const ComputePipeline& pipeline, std::span<const std::byte> push,
                                    const Buffer& arguments, uint64_t offset) {
  assert(push.size() <= 128 && push.size() % 4 == 0);
  vkCmdBindPipeline(commands_, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline.handle());
  if (!push.empty()) {
    vkCmdPushConstants(commands_, pipeline.layout(), VK_SHADER_STAGE_COMPUTE_BIT, 0, uint32_t(push.size()),
                       push.data());
  }
  vkCmdDispatchIndirect(commands_, arguments.handle(), offset);
}

void CommandList::barrier(Scope from, Scope to) {
  const Masks source = masks_of(from);
  const Masks target = masks_of(to);
  VkMemoryBarrier memory{VK_STRUCTURE_TYPE_MEMORY_BARRIER};
  memory.srcAccessMask = source.writes;  // only writes have anything to make available
  memory.dstAccessMask = target.reads | target.writes;
  constexpr VkPipelineStageFlags kFirst = VK_PIPELINE_STAGE_TOP_OF_PIPE_BIT;
  constexpr VkPipelineStageFlags kLast = VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT;
  vkCmdPipelineBarrier(commands_, source.stages != 0 ? source.stages : kFirst,
                       target.stages != 0 ? target.stages : kLast, 0, 1, &memory, 0, nullptr, 0, nullptr);
}

void CommandList::copy(const Buffer& source, uint64_t source_offset, const Buffer& destination,
                       uint64_t destination_offset, uint64_t size) {
  const VkBufferCopy region{source_offset, destination_offset, size};
  vkCmdCopyBuffer(commands_, source.handle(), destination.handle(), 1, &region);
}

void CommandList::read_back(const Buffer& source, uint64_t source_offset, const Buffer& destination,
                            uint64_t destination_offset, uint64_t size) {
  device_->count_readback(size);
  copy(source, source_offset, destination, destination_offset, size);
}

void CommandList::fill(const Buffer& buffer, uint64_t offset, uint64_t size, uint32_t word) {
  vkCmdFillBuffer(commands_, buffer.handle(), offset, size, word);
}

void CommandList::update(const Buffer& buffer, uint64_t offset, std::span<const std::byte> data) {
  assert(data.size() <= 65536 && data.size() % 4 == 0);
  vkCmdUpdateBuffer(commands_, buffer.handle(), offset, data.size(), data.data());
}

void CommandList::timestamp(VkQueryPool pool, uint32_t index) {
  vkCmdWriteTimestamp(commands_, VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT, pool, index);
}

void CommandList::execute(VkCommandBuffer secondary) {
  vkCmdExecuteCommands(commands_, 1, &secondary);
}

}  // namespace tarsier::gpu
