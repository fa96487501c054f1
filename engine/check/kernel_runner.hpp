// Runs one node on the device without a compiled plan: places its operands, emits, dispatches and reads the
// outputs back. Sentinel words lie around every output.
#pragma once

#include <map>
#include <vector>

#include "gpu/device.hpp"
#include "kernels/operator.hpp"

namespace tarsier::check {

struct RunOptions {
  bool channel_groups = false;  // ask for kC4 wherever a value can lie so
  bool half = false;            // store kC4 values as fp16
  int repeats = 1;              // submissions; the fastest counts
  bool in_place = false;        // let output 0 share the memory that Kernel::in_place_input names
};

struct RunResult {
  std::vector<graph::Tensor> outputs;
  bool channel_groups = false;  // whether anything lay in kC4
  bool in_place = false;        // whether the kernel allowed it
  size_t dispatches = 0;
  double cpu_ms = 0;  // of all threads: steadier than `ms` on a busy machine with a software device
  double ms = 0;      // host time of the fastest submission and its wait
};

/// `graph` holds exactly one node; `data` has the tensors of its inputs that are not constants. Layouts and
/// storage are set in the graph as the kernel asks. Errors: the kernel refused; a sentinel was overwritten; a
/// padding channel is not zero.
Result<RunResult> run_node(gpu::Device& device, graph::Graph& graph, const kernels::Kernel& kernel,
                           const std::map<graph::ValueId, graph::Tensor>& data, const RunOptions& options);

/// What the CPU makes of the graph's single node, post-ops included. `data` as above, as the device stores
/// it.
Result<std::vector<graph::Tensor>> reference_of(const graph::Graph& graph, const kernels::Kernel& kernel,
                                                const std::map<graph::ValueId, graph::Tensor>& data);

/// The values as the device stores them: rounded to fp16 where `half`.
graph::Tensor stored(const graph::Tensor& tensor, bool half);

}  // namespace tarsier::check
