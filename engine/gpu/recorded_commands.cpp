#include "gpu/recorded_commands.hpp"

#include <utility>

#include "gpu/device.hpp"

namespace tarsier::gpu {

Result<RecordedCommands> RecordedCommands::record(Device& device,
                                                  const std::function<void(CommandList&)>& commands) {
  RecordedCommands out;
  out.device_ = &device;
  VkCommandPoolCreateInfo pool{VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO};
  pool.queueFamilyIndex = device.queue_family();
  TARSIER_CHECK(
      vk_status(vkCreateCommandPool(device.handle(), &pool, nullptr, &out.pool_), "vkCreateCommandPool"));
  VkCommandBufferAllocateInfo info{VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO};
  info.commandPool = out.pool_;
  info.level = VK_COMMAND_BUFFER_LEVEL_SECONDARY;
  info.commandBufferCount = 1;
  TARSIER_CHECK(
      vk_status(vkAllocateCommandBuffers(device.handle(), &info, &out.buffer_), "vkAllocateCommandBuffers"));
  const VkCommandBufferInheritanceInfo inheritance{VK_STRUCTURE_TYPE_COMMAND_BUFFER_INHERITANCE_INFO};
  VkCommandBufferBeginInfo begin{VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO};
  begin.flags = VK_COMMAND_BUFFER_USAGE_SIMULTANEOUS_USE_BIT;
  begin.pInheritanceInfo = &inheritance;
  TARSIER_CHECK(vk_status(vkBeginCommandBuffer(out.buffer_, &begin), "vkBeginCommandBuffer"));
  CommandList list(device, out.buffer_);
  commands(list);
  TARSIER_CHECK(vk_status(vkEndCommandBuffer(out.buffer_), "vkEndCommandBuffer"));
  return out;
}

RecordedCommands& RecordedCommands::operator=(RecordedCommands&& other) noexcept {
  std::swap(device_, other.device_);
  std::swap(pool_, other.pool_);
  std::swap(buffer_, other.buffer_);
  return *this;
}

RecordedCommands::~RecordedCommands() {
  if (pool_ != VK_NULL_HANDLE) vkDestroyCommandPool(device_->handle(), pool_, nullptr);
}

}  // namespace tarsier::gpu
