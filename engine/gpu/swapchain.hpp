// The images of a window. A window that was resized, minimised or lost its swapchain is a state, not an
// error.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "gpu/frame_context.hpp"
#include "gpu/graphics_pipeline.hpp"

namespace tarsier::gpu {

/// Move nothing, copy nothing: the window owns one through a unique_ptr. Single thread.
class Swapchain {
 public:
  struct Options {
    bool vsync = true;    // FIFO; off: mailbox, else immediate, else FIFO
    uint32_t frames = 2;  // frames in flight: FrameRing::size()
  };
  /// Takes the surface over. Errors (kRuntime): the device's queue can't present to it; no usable format.
  static Result<std::unique_ptr<Swapchain>> create(Device& device, VkSurfaceKHR surface,
                                                   const Options& options);
  ~Swapchain();
  Swapchain(const Swapchain&) = delete;
  Swapchain& operator=(const Swapchain&) = delete;

  enum class State {
    kReady,  // an image is there to draw into
    kSkip    // minimised, or out of date just now: draw nothing, try again with the next frame
  };
  /// Gets the next image, remaking the swapchain first where the window's size (framebuffer pixels) has
  /// changed or the last present said so. What the old one held is retired with `frame`.
  Result<State> acquire(FrameContext& frame, uint32_t width, uint32_t height);
  /// After the frame was submitted with wait_semaphore() and signal_semaphore().
  Status present();

  // Valid between acquire() == kReady and present().
  [[nodiscard]] const Image& image() const;
  [[nodiscard]] uint32_t image_index() const;
  [[nodiscard]] const RenderTarget& target() const;  // clears
  [[nodiscard]] VkSemaphore wait_semaphore() const;
  [[nodiscard]] VkSemaphore signal_semaphore() const;
  static constexpr VkPipelineStageFlags kWaitStage = VK_PIPELINE_STAGE_COLOR_ATTACHMENT_OUTPUT_BIT;

  [[nodiscard]] Format format() const;
  [[nodiscard]] uint32_t image_count() const;
  /// Whether image() may be copied from (screenshots).
  [[nodiscard]] bool readable() const;
  /// How often it was made anew, for tests.
  [[nodiscard]] uint32_t generation() const;

 private:
  Swapchain();
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tarsier::gpu
