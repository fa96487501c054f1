// Older opsets' forms of an operator -> the newest, so that shape rules, passes and kernels know one.
#include <array>
#include <functional>
#include <unordered_map>

#include "graph/element_type.hpp"
#include "import/onnx_detail.hpp"

namespace tarsier::import {
namespace {

using graph::Graph;
using graph::kNone;
using graph::Node;
using graph::Tensor;
using graph::ValueId;

ValueId ints_constant(Graph& graph, const Node& node, std::string_view key,
                      const std::vector<int64_t>& values) {
  return graph.add_constant(fmt::format("{}/{}", node.name, key),
                            Tensor::i64({static_cast<int64_t>(values.size())}, values));
}

ValueId float_constant(Graph& graph, const Node& node, std::string_view key, float value) {
  return graph.add_constant(fmt::format("{}/{}", node.name, key), Tensor::f32({}, std::span(&value, 1)));
}

void set_input(Node& node, size_t index, ValueId id) {
  if (node.inputs.size() <= index) node.inputs.resize(index + 1, kNone);
  node.inputs[index] = id;
}

/// Moves an integer list (or a single integer) from an attribute to an input.
void attribute_to_input(Graph& graph, Node& node, std::string_view key, size_t index) {
  const auto found = node.attributes.find(key);
  if (found == node.attributes.end()) return;
  std::vector<int64_t> values;
  if (const auto* list = std::get_if<std::vector<int64_t>>(&found->second))
    values = *list;
  else if (const auto* one = std::get_if<int64_t>(&found->second))
    values = {*one};
  set_input(node, index, ints_constant(graph, node, key, values));
  node.attributes.erase(found);
}

Status append(Graph& graph, Node node) {
  graph.add_node(std::move(node));
  return {};
}

// ------------------------------------------------------------------------------------- one function an
// operator

Status upgrade_constant(Graph& graph, Node node, int64_t /*opset*/) {
  if (node.outputs.size() != 1 || node.outputs[0] == kNone) return input_error("has no output");
  Tensor tensor;
  bool found = false;
  for (auto& [key, attribute] : node.attributes) {
    if (auto* value = std::get_if<Tensor>(&attribute)) {
      tensor = std::move(*value);
    } else if (const auto* real = std::get_if<float>(&attribute)) {
      tensor = Tensor::f32({}, std::span(real, 1));
    } else if (const auto* reals = std::get_if<std::vector<float>>(&attribute)) {
      tensor = Tensor::f32({static_cast<int64_t>(reals->size())}, *reals);
    } else if (const auto* integer = std::get_if<int64_t>(&attribute)) {
      tensor = Tensor::i64({}, std::span(integer, 1));
    } else if (const auto* integers = std::get_if<std::vector<int64_t>>(&attribute)) {
      tensor = Tensor::i64({static_cast<int64_t>(integers->size())}, *integers);
    } else {
      return input_error("a constant given as '{}' is not supported", key);
    }
    found = true;
  }
  if (!found) return input_error("has no value");
  graph::Value& value = graph.value(node.outputs[0]);
  value.desc = tensor.desc();
  value.constant = std::move(tensor);
  return {};
}

Status upgrade_clip(Graph& graph, Node node, int64_t opset) {
  if (opset < 11) {
    if (node.has("min")) set_input(node, 1, float_constant(graph, node, "min", node.real("min", 0)));
    if (node.has("max")) set_input(node, 2, float_constant(graph, node, "max", node.real("max", 0)));
    node.attributes.clear();
  }
  return append(graph, std::move(node));
}

Status upgrade_slice(Graph& graph, Node node, int64_t opset) {
  if (opset < 10) {
    attribute_to_input(graph, node, "starts", 1);
    attribute_to_input(graph, node, "ends", 2);
    attribute_to_input(graph, node, "axes", 3);
  }
  return append(graph, std::move(node));
}

Status upgrade_pad(Graph& graph, Node node, int64_t opset) {
  if (opset < 11) {
    attribute_to_input(graph, node, "pads", 1);
    if (node.real("value", 0) != 0)
      set_input(node, 2, float_constant(graph, node, "value", node.real("value", 0)));
    node.attributes.erase("value");
  }
  return append(graph, std::move(node));
}

Status upgrade_axes_13(Graph& graph, Node node, int64_t opset) {
  if (opset < 13) attribute_to_input(graph, node, "axes", 1);
  return append(graph, std::move(node));
}

Status upgrade_axes_18(Graph& graph, Node node, int64_t opset) {
  if (opset < 18) attribute_to_input(graph, node, "axes", 1);
  return append(graph, std::move(node));
}

Status upgrade_split(Graph& graph, Node node, int64_t opset) {
  if (opset < 13) attribute_to_input(graph, node, "split", 1);
  if (node.inputs.size() < 2) node.attributes["num_outputs"] = static_cast<int64_t>(node.outputs.size());
  return append(graph, std::move(node));
}

Status upgrade_top_k(Graph& graph, Node node, int64_t opset) {
  if (opset < 10) attribute_to_input(graph, node, "k", 1);
  return append(graph, std::move(node));
}

Status upgrade_upsample(Graph& graph, Node node, int64_t opset) {
  ValueId scales = node.inputs.size() > 1 ? node.inputs[1] : kNone;
  if (opset < 9) {
    const auto found = node.attributes.find("scales");
    const auto* values =
        found == node.attributes.end() ? nullptr : std::get_if<std::vector<float>>(&found->second);
    if (values == nullptr) return input_error("has no scales");
    scales = graph.add_constant(node.name + "/scales",
                                Tensor::f32({static_cast<int64_t>(values->size())}, *values));
  }
  const std::string mode = node.text("mode", "nearest");
  node.op = "Resize";
  node.attributes.clear();
  node.attributes["mode"] = mode == "bilinear" ? std::string("linear") : mode;
  node.attributes["coordinate_transformation_mode"] = std::string("asymmetric");
  node.attributes["nearest_mode"] = std::string("floor");
  node.inputs.resize(1, kNone);
  set_input(node, 2, scales);
  return append(graph, std::move(node));
}

Status upgrade_resize(Graph& graph, Node node, int64_t opset) {
  if (opset < 11) return upgrade_upsample(graph, std::move(node), opset);
  // Exporters fill unused places with empty constants; an absent input says the same and is easier to read.
  const bool crops = node.text("coordinate_transformation_mode", "half_pixel") == "tf_crop_and_resize";
  if (!crops && node.inputs.size() > 1) node.inputs[1] = kNone;
  for (size_t i = 1; i < node.inputs.size(); ++i)
    if (const Tensor* tensor = graph.constant(node.inputs[i]); tensor != nullptr && tensor->size() == 0)
      node.inputs[i] = kNone;
  while (node.inputs.back() == kNone) node.inputs.pop_back();
  return append(graph, std::move(node));
}

Status upgrade_dropout(Graph& graph, Node node, int64_t opset) {
  // Opset 12 made training a matter of an input; before, and without it, Dropout is the identity. Only a mask
  // that somebody reads keeps the node then.
  const bool training = opset >= 12 && node.inputs.size() > 2 && node.inputs[2] != kNone;
  const bool mask = node.outputs.size() > 1 && node.outputs[1] != kNone;
  if (opset < 12) {
    node.inputs.resize(1);
    node.attributes.erase("ratio");
  }
  if (!training && !mask) {
    node.op = "Identity";
    node.attributes.clear();
    node.inputs.resize(1);
    node.outputs.resize(1);
  }
  return append(graph, std::move(node));
}

Status upgrade_batch_norm(Graph& graph, Node node, int64_t opset) {
  if (opset >= 9) node.attributes.erase("spatial");
  // Before opset 14 the further outputs were those of training, which nothing asked for in the file.
  if (node.integer("training_mode", 0) == 0) node.outputs.resize(1);
  return append(graph, std::move(node));
}

Status upgrade_scatter(Graph& graph, Node node, int64_t /*opset*/) {
  node.op = "ScatterElements";
  return append(graph, std::move(node));
}

Status upgrade_roi_align(Graph& graph, Node node, int64_t opset) {
  if (opset < 16) node.attributes["coordinate_transformation_mode"] = std::string("output_half_pixel");
  return append(graph, std::move(node));
}

Status upgrade_softmax(Graph& graph, Node node, int64_t opset) {
  // Opset 12 and before flattened the axes from `axis` on; the rank decides whether that differs, so shape
  // inference resolves the mark.
  if (opset < 13) {
    node.attributes["axis"] = node.integer("axis", 1);
    node.attributes["flatten_from_axis"] = int64_t{1};
  }
  return append(graph, std::move(node));
}

Status upgrade_hardmax(Graph& graph, Node node, int64_t opset) {
  if (opset < 13) {
    node.attributes["axis"] = node.integer("axis", 1);
    node.op = "FlattenedHardmax";
  }
  return append(graph, std::move(node));
}

Status upgrade_dft(Graph& graph, Node node, int64_t opset) {
  if (opset < 20) {
    const int64_t axis = node.integer("axis", 1);
    set_input(node, 2, graph.add_constant(node.name + "/axis", Tensor::i64({}, std::span(&axis, 1))));
    node.attributes.erase("axis");
  }
  return append(graph, std::move(node));
}

/// Sum, Max, Min, Mean of any number of operands -> a chain of binary nodes.
Status upgrade_variadic(Graph& graph, Node node, int64_t /*opset*/) {
  const bool mean = node.op == "Mean";
  const std::string binary = node.op == "Sum" || mean ? "Add" : node.op;
  const std::vector<ValueId> operands = node.inputs;
  const std::vector<ValueId> outputs = node.outputs;
  if (operands.empty() || outputs.size() != 1) return input_error("has no operands");
  ValueId sum = operands[0];
  for (size_t i = 1; i < operands.size(); ++i) {
    const bool last = i + 1 == operands.size() && !mean;
    Node step;
    step.op = binary;
    step.name = i == 1 ? node.name : fmt::format("{}/{}", node.name, i);
    step.inputs = {sum, operands[i]};
    sum = last ? outputs[0] : graph.add_value(fmt::format("{}/{}", node.name, i));
    step.outputs = {sum};
    graph.add_node(std::move(step));
  }
  if (operands.size() > 1 && !mean) return {};
  Node finish;
  finish.name = operands.size() > 1 ? node.name + "/mean" : node.name;
  finish.op = operands.size() > 1 ? "Mul" : "Identity";
  finish.inputs = {sum};
  if (operands.size() > 1)
    finish.inputs.push_back(float_constant(graph, node, "1/n", 1.0F / static_cast<float>(operands.size())));
  finish.outputs = outputs;
  return append(graph, std::move(finish));
}

Status upgrade_cast(Graph& graph, Node node, int64_t /*opset*/) {
  // The importer notes the type of CastLike's second operand where the file says it; the engine knows fewer.
  if (node.op == "CastLike" && node.has("to")) {
    node.op = "Cast";
    node.inputs.resize(1);
  }
  if (node.op == "Cast") {
    TARSIER_TRY([[maybe_unused]] const auto held, graph::dtype_of_onnx(node.integer("to", 0)));
  }
  return append(graph, std::move(node));
}

Status upgrade_scan(Graph& graph, Node node, int64_t opset) {
  // Opset 8 had a first input with the lengths of the batch's sequences, and one axis list less.
  if (opset == 8) {
    if (!node.inputs.empty() && node.inputs[0] != kNone)
      return input_error("sequence lengths of its own (opset 8) are not supported");
    if (!node.inputs.empty()) node.inputs.erase(node.inputs.begin());
    node.attributes["batched"] = int64_t{1};
    if (const auto found = node.attributes.find("directions"); found != node.attributes.end()) {
      node.attributes["scan_input_directions"] = found->second;
      node.attributes.erase("directions");
    }
  }
  return append(graph, std::move(node));
}

using Upgrade = Status (*)(Graph&, Node, int64_t);

const std::unordered_map<std::string_view, Upgrade>& upgrades() {
  static const std::unordered_map<std::string_view, Upgrade> table = {
      {"Constant", upgrade_constant},
      {"Clip", upgrade_clip},
      {"Slice", upgrade_slice},
      {"Pad", upgrade_pad},
      {"Squeeze", upgrade_axes_13},
      {"Unsqueeze", upgrade_axes_13},
      {"ReduceSum", upgrade_axes_13},
      {"ReduceMean", upgrade_axes_18},
      {"ReduceMax", upgrade_axes_18},
      {"ReduceMin", upgrade_axes_18},
      {"ReduceProd", upgrade_axes_18},
      {"ReduceL1", upgrade_axes_18},
      {"ReduceL2", upgrade_axes_18},
      {"ReduceLogSum", upgrade_axes_18},
      {"ReduceLogSumExp", upgrade_axes_18},
      {"ReduceSumSquare", upgrade_axes_18},
      {"Split", upgrade_split},
      {"TopK", upgrade_top_k},
      {"Upsample", upgrade_upsample},
      {"Resize", upgrade_resize},
      {"Dropout", upgrade_dropout},
      {"BatchNormalization", upgrade_batch_norm},
      {"Scatter", upgrade_scatter},
      {"RoiAlign", upgrade_roi_align},
      {"Softmax", upgrade_softmax},
      {"LogSoftmax", upgrade_softmax},
      {"Hardmax", upgrade_hardmax},
      {"DFT", upgrade_dft},
      {"Sum", upgrade_variadic},
      {"Mean", upgrade_variadic},
      {"Max", upgrade_variadic},
      {"Min", upgrade_variadic},
      {"Cast", upgrade_cast},
      {"CastLike", upgrade_cast},
      {"Scan", upgrade_scan},
  };
  return table;
}

}  // namespace

Status add_upgraded(Graph& graph, Node node, int64_t opset) {
  if (opset > 0 && opset < 7) TARSIER_CHECK(upgrade_to_7(graph, node, opset));
  const auto found = upgrades().find(node.op);
  if (found == upgrades().end()) return append(graph, std::move(node));
  if (node.op != "Constant" && (node.inputs.empty() || node.outputs.empty()))
    return input_error("has no inputs or no outputs; the file is damaged");
  return found->second(graph, std::move(node), opset);
}

}  // namespace tarsier::import
