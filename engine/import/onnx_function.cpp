// Functions of ONNX models (FunctionProto, IR version 8 and newer): what exporters write for each module of a
// network. A call is replaced by the function's nodes before they are read.
#include <map>
#include <set>

#include "import/onnx_detail.hpp"

namespace tarsier::import {
namespace {

using Names = std::map<std::string, std::string>;

class Call {
 public:
  Call(const onnx::NodeProto& call, const onnx::FunctionProto& function, std::string scope)
      : scope_(std::move(scope)) {
    for (int i = 0; i < function.input_size(); ++i)
      names_[function.input(i)] = i < call.input_size() ? call.input(i) : "";
    for (int i = 0; i < function.output_size(); ++i)
      // An output that the caller leaves out is computed all the same.
      names_[function.output(i)] = i < call.output_size() && !call.output(i).empty()
                                       ? call.output(i)
                                       : scope_ + "/" + function.output(i);
    for (const auto& attribute : call.attribute()) attributes_[attribute.name()] = &attribute;
  }

  onnx::NodeProto copied(const onnx::NodeProto& from) const { return copied(from, {}); }

 private:
  /// `inner`: names that a body around the node defines itself.
  [[nodiscard]] std::string renamed(const std::string& name, const std::set<std::string>& inner) const {
    if (name.empty() || inner.contains(name)) return name;
    const auto found = names_.find(name);
    return found != names_.end() ? found->second : scope_ + "/" + name;
  }

  [[nodiscard]] onnx::NodeProto copied(const onnx::NodeProto& from,
                                       const std::set<std::string>& inner) const {
    onnx::NodeProto to = from;
    to.set_name(scope_ + "/" + (from.name().empty() ? from.op_type() : from.name()));
    for (auto& name : *to.mutable_input()) name = renamed(name, inner);
    for (auto& name : *to.mutable_output()) name = renamed(name, inner);
    to.clear_attribute();
    for (const auto& attribute : from.attribute()) {
      if (!attribute.ref_attr_name().empty()) {
        // Without a value the operator's own default holds.
        if (const auto given = attributes_.find(attribute.ref_attr_name()); given != attributes_.end()) {
          auto& copy = *to.add_attribute();
          copy = *given->second;
          copy.set_name(attribute.name());
        }
        continue;
      }
      auto& copy = *to.add_attribute();
      copy = attribute;
      if (copy.type() == onnx::AttributeProto::GRAPH) rename_body(*copy.mutable_g(), inner);
    }
    return to;
  }

  void rename_body(onnx::GraphProto& body, std::set<std::string> inner) const {
    for (const auto& input : body.input()) inner.insert(input.name());
    for (const auto& weight : body.initializer()) inner.insert(weight.name());
    for (const auto& node : body.node()) inner.insert(node.output().begin(), node.output().end());
    for (auto& node : *body.mutable_node()) node = copied(node, inner);
    for (auto& output : *body.mutable_output()) output.set_name(renamed(output.name(), inner));
  }

  std::string scope_;
  Names names_;
  std::map<std::string, const onnx::AttributeProto*> attributes_;
};

}  // namespace

std::vector<onnx::NodeProto> called_nodes(const onnx::NodeProto& call, const onnx::FunctionProto& function,
                                          const std::string& scope) {
  const Call renamer(call, function, scope);
  std::vector<onnx::NodeProto> nodes;
  for (const auto& node : function.node()) nodes.push_back(renamer.copied(node));
  return nodes;
}

}  // namespace tarsier::import
