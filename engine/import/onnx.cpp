// ONNX files, read with the protobuf classes of Debian's libonnx.
#include <algorithm>
#include <array>
#include <limits>
#include <map>
#include <unordered_map>
#include <unordered_set>

#include "core/file.hpp"
#include "core/text.hpp"
#include "graph/element_type.hpp"
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

// Of the standard domain, as far as this importer knows its operators.
constexpr int64_t kNewestOpset = 22;

/// What all graphs of a file share: the main one, the bodies of its control flow, its functions.
struct OnnxFile {
  const onnx::ModelProto& model;
  OnnxTensors tensors;
  std::map<std::string, const onnx::FunctionProto*> functions;  // by OnnxImporter::operator_key
  std::unordered_set<std::string> scopes;                       // of the calls of functions
  size_t nodes = 0;                                             // read so far, those of functions each time
};

class OnnxImporter {
 public:
  /// The graph of a file, or (with `parent`) a body inside of one.
  OnnxImporter(OnnxFile& file, const onnx::GraphProto& proto, std::string name, int64_t opset,
               OnnxImporter* parent = nullptr)
      : file_(file), proto_(proto), parent_(parent), types_(parent == nullptr ? nullptr : &parent->types_) {
    graph_.name = std::move(name);
    graph_.opset = opset;
  }

  static std::string operator_key(const std::string& domain, const std::string& op) {
    return (domain == "ai.onnx" ? "" : domain) + ":" + op;
  }

  Result<Graph> run() {
    if (proto_.sparse_initializer_size() > 0)
      return input_error("has sparse weights, which are not supported");
    for (const auto& node : proto_.node()) own_names_.insert(node.output().begin(), node.output().end());
    types_.declare(proto_);
    TARSIER_CHECK(read_initializers());
    TARSIER_CHECK(read_inputs());
    for (const auto& node : proto_.node()) TARSIER_CHECK(read_node(node, graph_.opset, 0));
    TARSIER_CHECK(read_outputs());
    for (const auto& [inner, outer] : captures_) graph_.inputs.push_back(inner);
    graph_.captures = captures_.size();
    if (const Status sorted = graph::sort_nodes(graph_); !sorted.ok())
      return input_error("{}; the file is damaged", sorted.error().message);
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

  /// Integers of 16 bits without sign lie in wider ones: results of arithmetic are cut back.
  Status add_narrowed(const onnx::NodeProto& proto, Node node, int64_t opset) {
    constexpr std::array kArithmetic{"Add", "Sub", "Mul", "Neg", "Pow", "Sum", "BitShift", "BitwiseNot"};
    const bool arithmetic = std::ranges::find(kArithmetic, node.op) != kArithmetic.end();
    if (!arithmetic || node.outputs.size() != 1 || node.inputs.empty() ||
        types_.of(proto.input(0)) != onnx::TensorProto::UINT16)
      return add_upgraded(graph_, std::move(node), opset);
    Node cut;
    cut.op = "Cast";
    cut.name = node.name + "/cut";
    cut.attributes["to"] = int64_t{onnx::TensorProto::UINT16};
    cut.outputs = node.outputs;
    cut.inputs = {graph_.add_value(node.name + "/wide")};
    node.outputs = cut.inputs;
    TARSIER_CHECK(add_upgraded(graph_, std::move(node), opset));
    graph_.add_node(std::move(cut));
    return {};
  }

  Status read_initializers() {
    for (const auto& proto : proto_.initializer()) {
      TARSIER_TRY(graph::Tensor tensor, file_.tensors.read(proto));
      if (!by_name_.emplace(proto.name(), graph_.add_constant(proto.name(), std::move(tensor))).second)
        return input_error("has two weights named '{}'", proto.name());
    }
    return {};
  }

  Status read_inputs() {
    for (const auto& proto : proto_.input()) {
      if (const auto found = by_name_.find(proto.name()); found != by_name_.end()) {
        if (graph_.value(found->second).constant) continue;  // IR 3 lists the weights as inputs too
        return input_error("has two inputs named '{}'; the file is damaged", proto.name());
      }
      // The inputs of a body are described by what it is given; they may be sequences.
      graph::TensorDesc desc;
      if (parent_ == nullptr) {
        TARSIER_TRY(desc, description_of(proto, "input"));
      }
      const ValueId id = graph_.add_value(proto.name(), std::move(desc));
      by_name_.emplace(proto.name(), id);
      graph_.inputs.push_back(id);
    }
    return {};
  }

  static Result<graph::TensorDesc> description_of(const onnx::ValueInfoProto& proto, std::string_view what) {
    if (!proto.type().has_tensor_type())
      return input_error("{} '{}' is no tensor, which is not supported", what, proto.name());
    const auto dtype = graph::dtype_of_onnx(proto.type().tensor_type().elem_type());
    if (!dtype.ok()) return dtype.error().in(fmt::format("{} '{}'", what, proto.name()));
    graph::TensorDesc desc{*dtype, {}};
    for (const auto& dim : proto.type().tensor_type().shape().dim())
      desc.shape.push_back(dim.has_dim_value() && dim.dim_value() > 0 ? dim.dim_value() : -1);
    return desc;
  }

  ValueId value_named(const std::string& name) {
    if (name.empty()) return kNone;
    const auto found = by_name_.find(name);
    if (found != by_name_.end()) return found->second;
    const ValueId id = graph_.add_value(name);
    by_name_.emplace(name, id);
    // A name that nothing here writes is one of the graph around the body.
    if (parent_ != nullptr && !own_names_.contains(name))
      captures_.emplace_back(id, parent_->value_named(name));
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
        TARSIER_TRY(graph::Tensor tensor, file_.tensors.read(proto.t()));
        return std::optional<Attribute>(std::move(tensor));
      }
      case Proto::SPARSE_TENSOR:
        return input_error("attribute '{}' is a sparse tensor, which is not supported", proto.name());
      default:
        // The type of an Optional, which nothing needs; what operators of other domains have.
        return std::optional<Attribute>();
    }
  }

  /// `opset` is that of the function that the node is from, or of the model.
  Status read_node(const onnx::NodeProto& proto, int64_t opset, int depth) {
    // Functions that call each other twice would fill the memory.
    constexpr size_t kMostNodes = 200'000;
    if (++file_.nodes > kMostNodes)
      return input_error("has more than {} nodes, those of its functions included", kMostNodes);
    const auto function = file_.functions.find(operator_key(proto.domain(), proto.op_type()));
    if (function != file_.functions.end()) return read_call(proto, *function->second, depth);
    const Status status = read_operator(proto, opset);
    if (!status.ok()) return status.error().in(fmt::format("node {} ({})", name_of(proto), proto.op_type()));
    return {};
  }

  Status read_operator(const onnx::NodeProto& proto, int64_t opset) {
    Node node;
    node.name = name_of(proto);
    const bool standard = proto.domain().empty() || proto.domain() == "ai.onnx";
    node.op = standard ? proto.op_type() : proto.domain() + "." + proto.op_type();
    for (const std::string& input : proto.input()) node.inputs.push_back(value_named(input));
    while (!node.inputs.empty() && node.inputs.back() == kNone) node.inputs.pop_back();
    std::map<std::string, const onnx::GraphProto*> bodies;  // in the order in which their captures follow
    for (const auto& attribute : proto.attribute()) {
      if (standard || proto.domain() == "ai.onnx.preview") {
        TARSIER_TRY(const bool read, check_attribute(attribute, node.op, opset));
        if (!read) continue;
      }
      if (attribute.type() == onnx::AttributeProto::GRAPH) {
        bodies.emplace(attribute.name(), &attribute.g());
        continue;
      }
      TARSIER_TRY(auto value, read_attribute(attribute));
      if (value) node.attributes.insert_or_assign(attribute.name(), std::move(*value));
    }
    for (const auto& [key, body] : bodies) TARSIER_CHECK(read_body(node, key, *body, opset));
    for (const std::string& output : proto.output()) {
      const ValueId id = value_named(output);
      if (id != kNone &&
          (graph_.value(id).constant || std::ranges::find(graph_.inputs, id) != graph_.inputs.end() ||
           !written_.insert(id).second))
        return input_error("writes '{}', which something else writes too; the file is damaged", output);
      node.outputs.push_back(id);
    }
    if (!standard) return add_upgraded(graph_, std::move(node), 0);
    types_.imply(proto);
    note_element_types(node, proto, types_);
    return add_narrowed(proto, std::move(node), opset);
  }

  /// A body becomes an attribute; the values around it that it reads become the last inputs of the node.
  Status read_body(Node& node, const std::string& key, const onnx::GraphProto& proto, int64_t opset) {
    OnnxImporter importer(file_, proto, fmt::format("{}/{}", node.name, key), opset, this);
    auto body = importer.run();
    if (!body.ok()) return body.error().in(key);
    // Optional inputs that were left out at the end have places all the same.
    const size_t formal = node.op == "If" ? node.inputs.size() : body->inputs.size() - body->captures;
    if (node.inputs.size() < formal) node.inputs.resize(formal, kNone);
    for (const auto& [inner, outer] : importer.captures_) node.inputs.push_back(outer);
    node.attributes.insert_or_assign(key, std::make_shared<Graph>(*std::move(body)));
    return {};
  }

  /// A call of a function of the model: its nodes, under names of this call.
  Status read_call(const onnx::NodeProto& call, const onnx::FunctionProto& function, int depth) {
    constexpr int kDeepest = 64;
    if (depth > kDeepest)
      return input_error("node {} ({}): the function calls itself; the file is damaged", name_of(call),
                         function.name());
    // Calls without a name of their own, or of one name, have values of their own all the same.
    std::string scope = name_of(call);
    if (!file_.scopes.insert(scope).second) scope += fmt::format(".{}", file_.nodes);
    int64_t opset = graph_.opset;
    for (const auto& import : function.opset_import())
      if (import.domain().empty() || import.domain() == "ai.onnx") opset = import.version();
    for (onnx::NodeProto node : called_nodes(call, function, scope)) {
      own_names_.insert(node.output().begin(), node.output().end());
      TARSIER_CHECK(read_node(node, opset, depth + 1));
    }
    return {};
  }

  /// bfloat16 is computed in fp32. What leaves the network has the digits that its type has.
  ValueId rounded_output(ValueId id, const std::string& name) {
    const bool computed = graph_.value(id).producer != kNone;
    if (parent_ != nullptr || !computed || types_.of(name) != onnx::TensorProto::BFLOAT16) return id;
    graph_.value(id).name += "/exact";
    Node cast;
    cast.op = "Cast";
    cast.name = name + "/rounded";
    cast.attributes["to"] = int64_t{onnx::TensorProto::BFLOAT16};
    cast.inputs = {id};
    cast.outputs = {graph_.add_value(name)};
    graph_.add_node(cast);
    return cast.outputs[0];
  }

  Status read_outputs() {
    for (const auto& proto : proto_.output()) {
      // A body may hand out a value of the graph around it.
      const ValueId id = parent_ != nullptr                ? value_named(proto.name())
                         : by_name_.contains(proto.name()) ? by_name_.at(proto.name())
                                                           : kNone;
      if (id == kNone)
        return input_error("output '{}' is computed by no node; the file is damaged", proto.name());
      // What a loop without rounds returns is known from nothing else.
      if (auto desc = description_of(proto, "output"); desc.ok() && parent_ != nullptr)
        if (!graph_.value(id).constant) graph_.value(id).desc = *std::move(desc);
      graph_.outputs.push_back(rounded_output(id, proto.name()));
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

  OnnxFile& file_;
  const onnx::GraphProto& proto_;
  OnnxImporter* parent_;
  Graph graph_;
  std::unordered_map<std::string, ValueId> by_name_;
  ElementTypes types_;
  std::unordered_set<std::string> own_names_;  // written by nodes of this graph
  std::unordered_set<ValueId> written_;
  std::vector<std::pair<ValueId, ValueId>> captures_;  // here, and in the graph around
};

Result<Graph> import_model(const onnx::ModelProto& model, const std::filesystem::path& path) {
  if (!model.has_graph() || model.opset_import_size() == 0)
    return input_error("is truncated, or not an ONNX model; fetch or export it again");
  // A model that uses operators of other domains only is one whose operators are reported one by one.
  int64_t opset = kNewestOpset;
  for (const auto& import : model.opset_import())
    if (import.domain().empty() || import.domain() == "ai.onnx") opset = import.version();
  if (opset < 1) return input_error("claims opset {}; the file is damaged", opset);
  OnnxFile file{model, OnnxTensors(path.parent_path().empty() ? "." : path.parent_path()), {}};
  for (const auto& function : model.functions())
    file.functions.emplace(OnnxImporter::operator_key(function.domain(), function.name()), &function);
  return OnnxImporter(file, model.graph(), path.stem().string(), opset).run();
}

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
  auto imported = import_model(model, path);
  if (!imported.ok()) return imported.error().in(shown);
  return imported;
}

}  // namespace tarsier::import
