// A pool of device timestamps, for measuring outside the frame ring (profiles, benchmarks).
#pragma once

#include <vector>

#include "gpu/command_list.hpp"

namespace tarsier::gpu {

/// Move-only.
class Timestamps {
 public:
  /// Fails where the device has no timestamps (DeviceFeatures::timestamps).
  static Result<Timestamps> create(Device& device, uint32_t count);
  Timestamps() = default;
  Timestamps(Timestamps&& other) noexcept { *this = std::move(other); }
  Timestamps& operator=(Timestamps&& other) noexcept;
  ~Timestamps();
  /// Must be recorded before the first write().
  void reset(CommandList& list) const;
  /// Time at which all earlier commands are done.
  void write(CommandList& list, uint32_t index) const;
  /// Milliseconds since an arbitrary start; every timestamp must have been written and have finished.
  [[nodiscard]] Result<std::vector<double>> read_ms() const;

 private:
  Device* device_ = nullptr;
  VkQueryPool pool_ = VK_NULL_HANDLE;
  uint32_t count_ = 0;
};

}  // namespace tarsier::gpu
