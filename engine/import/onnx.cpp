// ONNX files, read with the protobuf classes of Debian's libonnx.
#include <algorithm>
#include <limits>
#include <unordered_map>
#include <unordered_set>

#include "core/file.hpp"
#include "core/text.hpp"
#include "graph/passes/edit.hpp"
#include "import/foreign.hpp"
#include "import/import.hpp"
#include "import/onnx_detail.hpp"

namespace tarsier::import {
namespace {

using graph::Attribute;
using graph::Graph;
using graph::kNone;
using graph::Node;
using graph::ValueId;

// Before opset 7 broadcasting was an attribute of each operator; no current exporter writes that.
constexpr int64_t kOldestOpset = 7;

class OnnxImporter {
 public:
  OnnxImporter(const onnx::ModelProto& model, const std::filesystem::path& path)
      : model_(model), tensors_(path.parent_path().empty() ? "." : path.parent_path()) {
    graph_.name = path.stem().string();
  }

  Result<Graph> run() {
    TARSIER_CHECK(read_opset());
    read_declared_types();
    TARSIER_CHECK(read_initializers());
    TARSIER_CHECK(read_inputs());
    for (const auto& proto : model_.graph().node()) {
      if (Status status = read_node(proto); !status.ok())
        return status.error().in(fmt::format("node {} ({})", name_of(proto), proto.op_type()));
    }
    TARSIER_CHECK(read_outputs());
    TARSIER_CHECK(graph::sort_nodes(graph_));
    TARSIER_CHECK(find_unfed_values());
    return std::move(graph_);
  }

 private:
  static std::string name_of(const onnx::NodeProto& proto) {
    if (!proto.name().empty()) return proto.name();
    for (const std::string& output : proto.output())
      if (!output.empty()) return output;
    return "unnamed";
  }

  Status read_opset() {
    for (const auto& import : model_.opset_import())
      if (import.domain().empty() || import.domain() == "ai.onnx") graph_.opset = import.version();
    if (!model_.has_graph() || graph_.opset == 0)
      return input_error("is truncated, or not an ONNX model; fetch or export it again");
    if (graph_.opset < kOldestOpset)
      return input_error("is written for opset {}; export it again for opset {} or newer", graph_.opset,
                         kOldestOpset);
    if (model_.graph().sparse_initializer_size() > 0)
      return input_error("has sparse weights, which are not supported");
    return {};
  }

  /// The file's element types, of which the engine keeps fewer (engine_dtype).
  void read_declared_types() {
    const auto note = [this](const auto& values) {
      for (const auto& proto : values)
        if (proto.type().has_tensor_type())
          declared_types_.emplace(proto.name(), proto.type().tensor_type().elem_type());
    };
    note(model_.graph().input());
    note(model_.graph().value_info());
    note(model_.graph().output());
    for (const auto& proto : model_.graph().initializer())
      declared_types_.emplace(proto.name(), proto.data_type());
  }

  Status read_initializers() {
    for (const auto& proto : model_.graph().initializer()) {
      TARSIER_TRY(graph::Tensor tensor, tensors_.read(proto));
      if (!by_name_.emplace(proto.name(), graph_.add_constant(proto.name(), std::move(tensor))).second)
        return input_error("has two weights named '{}'", proto.name());
    }
    return {};
  }

  Status read_inputs() {
    for (const auto& proto : model_.graph().input()) {
      if (by_name_.contains(proto.name())) continue;  // IR 3 lists the weights as inputs too
      if (!proto.type().has_tensor_type())
        return input_error("input '{}' is no tensor, which is not supported", proto.name());
      const auto dtype = engine_dtype(proto.type().tensor_type().elem_type());
      if (!dtype.ok()) return dtype.error().in(fmt::format("input '{}'", proto.name()));
      graph::TensorDesc desc{*dtype, {}};
      for (const auto& dim : proto.type().tensor_type().shape().dim())
        desc.shape.push_back(dim.has_dim_value() && dim.dim_value() > 0 ? dim.dim_value() : -1);
      const ValueId id = graph_.add_value(proto.name(), std::move(desc));
      by_name_.emplace(proto.name(), id);
      graph_.inputs.push_back(id);
    }
    return {};
  }

  ValueId value_named(const std::string& name) {
    if (name.empty()) return kNone;
    const auto found = by_name_.find(name);
    if (found != by_name_.end()) return found->second;
    const ValueId id = graph_.add_value(name);
    by_name_.emplace(name, id);
    return id;
  }

  Result<std::optional<Attribute>> read_attribute(const onnx::AttributeProto& proto) {
    using Proto = onnx::AttributeProto;
    switch (proto.type()) {
      case Proto::INT:
        return std::optional<Attribute>(int64_t{proto.i()});
      case Proto::FLOAT:
        return std::optional<Attribute>(proto.f());
      case Proto::STRING:
        return std::optional<Attribute>(proto.s());
      case Proto::INTS:
        return std::optional<Attribute>(std::vector<int64_t>(proto.ints().begin(), proto.ints().end()));
      case Proto::FLOATS:
        return std::optional<Attribute>(std::vector<float>(proto.floats().begin(), proto.floats().end()));
      case Proto::STRINGS:
        return std::optional<Attribute>(
            std::vector<std::string>(proto.strings().begin(), proto.strings().end()));
      case Proto::TENSOR: {
        TARSIER_TRY(graph::Tensor tensor, tensors_.read(proto.t()));
        return std::optional<Attribute>(std::move(tensor));
      }
      default:
        // Sub-graphs and the like: their operators (If, Loop, ...) are reported as unsupported by name.
        return std::optional<Attribute>();
    }
  }

  Status read_node(const onnx::NodeProto& proto) {
    Node node;
    node.name = name_of(proto);
    const bool standard = proto.domain().empty() || proto.domain() == "ai.onnx";
    node.op = standard ? proto.op_type() : proto.domain() + "." + proto.op_type();
    for (const auto& attribute : proto.attribute()) {
      TARSIER_TRY(auto value, read_attribute(attribute));
      if (value) node.attributes.insert_or_assign(attribute.name(), std::move(*value));
    }
    for (const std::string& input : proto.input()) node.inputs.push_back(value_named(input));
    while (!node.inputs.empty() && node.inputs.back() == kNone) node.inputs.pop_back();
    for (const std::string& output : proto.output()) {
      const ValueId id = value_named(output);
      if (id != kNone &&
          (graph_.value(id).constant || std::ranges::find(graph_.inputs, id) != graph_.inputs.end() ||
           !written_.insert(id).second))
        return input_error("writes '{}', which something else writes too; the file is damaged", output);
      node.outputs.push_back(id);
    }
    if (node.op == "CastLike" && proto.input_size() > 1)
      if (const auto type = declared_types_.find(proto.input(1)); type != declared_types_.end())
        node.attributes["to"] = int64_t{type->second};
    return add_upgraded(graph_, std::move(node), standard ? graph_.opset : 0);
  }

  Status read_outputs() {
    for (const auto& proto : model_.graph().output()) {
      const auto found = by_name_.find(proto.name());
      if (found == by_name_.end())
        return input_error("output '{}' is computed by no node; the file is damaged", proto.name());
      graph_.outputs.push_back(found->second);
    }
    if (graph_.outputs.empty()) return input_error("has no outputs; the file is damaged");
    return {};
  }

  /// Everything that is read must come from an input, a weight or a node.
  Status find_unfed_values() {
    std::vector<bool> fed(graph_.values.size(), false);
    for (const ValueId id : graph_.inputs) fed[static_cast<size_t>(id)] = true;
    const auto is_fed = [&](ValueId id) {
      return id == kNone || fed[static_cast<size_t>(id)] || graph_.value(id).constant ||
             graph_.value(id).producer != kNone;
    };
    for (const Node& node : graph_.nodes)
      for (const ValueId id : node.inputs)
        if (!is_fed(id))
          return input_error("node {} ({}) reads '{}', which nothing computes; the file is damaged",
                             node.name, node.op, graph_.value(id).name);
    for (const ValueId id : graph_.outputs)
      if (!is_fed(id))
        return input_error("output '{}' is computed by no node; the file is damaged", graph_.value(id).name);
    return {};
  }

  const onnx::ModelProto& model_;
  OnnxTensors tensors_;
  Graph graph_;
  std::unordered_map<std::string, ValueId> by_name_;
  std::unordered_map<std::string, int32_t> declared_types_;
  std::unordered_set<ValueId> written_;
};

}  // namespace

Result<Graph> load_onnx(const std::filesystem::path& path) {
  const std::string shown = path.string();
  std::error_code error;
  const uint64_t size = std::filesystem::file_size(path, error);
  if (!error && size > static_cast<uint64_t>(std::numeric_limits<int32_t>::max()))
    return input_error("{}: is larger than 2 GiB, the limit of the format; save its weights as external data",
                       shown);
  TARSIER_TRY(const std::vector<std::byte> bytes, read_file(path));
  if (bytes.empty()) return input_error("{}: the file is empty; fetch it again", shown);
  if (const auto kind = foreign_kind(bytes); !kind.empty())
    return input_error("{}: is {}, not an ONNX model", shown, kind);
  onnx::ModelProto model;
  if (!model.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
    return input_error("{}: is truncated, or not an ONNX model; fetch or export it again", shown);
  auto imported = OnnxImporter(model, path).run();
  if (!imported.ok()) return imported.error().in(shown);
  return imported;
}

}  // namespace tarsier::import
