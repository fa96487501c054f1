// Convolutions of other ranks than 4, written out as 2-D ones, for which there are fast kernels.
#include <algorithm>

#include "kernels/conv_geometry.hpp"

namespace tarsier::kernels {
namespace {

using graph::NodeBuilder;
using graph::ValueId;

std::vector<ValueId> operands(const NodeBuilder& builder, ValueId x, ValueId weights) {
  std::vector<ValueId> ids{x, weights};
  if (builder.input(2) != graph::kNone) ids.push_back(builder.input(2));
  return ids;
}

/// An attribute's values of the first spatial axis, which are taken away: one, or two of pads.
std::vector<int64_t> take_first(NodeBuilder::Attributes& attributes, const graph::Node& node,
                                std::string_view key, size_t axes, int64_t fallback) {
  const size_t per_axis = key == "pads" ? 2 : 1;
  auto values = node.integers(key, std::vector<int64_t>(axes * per_axis, fallback));
  if (values.size() != axes * per_axis) return {};
  std::vector<int64_t> taken;
  for (size_t i = per_axis; i-- > 0;) {
    taken.insert(taken.begin(), values[i * axes]);
    values.erase(values.begin() + int64_t(i * axes));
  }
  attributes[std::string(key)] = std::move(values);
  return taken;
}

/// x with zeros before and behind axis 2; negative counts crop.
ValueId padded_depth(NodeBuilder& builder, ValueId x, size_t rank, int64_t before, int64_t after) {
  if (before == 0 && after == 0) return x;
  std::vector<int64_t> pads(rank * 2, 0);
  pads[2] = before;
  pads[rank + 2] = after;
  return builder.add("Pad", {x, builder.ints(pads)});
}

}  // namespace

Status write_conv_with_unit_axis(NodeBuilder& builder) {
  const graph::Node& node = builder.node();
  Shape weights = builder.shape(1);
  if (weights.size() != 3) return input_error("weights {} do not fit rank 3", graph::to_string(weights));
  weights.insert(weights.begin() + 2, 1);
  const auto axis = builder.ints({2});
  const auto x = builder.add("Unsqueeze", {builder.input(0), axis});
  const auto y = builder.add(node.op, operands(builder, x, builder.reshape(builder.input(1), weights)),
                             with_unit_axis(node));
  builder.set_output(0, builder.add("Squeeze", {y, axis}));
  return {};
}

// The first spatial axis (depth) moves into the batch; its taps become channels. With x' the padded input,
//   y[n, :, z] = sum over k, c of w[:, c, k] * x'[n, c, z * stride + k * dilation]
// is a convolution over one axis less of the images u[n, z] with the channels (c, k). A transposed one is the
// same of an input with stride - 1 zeros between its slices, the taps reversed.
Status write_conv_over_batch(NodeBuilder& builder, bool transposed) {
  const graph::Node& node = builder.node();
  const Shape x_shape = builder.shape(0);
  Shape w_shape = builder.shape(1);
  const size_t rank = x_shape.size(), axes = rank - 2;
  if (rank > 7 || w_shape.size() != rank) {
    return input_error("weights {} for input {} (rank 7 at most)", graph::to_string(w_shape),
                       graph::to_string(x_shape));
  }
  if (const auto automatic = node.text("auto_pad", "NOTSET"); automatic != "NOTSET") {
    return input_error("auto_pad={}", automatic);
  }
  auto attributes = node.attributes;
  const auto strides = take_first(attributes, node, "strides", axes, 1);
  const auto dilations = take_first(attributes, node, "dilations", axes, 1);
  const auto pads = take_first(attributes, node, "pads", axes, 0);
  const auto kernels = take_first(attributes, node, "kernel_shape", axes, 1);
  const auto extra = take_first(attributes, node, "output_padding", axes, 0);
  if (strides.empty() || dilations.empty() || pads.empty() || kernels.empty() || extra.empty()) {
    return input_error("strides, dilations, pads or output_padding do not fit {}", graph::to_string(x_shape));
  }
  if (!transposed) attributes.erase("output_padding");
  if (!node.has("kernel_shape")) attributes.erase("kernel_shape");
  const int64_t stride = strides[0], dilation = dilations[0], taps = w_shape[2];
  const int64_t reach = (taps - 1) * dilation;
  int64_t depth = x_shape[2];
  if (stride < 1 || dilation < 1 || taps < 1 || depth < 1) return input_error("an empty axis");

  ValueId x = builder.input(0);
  int64_t outputs = 0;
  if (transposed) {
    if (stride > 1) {
      Shape apart = x_shape, together = x_shape;
      apart.insert(apart.begin() + 3, 1);
      together[2] = depth * stride;
      std::vector<int64_t> zeros(apart.size() * 2, 0);
      zeros[apart.size() + 3] = stride - 1;
      x = builder.add("Pad", {builder.reshape(x, apart), builder.ints(zeros)});
      x = builder.reshape(x, together);
    }
    const int64_t spread = (depth - 1) * stride + 1;
    outputs = spread + reach + extra[0] - pads[0] - pads[1];
    // Behind the last slice lie stride - 1 zeros already.
    x = padded_depth(builder, x, rank, reach - pads[0], outputs + reach - (reach - pads[0]) - depth * stride);
    depth = outputs + reach;
  } else {
    x = padded_depth(builder, x, rank, pads[0], pads[1]);
    depth += pads[0] + pads[1];
    outputs = depth <= reach ? 0 : (depth - reach - 1) / stride + 1;
  }
  if (outputs < 1) return input_error("the output would have an extent of {}", outputs);

  // [N, C, taps, outputs, ...] -> [N, outputs, C, taps, ...] -> [N * outputs, C * taps, ...]
  const int64_t step = transposed ? 1 : stride;
  std::vector<ValueId> slices;
  const auto axis = builder.ints({2}), steps = builder.ints({step});
  for (int64_t k = 0; k < taps; ++k) {
    const int64_t first = (transposed ? taps - 1 - k : k) * dilation;
    const auto slice = builder.add(
        "Slice", {x, builder.ints({first}), builder.ints({first + (outputs - 1) * step + 1}), axis, steps});
    slices.push_back(builder.add("Unsqueeze", {slice, axis}));
  }
  ValueId stacked = builder.add("Concat", slices, {{"axis", int64_t{2}}});
  std::vector<int64_t> perm{0, 3, 1, 2}, back{0, 2, 1};
  for (size_t i = 4; i <= rank; ++i) perm.push_back(int64_t(i));
  for (size_t i = 3; i < rank; ++i) back.push_back(int64_t(i));
  stacked = builder.transpose(stacked, perm);
  // One image for every output slice.
  Shape images{x_shape[0] * outputs, x_shape[1] * taps};
  images.insert(images.end(), x_shape.begin() + 3, x_shape.end());
  stacked = builder.reshape(stacked, images);

  // [M, C / group, taps, ...] is (c, k) already; [C, M / group, taps, ...] of a transposed one is not.
  ValueId weights = builder.input(1);
  Shape flat = w_shape;
  flat.erase(flat.begin() + 2);
  flat[transposed ? 0 : 1] *= taps;
  if (transposed) weights = builder.transpose(weights, back);
  weights = builder.reshape(weights, flat);
  const auto y = builder.add(node.op, operands(builder, stacked, weights), attributes);
  // [N * outputs, M, ...] -> [N, outputs, M, ...] -> [N, M, outputs, ...]. An extent of 0 keeps that of the
  // axis.
  Shape apart(rank, 0);
  apart[0] = x_shape[0];
  apart[1] = outputs;
  const auto split = builder.add("Unsqueeze", {y, builder.ints({0})});
  const auto images_apart = builder.add("Reshape", {split, builder.ints(apart)});
  builder.finish("Transpose", {images_apart}, {{"perm", back}});
  return {};
}

}  // namespace tarsier::kernels
