#include "gpu/uniform_windows.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "gpu/device.hpp"
#include "gpu/pipeline.hpp"

namespace tarsier::gpu {

Result<UniformWindows> UniformWindows::create(Device& device, const Buffer& buffer,
                                              std::span<const WindowRange> ranges) {
  UniformWindows out;
  out.device_ = &device;
  if (ranges.empty()) return out;
  const uint64_t reach = device.features().max_uniform_range;
  if (buffer.size() < reach) {
    return runtime_error("a weight buffer of {} bytes is shorter than one window ({})", buffer.size(), reach);
  }
  const uint64_t alignment = device.features().uniform_alignment;
  const uint64_t last = (buffer.size() - reach) / alignment * alignment;
  const auto count = uint32_t(ranges.size());
  const VkDescriptorPoolSize size{VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER, kWindows * count};
  VkDescriptorPoolCreateInfo pool{VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO};
  pool.maxSets = count;
  pool.poolSizeCount = 1;
  pool.pPoolSizes = &size;
  TARSIER_CHECK(vk_status(vkCreateDescriptorPool(device.handle(), &pool, nullptr, &out.pool_),
                          "vkCreateDescriptorPool"));
  const std::vector<VkDescriptorSetLayout> layouts(count, device.pipelines().window_layout());
  VkDescriptorSetAllocateInfo info{VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO};
  info.descriptorPool = out.pool_;
  info.descriptorSetCount = count;
  info.pSetLayouts = layouts.data();
  out.sets_.resize(count);
  TARSIER_CHECK(vk_status(vkAllocateDescriptorSets(device.handle(), &info, out.sets_.data()),
                          "vkAllocateDescriptorSets"));
  for (uint32_t i = 0; i < count; ++i) {
    std::array<VkDescriptorBufferInfo, kWindows> windows{};
    for (uint32_t w = 0; w < kWindows; ++w) {
      const uint64_t wanted = uint64_t(ranges[i].offset) + uint64_t(w) * ranges[i].stride;
      windows[w] = {buffer.handle(), std::min(wanted, last), reach};
    }
    VkWriteDescriptorSet write{VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET};
    write.dstSet = out.sets_[i];
    write.descriptorCount = kWindows;
    write.descriptorType = VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER;
    write.pBufferInfo = windows.data();
    vkUpdateDescriptorSets(device.handle(), 1, &write, 0, nullptr);
  }
  return out;
}

UniformWindows& UniformWindows::operator=(UniformWindows&& other) noexcept {
  std::swap(device_, other.device_);
  std::swap(pool_, other.pool_);
  std::swap(sets_, other.sets_);
  return *this;
}

UniformWindows::~UniformWindows() {
  if (pool_ != VK_NULL_HANDLE) vkDestroyDescriptorPool(device_->handle(), pool_, nullptr);
}

}  // namespace tarsier::gpu
