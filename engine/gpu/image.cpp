#include "gpu/image.hpp"

#include <utility>

#include "gpu/device.hpp"
#include "gpu/memory_owner.hpp"

namespace tarsier::gpu {

VkFormat vk_format(Format format) {
  switch (format) {
    case Format::kBgra8:
      return VK_FORMAT_B8G8R8A8_UNORM;
    case Format::kRgba8:
      return VK_FORMAT_R8G8B8A8_UNORM;
    case Format::kR8:
      return VK_FORMAT_R8_UNORM;
    case Format::kDepth16:
      return VK_FORMAT_D16_UNORM;
  }
  return VK_FORMAT_UNDEFINED;
}

uint32_t bytes_per_pixel(Format format) {
  switch (format) {
    case Format::kR8:
      return 1;
    case Format::kDepth16:
      return 2;
    default:
      return 4;
  }
}

VkImageAspectFlags Image::aspect() const {
  return format_ == VK_FORMAT_D16_UNORM ? VK_IMAGE_ASPECT_DEPTH_BIT : VK_IMAGE_ASPECT_COLOR_BIT;
}

Result<Image> Image::create(Device& device, const ImageDesc& desc) {
  VkPhysicalDeviceProperties properties;
  vkGetPhysicalDeviceProperties(device.physical(), &properties);
  const uint32_t limit = properties.limits.maxImageDimension2D;
  if (desc.width == 0 || desc.height == 0 || desc.width > limit || desc.height > limit) {
    return runtime_error("image '{}': {} x {} pixels is outside 1..{}, what {} can do", desc.name, desc.width,
                         desc.height, limit, device.info().name);
  }
  VkImageCreateInfo info{VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO};
  info.imageType = VK_IMAGE_TYPE_2D;
  info.format = vk_format(desc.format);
  info.extent = {desc.width, desc.height, 1};
  info.mipLevels = 1;
  info.arrayLayers = 1;
  info.samples = VkSampleCountFlagBits(desc.samples);
  info.tiling = VK_IMAGE_TILING_OPTIMAL;
  if (desc.format == Format::kDepth16) {
    info.usage = VK_IMAGE_USAGE_DEPTH_STENCIL_ATTACHMENT_BIT;
  } else {
    info.usage = VK_IMAGE_USAGE_SAMPLED_BIT;
    if (desc.samples == 1) info.usage |= VK_IMAGE_USAGE_TRANSFER_SRC_BIT | VK_IMAGE_USAGE_TRANSFER_DST_BIT;
    if (desc.color_target) info.usage |= VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT;
  }

  Image image;
  image.device_ = &device;
  image.format_ = info.format;
  image.width_ = desc.width;
  image.height_ = desc.height;
  image.samples_ = desc.samples;
  TARSIER_CHECK(
      vk_status(vkCreateImage(device.handle(), &info, nullptr, &image.image_), "vkCreateImage " + desc.name));
  const MemoryScope scope(MemoryOwner::kFrames);
  auto memory = device.allocate_for(image.image_);
  if (!memory.ok()) {
    // Without memory of its own the destructor would take the image for a wrapped one.
    vkDestroyImage(device.handle(), image.image_, nullptr);
    image.image_ = VK_NULL_HANDLE;
    return memory.error().in("image " + desc.name);
  }
  image.memory_ = *memory;
  TARSIER_CHECK(vk_status(vkBindImageMemory(device.handle(), image.image_, image.memory_, 0),
                          "vkBindImageMemory " + desc.name));
  TARSIER_CHECK(image.create_view());
  return image;
}

Result<Image> Image::wrap(Device& device, VkImage handle, VkFormat format, uint32_t width, uint32_t height) {
  Image image;
  image.device_ = &device;
  image.image_ = handle;
  image.format_ = format;
  image.width_ = width;
  image.height_ = height;
  TARSIER_CHECK(image.create_view());
  return image;
}

Status Image::create_view() {
  VkImageViewCreateInfo info{VK_STRUCTURE_TYPE_IMAGE_VIEW_CREATE_INFO};
  info.image = image_;
  info.viewType = VK_IMAGE_VIEW_TYPE_2D;
  info.format = format_;
  info.subresourceRange = {aspect(), 0, 1, 0, 1};
  return vk_status(vkCreateImageView(device_->handle(), &info, nullptr, &view_), "vkCreateImageView");
}

Image::~Image() {
  if (device_ == nullptr) return;
  vkDestroyImageView(device_->handle(), view_, nullptr);
  if (memory_ == VK_NULL_HANDLE) return;
  vkDestroyImage(device_->handle(), image_, nullptr);
  forget_memory(device_->handle(), memory_);
  vkFreeMemory(device_->handle(), memory_, nullptr);
}

void Image::swap(Image& other) noexcept {
  std::swap(device_, other.device_);
  std::swap(image_, other.image_);
  std::swap(view_, other.view_);
  std::swap(memory_, other.memory_);
  std::swap(format_, other.format_);
  std::swap(width_, other.width_);
  std::swap(height_, other.height_);
  std::swap(samples_, other.samples_);
}

}  // namespace tarsier::gpu
