// The element types that the values of an ONNX graph have in the file.
#include <algorithm>
#include <array>
#include <string_view>

#include "import/onnx_detail.hpp"

namespace tarsier::import {
namespace {

using Proto = onnx::TensorProto;

/// Operators whose outputs all have the type of their first input.
constexpr auto kKeepsType = std::to_array<std::string_view>({
    "Abs",           "Add",
    "AveragePool",   "BitShift",
    "BitwiseAnd",    "BitwiseNot",
    "BitwiseOr",     "BitwiseXor",
    "CenterCropPad", "Clip",
    "Compress",      "Concat",
    "CumProd",       "CumSum",
    "DepthToSpace",  "Div",
    "Expand",        "Flatten",
    "Gather",        "GatherElements",
    "GatherND",      "Identity",
    "Max",           "Mean",
    "Min",           "Mod",
    "Mul",           "Neg",
    "Pad",           "Pow",
    "Relu",          "Reshape",
    "Resize",        "ReverseSequence",
    "Scatter",       "ScatterElements",
    "ScatterND",     "Slice",
    "SpaceToDepth",  "Split",
    "Squeeze",       "Sub",
    "Sum",           "Tile",
    "Transpose",     "Trilu",
    "Unsqueeze",     "TensorScatter",
});

const onnx::AttributeProto* attribute_of(const onnx::NodeProto& node, std::string_view name) {
  for (const auto& attribute : node.attribute())
    if (attribute.name() == name) return &attribute;
  return nullptr;
}

int32_t type_attribute(const onnx::NodeProto& node, std::string_view name, int32_t otherwise) {
  const auto* attribute = attribute_of(node, name);
  return attribute == nullptr || attribute->i() == 0 ? otherwise : static_cast<int32_t>(attribute->i());
}

int32_t constant_type(const onnx::NodeProto& node) {
  for (const auto& attribute : node.attribute()) {
    if (attribute.has_t()) return attribute.t().data_type();
    if (attribute.name().starts_with("value_float")) return Proto::FLOAT;
    if (attribute.name().starts_with("value_int")) return Proto::INT64;
  }
  return Proto::UNDEFINED;
}

/// Of a control-flow node's body, the type of output `index`.
int32_t body_output(const onnx::NodeProto& node, std::string_view body, int index) {
  const auto* attribute = attribute_of(node, body);
  if (attribute == nullptr || !attribute->has_g() || index >= attribute->g().output_size())
    return Proto::UNDEFINED;
  return attribute->g().output(index).type().tensor_type().elem_type();
}

}  // namespace

void ElementTypes::declare(const onnx::GraphProto& proto) {
  const auto note = [this](const auto& values) {
    for (const auto& value : values)
      if (value.type().tensor_type().elem_type() != Proto::UNDEFINED)
        types_.emplace(value.name(), value.type().tensor_type().elem_type());
  };
  note(proto.input());
  note(proto.value_info());
  note(proto.output());
  for (const auto& weight : proto.initializer()) types_.emplace(weight.name(), weight.data_type());
}

void ElementTypes::imply(const onnx::NodeProto& node) {
  const auto input = [&](int index) {
    return index < node.input_size() ? of(node.input(index)) : int32_t{Proto::UNDEFINED};
  };
  const std::string& op = node.op_type();
  for (int i = 0; i < node.output_size(); ++i) {
    int32_t type = Proto::UNDEFINED;
    if (op == "Constant" || op == "ConstantOfShape") {
      type = constant_type(node);
      if (type == Proto::UNDEFINED && op == "ConstantOfShape") type = Proto::FLOAT;
    } else if (op == "Cast" || op == "BitCast") {
      type = type_attribute(node, "to", Proto::UNDEFINED);
    } else if (op == "CastLike" || op == "Where") {
      type = input(1);
    } else if (op == "QuantizeLinear") {
      type = type_attribute(node, "output_dtype", input(2));
      if (type == Proto::UNDEFINED && node.input_size() < 3) type = Proto::UINT8;
    } else if (op == "DequantizeLinear") {
      type = type_attribute(node, "output_dtype", input(1));
    } else if (op == "If") {
      type = body_output(node, "then_branch", i);
    } else if (op == "Loop") {
      type = body_output(node, "body", i + 1);  // the condition comes first
    } else if (op == "Scan") {
      type = body_output(node, "body", i);
    } else if (std::ranges::find(kKeepsType, op) != kKeepsType.end()) {
      type = input(0);
    }
    if (type != Proto::UNDEFINED) types_.emplace(node.output(i), type);
  }
}

int32_t ElementTypes::of(const std::string& name) const {
  if (const auto found = types_.find(name); found != types_.end()) return found->second;
  return around_ == nullptr ? int32_t{Proto::UNDEFINED} : around_->of(name);
}

void note_element_types(graph::Node& node, const onnx::NodeProto& proto, const ElementTypes& types) {
  const auto input = [&](int index) {
    return index < proto.input_size() ? types.of(proto.input(index)) : int32_t{Proto::UNDEFINED};
  };
  if (node.op == "CastLike") {
    if (const int32_t type = input(1); type != Proto::UNDEFINED) node.attributes["to"] = int64_t{type};
  } else if (node.op == "BitCast") {
    if (const int32_t type = input(0); type != Proto::UNDEFINED) node.attributes["from"] = int64_t{type};
  } else if (node.op == "QuantizeLinear") {
    if (const int32_t type = input(2); type != Proto::UNDEFINED)
      node.attributes["output_dtype"] = int64_t{type};
    const int32_t scale = input(1);
    if (node.integer("precision", 0) == 0 && (scale == Proto::FLOAT16 || scale == Proto::BFLOAT16))
      node.attributes["precision"] = int64_t{scale};
  }
}

}  // namespace tarsier::import
