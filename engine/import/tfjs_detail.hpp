// Between the files of the TensorFlow.js importer.
//
// TF.js activations are NHWC, the engine's are NCHW. Each imported value knows in which of the two forms it
// was computed and is converted at most once to the other: convolutions, pools and resizes read the NCHW
// form, elementwise operators stay in the form of their operands, everything else reads the value as TF has
// it.
#pragma once

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "graph/graph.hpp"

namespace tarsier::import {

using Json = nlohmann::ordered_json;  // keeps the order of the signature's outputs

/// Every weight of the manifest, de-quantised, by name.
Result<std::unordered_map<std::string, graph::Tensor>> read_tfjs_weights(const Json& manifest,
                                                                         const std::filesystem::path& folder);

struct TfNode {
  std::string name;
  std::string op;
  std::vector<std::string> inputs;  // data inputs only: "node" or "node:1"
  const Json* attributes = nullptr;

  [[nodiscard]] const Json* attribute(const char* key, const char* kind) const;
  [[nodiscard]] int64_t integer(const char* key, int64_t fallback) const;
  [[nodiscard]] float real(const char* key, float fallback) const;
  [[nodiscard]] bool flag(const char* key) const;
  [[nodiscard]] std::string text(const char* key, const char* fallback) const;
  [[nodiscard]] std::string type(const char* key) const;  // "DT_FLOAT"
  [[nodiscard]] std::vector<int64_t> integers(const char* key) const;
  [[nodiscard]] std::vector<std::string> texts(const char* key) const;
};

/// One output of a TF node in the graph under construction.
struct TfValue {
  graph::ValueId as_is = graph::kNone;  // the form that TF has
  graph::ValueId nchw = graph::kNone;   // of a rank-4 value, axes permuted 0,3,1,2
  bool computed_nchw = false;
  int rank = -1;  // -1: not known
};

class TfImporter {
 public:
  TfImporter(std::string name, std::unordered_map<std::string, graph::Tensor> weights)
      : weights_(std::move(weights)) {
    graph_.name = std::move(name);
  }
  Result<graph::Graph> run(const Json& model);

  // ------------------------------------------------------------ for the operators' functions (tfjs_ops*.cpp)

  [[nodiscard]] graph::Graph& graph() { return graph_; }
  [[nodiscard]] size_t input_count() const { return node_->inputs.size(); }
  TfValue& input(size_t index);
  [[nodiscard]] int rank(size_t index) { return input(index).rank; }
  [[nodiscard]] bool prefers_nchw(size_t index) { return input(index).computed_nchw; }
  graph::ValueId as_is(size_t index) { return as_is(input(index)); }
  graph::ValueId nchw(size_t index) { return nchw(input(index)); }
  graph::ValueId as_is(TfValue& value);
  graph::ValueId nchw(TfValue& value);
  /// A constant input's tensor; null where it is computed.
  [[nodiscard]] const graph::Tensor* constant(size_t index);
  [[nodiscard]] std::optional<std::vector<int64_t>> ints(size_t index);
  /// An integer operand (shape, sizes, ...) as ONNX wants it: i64, in one dimension.
  graph::ValueId as_i64(size_t index);

  graph::ValueId add_constant(std::string_view suffix, graph::Tensor tensor);
  graph::ValueId add_ints(std::string_view suffix, const std::vector<int64_t>& values);
  graph::ValueId add_scalar(std::string_view suffix, float value);
  /// Adds a node with one output, named after the TF node and the suffix.
  graph::ValueId emit(std::string op, std::vector<graph::ValueId> inputs,
                      std::map<std::string, graph::Attribute, std::less<>> attributes = {},
                      std::string_view suffix = "");
  std::vector<graph::ValueId> emit_many(std::string op, std::vector<graph::ValueId> inputs, size_t outputs,
                                        std::map<std::string, graph::Attribute, std::less<>> attributes = {});
  void set_as_is(size_t output, graph::ValueId id, int rank);
  void set_nchw(size_t output, graph::ValueId id);
  void set_alias(size_t output, const TfValue& value);
  /// How many outputs of the present node are read.
  [[nodiscard]] size_t outputs_read() const;

 private:
  Status read_nodes(const Json& model);
  Status order_nodes(const std::vector<std::string>& roots);
  Status import_node(const TfNode& node);
  Status import_input(const TfNode& node);
  void import_unknown(const TfNode& node, bool known_name);
  Status finish_outputs(const std::vector<std::string>& roots);
  std::string unique_name(std::string wanted);

  graph::Graph graph_;
  std::unordered_map<std::string, graph::Tensor> weights_;
  std::vector<TfNode> nodes_;
  std::unordered_map<std::string, size_t> node_by_name_;
  std::unordered_map<std::string, size_t> outputs_read_;  // by node name: highest index read, plus one
  std::vector<size_t> order_;
  std::unordered_map<std::string, TfValue> values_;  // "node:0"
  std::unordered_set<std::string> names_;
  std::unordered_map<std::string, Json> signature_inputs_;
  const TfNode* node_ = nullptr;
};

/// Imports one node through the importer; false where this form of the operator can't be expressed.
using TfOperator = bool (*)(TfImporter& tf, const TfNode& node);
using TfOperators = std::unordered_map<std::string, TfOperator>;
void add_layout_operators(TfOperators& table);       // tfjs_ops_layout.cpp: convolution, pooling, resize
void add_elementwise_operators(TfOperators& table);  // tfjs_ops_elementwise.cpp
void add_shape_operators(TfOperators& table);        // tfjs_ops_shape.cpp: reshape, slices, reductions, ...

/// ONNX's TensorProto.DataType number of "DT_FLOAT" etc.; 0 where there is none.
int64_t onnx_type_of(std::string_view tf_type);

inline constexpr int64_t kNhwcAxisInNchw[4] = {0, 2, 3, 1};
inline const std::vector<int64_t> kToNchw = {0, 3, 1, 2};
inline const std::vector<int64_t> kToNhwc = {0, 2, 3, 1};

}  // namespace tarsier::import
