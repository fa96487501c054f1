// TF operators that are bound to a layout: convolution, pooling, normalisation, resizing.
#include <algorithm>

#include "graph/passes/edit.hpp"
#include "import/tf_importer.hpp"

namespace tarsier::import {
namespace {

bool is_nhwc(const TfNode& node) {
  return node.text("data_format", "NHWC") == "NHWC";
}

/// strides or dilations [1,h,w,1] -> [h,w]
std::optional<std::vector<int64_t>> spatial(const TfNode& node, const char* key) {
  const std::vector<int64_t> all = node.integers(key);
  if (all.empty()) return std::vector<int64_t>{1, 1};
  if (all.size() != 4 || all[0] != 1 || all[3] != 1) return std::nullopt;
  return std::vector<int64_t>{all[1], all[2]};
}

/// TF's SAME splits an odd padding as ONNX's SAME_UPPER does; infer_shapes turns it into extents.
bool set_padding(const TfNode& node, Attributes& attributes) {
  const std::string padding = node.text("padding", "VALID");
  if (padding == "SAME") {
    attributes["auto_pad"] = std::string("SAME_UPPER");
  } else if (padding == "EXPLICIT") {
    const std::vector<int64_t> pads = node.integers("explicit_paddings");  // pairs for N, H, W, C
    if (pads.size() != 8) return false;
    attributes["pads"] = std::vector<int64_t>{pads[2], pads[4], pads[3], pads[5]};
  } else if (padding == "VALID") {
    attributes["pads"] = std::vector<int64_t>{0, 0, 0, 0};
  } else {
    return false;
  }
  return true;
}

/// The bias as a constant of C elements.
ValueId bias_of(TfImporter& tf, size_t index) {
  const Tensor* bias = tf.constant(index);
  if (bias == nullptr) return kNone;
  return tf.add_constant("bias", bias->reshaped({bias->size()}));
}

/// The activation that `fused_ops` names after BiasAdd; kNone where it is not known.
ValueId activation(TfImporter& tf, const TfNode& node, const std::string& name, ValueId x,
                   bool channels_first) {
  if (name == "Relu") return tf.emit("Relu", {x});
  if (name == "Relu6") return tf.emit("Clip", {x, tf.add_scalar("min", 0), tf.add_scalar("max", 6)});
  if (name == "Elu") return tf.emit("Elu", {x}, {{"alpha", 1.0F}});
  if (name == "Sigmoid") return tf.emit("Sigmoid", {x});
  if (name == "Tanh") return tf.emit("Tanh", {x});
  if (name == "LeakyRelu") return tf.emit("LeakyRelu", {x}, {{"alpha", node.real("leakyrelu_alpha", 0.2F)}});
  if (name == "Prelu" && tf.input_count() > 3) {
    const Tensor* slope = tf.constant(3);
    if (slope == nullptr) return kNone;
    return tf.emit("PRelu", {x, tf.operand(3, channels_first)});
  }
  return kNone;
}

struct FusedOps {
  bool bias = false;
  std::string activation;
};

std::optional<FusedOps> fused_ops(TfImporter& tf, const TfNode& node) {
  FusedOps fused;
  for (const std::string& op : node.texts("fused_ops")) {
    if (op == "BiasAdd" && !fused.bias && fused.activation.empty())
      fused.bias = true;
    else if (fused.activation.empty() && op != "FusedBatchNorm")
      fused.activation = op;
    else
      return std::nullopt;
  }
  static const std::unordered_set<std::string> kKnown = {"",        "Relu", "Relu6",     "Elu",
                                                         "Sigmoid", "Tanh", "LeakyRelu", "Prelu"};
  if (!kKnown.contains(fused.activation)) return std::nullopt;
  if (fused.bias && tf.constant(2) == nullptr) return std::nullopt;
  if (fused.activation == "Prelu" && tf.constant(3) == nullptr) return std::nullopt;
  return fused;
}

/// How a filter becomes O x I x H x W; filters of TensorFlow are H x W x I x O, of TensorFlow Lite
/// O x H x W x I and 1 x H x W x O where every group has one input channel.
const std::unordered_map<std::string, Ints>& filter_orders() {
  static const std::unordered_map<std::string, Ints> table = {{"Conv2D", {3, 2, 0, 1}},
                                                              {"_FusedConv2D", {3, 2, 0, 1}},
                                                              {"DepthwiseConv2dNative", {2, 3, 0, 1}},
                                                              {"FusedDepthwiseConv2dNative", {2, 3, 0, 1}},
                                                              {"Conv2dOhwi", {0, 3, 1, 2}},
                                                              {"DepthwiseConv2dOhwi", {3, 0, 1, 2}}};
  return table;
}

bool convolution(TfImporter& tf, const TfNode& node) {
  const Tensor* filter = tf.constant(1);
  const auto strides = spatial(node, "strides");
  const auto dilations = spatial(node, "dilations");
  const auto fused = fused_ops(tf, node);
  if (!is_nhwc(node) || filter == nullptr || filter->shape().size() != 4 || filter->dtype() != DType::kF32 ||
      !strides || !dilations || !fused)
    return false;
  Attributes attributes = {
      {"strides", *strides}, {"dilations", *dilations}, {"group", node.integer("group", 1)}};
  if (!set_padding(node, attributes)) return false;
  Tensor weights = graph::transposed(*filter, filter_orders().at(node.op));
  if (node.op.ends_with("DepthwiseConv2dNative")) {  // H, W, channel, multiplier
    const Shape& shape = filter->shape();
    weights = weights.reshaped({shape[2] * shape[3], 1, shape[0], shape[1]});
    attributes["group"] = shape[2];
  }
  attributes["kernel_shape"] = Ints{weights.shape()[2], weights.shape()[3]};
  if (fused->bias && tf.constant(2)->size() != weights.shape()[0]) return false;
  std::vector<ValueId> inputs = {tf.nchw(0), tf.add_constant("weights", std::move(weights))};
  if (fused->bias) inputs.push_back(bias_of(tf, 2));
  ValueId result =
      tf.emit("Conv", std::move(inputs), std::move(attributes), fused->activation.empty() ? "" : "conv");
  if (!fused->activation.empty()) result = activation(tf, node, fused->activation, result, true);
  tf.set_nchw(0, result);
  return true;
}

bool transposed_convolution(TfImporter& tf, const TfNode& node) {  // inputs: sizes, filter HWOI, gradient
  const auto sizes = tf.ints(0);
  const Tensor* filter = tf.constant(1);
  const auto strides = spatial(node, "strides");
  const auto dilations = spatial(node, "dilations");
  if (!is_nhwc(node) || !sizes || sizes->size() != 4 || filter == nullptr || filter->shape().size() != 4 ||
      !strides || !dilations)
    return false;
  const Shape shape = filter->shape();
  Attributes attributes = {{"strides", *strides},
                           {"dilations", *dilations},
                           {"kernel_shape", std::vector<int64_t>{shape[0], shape[1]}},
                           {"output_shape", std::vector<int64_t>{(*sizes)[1], (*sizes)[2]}}};
  if (!set_padding(node, attributes)) return false;
  const ValueId weights = tf.add_constant("weights", graph::transposed(*filter, {3, 2, 0, 1}));
  tf.set_nchw(0, tf.emit("ConvTranspose", {tf.nchw(2), weights}, std::move(attributes)));
  return true;
}

bool pooling(TfImporter& tf, const TfNode& node) {
  const auto kernel = spatial(node, "ksize");
  const auto strides = spatial(node, "strides");
  if (!is_nhwc(node) || !kernel || !strides) return false;
  Attributes attributes = {{"kernel_shape", *kernel}, {"strides", *strides}};
  if (!set_padding(node, attributes)) return false;
  tf.set_nchw(0,
              tf.emit(node.op == "MaxPool" ? "MaxPool" : "AveragePool", {tf.nchw(0)}, std::move(attributes)));
  return true;
}

bool batch_norm(TfImporter& tf, const TfNode& node) {
  if (!is_nhwc(node) || node.flag("is_training") || tf.input_count() < 5) return false;
  std::vector<ValueId> inputs = {tf.nchw(0)};
  for (size_t i = 1; i < 5; ++i) inputs.push_back(tf.as_is(i));
  tf.set_nchw(0,
              tf.emit("BatchNormalization", std::move(inputs), {{"epsilon", node.real("epsilon", 1e-4F)}}));
  return true;
}

bool resize(TfImporter& tf, const TfNode& node) {
  const bool corners = node.flag("align_corners"), half_pixel = node.flag("half_pixel_centers");
  const auto sizes = tf.ints(1);
  if (!sizes || sizes->size() != 2) return false;
  Attributes attributes = {{"axes", std::vector<int64_t>{2, 3}}};
  if (node.op == "ResizeBilinear") {
    attributes["mode"] = std::string("linear");
    attributes["coordinate_transformation_mode"] = std::string(corners      ? "align_corners"
                                                               : half_pixel ? "half_pixel"
                                                                            : "asymmetric");
  } else {
    attributes["mode"] = std::string("nearest");
    attributes["coordinate_transformation_mode"] = std::string(corners      ? "align_corners"
                                                               : half_pixel ? "tf_half_pixel_for_nn"
                                                                            : "asymmetric");
    attributes["nearest_mode"] = std::string(corners ? "round_prefer_ceil" : "floor");
  }
  const ValueId target = tf.add_ints("sizes", *sizes);
  tf.set_nchw(0, tf.emit("Resize", {tf.nchw(0), kNone, kNone, target}, std::move(attributes)));
  return true;
}

bool space_depth(TfImporter& tf, const TfNode& node) {
  if (!is_nhwc(node)) return false;
  Attributes attributes = {{"blocksize", node.integer("block_size", 2)}};
  if (node.op == "DepthToSpace") attributes["mode"] = std::string("DCR");
  tf.set_nchw(0, tf.emit(node.op, {tf.nchw(0)}, std::move(attributes)));
  return true;
}

bool local_response_normalisation(TfImporter& tf, const TfNode& node) {
  // ONNX divides alpha by the number of channels that are summed over; TF does not.
  const int64_t size = 2 * node.integer("depth_radius", 5) + 1;
  tf.set_nchw(0, tf.emit("LRN", {tf.nchw(0)},
                         {{"size", size},
                          {"bias", node.real("bias", 1)},
                          {"alpha", node.real("alpha", 1) * static_cast<float>(size)},
                          {"beta", node.real("beta", 0.5F)}}));
  return true;
}

bool bias_add(TfImporter& tf, const TfNode& node) {
  if (!is_nhwc(node) || tf.constant(1) == nullptr) return false;
  if (tf.prefers_nchw(0))
    tf.set_nchw(0, tf.emit("Add", {tf.nchw(0), tf.nchw(1)}));
  else
    tf.set_as_is(0, tf.emit("Add", {tf.as_is(0), tf.as_is(1)}), tf.rank(0));
  return true;
}

bool mat_mul(TfImporter& tf, const TfNode& node) {
  const auto fused = fused_ops(tf, node);
  if (!fused || tf.rank(0) != 2 || tf.rank(1) != 2) return false;
  std::vector<ValueId> inputs = {tf.as_is(0), tf.as_is(1)};
  if (fused->bias) inputs.push_back(tf.as_is(2));
  ValueId result =
      tf.emit("Gemm", std::move(inputs),
              {{"transA", int64_t{node.flag("transpose_a")}}, {"transB", int64_t{node.flag("transpose_b")}}},
              fused->activation.empty() ? "" : "matmul");
  if (!fused->activation.empty()) result = activation(tf, node, fused->activation, result, false);
  tf.set_as_is(0, result, 2);
  return true;
}

bool batch_mat_mul(TfImporter& tf, const TfNode& node) {
  const int rank = std::max(tf.rank(0), tf.rank(1));
  if (tf.rank(0) < 2 || tf.rank(1) < 2) return false;
  const auto operand = [&](size_t index, bool adjoint) {
    const ValueId id = tf.as_is(index);
    if (!adjoint) return id;
    std::vector<int64_t> perm(static_cast<size_t>(tf.rank(index)));
    for (size_t i = 0; i < perm.size(); ++i) perm[i] = static_cast<int64_t>(i);
    std::swap(perm[perm.size() - 1], perm[perm.size() - 2]);
    return tf.emit("Transpose", {id}, {{"perm", perm}}, fmt::format("adjoint{}", index));
  };
  tf.set_as_is(0, tf.emit("MatMul", {operand(0, node.flag("adj_x")), operand(1, node.flag("adj_y"))}), rank);
  return true;
}

}  // namespace

void add_layout_operators(TfOperators& table) {
  for (const auto& [name, order] : filter_orders()) table[name] = convolution;
  table["Conv2DBackpropInput"] = transposed_convolution;
  table["MaxPool"] = table["AvgPool"] = pooling;
  for (const char* name : {"FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3"})
    table[name] = batch_norm;
  table["ResizeBilinear"] = table["ResizeNearestNeighbor"] = resize;
  table["DepthToSpace"] = table["SpaceToDepth"] = space_depth;
  table["LRN"] = local_response_normalisation;
  table["BiasAdd"] = bias_add;
  table["MatMul"] = table["_FusedMatMul"] = mat_mul;
  table["BatchMatMul"] = table["BatchMatMulV2"] = batch_mat_mul;
}

}  // namespace tarsier::import
