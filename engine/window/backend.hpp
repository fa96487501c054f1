// The one place where Dear ImGui's Vulkan backend and GLFW's surface meet the engine's device.
#pragma once

#include <cstdint>

#include "gpu/device.hpp"
#include "gpu/graphics_pipeline.hpp"
#include "gpu/swapchain.hpp"

struct GLFWwindow;
struct ImDrawCmd;
struct ImDrawList;

namespace tarsier::window {

/// Error (kRuntime): the device's instance was made without the window system's extensions, or the driver
/// refuses.
Result<VkSurfaceKHR> create_surface(gpu::Device& device, GLFWwindow* window);

/// Dear ImGui drawn into a swapchain's pass. A context must exist; GLFW's backend is the window's own
/// business.
class ImguiRenderer {
 public:
  /// `swapchain` has been acquired once. Uploads the fonts and waits: call at start.
  static Result<std::unique_ptr<ImguiRenderer>> create(gpu::Device& device, const gpu::Swapchain& swapchain);
  ~ImguiRenderer();  // waits for the queue: shutdown
  ImguiRenderer(const ImguiRenderer&) = delete;
  ImguiRenderer& operator=(const ImguiRenderer&) = delete;
  void new_frame();
  /// Within the render pass, after ImGui::Render().
  void record(gpu::CommandList& commands);
  /// A callback of Dear ImGui's draw lists with an overlay::TileGrid as its data, which record() calls: draws
  /// the grid within the clip rectangle. ImDrawCallback_ResetRenderState comes behind it.
  static void draw_tiles(const ImDrawList* list, const ImDrawCmd* command);

 private:
  ImguiRenderer() = default;
  gpu::Device* device_ = nullptr;
  gpu::GraphicsPipeline tiles_;
  VkDescriptorPool pool_ = VK_NULL_HANDLE;
};

}  // namespace tarsier::window
