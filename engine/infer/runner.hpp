// Runs a network whose shapes, or the values that decide shapes, are known only when it is fed.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "infer/plan.hpp"

namespace tarsier::infer {

/// A graph and the plans that were made of it, one for each set of input shapes and of plan-time values
/// (OpDef::plan_inputs: axes, sizes, conditions). A plan-time value that is a graph input is taken from what
/// is fed; one that the network computes is computed on the device by a plan of its own, read back, and the
/// rest is planned with it. Plans are kept, the least recently used ones are dropped.
class Runner {
 public:
  /// `options.input_shapes` is not used: shapes are those of the tensors that are fed. Never measures kernels
  /// unless options.tune says so.
  Runner(gpu::Device& device, graph::Graph graph, CompileOptions options = {}, size_t most_plans = 16);

  /// One tensor for each graph input, in their order; returns one for each graph output. Errors: kInput where
  /// the shapes or operators make it impossible, naming them all; kRuntime from the device.
  Result<std::vector<graph::Tensor>> run(const std::vector<graph::Tensor>& inputs);

  /// The plan that gave the latest run's results: the whole network, with the values that it had to know as
  /// constants. Null before the first run; valid until the next.
  [[nodiscard]] const Plan* latest_plan() const {
    return steps_.empty() ? nullptr : steps_.front().plan.get();
  }
  /// Plans made so far, dropped ones included.
  [[nodiscard]] size_t plans_made() const { return plans_made_; }
  [[nodiscard]] size_t plans_kept() const { return steps_.size(); }

 private:
  /// What is done once shapes and the values in `key` are known: `plan` computes the network's outputs, or
  /// (`reads` not empty) values that have to be read back. Without a plan the values of `reads` are inputs.
  struct Step {
    std::string key;
    std::vector<std::string> reads;
    std::unique_ptr<Plan> plan;
  };
  using Named = std::map<std::string, graph::Tensor>;

  Result<Step*> step_for(const std::string& key, const Named& fed, const Named& known);
  /// `is_whole`: the plan gives the network's results, not values on the way to them.
  Result<std::unique_ptr<Plan>> compile(graph::Graph graph, bool is_whole);
  Result<std::vector<graph::Tensor>> execute(const Plan& plan, const Named& fed);

  gpu::Device* device_;
  graph::Graph graph_;
  CompileOptions options_;
  size_t most_plans_;
  size_t plans_made_ = 0;
  bool precision_chosen_ = false;  // of Precision::kAuto, in options_.full_precision
  std::list<Step> steps_;          // most recently used first
};

}  // namespace tarsier::infer
