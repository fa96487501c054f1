// TensorFlow.js graph models: a GraphDef as JSON beside its weight shards.
#include <algorithm>

#include "core/file.hpp"
#include "graph/passes/edit.hpp"
#include "import/foreign.hpp"
#include "import/import.hpp"
#include "import/tfjs_detail.hpp"

namespace tarsier::import {

using graph::Graph;
using graph::kNone;
using graph::Node;
using graph::Tensor;
using graph::ValueId;

namespace {

std::string without_zero(std::string name) {
  if (name.ends_with(":0")) name.resize(name.size() - 2);
  return name;
}

/// "node" and "node:0" are the same output.
std::string output_key(std::string_view reference) {
  const size_t colon = reference.rfind(':');
  const bool indexed = colon != std::string_view::npos && colon + 1 < reference.size() &&
                       reference.find_first_not_of("0123456789", colon + 1) == std::string_view::npos;
  return indexed ? std::string(reference) : fmt::format("{}:0", reference);
}

std::pair<std::string, size_t> split_key(const std::string& key) {
  const size_t colon = key.rfind(':');
  const std::string digits = key.substr(colon + 1);
  return {key.substr(0, colon), digits.size() > 4 ? 0 : std::stoul(digits)};
}

graph::Shape shape_of(const Json& json) {  // TensorShapeProto; {} where the rank is unknown too
  graph::Shape shape;
  const auto dims = json.find("dim");
  if (dims == json.end()) return shape;
  for (const Json& dim : *dims) {
    const auto size = dim.find("size");
    int64_t extent = -1;
    if (size != dim.end())
      extent = size->is_string() ? std::stoll(size->get<std::string>()) : size->get<int64_t>();
    shape.push_back(extent > 0 ? extent : -1);
  }
  return shape;
}

}  // namespace

// -------------------------------------------------------------------------------------------- helpers for
// operators

TfValue& TfImporter::input(size_t index) {
  static TfValue absent;
  if (index >= node_->inputs.size()) return absent = TfValue();
  return values_[output_key(node_->inputs[index])];
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
    graph::Shape shape = tensor->shape();
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

ValueId TfImporter::emit(std::string op, std::vector<ValueId> inputs,
                         std::map<std::string, graph::Attribute, std::less<>> attributes,
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
                                           std::map<std::string, graph::Attribute, std::less<>> attributes) {
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

// --------------------------------------------------------------------------------------------------------
// the graph

Status TfImporter::read_nodes(const Json& model) {
  for (const Json& json : model.at("modelTopology").at("node")) {
    TfNode node;
    node.name = json.at("name").get<std::string>();
    node.op = json.at("op").get<std::string>();
    if (const auto attributes = json.find("attr"); attributes != json.end()) node.attributes = &*attributes;
    if (const auto inputs = json.find("input"); inputs != json.end())
      for (const Json& input : *inputs) {
        auto reference = input.get<std::string>();
        if (!reference.starts_with('^')) node.inputs.push_back(std::move(reference));  // '^': order only
      }
    for (const std::string& input : node.inputs) {
      const auto [name, index] = split_key(output_key(input));
      size_t& read = outputs_read_[name];
      read = std::max(read, index + 1);
    }
    if (!node_by_name_.emplace(node.name, nodes_.size()).second)
      return input_error("has two nodes named '{}'; the file is damaged", node.name);
    nodes_.push_back(std::move(node));
  }
  return {};
}

Status TfImporter::order_nodes(const std::vector<std::string>& roots) {
  enum class Mark : uint8_t { kNew, kOpen, kDone };
  std::vector<Mark> marks(nodes_.size(), Mark::kNew);
  std::vector<std::pair<size_t, size_t>> stack;
  const auto visit = [&](const std::string& reference, const std::string& reader) -> Status {
    const auto found = node_by_name_.find(split_key(output_key(reference)).first);
    if (found == node_by_name_.end())
      return input_error("{} reads '{}', which is not in the file; it is damaged", reader, reference);
    // An open node is a loop's way back: loops are not supported and are reported by their operators.
    if (marks[found->second] == Mark::kNew) {
      marks[found->second] = Mark::kOpen;
      stack.emplace_back(found->second, 0);
    }
    return {};
  };
  // Placeholders come first and in the file's order, whether or not an output needs them.
  for (size_t i = 0; i < nodes_.size(); ++i)
    if (nodes_[i].op == "Placeholder") {
      marks[i] = Mark::kDone;
      order_.push_back(i);
    }
  for (const std::string& root : roots) {
    TARSIER_CHECK(visit(root, "the signature"));
    while (!stack.empty()) {
      const size_t index = stack.back().first;
      const TfNode& node = nodes_[index];
      if (stack.back().second == node.inputs.size()) {
        marks[index] = Mark::kDone;
        order_.push_back(index);
        stack.pop_back();
        continue;
      }
      const std::string& reference = node.inputs[stack.back().second++];
      TARSIER_CHECK(visit(reference, fmt::format("node {} ({})", node.name, node.op)));
    }
  }
  return {};
}

Status TfImporter::import_input(const TfNode& node) {
  const auto signature = signature_inputs_.find(node.name);
  graph::TensorDesc desc;
  std::string type = node.type("dtype");
  if (const Json* shape = node.attribute("shape", "shape")) desc.shape = shape_of(*shape);
  if (signature != signature_inputs_.end()) {
    if (desc.shape.empty() && signature->second.contains("tensorShape"))
      desc.shape = shape_of(signature->second.at("tensorShape"));
    if (type.empty()) type = signature->second.value("dtype", std::string());
  }
  switch (onnx_type_of(type)) {
    case 1:
      desc.dtype = graph::DType::kF32;
      break;
    case 2:
      desc.dtype = graph::DType::kU8;
      break;
    case 6:
      desc.dtype = graph::DType::kI32;
      break;
    case 7:
      desc.dtype = graph::DType::kI64;
      break;
    case 9:
      desc.dtype = graph::DType::kBool;
      break;
    default:
      return input_error("input '{}' has element type '{}', which is not supported", node.name, type);
  }
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
    const auto weight = weights_.find(node.name);
    if (weight == weights_.end())
      return input_error("the weights manifest lacks '{}'; the file is damaged", node.name);
    const int rank = static_cast<int>(weight->second.shape().size());
    set_as_is(0, graph_.add_constant(unique_name(node.name), weight->second), rank);
    return {};
  }
  static const TfOperators kOperators = [] {
    TfOperators table;
    add_layout_operators(table);
    add_elementwise_operators(table);
    add_shape_operators(table);
    return table;
  }();
  const auto found = kOperators.find(node.op);
  bool known = found != kOperators.end();
  for (size_t i = 0; i < node.inputs.size(); ++i)  // the way back of a loop
    known = known && (input(i).as_is != kNone || input(i).nchw != kNone);
  if (!known || !found->second(*this, node)) import_unknown(node, known);
  return {};
}

Status TfImporter::finish_outputs(const std::vector<std::string>& roots) {
  for (const std::string& root : roots) {
    const auto found = values_.find(output_key(root));
    if (found == values_.end()) return input_error("output '{}' is not computed; the file is damaged", root);
    Node node;
    node.op = "Identity";
    node.name = without_zero(root) + "/output";
    node.inputs = {as_is(found->second)};
    // The name belongs to the output; a value inside that bore it (the NCHW form) gives it up.
    const std::string name = without_zero(root);
    const ValueId inner = graph_.find_value(name);
    const bool is_input = std::ranges::find(graph_.inputs, inner) != graph_.inputs.end();
    if (inner != kNone && !is_input) graph_.value(inner).name = unique_name(name + "/value");
    const ValueId id = graph_.add_value(is_input ? node.name : name);
    node.outputs = {id};
    graph_.add_node(std::move(node));
    graph_.outputs.push_back(id);
  }
  if (graph_.outputs.empty()) return input_error("has no outputs; the file is damaged");
  return {};
}

Result<Graph> TfImporter::run(const Json& model) {
  TARSIER_CHECK(read_nodes(model));
  std::vector<std::string> roots;
  const Json* signature = nullptr;
  for (const Json* holder : {&model, &model.at("modelTopology")})
    if (const auto found = holder->find("signature"); signature == nullptr && found != holder->end())
      signature = &*found;
  if (signature != nullptr && signature->is_object()) {
    if (const auto inputs = signature->find("inputs"); inputs != signature->end())
      for (const auto& [key, info] : inputs->items())
        signature_inputs_[without_zero(info.value("name", key))] = info;
    if (const auto outputs = signature->find("outputs"); outputs != signature->end())
      for (const auto& [key, info] : outputs->items()) roots.push_back(info.value("name", key));
  }
  if (roots.empty())
    for (const TfNode& node : nodes_)  // no signature: what nobody reads
      if (!outputs_read_.contains(node.name) && node.op != "NoOp" && node.op != "Const" &&
          node.op != "Placeholder")
        roots.push_back(node.name);
  TARSIER_CHECK(order_nodes(roots));
  for (const size_t index : order_) TARSIER_CHECK(import_node(nodes_[index]));
  TARSIER_CHECK(finish_outputs(roots));
  TARSIER_CHECK(graph::sort_nodes(graph_));
  graph_.opset = 21;  // the form that is written
  return std::move(graph_);
}

Result<Graph> load_tfjs(const std::filesystem::path& model_json) {
  const std::string shown = model_json.string();
  TARSIER_TRY(const std::vector<std::byte> bytes, read_file(model_json));
  const auto* text = reinterpret_cast<const char*>(bytes.data());
  const Json model = Json::parse(text, text + bytes.size(), nullptr, false);
  if (model.is_discarded()) {
    if (const auto kind = foreign_kind(bytes); !kind.empty())
      return input_error("{}: is {}, not a TensorFlow.js model", shown, kind);
    return input_error("{}: is truncated, or not JSON; fetch it again", shown);
  }
  const auto has = [](const Json& json, const char* key) { return json.is_object() && json.contains(key); };
  if (has(model, "modelTopology") && has(model["modelTopology"], "model_config"))
    return input_error("{}: is a TensorFlow.js layers model; convert it to a graph model", shown);
  if (!has(model, "modelTopology") || !has(model, "weightsManifest") || !has(model["modelTopology"], "node"))
    return input_error(
        "{}: is JSON, but not a TensorFlow.js graph model (no modelTopology and weightsManifest)", shown);
  // What is checked above is the outline; a damaged inside shows as a missing key or a wrong type.
  try {
    auto weights = read_tfjs_weights(model["weightsManifest"], model_json.parent_path());
    if (!weights.ok()) return weights.error().in(shown);
    auto imported = TfImporter(model_json.stem().string(), *std::move(weights)).run(model);
    if (!imported.ok()) return imported.error().in(shown);
    return imported;
  } catch (const std::exception& error) {  // nlohmann::json, std::stoll
    return input_error("{}: is a damaged TensorFlow.js model ({}); fetch it again", shown, error.what());
  }
}

}  // namespace tarsier::import
