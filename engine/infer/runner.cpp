#include "infer/runner.hpp"

#include <algorithm>

#include "graph/passes/passes.hpp"
#include "infer/precision.hpp"
#include "kernels/kernel.hpp"

namespace tarsier::infer {

using graph::Graph;
using graph::Tensor;
using graph::ValueId;

namespace {

// Every step makes at least one more value known; a damaged network must not go on for ever.
constexpr int kMostSteps = 10'000;

/// Content is part of the key itself, not a hash of it: plan-time values are small, and a collision would be
/// a wrong result.
void append_to_key(std::string& key, std::string_view name, const Tensor& tensor) {
  const auto bytes = tensor.bytes();
  key += fmt::format("|{}={}{}:", name, graph::name_of(tensor.dtype()), graph::to_string(tensor.shape()));
  key.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

}  // namespace

Runner::Runner(gpu::Device& device, Graph graph, CompileOptions options, size_t most_plans)
    : device_(&device), graph_(std::move(graph)), options_(std::move(options)), most_plans_(most_plans) {
  options_.input_shapes.clear();
}

Result<std::vector<Tensor>> Runner::run(const std::vector<Tensor>& inputs) {
  if (inputs.size() != graph_.inputs.size())
    return input_error("network {} takes {} inputs, {} were given", graph_.name, graph_.inputs.size(),
                       inputs.size());
  Named fed, known;
  std::string key;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const std::string& name = graph_.value(graph_.inputs[i]).name;
    fed[name] = inputs[i];
    key += fmt::format("{}{}", graph::name_of(inputs[i].dtype()), graph::to_string(inputs[i].shape()));
  }
  for (int i = 0; i < kMostSteps; ++i) {
    TARSIER_TRY(Step * step, step_for(key, fed, known));
    std::vector<Tensor> results;
    if (step->plan) {
      TARSIER_TRY(results, execute(*step->plan, fed));
    } else {
      for (const auto& name : step->reads) results.push_back(fed.at(name));
    }
    if (step->reads.empty()) return results;
    for (size_t r = 0; r < results.size(); ++r) {
      append_to_key(key, step->reads[r], results[r]);
      known[step->reads[r]] = std::move(results[r]);
    }
  }
  return input_error("network {}: its shapes depend on more than {} values that it computes", graph_.name,
                     kMostSteps);
}

Result<Runner::Step*> Runner::step_for(const std::string& key, const Named& fed, const Named& known) {
  const auto found = std::ranges::find(steps_, key, &Step::key);
  if (found != steps_.end()) {
    steps_.splice(steps_.begin(), steps_, found);
    return &steps_.front();
  }
  Graph graph = graph_;
  graph::ShapeOptions shapes;
  std::vector<ValueId> needs;
  shapes.known = known;
  shapes.needs = &needs;
  for (const ValueId id : graph.inputs) {
    graph::Value& value = graph.value(id);
    const graph::TensorDesc& given = fed.at(value.name).desc();
    const graph::Shape& declared = value.desc.shape;
    bool fits = declared.size() == given.shape.size();
    for (size_t d = 0; fits && d < declared.size(); ++d)
      fits = declared[d] < 0 || declared[d] == given.shape[d];
    // An unknown rank is imported as a scalar's.
    if (!fits && !declared.empty())
      return input_error("network {}: input '{}' is {}, {} was given", graph_.name, value.name,
                         graph::to_string(declared), graph::to_string(given.shape));
    value.desc = given;
  }
  TARSIER_CHECK(graph::prune(graph));
  TARSIER_CHECK(graph::infer_shapes(graph, kernels::Registry::instance(), shapes));
  Step step;
  step.key = key;
  std::vector<ValueId> computed;
  for (const ValueId id : needs) {
    const std::string& name = graph.value(id).name;
    if (fed.contains(name)) {
      step.reads.push_back(name);
    } else {
      computed.push_back(id);
    }
  }
  // Inputs first: with them known, some of the others may be foldable.
  if (step.reads.empty()) {
    for (const ValueId id : computed) step.reads.push_back(graph.value(id).name);
    const bool is_whole = computed.empty();
    if (!is_whole) graph.outputs = std::move(computed);
    TARSIER_TRY(step.plan, compile(std::move(graph), is_whole));
  }
  steps_.push_front(std::move(step));
  while (steps_.size() > most_plans_) steps_.pop_back();
  return &steps_.front();
}

Result<std::unique_ptr<Plan>> Runner::compile(Graph graph, bool is_whole) {
  ++plans_made_;
  CompileOptions options = options_;
  if (options.precision == Precision::kAuto) {
    // Found out once: a plan for another count of boxes has the same layers.
    if (!precision_chosen_) {
      TARSIER_TRY(options_.full_precision, full_precision_layers(*device_, graph, options_));
      precision_chosen_ = is_whole;
    }
    options.full_precision = options_.full_precision;
    options.precision = Precision::kFp16;
  }
  return Plan::compile(*device_, std::move(graph), options);
}

Result<std::vector<Tensor>> Runner::execute(const Plan& plan, const Named& fed) {
  std::vector<Tensor> inputs;
  for (const auto& binding : plan.inputs()) inputs.push_back(fed.at(binding.name));
  return Session(*device_, plan).run(inputs);
}

}  // namespace tarsier::infer
