#include "infer/weight_store.hpp"

#include <algorithm>
#include <cstring>

#include "core/file.hpp"
#include "gpu/memory_owner.hpp"

namespace tarsier::infer {
namespace {

uint64_t align_up(uint64_t value, uint64_t alignment) {
  return (value + alignment - 1) / alignment * alignment;
}

}  // namespace

Status WeightStore::open_slab(uint64_t at_least) {
  Slab slab;
  const uint64_t alignment = device_->features().uniform_alignment;
  slab.capacity = align_up(std::max(at_least, expected_bytes_), alignment);
  if (!slabs_.empty()) slab.base = slabs_.back().base + slabs_.back().capacity;
  if (slab.base + slab.capacity > ~uint32_t(0)) {
    return runtime_error("packed weights exceed 4 GiB, which is more than window offsets reach");
  }
  const gpu::MemoryScope scope(gpu::MemoryOwner::kWeights);
  // A window may start at the last byte in use: the buffer goes on for the length of one.
  TARSIER_TRY(slab.buffer,
              device_->create_buffer({.size = slab.capacity + device_->features().max_uniform_range,
                                      .uniform = true,
                                      .name = "weights"}));
  slabs_.push_back(std::move(slab));
  return {};
}

Result<kernels::Weights> WeightStore::add(std::span<const std::byte> bytes) {
  const auto result = [&](size_t index, uint64_t offset) {
    const Slab& slab = slabs_[index];
    return kernels::Weights{slab.buffer.address() + offset, uint32_t(slab.base + offset)};
  };
  const uint64_t hash = hash64(bytes);
  const auto [begin, end] = stored_.equal_range(hash);
  for (auto at = begin; at != end; ++at) {
    const Stored& stored = at->second;
    if (stored.size == bytes.size() &&
        std::memcmp(slabs_[stored.slab].bytes.data() + stored.offset, bytes.data(), bytes.size()) == 0) {
      return result(stored.slab, stored.offset);
    }
  }
  const uint64_t alignment = std::max<uint64_t>(device_->features().uniform_alignment, 16);
  uint64_t offset = slabs_.empty() ? 0 : align_up(slabs_.back().bytes.size(), alignment);
  if (slabs_.empty() || offset + bytes.size() > slabs_.back().capacity) {
    TARSIER_CHECK(open_slab(bytes.size()));
    offset = 0;
  }
  Slab& slab = slabs_.back();
  slab.bytes.resize(offset);
  slab.bytes.insert(slab.bytes.end(), bytes.begin(), bytes.end());
  used_bytes_ += bytes.size();
  stored_.emplace(hash, Stored{slabs_.size() - 1, offset, bytes.size()});
  return result(slabs_.size() - 1, offset);
}

Status WeightStore::flush() {
  for (Slab& slab : slabs_) {
    TARSIER_CHECK(device_->upload(slab.buffer, 0, slab.bytes.data(), slab.bytes.size()));
    slab.bytes = {};
  }
  stored_.clear();
  return {};
}

size_t WeightStore::window(uint32_t offset, uint32_t stride) {
  const gpu::WindowRange global{offset, stride};
  if (const auto found = window_of_.find(global); found != window_of_.end()) return found->second;
  size_t slab = slabs_.size() - 1;
  while (slab > 0 && slabs_[slab].base > offset) --slab;
  slabs_[slab].ranges.push_back({uint32_t(offset - slabs_[slab].base), stride});
  windows_.push_back({slab, slabs_[slab].ranges.size() - 1});
  window_of_.emplace(global, windows_.size() - 1);
  return windows_.size() - 1;
}

Status WeightStore::bind() {
  for (Slab& slab : slabs_) {
    TARSIER_TRY(slab.windows, gpu::UniformWindows::create(*device_, slab.buffer, slab.ranges));
  }
  return {};
}

VkDescriptorSet WeightStore::window_set(size_t index) const {
  return slabs_[windows_[index].slab].windows.set(windows_[index].index);
}

}  // namespace tarsier::infer
