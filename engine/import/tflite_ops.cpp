// What TensorFlow Lite has and TensorFlow has not.
#include "graph/passes/edit.hpp"
#include "import/tflite_detail.hpp"

namespace tarsier::import {
namespace {

std::optional<ValueId> bias_of(TfImporter& tf, size_t index) {
  if (tf.input_count() <= index) return kNone;
  const Tensor* bias = tf.constant(index);
  if (bias == nullptr) return std::nullopt;
  return tf.add_constant("bias", bias->reshaped({bias->size()}));
}

/// x, filter O x H x W x I, bias.
bool transposed_convolution(TfImporter& tf, const TfNode& node) {
  const Tensor* filter = tf.constant(1);
  const auto bias = bias_of(tf, 2);
  if (filter == nullptr || filter->dtype() != DType::kF32 || !bias) return false;
  const Shape shape = filter->shape();
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
  const std::string name = tflite::EnumNameBuiltinOperator(static_cast<tflite::BuiltinOperator>(code));
  return name.empty() ? fmt::format("operator {}", code) : name;
}

TfOperators tflite_operators() {
  TfOperators table = tf_operators();
  table["Conv2dTransposeOhwi"] = transposed_convolution;
  table["FullyConnected"] = fully_connected;
  add_control_operators(table);
  add_detection_operators(table);
  return table;
}

}  // namespace tarsier::import
