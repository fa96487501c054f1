// Reshape-Transpose-Reshape(-Gather/Split/Slice) over the channels -> one GatherChannels.
//
// Instead of matching the many ways to write it, the chain is run on the numbers 0, 1, 2, ... : what comes
// out says which element each output element is, and so whether whole channels were moved.
#include <algorithm>
#include <numeric>
#include <unordered_map>

#include "graph/passes/edit.hpp"
#include "graph/passes/passes.hpp"

namespace tarsier::graph {
namespace {

constexpr int64_t kMostElements = int64_t{1} << 24;  // beyond that the check would cost more than it saves
constexpr int kLongestChain = 8;

/// The elements with index `picked` along `axis`, in that order.
Tensor pick(const Tensor& x, size_t axis, const std::vector<int64_t>& picked) {
  Shape shape = x.shape();
  int64_t outer = 1, inner = 1;
  for (size_t i = 0; i < axis; ++i) outer *= shape[i];
  for (size_t i = axis + 1; i < shape.size(); ++i) inner *= shape[i];
  const int64_t extent = shape[axis];
  shape[axis] = static_cast<int64_t>(picked.size());
  Tensor out(TensorDesc{x.dtype(), shape});
  const auto from = x.as<int32_t>();
  auto to = out.as_mutable<int32_t>().begin();
  for (int64_t o = 0; o < outer; ++o)
    for (const int64_t index : picked)
      to = std::copy_n(from.begin() + (o * extent + index) * inner, inner, to);
  return out;
}

std::optional<size_t> axis_of(const Node& node, int64_t fallback, size_t rank) {
  int64_t axis = node.integer("axis", fallback);
  if (axis < 0) axis += static_cast<int64_t>(rank);
  if (axis < 0 || axis >= static_cast<int64_t>(rank)) return std::nullopt;
  return static_cast<size_t>(axis);
}

bool moves_data(const Node& node) {
  static constexpr std::string_view kOps[] = {"Reshape",   "Flatten", "Squeeze", "Unsqueeze",
                                              "Transpose", "Gather",  "Split",   "Slice"};
  return node.post.empty() && std::ranges::find(kOps, node.op) != std::end(kOps);
}

/// Runs one data-movement node on the numbered elements; empty where it reads computed indices.
std::optional<Tensor> move(const Graph& graph, const Node& node, ValueId output, const Tensor& x) {
  const Shape& shape = graph.shape(output);
  const size_t rank = x.shape().size();
  if (node.op == "Transpose") return transposed(x, node.integers("perm"));
  if (node.op == "Gather") {
    const auto axis = axis_of(node, 0, rank);
    auto indices = ints_of(graph, input_of(node, 1));
    if (!axis || !indices) return std::nullopt;
    for (int64_t& index : *indices) {
      if (index < 0) index += x.shape()[*axis];
      if (index < 0 || index >= x.shape()[*axis]) return std::nullopt;
    }
    return pick(x, *axis, *indices).reshaped(shape);
  }
  if (node.op == "Split") {
    const auto axis = axis_of(node, 0, rank);
    if (!axis) return std::nullopt;
    int64_t start = 0;
    for (const ValueId other : node.outputs) {
      if (other == output) break;
      start += graph.shape(other)[*axis];
    }
    std::vector<int64_t> picked(static_cast<size_t>(shape[*axis]));
    std::iota(picked.begin(), picked.end(), start);
    return pick(x, *axis, picked);
  }
  if (node.op == "Slice") {
    const auto starts = ints_of(graph, input_of(node, 1));
    auto axes = ints_of(graph, input_of(node, 3));
    const auto steps = ints_of(graph, input_of(node, 4));
    if (!starts || (input_of(node, 3) != kNone && !axes) || (input_of(node, 4) != kNone && !steps))
      return std::nullopt;
    if (!axes) {
      axes.emplace(starts->size());
      std::iota(axes->begin(), axes->end(), 0);
    }
    Tensor out = x;
    for (size_t i = 0; i < starts->size(); ++i) {
      const int64_t step = steps ? (*steps)[i] : 1;
      const auto axis =
          static_cast<size_t>((*axes)[i] < 0 ? (*axes)[i] + static_cast<int64_t>(rank) : (*axes)[i]);
      if (step < 1) return std::nullopt;
      const int64_t extent = x.shape()[axis];
      const int64_t start =
          std::clamp<int64_t>((*starts)[i] < 0 ? (*starts)[i] + extent : (*starts)[i], 0, extent);
      std::vector<int64_t> picked(static_cast<size_t>(shape[axis]));  // the rule of shapes knows the count
      for (size_t k = 0; k < picked.size(); ++k) picked[k] = start + static_cast<int64_t>(k) * step;
      if (!picked.empty() && picked.back() >= extent) return std::nullopt;
      out = pick(out, axis, picked);
    }
    return out;
  }
  return x.reshaped(shape);  // the reshapes
}

/// Output channel i is input channel result[i], for whole channels of equal H x W. Empty where it is not so.
std::optional<std::vector<int64_t>> channel_map(const Tensor& moved, const Shape& source) {
  const Shape& shape = moved.shape();
  const int64_t plane = source[2] * source[3];
  const auto numbers = moved.as<int32_t>();
  std::vector<int64_t> map(static_cast<size_t>(shape[1]));
  for (int64_t n = 0; n < shape[0]; ++n)
    for (int64_t c = 0; c < shape[1]; ++c) {
      const auto first = numbers.begin() + (n * shape[1] + c) * plane;
      const int64_t channel = *first / plane - n * source[1];
      if (channel < 0 || channel >= source[1]) return std::nullopt;
      if (n == 0) map[static_cast<size_t>(c)] = channel;
      if (map[static_cast<size_t>(c)] != channel) return std::nullopt;
      const auto base = static_cast<int32_t>((n * source[1] + channel) * plane);
      for (int64_t i = 0; i < plane; ++i)
        if (first[i] != base + static_cast<int32_t>(i)) return std::nullopt;
    }
  return map;
}

/// The nodes from `end` back to a rank-4 value of the same N, H and W; empty where there is no such chain
/// with a transpose in it.
std::vector<const Node*> chain_to(const Graph& graph, ValueId end) {
  const Shape& target = graph.shape(end);
  std::vector<const Node*> chain;
  bool transposes = false;
  for (ValueId id = end; chain.size() < kLongestChain;) {
    const Node* node = producer_of(graph, id);
    if (node == nullptr || !moves_data(*node)) return {};
    chain.push_back(node);
    transposes = transposes || node->op == "Transpose";
    id = node->inputs[0];
    const Shape& shape = graph.shape(id);
    if (transposes && shape.size() == 4 && shape[0] == target[0] && shape[2] == target[2] &&
        shape[3] == target[3] && element_count(shape) <= kMostElements)
      return chain;
  }
  return {};
}

/// The channels of the source that `end` is made of; empty where it is no such move.
std::optional<std::vector<int64_t>> channels_of(const Graph& graph, ValueId end, ValueId& source) {
  if (end == kNone || graph.shape(end).size() != 4 || graph.value(end).desc.dtype != DType::kF32)
    return std::nullopt;
  const std::vector<const Node*> chain = chain_to(graph, end);
  if (chain.empty()) return std::nullopt;
  source = chain.back()->inputs[0];
  std::vector<int32_t> numbers(static_cast<size_t>(element_count(graph.shape(source))));
  std::iota(numbers.begin(), numbers.end(), 0);
  std::optional<Tensor> moved = Tensor::of<int32_t>(DType::kI32, graph.shape(source), numbers);
  for (size_t i = chain.size(); moved && i-- > 0;)
    moved = move(graph, *chain[i], i == 0 ? end : chain[i - 1]->inputs[0], *moved);
  if (!moved || moved->shape() != graph.shape(end)) return std::nullopt;
  return channel_map(*moved, graph.shape(source));
}

}  // namespace

Status recognise_channel_shuffle(Graph& graph) {
  const size_t count = graph.nodes.size();
  std::vector<bool> keep(count, true);
  for (size_t i = 0; i < count; ++i) {
    if (!moves_data(graph.nodes[i])) continue;
    std::vector<Node> moves;  // one an output: Split makes several
    for (const ValueId end : graph.nodes[i].outputs) {
      ValueId source = kNone;
      const auto map = channels_of(graph, end, source);
      if (!map) break;
      Node gather;
      gather.op = "GatherChannels";
      gather.name = graph.nodes[i].name;
      if (!moves.empty()) gather.name += fmt::format("/{}", moves.size());
      gather.inputs = {source};
      gather.outputs = {end};
      gather.attributes["indices"] = *map;
      moves.push_back(std::move(gather));
    }
    if (moves.empty() || moves.size() != graph.nodes[i].outputs.size()) continue;
    keep[i] = false;
    for (Node& gather : moves) graph.add_node(std::move(gather));
  }
  return replace_nodes(graph, std::move(keep));
}

}  // namespace tarsier::graph
