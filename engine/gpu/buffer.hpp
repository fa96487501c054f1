// A buffer with its memory, its device address and, where it is host-visible, its mapping.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "gpu/vulkan.hpp"

namespace tarsier::gpu {

class Device;

enum class Memory : uint8_t {
  kDevice,   // device local; not mapped
  kUpload,   // host visible and coherent, written in order by the host
  kShared,   // device local and written by the host: only where DeviceFeatures::unified_memory
  kReadback  // host visible and cached, read by the host
};

struct BufferDesc {
  uint64_t size = 0;
  Memory memory = Memory::kDevice;
  bool uniform = false;   // may be bound as weight windows (uniform_windows.hpp)
  bool indirect = false;  // may hold indirect dispatch or draw arguments
  std::string name;       // for validation messages and captures
};

/// Move-only. Storage, transfer and device-address use are always allowed. Device memory starts out zeroed.
class Buffer {
 public:
  Buffer() = default;
  Buffer(Buffer&& other) noexcept;
  Buffer& operator=(Buffer&& other) noexcept;
  ~Buffer();

  [[nodiscard]] VkBuffer handle() const { return buffer_; }
  [[nodiscard]] uint64_t size() const { return size_; }
  [[nodiscard]] uint64_t address() const { return address_; }
  [[nodiscard]] bool valid() const { return buffer_ != VK_NULL_HANDLE; }
  /// Null unless the memory is host-visible.
  [[nodiscard]] void* mapped() const { return mapped_; }
  template <class T>
  [[nodiscard]] std::span<T> as() const {
    return {static_cast<T*>(mapped_), size_ / sizeof(T)};
  }

 private:
  friend class Device;
  Device* device_ = nullptr;
  VkBuffer buffer_ = VK_NULL_HANDLE;
  VkDeviceMemory memory_ = VK_NULL_HANDLE;
  uint64_t size_ = 0;
  uint64_t address_ = 0;
  void* mapped_ = nullptr;
};

}  // namespace tarsier::gpu
