// A kernel: an operator's shape rule, check and CPU reference (graph::OpDef) plus how it runs on the device.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "gpu/device.hpp"
#include "gpu/pipeline.hpp"
#include "graph/graph.hpp"
#include "graph/op.hpp"

namespace tarsier::kernels {

/// Where an operand lies while the plan runs.
struct Operand {
  uint64_t address =
      0;  // device address; 0 for an absent optional input or one that is constant and not on the device
  const graph::Value* value = nullptr;  // shape, dtype, layout, storage; null where absent
};

/// Weights that a kernel packed: `address` for loads by device address, `offset` into the plan's weight
/// buffer for the uniform window (aligned to DeviceFeatures::uniform_alignment).
struct Weights {
  uint64_t address = 0;
  uint32_t offset = 0;
};

/// One dispatch of a plan, ready to be recorded.
struct Dispatch {
  gpu::ComputePipelineDesc pipeline;
  std::vector<std::byte> push;
  std::array<uint32_t, 3> groups{1, 1, 1};
  uint32_t window_offset = kNoWindow;  // first weight window of this dispatch: Weights::offset
  bool after_previous = false;         // depends on an earlier dispatch of the same node
  uint32_t window_stride = 65536;      // window i (of gpu::kWindows) starts window_stride * i bytes later
  static constexpr uint32_t kNoWindow = ~0u;
};

/// What a kernel is given to turn one node into dispatches. Addresses are final: memory is planned before.
class Emitter {
 public:
  virtual ~Emitter() = default;
  [[nodiscard]] virtual const graph::Graph& graph() const = 0;
  [[nodiscard]] virtual const graph::Node& node() const = 0;
  [[nodiscard]] virtual const gpu::DeviceFeatures& device() const = 0;
  [[nodiscard]] virtual Operand input(size_t index) const = 0;
  [[nodiscard]] virtual Operand output(size_t index) const = 0;
  /// A value by id: the operand of a post-op. Constants are put on the device in the value's layout when
  /// asked for.
  [[nodiscard]] virtual Operand operand(graph::ValueId value) = 0;
  /// Host data of a constant input; null where it is not constant.
  [[nodiscard]] const graph::Tensor* constant(size_t index) const {
    return index < node().inputs.size() ? graph().constant(node().inputs[index]) : nullptr;
  }
  /// Device address of `scratch_bytes` of memory asked for by Kernel::scratch_bytes.
  [[nodiscard]] virtual uint64_t scratch() const = 0;
  /// Puts packed weights into the plan's weight buffer.
  virtual Result<Weights> upload(std::span<const std::byte> bytes) = 0;
  virtual void dispatch(Dispatch dispatch) = 0;

  template <class Push>
  void dispatch(std::string shader, std::vector<uint32_t> constants, const Push& push,
                std::array<uint32_t, 3> groups, uint32_t window_offset = Dispatch::kNoWindow,
                bool after_previous = false, uint32_t window_stride = 65536) {
    static_assert(sizeof(Push) <= 128, "push constants: 128 bytes are guaranteed");
    static_assert(std::is_trivially_copyable_v<Push>, "pass bytes as a span, not as a container");
    const auto raw = std::as_bytes(std::span(&push, 1));
    Dispatch out;
    out.pipeline.shader = std::move(shader);
    out.pipeline.constants = std::move(constants);
    out.push.assign(raw.begin(), raw.end());
    out.groups = groups;
    out.window_offset = window_offset;
    out.after_previous = after_previous;
    out.window_stride = window_stride;
    dispatch(std::move(out));
  }
};

/// Layouts that a node wants its operands in. Inputs that are constant are not converted.
struct LayoutChoice {
  std::vector<graph::Layout> inputs;
  std::vector<graph::Layout> outputs;
};

class Kernel : public graph::OpDef {
 public:
  virtual ~Kernel() = default;
  /// `current` holds the layouts that the inputs have so far: an elementwise node follows them.
  [[nodiscard]] virtual LayoutChoice layouts(const graph::Graph& graph, const graph::Node& node) const = 0;
  /// Whether this node's kernel can apply the post-op to its output.
  [[nodiscard]] virtual bool accepts(const graph::Graph&, const graph::Node&, const graph::PostOp&) const {
    return false;
  }
  /// Which input (index) the output may share memory with, element for element; -1 for none.
  [[nodiscard]] virtual int in_place_input(const graph::Graph&, const graph::Node&) const { return -1; }
  /// Names of the ways to run a node on a device, the best guess first; empty where there is no choice. They
  /// compute the same. `emit` and `scratch_bytes` obey Node::variant. Layouts and post-ops are assigned
  /// before.
  [[nodiscard]] virtual std::vector<std::string> variants(const graph::Graph&, const graph::Node&,
                                                          const gpu::DeviceFeatures&) const {
    return {};
  }
  /// Memory that nothing else uses while the node runs.
  [[nodiscard]] virtual uint64_t scratch_bytes(const graph::Graph&, const graph::Node&) const { return 0; }
  virtual Status emit(Emitter& emitter) const = 0;
};

/// All operators. register_*() functions, one a kernel file, are listed in registry.cpp.
class Registry : public graph::OpRegistry {
 public:
  /// The registry with every kernel of the engine.
  static const Registry& instance();
  void add(std::unique_ptr<Kernel> kernel);
  [[nodiscard]] const Kernel* find(std::string_view op) const override;
  [[nodiscard]] std::vector<const Kernel*> all() const;  // sorted by name

 private:
  std::vector<std::unique_ptr<Kernel>> kernels_;
};

}  // namespace tarsier::kernels
