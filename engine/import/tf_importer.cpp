#include "import/tf_importer.hpp"

#include <algorithm>

#include "graph/passes/edit.hpp"

namespace tarsier::import {

using graph::Graph;
using graph::Node;

namespace {

/// In the order of TfAttribute's alternatives.
constexpr const char* kAttributeKinds[] = {"an integer",         "a float",         "a flag", "a text",
                                           "a list of integers", "a list of texts", "a graph"};

struct ElementType {
  std::string_view name;
  DType type;
  int64_t onnx;  // TensorProto.DataType
};
constexpr ElementType kElementTypes[] = {
    {"DT_FLOAT", DType::kF32, 1}, {"DT_HALF", DType::kF32, 1},  {"DT_DOUBLE", DType::kF32, 1},
    {"DT_UINT8", DType::kU8, 2},  {"DT_INT8", DType::kI8, 3},   {"DT_INT16", DType::kI16, 5},
    {"DT_INT32", DType::kI32, 6}, {"DT_INT64", DType::kI64, 7}, {"DT_BOOL", DType::kBool, 9}};

}  // namespace

template <class T>
const T* TfNode::attribute(std::string_view key) const {
  const auto found = attributes.find(key);
  if (found == attributes.end()) return nullptr;
  const auto* value = std::get_if<T>(&found->second);
  // An empty list does not show of what it is one.
  const auto* list = std::get_if<std::vector<int64_t>>(&found->second);
  const bool empty = list != nullptr && list->empty() && std::is_same_v<T, std::vector<std::string>>;
  if (value == nullptr && !empty && misread.empty())
    misread = fmt::format("attribute '{}' is {}, {} is expected", key, kAttributeKinds[found->second.index()],
                          kAttributeKinds[TfAttribute(T()).index()]);
  return value;
}

int64_t TfNode::integer(std::string_view key, int64_t fallback) const {
  const auto* value = attribute<int64_t>(key);
  return value == nullptr ? fallback : *value;
}

float TfNode::real(std::string_view key, float fallback) const {
  const auto* value = attribute<float>(key);
  return value == nullptr ? fallback : *value;
}

bool TfNode::flag(std::string_view key) const {
  const auto* value = attribute<bool>(key);
  return value != nullptr && *value;
}

std::string TfNode::text(std::string_view key, std::string_view fallback) const {
  const auto* value = attribute<std::string>(key);
  return value == nullptr ? std::string(fallback) : *value;
}

std::vector<int64_t> TfNode::integers(std::string_view key) const {
  const auto* value = attribute<std::vector<int64_t>>(key);
  return value == nullptr ? std::vector<int64_t>() : *value;
}

std::shared_ptr<graph::Graph> TfNode::body(std::string_view key) const {
  const auto* value = attribute<std::shared_ptr<graph::Graph>>(key);
  return value == nullptr ? nullptr : *value;
}

std::vector<std::string> TfNode::texts(std::string_view key) const {
  const auto* value = attribute<std::vector<std::string>>(key);
  return value == nullptr ? std::vector<std::string>() : *value;
}

std::optional<DType> dtype_of(std::string_view tf_type) {
  for (const ElementType& row : kElementTypes)
    if (row.name == tf_type) return row.type;
  return std::nullopt;
}

std::string tf_type_name(DType type) {
  for (const ElementType& row : kElementTypes)
    if (row.type == type) return std::string(row.name);
  return "DT_FLOAT";
}

int64_t onnx_type_of(std::string_view tf_type) {
  for (const ElementType& row : kElementTypes)
    if (row.name == tf_type) return row.onnx;
  return 0;
}

std::string tf_output_key(std::string_view reference) {
  const size_t colon = reference.rfind(':');
  const bool indexed = colon != std::string_view::npos && colon + 1 < reference.size() &&
                       reference.find_first_not_of("0123456789", colon + 1) == std::string_view::npos;
  return indexed ? std::string(reference) : fmt::format("{}:0", reference);
}

std::pair<std::string, size_t> tf_split_key(const std::string& key) {
  const size_t colon = key.rfind(':');
  const std::string digits = key.substr(colon + 1);
  return {key.substr(0, colon), digits.size() > 4 ? 0 : std::stoul(digits)};
}

// ----------------------------------------------------------------------------------- helpers for operators

TfValue& TfImporter::input(size_t index) {
  static TfValue absent;
  if (index >= node_->inputs.size() || node_->inputs[index].empty()) return absent = TfValue();
  return values_[tf_output_key(node_->inputs[index])];
}

ValueId TfImporter::as_is(TfValue& value) {
  if (value.as_is == kNone && value.nchw != kNone) {
    const std::string name = unique_name(graph_.value(value.nchw).name + "/nhwc");
    Node node;
    node.op = "Transpose";
    node.name = name;
    node.attributes["perm"] = kToNhwc;
    node.inputs = {value.nchw};
    value.as_is = graph_.add_value(name);
    node.outputs = {value.as_is};
    graph_.add_node(std::move(node));
  }
  return value.as_is;
}

ValueId TfImporter::nchw(TfValue& value) {
  if (value.nchw != kNone || value.as_is == kNone) return value.nchw;
  const std::string name = unique_name(graph_.value(value.as_is).name + "/nchw");
  if (const Tensor* tensor = graph_.constant(value.as_is)) {
    Shape shape = tensor->shape();
    if (shape.empty()) return value.nchw = value.as_is;  // a scalar is the same in any layout
    while (shape.size() < 4) shape.insert(shape.begin(), 1);
    return value.nchw = graph_.add_constant(name, graph::transposed(tensor->reshaped(shape), kToNchw));
  }
  Node node;
  node.op = "Transpose";
  node.name = name;
  node.attributes["perm"] = kToNchw;
  node.inputs = {value.as_is};
  value.nchw = graph_.add_value(name);
  node.outputs = {value.nchw};
  graph_.add_node(std::move(node));
  return value.nchw;
}

const Tensor* TfImporter::constant(size_t index) {
  return graph_.constant(input(index).as_is);
}

std::optional<std::vector<int64_t>> TfImporter::ints(size_t index) {
  const Tensor* tensor = constant(index);
  if (tensor == nullptr) return std::nullopt;
  return tensor->to_ints();
}

ValueId TfImporter::as_i64(size_t index) {
  if (const auto values = ints(index)) return add_ints(fmt::format("input{}", index), *values);
  return emit("Cast", {as_is(index)}, {{"to", int64_t{7}}}, fmt::format("input{}", index));
}

ValueId TfImporter::add_constant(std::string_view suffix, Tensor tensor) {
  return graph_.add_constant(unique_name(fmt::format("{}/{}", node_->name, suffix)), std::move(tensor));
}

ValueId TfImporter::add_ints(std::string_view suffix, const std::vector<int64_t>& values) {
  return add_constant(suffix, Tensor::i64({static_cast<int64_t>(values.size())}, values));
}

ValueId TfImporter::add_scalar(std::string_view suffix, float value) {
  return add_constant(suffix, Tensor::f32({}, std::span(&value, 1)));
}

ValueId TfImporter::emit(std::string op, std::vector<ValueId> inputs, Attributes attributes,
                         std::string_view suffix) {
  Node node;
  node.name = unique_name(suffix.empty() ? node_->name : fmt::format("{}/{}", node_->name, suffix));
  node.op = std::move(op);
  node.inputs = std::move(inputs);
  node.attributes = std::move(attributes);
  const ValueId id = graph_.add_value(node.name);
  node.outputs = {id};
  graph_.add_node(std::move(node));
  return id;
}

std::vector<ValueId> TfImporter::emit_many(std::string op, std::vector<ValueId> inputs, size_t outputs,
                                           Attributes attributes) {
  Node node;
  node.name = unique_name(node_->name);
  node.op = std::move(op);
  node.inputs = std::move(inputs);
  node.attributes = std::move(attributes);
  for (size_t i = 0; i < outputs; ++i)
    node.outputs.push_back(graph_.add_value(i == 0 ? node.name : fmt::format("{}:{}", node.name, i)));
  std::vector<ValueId> ids = node.outputs;
  graph_.add_node(std::move(node));
  return ids;
}

void TfImporter::set_as_is(size_t output, ValueId id, int rank) {
  if (rank < 0 && output < node_->ranks.size()) rank = node_->ranks[output];
  values_[fmt::format("{}:{}", node_->name, output)] = {id, kNone, false, rank};
}

void TfImporter::set_nchw(size_t output, ValueId id) {
  values_[fmt::format("{}:{}", node_->name, output)] = {kNone, id, true, 4};
}

void TfImporter::set_alias(size_t output, const TfValue& value) {
  const TfValue copy = value;  // inserting may move what the reference names
  values_[fmt::format("{}:{}", node_->name, output)] = copy;
}

size_t TfImporter::outputs_read() const {
  const auto found = outputs_read_.find(node_->name);
  return found == outputs_read_.end() ? 1 : std::max<size_t>(1, found->second);
}

std::string TfImporter::unique_name(std::string wanted) {
  std::string name = wanted;
  for (int i = 2; !names_.insert(name).second; ++i) name = fmt::format("{}.{}", wanted, i);
  return name;
}

TfOperators tf_operators() {
  TfOperators table;
  add_layout_operators(table);
  add_elementwise_operators(table);
  add_shape_operators(table);
  add_index_operators(table);
  return table;
}

// --------------------------------------------------------------------------------------------------------
// the graph

Status TfImporter::read_names() {
  for (size_t i = 0; i < model_.nodes.size(); ++i) {
    const TfNode& node = model_.nodes[i];
    for (const std::string& input : node.inputs) {
      if (input.empty()) continue;
      const auto [name, index] = tf_split_key(tf_output_key(input));
      size_t& read = outputs_read_[name];
      read = std::max(read, index + 1);
    }
    if (!node_by_name_.emplace(node.name, i).second)
      return input_error("has two nodes named '{}'; the file is damaged", node.name);
  }
  for (const TfModel::Output& output : model_.outputs) {
    const auto [name, index] = tf_split_key(tf_output_key(output.reference));
    size_t& read = outputs_read_[name];
    read = std::max(read, index + 1);
  }
  return {};
}

Status TfImporter::order_nodes() {
  enum class Mark : uint8_t { kNew, kOpen, kDone };
  std::vector<Mark> marks(model_.nodes.size(), Mark::kNew);
  std::vector<std::pair<size_t, size_t>> stack;
  const auto visit = [&](const std::string& reference, const std::string& reader) -> Status {
    const auto found = node_by_name_.find(tf_split_key(tf_output_key(reference)).first);
    if (found == node_by_name_.end())
      return input_error("{} reads '{}', which is not in the file; it is damaged", reader, reference);
    if (marks[found->second] == Mark::kNew) {
      marks[found->second] = Mark::kOpen;
      stack.emplace_back(found->second, 0);
      return {};
    }
    if (marks[found->second] == Mark::kDone) return {};
    // A way back: of a loop, which its operators report, or of a file that is damaged.
    for (size_t i = stack.size(); i-- > 0;) {
      if (model_.nodes[stack[i].first].op == "Merge") return {};
      if (stack[i].first == found->second) break;
    }
    return input_error("{} reads '{}', which waits for it: a cycle; the file is damaged", reader, reference);
  };
  // Placeholders come first and in the file's order, whether or not an output needs them.
  for (size_t i = 0; i < model_.nodes.size(); ++i)
    if (model_.nodes[i].op == "Placeholder") {
      marks[i] = Mark::kDone;
      order_.push_back(i);
    }
  for (const TfModel::Output& output : model_.outputs) {
    TARSIER_CHECK(visit(output.reference, "the signature"));
    while (!stack.empty()) {
      const size_t index = stack.back().first;
      const TfNode& node = model_.nodes[index];
      if (stack.back().second == node.inputs.size()) {
        marks[index] = Mark::kDone;
        order_.push_back(index);
        stack.pop_back();
        continue;
      }
      const std::string& reference = node.inputs[stack.back().second++];
      if (reference.empty()) continue;
      TARSIER_CHECK(visit(reference, fmt::format("node {} ({})", node.name, node.op)));
    }
  }
  return {};
}

Status TfImporter::import_input(const TfNode& node) {
  const std::string name = node.type("dtype");
  const auto type = dtype_of(name);
  if (!type) return input_error("input '{}' has element type '{}', which is not supported", node.name, name);
  graph::TensorDesc desc{*type, node.integers("shape")};
  const int rank = static_cast<int>(desc.shape.size());
  const ValueId id = graph_.add_value(unique_name(node.name), std::move(desc));
  graph_.inputs.push_back(id);
  set_as_is(0, id, rank);
  return {};
}

void TfImporter::import_unknown(const TfNode& node, bool known_name) {
  Node unknown;
  unknown.name = unique_name(node.name);
  unknown.op = known_name ? "tf." + node.op : node.op;
  for (size_t i = 0; i < node.inputs.size(); ++i) unknown.inputs.push_back(as_is(i));
  for (size_t i = 0; i < outputs_read(); ++i) {
    const ValueId id = graph_.add_value(i == 0 ? unknown.name : fmt::format("{}:{}", unknown.name, i));
    unknown.outputs.push_back(id);
    set_as_is(i, id, -1);
  }
  graph_.add_node(std::move(unknown));
}

Status TfImporter::import_node(const TfNode& node) {
  node_ = &node;
  if (node.op == "Placeholder") return import_input(node);
  if (node.op == "Const") {
    const auto weight = model_.constants.find(node.name);
    if (weight == model_.constants.end())
      return input_error("the weights manifest lacks '{}'; the file is damaged", node.name);
    const int rank = static_cast<int>(weight->second.shape().size());
    set_as_is(0, graph_.add_constant(unique_name(node.name), weight->second), rank);
    return {};
  }
  const auto found = operators_.find(node.op);
  bool known = found != operators_.end() && !node.inputs.empty();
  for (size_t i = 0; i < node.inputs.size(); ++i)  // the way back of a loop
    known = known && (node.inputs[i].empty() || input(i).as_is != kNone || input(i).nchw != kNone);
  if (!known || !found->second(*this, node)) import_unknown(node, known);
  return {};
}

Status TfImporter::finish_outputs() {
  for (const TfModel::Output& output : model_.outputs) {
    const auto found = values_.find(tf_output_key(output.reference));
    if (found == values_.end())
      return input_error("output '{}' is not computed; the file is damaged", output.name);
    Node node;
    node.op = "Identity";
    node.name = unique_name(output.name + "/output");
    node.inputs = {as_is(found->second)};
    // The name belongs to the output; a value inside that bore it (the NCHW form) gives it up.
    const ValueId inner = graph_.find_value(output.name);
    const bool is_boundary = std::ranges::find(graph_.inputs, inner) != graph_.inputs.end() ||
                             std::ranges::find(graph_.outputs, inner) != graph_.outputs.end();
    if (inner != kNone && !is_boundary) graph_.value(inner).name = unique_name(output.name + "/value");
    const ValueId id = graph_.add_value(is_boundary ? node.name : output.name);
    node.outputs = {id};
    graph_.add_node(std::move(node));
    graph_.outputs.push_back(id);
  }
  if (graph_.outputs.empty()) return input_error("has no outputs; the file is damaged");
  return {};
}

Result<Graph> TfImporter::run() {
  TARSIER_CHECK(read_names());
  TARSIER_CHECK(order_nodes());
  for (const size_t index : order_) {
    const TfNode& node = model_.nodes[index];
    TARSIER_CHECK(import_node(node));
    if (!node.misread.empty()) return input_error("node {} ({}): {}", node.name, node.op, node.misread);
  }
  TARSIER_CHECK(finish_outputs());
  TARSIER_CHECK(graph::sort_nodes(graph_));
  graph_.opset = 21;  // the form that is written
  return std::move(graph_);
}

}  // namespace tarsier::import
