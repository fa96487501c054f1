// Which values share memory: decided before the memory plan, so that what shares is one block there.
#pragma once

#include <vector>

#include "infer/memory_plan.hpp"
#include "kernels/kernel.hpp"

namespace tarsier::infer {

struct PlacementOptions {
  /// False: every value gets memory of its own that nothing else uses, for tests that look for stray writes.
  bool reuse = true;
};

/// Where a value lies: `offset` bytes into a block. Block -1: not in activation memory (constant, absent,
/// unused).
struct Place {
  int block = -1;
  uint64_t offset = 0;
};

struct Placement {
  std::vector<Place> values;                // by ValueId
  std::vector<MemoryBlock> blocks;          // lifetimes in node indices
  std::vector<graph::ValueId> block_owner;  // by block: the value that fills it; kNone for scratch
  std::vector<bool> elided;                 // by node: its result is in place already, nothing runs
  std::vector<int> scratch;                 // by node: its block, or -1
  /// Bytes of all values, each on its own: what there would be without sharing.
  uint64_t unaliased_bytes = 0;
};

/// Layouts and storage are assigned. Three ways to share:
///  - views: Reshape and the like in kLinear, layout conversions of 1 x 1 planes, Split and Slice along the
///  outermost
///    axis that is not 1 (whole channel groups in kC4): no dispatch;
///  - Concat along such an axis: its inputs' producers write into the result (unless an input is a graph
///  input or
///    output, a constant, or part of another value);
///  - elementwise nodes write over an input that nobody reads afterwards (Kernel::in_place_input).
/// Graph inputs live for the whole run and are never overwritten, so that a plan can run again on the same
/// input; graph outputs live until its end.
[[nodiscard]] Placement place_values(const graph::Graph& graph, const kernels::Registry& kernels,
                                     const PlacementOptions& options = {});

}  // namespace tarsier::infer
