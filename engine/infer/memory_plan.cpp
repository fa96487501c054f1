#include "infer/memory_plan.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <numeric>

namespace tarsier::infer {
namespace {

uint64_t align_up(uint64_t value, uint64_t alignment) {
  return (value + alignment - 1) / alignment * alignment;
}

bool alive_together(const MemoryBlock& a, const MemoryBlock& b) {
  return a.first <= b.last && b.first <= a.last;
}

/// Places blocks one by one, each into the smallest gap that holds it among those alive at the same time.
MemoryLayout place_in_order(std::span<const MemoryBlock> blocks, std::span<const size_t> order,
                            uint64_t alignment) {
  MemoryLayout out;
  out.offsets.assign(blocks.size(), 0);
  std::vector<size_t> placed;  // by offset
  for (const size_t index : order) {
    const uint64_t size = align_up(blocks[index].size, alignment);
    uint64_t best = 0;
    uint64_t best_gap = ~uint64_t(0);
    uint64_t free_from = 0;
    for (const size_t other : placed) {
      if (!alive_together(blocks[index], blocks[other])) continue;
      const uint64_t offset = out.offsets[other];
      if (offset >= free_from + size && offset - free_from < best_gap) {
        best = free_from;
        best_gap = offset - free_from;
      }
      free_from = std::max(free_from, offset + align_up(blocks[other].size, alignment));
    }
    out.offsets[index] = best_gap == ~uint64_t(0) ? free_from : best;
    out.size = std::max(out.size, out.offsets[index] + size);
    const auto at = std::ranges::upper_bound(placed, out.offsets[index], {},
                                             [&](size_t other) { return out.offsets[other]; });
    placed.insert(at, index);
  }
  return out;
}

}  // namespace

uint64_t peak_live_bytes(std::span<const MemoryBlock> blocks, uint64_t alignment) {
  std::map<int, int64_t> change;
  for (const auto& block : blocks) {
    const auto size = int64_t(align_up(block.size, alignment));
    change[block.first] += size;
    change[block.last + 1] -= size;
  }
  int64_t live = 0;
  int64_t peak = 0;
  for (const auto& [step, delta] : change) {
    live += delta;
    peak = std::max(peak, live);
  }
  return uint64_t(peak);
}

MemoryLayout plan_memory(std::span<const MemoryBlock> blocks, uint64_t alignment) {
  using Key = std::function<double(const MemoryBlock&)>;
  const auto length = [](const MemoryBlock& block) { return double(block.last - block.first + 1); };
  const Key keys[] = {
      [](const MemoryBlock& block) { return -double(block.size); },
      [&](const MemoryBlock& block) { return -double(block.size) * length(block); },
      [&](const MemoryBlock& block) { return -length(block); },
      [](const MemoryBlock& block) { return double(block.first); },
      [](const MemoryBlock& block) { return -double(block.last); },
  };
  const uint64_t bound = peak_live_bytes(blocks, alignment);
  MemoryLayout best;
  bool any = false;
  for (const auto& key : keys) {
    std::vector<size_t> order(blocks.size());
    std::iota(order.begin(), order.end(), size_t(0));
    std::ranges::stable_sort(order, {},
                             [&](size_t i) { return std::pair(key(blocks[i]), -double(blocks[i].size)); });
    auto layout = place_in_order(blocks, order, alignment);
    if (!any || layout.size < best.size) best = std::move(layout);
    any = true;
    if (best.size == bound) break;
  }
  return best;
}

}  // namespace tarsier::infer
