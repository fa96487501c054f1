#include "graph/node_builder.hpp"

#include <cstring>

#include "core/text.hpp"

namespace tarsier::graph {

namespace {

/// What the names of values that the node's expansion computes begin with. They must not depend on what else
/// is in the graph: a Runner knows values that it read back by name, in graphs where more is folded.
std::string stable_prefix(const Graph& graph, const Node& node) {
  // The rounds of a Loop write the same outputs.
  const std::string op =
      node.has("round") ? fmt::format("{}.{}", node.op, node.integer("round", 0)) : node.op;
  for (const ValueId id : node.outputs)
    if (id != kNone) return fmt::format("{}/{}", graph.value(id).name, op);
  return fmt::format("{}/{}", node.name, op);
}

}  // namespace

std::string NodeBuilder::fresh(std::string_view what) {
  return fmt::format("{}/{}_{}", node_.name, what, graph_.values.size());
}

ValueId NodeBuilder::constant(Tensor tensor) {
  return graph_.add_constant(fresh("constant"), std::move(tensor));
}

ValueId NodeBuilder::ints(const std::vector<int64_t>& values) {
  return constant(Tensor::i64({int64_t(values.size())}, values));
}

ValueId NodeBuilder::scalar(float value, DType type) {
  if (type == DType::kF32) return constant(Tensor::f32({}, std::span(&value, 1)));
  const auto whole = static_cast<int64_t>(value);
  Tensor tensor(TensorDesc{type, {}});
  std::memcpy(tensor.mutable_bytes().data(), &whole, size_of(type));  // little-endian: the low bytes
  return constant(std::move(tensor));
}

ValueId NodeBuilder::count_along(size_t rank, size_t axis, int64_t count, DType type) {
  Shape shape(rank, 1);
  shape[axis] = count;
  Tensor tensor(TensorDesc{type, shape});
  const size_t width = size_of(type);
  auto bytes = tensor.mutable_bytes();
  for (int64_t i = 0; i < count; ++i)
    std::memcpy(bytes.data() + size_t(i) * width, &i, width);  // little-endian: the low bytes
  return constant(std::move(tensor));
}

Result<double> NodeBuilder::number(size_t index, std::string_view what) const {
  const Tensor* tensor = data(index);
  if (tensor == nullptr || tensor->size() != 1) return input_error("{} is not one number", what);
  const DType type = tensor->dtype();
  const bool real = type == DType::kF32 || type == DType::kF16 || type == DType::kF64;
  return real ? double(tensor->to_floats()[0]) : double(tensor->to_ints()[0]);
}

ValueId NodeBuilder::reshape(ValueId value, const Shape& shape) {
  const Tensor* tensor = graph_.constant(value);
  if (tensor != nullptr && tensor->size() == element_count(shape)) {
    ++folded_;
    return constant(tensor->reshaped(shape));
  }
  return add("Reshape", {value, ints(shape)}, {{"allowzero", int64_t{1}}});
}

ValueId NodeBuilder::transpose(ValueId value, std::vector<int64_t> perm) {
  return add("Transpose", {value}, {{"perm", std::move(perm)}});
}

ValueId NodeBuilder::add(std::string_view op, std::vector<ValueId> inputs, Attributes attributes) {
  return add_many(op, std::move(inputs), 1, std::move(attributes))[0];
}

std::vector<ValueId> NodeBuilder::add_many(std::string_view op, std::vector<ValueId> inputs, size_t outputs,
                                           Attributes attributes) {
  Node made;
  made.op = op;
  made.inputs = std::move(inputs);
  made.attributes = std::move(attributes);
  const std::string prefix = stable_prefix(graph_, node_);
  for (size_t i = 0; i < outputs; ++i)
    made.outputs.push_back(
        graph_.add_value(fmt::format("{}/{}_{}.{}", prefix, op, added_.size() + folded_, i)));
  auto results = made.outputs;
  add_node(std::move(made));
  return results;
}

void NodeBuilder::finish(std::string_view op, std::vector<ValueId> inputs, Attributes attributes) {
  Node made;
  made.op = op;
  made.name = node_.name;
  made.inputs = std::move(inputs);
  made.attributes = std::move(attributes);
  made.outputs = {node_.outputs[0]};
  add_node(std::move(made));
}

void NodeBuilder::set_output(size_t index, ValueId value) {
  if (output(index) == kNone) return;
  if (const auto list = sequences_.find(value); list != sequences_.end()) {
    sequences_[output(index)] = list->second;
    return;
  }
  Node made;
  made.op = "Identity";
  made.inputs = {value};
  made.outputs = {output(index)};
  add_node(std::move(made));
}

ValueId NodeBuilder::add_sequence(std::vector<ValueId> elements) {
  const ValueId id = graph_.add_value(fresh("sequence"));
  sequences_[id] = std::move(elements);
  return id;
}

void NodeBuilder::set_sequence(size_t index, std::vector<ValueId> elements) {
  if (output(index) != kNone) sequences_[output(index)] = std::move(elements);
}

void NodeBuilder::add_node(Node added) {
  if (added.name.empty()) added.name = fmt::format("{}/{}", node_.name, added.op);
  added_.push_back(std::move(added));
}

std::vector<ValueId> NodeBuilder::inlined(const Graph& body, const std::vector<ValueId>& inputs) {
  std::vector<ValueId> here(body.values.size(), kNone);
  const std::string prefix = stable_prefix(graph_, node_);
  const auto at = [&](ValueId id) -> ValueId& { return here[size_t(id)]; };
  for (size_t i = 0; i < body.inputs.size() && i < inputs.size(); ++i) at(body.inputs[i]) = inputs[i];
  const auto mapped = [&](ValueId id) {
    if (id == kNone) return kNone;
    ValueId& to = at(id);
    if (to == kNone) {
      const Value& from = body.value(id);
      to = from.constant
               ? graph_.add_constant(fresh(from.name), *from.constant)
               : graph_.add_value(fmt::format("{}/{}_{}", prefix, from.name, added_.size() + folded_));
    }
    return to;
  };
  for (const Node& from : body.nodes) {
    Node copy = from;
    copy.name = fmt::format("{}/{}", node_.name, from.name);
    for (ValueId& id : copy.inputs) id = mapped(id);
    for (ValueId& id : copy.outputs) id = mapped(id);
    add_node(std::move(copy));
  }
  std::vector<ValueId> results;
  for (const ValueId id : body.outputs) results.push_back(mapped(id));
  return results;
}

}  // namespace tarsier::graph
