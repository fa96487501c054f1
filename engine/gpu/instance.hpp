// The Vulkan instance and what is known of its physical devices; a part of Device that enumeration needs too.
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "gpu/device.hpp"

namespace tarsier::gpu {

struct InstanceOptions {
  bool validation = false;
  std::vector<const char*> extensions;
};

/// Owns a VkInstance and its debug messenger.
class Instance {
 public:
  static Result<std::unique_ptr<Instance>> create(const InstanceOptions& options);
  ~Instance();
  Instance(const Instance&) = delete;
  Instance& operator=(const Instance&) = delete;

  [[nodiscard]] VkInstance handle() const { return instance_; }
  [[nodiscard]] uint64_t messages() const { return messages_; }
  /// Gives an object a name in validation messages; nothing without validation.
  void name(VkDevice device, VkObjectType type, uint64_t object, const std::string& name) const;

 private:
  Instance() = default;
  static VKAPI_ATTR VkBool32 VKAPI_CALL on_message(VkDebugUtilsMessageSeverityFlagBitsEXT severity,
                                                   VkDebugUtilsMessageTypeFlagsEXT types,
                                                   const VkDebugUtilsMessengerCallbackDataEXT* data,
                                                   void* user);
  VkInstance instance_ = VK_NULL_HANDLE;
  VkDebugUtilsMessengerEXT messenger_ = VK_NULL_HANDLE;
  PFN_vkDestroyDebugUtilsMessengerEXT destroy_messenger_ = nullptr;
  PFN_vkSetDebugUtilsObjectNameEXT set_name_ = nullptr;
  std::atomic<uint64_t> messages_{0};
};

/// A physical device as enumeration saw it.
struct PhysicalDevice {
  VkPhysicalDevice handle = VK_NULL_HANDLE;
  DeviceInfo info;
  DeviceFeatures features;
  uint32_t queue_family = 0;
  uint32_t api_version = 0;
  uint32_t driver_version = 0;
  VkPhysicalDeviceType type = VK_PHYSICAL_DEVICE_TYPE_OTHER;
};

/// All devices of the instance, usable or not (DeviceInfo::missing), in the loader's order.
Result<std::vector<PhysicalDevice>> physical_devices(VkInstance instance, bool present);
/// The device that a selector names, or the best usable one for an empty selector. `devices` is not empty.
Result<size_t> select_device(const std::vector<PhysicalDevice>& devices, const std::string& selector);

}  // namespace tarsier::gpu
