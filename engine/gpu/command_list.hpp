// A thin recorder over a VkCommandBuffer: it does not own it. Barriers are explicit and few.
#pragma once

#include <array>
#include <concepts>
#include <cstdint>
#include <span>
#include <string_view>

#include "gpu/buffer.hpp"
#include "gpu/pipeline.hpp"

namespace tarsier::gpu {

using Extent3 = std::array<uint32_t, 3>;

/// What a barrier waits for and makes visible. Bits combine.
enum class Scope : uint32_t {
  kNone = 0,
  kCompute = 1,      // shader reads and writes in compute
  kTransfer = 2,     // copies and fills
  kHost = 4,         // mapped memory
  kIndirect = 8,     // indirect arguments
  kGraphics = 16,    // shader reads in vertex and fragment stages
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

 private:
  Device* device_;
  VkCommandBuffer commands_;
};

/// Groups needed to cover `items` with groups of `size`.
constexpr uint32_t groups_for(uint64_t items, uint32_t size) {
  return uint32_t((items + size - 1) / size);
}

}  // namespace tarsier::gpu
