// Packs blocks with known lifetimes into one buffer so that blocks alive at the same time do not overlap.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace tarsier::infer {

/// Alive in steps first..last, both included.
struct MemoryBlock {
  uint64_t size = 0;
  int first = 0, last = 0;
};

struct MemoryLayout {
  std::vector<uint64_t> offsets;  // one per block, multiples of the alignment
  uint64_t size = 0;
};

/// Best fit over several orders (by size, by size x lifetime, by time); the smallest result is kept. The idea
/// of placing the largest tensors first: Y. Pisarchyk and J. Lee, "Efficient Memory Management for Deep
/// Neural Net Inference", 2020.
[[nodiscard]] MemoryLayout plan_memory(std::span<const MemoryBlock> blocks, uint64_t alignment = 256);

/// Most bytes (of aligned sizes) alive in any one step: no plan can be smaller.
[[nodiscard]] uint64_t peak_live_bytes(std::span<const MemoryBlock> blocks, uint64_t alignment = 256);

}  // namespace tarsier::infer
