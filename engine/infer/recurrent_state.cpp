// The passes of CompileOptions::state: outputs that are inputs of the next execution.
#include <algorithm>

#include "core/text.hpp"
#include "graph/passes/passes.hpp"
#include "infer/compiler.hpp"
#include "infer/plan_impl.hpp"
#include "kernels/kernel.hpp"

namespace tarsier::infer {

using graph::Graph;
using graph::kNone;
using graph::ValueId;

namespace {

// Shapes of states that feed each other settle after as many rounds as there are levels.
constexpr int kRounds = 8;

Result<ValueId> named(const Graph& graph, const std::vector<ValueId>& ids, const std::string& name,
                      std::string_view kind) {
  std::vector<std::string> names;
  for (const ValueId id : ids) {
    if (graph.value(id).name == name) return id;
    names.push_back(graph.value(id).name);
  }
  return input_error("network {} has no {} '{}' for its state{}; there are {}", graph.name, kind, name,
                     did_you_mean(name, names), join(names, ", "));
}

}  // namespace

Status Compiler::open_state_shapes() {
  const auto& ops = kernels::Registry::instance();
  for (const auto& [output, input] : options_.state) {
    TARSIER_TRY(const ValueId from, named(graph_, graph_.outputs, output, "output"));
    TARSIER_TRY(const ValueId to, named(graph_, graph_.inputs, input, "input"));
    (void)from;
    if (graph::is_static(graph_.shape(to)) || options_.input_shapes.contains(input)) continue;
    graph::Shape start = graph_.shape(to);
    for (int64_t& extent : start) extent = std::max<int64_t>(extent, 1);
    options_.input_shapes[input] = start;
  }
  for (int round = 0; round < kRounds && !options_.state.empty(); ++round) {
    Graph trial = graph_;
    TARSIER_CHECK(graph::infer_shapes(trial, ops, {.input_shapes = options_.input_shapes}));
    bool settled = true;
    for (const auto& [output, input] : options_.state) {
      TARSIER_TRY(const ValueId from, named(trial, trial.outputs, output, "output"));
      TARSIER_TRY(const ValueId to, named(trial, trial.inputs, input, "input"));
      if (trial.value(from).desc == trial.value(to).desc) continue;
      settled = false;
      options_.input_shapes[input] = trial.shape(from);
      if (round + 1 == kRounds || trial.value(from).desc.dtype != trial.value(to).desc.dtype)
        return input_error("network {}: state {} {}{} can't be input {} {}{} of the next frame", graph_.name,
                           output, graph::name_of(trial.value(from).desc.dtype),
                           graph::to_string(trial.shape(from)), input,
                           graph::name_of(trial.value(to).desc.dtype), graph::to_string(trial.shape(to)));
    }
    if (settled) break;
  }
  return {};
}

Status Compiler::match_state_layouts() {
  for (const auto& [output, input] : options_.state) {
    const ValueId from = graph_.find_value(output), to = graph_.find_value(input);
    if (from == kNone || to == kNone) return runtime_error("state {} was lost on the way", output);
    const graph::Layout wanted = graph_.value(to).layout;
    if (graph_.value(from).layout == wanted) continue;
    graph::Value copy = graph_.value(from);
    copy.layout = wanted;
    copy.constant.reset();
    graph_.value(from).name += "/computed";  // the output keeps its name
    graph::Node node;
    node.name = output + "/state";
    node.op = wanted == graph::Layout::kC4 ? "ToC4" : "ToLinear";
    node.inputs = {from};
    node.outputs = {ValueId(graph_.values.size())};
    graph_.values.push_back(std::move(copy));
    std::ranges::replace(graph_.outputs, from, node.outputs[0]);
    graph_.add_node(std::move(node));
  }
  return {};
}

}  // namespace tarsier::infer
