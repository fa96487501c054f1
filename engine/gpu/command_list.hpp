// A thin recorder over a VkCommandBuffer: it does not own it. Barriers are explicit and few.
#pragma once

#include <array>
#include <concepts>
#include <cstdint>
#include <span>
#include <string_view>
#include <type_traits>

#include "gpu/buffer.hpp"
#include "gpu/image.hpp"
#include "gpu/pipeline.hpp"

namespace tarsier::gpu {

class GraphicsPipeline;
class RenderTarget;
class TextureSet;

using Extent3 = std::array<uint32_t, 3>;

/// A part of an image, in pixels.
struct Area {
  uint32_t x = 0, y = 0, width = 0, height = 0;
};

/// What a barrier waits for and makes visible. Bits combine.
enum class Scope : uint32_t {
  kNone = 0,
  kCompute = 1,      // shader reads and writes in compute
  kTransfer = 2,     // copies and fills
  kHost = 4,         // mapped memory
  kIndirect = 8,     // indirect arguments
  kGraphics = 16,    // instance attributes, shader reads in vertex and fragment stages
  kColorTarget = 32  // colour attachment writes
};
constexpr Scope operator|(Scope a, Scope b) {
  return Scope(uint32_t(a) | uint32_t(b));
}
constexpr bool has(Scope set, Scope bit) {
  return (uint32_t(set) & uint32_t(bit)) != 0;
}

class CommandList {
 public:
  CommandList(Device& device, VkCommandBuffer commands) : device_(&device), commands_(commands) {}
  [[nodiscard]] VkCommandBuffer handle() const { return commands_; }
  [[nodiscard]] Device& device() const { return *device_; }

  /// Weight windows (uniform_windows.hpp) of the dispatches that follow.
  void bind_windows(VkDescriptorSet set);
  /// `push`: at most 128 bytes, laid out as the shader's push_constant block (std430).
  void dispatch(const ComputePipeline& pipeline, std::span<const std::byte> push, Extent3 groups);
  template <class Push>
  requires(!std::convertible_to<const Push&, std::span<const std::byte>>)  // bytes go to the one above
      void dispatch(const ComputePipeline& pipeline, const Push& push, Extent3 groups) {
    static_assert(sizeof(Push) <= 128);
    static_assert(std::is_trivially_copyable_v<Push>, "pass bytes as a span, not as a container");
    dispatch(pipeline, std::as_bytes(std::span(&push, 1)), groups);
  }
  void dispatch_indirect(const ComputePipeline& pipeline, std::span<const std::byte> push,
                         const Buffer& arguments, uint64_t offset);
  /// Global memory barrier: everything recorded so far in `from` happens before everything after in `to`.
  void barrier(Scope from = Scope::kCompute, Scope to = Scope::kCompute);
  void copy(const Buffer& source, uint64_t source_offset, const Buffer& destination,
            uint64_t destination_offset, uint64_t size);
  /// A copy into host-readable memory that is counted (Device::count_readback).
  void read_back(const Buffer& source, uint64_t source_offset, const Buffer& destination,
                 uint64_t destination_offset, uint64_t size);
  void fill(const Buffer& buffer, uint64_t offset, uint64_t size, uint32_t word);
  /// At most 65536 bytes, multiple of 4.
  void update(const Buffer& buffer, uint64_t offset, std::span<const std::byte> data);
  /// Timestamp after all earlier commands.
  void timestamp(VkQueryPool pool, uint32_t index);
  void execute(VkCommandBuffer secondary);

  // Graphics: command_list_graphics.cpp.

  /// Opens the render pass of `target` on its image number `image`, which must be in ImageUse::kColorTarget.
  /// Viewport and scissor start out covering the image. `clear` is used by a target that clears.
  void begin_render(const RenderTarget& target, uint32_t image = 0, std::array<float, 4> clear = {});
  void end_render();
  /// Later draws cover this part of the target and nothing outside of it.
  void viewport(Area area);
  /// `push`: at most 128 bytes, seen by both stages. `textures` as many as the pipeline declares.
  void bind(const GraphicsPipeline& pipeline, std::span<const std::byte> push,
            const TextureSet* textures = nullptr);
  template <class Push>
  void bind(const GraphicsPipeline& pipeline, const Push& push, const TextureSet* textures = nullptr) {
    static_assert(sizeof(Push) <= 128);
    bind(pipeline, std::as_bytes(std::span(&push, 1)), textures);
  }
  /// Instance attributes of later draws, from `offset` (multiple of 16).
  void bind_instances(const Buffer& buffer, uint64_t offset);
  void draw(uint32_t vertices, uint32_t instances = 1);
  /// Attributes of the vertices of later draw_indexed().
  void bind_vertices(const Buffer& vertices, const Buffer& indices);
  /// `count` 32-bit indices, from the one numbered `first`.
  void draw_indexed(uint32_t first, uint32_t count);
  /// One VkDrawIndirectCommand at `offset`: the host never learns the counts.
  void draw_indirect(const Buffer& arguments, uint64_t offset);
  /// Changes an image's layout and orders its earlier use before its later one.
  void image_barrier(const Image& image, ImageUse from, ImageUse to);
  /// Whole image from rows packed without padding. The image is in kTransferWrite.
  void copy_to_image(const Buffer& source, uint64_t source_offset, const Image& destination);
  /// Whole image into packed rows of host-readable memory; counted. The image is in kTransferRead.
  void read_back(const Image& source, const Buffer& destination, uint64_t destination_offset);

 private:
  Device* device_;
  VkCommandBuffer commands_;
};

/// Groups needed to cover `items` with groups of `size`.
constexpr uint32_t groups_for(uint64_t items, uint32_t size) {
  return uint32_t((items + size - 1) / size);
}

}  // namespace tarsier::gpu
