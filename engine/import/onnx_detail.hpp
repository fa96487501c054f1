// Between the files of the ONNX importer.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

// Debian builds libonnx with these; its headers pick the generated classes by them.
#ifndef ONNX_ML
#define ONNX_ML 1
#endif
#ifndef ONNX_NAMESPACE
#define ONNX_NAMESPACE onnx
#endif
#include <onnx/onnx_pb.h>

#include "graph/graph.hpp"

namespace tarsier::import {

/// TensorProto -> Tensor, with external data files opened at most once.
class OnnxTensors {
 public:
  explicit OnnxTensors(std::filesystem::path folder) : folder_(std::move(folder)) {}
  Result<graph::Tensor> read(const onnx::TensorProto& proto);

 private:
  Result<std::vector<std::byte>> external_bytes(const onnx::TensorProto& proto, size_t wanted);
  Result<graph::Tensor> from_raw(const onnx::TensorProto& proto, const graph::Shape& shape);
  Result<graph::Tensor> from_fields(const onnx::TensorProto& proto, const graph::Shape& shape);
  std::filesystem::path folder_;
};

/// The element types of a graph's values as the file has them, of which the engine keeps fewer: what is
/// declared, and what nodes make of it.
class ElementTypes {
 public:
  /// Of a graph, or (with `around`) of a body inside of one.
  explicit ElementTypes(const ElementTypes* around = nullptr) : around_(around) {}
  /// Inputs, outputs, weights and whatever else the file describes.
  void declare(const onnx::GraphProto& proto);
  /// The outputs of `node`, as far as its operator says and the file does not.
  void imply(const onnx::NodeProto& node);
  /// UNDEFINED where it is not known.
  [[nodiscard]] int32_t of(const std::string& name) const;

 private:
  const ElementTypes* around_;
  std::unordered_map<std::string, int32_t> types_;
};

/// Says by attributes what the engine's types of the node's operands don't: the target of CastLike; of
/// BitCast the type that is read (`from`); of QuantizeLinear the type of the result (`output_dtype`) and of
/// the quotient (`precision`).
void note_element_types(graph::Node& node, const onnx::NodeProto& proto, const ElementTypes& types);

/// Whether an operator of the standard has an attribute of this name (others are left out). Error: its type
/// is not the one that the standard says.
Result<bool> check_attribute(const onnx::AttributeProto& proto, std::string_view op, int64_t opset);

/// The nodes of a call of a model's function: names inside of it get the prefix `scope`, those of its inputs
/// and outputs are the call's, attributes that refer to the call's (ref_attr_name) are filled in.
std::vector<onnx::NodeProto> called_nodes(const onnx::NodeProto& call, const onnx::FunctionProto& function,
                                          const std::string& scope);

/// Gives a node of opset 1 to 6 the form of opset 7; may add nodes in front of it.
Status upgrade_to_7(graph::Graph& graph, graph::Node& node, int64_t opset);

/// Appends `node`, written for `opset`, to the graph in the newest opset's form; it may become several nodes.
Status add_upgraded(graph::Graph& graph, graph::Node node, int64_t opset);

}  // namespace tarsier::import
