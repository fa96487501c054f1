// Runs a graph on the host with the operators' CPU references: slow, and what `tarsier check` and the tests
// of the passes compare with.
#pragma once

#include <functional>
#include <vector>

#include "graph/graph.hpp"
#include "graph/op.hpp"

namespace tarsier::graph {

/// Called after each node with its outputs (post-ops applied).
using NodeVisitor = std::function<void(const Node&, const std::vector<Tensor>&)>;

/// Outputs in the order of graph.outputs, from inputs in the order of graph.inputs. Shapes must be inferred.
/// Errors name the node: an operator without reference, an input of another shape.
Result<std::vector<Tensor>> evaluate(const Graph& graph, const std::vector<Tensor>& inputs,
                                     const OpRegistry& ops, const NodeVisitor& visit = {});

/// Applies one post-op to `x` in place. `operand` is null where the kind has none.
Status apply_post_op(const PostOp& post, Tensor& x, const Tensor* operand);

}  // namespace tarsier::graph
