#include "graph/graph.hpp"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <random>

#include "core/half.hpp"
#include "core/number.hpp"

namespace tarsier::graph {

size_t size_of(DType type) {
  switch (type) {
    case DType::kI8:
    case DType::kU8:
    case DType::kBool:
      return 1;
    case DType::kF16:
    case DType::kI16:
      return 2;
    case DType::kF32:
    case DType::kI32:
      return 4;
    case DType::kF64:
    case DType::kI64:
      return 8;
  }
  return 0;
}

std::string_view name_of(DType type) {
  switch (type) {
    case DType::kF32:
      return "f32";
    case DType::kF16:
      return "f16";
    case DType::kF64:
      return "f64";
    case DType::kI8:
      return "i8";
    case DType::kU8:
      return "u8";
    case DType::kI16:
      return "i16";
    case DType::kI32:
      return "i32";
    case DType::kI64:
      return "i64";
    case DType::kBool:
      return "bool";
  }
  return "?";
}

int64_t element_count(const Shape& shape) {
  int64_t count = 1;
  for (const int64_t extent : shape) count = saturated_product(count, extent);
  return count;
}

bool is_static(const Shape& shape) {
  return std::ranges::all_of(shape, [](int64_t extent) { return extent >= 0; });
}

std::string to_string(const Shape& shape) {
  return fmt::format("[{}]", fmt::join(shape, ","));
}

// ---------------------------------------------------------------------------------------------------- Tensor

Tensor::Tensor(TensorDesc desc, std::vector<std::byte> bytes)
    : desc_(std::move(desc)), bytes_(std::make_shared<std::vector<std::byte>>(std::move(bytes))) {
  assert(is_static(desc_.shape));
  assert(bytes_->size() == static_cast<size_t>(element_count(desc_.shape)) * size_of(desc_.dtype));
}

Tensor::Tensor(TensorDesc desc) : desc_(std::move(desc)) {
  assert(is_static(desc_.shape));
  bytes_ = std::make_shared<std::vector<std::byte>>(static_cast<size_t>(element_count(desc_.shape)) *
                                                    size_of(desc_.dtype));
}

std::span<const std::byte> Tensor::bytes() const {
  return bytes_ ? std::span<const std::byte>(*bytes_) : std::span<const std::byte>();
}

std::span<std::byte> Tensor::mutable_bytes() {
  if (!bytes_) return {};
  if (bytes_.use_count() > 1) bytes_ = std::make_shared<std::vector<std::byte>>(*bytes_);
  return *bytes_;
}

namespace {

template <class To, class From>
void append_as(std::vector<To>& out, std::span<const From> values) {
  out.reserve(values.size());
  for (const From value : values) out.push_back(number_cast<To>(value));
}

template <class To>
std::vector<To> convert(const Tensor& tensor) {
  std::vector<To> out;
  switch (tensor.dtype()) {
    case DType::kF32:
      append_as(out, tensor.as<float>());
      break;
    case DType::kF16:
      for (const uint16_t half : tensor.as<uint16_t>()) out.push_back(number_cast<To>(half_to_float(half)));
      break;
    case DType::kF64:
      append_as(out, tensor.as<double>());
      break;
    case DType::kI8:
      append_as(out, tensor.as<int8_t>());
      break;
    case DType::kU8:
    case DType::kBool:
      append_as(out, tensor.as<uint8_t>());
      break;
    case DType::kI16:
      append_as(out, tensor.as<int16_t>());
      break;
    case DType::kI32:
      append_as(out, tensor.as<int32_t>());
      break;
    case DType::kI64:
      append_as(out, tensor.as<int64_t>());
      break;
  }
  return out;
}

}  // namespace

std::vector<float> Tensor::to_floats() const {
  return convert<float>(*this);
}
std::vector<int64_t> Tensor::to_ints() const {
  return convert<int64_t>(*this);
}

Tensor Tensor::reshaped(Shape shape) const {
  assert(element_count(shape) == size());
  Tensor copy = *this;
  copy.desc_.shape = std::move(shape);
  return copy;
}

Tensor random_tensor(const TensorDesc& desc, uint32_t seed, float low, float high) {
  Tensor tensor(desc);
  if (desc.dtype != DType::kF32) return tensor;
  std::mt19937 generator(seed);
  // Not uniform_real_distribution: standard libraries differ in it.
  for (float& x : tensor.as_mutable<float>())
    x = low + (high - low) * static_cast<float>(generator() >> 8U) * 0x1p-24F;
  return tensor;
}

// ------------------------------------------------------------------------------------------------------ Node

int64_t Node::integer(std::string_view key, int64_t fallback) const {
  const auto found = attributes.find(key);
  if (found == attributes.end()) return fallback;
  if (const auto* value = std::get_if<int64_t>(&found->second)) return *value;
  return fallback;
}

float Node::real(std::string_view key, float fallback) const {
  const auto found = attributes.find(key);
  if (found == attributes.end()) return fallback;
  if (const auto* value = std::get_if<float>(&found->second)) return *value;
  if (const auto* value = std::get_if<int64_t>(&found->second)) return static_cast<float>(*value);
  return fallback;
}

std::string Node::text(std::string_view key, std::string_view fallback) const {
  const auto found = attributes.find(key);
  if (found == attributes.end()) return std::string(fallback);
  if (const auto* value = std::get_if<std::string>(&found->second)) return *value;
  return std::string(fallback);
}

namespace {

/// Null where there is no attribute of that name and type.
template <class T>
const T* attribute(const Node& node, std::string_view key) {
  const auto found = node.attributes.find(key);
  return found == node.attributes.end() ? nullptr : std::get_if<T>(&found->second);
}

}  // namespace

std::vector<int64_t> Node::integers(std::string_view key, std::vector<int64_t> fallback) const {
  const auto* value = attribute<std::vector<int64_t>>(*this, key);
  return value == nullptr ? std::move(fallback) : *value;
}

std::vector<float> Node::reals(std::string_view key) const {
  const auto* value = attribute<std::vector<float>>(*this, key);
  return value == nullptr ? std::vector<float>() : *value;
}

std::vector<std::string> Node::texts(std::string_view key) const {
  const auto* value = attribute<std::vector<std::string>>(*this, key);
  return value == nullptr ? std::vector<std::string>() : *value;
}

const Graph* Node::body(std::string_view key) const {
  const auto* value = attribute<std::shared_ptr<Graph>>(*this, key);
  return value == nullptr ? nullptr : value->get();
}

// ----------------------------------------------------------------------------------------------------- Graph

ValueId Graph::add_value(std::string value_name, TensorDesc desc) {
  Value added;
  added.name = std::move(value_name);
  added.desc = std::move(desc);
  values.push_back(std::move(added));
  return static_cast<ValueId>(values.size() - 1);
}

ValueId Graph::add_constant(std::string value_name, Tensor tensor) {
  const ValueId id = add_value(std::move(value_name), tensor.desc());
  value(id).constant = std::move(tensor);
  return id;
}

NodeId Graph::add_node(Node node) {
  const auto id = static_cast<NodeId>(nodes.size());
  for (const ValueId output : node.outputs)
    if (output != kNone) value(output).producer = id;
  nodes.push_back(std::move(node));
  return id;
}

const Tensor* Graph::constant(ValueId id) const {
  if (id == kNone) return nullptr;
  const auto& held = value(id).constant;
  return held ? &*held : nullptr;
}

ValueId Graph::find_value(std::string_view value_name) const {
  for (size_t i = 0; i < values.size(); ++i)
    if (values[i].name == value_name) return static_cast<ValueId>(i);
  return kNone;
}

std::vector<int> Graph::use_counts() const {
  std::vector<int> counts(values.size(), 0);
  const auto use = [&](ValueId id) {
    if (id != kNone) ++counts[static_cast<size_t>(id)];
  };
  for (const Node& node : nodes) {
    for (const ValueId id : node.inputs) use(id);
    for (const PostOp& post : node.post) use(post.operand);
  }
  for (const ValueId id : outputs) use(id);
  return counts;
}

void Graph::retain_nodes(const std::vector<bool>& keep) {
  assert(keep.size() == nodes.size());
  std::vector<Node> kept;
  kept.reserve(nodes.size());
  for (size_t i = 0; i < nodes.size(); ++i)
    if (keep[i]) kept.push_back(std::move(nodes[i]));
  nodes = std::move(kept);
  for (Value& each : values) each.producer = kNone;
  for (size_t i = 0; i < nodes.size(); ++i)
    for (const ValueId output : nodes[i].outputs)
      if (output != kNone) value(output).producer = static_cast<NodeId>(i);
}

void Graph::replace_uses(ValueId from, ValueId to) {
  for (Node& node : nodes) {
    std::ranges::replace(node.inputs, from, to);
    for (PostOp& post : node.post)
      if (post.operand == from) post.operand = to;
  }
  std::ranges::replace(outputs, from, to);
}

// ------------------------------------------------------------------------------------------------------ text

namespace {

std::string attribute_text(const Attribute& attribute) {
  struct Visitor {
    std::string operator()(int64_t value) const { return fmt::format("{}", value); }
    std::string operator()(float value) const { return fmt::format("{}", value); }
    std::string operator()(const std::string& value) const { return value; }
    std::string operator()(const std::vector<int64_t>& value) const {
      return fmt::format("[{}]", fmt::join(value, ","));
    }
    std::string operator()(const std::vector<float>& value) const {
      return fmt::format("[{}]", fmt::join(value, ","));
    }
    std::string operator()(const std::vector<std::string>& value) const {
      return fmt::format("[{}]", fmt::join(value, ","));
    }
    std::string operator()(const Tensor& value) const {
      return fmt::format("<{}{}>", name_of(value.dtype()), to_string(value.shape()));
    }
    std::string operator()(const std::shared_ptr<Graph>& value) const {
      return fmt::format("<graph of {} nodes>", value ? value->nodes.size() : 0);
    }
  };
  return std::visit(Visitor{}, attribute);
}

std::string_view name_of(PostOp::Kind kind) {
  using Kind = PostOp::Kind;
  switch (kind) {
    case Kind::kRelu:
      return "relu";
    case Kind::kClip:
      return "clip";
    case Kind::kLeakyRelu:
      return "leaky_relu";
    case Kind::kPRelu:
      return "prelu";
    case Kind::kSigmoid:
      return "sigmoid";
    case Kind::kSilu:
      return "silu";
    case Kind::kHardSigmoid:
      return "hard_sigmoid";
    case Kind::kHardSwish:
      return "hard_swish";
    case Kind::kTanh:
      return "tanh";
    case Kind::kGelu:
      return "gelu";
    case Kind::kAdd:
      return "add";
    case Kind::kMul:
      return "mul";
    case Kind::kScale:
      return "scale";
    case Kind::kAffine:
      return "affine";
  }
  return "?";
}

std::string post_text(const Graph& graph, const PostOp& post) {
  using Kind = PostOp::Kind;
  std::string text = fmt::format(" | {}", name_of(post.kind));
  if (post.operand != kNone) return fmt::format("{}({})", text, graph.value(post.operand).name);
  if (post.kind == Kind::kClip || post.kind == Kind::kHardSigmoid || post.kind == Kind::kScale)
    return fmt::format("{}({},{})", text, post.a, post.b);
  if (post.kind == Kind::kLeakyRelu) return fmt::format("{}({})", text, post.a);
  return text;
}

std::string value_text(const Graph& graph, ValueId id) {
  if (id == kNone) return "-";
  const Value& value = graph.value(id);
  constexpr int64_t kShown = 8;  // a longer constant would hide the structure that the dump is read for
  if (value.constant && value.constant->size() <= kShown && value.constant->dtype() == DType::kI64)
    return fmt::format("{}=i64{}{{{}}}", value.name, to_string(value.desc.shape),
                       fmt::join(value.constant->to_ints(), ","));
  return fmt::format("{}{}:{}{}{}", value.constant ? "const " : "", value.name, name_of(value.desc.dtype),
                     to_string(value.desc.shape), value.layout == Layout::kC4 ? "/c4" : "");
}

}  // namespace

std::string Graph::to_text() const {
  std::string text = fmt::format("graph {} opset {}: {} nodes\n", name, opset, nodes.size());
  for (const ValueId id : inputs) text += fmt::format("input  {}\n", value_text(*this, id));
  for (const ValueId id : outputs) text += fmt::format("output {}\n", value_text(*this, id));
  for (size_t i = 0; i < nodes.size(); ++i) {
    const Node& node = nodes[i];
    std::vector<std::string> results, operands;
    for (const ValueId id : node.outputs) results.push_back(value_text(*this, id));
    for (const ValueId id : node.inputs) operands.push_back(value_text(*this, id));
    text += fmt::format("{:4} {} = {}({})", i, fmt::join(results, ", "), node.op, fmt::join(operands, ", "));
    for (const auto& [key, attribute] : node.attributes)
      text += fmt::format(" {}={}", key, attribute_text(attribute));
    for (const PostOp& post : node.post) text += post_text(*this, post);
    if (!node.name.empty()) text += fmt::format("  # {}", node.name);
    text += '\n';
  }
  return text;
}

}  // namespace tarsier::graph
