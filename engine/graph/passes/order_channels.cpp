// A channel shuffle reads every second channel of a concatenation for the next block and hands the others on.
// Where the parts of the concatenation can be computed in any order of channels, they are computed in one in
// which what the block reads lies side by side: reading it is then a view, and only what is handed on is
// copied.
//
//   X = Concat(P, Q);  y = GatherChannels(X, 1 3 5 7);  z = GatherChannels(X, 0 2 4 6)
//   P' = P in the order of channels 0 2 1 3;  Q' = Q in the order 1 3 0 2
//   X' = Concat(P', Q');  y = Slice(X', 2..6);  z = GatherChannels(X', 0 1 6 7)
#include <algorithm>
#include <array>
#include <numeric>

#include "graph/passes/edit.hpp"
#include "graph/passes/passes.hpp"

namespace tarsier::graph {
namespace {

using Order = std::vector<int64_t>;

bool works_on_single_elements(const Node& node) {
  static constexpr std::array<std::string_view, 12> kOps = {"Relu", "LeakyRelu",   "Clip",      "Sigmoid",
                                                            "Silu", "HardSigmoid", "HardSwish", "Tanh",
                                                            "Gelu", "Mish",        "Elu",       "Softplus"};
  return node.post.empty() && std::ranges::find(kOps, node.op) != kOps.end();
}

/// The node that decides in which order the channels of `id` lie, if nobody else sees that order: a dense
/// convolution with constant weights or a gather of channels, looked at through activations. Null otherwise.
Node* source_of(Graph& graph, const std::vector<int>& uses, ValueId id) {
  for (Node* node = producer_of(graph, id); node != nullptr && uses[size_t(id)] == 1;
       node = producer_of(graph, id)) {
    if (node->op == "GatherChannels" && node->post.empty()) return node;
    if (node->op == "Conv") {
      const Tensor* weights = graph.constant(input_of(*node, 1));
      const bool bias = input_of(*node, 2) == kNone || graph.constant(node->inputs[2]) != nullptr;
      return node->post.empty() && node->integer("group", 1) == 1 && weights != nullptr && bias ? node
                                                                                                : nullptr;
    }
    if (!works_on_single_elements(*node)) return nullptr;
    id = node->inputs[0];
  }
  return nullptr;
}

/// Slices `order` of a constant along its first axis.
ValueId reordered(Graph& graph, ValueId id, const Order& order) {
  const Tensor old = *graph.value(id).constant;
  Tensor result(old.desc());
  const size_t step = old.bytes().size() / order.size();
  const auto to = result.mutable_bytes();
  for (size_t i = 0; i < order.size(); ++i)
    std::copy_n(old.bytes().begin() + int64_t(size_t(order[i]) * step), step, to.begin() + int64_t(i * step));
  return graph.add_constant(graph.value(id).name + "/reordered", std::move(result));
}

/// Makes output channel i what was channel order[i].
void reorder(Graph& graph, Node& node, const Order& order) {
  if (node.op == "GatherChannels") {
    const auto indices = node.integers("indices");
    Order moved;
    for (const int64_t channel : order) moved.push_back(indices[size_t(channel)]);
    node.attributes["indices"] = std::move(moved);
    return;
  }
  node.inputs[1] = reordered(graph, node.inputs[1], order);
  if (input_of(node, 2) != kNone) node.inputs[2] = reordered(graph, node.inputs[2], order);
}

/// Readers of a concatenation of two parts.
struct Shuffle {
  std::array<Node*, 2> parts{};
  Node* read = nullptr;          // the gather that becomes a view
  std::vector<Node*> handed_on;  // the others
  int64_t border = 0;            // channels of the first part
};

bool reads_of_concat_only(const Graph& graph, const Readers& readers, const Node& gather) {
  const auto& nodes = readers.nodes[size_t(gather.outputs[0])];
  return std::ranges::any_of(nodes, [&](NodeId id) { return graph.nodes[size_t(id)].op == "Concat"; });
}

std::optional<Shuffle> shuffle_of(Graph& graph, const Readers& readers, const Node& concat) {
  const int64_t axis = concat.integer("axis", 1);
  const ValueId x = concat.outputs[0];
  if (concat.op != "Concat" || (axis != 1 && axis != -3) || concat.inputs.size() != 2 ||
      !concat.post.empty() || graph.shape(x).size() != 4 ||
      readers.uses[size_t(x)] != int(readers.nodes[size_t(x)].size())) {
    return std::nullopt;
  }
  Shuffle shuffle;
  shuffle.border = graph.shape(concat.inputs[0])[1];
  for (const NodeId id : readers.nodes[size_t(x)]) {
    Node& reader = graph.nodes[size_t(id)];
    if (reader.op != "GatherChannels" || !reader.post.empty()) return std::nullopt;
    if (shuffle.read == nullptr && !reads_of_concat_only(graph, readers, reader))
      shuffle.read = &reader;
    else
      shuffle.handed_on.push_back(&reader);
  }
  if (shuffle.read == nullptr) return std::nullopt;
  for (size_t i = 0; i < 2; ++i) {
    shuffle.parts[i] = source_of(graph, readers.uses, concat.inputs[i]);
    if (shuffle.parts[i] == nullptr) return std::nullopt;
  }
  return shuffle;
}

/// The order of the channels of the concatenation: what `read` takes in the middle, around the parts' border.
/// Empty where that can't be, or would not begin at a group of four channels.
Order middle_order(const Shuffle& shuffle, int64_t channels) {
  const Order wanted = shuffle.read->integers("indices");
  const auto in_first = [&](int64_t c) { return c < shuffle.border; };
  if (!std::ranges::is_partitioned(wanted, in_first) || wanted.size() % 4 != 0) return {};
  std::vector<bool> taken(size_t(channels), false);
  for (const int64_t c : wanted) {
    if (taken[size_t(c)]) return {};
    taken[size_t(c)] = true;
  }
  // The rest in the order in which the others read it, so that they copy whole groups.
  Order rest;
  const auto add = [&](int64_t c) {
    if (!taken[size_t(c)]) rest.push_back(c);
    taken[size_t(c)] = true;
  };
  for (const Node* other : shuffle.handed_on)
    for (const int64_t c : other->integers("indices")) add(c);
  for (int64_t c = 0; c < channels; ++c) add(c);
  Order order;
  std::ranges::copy_if(rest, std::back_inserter(order), in_first);
  if (order.size() % 4 != 0) return {};
  order.insert(order.end(), wanted.begin(), wanted.end());
  std::ranges::copy_if(rest, std::back_inserter(order), std::not_fn(in_first));
  return order;
}

}  // namespace

Status order_channels(Graph& graph) {
  const Readers readers = find_readers(graph);
  // Last first: what a gather hands on has its final order when the concatenation that it reads is looked at.
  for (size_t i = graph.nodes.size(); i-- > 0;) {
    const Node concat = graph.nodes[i];
    const auto shuffle = shuffle_of(graph, readers, concat);
    if (!shuffle) continue;
    const ValueId x = concat.outputs[0];
    const int64_t channels = graph.shape(x)[1];
    const Order order = middle_order(*shuffle, channels);
    if (order.empty()) continue;
    const auto border = order.begin() + shuffle->border;
    Order first(order.begin(), border), second(border, order.end());
    for (int64_t& c : second) c -= shuffle->border;
    reorder(graph, *shuffle->parts[0], first);
    reorder(graph, *shuffle->parts[1], second);
    std::vector<int64_t> place(order.size());
    for (size_t k = 0; k < order.size(); ++k) place[size_t(order[k])] = int64_t(k);
    for (Node* other : shuffle->handed_on) {
      Order indices = other->integers("indices");
      for (int64_t& c : indices) c = place[size_t(c)];
      other->attributes["indices"] = std::move(indices);
    }
    Node& read = *shuffle->read;
    const auto count = int64_t(read.integers("indices").size());
    const int64_t start = place[size_t(read.integers("indices")[0])];
    const auto constant = [&](std::string_view what, int64_t value) {
      return graph.add_constant(fmt::format("{}/{}", read.name, what),
                                Tensor::i64({1}, std::span(&value, 1)));
    };
    read.op = "Slice";
    read.attributes.clear();
    read.inputs = {x, constant("starts", start), constant("ends", start + count), constant("axes", 1)};
  }
  return {};
}

}  // namespace tarsier::graph
