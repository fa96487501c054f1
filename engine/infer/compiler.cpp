#include "infer/compiler.hpp"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <set>

#include "core/file.hpp"
#include "core/log.hpp"
#include "core/text.hpp"
#include "gpu/memory_owner.hpp"
#include "graph/passes/passes.hpp"
#include "infer/assign_layouts.hpp"
#include "infer/assign_storage.hpp"
#include "infer/device_tensor.hpp"
#include "infer/plan_emitter.hpp"
#include "infer/plan_impl.hpp"
#include "infer/precision.hpp"
#include "infer/tuner.hpp"

namespace tarsier::infer {

using graph::Graph;
using graph::kNone;
using graph::Node;
using graph::ValueId;

/// A piece of activation memory that a node reads or writes.
struct Compiler::Range {
  uint64_t begin = 0, end = 0;
  [[nodiscard]] bool overlaps(const Range& other) const { return begin < other.end && other.begin < end; }
};

struct Compiler::Emitted {
  size_t node = 0;
  std::vector<kernels::Dispatch> dispatches;
  std::vector<Range> reads, writes;
};

namespace {

const kernels::Registry& ops() {
  return kernels::Registry::instance();
}

std::string where(const Node& node) {
  return fmt::format("node {} ({})", node.name, node.op);
}

}  // namespace

Result<std::unique_ptr<Plan>> Compiler::run() {
  const auto started = std::chrono::steady_clock::now();
  const auto accepts = [](const Graph& graph, const Node& node, const graph::PostOp& post) {
    const auto* kernel = ops().find(node.op);
    return kernel != nullptr && kernel->accepts(graph, node, post);
  };
  std::vector<Pass> passes = {
      // What is not asked for costs nothing, and its operators need not be known.
      {"prune", [&] { return graph::prune(graph_, options_.outputs); }},
      // What a recurrent network returns to itself has one shape at both ends.
      {"open_state_shapes", [&] { return open_state_shapes(); }},
      // Everything after this may rely on static shapes; unknown operators are reported here, all at once.
      {"infer_shapes",
       [&] { return graph::infer_shapes(graph_, ops(), {.input_shapes = options_.input_shapes}); }},
      // Shape arithmetic becomes constants, so that no integer bookkeeping runs on the device.
      {"fold_constants", [&] { return graph::fold_constants(graph_, ops()); }},
      // Exporters leave many nodes that do nothing once shapes are known; they would hide the patterns below.
      {"eliminate_noops", [&] { return graph::eliminate_noops(graph_); }},
      // A layer normalisation in nine nodes walks its activation nine times; and what moves nodes would part
      // it.
      {"recognise_layer_norm", [&] { return graph::recognise_layer_norm(graph_); }},
      // NHWC networks carry transposes around every operator; most meet their inverse.
      {"cancel_transposes", [&] { return graph::cancel_transposes(graph_); }},
      // Reshape-transpose-reshape over channels moves whole channels: one copy instead of three.
      {"recognise_channel_shuffle", [&] { return graph::recognise_channel_shuffle(graph_); }},
      // Scales and shifts of channels go into the weights before them.
      {"fold_batch_norm", [&] { return graph::fold_batch_norm(graph_); }},
      // The Focus stem shuffles pixels into channels; folded into the first convolution it moves nothing.
      {"fold_focus", [&] { return graph::fold_focus(graph_); }},
      // A padded copy of an activation is a whole pass over memory; the convolution pads for free.
      {"fuse_pad", [&] { return graph::fuse_pad(graph_); }},
      // Activations written out in primitive operators get their names, so that the next pass sees them.
      {"recognise_activations", [&] { return graph::recognise_activations(graph_); }},
      // Before it is enlarged a picture has fewer pixels to convolve.
      {"commute_resize", [&] { return graph::commute_resize(graph_); }},
      // A maximum over a large window is one over small windows of what smaller pools found already.
      {"chain_pools", [&] { return graph::chain_pools(graph_); }},
      // The fast kernels convolve; a transposed convolution is one, to as many channels as its blocks have
      // pixels.
      {"shuffle_transposed", [&] { return graph::shuffle_transposed(graph_); }},
      // Groups of channels are as easily made of NHWC as of NCHW.
      {"read_channels_last", [&] { return graph::read_channels_last(graph_); }},
      {"write_channels_last", [&] { return graph::write_channels_last(graph_); }},
      // Channels that a shuffle brings together are computed side by side: half of the shuffle is then a
      // view.
      {"order_channels", [&] { return graph::order_channels(graph_); }},
      // The matrix of scores is the largest value of a network that has one; the fused kernel never writes
      // it.
      {"recognise_attention", [&] { return graph::recognise_attention(graph_, ops()); }},
      // Behind a depthwise convolution a gate costs nothing; before it, a pass over the feature map.
      {"commute_scale", [&] { return graph::commute_scale(graph_); }},
      // A dispatch costs tens of microseconds on the software device and a round trip through memory on any.
      {"fuse_post_ops", [&] { return graph::fuse_post_ops(graph_, accepts); }},
      // The fusions above may have made nodes that no kernel takes in this form.
      {"check_operators", [&] { return check_operators(); }},
      // Kernels state the layouts they are fast in; conversions are inserted where neighbours differ.
      {"assign_layouts", [&] { return assign_layouts(graph_, ops()); }},
      // A state is copied as it lies.
      {"match_state_layouts", [&] { return match_state_layouts(); }},
      // Halves move half the bytes; where they would lose too much, fp32 stays.
      {"assign_storage",
       [&] {
         assign_storage(graph_, options_.precision, options_.full_precision);
         return Status();
       }},
      // Many operators can be run in several ways; which is best depends on the device and the shape.
      {"choose_variants", [&] { return choose_variants(); }, 60},
  };
  std::ranges::move(device_passes(), std::back_inserter(passes));
  TARSIER_CHECK(run_passes(passes));
  TARSIER_CHECK(plan_->reset_state());
  if (options_.progress) options_.progress(1, "ready");
  out_.stats.compile_ms =
      std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - started).count();
  return std::move(plan_);
}

std::vector<Compiler::Pass> Compiler::device_passes() {
  return {
      // Reshapes, splits and concatenations that need no copy share memory.
      {"place_values", [&] { return place(); }},
      // Values that are not alive together share addresses in one buffer.
      {"plan_memory", [&] { return plan_activations(); }},
      // Kernels choose their variant, pack their weights and describe their dispatches.
      {"emit", [&] { return emit(); }},
      // All at once, on the host's threads, behind the disk cache.
      {"create_pipelines", [&] { return create_pipelines(); }, 10},
      // The command stream with the barriers that it needs and no more.
      {"record", [&] { return record(); }},
      // Software drivers compile a shader when it first runs: now, not in the first frame.
      {"warm_up", [&] { return warm_up(); }, 40},
  };
}

Result<std::unique_ptr<Plan>> Compiler::build() {
  TARSIER_CHECK(run_passes(device_passes()));
  return std::move(plan_);
}

Status Compiler::run_passes(const std::vector<Pass>& passes) {
  float total = 0, done = 0;
  for (const Pass& pass : passes) total += pass.share;
  for (size_t i = 0; i < passes.size(); ++i) {
    pass_begin_ = done / total;
    done += passes[i].share;
    pass_end_ = done / total;
    report(0, passes[i].name);
    TARSIER_CHECK(passes[i].run());
    if (!options_.dump_graph.empty()) {
      std::error_code error;
      std::filesystem::create_directories(options_.dump_graph, error);
      TARSIER_CHECK(write_text_atomic(
          options_.dump_graph / fmt::format("{:02}_{}.txt", i + 1, passes[i].name), graph_.to_text()));
    }
  }
  return {};
}

void Compiler::report(float fraction, std::string_view what) const {
  if (options_.progress) options_.progress(pass_begin_ + fraction * (pass_end_ - pass_begin_), what);
}

Compiler::Compiler(gpu::Device& device, Graph graph, const CompileOptions& options)
    : device_(device),
      options_(options),
      plan_([&] {
        std::unique_ptr<Plan> plan(new Plan);
        plan->impl_ = std::make_unique<Plan::Impl>(device);
        plan->impl_->graph = std::move(graph);
        return plan;
      }()),
      out_(*plan_->impl_),
      graph_(out_.graph) {}

Compiler::~Compiler() = default;

Result<std::unique_ptr<Plan>> Plan::compile(gpu::Device& device, Graph graph, const CompileOptions& options) {
  if (options.precision == Precision::kAuto) {
    CompileOptions chosen = options;
    TARSIER_TRY(chosen.full_precision, full_precision_layers(device, graph, options));
    chosen.precision = Precision::kFp16;
    return Compiler(device, std::move(graph), chosen).run();
  }
  return Compiler(device, std::move(graph), options).run();
}

Status Compiler::check_operators() {
  std::vector<std::string> refused;
  for (const auto& node : graph_.nodes) {
    const auto* kernel = ops().find(node.op);
    if (kernel == nullptr) {
      refused.push_back(fmt::format("{} (node {})", node.op, node.name));
    } else if (kernel->check) {
      if (auto status = kernel->check(graph_, node); !status) {
        refused.push_back(fmt::format("{} (node {}: {})", node.op, node.name, status.error().message));
      }
    }
  }
  if (refused.empty()) return {};
  return input_error("{}: operators that can't be run: {}", graph_.name, join(refused, "; "));
}

Status Compiler::choose_variants() {
  TuningStore store(options_.tune == Tune::kOff    ? std::filesystem::path()
                    : options_.tuning_file.empty() ? TuningStore::default_file(device_)
                                                   : options_.tuning_file);
  TARSIER_TRY(const auto tuned, tune(device_, graph_, options_.tune, store,
                                     [&](float fraction, std::string_view what) { report(fraction, what); }));
  if (tuned.measured > 0) {
    log::info("{}: measured {} kinds of layers in {:.1f} s, kept for the next start", graph_.name,
              tuned.measured, tuned.seconds);
  }
  if (tuned.left > 0) {
    log::info("{}: {} kinds of layers are left for the next start (--tune full measures all now)",
              graph_.name, tuned.left);
  }
  return {};
}

Status Compiler::place() {
  placement_ = place_values(graph_, ops(), {.reuse = options_.guard_bytes == 0});
  return {};
}

Status Compiler::plan_activations() {
  auto& stats = out_.stats;
  auto blocks = placement_.blocks;
  stats.unaliased_bytes = placement_.unaliased_bytes;
  stats.peak_live_bytes = peak_live_bytes(blocks);
  const uint64_t guard = (options_.guard_bytes + 3) / 4 * 4;
  for (auto& block : blocks) block.size = guard == 0 ? block.size : (block.size + 15) / 16 * 16 + guard;
  auto layout = plan_memory(blocks);
  stats.activation_bytes = layout.size;
  block_offsets_ = std::move(layout.offsets);
  const gpu::MemoryScope scope(gpu::MemoryOwner::kActivations);
  auto memory = device_.create_buffer({.size = std::max<uint64_t>(layout.size, 256), .name = "activations"});
  if (!memory) return memory.error().in(graph_.name);
  out_.activations = std::move(*memory);
  for (size_t b = 0; guard > 0 && b < blocks.size(); ++b) {
    const ValueId owner = placement_.block_owner[b];
    // From the first whole word behind the value: tensors consist of whole words.
    const uint64_t begin = block_offsets_[b] + (placement_.blocks[b].size + 3) / 4 * 4;
    out_.guards.push_back({begin, guard, owner == kNone ? "scratch memory" : graph_.value(owner).name});
  }
  addresses_.assign(graph_.values.size(), 0);
  for (size_t id = 0; id < addresses_.size(); ++id) {
    const auto& place = placement_.values[id];
    if (place.block < 0) continue;
    addresses_[id] = out_.activations.address() + block_offsets_[size_t(place.block)] + place.offset;
  }
  for (const ValueId id : graph_.outputs) out_.outputs.push_back(binding_of(id));
  for (const ValueId id : graph_.inputs) {
    const TensorBinding binding = binding_of(id);
    const auto state =
        std::ranges::find(options_.state, binding.name, &std::pair<const std::string, std::string>::second);
    if (state == options_.state.end()) {
      out_.inputs.push_back(binding);
    } else {
      const uint64_t base = out_.activations.address();
      out_.state.push_back({addresses_[size_t(graph_.find_value(state->first))] - base,
                            binding.address - base, device_bytes(graph_.value(id))});
    }
  }
  return upload_constant_outputs();
}

TensorBinding Compiler::binding_of(ValueId id) const {
  const auto& value = graph_.value(id);
  return {value.name, value.desc, value.layout, value.storage, addresses_[size_t(id)]};
}

Status Compiler::upload_constant_outputs() {
  for (auto& binding : out_.outputs) {
    const graph::Tensor* constant = graph_.constant(graph_.find_value(binding.name));
    if (constant == nullptr) continue;
    const auto bytes = to_device(*constant, binding.layout, binding.storage);
    if (bytes.empty()) continue;
    TARSIER_CHECK(device_.upload(out_.activations, binding.address - out_.activations.address(), bytes.data(),
                                 bytes.size()));
  }
  return {};
}

Status Compiler::emit() {
  uint64_t expected = 64 * 1024;
  for (const auto& node : graph_.nodes) {
    for (const ValueId input : node.inputs) {
      // Packing pads channels to whole blocks; a quarter more holds for all but tiny layers.
      if (const auto* constant = graph_.constant(input)) expected += uint64_t(constant->size()) * 5 + 256;
    }
  }
  out_.weights = std::make_unique<WeightStore>(device_, expected);
  PlanEmitter emitter(graph_, device_.features(), addresses_, *out_.weights);
  const auto range_of = [&](ValueId id, std::vector<Range>& ranges) {
    if (id == kNone || addresses_[size_t(id)] == 0) return;
    const uint64_t begin = addresses_[size_t(id)];
    ranges.push_back({begin, begin + device_bytes(graph_.value(id))});
  };
  for (size_t n = 0; n < graph_.nodes.size(); ++n) {
    if (placement_.elided[n]) continue;
    const Node& node = graph_.nodes[n];
    Emitted emitted;
    emitted.node = n;
    for (const ValueId input : node.inputs) range_of(input, emitted.reads);
    for (const auto& post : node.post) range_of(post.operand, emitted.reads);
    for (const ValueId output : node.outputs) range_of(output, emitted.writes);
    uint64_t scratch = 0;
    if (const int block = placement_.scratch[n]; block >= 0) {
      scratch = out_.activations.address() + block_offsets_[size_t(block)];
      emitted.writes.push_back({scratch, scratch + placement_.blocks[size_t(block)].size});
    }
    emitter.start(node, scratch, emitted.dispatches);
    if (auto status = ops().find(node.op)->emit(emitter); !status) return status.error().in(where(node));
    if (!emitter.failure().ok()) return emitter.failure().error().in(where(node));
    emitted_.push_back(std::move(emitted));
  }
  out_.stats.nodes = emitted_.size();
  out_.stats.weight_bytes = out_.weights->used_bytes();
  return out_.weights->flush();
}

Status Compiler::create_pipelines() {
  std::vector<gpu::ComputePipelineDesc> descs;
  for (const auto& emitted : emitted_) {
    for (const auto& dispatch : emitted.dispatches) descs.push_back(dispatch.pipeline);
  }
  return device_.pipelines().prepare(descs);
}

Status Compiler::record() {
  std::vector<std::vector<size_t>> windows(emitted_.size());
  constexpr size_t kNoWindows = ~size_t(0);
  for (size_t i = 0; i < emitted_.size(); ++i) {
    for (const auto& dispatch : emitted_[i].dispatches) {
      windows[i].push_back(dispatch.window_offset == kernels::Dispatch::kNoWindow
                               ? kNoWindows
                               : out_.weights->window(dispatch.window_offset, dispatch.window_stride));
    }
  }
  TARSIER_CHECK(out_.weights->bind());

  // What was read and written since the last barrier. Nodes without a hazard among them run side by side.
  std::vector<Range> reads;
  std::vector<Range> writes;
  const auto hits = [](const std::vector<Range>& a, const std::vector<Range>& b) {
    return std::ranges::any_of(a, [&](const Range& x) {
      return std::ranges::any_of(b, [&](const Range& y) { return x.overlaps(y); });
    });
  };
  for (size_t i = 0; i < emitted_.size(); ++i) {
    const auto& emitted = emitted_[i];
    NodeProgram program;
    program.node = emitted.node;
    for (size_t d = 0; d < emitted.dispatches.size(); ++d) {
      const auto& from = emitted.dispatches[d];
      PlanDispatch dispatch;
      TARSIER_TRY(dispatch.pipeline, device_.pipelines().get(from.pipeline));
      dispatch.push = from.push;
      dispatch.groups = from.groups;
      if (windows[i][d] != kNoWindows) dispatch.windows = out_.weights->window_set(windows[i][d]);
      dispatch.barrier_before =
          d == 0 ? hits(emitted.reads, writes) || hits(emitted.writes, writes) || hits(emitted.writes, reads)
                 : from.after_previous;
      if (dispatch.barrier_before) {
        reads.clear();
        writes.clear();
        ++out_.stats.barriers;
      }
      reads.insert(reads.end(), emitted.reads.begin(), emitted.reads.end());
      writes.insert(writes.end(), emitted.writes.begin(), emitted.writes.end());
      ++out_.stats.dispatches;
      program.dispatches.push_back(std::move(dispatch));
    }
    out_.programs.push_back(std::move(program));
    const Node& node = graph_.nodes[emitted.node];
    PlanLayer layer{i, node.name, node.op, {}};
    for (const ValueId output : node.outputs)
      if (output != kNone && addresses_[size_t(output)] != 0) layer.outputs.push_back(binding_of(output));
    out_.layers.push_back(std::move(layer));
  }
  TARSIER_TRY(out_.commands,
              gpu::RecordedCommands::record(device_, [&](gpu::CommandList& list) { out_.record_all(list); }));
  return {};
}

Status Compiler::warm_up() {
  std::set<const gpu::ComputePipeline*> warm;
  for (size_t i = 0; i < out_.programs.size(); ++i) {
    const NodeProgram& program = out_.programs[i];
    bool cold = false;
    for (const auto& dispatch : program.dispatches) cold |= warm.insert(dispatch.pipeline).second;
    if (!cold) continue;
    const Node& node = graph_.nodes[program.node];
    report(float(i) / float(out_.programs.size()), fmt::format("warm up {}", node.name));
    auto status = device_.run_once([&](gpu::CommandList& list) { out_.record_node(list, program); });
    if (!status) return status.error().in(where(node));
  }
  return {};
}

}  // namespace tarsier::infer
