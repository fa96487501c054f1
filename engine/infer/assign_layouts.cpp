#include "infer/assign_layouts.hpp"

#include <algorithm>
#include <map>

#include "infer/device_tensor.hpp"

namespace tarsier::infer {
namespace {

using graph::Graph;
using graph::kNone;
using graph::Layout;
using graph::Node;
using graph::ValueId;

bool can_be_c4(const graph::TensorDesc& desc) {
  return desc.shape.size() == 4 && is_real(desc.dtype);
}

class Assigner {
 public:
  Assigner(Graph& graph, const kernels::Registry& kernels) : graph_(graph), kernels_(kernels) {}

  Status run() {
    readers_.resize(graph_.values.size());
    for (size_t n = 0; n < graph_.nodes.size(); ++n) {
      for (const ValueId input : graph_.nodes[n].inputs) {
        if (input != kNone) readers_[size_t(input)].push_back(n);
      }
    }
    for (const ValueId input : graph_.inputs) {
      auto& value = graph_.value(input);
      value.layout = can_be_c4(value.desc) && wants_c4(input, 0) ? Layout::kC4 : Layout::kLinear;
    }
    std::vector<Node> nodes = std::move(graph_.nodes);
    graph_.nodes.clear();
    for (Node& node : nodes) TARSIER_CHECK(place(std::move(node)));
    return {};
  }

 private:
  /// Whether the readers of a value, looked at through those that follow their input, want it in kC4.
  bool wants_c4(ValueId id, int depth) {
    constexpr int kFarEnough = 8;
    if (depth > kFarEnough) return false;
    auto& layout = graph_.value(id).layout;
    for (const size_t reader : readers_[size_t(id)]) {
      const Node& node = graph_.nodes[reader];
      const auto* kernel = kernels_.find(node.op);
      if (kernel == nullptr) continue;
      const auto index = size_t(std::ranges::find(node.inputs, id) - node.inputs.begin());
      layout = Layout::kLinear;
      const auto if_linear = kernel->layouts(graph_, node);
      layout = Layout::kC4;
      const auto if_c4 = kernel->layouts(graph_, node);
      layout = Layout::kLinear;
      if (index >= if_linear.inputs.size() || index >= if_c4.inputs.size()) continue;  // place() reports it
      if (if_linear.inputs[index] == Layout::kC4) return true;
      if (if_c4.inputs[index] == Layout::kLinear) continue;
      for (const ValueId output : node.outputs) {
        if (output != kNone && can_be_c4(graph_.value(output).desc) && wants_c4(output, depth + 1))
          return true;
      }
    }
    return false;
  }

  Status place(Node node) {
    const auto* kernel = kernels_.find(node.op);
    if (kernel == nullptr) return runtime_error("node {}: operator {} is not registered", node.name, node.op);
    const auto choice = kernel->layouts(graph_, node);
    if (choice.inputs.size() < node.inputs.size() || choice.outputs.size() < node.outputs.size()) {
      return runtime_error("node {}: kernel {} gave layouts for {} inputs and {} outputs of {} and {}",
                           node.name, node.op, choice.inputs.size(), choice.outputs.size(),
                           node.inputs.size(), node.outputs.size());
    }
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      TARSIER_CHECK(convert(node.inputs[i], choice.inputs[i]));
    }
    if (!choice.outputs.empty()) {
      for (auto& post : node.post) TARSIER_CHECK(convert(post.operand, choice.outputs[0]));
    }
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      if (node.outputs[i] == kNone) continue;
      auto& value = graph_.value(node.outputs[i]);
      value.layout = choice.outputs[i];
      if (value.layout == Layout::kC4 && !can_be_c4(value.desc)) {
        return runtime_error("node {}: kernel {} wants {} {} in blocks of channels", node.name, node.op,
                             graph::name_of(value.desc.dtype), graph::to_string(value.desc.shape));
      }
    }
    graph_.add_node(std::move(node));
    return {};
  }

  /// Makes `id` name a value in the wanted layout.
  Status convert(ValueId& id, Layout wanted) {
    if (id == kNone || graph_.constant(id) != nullptr || graph_.value(id).layout == wanted) return {};
    if (const auto found = converted_.find(id); found != converted_.end()) {
      id = found->second;
      return {};
    }
    const auto& source = graph_.value(id);
    if (wanted == Layout::kC4 && !can_be_c4(source.desc)) {
      return runtime_error("value {} {} can't lie in blocks of channels", source.name,
                           graph::to_string(source.desc.shape));
    }
    const bool to_c4 = wanted == Layout::kC4;
    const std::string name = source.name + (to_c4 ? "/c4" : "/linear");
    const auto desc = source.desc;
    const ValueId target = graph_.add_value(name, desc);
    Node node;
    node.name = name;
    node.op = to_c4 ? "ToC4" : "ToLinear";
    node.inputs = {id};
    node.outputs = {target};
    graph_.value(target).layout = wanted;
    graph_.add_node(std::move(node));
    converted_[id] = target;
    id = target;
    return {};
  }

  Graph& graph_;
  const kernels::Registry& kernels_;
  std::vector<std::vector<size_t>> readers_;  // of the values there were at the start
  std::map<ValueId, ValueId> converted_;      // there are two layouts, so one conversion a value
};

}  // namespace

Status assign_layouts(Graph& graph, const kernels::Registry& kernels) {
  return Assigner(graph, kernels).run();
}

}  // namespace tarsier::infer
