// From an imported graph to a recorded plan. compiler.cpp opens with the list of passes.
#pragma once

#include <memory>
#include <string_view>

#include "infer/placement.hpp"
#include "infer/plan.hpp"

namespace tarsier::infer {

class Compiler {
 public:
  Compiler(gpu::Device& device, graph::Graph graph, const CompileOptions& options);
  ~Compiler();
  Result<std::unique_ptr<Plan>> run();
  /// The second half of run(): the graph is as the pass choose_variants left it.
  Result<std::unique_ptr<Plan>> build();

 private:
  Status check_operators();
  Status open_state_shapes();
  Status match_state_layouts();
  Status choose_variants();
  Status place();
  Status plan_activations();
  Status emit();
  Status create_pipelines();
  Status record();
  Status warm_up();

  Status upload_constant_outputs();
  [[nodiscard]] TensorBinding binding_of(graph::ValueId id) const;

  struct Pass {
    const char* name;
    std::function<Status()> run;
    float share = 1;  // of the time, about, where nothing is cached yet
  };
  struct Range;
  struct Emitted;
  Status run_passes(const std::vector<Pass>& passes);
  /// Progress within the pass that runs: 0 to 1.
  void report(float fraction, std::string_view what) const;
  [[nodiscard]] std::vector<Pass> device_passes();

  gpu::Device& device_;
  CompileOptions options_;
  std::unique_ptr<Plan> plan_;
  Plan::Impl& out_;
  graph::Graph& graph_;  // out_.graph
  Placement placement_;
  std::vector<uint64_t> block_offsets_;
  std::vector<uint64_t> addresses_;  // by ValueId, 0: not in activation memory
  std::vector<Emitted> emitted_;
  float pass_begin_ = 0, pass_end_ = 1;  // of the pass that runs, in the whole
};

}  // namespace tarsier::infer
