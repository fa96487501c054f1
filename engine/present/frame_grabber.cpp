#include "present/frame_grabber.hpp"

#include <atomic>
#include <vector>

#include "core/file.hpp"
#include "gpu/device.hpp"
#include "gpu/memory_owner.hpp"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#define STB_IMAGE_WRITE_STATIC
#define STBI_WRITE_NO_STDIO
#ifndef __clang_analyzer__  // it is no part of what is analysed
#define STB_IMAGE_WRITE_IMPLEMENTATION
#endif
#include <stb_image_write.h>
#pragma GCC diagnostic pop

namespace tarsier::present {

struct FrameGrabber::Impl {
  struct Slot {
    gpu::Buffer buffer;
    std::atomic<bool> taken{false};
  };
  gpu::Device* device = nullptr;
  std::vector<Slot> slots;
};

FrameGrabber::FrameGrabber(gpu::Device& device, uint32_t depth) : impl_(std::make_shared<Impl>()) {
  impl_->device = &device;
  impl_->slots = std::vector<Impl::Slot>(depth);
}

FrameGrabber::~FrameGrabber() = default;

Result<bool> FrameGrabber::grab(gpu::FrameContext& frame, const gpu::Image& image, gpu::ImageUse use,
                                Callback done) {
  Impl::Slot* slot = nullptr;
  for (Impl::Slot& one : impl_->slots) {
    if (!one.taken.exchange(true)) {
      slot = &one;
      break;
    }
  }
  if (slot == nullptr) return false;
  const uint64_t bytes = uint64_t(image.width()) * image.height() * 4;
  if (slot->buffer.size() < bytes) {
    const gpu::MemoryScope scope(gpu::MemoryOwner::kFrames);
    auto buffer = impl_->device->create_buffer(
        {.size = bytes, .memory = gpu::Memory::kReadback, .name = "picture read-back"});
    if (!buffer.ok()) {
      slot->taken = false;
      return buffer.error();
    }
    slot->buffer = *std::move(buffer);  // free, so no frame in flight uses the old one
  }
  gpu::CommandList& commands = frame.commands();
  commands.image_barrier(image, use, gpu::ImageUse::kTransferRead);
  commands.read_back(image, slot->buffer, 0);
  commands.image_barrier(image, gpu::ImageUse::kTransferRead, use);
  commands.barrier(gpu::Scope::kTransfer, gpu::Scope::kHost);

  auto picture = std::make_unique<HostPicture>();
  picture->width = image.width();
  picture->height = image.height();
  picture->rgba = image.format() == gpu::vk_format(gpu::Format::kRgba8);
  picture->pixels = slot->buffer.as<const uint8_t>().first(bytes);
  std::shared_ptr<const HostPicture> shared(picture.release(),
                                            [owner = impl_, slot](const HostPicture* gone) {
                                              delete gone;
                                              slot->taken = false;
                                            });
  frame.on_complete(
      [shared = std::move(shared), done = std::move(done)]() mutable { done(std::move(shared)); });
  return true;
}

uint32_t FrameGrabber::free() const {
  uint32_t count = 0;
  for (const Impl::Slot& slot : impl_->slots) count += slot.taken ? 0 : 1;
  return count;
}

Status write_png(const std::string& path, const HostPicture& picture) {
  const size_t count = size_t(picture.width) * picture.height;
  std::vector<uint8_t> rgb(count * 3);
  const size_t red = picture.rgba ? 0 : 2;
  for (size_t i = 0; i < count; ++i) {
    rgb[i * 3] = picture.pixels[i * 4 + red];
    rgb[i * 3 + 1] = picture.pixels[i * 4 + 1];
    rgb[i * 3 + 2] = picture.pixels[i * 4 + 2 - red];
  }
  std::vector<std::byte> file;
  const auto append = [](void* context, void* data, int size) {
    auto& out = *static_cast<std::vector<std::byte>*>(context);
    out.insert(out.end(), static_cast<std::byte*>(data), static_cast<std::byte*>(data) + size);
  };
  stbi_write_png_to_func(append, &file, int(picture.width), int(picture.height), 3, rgb.data(),
                         int(picture.width) * 3);
  const std::filesystem::path target(path);
  std::error_code ignored;
  if (target.has_parent_path()) std::filesystem::create_directories(target.parent_path(), ignored);
  return write_file_atomic(target, file);
}

}  // namespace tarsier::present
