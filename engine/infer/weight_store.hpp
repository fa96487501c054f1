// Packed weights on the device: as a rule one uniform buffer, more where the estimate was short.
#pragma once

#include <map>
#include <span>
#include <vector>

#include "gpu/device.hpp"
#include "gpu/uniform_windows.hpp"
#include "kernels/kernel.hpp"

namespace tarsier::infer {

/// Equal bytes are stored once. Addresses are final when add() returns; bytes arrive on the device with
/// flush().
class WeightStore {
 public:
  WeightStore(gpu::Device& device, uint64_t expected_bytes)
      : device_(&device), expected_bytes_(expected_bytes) {}

  Result<kernels::Weights> add(std::span<const std::byte> bytes);
  Status flush();
  /// Index of the windows that start at Weights::offset, for windows() after bind().
  size_t window(uint32_t offset, uint32_t stride);
  Status bind();
  [[nodiscard]] VkDescriptorSet window_set(size_t index) const;
  [[nodiscard]] uint64_t used_bytes() const { return used_bytes_; }

 private:
  struct Slab {
    gpu::Buffer buffer;
    uint64_t base = 0;      // offsets that kernels see count through all slabs
    uint64_t capacity = 0;  // without the reach of the last window
    std::vector<std::byte> bytes;
    std::vector<gpu::WindowRange> ranges;
    gpu::UniformWindows windows;
  };
  struct Stored {
    size_t slab;
    uint64_t offset, size;
  };
  Status open_slab(uint64_t at_least);

  gpu::Device* device_;
  uint64_t expected_bytes_;
  uint64_t used_bytes_ = 0;
  std::vector<Slab> slabs_;
  std::multimap<uint64_t, Stored> stored_;  // by hash
  struct WindowIndex {
    size_t slab, index;
  };
  std::vector<WindowIndex> windows_;
  std::map<gpu::WindowRange, size_t> window_of_;  // by global offset
};

}  // namespace tarsier::infer
