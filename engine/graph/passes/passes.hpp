// The graph passes, one file each. infer/compiler.cpp calls them in the order and for the reasons written
// there.
#pragma once

#include <map>

#include "graph/graph.hpp"
#include "graph/op.hpp"

namespace tarsier::graph {

struct ShapeOptions {
  std::map<std::string, Shape> input_shapes;  // for graph inputs with open extents
  /// Contents of graph inputs, and of values that nodes compute, that are known already: they become
  /// constants.
  std::map<std::string, Tensor> known;
  /// Where set: values that have to be known (OpDef::plan_inputs) and are not are put here, and what depends
  /// on them stays without shapes. Otherwise the nodes that read them are refused.
  std::vector<ValueId>* needs = nullptr;
};
/// Gives every value a static shape. Operators that are written out in others (OpDef::expand) are, control
/// flow is unrolled. Fails with ONE error that lists every node whose operator is unknown or refused, by
/// operator and node name.
Status infer_shapes(Graph& graph, const OpRegistry& ops, const ShapeOptions& options = {});
/// Keeps what the named outputs need (all outputs where empty) and drops the rest.
Status prune(Graph& graph, const std::vector<std::string>& outputs = {});
/// Evaluates nodes whose inputs are all constant (and Shape of a static value) with their CPU reference.
Status fold_constants(Graph& graph, const OpRegistry& ops);
/// Identity, Dropout, no-op Reshape/Transpose/Pad/Cast/Slice/Concat/Expand, double Transpose and Reshape.
Status eliminate_noops(Graph& graph);
/// Transposes between NHWC and NCHW are pushed through elementwise nodes until they cancel.
Status cancel_transposes(Graph& graph);
/// Conv/ConvTranspose/Gemm followed by BatchNormalization, or by Mul/Add with per-channel constants: into the
/// weights.
Status fold_batch_norm(Graph& graph);
/// The Focus stem (four strided slices, Concat, Conv) becomes one Conv of twice the kernel and stride.
Status fold_focus(Graph& graph);
/// Pad (zeros) before Conv or AveragePool (count_include_pad) becomes the node's own padding.
Status fuse_pad(Graph& graph);
/// Mul(x, Sigmoid(x)) -> Silu; Mul(x, HardSigmoid(x)) and x*relu6(x+3)/6 -> HardSwish; gelu and hard-sigmoid
/// patterns.
Status recognise_activations(Graph& graph);
/// x less its mean, by the root of its mean square, over the last axes -> LayerNormalization.
Status recognise_layer_norm(Graph& graph);
/// MatMul-Softmax-MatMul becomes one ScaledDotProductAttention where its kernel takes the sizes.
Status recognise_attention(Graph& graph, const OpRegistry& ops);
/// Mul by one number a channel before depthwise Conv (without bias) moves behind it.
Status commute_scale(Graph& graph);
/// Activations, residual Add and scalar scale into Node::post of their producer, where `accepts` lets them;
/// activations behind a Concat into the producers of all its parts.
Status fuse_post_ops(Graph& graph,
                     const std::function<bool(const Graph&, const Node&, const PostOp&)>& accepts);
/// Reshape-Transpose-Reshape(-Gather/Split/Slice) over the channel axis becomes one GatherChannels node
/// (attribute `indices`: output channel i is input channel indices[i]).
Status recognise_channel_shuffle(Graph& graph);

/// A pointwise Conv behind an enlarging Resize moves in front of it.
Status commute_resize(Graph& graph);
/// MaxPools of growing windows around the same pixels read each other instead of their common input.
Status chain_pools(Graph& graph);
/// A Transpose from NHWC before nodes that read groups of channels becomes a ToC4 that reads NHWC.
Status read_channels_last(Graph& graph);
/// Transpose of a Concat of flattened feature maps becomes a Concat of maps that ToLinear writes as NHWC.
Status write_channels_last(Graph& graph);
/// ConvTranspose with constant weights becomes a Conv and DepthToSpace, unless its kernel is as large as its
/// stride and it makes no mask at the end of a network.
Status shuffle_transposed(Graph& graph);
/// Orders the channels of what is concatenated and then shuffled so that the shuffle is, for one of its
/// readers, a Slice that needs no copy.
Status order_channels(Graph& graph);

/// Makes height and width of the only input open (-1) where nothing but Resize targets depends on them, and
/// those are whole factors. `height_axis`: 2 for NCHW inputs, 1 for NHWC. Shapes must have been inferred and
/// unused outputs pruned. False: the network keeps its size (Resize nodes may have become factors, which
/// changes nothing at that size).
bool open_input_size(Graph& graph, int height_axis);

/// Turns graph inputs that are only transposed to NCHW, and graph outputs that are only transposed to NHWC,
/// into NCHW ones and drops the transposes. Returns the names of those inputs and outputs; the names
/// themselves do not change.
std::vector<std::string> peel_transposes(Graph& graph);

}  // namespace tarsier::graph
