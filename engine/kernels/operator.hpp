// The base that every operator family builds on: one view of a node's operands serves the argument check, the
// shape rule and the CPU reference, so each is written once.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <vector>

#include "graph/element_type.hpp"
#include "kernels/kernel.hpp"

namespace tarsier::kernels {

using graph::DType;
using graph::Layout;
using graph::Shape;
using graph::Tensor;
using graph::TensorDesc;

/// What is known of a node's inputs: their descriptions always, their data where constant (shape rule, check)
/// or where the CPU reference was given it.
class OpView {
 public:
  OpView(const graph::Graph& graph, const graph::Node& node);
  OpView(const graph::Node& node, const std::vector<const Tensor*>& inputs);

  [[nodiscard]] const graph::Node& node() const { return *node_; }
  [[nodiscard]] size_t input_count() const { return descs_.size(); }
  /// False for an absent optional input.
  [[nodiscard]] bool has(size_t index) const { return index < descs_.size() && descs_[index].has_value(); }
  [[nodiscard]] const TensorDesc& desc(size_t index) const { return *descs_[index]; }
  [[nodiscard]] const Shape& shape(size_t index) const { return descs_[index]->shape; }
  [[nodiscard]] DType dtype(size_t index) const { return descs_[index]->dtype; }
  [[nodiscard]] int64_t rank(size_t index) const { return int64_t(descs_[index]->shape.size()); }
  /// Null where the data is not known.
  [[nodiscard]] const Tensor* data(size_t index) const {
    return index < data_.size() ? data_[index] : nullptr;
  }
  [[nodiscard]] std::vector<float> floats(size_t index) const { return data_[index]->to_floats(); }
  [[nodiscard]] std::vector<int64_t> ints(size_t index) const { return data_[index]->to_ints(); }
  /// Integers of a shape-like input (axes, sizes, ...). Errors: it is absent, or it is not constant.
  [[nodiscard]] Result<std::vector<int64_t>> constant_ints(size_t index, std::string_view what) const;
  /// The same for real numbers (scales, bounds).
  [[nodiscard]] Result<std::vector<float>> constant_floats(size_t index, std::string_view what) const;

 private:
  const graph::Node* node_;
  std::vector<std::optional<TensorDesc>> descs_;
  std::vector<const Tensor*> data_;
};

/// Connects the three views of OpDef to virtual functions. Derive, implement, register.
class Operator : public Kernel {
 public:
  /// `min_inputs` counts the inputs that must be there; more than `max_inputs` are refused.
  Operator(std::string op_name, size_t min_inputs, size_t max_inputs);

  [[nodiscard]] LayoutChoice layouts(const graph::Graph& graph, const graph::Node& node) const override;

 protected:
  /// To be called by constructors: the inputs of OpDef::plan_inputs. The functions below find them constant.
  void needs_values(std::vector<size_t> inputs) { plan_inputs = std::move(inputs); }
  /// Output descriptions; refuses what makes no sense. Input count is already checked.
  [[nodiscard]] virtual Result<std::vector<TensorDesc>> shapes(const OpView& view) const = 0;
  /// Refuses what no kernel here runs though it makes sense. Called with valid shapes.
  [[nodiscard]] virtual Status supported(const OpView&) const { return {}; }
  /// The CPU reference; `outputs` are allocated by the shape rule.
  virtual Status compute(const OpView& view, std::vector<Tensor>& outputs) const = 0;
  /// To be called by constructors of operators whose kernel runs some nodes alone: others are written out.
  void writes_out_others();
  /// Adds the nodes that compute what `builder.node()` asks for, or none where the kernel runs it.
  virtual Status write_out(graph::NodeBuilder&) const { return {}; }
  /// Refuses wrong argument counts and inputs of open shape.
  [[nodiscard]] Status check_inputs(const OpView& view) const;

 private:
  [[nodiscard]] Result<std::vector<TensorDesc>> checked_shapes(const OpView& view) const;
  size_t min_inputs_, max_inputs_;
};

/// An operator that is written out in others once the shapes of its inputs are known: no kernel, no shape
/// rule, no reference of its own. Derive, implement write_out, register.
class Composite : public Operator {
 public:
  Composite(std::string op_name, size_t min_inputs, size_t max_inputs);
  Status emit(Emitter& emitter) const final;

 protected:
  /// Adds the nodes that compute what `builder.node()` asks for; errors refuse the node.
  Status write_out(graph::NodeBuilder& builder) const override = 0;

 private:
  [[nodiscard]] Result<std::vector<TensorDesc>> shapes(const OpView& view) const final;
  Status compute(const OpView& view, std::vector<Tensor>& outputs) const final;
};

// --- element types and shapes

[[nodiscard]] bool is_float(DType type);
/// Element type on the device: kF32 for real types, kI32 for integers and booleans (0 or 1).
[[nodiscard]] DType device_type(DType type);
using graph::dtype_of_onnx;
using graph::onnx_type;
/// Maps a negative axis; an error outside [-rank, rank).
Result<int64_t> normalize_axis(int64_t axis, int64_t rank);
/// ONNX (numpy) multidirectional broadcasting.
Result<Shape> broadcast(const Shape& a, const Shape& b);
/// Extents padded in front with ones.
[[nodiscard]] Shape pad_rank(const Shape& shape, size_t rank);
/// Row-major strides in elements.
[[nodiscard]] std::vector<int64_t> strides_of(const Shape& shape);
/// Row-major strides of `shape` seen as `target` (broadcast axes get stride 0).
[[nodiscard]] std::vector<int64_t> broadcast_strides(const Shape& shape, const Shape& target);
/// Refuses inputs of which an operator reads one value and that hold none or several. Absent ones pass; a
/// scalar and a tensor of one element are the same.
[[nodiscard]] Status are_single(const OpView& view, std::initializer_list<size_t> indices);
/// The attributes of a window operator (Conv, pools) with a unit axis in front of the spatial ones: along it
/// the window is 1.
[[nodiscard]] graph::NodeBuilder::Attributes with_unit_axis(const graph::Node& node);
/// Calls f(output_flat, offset of each operand) over `shape` in row-major order.
template <size_t N, class F>
void for_each_index(const Shape& shape, const std::array<std::vector<int64_t>, N>& strides, F&& f) {
  const int64_t count = graph::element_count(shape);
  std::vector<int64_t> at(shape.size(), 0);
  std::array<int64_t, N> offset{};
  for (int64_t i = 0; i < count; ++i) {
    f(i, offset);
    for (size_t d = shape.size(); d-- > 0;) {
      for (size_t n = 0; n < N; ++n) offset[n] += strides[n][d];
      if (++at[d] < shape[d]) break;
      for (size_t n = 0; n < N; ++n) offset[n] -= strides[n][d] * shape[d];
      at[d] = 0;
    }
  }
}

// --- host tensors

/// Writes values into a tensor of whatever element type (integers saturate nothing: they are cast).
void store(Tensor& tensor, const std::vector<float>& values);
void store(Tensor& tensor, const std::vector<double>& values);
void store(Tensor& tensor, const std::vector<int64_t>& values);

[[nodiscard]] constexpr int64_t ceil_div(int64_t a, int64_t b) {
  return (a + b - 1) / b;
}

/// N, C, H, W of a rank-4 activation and its channel groups.
struct Nchw {
  int64_t n, c, h, w;
  explicit Nchw(const Shape& shape) : n(shape[0]), c(shape[1]), h(shape[2]), w(shape[3]) {}
  [[nodiscard]] int64_t groups() const { return (c + 3) / 4; }
  [[nodiscard]] int64_t plane() const { return h * w; }
};

// --- device side

/// Bytes of a host tensor as they lie on the device: 32-bit words in row-major order.
std::vector<std::byte> pack_linear(const Tensor& tensor);
/// [N][ceil(C/4)][H][W][4] with zero padding channels, fp32 or fp16. Rank below 4 is padded in front with
/// ones.
std::vector<std::byte> pack_c4(const Tensor& tensor, bool half);
/// Layout and storage of an operand as a shader constant: storage of a kC4 operand.
[[nodiscard]] inline uint32_t half_flag(const graph::Value& value) {
  return value.storage == DType::kF16 ? 1 : 0;
}
/// Address of input `index` as the kernel wants it: the planned one, or for a constant input a packed copy in
/// the weight buffer.
Result<uint64_t> input_address(Emitter& emitter, size_t index, Layout layout, bool half);
/// The same for a value by id (post-op operands).
Result<uint64_t> value_address(Emitter& emitter, graph::ValueId id, Layout layout, bool half);
/// Groups for a flat grid of `items`, `per_group` a workgroup; folded into y beyond the guaranteed 65535.
/// Shaders undo it with flat_group() of tensor.glsl.
std::array<uint32_t, 3> flat_grid(uint64_t items, uint32_t per_group);

inline constexpr uint32_t kLocalSize = 64;  // of every kernel here unless its file says otherwise

/// How the lanes of a hot kernel cover `count` items: workgroups of `width`, each lane `per_lane` items
/// `width` apart. The software device stores under a condition lane by lane, so there the grid is made to fit
/// exactly where it can.
struct Coverage {
  uint32_t width = kLocalSize;
  uint32_t per_lane = 4;
  uint32_t guard = 1;  // the last workgroup reaches beyond the end: its lanes must check
  [[nodiscard]] uint32_t per_group() const { return width * per_lane; }
};
/// A device whose vectors are short: small workgroups waste less there.
[[nodiscard]] inline bool is_narrow(const gpu::DeviceFeatures& device) {
  return device.subgroup_size <= 16;
}
[[nodiscard]] Coverage cover(const gpu::DeviceFeatures& device, uint64_t count);
/// For kernels that never run in place: on the software device, lanes beyond the end repeat the last item's
/// work instead of checking (`guard` is then 0).
[[nodiscard]] Coverage cover_repeating(const gpu::DeviceFeatures& device);

[[nodiscard]] LayoutChoice all_layouts(const graph::Node& node, Layout layout);
/// kC4 where input 0 is a rank-4 activation of a real type that lies in kC4 already; kLinear otherwise.
[[nodiscard]] LayoutChoice follow_input(const graph::Graph& graph, const graph::Node& node);
/// kC4 for a rank-4 real input 0, else kLinear.
[[nodiscard]] LayoutChoice prefer_c4(const graph::Graph& graph, const graph::Node& node);
[[nodiscard]] bool can_be_c4(const TensorDesc& desc);
[[nodiscard]] inline bool is_c4(const Operand& operand) {
  return operand.value->layout == Layout::kC4;
}

}  // namespace tarsier::kernels
