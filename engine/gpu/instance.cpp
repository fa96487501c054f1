#include "gpu/instance.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstring>

#include "core/log.hpp"
#include "core/text.hpp"
#include "gpu/cooperative_matrix.hpp"
#include "gpu/driver_setup.hpp"

namespace tarsier::gpu {
namespace {

constexpr const char* kValidationLayer = "VK_LAYER_KHRONOS_validation";
std::atomic<uint64_t> all_messages{0};

std::string version_text(uint32_t version) {
  return fmt::format("{}.{}.{}", VK_API_VERSION_MAJOR(version), VK_API_VERSION_MINOR(version),
                     VK_API_VERSION_PATCH(version));
}

std::string type_text(VkPhysicalDeviceType type) {
  switch (type) {
    case VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU:
      return "discrete GPU";
    case VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU:
      return "integrated GPU";
    case VK_PHYSICAL_DEVICE_TYPE_VIRTUAL_GPU:
      return "virtual GPU";
    case VK_PHYSICAL_DEVICE_TYPE_CPU:
      return "software";
    default:
      return "other";
  }
}

int rank_of(VkPhysicalDeviceType type) {
  switch (type) {
    case VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU:
      return 4;
    case VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU:
      return 3;
    case VK_PHYSICAL_DEVICE_TYPE_VIRTUAL_GPU:
      return 2;
    case VK_PHYSICAL_DEVICE_TYPE_CPU:
      return 0;
    default:
      return 1;
  }
}

bool layer_available(const char* name) {
  uint32_t count = 0;
  vkEnumerateInstanceLayerProperties(&count, nullptr);
  std::vector<VkLayerProperties> layers(count);
  vkEnumerateInstanceLayerProperties(&count, layers.data());
  return std::ranges::any_of(layers,
                             [&](const auto& layer) { return std::strcmp(layer.layerName, name) == 0; });
}

std::vector<std::string> device_extensions(VkPhysicalDevice device) {
  uint32_t count = 0;
  vkEnumerateDeviceExtensionProperties(device, nullptr, &count, nullptr);
  std::vector<VkExtensionProperties> extensions(count);
  vkEnumerateDeviceExtensionProperties(device, nullptr, &count, extensions.data());
  std::vector<std::string> names;
  names.reserve(extensions.size());
  for (const auto& extension : extensions) names.emplace_back(extension.extensionName);
  return names;
}

/// The family with both graphics and compute (the specification promises one where there is graphics at all).
bool find_queue_family(VkPhysicalDevice device, uint32_t& family, uint32_t& timestamp_bits) {
  uint32_t count = 0;
  vkGetPhysicalDeviceQueueFamilyProperties(device, &count, nullptr);
  std::vector<VkQueueFamilyProperties> families(count);
  vkGetPhysicalDeviceQueueFamilyProperties(device, &count, families.data());
  constexpr VkQueueFlags kWanted = VK_QUEUE_GRAPHICS_BIT | VK_QUEUE_COMPUTE_BIT;
  for (uint32_t i = 0; i < count; ++i) {
    if ((families[i].queueFlags & kWanted) == kWanted) {
      family = i;
      timestamp_bits = families[i].timestampValidBits;
      return true;
    }
  }
  return false;
}

/// Whether the host writes the very memory that shaders read fastest: the CPU's own and integrated GPUs.
bool has_unified_memory(VkPhysicalDevice device, VkPhysicalDeviceType type) {
  if (type != VK_PHYSICAL_DEVICE_TYPE_CPU && type != VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU) return false;
  constexpr VkMemoryPropertyFlags kShared = VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT |
                                            VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT |
                                            VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
  VkPhysicalDeviceMemoryProperties memory{};
  vkGetPhysicalDeviceMemoryProperties(device, &memory);
  return std::any_of(memory.memoryTypes, memory.memoryTypes + memory.memoryTypeCount,
                     [](const VkMemoryType& one) { return (one.propertyFlags & kShared) == kShared; });
}

/// Whether a compute pipeline may ask for subgroups of this size. For devices of Vulkan 1.3.
bool required_subgroup_size(VkPhysicalDevice device, uint32_t size) {
  VkPhysicalDeviceSubgroupSizeControlProperties control{
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_PROPERTIES};
  VkPhysicalDeviceProperties2 properties{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2, &control};
  vkGetPhysicalDeviceProperties2(device, &properties);
  return (control.requiredSubgroupSizeStages & VK_SHADER_STAGE_COMPUTE_BIT) != 0 &&
         control.minSubgroupSize <= size && size <= control.maxSubgroupSize;
}

PhysicalDevice describe(VkInstance instance, VkPhysicalDevice handle, uint32_t index, bool present) {
  PhysicalDevice out;
  out.handle = handle;
  VkPhysicalDeviceProperties basic{};
  vkGetPhysicalDeviceProperties(handle, &basic);
  out.api_version = basic.apiVersion;
  out.driver_version = basic.driverVersion;
  out.type = basic.deviceType;
  auto& info = out.info;
  info.index = index;
  info.name = basic.deviceName;
  info.api_version = version_text(basic.apiVersion);
  info.type = type_text(basic.deviceType);
  info.software = basic.deviceType == VK_PHYSICAL_DEVICE_TYPE_CPU;
  if (basic.apiVersion < VK_API_VERSION_1_2) {
    info.missing.push_back(fmt::format("Vulkan 1.2 (it has {})", info.api_version));
    return out;
  }

  VkPhysicalDeviceDriverProperties driver{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRIVER_PROPERTIES};
  VkPhysicalDeviceSubgroupProperties subgroup{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_PROPERTIES, &driver};
  VkPhysicalDeviceIDProperties id{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_ID_PROPERTIES, &subgroup};
  const bool has13 = basic.apiVersion >= VK_API_VERSION_1_3;
  VkPhysicalDeviceVulkan13Properties more{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_3_PROPERTIES};
  if (has13) driver.pNext = &more;
  VkPhysicalDeviceProperties2 properties{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2, &id};
  vkGetPhysicalDeviceProperties2(handle, &properties);
  for (const uint8_t byte : id.deviceUUID) info.uuid += fmt::format("{:02x}", byte);
  info.driver = fmt::format("{} {}", driver.driverName, driver.driverInfo);
  info.subgroup_size = subgroup.subgroupSize;

  VkPhysicalDeviceVulkan13Features f13{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_3_FEATURES};
  VkPhysicalDeviceVulkan12Features f12{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES};
  VkPhysicalDeviceVulkan11Features f11{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_FEATURES, &f12};
  VkPhysicalDeviceFeatures2 f10{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2, &f11};
  if (has13) f12.pNext = &f13;
  vkGetPhysicalDeviceFeatures2(handle, &f10);

  const auto require = [&](VkBool32 there, const char* what) {
    if (there == VK_FALSE) info.missing.emplace_back(what);
  };
  const auto wish = [&](bool& feature, VkBool32 there, const char* what) {
    feature = there != VK_FALSE;
    if (!feature) info.optional_missing.emplace_back(what);
  };
  require(f12.timelineSemaphore, "timeline semaphores");
  require(f12.bufferDeviceAddress, "buffer device address");
  require(f10.features.shaderInt64, "64-bit integers in shaders (kernels compute addresses)");
  require(f10.features.shaderUniformBufferArrayDynamicIndexing, "indexed uniform buffers (weight windows)");
  auto& features = out.features;
  features.software = info.software;
  features.unified_memory = has_unified_memory(handle, basic.deviceType);
  features.shader_int64 = f10.features.shaderInt64 != VK_FALSE;
  wish(features.storage_16bit, f11.storageBuffer16BitAccess, "16-bit storage buffers");
  wish(features.uniform_16bit, f11.uniformAndStorageBuffer16BitAccess, "16-bit uniform buffers");
  wish(features.storage_8bit, f12.storageBuffer8BitAccess, "8-bit storage buffers");
  wish(features.shader_float16, f12.shaderFloat16, "fp16 arithmetic");
  wish(features.byte_dot, has13 ? f13.shaderIntegerDotProduct : VK_FALSE, "dot products of bytes");
  features.fast_byte_dot =
      features.byte_dot && more.integerDotProduct4x8BitPackedSignedAccelerated != VK_FALSE;
  wish(features.synchronization2, has13 ? f13.synchronization2 : VK_FALSE, "synchronization2");
  wish(features.dynamic_rendering, has13 ? f13.dynamicRendering : VK_FALSE, "dynamic rendering");
  wish(features.subgroup_size_control,
       has13 && f13.subgroupSizeControl != VK_FALSE && f13.computeFullSubgroups != VK_FALSE ? VK_TRUE
                                                                                            : VK_FALSE,
       "subgroup size control");
  // Kernels rely on how many invocations a subgroup and how many subgroups a workgroup has.
  const bool known_subgroups =
      features.subgroup_size_control && required_subgroup_size(handle, subgroup.subgroupSize);
  features.subgroup_shuffle = known_subgroups &&
                              (subgroup.supportedStages & VK_SHADER_STAGE_COMPUTE_BIT) != 0 &&
                              (subgroup.supportedOperations & VK_SUBGROUP_FEATURE_SHUFFLE_BIT) != 0;
  const auto& limits = basic.limits;
  features.subgroup_size = subgroup.subgroupSize;
  features.max_push_constants = limits.maxPushConstantsSize;
  // One size for all devices keeps the weight blocks of a network the same everywhere.
  features.max_uniform_range = std::min<uint32_t>(limits.maxUniformBufferRange, 65536);
  features.uniform_alignment = std::max<uint32_t>(uint32_t(limits.minUniformBufferOffsetAlignment), 16);
  features.max_shared_bytes = limits.maxComputeSharedMemorySize;
  features.max_workgroup = limits.maxComputeWorkGroupInvocations;
  std::copy_n(limits.maxComputeWorkGroupCount, 3, features.max_groups.begin());
  features.timestamp_period_ns = limits.timestampPeriod;

  uint32_t timestamp_bits = 0;
  if (!find_queue_family(handle, out.queue_family, timestamp_bits)) {
    info.missing.emplace_back("a queue with graphics and compute");
  }
  wish(features.timestamps, timestamp_bits != 0 && limits.timestampPeriod > 0 ? VK_TRUE : VK_FALSE,
       "timestamps");
  const auto extensions = device_extensions(handle);
  const auto has_extension = [&](const char* name) {
    return std::ranges::find(extensions, name) != extensions.end();
  };
  if (present && !has_extension(VK_KHR_SWAPCHAIN_EXTENSION_NAME)) {
    info.missing.emplace_back("presentation to a window (VK_KHR_swapchain)");
  }
  if (has_extension(kCooperativeMatrixExtension) && f12.vulkanMemoryModel != VK_FALSE &&
      features.shader_float16 && known_subgroups) {
    features.matrix_shapes = cooperative_matrix_shapes(instance, handle);
  }
  if (features.matrix_shapes.empty()) info.optional_missing.emplace_back("cooperative matrices of fp16");
  return out;
}

std::string device_list(const std::vector<PhysicalDevice>& devices) {
  std::string text;
  for (const auto& device : devices) {
    text += fmt::format("{}{}: {}", text.empty() ? "" : "; ", device.info.index, device.info.name);
  }
  return text;
}

}  // namespace

uint64_t total_validation_messages() {
  return all_messages;
}

VKAPI_ATTR VkBool32 VKAPI_CALL Instance::on_message(VkDebugUtilsMessageSeverityFlagBitsEXT severity,
                                                    VkDebugUtilsMessageTypeFlagsEXT types,
                                                    const VkDebugUtilsMessengerCallbackDataEXT* data,
                                                    void* user) {
  // The loader speaks through the same messenger (a driver that did not load, say): that is no fault of ours.
  if ((types & VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT) == 0) {
    log::debug("vulkan: {}", data->pMessage);
    return VK_FALSE;
  }
  ++static_cast<Instance*>(user)->messages_;
  ++all_messages;
  if (severity >= VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT) {
    log::error("validation: {}", data->pMessage);
  } else {
    log::warn("validation: {}", data->pMessage);
  }
  return VK_FALSE;
}

Result<std::unique_ptr<Instance>> Instance::create(const InstanceOptions& options) {
  set_up_driver_search();
  if (volkInitialize() != VK_SUCCESS) {
    return runtime_error(
        "no Vulkan loader (libvulkan.so.1) on this machine: install it (Debian: apt install libvulkan1 "
        "mesa-vulkan-drivers) or run tools/setup");
  }
  const uint32_t loader_version = volkGetInstanceVersion();
  if (loader_version < VK_API_VERSION_1_2) {
    return runtime_error("the Vulkan loader has version {}, 1.2 is needed: update libvulkan1",
                         version_text(loader_version));
  }
  std::unique_ptr<Instance> out(new Instance);

  std::vector<const char*> layers;
  std::vector<const char*> extensions = options.extensions;
  const VkValidationFeatureEnableEXT enable[] = {VK_VALIDATION_FEATURE_ENABLE_SYNCHRONIZATION_VALIDATION_EXT};
  VkValidationFeaturesEXT validation{VK_STRUCTURE_TYPE_VALIDATION_FEATURES_EXT};
  validation.enabledValidationFeatureCount = 1;
  validation.pEnabledValidationFeatures = enable;
  VkDebugUtilsMessengerCreateInfoEXT messenger{VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT};
  messenger.messageSeverity =
      VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT | VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT;
  messenger.messageType = VK_DEBUG_UTILS_MESSAGE_TYPE_GENERAL_BIT_EXT |
                          VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT |
                          VK_DEBUG_UTILS_MESSAGE_TYPE_PERFORMANCE_BIT_EXT;
  messenger.pfnUserCallback = on_message;
  messenger.pUserData = out.get();

  VkApplicationInfo application{VK_STRUCTURE_TYPE_APPLICATION_INFO};
  application.pApplicationName = "tarsier";
  application.pEngineName = "tarsier";
  application.apiVersion = std::min<uint32_t>(loader_version, VK_API_VERSION_1_3);
  VkInstanceCreateInfo info{VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO};
  info.pApplicationInfo = &application;
  if (options.validation) {
    if (!layer_available(kValidationLayer)) {
      return runtime_error(
          "validation was asked for but {} is not installed (Debian: apt install vulkan-validationlayers)",
          kValidationLayer);
    }
    layers.push_back(kValidationLayer);
    extensions.push_back(VK_EXT_DEBUG_UTILS_EXTENSION_NAME);
    extensions.push_back(VK_EXT_VALIDATION_FEATURES_EXTENSION_NAME);
    validation.pNext = &messenger;  // covers instance creation and destruction
    info.pNext = &validation;
  }
  info.enabledLayerCount = uint32_t(layers.size());
  info.ppEnabledLayerNames = layers.data();
  info.enabledExtensionCount = uint32_t(extensions.size());
  info.ppEnabledExtensionNames = extensions.data();
  const VkResult result = vkCreateInstance(&info, nullptr, &out->instance_);
  if (result == VK_ERROR_INCOMPATIBLE_DRIVER) {
    return runtime_error(
        "no Vulkan driver on this machine: install your GPU's, or the software device (Debian: apt install "
        "mesa-vulkan-drivers), or run tools/setup");
  }
  TARSIER_CHECK(vk_status(result, "vkCreateInstance"));
  // Entry points of the loader, not of one device: several devices can live in a process (tests).
  volkLoadInstance(out->instance_);
  if (options.validation) {
    const auto load = [&](const char* name) { return vkGetInstanceProcAddr(out->instance_, name); };
    const auto create =
        reinterpret_cast<PFN_vkCreateDebugUtilsMessengerEXT>(load("vkCreateDebugUtilsMessengerEXT"));
    out->destroy_messenger_ =
        reinterpret_cast<PFN_vkDestroyDebugUtilsMessengerEXT>(load("vkDestroyDebugUtilsMessengerEXT"));
    out->set_name_ = reinterpret_cast<PFN_vkSetDebugUtilsObjectNameEXT>(load("vkSetDebugUtilsObjectNameEXT"));
    TARSIER_CHECK(vk_status(create(out->instance_, &messenger, nullptr, &out->messenger_),
                            "vkCreateDebugUtilsMessengerEXT"));
  }
  return out;
}

Instance::~Instance() {
  if (messenger_ != VK_NULL_HANDLE) destroy_messenger_(instance_, messenger_, nullptr);
  if (instance_ != VK_NULL_HANDLE) vkDestroyInstance(instance_, nullptr);
}

void Instance::name(VkDevice device, VkObjectType type, uint64_t object, const std::string& name) const {
  if (set_name_ == nullptr || name.empty()) return;
  VkDebugUtilsObjectNameInfoEXT info{VK_STRUCTURE_TYPE_DEBUG_UTILS_OBJECT_NAME_INFO_EXT};
  info.objectType = type;
  info.objectHandle = object;
  info.pObjectName = name.c_str();
  set_name_(device, &info);
}

Result<std::vector<PhysicalDevice>> physical_devices(VkInstance instance, bool present) {
  uint32_t count = 0;
  const VkResult result = vkEnumeratePhysicalDevices(instance, &count, nullptr);
  if (result != VK_ERROR_INITIALIZATION_FAILED) {
    TARSIER_CHECK(vk_status(result, "vkEnumeratePhysicalDevices"));
  } else {
    count = 0;
  }
  std::vector<VkPhysicalDevice> handles(count);
  if (count > 0) {
    TARSIER_CHECK(vk_status(vkEnumeratePhysicalDevices(instance, &count, handles.data()),
                            "vkEnumeratePhysicalDevices"));
  }
  std::vector<PhysicalDevice> out;
  for (uint32_t i = 0; i < count; ++i) out.push_back(describe(instance, handles[i], i, present));
  return out;
}

Result<size_t> select_device(const std::vector<PhysicalDevice>& devices, const std::string& selector) {
  std::vector<size_t> candidates;
  if (selector.empty()) {
    for (size_t i = 0; i < devices.size(); ++i) {
      if (devices[i].info.missing.empty()) candidates.push_back(i);
    }
    if (candidates.empty()) {
      std::string reasons;
      for (const auto& device : devices) {
        reasons += fmt::format("{}{} lacks {}", reasons.empty() ? "" : "; ", device.info.name,
                               join(device.info.missing, ", "));
      }
      return runtime_error(
          "no Vulkan device here is usable: {}. Update the driver, or install the software device (run "
          "tools/setup)",
          reasons);
    }
    // A newer driver wins among equals: a bundled Mesa beside the system's old one.
    return *std::ranges::max_element(candidates, {}, [&](size_t i) {
      return std::tuple(rank_of(devices[i].type), devices[i].api_version, -int64_t(i));
    });
  }
  uint32_t index = 0;
  const char* end = selector.data() + selector.size();
  const auto parsed = std::from_chars(selector.data(), end, index);
  const bool is_index = parsed.ec == std::errc() && parsed.ptr == end && selector.size() < 4;
  std::string wanted = to_lower(selector);
  std::string digits = wanted;
  std::erase(digits, '-');
  for (size_t i = 0; i < devices.size(); ++i) {
    const auto& info = devices[i].info;
    if (is_index ? info.index == index
                 : (info.uuid == digits || to_lower(info.name).find(wanted) != std::string::npos)) {
      candidates.push_back(i);
    }
  }
  if (candidates.empty()) {
    return input_error("no Vulkan device matches '{}': there is {}", selector, device_list(devices));
  }
  for (const size_t i : candidates) {
    if (devices[i].info.missing.empty()) return i;
  }
  const auto& refused = devices[candidates.front()].info;
  return input_error("device '{}' can't be used: it lacks {}", refused.name, join(refused.missing, ", "));
}

Result<std::vector<DeviceInfo>> enumerate_devices() {
  // Loading a second instance would replace the entry points of extensions that a living device uses.
  const VkInstance before = volkGetLoadedInstance();
  std::vector<DeviceInfo> infos;
  {
    TARSIER_TRY(const auto instance, Instance::create({}));
    TARSIER_TRY(const auto devices, physical_devices(instance->handle(), false));
    for (const auto& device : devices) infos.push_back(device.info);
  }
  if (before != VK_NULL_HANDLE) volkLoadInstance(before);
  return infos;
}

}  // namespace tarsier::gpu
