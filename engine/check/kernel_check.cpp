#include "check/kernel_check.hpp"

#include <algorithm>
#include <random>

#include "check/kernel_runner.hpp"
#include "infer/layer_check.hpp"
#include "kernels/operator.hpp"

namespace tarsier::check {

using graph::Tensor;
using graph::ValueId;

const std::vector<OperatorCase>& all_cases() {
  static const auto cases = [] {
    std::vector<OperatorCase> all;
    for (auto make : {elementwise_cases, spatial_cases, movement_cases, reduction_cases, integer_cases,
                      recurrent_cases, math_cases, sampling_cases, convolution_cases, type_cases}) {
      auto part = make();
      std::move(part.begin(), part.end(), std::back_inserter(all));
    }
    return all;
  }();
  return cases;
}

namespace {

Tensor make_tensor(const CaseInput& input, uint32_t seed) {
  Tensor tensor({input.dtype, input.shape});
  std::mt19937 engine(seed);
  const auto count = size_t(tensor.size());
  if (kernels::is_float(input.dtype)) {
    std::uniform_real_distribution<float> uniform(float(input.low), float(input.high));
    std::vector<float> values(count);
    for (size_t i = 0; i < count; ++i) {
      values[i] = input.values.empty() ? uniform(engine) : float(input.values[i]);
    }
    kernels::store(tensor, values);
  } else {
    std::uniform_int_distribution<int64_t> uniform(int64_t(input.low), int64_t(input.high));
    std::vector<int64_t> values(count);
    for (size_t i = 0; i < count; ++i) {
      values[i] = input.values.empty() ? uniform(engine) : int64_t(input.values[i]);
    }
    kernels::store(tensor, values);
  }
  return tensor;
}

}  // namespace

Result<Built> build(const OperatorCase& c) {
  Built built;
  uint32_t seed = 1;
  const auto add = [&](const CaseInput& input, const std::string& name) -> ValueId {
    ++seed;
    if (input.absent) return graph::kNone;
    Tensor tensor = make_tensor(input, seed);
    if (input.constant) return built.graph.add_constant(name, tensor);
    const ValueId id = built.graph.add_value(name, tensor.desc());
    built.data.emplace(id, std::move(tensor));
    return id;
  };
  graph::Node node;
  node.name = "node";
  node.op = c.op;
  node.attributes = c.attributes;
  for (const auto& input : c.inputs)
    node.inputs.push_back(add(input, fmt::format("input {}", node.inputs.size())));
  for (size_t i = 0; i < c.outputs; ++i) {
    node.outputs.push_back(built.graph.add_value(fmt::format("output {}", i)));
  }
  for (const auto& post : c.post)
    node.post.push_back({post.kind, post.a, post.b, add(post.operand, "operand")});
  built.graph.add_node(node);
  const auto* kernel = kernels::Registry::instance().find(c.op);
  if (kernel == nullptr) return runtime_error("{} is not registered", c.op);
  TARSIER_CHECK(kernel->check(built.graph, built.graph.nodes[0]));
  TARSIER_TRY(const auto descs, kernel->infer(built.graph, built.graph.nodes[0]));
  for (size_t i = 0; i < c.outputs; ++i) built.graph.value(node.outputs[i]).desc = descs[i];
  // Post-ops are offered one by one, as fusion does.
  graph::Node& placed = built.graph.nodes[0];
  const auto wanted = std::move(placed.post);
  placed.post.clear();
  for (const auto& post : wanted) {
    if (!kernel->accepts(built.graph, placed, post)) return runtime_error("the post-op is not accepted");
    placed.post.push_back(post);
  }
  return built;
}

namespace {

Result<std::vector<Tensor>> reference(const Built& built, const kernels::Kernel& kernel, bool half) {
  std::map<ValueId, Tensor> held;
  for (const auto& [id, tensor] : built.data) {
    // What the kernel reads row by row is never rounded.
    const bool rounded = half && built.graph.value(id).layout == graph::Layout::kC4;
    held.emplace(id, stored(tensor, rounded));
  }
  return reference_of(built.graph, kernel, held);
}

/// Empty where the run agrees with the reference.
std::string check_run(gpu::Device& device, const OperatorCase& c, const RunOptions& options,
                      const std::string& variant) {
  const auto* kernel = kernels::Registry::instance().find(c.op);
  auto built = build(c);
  if (!built.ok()) return built.error().message;
  built->graph.nodes[0].variant = variant;
  const auto run = run_node(device, built->graph, *kernel, built->data, options);
  if (!run.ok()) return run.error().message;
  if (options.half && !run->channel_groups) return {};  // the same run again
  const auto expected = reference(*built, *kernel, options.half);
  if (!expected.ok()) return expected.error().message;
  Tolerance tolerance = c.tolerance;
  if (options.half) {
    tolerance.absolute = std::max(tolerance.absolute, kFp16.absolute);
    tolerance.relative = std::max(tolerance.relative, kFp16.relative);
    tolerance.nmse = std::max(tolerance.nmse, kFp16.nmse);
  }
  for (size_t i = 0; i < c.outputs; ++i) {
    if (run->outputs[i].desc() != (*expected)[i].desc())
      return fmt::format("output {} is {}, {} wanted", i, graph::to_string(run->outputs[i].shape()),
                         graph::to_string((*expected)[i].shape()));
    const auto text = difference(run->outputs[i].to_floats(), (*expected)[i].to_floats(), tolerance);
    if (!text.empty()) return fmt::format("output {}: {}", i, text);
  }
  return {};
}

/// Runs on the kernel of convolutions.
constexpr const char* kDenseProduct = "dense";

/// What reads weights through windows needs a plan: each variant, or the one named, in both storages.
CaseCheck check_in_plans(gpu::Device& device, const OperatorCase& c, const std::string& only = {}) {
  CaseCheck result;
  const auto* kernel = kernels::Registry::instance().find(c.op);
  auto built = build(c);
  if (!built.ok()) return {0, {built.error().message}};
  std::vector<Tensor> inputs;
  for (const auto& [id, tensor] : built->data) {
    built->graph.inputs.push_back(id);
    inputs.push_back(tensor);
  }
  built->graph.outputs = built->graph.nodes[0].outputs;
  for (const auto precision : {infer::Precision::kFp32, infer::Precision::kFp16}) {
    const auto plan = infer::Plan::compile(device, built->graph, {.precision = precision});
    if (!plan.ok()) return {result.runs, {plan.error().message}};
    graph::Graph graph = (*plan)->graph();
    const auto node = std::ranges::find(graph.nodes, c.op, &graph::Node::op);
    if (node == graph.nodes.end()) return {result.runs, {c.op + " was optimised away"}};
    auto variants = kernel->variants(graph, *node, device.features());
    if (variants.empty()) variants.emplace_back();
    if (!only.empty()) variants = {only};
    for (const auto& variant : variants) {
      node->variant = variant;
      ++result.runs;
      const auto checked = infer::check_layers(device, graph, inputs);
      if (!checked.ok()) return {result.runs, {checked.error().message}};
      for (const auto& layer : checked->layers)
        if (!layer.passed())
          result.failures.push_back(fmt::format("{} {}, variant '{}': error {:.2g}, {:.0e} allowed {}",
                                                layer.op, layer.shape, variant, layer.error, layer.tolerance,
                                                layer.failure));
    }
  }
  return result;
}

}  // namespace

CaseCheck check_case(gpu::Device& device, const OperatorCase& c) {
  if (c.op == "Conv" || c.op == "ConvTranspose") return check_in_plans(device, c);
  CaseCheck result;
  const auto* kernel = kernels::Registry::instance().find(c.op);
  const auto built = build(c);  // tells of an operator that is not registered
  if (!built.ok()) return {0, {built.error().message}};
  auto variants = kernel->variants(built->graph, built->graph.nodes[0], device.features());
  if (std::erase(variants, kDenseProduct) > 0) result = check_in_plans(device, c, kDenseProduct);
  if (variants.empty()) variants.emplace_back();
  for (const auto& variant : variants) {
    for (const RunOptions options : {RunOptions{}, RunOptions{.channel_groups = true},
                                     RunOptions{.channel_groups = true, .in_place = true},
                                     RunOptions{.channel_groups = true, .half = true}}) {
      ++result.runs;
      if (const auto text = check_run(device, c, options, variant); !text.empty())
        result.failures.push_back(fmt::format("variant '{}', channel groups {}, fp16 {}, in place {}: {}",
                                              variant, options.channel_groups, options.half, options.in_place,
                                              text));
    }
  }
  return result;
}

}  // namespace tarsier::check
