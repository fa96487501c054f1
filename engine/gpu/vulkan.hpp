// The one place that includes the Vulkan headers; functions come from the loader through volk.
#pragma once

#ifndef VK_NO_PROTOTYPES
#define VK_NO_PROTOTYPES
#endif
#include <string_view>
#include <tarsier_volk.h>  // volk.h with renamed functions: tools/cmake/TarsierVolk.cmake

#include "core/result.hpp"

namespace tarsier::gpu {

[[nodiscard]] std::string_view name_of(VkResult result);
/// An Error that names the call and the result, for TARSIER_CHECK-style propagation.
Status vk_status(VkResult result, std::string_view call);
/// For calls that cannot fail unless the program is wrong or the device is gone: logs and aborts in every
/// build type, except for VK_ERROR_DEVICE_LOST, which is returned for the caller to act on.
VkResult vk_must(VkResult result, const char* call);

}  // namespace tarsier::gpu
