// The layers of a TensorFlow Lite file, convolutions, pools, products and the like, as TensorFlow's nodes.
// Weights of convolutions are O x H x W x I here, and an activation may hang on each layer.
#include <algorithm>
#include <cstring>

#include "import/tflite_detail.hpp"

namespace tarsier::import {
namespace {

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

/// x, filter and, where there is one, bias.
template <class Options>
Result<bool> convolution(TfliteOperator& op, const Options& options, int64_t groups, const char* name) {
  if (!positive({options.stride_h(), options.stride_w(), options.dilation_h(), options.dilation_w()}))
    return false;
  set_window(op, options);
  op.node.attributes["dilations"] = Ints{1, options.dilation_h(), options.dilation_w(), 1};
  op.node.attributes["group"] = groups;
  if (op.inputs.size() > 2 && op.inputs[2] != nullptr)
    op.node.attributes["fused_ops"] = std::vector<std::string>{"BiasAdd"};
  return op.becomes(name);
}

Result<bool> conv_2d(TfliteOperator& op) {
  const auto* options = op.options<tflite::Conv2DOptions>();
  const Shape x = op.input_shape(0), filter = op.input_shape(1);
  if (options == nullptr || x.size() != 4 || filter.size() != 4 || filter[3] <= 0 || x[3] % filter[3] != 0)
    return false;
  return convolution(op, *options, x[3] / filter[3], "Conv2dOhwi");
}

Result<bool> depthwise_conv_2d(TfliteOperator& op) {
  const auto* options = op.options<tflite::DepthwiseConv2DOptions>();
  const Shape x = op.input_shape(0), filter = op.input_shape(1);
  if (options == nullptr || x.size() != 4 || filter.size() != 4 || filter[0] != 1 || x[3] <= 0 ||
      filter[3] % x[3] != 0)
    return false;
  return convolution(op, *options, x[3], "DepthwiseConv2dOhwi");
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
  return op.becomes(name);
}

Result<bool> fully_connected(TfliteOperator& op) {
  const auto* options = op.options<tflite::FullyConnectedOptions>();
  const Shape weights = op.input_shape(1), y = op.output_shape(0);
  if (weights.size() != 2 || (options != nullptr && options->weights_format() != 0)) return false;
  if (options != nullptr) op.activation = options->activation();
  op.node.attributes["rows"] = Ints{-1, weights[1]};
  op.node.attributes["shape"] = y;
  return op.becomes("FullyConnected");
}

Result<bool> batch_mat_mul(TfliteOperator& op) {
  if (const auto* options = op.options<tflite::BatchMatMulOptions>()) {
    op.node.attributes["adj_x"] = options->adj_x();
    op.node.attributes["adj_y"] = options->adj_y();
  }
  return op.becomes("BatchMatMulV2");
}

template <class Options>
Result<bool> resize(TfliteOperator& op, const char* name) {
  if (op.input_shape(0).size() != 4) return false;
  if (const auto* options = op.options<Options>()) {
    op.node.attributes["align_corners"] = options->align_corners();
    op.node.attributes["half_pixel_centers"] = options->half_pixel_centers();
  }
  return op.becomes(name);
}

template <class Options>
Result<bool> space_depth(TfliteOperator& op, const char* name) {
  const auto* options = op.options<Options>();
  if (options == nullptr || options->block_size() <= 0 || op.input_shape(0).size() != 4) return false;
  op.node.attributes["block_size"] = int64_t{options->block_size()};
  return op.becomes(name);
}

Result<bool> local_response_normalisation(TfliteOperator& op) {
  const auto* options = op.options<tflite::LocalResponseNormalizationOptions>();
  if (options == nullptr || op.input_shape(0).size() != 4 || options->radius() < 0) return false;
  op.node.attributes["depth_radius"] = int64_t{options->radius()};
  op.node.attributes["bias"] = options->bias();
  op.node.attributes["alpha"] = options->alpha();
  op.node.attributes["beta"] = options->beta();
  return op.becomes("LRN");
}

Result<bool> softmax(TfliteOperator& op) {
  const auto* options = op.options<tflite::SoftmaxOptions>();
  if (options != nullptr) op.node.attributes["beta"] = options->beta();
  return op.becomes("Softmax");
}

}  // namespace

void add_layer_translations(TfliteTranslations& table) {
  table.insert(
      {{"CONV_2D", conv_2d},
       {"DEPTHWISE_CONV_2D", depthwise_conv_2d},
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
       {"SOFTMAX", softmax}});
}

}  // namespace tarsier::import
