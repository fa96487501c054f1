// What TensorFlow Lite has and TensorFlow has not: its operators' numbers, convolutions with the output
// channel first, dense layers.
#include <array>

#include "graph/passes/edit.hpp"
#include "import/tflite_detail.hpp"

namespace tarsier::import {
namespace {

using Attributes = std::map<std::string, graph::Attribute, std::less<>>;
using graph::kNone;
using graph::Tensor;
using graph::ValueId;
using Ints = std::vector<int64_t>;

/// By their number in the format.
constexpr std::array<std::string_view, 162> kOperatorNames = {"ADD",
                                                              "AVERAGE_POOL_2D",
                                                              "CONCATENATION",
                                                              "CONV_2D",
                                                              "DEPTHWISE_CONV_2D",
                                                              "DEPTH_TO_SPACE",
                                                              "DEQUANTIZE",
                                                              "EMBEDDING_LOOKUP",
                                                              "FLOOR",
                                                              "FULLY_CONNECTED",
                                                              "HASHTABLE_LOOKUP",
                                                              "L2_NORMALIZATION",
                                                              "L2_POOL_2D",
                                                              "LOCAL_RESPONSE_NORMALIZATION",
                                                              "LOGISTIC",
                                                              "LSH_PROJECTION",
                                                              "LSTM",
                                                              "MAX_POOL_2D",
                                                              "MUL",
                                                              "RELU",
                                                              "RELU_N1_TO_1",
                                                              "RELU6",
                                                              "RESHAPE",
                                                              "RESIZE_BILINEAR",
                                                              "RNN",
                                                              "SOFTMAX",
                                                              "SPACE_TO_DEPTH",
                                                              "SVDF",
                                                              "TANH",
                                                              "CONCAT_EMBEDDINGS",
                                                              "SKIP_GRAM",
                                                              "CALL",
                                                              "CUSTOM",
                                                              "EMBEDDING_LOOKUP_SPARSE",
                                                              "PAD",
                                                              "UNIDIRECTIONAL_SEQUENCE_RNN",
                                                              "GATHER",
                                                              "BATCH_TO_SPACE_ND",
                                                              "SPACE_TO_BATCH_ND",
                                                              "TRANSPOSE",
                                                              "MEAN",
                                                              "SUB",
                                                              "DIV",
                                                              "SQUEEZE",
                                                              "UNIDIRECTIONAL_SEQUENCE_LSTM",
                                                              "STRIDED_SLICE",
                                                              "BIDIRECTIONAL_SEQUENCE_RNN",
                                                              "EXP",
                                                              "TOPK_V2",
                                                              "SPLIT",
                                                              "LOG_SOFTMAX",
                                                              "DELEGATE",
                                                              "BIDIRECTIONAL_SEQUENCE_LSTM",
                                                              "CAST",
                                                              "PRELU",
                                                              "MAXIMUM",
                                                              "ARG_MAX",
                                                              "MINIMUM",
                                                              "LESS",
                                                              "NEG",
                                                              "PADV2",
                                                              "GREATER",
                                                              "GREATER_EQUAL",
                                                              "LESS_EQUAL",
                                                              "SELECT",
                                                              "SLICE",
                                                              "SIN",
                                                              "TRANSPOSE_CONV",
                                                              "SPARSE_TO_DENSE",
                                                              "TILE",
                                                              "EXPAND_DIMS",
                                                              "EQUAL",
                                                              "NOT_EQUAL",
                                                              "LOG",
                                                              "SUM",
                                                              "SQRT",
                                                              "RSQRT",
                                                              "SHAPE",
                                                              "POW",
                                                              "ARG_MIN",
                                                              "FAKE_QUANT",
                                                              "REDUCE_PROD",
                                                              "REDUCE_MAX",
                                                              "PACK",
                                                              "LOGICAL_OR",
                                                              "ONE_HOT",
                                                              "LOGICAL_AND",
                                                              "LOGICAL_NOT",
                                                              "UNPACK",
                                                              "REDUCE_MIN",
                                                              "FLOOR_DIV",
                                                              "REDUCE_ANY",
                                                              "SQUARE",
                                                              "ZEROS_LIKE",
                                                              "FILL",
                                                              "FLOOR_MOD",
                                                              "RANGE",
                                                              "RESIZE_NEAREST_NEIGHBOR",
                                                              "LEAKY_RELU",
                                                              "SQUARED_DIFFERENCE",
                                                              "MIRROR_PAD",
                                                              "ABS",
                                                              "SPLIT_V",
                                                              "UNIQUE",
                                                              "CEIL",
                                                              "REVERSE_V2",
                                                              "ADD_N",
                                                              "GATHER_ND",
                                                              "COS",
                                                              "WHERE",
                                                              "RANK",
                                                              "ELU",
                                                              "REVERSE_SEQUENCE",
                                                              "MATRIX_DIAG",
                                                              "QUANTIZE",
                                                              "MATRIX_SET_DIAG",
                                                              "ROUND",
                                                              "HARD_SWISH",
                                                              "IF",
                                                              "WHILE",
                                                              "NON_MAX_SUPPRESSION_V4",
                                                              "NON_MAX_SUPPRESSION_V5",
                                                              "SCATTER_ND",
                                                              "SELECT_V2",
                                                              "DENSIFY",
                                                              "SEGMENT_SUM",
                                                              "BATCH_MATMUL",
                                                              "PLACEHOLDER_FOR_GREATER_OP_CODES",
                                                              "CUMSUM",
                                                              "CALL_ONCE",
                                                              "BROADCAST_TO",
                                                              "RFFT2D",
                                                              "CONV_3D",
                                                              "IMAG",
                                                              "REAL",
                                                              "COMPLEX_ABS",
                                                              "HASHTABLE",
                                                              "HASHTABLE_FIND",
                                                              "HASHTABLE_IMPORT",
                                                              "HASHTABLE_SIZE",
                                                              "REDUCE_ALL",
                                                              "CONV_3D_TRANSPOSE",
                                                              "VAR_HANDLE",
                                                              "READ_VARIABLE",
                                                              "ASSIGN_VARIABLE",
                                                              "BROADCAST_ARGS",
                                                              "RANDOM_STANDARD_NORMAL",
                                                              "BUCKETIZE",
                                                              "RANDOM_UNIFORM",
                                                              "MULTINOMIAL",
                                                              "GELU",
                                                              "DYNAMIC_UPDATE_SLICE",
                                                              "RELU_0_TO_1",
                                                              "UNSORTED_SEGMENT_PROD",
                                                              "UNSORTED_SEGMENT_MAX",
                                                              "UNSORTED_SEGMENT_SUM",
                                                              "ATAN2",
                                                              "UNSORTED_SEGMENT_MIN",
                                                              "SIGN",
                                                              "BITCAST",
                                                              "BITWISE_XOR",
                                                              "RIGHT_SHIFT"};

Ints spatial(const TfNode& node, const char* key) {  // [1, h, w, 1]
  const Ints all = node.integers(key);
  return {all[1], all[2]};
}

std::optional<ValueId> bias_of(TfImporter& tf, size_t index) {
  if (tf.input_count() <= index) return kNone;
  const Tensor* bias = tf.constant(index);
  if (bias == nullptr) return std::nullopt;
  return tf.add_constant("bias", bias->reshaped({bias->size()}));
}

/// x, filter, bias. Filter: O x H x W x I, or 1 x H x W x O where every group has one input channel.
bool convolution(TfImporter& tf, const TfNode& node) {
  const Tensor* filter = tf.constant(1);
  const auto bias = bias_of(tf, 2);
  if (filter == nullptr || filter->dtype() != graph::DType::kF32 || !bias) return false;
  const graph::Shape shape = filter->shape();
  const bool depthwise = node.op == "DepthwiseConv2dOhwi";
  const int64_t outputs = depthwise ? shape[3] : shape[0];
  if (*bias != kNone && tf.constant(2)->size() != outputs) return false;
  Attributes attributes = {{"strides", spatial(node, "strides")},
                           {"dilations", spatial(node, "dilations")},
                           {"kernel_shape", Ints{shape[1], shape[2]}},
                           {"group", node.integer("group", 1)}};
  if (node.text("padding", "VALID") == "SAME")
    attributes["auto_pad"] = std::string("SAME_UPPER");
  else
    attributes["pads"] = Ints{0, 0, 0, 0};
  Tensor weights = graph::transposed(*filter, depthwise ? Ints{3, 0, 1, 2} : Ints{0, 3, 1, 2});
  std::vector<ValueId> inputs = {tf.nchw(0), tf.add_constant("weights", std::move(weights))};
  if (*bias != kNone) inputs.push_back(*bias);
  tf.set_nchw(0, tf.emit("Conv", std::move(inputs), std::move(attributes)));
  return true;
}

/// x, filter O x H x W x I, bias.
bool transposed_convolution(TfImporter& tf, const TfNode& node) {
  const Tensor* filter = tf.constant(1);
  const auto bias = bias_of(tf, 2);
  if (filter == nullptr || filter->dtype() != graph::DType::kF32 || !bias) return false;
  const graph::Shape shape = filter->shape();
  if (*bias != kNone && tf.constant(2)->size() != shape[0]) return false;
  std::vector<ValueId> inputs = {tf.nchw(0),
                                 tf.add_constant("weights", graph::transposed(*filter, {3, 0, 1, 2}))};
  if (*bias != kNone) inputs.push_back(*bias);
  tf.set_nchw(0, tf.emit("ConvTranspose", std::move(inputs),
                         {{"strides", node.integers("strides")},
                          {"pads", node.integers("pads")},
                          {"output_padding", node.integers("output_padding")},
                          {"kernel_shape", Ints{shape[1], shape[2]}}}));
  return true;
}

/// x with any number of leading dimensions, weights [outputs, inputs], bias.
bool fully_connected(TfImporter& tf, const TfNode& node) {
  const Ints shape = node.integers("shape");
  ValueId x = tf.as_is(0);
  if (tf.rank(0) != 2) x = tf.emit("Reshape", {x, tf.add_ints("rows", node.integers("rows"))}, {}, "rows");
  std::vector<ValueId> inputs = {x, tf.as_is(1)};
  if (tf.input_count() > 2) {
    const auto bias = bias_of(tf, 2);
    if (!bias) return false;
    inputs.push_back(*bias);
  }
  const bool flat = shape.size() == 2;
  ValueId y = tf.emit("Gemm", std::move(inputs), {{"transB", int64_t{1}}}, flat ? "" : "matmul");
  if (!flat) y = tf.emit("Reshape", {y, tf.add_ints("shape", shape)});
  tf.set_as_is(0, y, static_cast<int>(shape.size()));
  return true;
}

}  // namespace

std::string tflite_operator_name(int32_t code) {
  if (code >= 0 && static_cast<size_t>(code) < kOperatorNames.size())
    return std::string(kOperatorNames[static_cast<size_t>(code)]);
  return fmt::format("operator {}", code);
}

TfOperators tflite_operators() {
  TfOperators table = tf_operators();
  table["Conv2dOhwi"] = table["DepthwiseConv2dOhwi"] = convolution;
  table["Conv2dTransposeOhwi"] = transposed_convolution;
  table["FullyConnected"] = fully_connected;
  return table;
}

}  // namespace tarsier::import
