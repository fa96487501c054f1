#include "window/backend.hpp"

#include <algorithm>

#include "core/log.hpp"
#include "gpu/queue_lock.hpp"
#include "overlay/layer_panel.hpp"
#define GLFW_INCLUDE_NONE  // Vulkan's headers are volk's
#include <GLFW/glfw3.h>
#include <imgui.h>
#include <imgui_impl_vulkan.h>

namespace tarsier::window {
namespace {

/// What record() is at work on: callbacks of draw lists are told nothing else.
struct Recording {
  gpu::CommandList* commands = nullptr;
  const gpu::GraphicsPipeline* tiles = nullptr;
};
Recording& recording() {
  static Recording now;
  return now;
}

struct TilesPush {
  uint64_t texels;
  uint32_t tiles, columns, width, height;
  ImVec2 at, size, pitch;
};

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
  TARSIER_TRY(out->tiles_, gpu::GraphicsPipeline::create(device, swapchain.target(),
                                                         {.vertex = "present/fullscreen.vert",
                                                          .fragment = "present/tiles.frag",
                                                          .constants = {},
                                                          .blend = true}));
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
  recording() = {&commands, &tiles_};
  ImGui_ImplVulkan_RenderDrawData(ImGui::GetDrawData(), commands.handle());
  recording() = {};
}

void ImguiRenderer::draw_tiles(const ImDrawList* /*list*/, const ImDrawCmd* command) {
  const auto& grid = *static_cast<const overlay::TileGrid*>(command->UserCallbackData);
  const auto [commands, pipeline] = recording();
  if (commands == nullptr) return;
  // Dear ImGui counts in units of the window, the target in pixels.
  const ImDrawData& data = *ImGui::GetDrawData();
  const ImVec2 scale = data.FramebufferScale, origin = data.DisplayPos;
  const auto pixels = [](float units, float from, float by, float most) {
    return uint32_t(std::clamp((units - from) * by, 0.0F, most));
  };
  const float width = data.DisplaySize.x * scale.x, height = data.DisplaySize.y * scale.y;
  const ImVec4& clip = command->ClipRect;
  const uint32_t x0 = pixels(clip.x, origin.x, scale.x, width), x1 = pixels(clip.z, origin.x, scale.x, width),
                 y0 = pixels(clip.y, origin.y, scale.y, height),
                 y1 = pixels(clip.w, origin.y, scale.y, height);
  if (x1 <= x0 || y1 <= y0) return;
  const auto scaled = [&](const ImVec2& units) { return ImVec2(units.x * scale.x, units.y * scale.y); };
  const TilesPush push{grid.texels,       grid.tiles,
                       grid.columns,      grid.width,
                       grid.height,       scaled({grid.at.x - origin.x, grid.at.y - origin.y}),
                       scaled(grid.size), scaled(grid.pitch)};
  commands->viewport({x0, y0, x1 - x0, y1 - y0});
  commands->bind(*pipeline, push);
  commands->draw(3);
}

}  // namespace tarsier::window
