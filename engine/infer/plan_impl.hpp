// What a Plan holds; shared by the compiler, which fills it, and the plan, which runs it.
#pragma once

#include <vector>

#include "gpu/recorded_commands.hpp"
#include "infer/plan.hpp"
#include "infer/weight_store.hpp"

namespace tarsier::infer {

/// One dispatch, ready to be recorded.
struct PlanDispatch {
  const gpu::ComputePipeline* pipeline = nullptr;
  std::vector<std::byte> push;
  gpu::Extent3 groups{1, 1, 1};
  VkDescriptorSet windows = VK_NULL_HANDLE;
  bool barrier_before = false;
};

/// The dispatches of one node.
struct NodeProgram {
  size_t node = 0;
  std::vector<PlanDispatch> dispatches;
};

struct Plan::Impl {
  explicit Impl(gpu::Device& device_in) : device(&device_in) {}
  gpu::Device* device;
  graph::Graph graph;
  std::vector<TensorBinding> inputs, outputs;
  PlanStats stats;
  gpu::Buffer activations;
  std::unique_ptr<WeightStore> weights;
  std::vector<NodeProgram> programs;
  std::vector<PlanLayer> layers;  // one a program
  std::vector<Guard> guards;
  /// Copies within `activations` behind the last node: CompileOptions::state.
  struct StateCopy {
    uint64_t from = 0, to = 0, bytes = 0;
  };
  std::vector<StateCopy> state;
  gpu::RecordedCommands commands;

  void record_node(gpu::CommandList& list, const NodeProgram& program) const;
  void record_all(gpu::CommandList& list, LayerTap* tap = nullptr) const;
};

}  // namespace tarsier::infer
