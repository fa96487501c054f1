// A transposed convolution whose 2 x 2 kernel is as large as its stride makes a block of pixels of each
// pixel. With few output channels, most of a group of four would be padding; as a pointwise convolution to
// the four pixels of each block, and DepthToSpace, it fills its groups. For what leaves the network row by
// row, as masks do.
#include <algorithm>
#include <array>

#include "graph/passes/edit.hpp"
#include "graph/passes/passes.hpp"

namespace tarsier::graph {
namespace {

bool makes_blocks(const Graph& graph, const Node& node) {
  const std::vector<int64_t> ones{1, 1}, twos{2, 2}, zeros(4, 0);
  if (node.op != "ConvTranspose" || !node.post.empty() || node.integer("group", 1) != 1) return false;
  const Tensor* weights = graph.constant(input_of(node, 1));
  if (weights == nullptr || weights->dtype() != DType::kF32 || weights->shape().size() != 4 ||
      weights->shape()[2] != 2 || weights->shape()[3] != 2 || weights->shape()[1] > 3)
    return false;
  const ValueId bias = input_of(node, 2);
  const Shape &in = graph.shape(node.inputs[0]), &out = graph.shape(node.outputs[0]);
  return node.integers("strides", ones) == twos && node.integers("dilations", ones) == ones &&
         node.integers("pads", zeros) == zeros &&
         node.integers("output_padding", {0, 0}) == std::vector<int64_t>{0, 0} && out[2] == 2 * in[2] &&
         out[3] == 2 * in[3] && (bias == kNone || graph.constant(bias) != nullptr);
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

}  // namespace

Status shuffle_transposed(Graph& graph) {
  const Readers readers = find_readers(graph);
  const size_t count = graph.nodes.size();
  for (size_t i = 0; i < count; ++i) {
    if (!makes_blocks(graph, graph.nodes[i]) || !leaves(graph, readers, graph.nodes[i].outputs[0])) continue;
    Node& node = graph.nodes[i];
    const Shape in = graph.shape(node.inputs[0]);
    const Tensor old = *graph.constant(node.inputs[1]);
    const int64_t inputs = old.shape()[0], outputs = old.shape()[1];
    const auto from = old.to_floats();
    std::vector<float> weights(from.size());
    for (int64_t c = 0; c < inputs; ++c)
      for (int64_t o = 0; o < outputs * 4; ++o)
        weights[size_t(o * inputs + c)] = from[size_t(c * outputs * 4 + o)];
    if (input_of(node, 2) != kNone) {
      std::vector<float> bias;
      for (const float b : graph.constant(node.inputs[2])->to_floats()) bias.insert(bias.end(), 4, b);
      node.inputs[2] = graph.add_constant(node.name + "/block_bias", Tensor::f32({outputs * 4}, bias));
    }
    node.inputs[1] =
        graph.add_constant(node.name + "/block_weights", Tensor::f32({outputs * 4, inputs, 1, 1}, weights));
    const ValueId result = node.outputs[0];
    const ValueId blocks = graph.add_value(graph.value(result).name + "/blocks",
                                           {DType::kF32, {in[0], outputs * 4, in[2], in[3]}});
    node.op = "Conv";
    node.attributes.clear();
    node.outputs[0] = blocks;
    Node shuffle;
    shuffle.op = "DepthToSpace";
    shuffle.name = node.name + "/blocks";
    shuffle.inputs = {blocks};
    shuffle.outputs = {result};
    shuffle.attributes["blocksize"] = int64_t{2};
    shuffle.attributes["mode"] = std::string("CRD");
    graph.add_node(std::move(shuffle));
  }
  return graph.nodes.size() == count ? Status() : sort_nodes(graph);
}

}  // namespace tarsier::graph
