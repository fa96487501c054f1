// Who holds how much device memory.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "gpu/vulkan.hpp"

namespace tarsier::gpu {

enum class MemoryOwner : uint8_t {
  kWeights,      // of networks
  kActivations,  // what they compute, and their inputs and outputs
  kFrames,       // pictures: uploaded, drawn, read back, and the staging areas of frames in flight
  kOther
};
constexpr size_t kMemoryOwners = 4;
constexpr std::array<const char*, kMemoryOwners> kMemoryOwnerNames{"weights", "activations", "frames",
                                                                   "other"};

/// While one lives, what this thread allocates belongs to its owner; without one, to kOther.
class MemoryScope {
 public:
  explicit MemoryScope(MemoryOwner owner);
  ~MemoryScope();
  MemoryScope(const MemoryScope&) = delete;
  MemoryScope& operator=(const MemoryScope&) = delete;

 private:
  MemoryOwner before_;
};

/// Bytes by MemoryOwner.
using MemoryUse = std::array<uint64_t, kMemoryOwners>;
/// Of the process, all its devices together. Any thread.
[[nodiscard]] MemoryUse memory_use();

/// For whoever calls vkAllocateMemory and vkFreeMemory.
void note_memory(VkDevice device, VkDeviceMemory memory, uint64_t bytes);
void forget_memory(VkDevice device, VkDeviceMemory memory);

}  // namespace tarsier::gpu
