// A two-dimensional image with its memory and view; the formats and uses that the renderer needs.
#pragma once

#include <cstdint>
#include <string>

#include "gpu/vulkan.hpp"

namespace tarsier::gpu {

class Device;

enum class Format : uint8_t {
  kBgra8,  // four bytes a pixel, blue first, 0..255 read as 0..1 (no sRGB conversion: camera bytes pass as
           // they are)
  kRgba8,
  kR8,
  kDepth16  // depth alone, 0..1
};
[[nodiscard]] VkFormat vk_format(Format format);
[[nodiscard]] uint32_t bytes_per_pixel(Format format);

/// What an image is about to be used for, or was: one layout, one set of stages and accesses each.
enum class ImageUse : uint8_t {
  kUndefined,      // contents do not matter
  kTransferRead,   // source of a copy
  kTransferWrite,  // destination of a copy
  kColorTarget,    // colour attachment, loaded and written
  kDepthTarget,    // depth attachment, of Format::kDepth16 alone
  kSampled,        // read by fragment shaders
  kAcquired,       // just handed over by the swapchain
  kPresent
};

struct ImageDesc {
  uint32_t width = 0, height = 0;
  Format format = Format::kBgra8;
  bool color_target = false;  // may be drawn into
  uint32_t samples = 1;       // a pixel: 1 or 4; with 4 it is drawn into and sampled, not copied
  std::string name;
};

/// Move-only. Copies in both directions (depth and several samples: none) and sampling are always allowed.
/// Must not be destroyed while the device uses it: FrameContext::retire keeps it alive that long.
class Image {
 public:
  Image() = default;
  /// Errors (kRuntime): a size of zero or beyond the device's limit; out of memory.
  static Result<Image> create(Device& device, const ImageDesc& desc);
  /// An image that something else owns (a swapchain): only the view is made and destroyed here.
  static Result<Image> wrap(Device& device, VkImage image, VkFormat format, uint32_t width, uint32_t height);
  Image(Image&& other) noexcept { swap(other); }
  Image& operator=(Image&& other) noexcept {
    swap(other);
    return *this;
  }
  ~Image();

  [[nodiscard]] bool valid() const { return image_ != VK_NULL_HANDLE; }
  [[nodiscard]] VkImage handle() const { return image_; }
  [[nodiscard]] VkImageView view() const { return view_; }
  [[nodiscard]] VkFormat format() const { return format_; }
  [[nodiscard]] uint32_t width() const { return width_; }
  [[nodiscard]] uint32_t height() const { return height_; }
  [[nodiscard]] uint32_t samples() const { return samples_; }
  /// Which planes views, barriers and copies are of.
  [[nodiscard]] VkImageAspectFlags aspect() const;

 private:
  void swap(Image& other) noexcept;
  Status create_view();
  Device* device_ = nullptr;
  VkImage image_ = VK_NULL_HANDLE;
  VkImageView view_ = VK_NULL_HANDLE;
  VkDeviceMemory memory_ = VK_NULL_HANDLE;  // null: not owned
  VkFormat format_ = VK_FORMAT_UNDEFINED;
  uint32_t width_ = 0, height_ = 0, samples_ = 1;
};

}  // namespace tarsier::gpu
