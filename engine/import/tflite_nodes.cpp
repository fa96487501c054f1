// The operators of a TensorFlow Lite file as TensorFlow's nodes. Where the two differ: activations hang on
// other operators, and shapes and axes may be options or operands. Layers: tflite_layers.cpp.
#include <algorithm>

#include "import/tflite_detail.hpp"

namespace tarsier::import {
namespace {

Tensor scalar_i32(int64_t value) {
  const auto narrow = static_cast<int32_t>(value);
  return Tensor::of<int32_t>(DType::kI32, {}, std::span(&narrow, 1));
}

Tensor list_i32(const Ints& values) {
  const std::vector<int32_t> narrow(values.begin(), values.end());
  return Tensor::of<int32_t>(DType::kI32, {static_cast<int64_t>(narrow.size())}, narrow);
}

template <class Options>
Result<bool> with_activation(TfliteOperator& op, const char* name) {
  if (const auto* options = op.options<Options>()) op.activation = options->activation();
  return op.becomes(name);
}

// ---- shapes

Result<bool> reshape(TfliteOperator& op) {
  op.node.op = "Reshape";
  TARSIER_TRY(std::string x, op.context.operand(0));
  op.node.inputs.push_back(std::move(x));
  // The file tells the result's shape; a computed one is followed.
  const bool computed = op.inputs.size() > 1 && op.inputs[1] != nullptr && op.context.value(1) == nullptr;
  if (computed) {
    TARSIER_TRY(std::string shape, op.context.operand(1));
    op.node.inputs.push_back(std::move(shape));
  } else {
    op.node.inputs.push_back(op.context.constant(list_i32(op.output_shape(0))));
  }
  return true;
}

Result<bool> squeeze(TfliteOperator& op) {
  const auto* options = op.options<tflite::SqueezeOptions>();
  Ints axes;
  if (options != nullptr && options->squeeze_dims() != nullptr)
    axes.assign(options->squeeze_dims()->begin(), options->squeeze_dims()->end());
  const Shape x = op.input_shape(0);
  if (axes.empty())
    for (size_t axis = 0; axis < x.size(); ++axis)
      if (x[axis] == 1) axes.push_back(static_cast<int64_t>(axis));
  if (axes.empty()) return op.becomes("Identity");
  op.node.attributes["squeeze_dims"] = std::move(axes);
  return op.becomes("Squeeze");
}

/// An operand that TensorFlow has and TensorFlow Lite an option for, behind the others.
Result<bool> with_axis(TfliteOperator& op, const char* name, int64_t axis) {
  TARSIER_CHECK(op.add_operands());
  op.node.op = name;
  op.node.inputs.push_back(op.context.constant(scalar_i32(axis)));
  return true;
}

Result<bool> concatenation(TfliteOperator& op) {
  const auto* options = op.options<tflite::ConcatenationOptions>();
  if (options == nullptr) return false;
  op.activation = options->activation();
  return with_axis(op, "ConcatV2", options->axis());
}

Result<bool> gather(TfliteOperator& op) {
  const auto* options = op.options<tflite::GatherOptions>();
  if (options != nullptr) op.node.attributes["batch_dims"] = int64_t{options->batch_dims()};
  return with_axis(op, "GatherV2", options == nullptr ? 0 : options->axis());
}

Result<bool> split(TfliteOperator& op, const char* name) {
  op.node.attributes["num_split"] = static_cast<int64_t>(op.outputs.size());
  return op.becomes(name);
}

Result<bool> pack(TfliteOperator& op) {
  const auto* options = op.options<tflite::PackOptions>();
  op.node.attributes["axis"] = int64_t{options == nullptr ? 0 : options->axis()};
  return op.becomes("Pack");
}

Result<bool> unpack(TfliteOperator& op) {
  const auto* options = op.options<tflite::UnpackOptions>();
  op.node.attributes["axis"] = int64_t{options == nullptr ? 0 : options->axis()};
  op.node.attributes["num"] = static_cast<int64_t>(op.outputs.size());
  return op.becomes("Unpack");
}

Result<bool> strided_slice(TfliteOperator& op) {
  const auto* options = op.options<tflite::StridedSliceOptions>();
  if (options != nullptr) {
    if (options->offset()) return false;
    op.node.attributes["begin_mask"] = int64_t{options->begin_mask()};
    op.node.attributes["end_mask"] = int64_t{options->end_mask()};
    op.node.attributes["ellipsis_mask"] = int64_t{options->ellipsis_mask()};
    op.node.attributes["new_axis_mask"] = int64_t{options->new_axis_mask()};
    op.node.attributes["shrink_axis_mask"] = int64_t{options->shrink_axis_mask()};
  }
  return op.becomes("StridedSlice");
}

Result<bool> mirror_pad(TfliteOperator& op) {
  const auto* options = op.options<tflite::MirrorPadOptions>();
  const bool symmetric = options != nullptr && options->mode() == tflite::MirrorPadMode::SYMMETRIC;
  op.node.attributes["mode"] = std::string(symmetric ? "SYMMETRIC" : "REFLECT");
  op.node.attributes["shape"] = op.input_shape(0);
  return op.becomes("MirrorPad");
}

Result<bool> space_batch(TfliteOperator& op, const char* name) {
  op.node.attributes["shape"] = op.input_shape(0);
  return op.becomes(name);
}

Result<bool> reduce(TfliteOperator& op, const char* name) {
  const auto* options = op.options<tflite::ReducerOptions>();
  op.node.attributes["keep_dims"] = options != nullptr && options->keep_dims();
  return op.becomes(name);
}

/// The element type of the result as an attribute.
Result<bool> typed(TfliteOperator& op, const char* name, const char* key) {
  const auto type = op.outputs.empty() ? std::nullopt : tflite_type(op.outputs[0]->type());
  if (!type) return false;
  op.node.attributes[key] = tf_type_name(*type);
  return op.becomes(name);
}

Result<bool> one_hot(TfliteOperator& op) {
  const auto* options = op.options<tflite::OneHotOptions>();
  op.node.attributes["axis"] = int64_t{options == nullptr ? -1 : options->axis()};
  return op.becomes("OneHot");
}

Result<bool> cumsum(TfliteOperator& op) {
  const auto* options = op.options<tflite::CumsumOptions>();
  op.node.attributes["exclusive"] = options != nullptr && options->exclusive();
  op.node.attributes["reverse"] = options != nullptr && options->reverse();
  return op.becomes("Cumsum");
}

/// A constant that the file's shapes alone decide.
Result<bool> known(TfliteOperator& op, Tensor value) {
  op.node.op = "Identity";
  op.node.inputs.push_back(op.context.constant(std::move(value)));
  return true;
}

// ---- element by element

Result<bool> leaky_relu(TfliteOperator& op) {
  const auto* options = op.options<tflite::LeakyReluOptions>();
  op.node.attributes["alpha"] = options == nullptr ? 0.0F : options->alpha();
  return op.becomes("LeakyRelu");
}

Result<bool> gelu(TfliteOperator& op) {
  const auto* options = op.options<tflite::GeluOptions>();
  op.node.attributes["approximate"] = options != nullptr && options->approximate();
  return op.becomes("Gelu");
}

Result<bool> cast(TfliteOperator& op) {  // of the integers as they are stored, quantised or not
  const auto type = op.outputs.empty() ? std::nullopt : tflite_type(op.outputs[0]->type());
  if (!type) return false;
  op.node.op = "Cast";
  op.node.attributes["DstT"] = tf_type_name(*type);
  TARSIER_TRY(std::string x, op.context.stored_operand(0));
  op.node.inputs.push_back(std::move(x));
  return true;
}

Result<bool> l2_normalisation(TfliteOperator& op) {
  if (const auto* options = op.options<tflite::L2NormOptions>()) op.activation = options->activation();
  return op.becomes("L2Normalize");
}

const TfliteTranslations& translations() {
  static const TfliteTranslations table = [] {
    TfliteTranslations out = {
        {"L2_NORMALIZATION", l2_normalisation},
        {"RESHAPE", reshape},
        {"SQUEEZE", squeeze},
        {"CONCATENATION", concatenation},
        {"GATHER", gather},
        {"SPLIT", [](auto& op) { return split(op, "Split"); }},
        {"SPLIT_V", [](auto& op) { return split(op, "SplitV"); }},
        {"PACK", pack},
        {"UNPACK", unpack},
        {"STRIDED_SLICE", strided_slice},
        {"MIRROR_PAD", mirror_pad},
        {"SPACE_TO_BATCH_ND", [](auto& op) { return space_batch(op, "SpaceToBatchND"); }},
        {"BATCH_TO_SPACE_ND", [](auto& op) { return space_batch(op, "BatchToSpaceND"); }},
        {"MEAN", [](auto& op) { return reduce(op, "Mean"); }},
        {"SUM", [](auto& op) { return reduce(op, "Sum"); }},
        {"REDUCE_MAX", [](auto& op) { return reduce(op, "Max"); }},
        {"REDUCE_MIN", [](auto& op) { return reduce(op, "Min"); }},
        {"REDUCE_PROD", [](auto& op) { return reduce(op, "Prod"); }},
        {"REDUCE_ANY", [](auto& op) { return reduce(op, "Any"); }},
        {"REDUCE_ALL", [](auto& op) { return reduce(op, "All"); }},
        {"ARG_MAX", [](auto& op) { return typed(op, "ArgMax", "output_type"); }},
        {"ARG_MIN", [](auto& op) { return typed(op, "ArgMin", "output_type"); }},
        {"SHAPE", [](auto& op) { return typed(op, "Shape", "out_type"); }},
        {"RANK",
         [](auto& op) { return known(op, scalar_i32(static_cast<int64_t>(op.input_shape(0).size()))); }},
        {"ONE_HOT", one_hot},
        {"CUMSUM", cumsum},
        {"CAST", cast},
        {"LEAKY_RELU", leaky_relu},
        {"GELU", gelu},
        {"ADD", [](auto& op) { return with_activation<tflite::AddOptions>(op, "AddV2"); }},
        {"SUB", [](auto& op) { return with_activation<tflite::SubOptions>(op, "Sub"); }},
        {"MUL", [](auto& op) { return with_activation<tflite::MulOptions>(op, "Mul"); }},
        {"DIV", [](auto& op) { return with_activation<tflite::DivOptions>(op, "RealDiv"); }},
    };
    add_layer_translations(out);
    add_control_translations(out);
    add_detection_translations(out);
    return out;
  }();
  return table;
}

/// Operators that are TensorFlow's under another name.
const std::unordered_map<std::string_view, const char*>& names() {
  static const std::unordered_map<std::string_view, const char*> table = {
      {"DEQUANTIZE", "Identity"},  // the operand is read as numbers anyway
      {"QUANTIZE", "Identity"},    // and the result is stored as its type says
      {"DENSIFY", "Identity"},     // sparse constants are spread out as they are read
      {"RELU", "Relu"},
      {"RELU6", "Relu6"},
      {"RELU_N1_TO_1", "ReluN1To1"},
      {"RELU_0_TO_1", "Relu0To1"},
      {"LOGISTIC", "Sigmoid"},
      {"TANH", "Tanh"},
      {"ELU", "Elu"},
      {"PRELU", "Prelu"},
      {"HARD_SWISH", "HardSwish"},
      {"LOG_SOFTMAX", "LogSoftmax"},
      {"EXP", "Exp"},
      {"LOG", "Log"},
      {"SQRT", "Sqrt"},
      {"RSQRT", "Rsqrt"},
      {"SQUARE", "Square"},
      {"ABS", "Abs"},
      {"NEG", "Neg"},
      {"SIN", "Sin"},
      {"COS", "Cos"},
      {"SIGN", "Sign"},
      {"FLOOR", "Floor"},
      {"CEIL", "Ceil"},
      {"ROUND", "Round"},
      {"LOGICAL_NOT", "LogicalNot"},
      {"LOGICAL_AND", "LogicalAnd"},
      {"LOGICAL_OR", "LogicalOr"},
      {"ADD_N", "AddN"},
      {"MAXIMUM", "Maximum"},
      {"MINIMUM", "Minimum"},
      {"POW", "Pow"},
      {"SQUARED_DIFFERENCE", "SquaredDifference"},
      {"FLOOR_DIV", "FloorDiv"},
      {"FLOOR_MOD", "FloorMod"},
      {"EQUAL", "Equal"},
      {"NOT_EQUAL", "NotEqual"},
      {"LESS", "Less"},
      {"LESS_EQUAL", "LessEqual"},
      {"GREATER", "Greater"},
      {"GREATER_EQUAL", "GreaterEqual"},
      {"SELECT", "Select"},
      {"SELECT_V2", "SelectV2"},
      {"EXPAND_DIMS", "ExpandDims"},
      {"TRANSPOSE", "Transpose"},
      {"SLICE", "Slice"},
      {"PAD", "Pad"},
      {"PADV2", "PadV2"},
      {"GATHER_ND", "GatherNd"},
      {"SCATTER_ND", "ScatterNd"},
      {"TILE", "Tile"},
      {"BROADCAST_TO", "BroadcastTo"},
      {"FILL", "Fill"},
      {"RANGE", "Range"},
      {"TOPK_V2", "TopKV2"},
      {"REVERSE_V2", "ReverseV2"},
      {"WHERE", "Where"},
      {"ZEROS_LIKE", "ZerosLike"},
  };
  return table;
}

}  // namespace

Shape TfliteOperator::input_shape(size_t index) const {
  if (index >= inputs.size() || inputs[index] == nullptr) return {};
  auto shape = tflite_shape(*inputs[index]);
  return shape.ok() ? *std::move(shape) : Shape();
}

Shape TfliteOperator::output_shape(size_t index) const {
  if (index >= outputs.size()) return {};
  auto shape = tflite_shape(*outputs[index]);
  return shape.ok() ? *std::move(shape) : Shape();
}

Status TfliteOperator::add_operands() {
  for (size_t i = 0; i < inputs.size(); ++i) {
    TARSIER_TRY(std::string operand, context.operand(i));
    node.inputs.push_back(std::move(operand));
  }
  while (!node.inputs.empty() && node.inputs.back().empty()) node.inputs.pop_back();  // an absent bias
  return {};
}

Result<bool> TfliteOperator::becomes(const char* tf_name) {
  node.op = tf_name;
  TARSIER_CHECK(add_operands());
  return true;
}

Result<bool> translate_tflite(TfliteOperator& op) {
  if (const auto found = translations().find(op.name); found != translations().end())
    return found->second(op);
  if (const auto found = names().find(op.name); found != names().end()) return op.becomes(found->second);
  return false;
}

}  // namespace tarsier::import
