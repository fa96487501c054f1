// The operators of a TensorFlow Lite file as TensorFlow's nodes. Where the two differ: weights of
// convolutions are O x H x W x I, activations hang on other operators, and shapes and axes may be options or
// operands.
#include <algorithm>
#include <cstring>

#include "import/tflite_detail.hpp"

namespace tarsier::import {
namespace {

using graph::Shape;
using graph::Tensor;
using Ints = std::vector<int64_t>;

Tensor scalar_i32(int64_t value) {
  const auto narrow = static_cast<int32_t>(value);
  return Tensor::of<int32_t>(graph::DType::kI32, {}, std::span(&narrow, 1));
}

Tensor list_i32(const Ints& values) {
  const std::vector<int32_t> narrow(values.begin(), values.end());
  return Tensor::of<int32_t>(graph::DType::kI32, {static_cast<int64_t>(narrow.size())}, narrow);
}

std::string padding_text(tflite::Padding padding) {
  return padding == tflite::Padding::SAME ? "SAME" : "VALID";
}

bool positive(std::initializer_list<int64_t> values) {
  return std::ranges::all_of(values, [](int64_t value) { return value > 0; });
}

template <class Options>
void set_window(TfliteOperator& op, const Options& options) {
  op.node.attributes["padding"] = padding_text(options.padding());
  op.node.attributes["strides"] = Ints{1, options.stride_h(), options.stride_w(), 1};
  op.activation = options.activation();
}

/// The operator by its name in TensorFlow, operands as they are.
Result<bool> named(TfliteOperator& op, const char* name) {
  op.node.op = name;
  TARSIER_CHECK(op.add_operands());
  return true;
}

template <class Options>
Result<bool> with_activation(TfliteOperator& op, const char* name) {
  if (const auto* options = op.options<Options>()) op.activation = options->activation();
  return named(op, name);
}

// ---- convolution, pooling, products

Result<bool> convolution(TfliteOperator& op) {
  const auto* options = op.options<tflite::Conv2DOptions>();
  const Shape x = op.input_shape(0), filter = op.input_shape(1);
  if (options == nullptr || x.size() != 4 || filter.size() != 4 || filter[3] <= 0 || x[3] % filter[3] != 0 ||
      !positive({options->stride_h(), options->stride_w(), options->dilation_h(), options->dilation_w()}))
    return false;
  set_window(op, *options);
  op.node.attributes["dilations"] = Ints{1, options->dilation_h(), options->dilation_w(), 1};
  op.node.attributes["group"] = x[3] / filter[3];
  return named(op, "Conv2dOhwi");
}

Result<bool> depthwise_convolution(TfliteOperator& op) {
  const auto* options = op.options<tflite::DepthwiseConv2DOptions>();
  const Shape x = op.input_shape(0), filter = op.input_shape(1);
  if (options == nullptr || x.size() != 4 || filter.size() != 4 || filter[0] != 1 || x[3] <= 0 ||
      filter[3] % x[3] != 0 ||
      !positive({options->stride_h(), options->stride_w(), options->dilation_h(), options->dilation_w()}))
    return false;
  set_window(op, *options);
  op.node.attributes["dilations"] = Ints{1, options->dilation_h(), options->dilation_w(), 1};
  op.node.attributes["group"] = x[3];
  return named(op, "DepthwiseConv2dOhwi");
}

/// x, filter, bias of a transposed convolution whose result has the extents that the file tells. Its padding
/// is what the full result has more than that, the smaller half of it before.
Result<bool> transposed_convolution(TfliteOperator& op, std::initializer_list<size_t> operands,
                                    Ints strides) {
  const Shape x = op.input_shape(*operands.begin()), filter = op.input_shape(1), y = op.output_shape(0);
  if (x.size() != 4 || filter.size() != 4 || y.size() != 4 || !positive({strides[0], strides[1]}))
    return false;
  Ints pads(4), more(2);
  for (size_t axis = 0; axis < 2; ++axis) {
    const int64_t full = (x[axis + 1] - 1) * strides[axis] + filter[axis + 1];
    const int64_t total = full - y[axis + 1];
    pads[axis] = std::max<int64_t>(total, 0) / 2;
    pads[axis + 2] = std::max<int64_t>(total, 0) - pads[axis];
    more[axis] = std::max<int64_t>(-total, 0);
    if (more[axis] >= strides[axis] && more[axis] > 0) return false;
  }
  op.node.op = "Conv2dTransposeOhwi";
  op.node.attributes["strides"] = std::move(strides);
  op.node.attributes["pads"] = std::move(pads);
  op.node.attributes["output_padding"] = std::move(more);
  for (const size_t index : operands) {
    if (index >= op.inputs.size() || op.inputs[index] == nullptr) continue;
    TARSIER_TRY(std::string operand, op.context.operand(index));
    op.node.inputs.push_back(std::move(operand));
  }
  return true;
}

Result<bool> transpose_conv(TfliteOperator& op) {  // output shape, filter, x, bias
  const auto* options = op.options<tflite::TransposeConvOptions>();
  if (options == nullptr) return false;
  op.activation = options->activation();
  return transposed_convolution(op, {2, 1, 3}, {options->stride_h(), options->stride_w()});
}

/// MediaPipe's custom operator: x, filter, bias. Its options are three ints: padding, strides along x and y.
Result<bool> mediapipe_transpose_conv(TfliteOperator& op) {
  const auto bytes = op.custom_options();
  int32_t numbers[3];
  if (bytes.size() < sizeof numbers) return false;
  std::memcpy(numbers, bytes.data(), sizeof numbers);
  return transposed_convolution(op, {0, 1, 2}, {numbers[2], numbers[1]});
}

Result<bool> pooling(TfliteOperator& op, const char* name) {
  const auto* options = op.options<tflite::Pool2DOptions>();
  if (options == nullptr || op.input_shape(0).size() != 4 ||
      !positive({options->stride_h(), options->stride_w(), options->filter_h(), options->filter_w()}))
    return false;
  set_window(op, *options);
  op.node.attributes["ksize"] = Ints{1, options->filter_h(), options->filter_w(), 1};
  return named(op, name);
}

Result<bool> fully_connected(TfliteOperator& op) {
  const auto* options = op.options<tflite::FullyConnectedOptions>();
  const Shape weights = op.input_shape(1), y = op.output_shape(0);
  if (weights.size() != 2 || (options != nullptr && options->weights_format() != 0)) return false;
  if (options != nullptr) op.activation = options->activation();
  op.node.attributes["rows"] = Ints{-1, weights[1]};
  op.node.attributes["shape"] = y;
  return named(op, "FullyConnected");
}

Result<bool> batch_mat_mul(TfliteOperator& op) {
  if (const auto* options = op.options<tflite::BatchMatMulOptions>()) {
    op.node.attributes["adj_x"] = options->adj_x();
    op.node.attributes["adj_y"] = options->adj_y();
  }
  return named(op, "BatchMatMulV2");
}

template <class Options>
Result<bool> resize(TfliteOperator& op, const char* name) {
  if (op.input_shape(0).size() != 4) return false;
  if (const auto* options = op.options<Options>()) {
    op.node.attributes["align_corners"] = options->align_corners();
    op.node.attributes["half_pixel_centers"] = options->half_pixel_centers();
  }
  return named(op, name);
}

template <class Options>
Result<bool> space_depth(TfliteOperator& op, const char* name) {
  const auto* options = op.options<Options>();
  if (options == nullptr || options->block_size() <= 0 || op.input_shape(0).size() != 4) return false;
  op.node.attributes["block_size"] = int64_t{options->block_size()};
  return named(op, name);
}

Result<bool> local_response_normalisation(TfliteOperator& op) {
  const auto* options = op.options<tflite::LocalResponseNormalizationOptions>();
  if (options == nullptr || op.input_shape(0).size() != 4 || options->radius() < 0) return false;
  op.node.attributes["depth_radius"] = int64_t{options->radius()};
  op.node.attributes["bias"] = options->bias();
  op.node.attributes["alpha"] = options->alpha();
  op.node.attributes["beta"] = options->beta();
  return named(op, "LRN");
}

Result<bool> softmax(TfliteOperator& op) {
  const auto* options = op.options<tflite::SoftmaxOptions>();
  if (options != nullptr) op.node.attributes["beta"] = options->beta();
  return named(op, "Softmax");
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
  if (axes.empty()) return named(op, "Identity");
  op.node.attributes["squeeze_dims"] = std::move(axes);
  return named(op, "Squeeze");
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
  return named(op, name);
}

Result<bool> pack(TfliteOperator& op) {
  const auto* options = op.options<tflite::PackOptions>();
  op.node.attributes["axis"] = int64_t{options == nullptr ? 0 : options->axis()};
  return named(op, "Pack");
}

Result<bool> unpack(TfliteOperator& op) {
  const auto* options = op.options<tflite::UnpackOptions>();
  op.node.attributes["axis"] = int64_t{options == nullptr ? 0 : options->axis()};
  op.node.attributes["num"] = static_cast<int64_t>(op.outputs.size());
  return named(op, "Unpack");
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
  return named(op, "StridedSlice");
}

Result<bool> mirror_pad(TfliteOperator& op) {
  const auto* options = op.options<tflite::MirrorPadOptions>();
  const bool symmetric = options != nullptr && options->mode() == tflite::MirrorPadMode::SYMMETRIC;
  op.node.attributes["mode"] = std::string(symmetric ? "SYMMETRIC" : "REFLECT");
  op.node.attributes["shape"] = op.input_shape(0);
  return named(op, "MirrorPad");
}

Result<bool> space_batch(TfliteOperator& op, const char* name) {
  op.node.attributes["shape"] = op.input_shape(0);
  return named(op, name);
}

Result<bool> reduce(TfliteOperator& op, const char* name) {
  const auto* options = op.options<tflite::ReducerOptions>();
  op.node.attributes["keep_dims"] = options != nullptr && options->keep_dims();
  return named(op, name);
}

/// The element type of the result as an attribute.
Result<bool> typed(TfliteOperator& op, const char* name, const char* key) {
  const auto type = op.outputs.empty() ? std::nullopt : tflite_type(op.outputs[0]->type());
  if (!type) return false;
  op.node.attributes[key] = tf_type_name(*type);
  return named(op, name);
}

Result<bool> one_hot(TfliteOperator& op) {
  const auto* options = op.options<tflite::OneHotOptions>();
  op.node.attributes["axis"] = int64_t{options == nullptr ? -1 : options->axis()};
  return named(op, "OneHot");
}

Result<bool> cumsum(TfliteOperator& op) {
  const auto* options = op.options<tflite::CumsumOptions>();
  op.node.attributes["exclusive"] = options != nullptr && options->exclusive();
  op.node.attributes["reverse"] = options != nullptr && options->reverse();
  return named(op, "Cumsum");
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
  return named(op, "LeakyRelu");
}

Result<bool> gelu(TfliteOperator& op) {
  const auto* options = op.options<tflite::GeluOptions>();
  op.node.attributes["approximate"] = options != nullptr && options->approximate();
  return named(op, "Gelu");
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
  return named(op, "L2Normalize");
}

using Translation = Result<bool> (*)(TfliteOperator& op);

const std::unordered_map<std::string_view, Translation>& translations() {
  static const std::unordered_map<std::string_view, Translation> table = {
      {"CONV_2D", convolution},
      {"DEPTHWISE_CONV_2D", depthwise_convolution},
      {"TRANSPOSE_CONV", transpose_conv},
      {"Convolution2DTransposeBias", mediapipe_transpose_conv},
      {"FULLY_CONNECTED", fully_connected},
      {"BATCH_MATMUL", batch_mat_mul},
      {"AVERAGE_POOL_2D", [](auto& op) { return pooling(op, "AvgPool"); }},
      {"MAX_POOL_2D", [](auto& op) { return pooling(op, "MaxPool"); }},
      {"RESIZE_BILINEAR",
       [](auto& op) { return resize<tflite::ResizeBilinearOptions>(op, "ResizeBilinear"); }},
      {"RESIZE_NEAREST_NEIGHBOR",
       [](auto& op) { return resize<tflite::ResizeNearestNeighborOptions>(op, "ResizeNearestNeighbor"); }},
      {"DEPTH_TO_SPACE",
       [](auto& op) { return space_depth<tflite::DepthToSpaceOptions>(op, "DepthToSpace"); }},
      {"SPACE_TO_DEPTH",
       [](auto& op) { return space_depth<tflite::SpaceToDepthOptions>(op, "SpaceToDepth"); }},
      {"LOCAL_RESPONSE_NORMALIZATION", local_response_normalisation},
      {"SOFTMAX", softmax},
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

Result<bool> translate_tflite(TfliteOperator& op) {
  if (const auto found = translations().find(op.name); found != translations().end())
    return found->second(op);
  if (const auto found = names().find(op.name); found != names().end()) return named(op, found->second);
  return false;
}

}  // namespace tarsier::import
