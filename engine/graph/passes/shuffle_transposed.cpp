// A transposed convolution makes a block of stride x stride pixels around each input pixel, and every pixel
// of a block is a convolution of the input with some of the taps (Shi et al., "Is the deconvolution layer the
// same as a convolutional layer?", arXiv:1609.07009). Written as one convolution to stride^2 times as many
// channels and DepthToSpace it runs on the fast kernels; where phases use different taps, the others are
// zero.
//
// A kernel as large as its stride has a kernel of its own and stays, unless it makes a mask of few channels
// that leaves the network row by row: most of a group of four would be padding.
#include <algorithm>
#include <array>

#include "graph/passes/edit.hpp"
#include "graph/passes/passes.hpp"

namespace tarsier::graph {
namespace {

using Ints = std::vector<int64_t>;

/// Along one axis: output pixel q * stride + r reads input pixels q - before + d, d < taps, with tap
/// r + pad + (before - d) * stride of the kernel where there is such a tap.
struct Axis {
  int64_t stride = 1, kernel = 1, pad = 0, before = 0, taps = 1, blocks = 0, after = 0;

  Axis() = default;
  Axis(int64_t in, int64_t out, int64_t stride_, int64_t kernel_, int64_t pad_)
      : stride(stride_), kernel(kernel_), pad(pad_) {
    const auto floor_div = [](int64_t a, int64_t b) { return a / b - (a % b < 0 ? 1 : 0); };
    before = floor_div(kernel - 1 - pad, stride);
    const int64_t last = floor_div(stride - 1 + pad, stride);
    taps = before + last + 1;
    blocks = (out + stride - 1) / stride;
    after = blocks - in - before + taps - 1;
  }
  [[nodiscard]] bool can_be_padded() const { return before >= 0 && after >= 0 && taps >= 1; }
  /// The tap of phase r at d, or -1.
  [[nodiscard]] int64_t tap(int64_t r, int64_t d) const {
    const int64_t t = r + pad + (before - d) * stride;
    return t >= 0 && t < kernel ? t : -1;
  }
};

struct Blocks {
  std::array<Axis, 2> axes;  // y, x
  int64_t block = 1, group = 1, in_group = 1, out_group = 1, outputs = 1;
  bool crops = false;  // the last blocks reach beyond the output

  [[nodiscard]] bool is_scatter() const {
    return std::ranges::all_of(axes, [](const Axis& a) { return a.kernel == a.stride && a.pad == 0; });
  }
};

std::optional<Blocks> blocks_of(const Graph& graph, const Node& node) {
  if (node.op != "ConvTranspose" || !node.post.empty()) return std::nullopt;
  const Tensor* weights = graph.constant(input_of(node, 1));
  const ValueId bias = input_of(node, 2);
  if (weights == nullptr || weights->dtype() != DType::kF32 || weights->shape().size() != 4 ||
      (bias != kNone && graph.constant(bias) == nullptr) || graph.constant(node.inputs[0]) != nullptr)
    return std::nullopt;
  const Shape &in = graph.shape(node.inputs[0]), &out = graph.shape(node.outputs[0]);
  const Ints strides = node.integers("strides", {1, 1});
  if (node.integers("dilations", {1, 1}) != Ints{1, 1} || strides[0] != strides[1] || element_count(out) == 0)
    return std::nullopt;
  const Ints pads = node.integers("pads", {0, 0, 0, 0});  // explicit.cpp worked out auto_pad and output_shape
  Blocks b;
  b.block = strides[0];
  b.group = node.integer("group", 1);
  b.in_group = weights->shape()[0] / b.group;
  b.out_group = weights->shape()[1];
  b.outputs = b.out_group * b.group;
  for (size_t d = 0; d < 2; ++d) {
    b.axes[d] = Axis(in[2 + d], out[2 + d], strides[d], weights->shape()[2 + d], pads[d]);
    if (!b.axes[d].can_be_padded()) return std::nullopt;
    b.crops |= b.axes[d].blocks * b.block != out[2 + d];
  }
  return b;
}

/// Whether the value is a result of the network, or becomes one through activations and reshapes.
bool leaves(const Graph& graph, const Readers& readers, ValueId id) {
  static constexpr std::array<std::string_view, 6> kThrough = {"Sigmoid", "Relu",    "Clip",
                                                               "Tanh",    "Reshape", "Identity"};
  while (readers.nodes[size_t(id)].size() == 1 && readers.uses[size_t(id)] == 1) {
    const Node& node = graph.nodes[size_t(readers.nodes[size_t(id)][0])];
    if (std::ranges::find(kThrough, node.op) == kThrough.end()) return false;
    id = node.outputs[0];
  }
  return readers.nodes[size_t(id)].empty();
}

/// Channel of output channel o in phase (ry, rx). By phase, groups of four channels move as they are; by
/// channel, a group of four is one block, and groups of a grouped convolution stay together.
int64_t channel_of(const Blocks& b, bool by_phase, int64_t o, int64_t ry, int64_t rx) {
  const int64_t phase = ry * b.block + rx;
  return by_phase ? phase * b.outputs + o : o * b.block * b.block + phase;
}

/// [Cin][Cout / group][kh][kw] to [Cout * block^2][Cin / group][taps][taps].
Tensor block_weights(const Tensor& from, const Blocks& b, bool by_phase) {
  const auto old = from.to_floats();
  const auto& [y, x] = b.axes;
  const int64_t area = b.block * b.block;
  std::vector<float> weights(size_t(b.outputs * area * b.in_group * y.taps * x.taps));
  for (int64_t o = 0; o < b.outputs; ++o)
    for (int64_t ry = 0; ry < b.block; ++ry)
      for (int64_t rx = 0; rx < b.block; ++rx)
        for (int64_t i = 0; i < b.in_group; ++i)
          for (int64_t dy = 0; dy < y.taps; ++dy)
            for (int64_t dx = 0; dx < x.taps; ++dx) {
              const int64_t ty = y.tap(ry, dy), tx = x.tap(rx, dx);
              if (ty < 0 || tx < 0) continue;
              const int64_t row = channel_of(b, by_phase, o, ry, rx);
              const int64_t input = o / b.out_group * b.in_group + i;
              weights[size_t(((row * b.in_group + i) * y.taps + dy) * x.taps + dx)] =
                  old[size_t(((input * b.out_group + o % b.out_group) * y.kernel + ty) * x.kernel + tx)];
            }
  return Tensor::f32({b.outputs * area, b.in_group, y.taps, x.taps}, weights);
}

Tensor block_bias(const Tensor& from, const Blocks& b, bool by_phase) {
  const auto old = from.to_floats();
  std::vector<float> bias(old.size() * size_t(b.block * b.block));
  for (int64_t o = 0; o < b.outputs; ++o)
    for (int64_t r = 0; r < b.block * b.block; ++r)
      bias[size_t(channel_of(b, by_phase, o, r / b.block, r % b.block))] = old[size_t(o)];
  return Tensor::f32({int64_t(bias.size())}, bias);
}

/// Appends `op` that reads `from` and writes `to`.
Node& append(Graph& graph, const std::string& name, const char* op, std::vector<ValueId> from, ValueId to) {
  Node node;
  node.op = op;
  node.name = name;
  node.inputs = std::move(from);
  node.outputs = {to};
  graph.add_node(std::move(node));
  return graph.nodes.back();
}

void rewrite(Graph& graph, size_t index, const Blocks& b) {
  const auto& [y, x] = b.axes;
  const bool by_phase = b.group == 1 && b.outputs % 4 == 0;
  Node& node = graph.nodes[index];
  const std::string name = node.name;
  const Tensor* bias = input_of(node, 2) == kNone ? nullptr : graph.constant(node.inputs[2]);
  const int64_t images = graph.shape(node.inputs[0])[0];
  ValueId result = node.outputs[0];
  const Shape out = graph.shape(result);
  if (bias != nullptr)
    node.inputs[2] = graph.add_constant(name + "/block_bias", block_bias(*bias, b, by_phase));
  node.inputs[1] = graph.add_constant(name + "/block_weights",
                                      block_weights(*graph.constant(node.inputs[1]), b, by_phase));
  node.op = "Conv";
  node.attributes.clear();
  node.attributes["group"] = b.group;
  node.attributes["kernel_shape"] = Ints{y.taps, x.taps};
  node.attributes["pads"] = Ints{y.before, x.before, y.after, x.after};
  if (b.block == 1) return;
  const ValueId blocks = graph.add_value(
      name + "/blocks", {DType::kF32, {images, b.outputs * b.block * b.block, y.blocks, x.blocks}});
  node.outputs[0] = blocks;
  if (b.crops) {
    const ValueId whole = graph.add_value(
        name + "/uncropped", {DType::kF32, {images, b.outputs, y.blocks * b.block, x.blocks * b.block}});
    const auto ints = [&](const char* what, const Ints& values) {
      return graph.add_constant(name + what, Tensor::i64({int64_t(values.size())}, values));
    };
    append(graph, name + "/crop", "Slice",
           {whole, ints("/starts", {0, 0}), ints("/ends", {out[2], out[3]}), ints("/axes", {2, 3})}, result);
    result = whole;
  }
  Node& shuffle = append(graph, name + "/blocks", "DepthToSpace", {blocks}, result);
  shuffle.attributes["blocksize"] = b.block;
  shuffle.attributes["mode"] = std::string(by_phase ? "DCR" : "CRD");
}

}  // namespace

Status shuffle_transposed(Graph& graph) {
  const Readers readers = find_readers(graph);
  const size_t count = graph.nodes.size();
  for (size_t i = 0; i < count; ++i) {
    const auto blocks = blocks_of(graph, graph.nodes[i]);
    if (!blocks) continue;
    const bool is_mask = blocks->group == 1 && blocks->block == 2 && blocks->outputs < 4 &&
                         leaves(graph, readers, graph.nodes[i].outputs[0]);
    if (!blocks->is_scatter() || is_mask) rewrite(graph, i, *blocks);
  }
  return graph.nodes.size() == count ? Status() : sort_nodes(graph);
}

}  // namespace tarsier::graph
