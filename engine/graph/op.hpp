// What the graph layer knows of an operator: its argument check, shape rule and CPU reference. The operators
// themselves live in kernels/, one file per family; passes reach them through an OpRegistry.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "graph/graph.hpp"
#include "graph/node_builder.hpp"

namespace tarsier::graph {

/// Shapes (and types) of a node's outputs from those of its inputs. Constant inputs can be read from the
/// graph.
using ShapeRule = std::function<Result<std::vector<TensorDesc>>(const Graph&, const Node&)>;
/// Computes a node on the host in fp32, ignoring node.post: constant folding, `check`, and kernel tests call
/// it. `inputs` has one entry per node input; null for an absent optional input.
using Reference =
    std::function<Result<std::vector<Tensor>>(const Node&, const std::vector<const Tensor*>& inputs)>;

struct OpDef {
  std::string name;
  /// Refuses a node that no kernel here can run, saying what about it ("mode=cubic"), wrong argument counts
  /// included. It is called before `infer`: the shapes of the inputs are known, those of the outputs not yet.
  std::function<Status(const Graph&, const Node&)> check;
  ShapeRule infer;
  Reference reference;
  /// Inputs (by index) whose values, not only their shapes, must be known when a plan is made: axes, sizes,
  /// the condition of an If. Where one is computed on the device it is read back first (infer/runner.hpp).
  std::vector<size_t> plan_inputs;
  /// Set for operators that are written out in others once the shapes of their inputs are known (ONNX calls
  /// them functions; control flow is unrolled in the same way). They have no `infer` and no `reference`.
  /// An operator with a kernel for some nodes alone has all three: where `expand` adds nothing, it stays.
  std::function<Status(NodeBuilder&)> expand;
};

class OpRegistry {
 public:
  virtual ~OpRegistry() = default;
  /// Null where the operator is not known.
  [[nodiscard]] virtual const OpDef* find(std::string_view op) const = 0;
};

}  // namespace tarsier::graph
