// A compiled network: immutable, its command stream recorded once, its activations in one aliased buffer.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "gpu/command_list.hpp"
#include "gpu/device.hpp"
#include "graph/graph.hpp"

namespace tarsier::infer {

/// Where a network input or output lies on the device: what pre-processing writes and decoders read.
struct TensorBinding {
  std::string name;
  graph::TensorDesc desc;  // logical type and shape
  graph::Layout layout = graph::Layout::kLinear;
  graph::DType storage = graph::DType::kF32;
  uint64_t address = 0;
};

/// Whether kernels are chosen by measurement (tuner.hpp).
enum class Tune {
  kOff,   // every kernel's best guess
  kKept,  // what was measured before: nothing is measured beside frames that run
  kFast,  // measured once a device, driver and shape, for a few seconds a network; kept on disk
  kFull   // more runs, no limit
};
/// "off", "fast" or "full"; errors (kInput) name what there is.
Result<Tune> parse_tune(std::string_view text);

/// Of activation storage. kAuto is kFp16, with fp32 for the layers that miss their tolerance in it
/// (layer_check.hpp); which these are is found out once for a network and device, and kept.
enum class Precision { kFp32, kFp16, kAuto };
/// "fp32", "fp16" or "auto"; errors (kInput) name what there is.
Result<Precision> parse_precision(std::string_view text);

struct CompileOptions {
  Precision precision = Precision::kFp32;
  /// Nodes (by name, after the passes) whose results stay fp32 in an fp16 plan.
  std::set<std::string> full_precision;
  /// What Precision::kAuto feeds to the network's inputs of real type: evenly distributed numbers.
  float probe_low = 0, probe_high = 1;
  Tune tune = Tune::kOff;
  std::filesystem::path tuning_file;                 // TuningStore::default_file() where empty
  std::vector<std::string> outputs;                  // keep only these; all where empty
  std::map<std::string, graph::Shape> input_shapes;  // for inputs with dynamic extents
  /// Recurrent networks: outputs (by name) that become inputs of the next execution, on the device. Such
  /// inputs are zeros at first and no part of Plan::inputs(); their open extents are those of the outputs.
  std::map<std::string, std::string> state;
  std::filesystem::path dump_graph;  // a text file a pass is written here where set
  /// For tests: every value gets memory of its own with this many guard bytes behind it, which Session::run
  /// fills and checks; an error names the node that wrote past its output. 0: memory is shared, no guards.
  uint64_t guard_bytes = 0;
  std::function<void(float fraction, std::string_view what)> progress;
};

struct PlanStats {
  size_t nodes = 0, dispatches = 0, barriers = 0;
  uint64_t weight_bytes = 0;
  uint64_t activation_bytes = 0;  // the aliased buffer
  uint64_t peak_live_bytes = 0;   // lower bound for it
  uint64_t unaliased_bytes = 0;   // what it would be without aliasing
  double compile_ms = 0;
};

/// Time of one node within a profiled run.
struct LayerTime {
  std::string name, op, shape, pipeline;
  double ms = 0;  // median of the runs
  double least_ms = 0;
  double gflop = 0;    // 0 where not arithmetic-bound
  uint64_t bytes = 0;  // read and written at least, weights included
};

/// A node that runs in a plan, after the passes. Nodes whose result is in place already are none.
struct PlanLayer {
  size_t place = 0;  // among Plan::layers(), in the order of execution
  std::string name, op;
  /// What it writes and somebody reads. The memory is shared: it holds this until a later layer overwrites
  /// it.
  std::vector<TensorBinding> outputs;
};

/// Sees the layers of an execution while they are recorded. What it records runs at that place of the command
/// stream, with nothing else beside it, and must leave activations as they are. Commands from earlier layers
/// are visible to its compute reads and its transfers, its own need no barrier behind the last one.
class LayerTap {
 public:
  LayerTap() = default;
  LayerTap(const LayerTap&) = delete;
  LayerTap& operator=(const LayerTap&) = delete;
  virtual ~LayerTap() = default;
  /// The network's inputs are there; at place 0 a new execution begins.
  virtual void before(gpu::CommandList& /*commands*/, const PlanLayer& /*layer*/) {}
  /// The layer's outputs are there.
  virtual void behind(gpu::CommandList& commands, const PlanLayer& layer) = 0;
};

/// Several taps as one.
class LayerTaps final : public LayerTap {
 public:
  void add(LayerTap& tap) { taps_.push_back(&tap); }
  void remove(LayerTap& tap) { std::erase(taps_, &tap); }
  [[nodiscard]] bool empty() const { return taps_.empty(); }
  void before(gpu::CommandList& commands, const PlanLayer& layer) override {
    for (auto* tap : taps_) tap->before(commands, layer);
  }
  void behind(gpu::CommandList& commands, const PlanLayer& layer) override {
    for (auto* tap : taps_) tap->behind(commands, layer);
  }

 private:
  std::vector<LayerTap*> taps_;
};

class Plan {
 public:
  /// Runs the passes (compiler.cpp) and records. The graph is consumed.
  static Result<std::unique_ptr<Plan>> compile(gpu::Device& device, graph::Graph graph,
                                               const CompileOptions& options);
  ~Plan();

  [[nodiscard]] const std::vector<TensorBinding>& inputs() const;
  [[nodiscard]] const std::vector<TensorBinding>& outputs() const;
  [[nodiscard]] const TensorBinding* find_output(std::string_view name) const;
  [[nodiscard]] const PlanStats& stats() const;
  [[nodiscard]] const graph::Graph& graph() const;  // after the passes
  [[nodiscard]] const std::vector<PlanLayer>& layers() const;
  /// Puts the network's commands into a frame: it starts by waiting for compute writes to its inputs, and its
  /// outputs are visible to compute reads after it. One execution at a time (the frames of one queue are in
  /// order). With a tap, which is used in this call alone, the layers are recorded anew, one after the other:
  /// the same dispatches with the same results, but none beside another.
  void record(gpu::CommandList& commands, LayerTap* tap = nullptr) const;
  /// Zeros for the inputs of CompileOptions::state: what a new recording starts with. Not while a frame is
  /// under way.
  Status reset_state() const;
  /// Runs `runs` times with a timestamp per node; the median and the least of each.
  Result<std::vector<LayerTime>> profile(int runs) const;
  /// Activation buffer, for tools that read inputs and outputs.
  [[nodiscard]] const gpu::Buffer& activations() const;
  /// Guard areas of CompileOptions::guard_bytes.
  struct Guard {
    uint64_t offset = 0, size = 0;  // in activations()
    std::string owner;              // the value before it
  };
  [[nodiscard]] const std::vector<Guard>& guards() const;

 private:
  Plan();
  struct Impl;
  std::unique_ptr<Impl> impl_;
  friend class Compiler;
};

/// Runs a plan on host tensors, for `infer`, `bench` and tests: uploads, runs, waits, downloads.
class Session {
 public:
  explicit Session(gpu::Device& device, const Plan& plan) : device_(&device), plan_(&plan) {}
  /// Inputs in the order of plan.inputs(), row-major in their logical shape. Errors name the input and both
  /// shapes.
  Result<std::vector<graph::Tensor>> run(const std::vector<graph::Tensor>& inputs);

 private:
  gpu::Device* device_;
  const Plan* plan_;
};

}  // namespace tarsier::infer
