// Writing an operator out in others, while shapes are inferred.
#pragma once

#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "graph/graph.hpp"

namespace tarsier::graph {

/// Values of sequence type: lists of tensors that exist only while the graph is compiled.
using Sequences = std::map<ValueId, std::vector<ValueId>>;

/// Collects the nodes that take the place of one. Shapes of the node's own inputs are known; those of values
/// that the builder adds are inferred afterwards.
class NodeBuilder {
 public:
  using Attributes = std::map<std::string, Attribute, std::less<>>;

  NodeBuilder(Graph& graph, Node node, Sequences& sequences)
      : graph_(graph), node_(std::move(node)), sequences_(sequences) {}

  [[nodiscard]] const Node& node() const { return node_; }
  [[nodiscard]] const Graph& graph() const { return graph_; }
  /// kNone where the node has fewer inputs.
  [[nodiscard]] ValueId input(size_t index) const {
    return index < node_.inputs.size() ? node_.inputs[index] : kNone;
  }
  [[nodiscard]] ValueId output(size_t index) const {
    return index < node_.outputs.size() ? node_.outputs[index] : kNone;
  }
  [[nodiscard]] const TensorDesc& desc(size_t index) const { return graph_.value(input(index)).desc; }
  [[nodiscard]] const Shape& shape(size_t index) const { return desc(index).shape; }
  /// Null where the input is absent or not known.
  [[nodiscard]] const Tensor* data(size_t index) const { return graph_.constant(input(index)); }

  ValueId constant(Tensor tensor);
  ValueId ints(const std::vector<int64_t>& values);       // of rank 1
  ValueId scalar(float value, DType type = DType::kF32);  // kF32 or an integer type
  /// 0 to count - 1 along one axis of a tensor whose other extents are 1.
  ValueId count_along(size_t rank, size_t axis, int64_t count, DType type = DType::kI64);
  /// The one number that an input holds. Errors: its value is not known, or it holds several.
  [[nodiscard]] Result<double> number(size_t index, std::string_view what) const;
  /// A node with one output, which is returned.
  ValueId add(std::string_view op, std::vector<ValueId> inputs, Attributes attributes = {});
  /// `shape` may have extents of 0, not of -1. Constants are reshaped at once: kernels look for constant
  /// weights.
  ValueId reshape(ValueId value, const Shape& shape);
  ValueId transpose(ValueId value, std::vector<int64_t> perm);
  std::vector<ValueId> add_many(std::string_view op, std::vector<ValueId> inputs, size_t outputs,
                                Attributes attributes = {});
  /// A node that writes the first output of the node that is written out.
  void finish(std::string_view op, std::vector<ValueId> inputs, Attributes attributes = {});
  /// Output `index` of the node that is written out is `value`. Nothing happens where it is absent.
  void set_output(size_t index, ValueId value);
  /// Any node; unnamed ones get a name of their own.
  void add_node(Node added);
  /// The nodes of a body (control flow, a function) with its inputs replaced; returns its outputs. Values of
  /// the surrounding graph that the body reads are among its values under their names (import.hpp).
  std::vector<ValueId> inlined(const Graph& body, const std::vector<ValueId>& inputs);

  /// A value of sequence type.
  ValueId add_sequence(std::vector<ValueId> elements);
  void set_sequence(size_t index, std::vector<ValueId> elements);  // as output `index`
  [[nodiscard]] Sequences& sequences() { return sequences_; }
  [[nodiscard]] std::vector<Node> take() { return std::move(added_); }

 private:
  Graph& graph_;
  Node node_;
  Sequences& sequences_;
  std::vector<Node> added_;
  size_t folded_ = 0;  // nodes that were not needed: the names behind them stay the same
  std::string fresh(std::string_view what);
};

}  // namespace tarsier::graph
