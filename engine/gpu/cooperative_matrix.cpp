#include "gpu/cooperative_matrix.hpp"

#include <algorithm>

namespace tarsier::gpu {
namespace {

/// VkPhysicalDeviceCooperativeMatrixPropertiesKHR.
struct DeviceProperties {
  VkStructureType type = VkStructureType(1000506002);
  void* next = nullptr;
  VkShaderStageFlags stages = 0;
};

/// VkCooperativeMatrixPropertiesKHR: one thing that the device can multiply.
struct Properties {
  VkStructureType type = VkStructureType(1000506001);
  void* next = nullptr;
  uint32_t m = 0, n = 0, k = 0;
  uint32_t a_type = 0, b_type = 0, c_type = 0, result_type = 0;
  VkBool32 saturating = VK_FALSE;
  uint32_t scope = 0;
};
static_assert(sizeof(Properties) == 56 || sizeof(void*) == 4, "as the driver writes it");

constexpr uint32_t kFloat16 = 0, kFloat32 = 1;  // VkComponentTypeKHR
constexpr uint32_t kSubgroupScope = 3;          // VkScopeKHR

using GetProperties = VkResult(VKAPI_PTR*)(VkPhysicalDevice, uint32_t*, Properties*);

}  // namespace

std::vector<MatrixShape> cooperative_matrix_shapes(VkInstance instance, VkPhysicalDevice device) {
  CooperativeMatrixFeatures features;
  VkPhysicalDeviceFeatures2 all_features{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2, &features};
  vkGetPhysicalDeviceFeatures2(device, &all_features);
  DeviceProperties properties;
  VkPhysicalDeviceProperties2 all_properties{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2, &properties};
  vkGetPhysicalDeviceProperties2(device, &all_properties);
  const auto get = reinterpret_cast<GetProperties>(
      vkGetInstanceProcAddr(instance, "vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR"));
  if (features.cooperative_matrix == VK_FALSE || (properties.stages & VK_SHADER_STAGE_COMPUTE_BIT) == 0 ||
      get == nullptr) {
    return {};
  }
  uint32_t count = 0;
  get(device, &count, nullptr);
  std::vector<Properties> offered(count);
  const VkResult result = get(device, &count, offered.data());
  if (result != VK_SUCCESS && result != VK_INCOMPLETE) return {};
  offered.resize(count);
  std::vector<MatrixShape> shapes;
  for (const Properties& p : offered) {
    if (p.a_type == kFloat16 && p.b_type == kFloat16 && p.c_type == kFloat32 && p.result_type == kFloat32 &&
        p.scope == kSubgroupScope && p.saturating == VK_FALSE) {
      shapes.push_back({p.m, p.n, p.k});
    }
  }
  std::ranges::sort(shapes);
  // Not std::ranges::unique: clang before 16 cannot build its subrange from this standard library.
  shapes.erase(std::unique(shapes.begin(), shapes.end()), shapes.end());
  return shapes;
}

}  // namespace tarsier::gpu
