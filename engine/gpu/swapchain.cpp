#include "gpu/swapchain.hpp"

#include <algorithm>

#include "gpu/device.hpp"
#include "gpu/queue_lock.hpp"

namespace tarsier::gpu {
namespace {

/// An image that nobody presents for this long belongs to a window that nobody sees: skip instead of hanging.
constexpr uint64_t kAcquireTimeoutNs = 200'000'000;

VkSemaphore make_semaphore(Device& device) {
  const VkSemaphoreCreateInfo info{VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO};
  VkSemaphore semaphore = VK_NULL_HANDLE;
  vk_must(vkCreateSemaphore(device.handle(), &info, nullptr, &semaphore), "vkCreateSemaphore");
  return semaphore;
}

/// Everything that goes when the window's size changes.
struct Chain {
  Device* device = nullptr;
  VkSwapchainKHR handle = VK_NULL_HANDLE;
  std::vector<Image> images;
  RenderTarget target;
  std::vector<VkSemaphore> rendered;  // one an image: free again when that image is acquired again

  ~Chain() {
    target = RenderTarget();
    images.clear();
    for (VkSemaphore semaphore : rendered) vkDestroySemaphore(device->handle(), semaphore, nullptr);
    vkDestroySwapchainKHR(device->handle(), handle, nullptr);
  }
};

}  // namespace

struct Swapchain::Impl {
  Device* device = nullptr;
  VkSurfaceKHR surface = VK_NULL_HANDLE;
  Options options;
  VkSurfaceFormatKHR format{};
  std::shared_ptr<Chain> chain;
  std::vector<VkSemaphore> acquired;  // one a frame in flight
  VkSemaphore wait = VK_NULL_HANDLE;
  uint32_t index = 0;
  uint32_t generation = 0;
  uint32_t asked_width = 0, asked_height = 0;  // the surface may insist on another size for a while
  bool stale = true;
  bool readable = false;

  Status choose_format();
  [[nodiscard]] VkPresentModeKHR choose_mode() const;
  Result<State> remake(FrameContext& frame, uint32_t width, uint32_t height);
};

Status Swapchain::Impl::choose_format() {
  uint32_t count = 0;
  vkGetPhysicalDeviceSurfaceFormatsKHR(device->physical(), surface, &count, nullptr);
  std::vector<VkSurfaceFormatKHR> formats(count);
  vkGetPhysicalDeviceSurfaceFormatsKHR(device->physical(), surface, &count, formats.data());
  // UNORM, not sRGB: the camera's bytes and the overlay's colours go to the screen as they are.
  for (VkFormat wanted : {VK_FORMAT_B8G8R8A8_UNORM, VK_FORMAT_R8G8B8A8_UNORM}) {
    for (const VkSurfaceFormatKHR& one : formats) {
      if (one.format == wanted) {
        format = one;
        return {};
      }
    }
  }
  return runtime_error("{}: the window's surface offers no 8-bit RGBA format", device->info().name);
}

VkPresentModeKHR Swapchain::Impl::choose_mode() const {
  if (options.vsync) return VK_PRESENT_MODE_FIFO_KHR;
  uint32_t count = 0;
  vkGetPhysicalDeviceSurfacePresentModesKHR(device->physical(), surface, &count, nullptr);
  std::vector<VkPresentModeKHR> modes(count);
  vkGetPhysicalDeviceSurfacePresentModesKHR(device->physical(), surface, &count, modes.data());
  for (VkPresentModeKHR wanted : {VK_PRESENT_MODE_MAILBOX_KHR, VK_PRESENT_MODE_IMMEDIATE_KHR}) {
    if (std::find(modes.begin(), modes.end(), wanted) != modes.end()) return wanted;
  }
  return VK_PRESENT_MODE_FIFO_KHR;
}

Result<Swapchain::State> Swapchain::Impl::remake(FrameContext& frame, uint32_t width, uint32_t height) {
  VkSurfaceCapabilitiesKHR caps{};
  TARSIER_CHECK(vk_status(vkGetPhysicalDeviceSurfaceCapabilitiesKHR(device->physical(), surface, &caps),
                          "vkGetPhysicalDeviceSurfaceCapabilitiesKHR"));
  VkExtent2D extent = caps.currentExtent;
  if (extent.width == UINT32_MAX) {
    extent = {std::clamp(width, caps.minImageExtent.width, caps.maxImageExtent.width),
              std::clamp(height, caps.minImageExtent.height, caps.maxImageExtent.height)};
  }
  if (extent.width == 0 || extent.height == 0) return State::kSkip;

  VkSwapchainCreateInfoKHR info{VK_STRUCTURE_TYPE_SWAPCHAIN_CREATE_INFO_KHR};
  info.surface = surface;
  info.minImageCount = std::max(caps.minImageCount + 1, 3U);
  if (caps.maxImageCount != 0) info.minImageCount = std::min(info.minImageCount, caps.maxImageCount);
  info.imageFormat = format.format;
  info.imageColorSpace = format.colorSpace;
  info.imageExtent = extent;
  info.imageArrayLayers = 1;
  info.imageUsage = VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT;
  readable = (caps.supportedUsageFlags & VK_IMAGE_USAGE_TRANSFER_SRC_BIT) != 0;
  if (readable) info.imageUsage |= VK_IMAGE_USAGE_TRANSFER_SRC_BIT;
  info.imageSharingMode = VK_SHARING_MODE_EXCLUSIVE;
  info.preTransform = caps.currentTransform;
  info.compositeAlpha = VK_COMPOSITE_ALPHA_OPAQUE_BIT_KHR;
  if ((caps.supportedCompositeAlpha & VK_COMPOSITE_ALPHA_OPAQUE_BIT_KHR) == 0) {
    info.compositeAlpha = VK_COMPOSITE_ALPHA_INHERIT_BIT_KHR;
  }
  info.presentMode = choose_mode();
  info.clipped = VK_TRUE;
  info.oldSwapchain = chain ? chain->handle : VK_NULL_HANDLE;

  auto next = std::make_shared<Chain>();
  next->device = device;
  const VkResult result = vkCreateSwapchainKHR(device->handle(), &info, nullptr, &next->handle);
  // Frames in flight may still draw into the old one; it goes when this frame, which comes after them, is
  // done.
  if (chain) frame.retire(std::exchange(chain, nullptr));
  if (result == VK_ERROR_OUT_OF_DATE_KHR) return State::kSkip;
  TARSIER_CHECK(vk_status(result, "vkCreateSwapchainKHR"));
  uint32_t count = 0;
  vk_must(vkGetSwapchainImagesKHR(device->handle(), next->handle, &count, nullptr),
          "vkGetSwapchainImagesKHR");
  std::vector<VkImage> handles(count);
  vk_must(vkGetSwapchainImagesKHR(device->handle(), next->handle, &count, handles.data()),
          "vkGetSwapchainImagesKHR");
  for (VkImage handle : handles) {
    TARSIER_TRY(Image image, Image::wrap(*device, handle, format.format, extent.width, extent.height));
    next->images.push_back(std::move(image));
    next->rendered.push_back(make_semaphore(*device));
  }
  std::vector<const Image*> pointers;
  for (const Image& image : next->images) pointers.push_back(&image);
  TARSIER_TRY(next->target, RenderTarget::create(*device, pointers, Load::kClear));
  chain = std::move(next);
  asked_width = width;
  asked_height = height;
  stale = false;
  ++generation;
  return State::kReady;
}

Swapchain::Swapchain() : impl_(std::make_unique<Impl>()) {}

Result<std::unique_ptr<Swapchain>> Swapchain::create(Device& device, VkSurfaceKHR surface,
                                                     const Options& options) {
  std::unique_ptr<Swapchain> out(new Swapchain());
  out->impl_->device = &device;
  out->impl_->surface = surface;
  out->impl_->options = options;
  VkBool32 supported = VK_FALSE;
  vkGetPhysicalDeviceSurfaceSupportKHR(device.physical(), device.queue_family(), surface, &supported);
  if (supported == VK_FALSE) {
    return runtime_error("{} can't show pictures in this window; choose another --device or use --headless",
                         device.info().name);
  }
  TARSIER_CHECK(out->impl_->choose_format());
  for (uint32_t i = 0; i < options.frames; ++i) out->impl_->acquired.push_back(make_semaphore(device));
  return out;
}

Swapchain::~Swapchain() {
  Device& device = *impl_->device;
  {
    const auto queue = lock_queue();
    vkQueueWaitIdle(device.queue());  // shutdown: presents have no fence to wait for
  }
  impl_->chain.reset();
  for (VkSemaphore semaphore : impl_->acquired) vkDestroySemaphore(device.handle(), semaphore, nullptr);
  vkDestroySurfaceKHR(device.instance(), impl_->surface, nullptr);
}

Result<Swapchain::State> Swapchain::acquire(FrameContext& frame, uint32_t width, uint32_t height) {
  if (width == 0 || height == 0) return State::kSkip;
  Impl& self = *impl_;
  if (self.stale || !self.chain || self.asked_width != width || self.asked_height != height) {
    TARSIER_TRY(const State state, self.remake(frame, width, height));
    if (state == State::kSkip) return state;
  }
  self.wait = self.acquired[frame.slot() % self.acquired.size()];
  const VkResult result = vkAcquireNextImageKHR(self.device->handle(), self.chain->handle, kAcquireTimeoutNs,
                                                self.wait, VK_NULL_HANDLE, &self.index);
  switch (result) {
    case VK_SUCCESS:
      return State::kReady;
    case VK_SUBOPTIMAL_KHR:  // the image is usable and its semaphore will be signalled: show it, remake next
                             // time
      self.stale = true;
      return State::kReady;
    case VK_TIMEOUT:
    case VK_NOT_READY:
      return State::kSkip;
    case VK_ERROR_OUT_OF_DATE_KHR:
      self.stale = true;
      return State::kSkip;
    default:
      if (result == VK_ERROR_DEVICE_LOST) self.device->mark_lost();
      return vk_status(result, "vkAcquireNextImageKHR").error();
  }
}

Status Swapchain::present() {
  Impl& self = *impl_;
  VkPresentInfoKHR info{VK_STRUCTURE_TYPE_PRESENT_INFO_KHR};
  info.waitSemaphoreCount = 1;
  info.pWaitSemaphores = &self.chain->rendered[self.index];
  info.swapchainCount = 1;
  info.pSwapchains = &self.chain->handle;
  info.pImageIndices = &self.index;
  VkResult result = VK_SUCCESS;
  {
    const auto queue = lock_queue();
    result = vkQueuePresentKHR(self.device->queue(), &info);
  }
  if (result == VK_SUBOPTIMAL_KHR || result == VK_ERROR_OUT_OF_DATE_KHR) {
    self.stale = true;
    return {};
  }
  if (result == VK_ERROR_DEVICE_LOST) self.device->mark_lost();
  return vk_status(result, "vkQueuePresentKHR");
}

const Image& Swapchain::image() const {
  return impl_->chain->images[impl_->index];
}
uint32_t Swapchain::image_index() const {
  return impl_->index;
}
const RenderTarget& Swapchain::target() const {
  return impl_->chain->target;
}
VkSemaphore Swapchain::wait_semaphore() const {
  return impl_->wait;
}
VkSemaphore Swapchain::signal_semaphore() const {
  return impl_->chain->rendered[impl_->index];
}
Format Swapchain::format() const {
  return impl_->format.format == VK_FORMAT_R8G8B8A8_UNORM ? Format::kRgba8 : Format::kBgra8;
}
uint32_t Swapchain::image_count() const {
  return impl_->chain ? uint32_t(impl_->chain->images.size()) : 0;
}
bool Swapchain::readable() const {
  return impl_->readable;
}
uint32_t Swapchain::generation() const {
  return impl_->generation;
}

}  // namespace tarsier::gpu
