#include "kernels/operator.hpp"

#include <algorithm>
#include <cstring>

#include "core/half.hpp"
#include "core/number.hpp"

namespace tarsier::kernels {

OpView::OpView(const graph::Graph& graph, const graph::Node& node) : node_(&node) {
  for (const graph::ValueId id : node.inputs) {
    if (id == graph::kNone) {
      descs_.emplace_back();
      data_.push_back(nullptr);
    } else {
      descs_.emplace_back(graph.value(id).desc);
      data_.push_back(graph.constant(id));
    }
  }
}

OpView::OpView(const graph::Node& node, const std::vector<const Tensor*>& inputs)
    : node_(&node), data_(inputs) {
  for (const Tensor* tensor : inputs) {
    descs_.push_back(tensor == nullptr ? std::nullopt : std::optional(tensor->desc()));
  }
}

Result<std::vector<int64_t>> OpView::constant_ints(size_t index, std::string_view what) const {
  if (!has(index)) return input_error("input '{}' is missing", what);
  if (data(index) == nullptr) {
    return input_error("input '{}' is computed at run time; only constants are supported there", what);
  }
  return ints(index);
}

Result<std::vector<float>> OpView::constant_floats(size_t index, std::string_view what) const {
  if (!has(index)) return input_error("input '{}' is missing", what);
  if (data(index) == nullptr) {
    return input_error("input '{}' is computed at run time; only constants are supported there", what);
  }
  return floats(index);
}

Operator::Operator(std::string op_name, size_t min_inputs, size_t max_inputs)
    : min_inputs_(min_inputs), max_inputs_(max_inputs) {
  name = std::move(op_name);
  infer = [this](const graph::Graph& graph, const graph::Node& node) {
    return checked_shapes(OpView(graph, node));
  };
  check = [this](const graph::Graph& graph, const graph::Node& node) -> Status {
    const OpView view(graph, node);
    TARSIER_TRY([[maybe_unused]] const auto descs, checked_shapes(view));
    return supported(view);
  };
  reference = [this](const graph::Node& node,
                     const std::vector<const Tensor*>& inputs) -> Result<std::vector<Tensor>> {
    const OpView view(node, inputs);
    TARSIER_TRY(const auto descs, checked_shapes(view));
    std::vector<Tensor> outputs(descs.begin(), descs.end());
    TARSIER_CHECK(compute(view, outputs));
    return outputs;
  };
}

void Operator::writes_out_others() {
  expand = [this](graph::NodeBuilder& builder) -> Status {
    TARSIER_CHECK(check_inputs(OpView(builder.graph(), builder.node())));
    return write_out(builder);
  };
}

Status Operator::check_inputs(const OpView& view) const {
  if (view.input_count() > max_inputs_) {
    return input_error("{} inputs, at most {} are expected", view.input_count(), max_inputs_);
  }
  for (size_t i = 0; i < min_inputs_; ++i) {
    if (!view.has(i)) return input_error("input {} is missing", i);
  }
  for (size_t i = 0; i < view.input_count(); ++i) {
    if (view.has(i) && !graph::is_static(view.shape(i))) {
      return input_error("input {} has no static shape: {}", i, graph::to_string(view.shape(i)));
    }
  }
  return {};
}

Result<std::vector<TensorDesc>> Operator::checked_shapes(const OpView& view) const {
  TARSIER_CHECK(check_inputs(view));
  return shapes(view);
}

Composite::Composite(std::string op_name, size_t min_inputs, size_t max_inputs)
    : Operator(std::move(op_name), min_inputs, max_inputs) {
  infer = nullptr;
  reference = nullptr;
  check = [this](const graph::Graph& graph, const graph::Node& node) -> Status {
    return check_inputs(OpView(graph, node));
  };
  expand = [this](graph::NodeBuilder& builder) { return write_out(builder); };
}

Status Composite::emit(Emitter& emitter) const {
  return runtime_error("{} should have been written out in other operators", emitter.node().op);
}

Result<std::vector<TensorDesc>> Composite::shapes(const OpView&) const {
  return runtime_error("{} is written out in other operators", name);
}

Status Composite::compute(const OpView&, std::vector<Tensor>&) const {
  return runtime_error("{} is written out in other operators", name);
}

LayoutChoice Operator::layouts(const graph::Graph&, const graph::Node& node) const {
  return all_layouts(node, Layout::kLinear);
}

bool is_float(DType type) {
  return type == DType::kF32 || type == DType::kF16 || type == DType::kF64;
}

DType device_type(DType type) {
  return is_float(type) ? DType::kF32 : DType::kI32;
}

Result<int64_t> normalize_axis(int64_t axis, int64_t rank) {
  if (axis < -rank || axis >= rank) {
    return input_error("axis {} is outside of a tensor of rank {}", axis, rank);
  }
  return axis < 0 ? axis + rank : axis;
}

Result<Shape> broadcast(const Shape& a, const Shape& b) {
  const size_t rank = std::max(a.size(), b.size());
  const Shape left = pad_rank(a, rank), right = pad_rank(b, rank);
  Shape out(rank);
  for (size_t d = 0; d < rank; ++d) {
    if (left[d] != right[d] && left[d] != 1 && right[d] != 1) {
      return input_error("shapes {} and {} do not broadcast", graph::to_string(a), graph::to_string(b));
    }
    out[d] = left[d] == 1 ? right[d] : left[d];
  }
  return out;
}

Shape pad_rank(const Shape& shape, size_t rank) {
  Shape padded(rank > shape.size() ? rank - shape.size() : 0, 1);
  padded.insert(padded.end(), shape.begin(), shape.end());
  return padded;
}

std::vector<int64_t> strides_of(const Shape& shape) {
  std::vector<int64_t> strides(shape.size());
  int64_t stride = 1;
  for (size_t d = shape.size(); d-- > 0;) {
    strides[d] = stride;
    stride *= shape[d];
  }
  return strides;
}

std::vector<int64_t> broadcast_strides(const Shape& shape, const Shape& target) {
  const Shape padded = pad_rank(shape, target.size());
  auto strides = strides_of(padded);
  for (size_t d = 0; d < target.size(); ++d) {
    if (padded[d] == 1 && target[d] != 1) strides[d] = 0;
  }
  return strides;
}

Status are_single(const OpView& view, std::initializer_list<size_t> indices) {
  for (const size_t index : indices) {
    if (view.has(index) && graph::element_count(view.shape(index)) != 1) {
      return input_error("input {} {} must hold one value", index, graph::to_string(view.shape(index)));
    }
  }
  return {};
}

graph::NodeBuilder::Attributes with_unit_axis(const graph::Node& node) {
  auto attributes = node.attributes;
  constexpr std::array<std::pair<const char*, int64_t>, 5> kUnit{
      {{"kernel_shape", 1}, {"strides", 1}, {"dilations", 1}, {"pads", 0}, {"output_padding", 0}}};
  for (const auto& [key, unit] : kUnit) {
    auto values = node.integers(key);
    if (values.empty()) continue;
    // pads: all begins, then all ends.
    if (std::string_view(key) == "pads") values.insert(values.begin() + int64_t(values.size() / 2), unit);
    values.insert(values.begin(), unit);
    attributes[key] = std::move(values);
  }
  return attributes;
}

namespace {

template <class To, class From>
void cast_into(Tensor& tensor, const std::vector<From>& values) {
  auto to = tensor.as_mutable<To>();
  for (size_t i = 0; i < to.size(); ++i) to[i] = number_cast<To>(values[i]);
}

template <class From>
void store_as(Tensor& tensor, const std::vector<From>& values) {
  switch (tensor.dtype()) {
    case DType::kF32:
      return cast_into<float>(tensor, values);
    case DType::kF64:
      return cast_into<double>(tensor, values);
    case DType::kI8:
      return cast_into<int8_t>(tensor, values);
    case DType::kU8:
      return cast_into<uint8_t>(tensor, values);
    case DType::kI16:
      return cast_into<int16_t>(tensor, values);
    case DType::kI32:
      return cast_into<int32_t>(tensor, values);
    case DType::kI64:
      return cast_into<int64_t>(tensor, values);
    case DType::kF16: {
      auto to = tensor.as_mutable<uint16_t>();
      for (size_t i = 0; i < to.size(); ++i) to[i] = float_to_half(static_cast<float>(values[i]));
      return;
    }
    case DType::kBool: {
      auto to = tensor.as_mutable<uint8_t>();
      for (size_t i = 0; i < to.size(); ++i) to[i] = values[i] != From{} ? 1 : 0;
      return;
    }
  }
}

}  // namespace

void store(Tensor& tensor, const std::vector<float>& values) {
  store_as(tensor, values);
}
void store(Tensor& tensor, const std::vector<double>& values) {
  store_as(tensor, values);
}
void store(Tensor& tensor, const std::vector<int64_t>& values) {
  store_as(tensor, values);
}

std::vector<std::byte> pack_linear(const Tensor& tensor) {
  std::vector<std::byte> bytes(static_cast<size_t>(tensor.size()) * 4);
  if (is_float(tensor.dtype())) {
    const auto values = tensor.to_floats();
    std::memcpy(bytes.data(), values.data(), bytes.size());
  } else {
    const auto values = tensor.to_ints();
    std::vector<int32_t> words(values.size());
    for (size_t i = 0; i < words.size(); ++i) {
      words[i] = int32_t(std::clamp<int64_t>(values[i], INT32_MIN, INT32_MAX));
    }
    std::memcpy(bytes.data(), words.data(), bytes.size());
  }
  return bytes;
}

std::vector<std::byte> pack_c4(const Tensor& tensor, bool half) {
  const Nchw d(pad_rank(tensor.shape(), 4));
  const auto values = tensor.to_floats();
  const int64_t plane = d.plane();
  std::vector<float> packed(static_cast<size_t>(d.n * d.groups() * plane * 4), 0.0F);
  for (int64_t n = 0; n < d.n; ++n) {
    for (int64_t c = 0; c < d.c; ++c) {
      for (int64_t p = 0; p < plane; ++p) {
        packed[size_t((((n * d.groups()) + c / 4) * plane + p) * 4 + c % 4)] =
            values[size_t((n * d.c + c) * plane + p)];
      }
    }
  }
  std::vector<std::byte> bytes(packed.size() * (half ? 2 : 4));
  if (half) {
    std::vector<uint16_t> words(packed.size());
    std::transform(packed.begin(), packed.end(), words.begin(), float_to_half);
    std::memcpy(bytes.data(), words.data(), bytes.size());
  } else {
    std::memcpy(bytes.data(), packed.data(), bytes.size());
  }
  return bytes;
}

Result<uint64_t> value_address(Emitter& emitter, graph::ValueId id, Layout layout, bool half) {
  if (const Tensor* tensor = emitter.graph().constant(id)) {
    const auto bytes = layout == Layout::kC4 ? pack_c4(*tensor, half) : pack_linear(*tensor);
    TARSIER_TRY(const Weights weights, emitter.upload(bytes));
    return weights.address;
  }
  const Operand operand = emitter.operand(id);
  if (operand.value->layout != layout || (operand.value->storage == DType::kF16) != half) {
    return runtime_error("value {}: layout or storage differs from what the kernel asked for",
                         operand.value->name);
  }
  return operand.address;
}

Result<uint64_t> input_address(Emitter& emitter, size_t index, Layout layout, bool half) {
  const auto& inputs = emitter.node().inputs;
  if (index >= inputs.size() || inputs[index] == graph::kNone) return uint64_t{0};
  return value_address(emitter, inputs[index], layout, half);
}

std::array<uint32_t, 3> flat_grid(uint64_t items, uint32_t per_group) {
  constexpr uint64_t kMaxX = 65535;
  const uint64_t groups = std::max<uint64_t>(1, (items + per_group - 1) / per_group);
  const uint64_t rows = (groups + kMaxX - 1) / kMaxX;
  return {uint32_t((groups + rows - 1) / rows), uint32_t(rows), 1};
}

Coverage cover(const gpu::DeviceFeatures& device, uint64_t count) {
  const uint32_t width = is_narrow(device) ? 16 : kLocalSize;
  if (count % (width * 4) == 0) return {width, 4, 0};
  if (count % width == 0) return {width, 1, 0};
  return {width, 4, 1};
}

Coverage cover_repeating(const gpu::DeviceFeatures& device) {
  if (is_narrow(device)) return {16, 4, 0};
  return {kLocalSize, 4, 1};
}

LayoutChoice all_layouts(const graph::Node& node, Layout layout) {
  return {std::vector<Layout>(node.inputs.size(), layout), std::vector<Layout>(node.outputs.size(), layout)};
}

bool can_be_c4(const TensorDesc& desc) {
  return desc.shape.size() == 4 && is_float(desc.dtype);
}

LayoutChoice follow_input(const graph::Graph& graph, const graph::Node& node) {
  const auto& value = graph.value(node.inputs[0]);
  const bool c4 = can_be_c4(value.desc) && value.layout == Layout::kC4;
  return all_layouts(node, c4 ? Layout::kC4 : Layout::kLinear);
}

LayoutChoice prefer_c4(const graph::Graph& graph, const graph::Node& node) {
  return all_layouts(node, can_be_c4(graph.value(node.inputs[0]).desc) ? Layout::kC4 : Layout::kLinear);
}

}  // namespace tarsier::kernels
