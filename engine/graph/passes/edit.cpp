#include "graph/passes/edit.hpp"

#include <cassert>
#include <cstring>

namespace tarsier::graph {

Readers find_readers(const Graph& graph) {
  Readers readers;
  readers.uses = graph.use_counts();
  readers.nodes.resize(graph.values.size());
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    const auto read = [&](ValueId id) {
      if (id != kNone) readers.nodes[static_cast<size_t>(id)].push_back(static_cast<NodeId>(i));
    };
    for (const ValueId id : graph.nodes[i].inputs) read(id);
    for (const PostOp& post : graph.nodes[i].post) read(post.operand);
  }
  return readers;
}

const Node* producer_of(const Graph& graph, ValueId id) {
  if (id == kNone || graph.value(id).producer == kNone) return nullptr;
  return &graph.nodes[static_cast<size_t>(graph.value(id).producer)];
}

Node* producer_of(Graph& graph, ValueId id) {
  return const_cast<Node*>(producer_of(static_cast<const Graph&>(graph), id));
}

const Node* producer_of(const Graph& graph, ValueId id, std::string_view op) {
  const Node* node = producer_of(graph, id);
  return node != nullptr && node->op == op && node->post.empty() ? node : nullptr;
}

std::optional<float> scalar_of(const Graph& graph, ValueId id) {
  const Tensor* tensor = graph.constant(id);
  if (tensor == nullptr || tensor->size() != 1) return std::nullopt;
  return tensor->to_floats()[0];
}

std::optional<std::vector<int64_t>> ints_of(const Graph& graph, ValueId id) {
  const Tensor* tensor = graph.constant(id);
  if (tensor == nullptr) return std::nullopt;
  return tensor->to_ints();
}

Status sort_nodes(Graph& graph) {
  const size_t count = graph.nodes.size();
  for (Value& value : graph.values) value.producer = kNone;
  for (size_t i = 0; i < count; ++i)
    for (const ValueId id : graph.nodes[i].outputs)
      if (id != kNone) graph.value(id).producer = static_cast<NodeId>(i);

  // Depth first from each node in the present order: a node that is already placed well stays where it is.
  enum class Mark : uint8_t { kNew, kOpen, kDone };
  std::vector<Mark> marks(count, Mark::kNew);
  std::vector<size_t> order;
  order.reserve(count);
  std::vector<std::pair<size_t, size_t>> stack;  // node, next operand to look at
  for (size_t root = 0; root < count; ++root) {
    if (marks[root] != Mark::kNew) continue;
    marks[root] = Mark::kOpen;
    stack.emplace_back(root, 0);
    while (!stack.empty()) {
      auto& [index, next] = stack.back();
      const Node& node = graph.nodes[index];
      if (next == node.inputs.size() + node.post.size()) {
        marks[index] = Mark::kDone;
        order.push_back(index);
        stack.pop_back();
        continue;
      }
      const ValueId id =
          next < node.inputs.size() ? node.inputs[next] : node.post[next - node.inputs.size()].operand;
      ++next;
      if (id == kNone || graph.value(id).producer == kNone) continue;
      const auto before = static_cast<size_t>(graph.value(id).producer);
      if (marks[before] == Mark::kOpen)
        return runtime_error("graph {}: node {} ({}) depends on itself", graph.name, graph.nodes[before].name,
                             graph.nodes[before].op);
      if (marks[before] == Mark::kDone) continue;
      marks[before] = Mark::kOpen;
      stack.emplace_back(before, 0);
    }
  }
  std::vector<Node> sorted;
  sorted.reserve(count);
  for (const size_t index : order) sorted.push_back(std::move(graph.nodes[index]));
  graph.nodes = std::move(sorted);
  graph.retain_nodes(std::vector<bool>(count, true));
  return {};
}

Status replace_nodes(Graph& graph, std::vector<bool> keep) {
  keep.resize(graph.nodes.size(), true);
  graph.retain_nodes(keep);
  TARSIER_CHECK(sort_nodes(graph));
  remove_dead_nodes(graph);
  return {};
}

void remove_dead_nodes(Graph& graph) {
  std::vector<int> uses = graph.use_counts();
  std::vector<bool> keep(graph.nodes.size(), true);
  bool any = false;
  for (size_t i = graph.nodes.size(); i-- > 0;) {
    const Node& node = graph.nodes[i];
    bool read = false;
    for (const ValueId id : node.outputs) read = read || (id != kNone && uses[static_cast<size_t>(id)] > 0);
    if (read) continue;
    keep[i] = false;
    any = true;
    for (const ValueId id : node.inputs)
      if (id != kNone) --uses[static_cast<size_t>(id)];
    for (const PostOp& post : node.post)
      if (post.operand != kNone) --uses[static_cast<size_t>(post.operand)];
  }
  if (any) graph.retain_nodes(keep);
}

Shape permuted(const Shape& shape, const std::vector<int64_t>& perm) {
  Shape out(perm.size());
  for (size_t i = 0; i < perm.size(); ++i) out[i] = shape[static_cast<size_t>(perm[i])];
  return out;
}

bool is_identity(const std::vector<int64_t>& perm) {
  for (size_t i = 0; i < perm.size(); ++i)
    if (perm[i] != static_cast<int64_t>(i)) return false;
  return true;
}

Tensor transposed(const Tensor& tensor, const std::vector<int64_t>& perm) {
  assert(perm.size() == tensor.shape().size());
  if (is_identity(perm)) return tensor;
  const size_t rank = perm.size();
  Tensor result(TensorDesc{tensor.dtype(), permuted(tensor.shape(), perm)});
  if (result.size() == 0) return result;
  std::vector<int64_t> strides(rank, 1);  // of the input, in elements
  for (size_t i = rank - 1; i-- > 0;) strides[i] = strides[i + 1] * tensor.shape()[i + 1];
  const size_t width = size_of(tensor.dtype());
  const std::byte* from = tensor.bytes().data();
  std::byte* to = result.mutable_bytes().data();
  const Shape& shape = result.shape();
  std::vector<int64_t> index(rank, 0);
  int64_t offset = 0;
  for (int64_t i = 0, count = result.size(); i < count; ++i) {
    std::memcpy(to, from + static_cast<size_t>(offset) * width, width);
    to += width;
    for (size_t axis = rank; axis-- > 0;) {
      const int64_t stride = strides[static_cast<size_t>(perm[axis])];
      offset += stride;
      if (++index[axis] < shape[axis]) break;
      offset -= stride * shape[axis];
      index[axis] = 0;
    }
  }
  return result;
}

}  // namespace tarsier::graph
