// What the compiler gives to kernels: addresses of the placed values, and somewhere to put weights and
// dispatches.
#pragma once

#include <vector>

#include "infer/placement.hpp"
#include "infer/weight_store.hpp"
#include "kernels/kernel.hpp"

namespace tarsier::infer {

class PlanEmitter final : public kernels::Emitter {
 public:
  /// `addresses` by ValueId; 0 for what is not in activation memory.
  PlanEmitter(const graph::Graph& graph, const gpu::DeviceFeatures& features,
              const std::vector<uint64_t>& addresses, WeightStore& weights)
      : graph_(&graph), features_(&features), addresses_(&addresses), weights_(&weights) {}

  /// Goes on to a node; its dispatches are collected in `dispatches`.
  void start(const graph::Node& node, uint64_t scratch, std::vector<kernels::Dispatch>& dispatches) {
    node_ = &node;
    scratch_ = scratch;
    dispatches_ = &dispatches;
    failure_ = {};
  }
  /// What went wrong in calls that could not say so: operand() of a constant, a dispatch of too many
  /// workgroups.
  [[nodiscard]] const Status& failure() const { return failure_; }

  [[nodiscard]] const graph::Graph& graph() const override { return *graph_; }
  [[nodiscard]] const graph::Node& node() const override { return *node_; }
  [[nodiscard]] const gpu::DeviceFeatures& device() const override { return *features_; }
  [[nodiscard]] kernels::Operand input(size_t index) const override;
  [[nodiscard]] kernels::Operand output(size_t index) const override;
  [[nodiscard]] kernels::Operand operand(graph::ValueId value) override;
  [[nodiscard]] uint64_t scratch() const override { return scratch_; }
  Result<kernels::Weights> upload(std::span<const std::byte> bytes) override { return weights_->add(bytes); }
  void dispatch(kernels::Dispatch dispatch) override;
  using kernels::Emitter::dispatch;

 private:
  [[nodiscard]] kernels::Operand at(graph::ValueId value) const;

  const graph::Graph* graph_;
  const gpu::DeviceFeatures* features_;
  const std::vector<uint64_t>* addresses_;
  WeightStore* weights_;
  const graph::Node* node_ = nullptr;
  uint64_t scratch_ = 0;
  std::vector<kernels::Dispatch>* dispatches_ = nullptr;
  Status failure_;
};

}  // namespace tarsier::infer
