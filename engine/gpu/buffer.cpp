#include "gpu/buffer.hpp"

#include <utility>

#include "gpu/device.hpp"
#include "gpu/memory_owner.hpp"

namespace tarsier::gpu {

Buffer::Buffer(Buffer&& other) noexcept {
  *this = std::move(other);
}

Buffer& Buffer::operator=(Buffer&& other) noexcept {
  // Swapped, so that what this one held is released with `other`.
  std::swap(device_, other.device_);
  std::swap(buffer_, other.buffer_);
  std::swap(memory_, other.memory_);
  std::swap(size_, other.size_);
  std::swap(address_, other.address_);
  std::swap(mapped_, other.mapped_);
  return *this;
}

Buffer::~Buffer() {
  if (device_ == nullptr) return;
  if (buffer_ != VK_NULL_HANDLE) vkDestroyBuffer(device_->handle(), buffer_, nullptr);
  if (memory_ == VK_NULL_HANDLE) return;
  forget_memory(device_->handle(), memory_);          // first: another thread may be given the same handle
  vkFreeMemory(device_->handle(), memory_, nullptr);  // unmaps
}

}  // namespace tarsier::gpu
