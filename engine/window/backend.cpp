#include "window/backend.hpp"

#include <algorithm>

#include "core/log.hpp"
#include "gpu/queue_lock.hpp"
#define GLFW_INCLUDE_NONE  // Vulkan's headers are volk's
#include <GLFW/glfw3.h>
#include <imgui.h>
#include <imgui_impl_vulkan.h>

namespace tarsier::window {
namespace {

void report(VkResult result) {
  if (result != VK_SUCCESS) log::error("Dear ImGui's Vulkan backend: {}", gpu::name_of(result));
}

}  // namespace

Result<VkSurfaceKHR> create_surface(gpu::Device& device, GLFWwindow* window) {
  VkSurfaceKHR surface = VK_NULL_HANDLE;
  TARSIER_CHECK(gpu::vk_status(glfwCreateWindowSurface(device.instance(), window, nullptr, &surface),
                               "glfwCreateWindowSurface"));
  return surface;
}

Result<std::unique_ptr<ImguiRenderer>> ImguiRenderer::create(gpu::Device& device,
                                                             const gpu::Swapchain& swapchain) {
  std::unique_ptr<ImguiRenderer> out(new ImguiRenderer());
  out->device_ = &device;
  constexpr uint32_t kTextures = 16;
  const VkDescriptorPoolSize size{VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER, kTextures};
  VkDescriptorPoolCreateInfo pool{VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO};
  pool.flags = VK_DESCRIPTOR_POOL_CREATE_FREE_DESCRIPTOR_SET_BIT;
  pool.maxSets = kTextures;
  pool.poolSizeCount = 1;
  pool.pPoolSizes = &size;
  TARSIER_CHECK(gpu::vk_status(vkCreateDescriptorPool(device.handle(), &pool, nullptr, &out->pool_),
                               "vkCreateDescriptorPool"));
  ImGui_ImplVulkan_InitInfo info{};
  info.Instance = device.instance();
  info.PhysicalDevice = device.physical();
  info.Device = device.handle();
  info.QueueFamily = device.queue_family();
  info.Queue = device.queue();
  info.DescriptorPool = out->pool_;
  info.MinImageCount = 2;
  info.ImageCount = std::max(swapchain.image_count(), 3U);  // its vertex buffers: more than frames in flight
  info.MSAASamples = VK_SAMPLE_COUNT_1_BIT;
  info.CheckVkResultFn = report;
#if IMGUI_VERSION_NUM >= 19060
  info.RenderPass = swapchain.target().pass();
  const bool made = ImGui_ImplVulkan_Init(&info);
#else
  const bool made = ImGui_ImplVulkan_Init(&info, swapchain.target().pass());
#endif
  if (!made) return runtime_error("Dear ImGui's Vulkan backend does not start on {}", device.info().name);
#if IMGUI_VERSION_NUM < 19000
  TARSIER_CHECK(
      device.run_once([](gpu::CommandList& list) { ImGui_ImplVulkan_CreateFontsTexture(list.handle()); }));
  ImGui_ImplVulkan_DestroyFontUploadObjects();
#elif IMGUI_VERSION_NUM < 19200
  ImGui_ImplVulkan_CreateFontsTexture();
#endif
  return out;
}

ImguiRenderer::~ImguiRenderer() {
  {
    const auto queue = gpu::lock_queue();
    vkQueueWaitIdle(device_->queue());
  }
  ImGui_ImplVulkan_Shutdown();
  vkDestroyDescriptorPool(device_->handle(), pool_, nullptr);
}

void ImguiRenderer::new_frame() {
  ImGui_ImplVulkan_NewFrame();
}

void ImguiRenderer::record(gpu::CommandList& commands) {
  ImGui_ImplVulkan_RenderDrawData(ImGui::GetDrawData(), commands.handle());
}

}  // namespace tarsier::window
