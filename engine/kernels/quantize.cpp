// QuantizeLinear and DequantizeLinear (shader quantize.comp) and DynamicQuantizeLinear, written out in
// others. ONNX's numbers: y = saturate(round_half_even(x / scale) + zero_point), x = (y - zero_point) *
// scale; with real types of few digits, y = x / scale + zero_point rounded to them.
#include <algorithm>
#include <cmath>

#include "kernels/nd_index.hpp"
#include "kernels/quantized.hpp"
#include "kernels/register.hpp"

namespace tarsier::kernels {
namespace {

using graph::ElementType;

/// Which element of the scale belongs to an element [outer][position][inner] of x:
/// outer * step_outer + position / block * step_position + inner * step_inner.
struct ScaleIndex {
  int64_t extent = 1, inner = 1, block = 1;
  int64_t step_outer = 0, step_position = 0, step_inner = 0;

  [[nodiscard]] bool single() const { return step_outer == 0 && step_position == 0 && step_inner == 0; }
  [[nodiscard]] size_t at(int64_t flat) const {
    const int64_t outer = flat / (extent * inner), position = flat / inner % extent;
    return size_t(outer * step_outer + position / block * step_position + flat % inner * step_inner);
  }
};

/// One scale for all, one for each position of `axis`, or (opset 21) one for each block of `block_size`.
Result<ScaleIndex> scale_index(const OpView& view) {
  const Shape &x = view.shape(0), &scale = view.shape(1);
  ScaleIndex index;
  if (view.has(2) && view.shape(2) != scale &&
      graph::element_count(view.shape(2)) != graph::element_count(scale))
    return input_error("scale {} and zero point {} differ in shape", graph::to_string(scale),
                       graph::to_string(view.shape(2)));
  const int64_t block_size = view.node().integer("block_size", 0);
  if (block_size < 0 || block_size > INT32_MAX) return input_error("block_size={}", block_size);
  if (graph::element_count(scale) == 1 && block_size == 0) return index;
  TARSIER_TRY(const int64_t axis, normalize_axis(view.node().integer("axis", 1), view.rank(0)));
  const auto a = size_t(axis);
  index.extent = x[a];
  index.inner = strides_of(x)[a];
  if (block_size == 0) {
    if (scale.size() != 1 || scale[0] != index.extent)
      return input_error("scale {} does not fit axis {} of {}", graph::to_string(scale), axis,
                         graph::to_string(x));
    index.step_position = 1;
    return index;
  }
  Shape wanted = x;
  wanted[a] = ceil_div(x[a], block_size);
  if (scale != wanted)
    return input_error("scale {} does not fit blocks of {} along axis {} of {}", graph::to_string(scale),
                       block_size, axis, graph::to_string(x));
  index.block = block_size;
  index.step_outer = wanted[a] * index.inner;
  index.step_position = index.inner;
  index.step_inner = 1;
  return index;
}

/// Push constants of quantize.comp.
struct Push {
  uint64_t source, scale, zero_point, target;
  uint32_t count;
  uint32_t inner, inner_magic, inner_shift;
  uint32_t extent, extent_magic, extent_shift;
  uint32_t block_magic, block_shift;
  uint32_t step_outer, step_position, step_inner;
  int32_t low, high;
  graph::FloatRounding rounding;
  uint32_t reserved;
};
static_assert(sizeof(Push) == 120);

/// Of quantize.comp. kRound: to real numbers of few digits; kScale: from them.
enum class Mode : uint32_t {
  kQuantize = 0,
  kQuantizeIntegers = 1,
  kDequantize = 2,
  kRound = 3,
  kRoundIntegers = 4,
  kScale = 5
};

/// What a node quantises to, and the precision in which x is divided by the scale.
struct Quantization {
  ElementType type = ElementType::kUint8;
  QuantizedRange range;
  std::optional<graph::FloatRounding> rounding;  // of real types
  ElementType precision = ElementType::kFloat;

  [[nodiscard]] uint32_t digits() const {
    return precision == ElementType::kFloat16 ? 1 : precision == ElementType::kBfloat16 ? 2 : 0;
  }
};

/// The importer names the type of a zero point that the engine holds in a wider one (`output_dtype`).
Result<Quantization> quantization(const OpView& view) {
  Quantization to;
  if (const int64_t named = view.node().integer("output_dtype", 0); named != 0) {
    to.type = static_cast<ElementType>(named);
  } else if (view.has(2)) {
    if (is_float(view.dtype(2))) return input_error("zero points of type {}", graph::name_of(view.dtype(2)));
    // The engine holds 16 unsigned bits as int32; nothing is quantised to 32 bits.
    to.type = view.dtype(2) == DType::kI32 ? ElementType::kUint16 : ElementType(onnx_type(view.dtype(2)));
  }
  const auto held = dtype_of_onnx(int64_t(to.type));
  to.rounding = graph::float_rounding(to.type, view.node().integer("saturate", 1) != 0);
  const uint32_t bits = held.ok() ? graph::element_bits(to.type) : 0;
  if (bits == 0 || bits > 16 || *held == DType::kBool || (is_float(*held) && (!to.rounding || bits > 8)))
    return input_error("output_dtype={}", int64_t(to.type));
  if (view.has(2) && view.dtype(2) != *held)
    return input_error("a zero point of type {} for output_dtype={}", graph::name_of(view.dtype(2)),
                       int64_t(to.type));
  to.range = graph::integer_range(to.type);
  to.precision = static_cast<ElementType>(view.node().integer("precision", 0));
  return to;
}

Status emit_scaled(Emitter& emitter, Mode mode, const Quantization& to) {
  const OpView view(emitter.graph(), emitter.node());
  TARSIER_TRY(const ScaleIndex index, scale_index(view));
  Push push{};
  push.count = uint32_t(graph::element_count(view.shape(0)));
  if (push.count == 0) return {};
  TARSIER_TRY(push.source, input_address(emitter, 0, Layout::kLinear, false));
  TARSIER_TRY(push.scale, input_address(emitter, 1, Layout::kLinear, false));
  TARSIER_TRY(push.zero_point, input_address(emitter, 2, Layout::kLinear, false));
  push.target = emitter.output(0).address;
  // A divisor of 1 has no magic number: the shader takes a magic of 0 for it.
  const auto divisor = [](int64_t by) { return by > 1 ? divisor_of(uint32_t(by)) : Divisor{}; };
  const Divisor inner = divisor(index.inner), extent = divisor(index.extent), block = divisor(index.block);
  push.inner = uint32_t(index.inner);
  push.inner_magic = inner.magic;
  push.inner_shift = inner.shift;
  push.extent = uint32_t(index.extent);
  push.extent_magic = extent.magic;
  push.extent_shift = extent.shift;
  push.block_magic = block.magic;
  push.block_shift = block.shift;
  push.step_outer = uint32_t(index.step_outer);
  push.step_position = uint32_t(index.step_position);
  push.step_inner = uint32_t(index.step_inner);
  push.low = int32_t(to.range.low);
  push.high = int32_t(to.range.high);
  push.rounding = to.rounding.value_or(graph::FloatRounding{});
  emitter.dispatch("kernels/quantize.comp",
                   {uint32_t(mode), view.has(2) ? 1U : 0U, index.single() ? 1U : 0U, to.digits()}, push,
                   flat_grid(push.count, kLocalSize * 4));
  return {};
}

/// Whether the real side, of the shape of x, may lie in channel groups: rank 4, one scale or one a channel.
bool fits_groups(const graph::Graph& graph, const graph::Node& node) {
  const OpView view(graph, node);
  if (view.rank(0) != 4 || graph::element_count(view.shape(0)) == 0) return false;
  const auto index = scale_index(view);
  if (!index.ok()) return false;
  return index->single() || (view.rank(1) == 1 && view.node().integer("block_size", 0) == 0 &&
                             *normalize_axis(view.node().integer("axis", 1), 4) == 1);
}

/// `groups` is the side that lies in channel groups.
Status emit_in_groups(Emitter& emitter, bool dequantize, const graph::Value& groups, const Quantization& to) {
  const OpView view(emitter.graph(), emitter.node());
  const Nchw d(view.shape(0));
  struct GroupPush {
    uint64_t source, scale, zero_point, target;
    uint32_t plane, groups, channels;
    int32_t low, high;
    uint32_t reserved = 0;
  } push{};
  const Operand in = emitter.input(0);
  TARSIER_TRY(push.source, input_address(emitter, 0, in.value->layout, half_flag(*in.value) != 0));
  TARSIER_TRY(push.scale, input_address(emitter, 1, Layout::kLinear, false));
  TARSIER_TRY(push.zero_point, input_address(emitter, 2, Layout::kLinear, false));
  push.target = emitter.output(0).address;
  push.plane = uint32_t(d.plane());
  push.groups = uint32_t(d.groups());
  push.channels = uint32_t(d.c);
  push.low = int32_t(to.range.low);
  push.high = int32_t(to.range.high);
  const Coverage lanes = cover_repeating(emitter.device());
  emitter.dispatch("kernels/quantize_groups.comp",
                   {half_flag(groups), lanes.width, lanes.guard, dequantize ? 1U : 0U, view.has(2) ? 1U : 0U,
                    graph::element_count(view.shape(1)) > 1 ? 1U : 0U, to.digits()},
                   push,
                   {(push.plane + lanes.per_group() - 1) / lanes.per_group(), uint32_t(d.n * d.groups()), 1});
  return {};
}

/// Words of the same place in memory: only where both sides are row-major.
int in_place(const graph::Graph& graph, const graph::Node& node) {
  const bool linear = graph.value(node.inputs[0]).layout == Layout::kLinear &&
                      graph.value(node.outputs[0]).layout == Layout::kLinear;
  return linear ? 0 : -1;
}

class QuantizeLinear : public Operator {
 public:
  QuantizeLinear() : Operator("QuantizeLinear", 2, 3) {}

  [[nodiscard]] LayoutChoice layouts(const graph::Graph& graph, const graph::Node& node) const override {
    LayoutChoice choice = all_layouts(node, Layout::kLinear);
    const graph::Value& x = graph.value(node.inputs[0]);
    const auto to = quantization(OpView(graph, node));
    if (x.layout == Layout::kC4 && can_be_c4(x.desc) && fits_groups(graph, node) && to.ok() && !to->rounding)
      choice.inputs[0] = Layout::kC4;
    return choice;
  }
  [[nodiscard]] int in_place_input(const graph::Graph& graph, const graph::Node& node) const override {
    return in_place(graph, node);
  }
  Status emit(Emitter& emitter) const override {
    const OpView view(emitter.graph(), emitter.node());
    TARSIER_TRY(const Quantization to, quantization(view));
    if (const Operand in = emitter.input(0); is_c4(in)) return emit_in_groups(emitter, false, *in.value, to);
    const bool reals = is_float(view.dtype(0));
    if (to.rounding) return emit_scaled(emitter, reals ? Mode::kRound : Mode::kRoundIntegers, to);
    return emit_scaled(emitter, reals ? Mode::kQuantize : Mode::kQuantizeIntegers, to);
  }

 protected:
  [[nodiscard]] Result<std::vector<TensorDesc>> shapes(const OpView& view) const override {
    TARSIER_TRY([[maybe_unused]] const auto index, scale_index(view));
    TARSIER_TRY(const Quantization to, quantization(view));
    if (!is_float(view.dtype(1))) return input_error("the scale is no real number");
    TARSIER_TRY(const DType held, dtype_of_onnx(int64_t(to.type)));
    return std::vector{TensorDesc{held, view.shape(0)}};
  }
  Status compute(const OpView& view, std::vector<Tensor>& outputs) const override {
    TARSIER_TRY(const ScaleIndex index, scale_index(view));
    TARSIER_TRY(const Quantization to, quantization(view));
    auto x = view.floats(0);
    const auto scale = view.floats(1);
    const auto digits = to.digits() != 0 ? graph::float_rounding(to.precision) : std::nullopt;
    const auto with_digits = [&](float number) { return digits ? graph::rounded(number, *digits) : number; };
    for (size_t i = 0; i < x.size(); ++i)
      x[i] = with_digits(with_digits(x[i]) / with_digits(scale[index.at(int64_t(i))]));
    if (to.rounding) {
      const auto zero = view.has(2) ? view.floats(2) : std::vector<float>(scale.size(), 0);
      for (size_t i = 0; i < x.size(); ++i)
        x[i] = graph::rounded(x[i] + zero[index.at(int64_t(i))], *to.rounding);
      store(outputs[0], x);
      return {};
    }
    const auto zero = view.has(2) ? view.ints(2) : std::vector<int64_t>(scale.size(), 0);
    std::vector<int64_t> result(x.size());
    for (size_t i = 0; i < x.size(); ++i) result[i] = quantized(x[i], zero[index.at(int64_t(i))], to.range);
    store(outputs[0], result);
    return {};
  }
};

class DequantizeLinear : public Operator {
 public:
  DequantizeLinear() : Operator("DequantizeLinear", 2, 3) {}

  [[nodiscard]] LayoutChoice layouts(const graph::Graph& graph, const graph::Node& node) const override {
    LayoutChoice choice = all_layouts(node, Layout::kLinear);
    const bool integers = !is_float(graph.value(node.inputs[0]).desc.dtype);
    if (integers && fits_groups(graph, node)) choice.outputs[0] = Layout::kC4;
    return choice;
  }
  [[nodiscard]] int in_place_input(const graph::Graph& graph, const graph::Node& node) const override {
    return in_place(graph, node);
  }
  Status emit(Emitter& emitter) const override {
    if (const Operand out = emitter.output(0); is_c4(out))
      return emit_in_groups(emitter, true, *out.value, {});
    const bool reals = is_float(emitter.input(0).value->desc.dtype);
    return emit_scaled(emitter, reals ? Mode::kScale : Mode::kDequantize, {});
  }

 protected:
  [[nodiscard]] Result<std::vector<TensorDesc>> shapes(const OpView& view) const override {
    TARSIER_TRY([[maybe_unused]] const auto index, scale_index(view));
    if (view.has(2) && is_float(view.dtype(0)) != is_float(view.dtype(2)))
      return input_error("a zero point of type {} for {}", graph::name_of(view.dtype(2)),
                         graph::name_of(view.dtype(0)));
    if (!is_float(view.dtype(1))) return input_error("the scale is no real number");
    return std::vector{TensorDesc{view.dtype(1), view.shape(0)}};
  }
  Status compute(const OpView& view, std::vector<Tensor>& outputs) const override {
    TARSIER_TRY(const ScaleIndex index, scale_index(view));
    const auto scale = view.floats(1);
    std::vector<float> result = difference(view, index);
    for (size_t i = 0; i < result.size(); ++i) result[i] *= scale[index.at(int64_t(i))];
    store(outputs[0], result);
    return {};
  }

 private:
  /// x - zero point.
  static std::vector<float> difference(const OpView& view, const ScaleIndex& index) {
    if (is_float(view.dtype(0))) {
      auto x = view.floats(0);
      if (!view.has(2)) return x;
      const auto zero = view.floats(2);
      for (size_t i = 0; i < x.size(); ++i) x[i] -= zero[index.at(int64_t(i))];
      return x;
    }
    const auto x = view.ints(0);
    const auto zero =
        view.has(2) ? view.ints(2) : std::vector<int64_t>(size_t(graph::element_count(view.shape(1))), 0);
    std::vector<float> result(x.size());
    for (size_t i = 0; i < x.size(); ++i) result[i] = float(x[i] - zero[index.at(int64_t(i))]);
    return result;
  }
};

/// Scale and zero point of uint8 from the smallest and the greatest element (and 0) of x, and x quantised.
class DynamicQuantizeLinear : public Composite {
 public:
  DynamicQuantizeLinear() : Composite("DynamicQuantizeLinear", 1, 1) {}

 protected:
  Status write_out(graph::NodeBuilder& builder) const override {
    if (!is_float(builder.desc(0).dtype))
      return input_error("element type {}", graph::name_of(builder.desc(0).dtype));
    const graph::ValueId x = builder.input(0), zero = builder.scalar(0);
    const graph::NodeBuilder::Attributes whole{{"keepdims", int64_t{0}}};
    // One lane reduces one row: rows of about the square root keep all lanes busy twice.
    const int64_t count = graph::element_count(builder.shape(0));
    int64_t rows = 1;
    for (int64_t r = 2; r * r <= count; ++r)
      if (count % r == 0) rows = r;
    const graph::ValueId table =
        builder.add("Reshape", {x, builder.ints({rows, count / std::max<int64_t>(rows, 1)})});
    const auto extreme = [&](const char* reduce, const char* pick) {
      const graph::ValueId each = builder.add(reduce, {table, builder.ints({1})}, whole);
      return builder.add(pick, {builder.add(reduce, {each, builder.ints({0})}, whole), zero});
    };
    const graph::ValueId low = extreme("ReduceMin", "Min"), high = extreme("ReduceMax", "Max");
    const graph::ValueId range = builder.add("Sub", {high, low});
    // All zeros have no range; any scale stands for them.
    const graph::ValueId scale = builder.add("Where", {builder.add("Equal", {range, zero}), builder.scalar(1),
                                                       builder.add("Div", {range, builder.scalar(255)})});
    const graph::ValueId shifted = builder.add("Sub", {zero, builder.add("Div", {low, scale})});
    const graph::ValueId rounded =
        builder.add("Round", {builder.add("Clip", {shifted, zero, builder.scalar(255)})});
    const graph::ValueId zero_point = builder.add("Cast", {rounded}, {{"to", int64_t{2}}});
    builder.finish("QuantizeLinear", {x, scale, zero_point});
    builder.set_output(1, scale);
    builder.set_output(2, zero_point);
    return {};
  }
};

}  // namespace

QuantizedRange quantized_range(DType type) {
  return graph::integer_range(type == DType::kI32 ? ElementType::kUint16 : ElementType(onnx_type(type)));
}

int64_t quantized(float x, int64_t zero_point, QuantizedRange range) {
  // Rounds half to even in the default mode. Clamped as a float first: no int64 holds an infinity.
  const float rounded = std::nearbyint(std::clamp(x, -1e6F, 1e6F));
  if (std::isnan(rounded)) return std::clamp<int64_t>(zero_point, range.low, range.high);
  return std::clamp<int64_t>(int64_t(rounded) + zero_point, range.low, range.high);
}

void register_quantize(Registry& registry) {
  registry.add(std::make_unique<QuantizeLinear>());
  registry.add(std::make_unique<DequantizeLinear>());
  registry.add(std::make_unique<DynamicQuantizeLinear>());
}

}  // namespace tarsier::kernels
