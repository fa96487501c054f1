#include "check/kernel_runner.hpp"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <ctime>
#include <limits>

#include "core/half.hpp"
#include "gpu/command_list.hpp"
#include "kernels/post_ops.hpp"

namespace tarsier::check {
namespace {

using graph::DType;
using graph::Layout;
using graph::Tensor;
using graph::ValueId;
using kernels::Nchw;

constexpr uint32_t kSentinel = 0x7FC5A5A5;  // a NaN: arithmetic on it shows, too
constexpr uint64_t kGuardBytes = 1024;
constexpr uint64_t kWeightBytes = uint64_t{16} << 20;

/// One operand in host-visible memory between guards.
struct Placed {
  gpu::Buffer buffer;
  uint64_t bytes = 0;
  [[nodiscard]] uint64_t address() const { return buffer.address() + kGuardBytes; }
  [[nodiscard]] std::byte* data() { return buffer.as<std::byte>().data() + kGuardBytes; }
  [[nodiscard]] bool intact() const {
    const auto words = buffer.as<uint32_t>();
    const size_t guard = kGuardBytes / 4;
    for (size_t i = 0; i < guard; ++i) {
      if (words[i] != kSentinel) return false;
    }
    const auto all = buffer.as<std::byte>();
    for (size_t i = kGuardBytes + bytes; i < all.size(); ++i) {
      if (std::memcmp(&all[i], reinterpret_cast<const std::byte*>(&kSentinel) + i % 4, 1) != 0) return false;
    }
    return true;
  }
};

uint64_t bytes_of(const graph::Value& value) {
  if (value.layout == Layout::kC4) {
    const Nchw d(value.desc.shape);
    return uint64_t(d.n * d.groups() * d.plane()) * (value.storage == DType::kF16 ? 8 : 16);
  }
  return uint64_t(graph::element_count(value.desc.shape)) * 4;
}

Result<Placed> place(gpu::Device& device, uint64_t bytes) {
  Placed placed;
  placed.bytes = bytes;
  TARSIER_TRY(placed.buffer, device.create_buffer({.size = (bytes + 3) / 4 * 4 + 2 * kGuardBytes,
                                                   .memory = gpu::Memory::kUpload,
                                                   .uniform = false,
                                                   .indirect = false,
                                                   .name = "operand"}));
  for (uint32_t& word : placed.buffer.as<uint32_t>()) word = kSentinel;
  return placed;
}

class NodeEmitter : public kernels::Emitter {
 public:
  NodeEmitter(gpu::Device& device, const graph::Graph& graph, gpu::Buffer& weights, uint64_t scratch)
      : device_(&device), graph_(&graph), weights_(&weights), scratch_(scratch) {}

  std::map<ValueId, uint64_t> addresses;
  std::vector<kernels::Dispatch> dispatches;

  [[nodiscard]] const graph::Graph& graph() const override { return *graph_; }
  [[nodiscard]] const graph::Node& node() const override { return graph_->nodes[0]; }
  [[nodiscard]] const gpu::DeviceFeatures& device() const override { return device_->features(); }
  [[nodiscard]] kernels::Operand input(size_t index) const override {
    return index < node().inputs.size() ? at(node().inputs[index]) : kernels::Operand{};
  }
  [[nodiscard]] kernels::Operand output(size_t index) const override {
    return index < node().outputs.size() ? at(node().outputs[index]) : kernels::Operand{};
  }
  [[nodiscard]] kernels::Operand operand(ValueId value) override { return at(value); }
  [[nodiscard]] uint64_t scratch() const override { return scratch_; }
  Result<kernels::Weights> upload(std::span<const std::byte> bytes) override {
    const uint64_t offset = used_;
    used_ = (used_ + bytes.size() + 255) / 256 * 256;
    if (used_ > weights_->size()) return runtime_error("the test's weight buffer is too small");
    std::memcpy(weights_->as<std::byte>().data() + offset, bytes.data(), bytes.size());
    return kernels::Weights{weights_->address() + offset, uint32_t(offset)};
  }
  void dispatch(kernels::Dispatch dispatch) override { dispatches.push_back(std::move(dispatch)); }
  using Emitter::dispatch;

 private:
  [[nodiscard]] kernels::Operand at(ValueId id) const {
    if (id == graph::kNone) return {};
    const auto found = addresses.find(id);
    return {found == addresses.end() ? 0 : found->second, &graph_->value(id)};
  }
  gpu::Device* device_;
  const graph::Graph* graph_;
  gpu::Buffer* weights_;
  uint64_t scratch_;
  uint64_t used_ = 0;
};

Result<Tensor> unpack(const graph::Value& value, Placed& placed) {
  Tensor tensor(value.desc);
  const auto count = size_t(tensor.size());
  if (count == 0) return tensor;
  if (value.layout == Layout::kLinear) {
    if (kernels::is_float(value.desc.dtype)) {
      std::vector<float> values(count);
      std::memcpy(values.data(), placed.data(), count * 4);
      kernels::store(tensor, values);
    } else {
      std::vector<int32_t> words(count);
      std::memcpy(words.data(), placed.data(), count * 4);
      kernels::store(tensor, std::vector<int64_t>(words.begin(), words.end()));
    }
    return tensor;
  }
  const Nchw d(value.desc.shape);
  const bool half = value.storage == DType::kF16;
  std::vector<float> values(count);
  for (int64_t n = 0; n < d.n; ++n) {
    for (int64_t c = 0; c < d.groups() * 4; ++c) {
      for (int64_t p = 0; p < d.plane(); ++p) {
        const auto at = size_t((((n * d.groups()) + c / 4) * d.plane() + p) * 4 + c % 4);
        float x = 0;
        if (half) {
          uint16_t bits = 0;
          std::memcpy(&bits, placed.data() + at * 2, 2);
          x = half_to_float(bits);
        } else {
          std::memcpy(&x, placed.data() + at * 4, 4);
        }
        if (c < d.c) {
          values[size_t((n * d.c + c) * d.plane() + p)] = x;
        } else if (x != 0) {
          return runtime_error("padding channel {} of pixel {} holds {}", c, p, x);
        }
      }
    }
  }
  kernels::store(tensor, values);
  return tensor;
}

}  // namespace

Tensor stored(const Tensor& tensor, bool half) {
  if (!half || !kernels::is_float(tensor.dtype())) return tensor;
  auto values = tensor.to_floats();
  for (float& x : values) x = half_to_float(float_to_half(x));
  Tensor rounded(tensor.desc());
  kernels::store(rounded, values);
  return rounded;
}

Result<RunResult> run_node(gpu::Device& device, graph::Graph& graph, const kernels::Kernel& kernel,
                           const std::map<ValueId, Tensor>& data, const RunOptions& options) {
  const graph::Node& node = graph.nodes[0];
  // What the values before the node would lie in, then what the kernel makes of it.
  for (const auto& [id, tensor] : data) {
    const bool fits = options.channel_groups && kernels::can_be_c4(graph.value(id).desc);
    graph.value(id).layout = fits ? Layout::kC4 : Layout::kLinear;
  }
  const auto choice = kernel.layouts(graph, node);
  if (choice.inputs.size() != node.inputs.size() || choice.outputs.size() != node.outputs.size()) {
    return runtime_error("the layout choice has {} inputs and {} outputs", choice.inputs.size(),
                         choice.outputs.size());
  }
  RunResult result;
  const auto settle = [&](ValueId id, Layout layout) {
    graph::Value& value = graph.value(id);
    value.layout = layout;
    value.storage =
        layout == Layout::kC4 && options.half ? DType::kF16 : kernels::device_type(value.desc.dtype);
    result.channel_groups = result.channel_groups || layout == Layout::kC4;
  };
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    if (node.inputs[i] != graph::kNone && !graph.value(node.inputs[i]).constant) {
      settle(node.inputs[i], choice.inputs[i]);
    }
  }
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    if (node.outputs[i] != graph::kNone) settle(node.outputs[i], choice.outputs[i]);
  }
  for (const auto& post : node.post) {
    if (post.operand != graph::kNone && !graph.value(post.operand).constant) {
      const bool fits = kernels::can_be_c4(graph.value(post.operand).desc);
      settle(post.operand, fits ? choice.outputs[0] : Layout::kLinear);
    }
  }

  std::map<ValueId, Placed> placed;
  for (const auto& [id, tensor] : data) {
    const graph::Value& value = graph.value(id);
    const auto bytes = value.layout == Layout::kC4 ? kernels::pack_c4(tensor, value.storage == DType::kF16)
                                                   : kernels::pack_linear(tensor);
    TARSIER_TRY(placed[id], place(device, bytes.size()));
    std::memcpy(placed[id].data(), bytes.data(), bytes.size());
  }
  std::map<ValueId, ValueId> holder;  // of each output's memory
  for (const ValueId id : node.outputs) {
    if (id == graph::kNone) continue;
    holder[id] = id;
    const int shared = kernel.in_place_input(graph, node);
    if (options.in_place && id == node.outputs[0] && shared >= 0) {
      const ValueId source = node.inputs[size_t(shared)];
      const graph::Value& a = graph.value(source);
      const graph::Value& b = graph.value(id);
      if (!a.constant && a.layout == b.layout && a.storage == b.storage && bytes_of(a) == bytes_of(b)) {
        holder[id] = source;
        result.in_place = true;
        continue;
      }
    }
    TARSIER_TRY(placed[id], place(device, bytes_of(graph.value(id))));
  }
  TARSIER_TRY(gpu::Buffer weights, device.create_buffer({.size = kWeightBytes,
                                                         .memory = gpu::Memory::kUpload,
                                                         .uniform = true,
                                                         .indirect = false,
                                                         .name = "weights"}));
  const uint64_t scratch_bytes = kernel.scratch_bytes(graph, node);
  TARSIER_TRY(Placed scratch, place(device, std::max<uint64_t>(scratch_bytes, 16)));
  NodeEmitter emitter(device, graph, weights, scratch.address());
  for (auto& [id, operand] : placed) emitter.addresses[id] = operand.address();
  for (const auto& [id, source] : holder) emitter.addresses[id] = placed[source].address();
  TARSIER_CHECK(kernel.emit(emitter));

  std::vector<const gpu::ComputePipeline*> pipelines;
  for (const auto& dispatch : emitter.dispatches) {
    TARSIER_TRY(const auto* pipeline, device.pipelines().get(dispatch.pipeline));
    pipelines.push_back(pipeline);
  }
  result.ms = result.cpu_ms = std::numeric_limits<double>::infinity();
  for (int i = 0; i < options.repeats; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    const std::clock_t cpu_begin = std::clock();
    TARSIER_CHECK(device.run_once([&](gpu::CommandList& commands) {
      commands.barrier(gpu::Scope::kHost, gpu::Scope::kCompute);
      for (size_t d = 0; d < pipelines.size(); ++d) {
        if (emitter.dispatches[d].after_previous) commands.barrier();
        const std::span<const std::byte> push(emitter.dispatches[d].push);
        commands.dispatch(*pipelines[d], push, emitter.dispatches[d].groups);
      }
      commands.barrier(gpu::Scope::kCompute, gpu::Scope::kHost);
    }));
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begin;
    result.ms = std::min(result.ms, took.count());
    result.cpu_ms = std::min(result.cpu_ms, double(std::clock() - cpu_begin) * 1000 / CLOCKS_PER_SEC);
  }
  result.dispatches = emitter.dispatches.size();
  if (!scratch.intact()) return runtime_error("written outside of the scratch memory");
  for (const auto& [id, operand] : placed) {
    if (!operand.intact()) return runtime_error("written outside of value {}", graph.value(id).name);
  }
  for (const ValueId id : node.outputs) {
    if (id == graph::kNone) {
      result.outputs.emplace_back();
      continue;
    }
    TARSIER_TRY(Tensor tensor, unpack(graph.value(id), placed[holder[id]]));
    result.outputs.push_back(std::move(tensor));
  }
  return result;
}

Result<std::vector<Tensor>> reference_of(const graph::Graph& graph, const kernels::Kernel& kernel,
                                         const std::map<ValueId, Tensor>& data) {
  const auto at = [&](ValueId id) -> const Tensor* {
    if (id == graph::kNone) return nullptr;
    const Tensor* constant = graph.constant(id);
    return constant != nullptr ? constant : &data.at(id);
  };
  const graph::Node& node = graph.nodes[0];
  std::vector<const Tensor*> inputs;
  for (const ValueId id : node.inputs) inputs.push_back(at(id));
  TARSIER_TRY(auto outputs, kernel.reference(node, inputs));
  TARSIER_CHECK(kernels::apply_post_ops(node, at, outputs[0]));
  return outputs;
}

}  // namespace tarsier::check
