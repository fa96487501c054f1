// Windows into a weight buffer, bound as uniform buffers: the software device loads weights fastest from
// there (docs/ARCHITECTURE.md), and a uniform buffer reaches 64 KiB at most. The sets are static: a dynamic
// offset makes that device copy the set at every bind.
#pragma once

#include <compare>
#include <cstdint>
#include <span>
#include <vector>

#include "gpu/buffer.hpp"

namespace tarsier::gpu {

/// How many windows one dispatch sees.
inline constexpr uint32_t kWindows = 12;  // every device has that many uniform buffers a stage

/// Window i starts `offset + i * stride` bytes into the buffer (clamped to where a whole window still fits).
struct WindowRange {
  uint32_t offset = 0;  // multiple of DeviceFeatures::uniform_alignment, like `stride`
  uint32_t stride = 65536;
  auto operator<=>(const WindowRange&) const = default;
};

/// The descriptor sets of one weight buffer. Move-only; must not outlive the buffer or the device.
class UniformWindows {
 public:
  /// The buffer must be `uniform`, and DeviceFeatures::max_uniform_range bytes longer than the last used
  /// offset.
  static Result<UniformWindows> create(Device& device, const Buffer& buffer,
                                       std::span<const WindowRange> ranges);
  UniformWindows() = default;
  UniformWindows(UniformWindows&& other) noexcept { *this = std::move(other); }
  UniformWindows& operator=(UniformWindows&& other) noexcept;
  ~UniformWindows();
  [[nodiscard]] VkDescriptorSet set(size_t index) const { return sets_[index]; }
  [[nodiscard]] size_t size() const { return sets_.size(); }

 private:
  Device* device_ = nullptr;
  VkDescriptorPool pool_ = VK_NULL_HANDLE;
  std::vector<VkDescriptorSet> sets_;
};

}  // namespace tarsier::gpu
