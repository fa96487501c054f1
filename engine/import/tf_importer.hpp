// TensorFlow's operators, whatever file they come in (TensorFlow.js, TensorFlow Lite), as nodes of the graph.
//
// TF's activations are NHWC, the engine's are NCHW. Each imported value knows in which of the two forms it
// was computed and is converted at most once to the other: convolutions, pools and resizes read the NCHW
// form, elementwise operators stay in the form of their operands, everything else reads the value as TF has
// it.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <variant>
#include <vector>

#include "graph/graph.hpp"

namespace tarsier::import {

using graph::DType;
using graph::kNone;
using graph::Shape;
using graph::Tensor;
using graph::ValueId;
using Attributes = std::map<std::string, graph::Attribute, std::less<>>;
using Ints = std::vector<int64_t>;

/// Integers, numbers, flags, texts (element types among them: "DT_FLOAT"), lists, and bodies of control flow.
using TfAttribute = std::variant<int64_t, float, bool, std::string, std::vector<int64_t>,
                                 std::vector<std::string>, std::shared_ptr<graph::Graph>>;

struct TfNode {
  std::string name;
  std::string op;
  std::vector<std::string> inputs;  // data inputs only: "node" or "node:1"; "": absent
  std::map<std::string, TfAttribute, std::less<>> attributes;
  std::vector<int> ranks;  // of the outputs, where the file tells

  /// What is wrong with an attribute that a reader below met with another type than it asks for; the first
  /// one.
  mutable std::string misread;

  [[nodiscard]] bool has(std::string_view key) const { return attributes.find(key) != attributes.end(); }
  [[nodiscard]] int64_t integer(std::string_view key, int64_t fallback) const;
  [[nodiscard]] float real(std::string_view key, float fallback) const;
  [[nodiscard]] bool flag(std::string_view key) const;
  [[nodiscard]] std::string text(std::string_view key, std::string_view fallback) const;
  [[nodiscard]] std::string type(std::string_view key) const { return text(key, ""); }  // "DT_FLOAT"
  [[nodiscard]] std::vector<int64_t> integers(std::string_view key) const;
  [[nodiscard]] std::vector<std::string> texts(std::string_view key) const;
  [[nodiscard]] std::shared_ptr<graph::Graph> body(std::string_view key) const;  // null where there is none

 private:
  template <class T>
  [[nodiscard]] const T* attribute(std::string_view key) const;
};

/// A model file as far as its format goes.
struct TfModel {
  struct Output {
    std::string reference;  // "node" or "node:1"
    std::string name;       // of the graph's output
  };
  std::string name;
  /// A "Placeholder" (attributes dtype, shape: -1 where not known) is an input, a "Const" is in `constants`.
  std::vector<TfNode> nodes;
  std::unordered_map<std::string, Tensor> constants;
  std::vector<Output> outputs;
};

/// One output of a TF node in the graph under construction.
struct TfValue {
  ValueId as_is = kNone;  // the form that TF has
  ValueId nchw = kNone;   // of a rank-4 value, axes permuted 0,3,1,2
  bool computed_nchw = false;
  int rank = -1;  // -1: not known
};

class TfImporter;
/// Imports one node through the importer; false where this form of the operator can't be expressed.
using TfOperator = bool (*)(TfImporter& tf, const TfNode& node);
using TfOperators = std::unordered_map<std::string, TfOperator>;

class TfImporter {
 public:
  TfImporter(TfModel model, const TfOperators& operators) : model_(std::move(model)), operators_(operators) {
    graph_.name = model_.name;
  }
  Result<graph::Graph> run();

  // ------------------------------------------------------------ for the operators' functions (tf_ops*.cpp)

  [[nodiscard]] graph::Graph& graph() { return graph_; }
  [[nodiscard]] size_t input_count() const { return node_->inputs.size(); }
  TfValue& input(size_t index);
  [[nodiscard]] int rank(size_t index) { return input(index).rank; }
  [[nodiscard]] bool prefers_nchw(size_t index) { return input(index).computed_nchw; }
  ValueId as_is(size_t index) { return as_is(input(index)); }
  ValueId nchw(size_t index) { return nchw(input(index)); }
  ValueId as_is(TfValue& value);
  ValueId nchw(TfValue& value);
  /// The operand in NCHW form, or as TF has it.
  ValueId operand(size_t index, bool channels_first) { return channels_first ? nchw(index) : as_is(index); }
  /// A constant input's tensor; null where it is computed.
  [[nodiscard]] const Tensor* constant(size_t index);
  [[nodiscard]] std::optional<std::vector<int64_t>> ints(size_t index);
  /// An integer operand (shape, sizes, ...) as ONNX wants it: i64, in one dimension.
  ValueId as_i64(size_t index);

  ValueId add_constant(std::string_view suffix, Tensor tensor);
  ValueId add_ints(std::string_view suffix, const std::vector<int64_t>& values);
  ValueId add_scalar(std::string_view suffix, float value);
  /// Adds a node with one output, named after the TF node and the suffix.
  ValueId emit(std::string op, std::vector<ValueId> inputs, Attributes attributes = {},
               std::string_view suffix = "");
  std::vector<ValueId> emit_many(std::string op, std::vector<ValueId> inputs, size_t outputs,
                                 Attributes attributes = {});
  void set_as_is(size_t output, ValueId id, int rank);
  void set_nchw(size_t output, ValueId id);
  /// A result in NCHW form, or one of `rank` as TF has it.
  void set_result(size_t output, ValueId id, bool channels_first, int rank) {
    if (channels_first)
      set_nchw(output, id);
    else
      set_as_is(output, id, rank);
  }
  void set_alias(size_t output, const TfValue& value);
  /// How many outputs of the present node are read.
  [[nodiscard]] size_t outputs_read() const;

 private:
  Status read_names();
  Status order_nodes();
  Status import_node(const TfNode& node);
  Status import_input(const TfNode& node);
  void import_unknown(const TfNode& node, bool known_name);
  Status finish_outputs();
  std::string unique_name(std::string wanted);

  TfModel model_;
  const TfOperators& operators_;
  graph::Graph graph_;
  std::unordered_map<std::string, size_t> node_by_name_;
  std::unordered_map<std::string, size_t> outputs_read_;  // by node name: highest index read, plus one
  std::vector<size_t> order_;
  std::unordered_map<std::string, TfValue> values_;  // "node:0"
  std::unordered_set<std::string> names_;
  const TfNode* node_ = nullptr;
};

void add_layout_operators(TfOperators& table);       // tf_ops_layout.cpp: convolution, pooling, resize
void add_elementwise_operators(TfOperators& table);  // tf_ops_elementwise.cpp
void add_shape_operators(TfOperators& table);        // tf_ops_shape.cpp: reshape, slices, reductions, ...

void add_index_operators(TfOperators& table);  // tf_ops_index.cpp: blocks, selections, counts
/// All of them.
TfOperators tf_operators();

/// Writes loops whose number of turns the file decides as their turns (tf_loops.cpp).
void unroll_tf_loops(TfModel& model);

/// "node" and "node:0" are the same output: the latter.
std::string tf_output_key(std::string_view reference);
/// {"node", 1} of "node:1".
std::pair<std::string, size_t> tf_split_key(const std::string& key);

/// What "DT_FLOAT" etc. are in the engine: kF32 for every real type; empty where there is none.
std::optional<DType> dtype_of(std::string_view tf_type);
/// The way back.
std::string tf_type_name(DType type);
/// TensorProto.DataType number, as Cast's `to` has it; 0 where there is none.
int64_t onnx_type_of(std::string_view tf_type);

inline constexpr int64_t kNhwcAxisInNchw[4] = {0, 2, 3, 1};
inline const std::vector<int64_t> kToNchw = {0, 3, 1, 2};
inline const std::vector<int64_t> kToNhwc = {0, 2, 3, 1};

// ------------------------------------------------------------------------------ what the operators share

inline constexpr int64_t kInt32 = 6, kInt64 = 7, kBool = 9;  // TensorProto.DataType

/// Axis counted from the front; empty where it is out of range or the rank is not known.
inline std::optional<int64_t> front_axis(int64_t axis, int rank) {
  if (rank < 0) return axis >= 0 ? std::optional(axis) : std::nullopt;
  if (axis < -rank || axis >= rank) return std::nullopt;
  return axis < 0 ? axis + rank : axis;
}

inline int64_t in_nchw(int64_t nhwc_axis) {
  return kNhwcAxisInNchw[nhwc_axis];
}

/// TF's integer results are 32 bits wide where ONNX's are 64.
inline ValueId narrowed(TfImporter& tf, ValueId id, std::string_view suffix) {
  return tf.emit("Cast", {id}, {{"to", kInt32}}, suffix);
}

}  // namespace tarsier::import
