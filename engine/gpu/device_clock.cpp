#include "gpu/device_clock.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "gpu/device.hpp"

namespace tarsier::gpu {
namespace {

using Clock = std::chrono::steady_clock;

}  // namespace

bool has_calibrated_timestamps(VkInstance instance, VkPhysicalDevice device) {
  uint32_t count = 0;
  vkEnumerateDeviceExtensionProperties(device, nullptr, &count, nullptr);
  std::vector<VkExtensionProperties> extensions(count);
  vkEnumerateDeviceExtensionProperties(device, nullptr, &count, extensions.data());
  if (std::ranges::none_of(extensions, [](const auto& one) {
        return std::strcmp(one.extensionName, kCalibratedTimestampsExtension) == 0;
      }))
    return false;
  const auto domains_of = reinterpret_cast<PFN_vkGetPhysicalDeviceCalibrateableTimeDomainsEXT>(
      vkGetInstanceProcAddr(instance, "vkGetPhysicalDeviceCalibrateableTimeDomainsEXT"));
  if (domains_of == nullptr) return false;
  domains_of(device, &count, nullptr);
  std::vector<VkTimeDomainEXT> domains(count);
  domains_of(device, &count, domains.data());
  const auto has = [&](VkTimeDomainEXT domain) { return std::ranges::count(domains, domain) > 0; };
  return has(VK_TIME_DOMAIN_DEVICE_EXT) && has(VK_TIME_DOMAIN_CLOCK_MONOTONIC_EXT);
}

DeviceClock::DeviceClock(const Device& device)
    : device_(device.handle()), ns_per_tick_(double(device.features().timestamp_period_ns)) {
  // Null where the extension is not enabled, which it is where it can be used (device.cpp).
  read_ = reinterpret_cast<PFN_vkGetCalibratedTimestampsEXT>(
      vkGetDeviceProcAddr(device_, "vkGetCalibratedTimestampsEXT"));
}

std::optional<DeviceClock::Moment> DeviceClock::now() const {
  if (read_ == nullptr) return std::nullopt;
  std::array<VkCalibratedTimestampInfoEXT, 2> wanted{};
  for (auto& one : wanted) one.sType = VK_STRUCTURE_TYPE_CALIBRATED_TIMESTAMP_INFO_EXT;
  wanted[0].timeDomain = VK_TIME_DOMAIN_DEVICE_EXT;
  wanted[1].timeDomain = VK_TIME_DOMAIN_CLOCK_MONOTONIC_EXT;
  std::array<uint64_t, 2> times{};
  uint64_t deviation_ns = 0;
  if (read_(device_, 2, wanted.data(), times.data(), &deviation_ns) != VK_SUCCESS) return std::nullopt;
  return Moment{times[0], Clock::time_point(std::chrono::nanoseconds(times[1]))};
}

Clock::time_point DeviceClock::host_time(uint64_t ticks, const Moment& moment) const {
  const double ns = double(int64_t(ticks - moment.ticks)) * ns_per_tick_;
  return moment.host + std::chrono::nanoseconds(int64_t(ns));
}

}  // namespace tarsier::gpu
