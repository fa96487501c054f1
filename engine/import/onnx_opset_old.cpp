// Opsets 1 to 6 -> the form of opset 7, from which onnx_opset.cpp goes on. Broadcasting was an attribute of
// each operator then, `axis` says where the second operand's first axis lies in the first one.
#include <array>

#include "graph/passes/edit.hpp"
#include "import/onnx_detail.hpp"

namespace tarsier::import {
namespace {

using graph::Graph;
using graph::kNone;
using graph::Node;
using graph::ValueId;

constexpr std::array<std::string_view, 11> kBroadcasting{"Add", "Sub",   "Mul",     "Div",  "Pow", "And",
                                                         "Or",  "Equal", "Greater", "Less", "Xor"};

/// Puts the node's input `index` behind as many axes as it takes for its first axis to be `axis` of input 0.
void align(Graph& graph, Node& node, size_t index, int64_t axis) {
  Node shape;
  shape.op = "AlignAxes";
  shape.name = node.name + "/align";
  shape.inputs = {node.inputs[0], node.inputs[index]};
  shape.attributes["axis"] = axis;
  shape.outputs = {graph.add_value(shape.name)};
  node.inputs[index] = shape.outputs[0];
  graph.add_node(std::move(shape));
}

Result<int64_t> type_by_name(std::string_view name) {
  onnx::TensorProto::DataType type{};
  if (!onnx::TensorProto::DataType_Parse(std::string(name), &type))
    return input_error("to={} is no element type", name);
  return int64_t{type};
}

}  // namespace

Status upgrade_to_7(Graph& graph, Node& node, int64_t opset) {
  node.attributes.erase("consumed_inputs");
  if (std::ranges::find(kBroadcasting, node.op) != kBroadcasting.end() && node.inputs.size() == 2) {
    if (node.integer("broadcast", 0) != 0 && node.has("axis")) align(graph, node, 1, node.integer("axis", 0));
    node.attributes.erase("broadcast");
    node.attributes.erase("axis");
  } else if (node.op == "PRelu" && node.inputs.size() == 2) {
    align(graph, node, 1, 1);  // one slope a channel, or one for all
  } else if (node.op == "BatchNormalization" || node.op == "Dropout") {
    // Training was asked for in the node itself; what is exported for inference says is_test=1, or runs as
    // such.
    node.attributes.erase("is_test");
    if (node.op == "Dropout") node.attributes.erase("ratio");
  } else if (node.op == "Gemm") {
    node.attributes.erase("broadcast");
  } else if (node.op == "Concat" && opset < 4 && !node.has("axis")) {
    node.attributes["axis"] = int64_t{1};
  } else if (node.op == "Cast" && opset < 6) {
    TARSIER_TRY(node.attributes["to"], type_by_name(node.text("to", "")));
  } else if (opset < 2 && (node.op == "LpPool" || node.op == "GlobalLpPool")) {
    node.attributes["p"] = static_cast<int64_t>(node.real("p", 2));
  } else if (node.op == "Pad" && opset < 2 && node.has("paddings")) {
    node.attributes["pads"] = node.integers("paddings");
    node.attributes.erase("paddings");
  } else if (node.op == "Reshape" && opset < 5) {
    const auto shape = node.integers("shape");
    node.inputs.resize(1);
    node.inputs.push_back(
        graph.add_constant(node.name + "/shape", graph::Tensor::i64({int64_t(shape.size())}, shape)));
    node.attributes.erase("shape");
  } else if (node.op == "Tile" && opset < 6 && node.inputs.size() == 3) {
    return input_error("tiles along an axis given at run time (opset 1) are not supported");
  } else if (node.op == "Upsample" && node.has("height_scale")) {
    node.attributes["scales"] =
        std::vector<float>{1, 1, node.real("height_scale", 1), node.real("width_scale", 1)};
    node.attributes.erase("height_scale");
    node.attributes.erase("width_scale");
  }
  return {};
}

}  // namespace tarsier::import
