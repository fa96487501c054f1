#include "infer/plan.hpp"

#include <algorithm>

#include "gpu/timestamps.hpp"
#include "infer/cost.hpp"
#include "infer/plan_impl.hpp"

namespace tarsier::infer {

using gpu::Scope;

void Plan::Impl::record_node(gpu::CommandList& list, const NodeProgram& program) const {
  for (const auto& dispatch : program.dispatches) {
    if (dispatch.barrier_before) list.barrier();
    if (dispatch.windows != VK_NULL_HANDLE) list.bind_windows(dispatch.windows);
    list.dispatch(*dispatch.pipeline, dispatch.push, dispatch.groups);
  }
}

void Plan::Impl::record_all(gpu::CommandList& list, LayerTap* tap) const {
  // Inputs come from compute (pre-processing) or copies; earlier readers of the outputs may be drawing.
  list.barrier(Scope::kCompute | Scope::kTransfer | Scope::kGraphics, Scope::kCompute);
  for (size_t i = 0; i < programs.size(); ++i) {
    if (tap != nullptr) tap->before(list, layers[i]);
    record_node(list, programs[i]);
    if (tap == nullptr) continue;
    list.barrier(Scope::kCompute, Scope::kCompute | Scope::kTransfer);
    tap->behind(list, layers[i]);
    // Later nodes write over what it read.
    list.barrier(Scope::kCompute | Scope::kTransfer, Scope::kCompute);
  }
  list.barrier(Scope::kCompute, Scope::kCompute | Scope::kTransfer | Scope::kGraphics);
  if (state.empty()) return;
  for (const auto& copy : state) list.copy(activations, copy.from, activations, copy.to, copy.bytes);
  list.barrier(Scope::kTransfer, Scope::kCompute | Scope::kTransfer);
}

Plan::Plan() = default;
Plan::~Plan() = default;

const std::vector<TensorBinding>& Plan::inputs() const {
  return impl_->inputs;
}
const std::vector<TensorBinding>& Plan::outputs() const {
  return impl_->outputs;
}
const PlanStats& Plan::stats() const {
  return impl_->stats;
}
const graph::Graph& Plan::graph() const {
  return impl_->graph;
}
const gpu::Buffer& Plan::activations() const {
  return impl_->activations;
}
const std::vector<Plan::Guard>& Plan::guards() const {
  return impl_->guards;
}

const TensorBinding* Plan::find_output(std::string_view name) const {
  const auto found = std::ranges::find(impl_->outputs, name, &TensorBinding::name);
  return found == impl_->outputs.end() ? nullptr : &*found;
}

const std::vector<PlanLayer>& Plan::layers() const {
  return impl_->layers;
}

void Plan::record(gpu::CommandList& commands, LayerTap* tap) const {
  if (tap != nullptr) {
    impl_->record_all(commands, tap);
  } else {
    commands.execute(impl_->commands.handle());
  }
}

Status Plan::reset_state() const {
  if (impl_->state.empty()) return {};
  return impl_->device->run_once([&](gpu::CommandList& list) {
    for (const auto& copy : impl_->state) list.fill(impl_->activations, copy.to, copy.bytes, 0);
    list.barrier(Scope::kTransfer, Scope::kCompute | Scope::kTransfer);
  });
}

Result<std::vector<LayerTime>> Plan::profile(int runs) const {
  const auto& programs = impl_->programs;
  TARSIER_TRY(const auto stamps, gpu::Timestamps::create(*impl_->device, uint32_t(programs.size() + 1)));
  std::vector<std::vector<double>> samples(programs.size());
  for (int run = 0; run < std::max(runs, 1); ++run) {
    TARSIER_CHECK(impl_->device->run_once([&](gpu::CommandList& list) {
      stamps.reset(list);
      stamps.write(list, 0);
      for (size_t i = 0; i < programs.size(); ++i) {
        // Every node alone, so that its time is its own; this costs overlap that the real run has.
        list.barrier();
        impl_->record_node(list, programs[i]);
        stamps.write(list, uint32_t(i + 1));
      }
    }));
    TARSIER_TRY(const auto times, stamps.read_ms());
    for (size_t i = 0; i < programs.size(); ++i) samples[i].push_back(times[i + 1] - times[i]);
  }
  std::vector<LayerTime> out;
  for (size_t i = 0; i < programs.size(); ++i) {
    const auto& node = impl_->graph.nodes[programs[i].node];
    auto& times = samples[i];
    std::ranges::nth_element(times, times.begin() + std::ptrdiff_t(times.size() / 2));
    LayerTime layer;
    layer.name = node.name;
    layer.op = node.op;
    layer.shape = shape_text(impl_->graph, node);
    layer.ms = times[times.size() / 2];
    layer.least_ms = *std::ranges::min_element(times);
    layer.bytes = bytes_of(impl_->graph, node);
    layer.gflop = double(flop_of(impl_->graph, node)) * 1e-9;
    if (!programs[i].dispatches.empty()) layer.pipeline = programs[i].dispatches[0].pipeline->desc().shader;
    if (programs[i].dispatches.size() > 1)
      layer.pipeline += fmt::format(" x{}", programs[i].dispatches.size());
    out.push_back(std::move(layer));
  }
  return out;
}

}  // namespace tarsier::infer
