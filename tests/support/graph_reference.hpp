// Runs a graph on the CPU references of its operators: what plans are compared with.
#pragma once

#include <gtest/gtest.h>
#include <vector>

#include "graph/graph.hpp"
#include "kernels/kernel.hpp"

namespace tarsier::test {

/// Values of the graph's outputs. The graph has static shapes and no post-ops (it is as it was before
/// compilation).
inline Result<std::vector<graph::Tensor>> run_reference(const graph::Graph& graph,
                                                        const std::vector<graph::Tensor>& inputs) {
  std::vector<graph::Tensor> values(graph.values.size());
  for (size_t i = 0; i < graph.values.size(); ++i) {
    if (graph.values[i].constant) values[i] = *graph.values[i].constant;
  }
  for (size_t i = 0; i < inputs.size(); ++i) values[size_t(graph.inputs[i])] = inputs[i];
  for (const auto& node : graph.nodes) {
    const auto* kernel = kernels::Registry::instance().find(node.op);
    if (kernel == nullptr) return runtime_error("no operator {}", node.op);
    std::vector<const graph::Tensor*> operands;
    for (const auto id : node.inputs) operands.push_back(id == graph::kNone ? nullptr : &values[size_t(id)]);
    TARSIER_TRY(auto results, kernel->reference(node, operands));
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      if (node.outputs[i] != graph::kNone) values[size_t(node.outputs[i])] = std::move(results[i]);
    }
  }
  std::vector<graph::Tensor> out;
  for (const auto id : graph.outputs) out.push_back(values[size_t(id)]);
  return out;
}

/// Numbers that are all different and cheap to tell apart: a multiple of 1/64 in -2..2.
inline graph::Tensor ramp(graph::Shape shape, int seed = 0) {
  std::vector<float> values(size_t(graph::element_count(shape)));
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = float(int((i * 37 + size_t(seed) * 11) % 257) - 128) / 64.F;
  return graph::Tensor::f32(std::move(shape), values);
}

inline void expect_near(const graph::Tensor& got, const graph::Tensor& wanted, float tolerance,
                        const std::string& what) {
  ASSERT_EQ(got.shape(), wanted.shape()) << what;
  ASSERT_EQ(got.dtype(), wanted.dtype()) << what;
  const auto a = got.to_floats();
  const auto b = wanted.to_floats();
  for (size_t i = 0; i < a.size(); ++i) ASSERT_NEAR(a[i], b[i], tolerance) << what << " at " << i;
}

}  // namespace tarsier::test
