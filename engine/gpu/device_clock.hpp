// Device timestamps on the host's steady clock (CLOCK_MONOTONIC).
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "gpu/vulkan.hpp"

namespace tarsier::gpu {

class Device;

constexpr const char* kCalibratedTimestampsExtension = VK_EXT_CALIBRATED_TIMESTAMPS_EXTENSION_NAME;
/// Whether a device can read its own clock and the host's steady clock at one moment; the extension above is
/// to be enabled then.
[[nodiscard]] bool has_calibrated_timestamps(VkInstance instance, VkPhysicalDevice device);

class DeviceClock {
 public:
  explicit DeviceClock(const Device& device);

  [[nodiscard]] bool calibrated() const { return read_ != nullptr; }
  /// Both clocks at one moment.
  struct Moment {
    uint64_t ticks = 0;
    std::chrono::steady_clock::time_point host;
  };
  /// nullopt where the device cannot tell: then nobody knows how its timestamps lie on the host's clock.
  [[nodiscard]] std::optional<Moment> now() const;
  /// Of a timestamp, given a moment at most seconds away.
  [[nodiscard]] std::chrono::steady_clock::time_point host_time(uint64_t ticks, const Moment& moment) const;

 private:
  VkDevice device_;
  PFN_vkGetCalibratedTimestampsEXT read_ = nullptr;
  double ns_per_tick_;
};

}  // namespace tarsier::gpu
