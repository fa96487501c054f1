// VK_KHR_cooperative_matrix, which the Vulkan headers of Debian 12 do not have yet: what the engine needs of
// it.
#pragma once

#include <vector>

#include "gpu/device.hpp"

namespace tarsier::gpu {

inline constexpr const char* kCooperativeMatrixExtension = "VK_KHR_cooperative_matrix";

/// VkPhysicalDeviceCooperativeMatrixFeaturesKHR, for the chains of vkGetPhysicalDeviceFeatures2 and
/// vkCreateDevice.
struct CooperativeMatrixFeatures {
  VkStructureType type = VkStructureType(1000506000);
  void* next = nullptr;
  VkBool32 cooperative_matrix = VK_FALSE;
  VkBool32 robust_buffer_access = VK_FALSE;
};

/// The shapes in which a subgroup of a compute shader multiplies fp16 into fp32. The device must list the
/// extension.
std::vector<MatrixShape> cooperative_matrix_shapes(VkInstance instance, VkPhysicalDevice device);

}  // namespace tarsier::gpu
