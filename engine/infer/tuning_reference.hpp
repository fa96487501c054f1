// What a node's result must be, by the CPU reference: of as many output channels as can be computed in a
// moment.
#pragma once

#include <vector>

#include "graph/graph.hpp"

namespace tarsier::infer {

class TuningReference {
 public:
  /// `graph` holds one node with its post-ops; `data` is the data of graph.inputs.
  static Result<TuningReference> compute(const graph::Graph& graph, const std::vector<graph::Tensor>& data);
  /// Largest difference of the whole output 0 from the reference (in the channels that it has), as a fraction
  /// of the reference's largest magnitude. Infinite for numbers that are none.
  [[nodiscard]] double error_of(const graph::Tensor& output) const;
  [[nodiscard]] double tolerance() const { return tolerance_; }

 private:
  std::vector<int64_t> channels_;  // of axis 1 that `expected_` has; empty: all
  std::vector<float> expected_;
  graph::Shape shape_;
  double tolerance_ = 1e-4;
};

}  // namespace tarsier::infer
