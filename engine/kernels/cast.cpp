// Cast (shader cast.comp), CastLike and BitCast.
#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>

#include "kernels/operator.hpp"
#include "kernels/register.hpp"

namespace tarsier::kernels {
namespace {

using graph::ElementType;

/// Of cast.comp (constant kTarget).
enum class Target : uint32_t { kReal = 0, kRounded = 1, kPower = 2, kInteger = 3, kBool = 4 };

struct CastPlan {
  ElementType type = ElementType::kFloat;
  DType held = DType::kF32;
  Target target = Target::kReal;
  bool saturate = true;
  graph::FloatRounding rounding;                          // kRounded
  graph::PowerRounding mode = graph::PowerRounding::kUp;  // kPower
  uint32_t bits = 32;                                     // kInteger: those of the device's word
};

Result<CastPlan> cast_plan(const graph::Node& node) {
  if (!node.has("to")) return input_error("attribute 'to' is missing");
  CastPlan plan;
  TARSIER_TRY(plan.held, dtype_of_onnx(node.integer("to", 0)));
  plan.type = static_cast<ElementType>(node.integer("to", 0));
  plan.saturate = node.integer("saturate", 1) != 0;
  plan.bits = std::min(graph::element_bits(plan.type), 32U);
  if (plan.held == DType::kBool) {
    plan.target = Target::kBool;
  } else if (!is_float(plan.held)) {
    plan.target = Target::kInteger;
  } else if (const auto rounding = graph::float_rounding(plan.type, plan.saturate)) {
    plan.target = Target::kRounded;
    plan.rounding = *rounding;
  } else if (plan.type == ElementType::kFloat8E8M0) {
    plan.target = Target::kPower;
    const std::string mode = node.text("round_mode", "up");
    if (mode != "up" && mode != "down" && mode != "nearest") return input_error("round_mode={}", mode);
    plan.mode = mode == "up"     ? graph::PowerRounding::kUp
                : mode == "down" ? graph::PowerRounding::kDown
                                 : graph::PowerRounding::kNearest;
  }
  return plan;
}

/// Discards the higher bits.
int64_t wrapped(int64_t x, const CastPlan& plan) {
  if (plan.bits >= 32) return x;  // the tensor's own type cuts
  const graph::IntegerRange range = graph::integer_range(plan.type);
  const int64_t low = x & ((int64_t{1} << plan.bits) - 1);
  return low > range.high ? low - (int64_t{1} << plan.bits) : low;
}

/// Attribute `to`: ONNX's number of an element type. Where the engine holds that in a wider one, values are
/// rounded or cut to it. Real numbers become integers towards zero, in the range of an int32 (int64 on the
/// host); integers wrap around.
class Cast : public Operator {
 public:
  Cast() : Operator("Cast", 1, 1) {}

  [[nodiscard]] LayoutChoice layouts(const graph::Graph& graph, const graph::Node& node) const override {
    const auto plan = cast_plan(node);
    // The padding of channel groups is zero, which no power is.
    if (!plan.ok() || !is_float(plan->held) || plan->target == Target::kPower)
      return all_layouts(node, Layout::kLinear);
    return follow_input(graph, node);
  }
  [[nodiscard]] int in_place_input(const graph::Graph&, const graph::Node&) const override { return 0; }

  Status emit(Emitter& emitter) const override {
    const Operand in = emitter.input(0), out = emitter.output(0);
    TARSIER_TRY(const CastPlan plan, cast_plan(emitter.node()));
    struct Push {
      uint64_t source, target;
      uint32_t count, integer_bits, is_signed, power_mode, saturate;
      graph::FloatRounding rounding;
    } push{};
    TARSIER_TRY(push.source, input_address(emitter, 0, in.value->layout, half_flag(*in.value) != 0));
    push.target = out.address;
    push.integer_bits = plan.bits;
    push.is_signed = graph::integer_range(plan.type).low < 0 ? 1 : 0;
    push.power_mode = uint32_t(plan.mode);
    push.saturate = plan.saturate ? 1 : 0;
    push.rounding = plan.rounding;
    enum : uint32_t { kWords = 0, kGroups = 1, kWordsTail = 2 };
    uint32_t mode = kGroups, items;
    if (is_c4(out)) {
      const Nchw d(out.value->desc.shape);
      items = push.count = uint32_t(d.n * d.groups() * d.plane());
    } else {
      push.count = uint32_t(graph::element_count(out.value->desc.shape));
      mode = push.count % 4 == 0 ? kWords : kWordsTail;
      items = (push.count + 3) / 4;
    }
    if (items == 0) return {};
    const Coverage lanes = cover(emitter.device(), items);
    const auto grid = flat_grid(items, lanes.per_group());
    emitter.dispatch(
        "kernels/cast.comp",
        {is_float(in.value->desc.dtype) ? 1U : 0U, uint32_t(plan.target), mode, half_flag(*in.value),
         half_flag(*out.value), lanes.width, lanes.per_lane, grid[1] > 1 ? 1U : lanes.guard},
        push, grid);
    return {};
  }

 protected:
  [[nodiscard]] Result<std::vector<TensorDesc>> shapes(const OpView& view) const override {
    TARSIER_TRY(const CastPlan plan, cast_plan(view.node()));
    return std::vector{TensorDesc{plan.held, view.shape(0)}};
  }
  Status compute(const OpView& view, std::vector<Tensor>& outputs) const override {
    TARSIER_TRY(const CastPlan plan, cast_plan(view.node()));
    if (is_float(plan.held)) {
      auto values = view.floats(0);
      if (plan.target == Target::kRounded)
        for (float& x : values) x = graph::rounded(x, plan.rounding);
      if (plan.target == Target::kPower)
        for (float& x : values) x = graph::rounded_to_power(x, plan.mode, plan.saturate);
      store(outputs[0], values);
      return {};
    }
    std::vector<int64_t> values;
    if (is_float(view.dtype(0))) {
      // The largest doubles below the ends of the range.
      const bool wide = plan.held == DType::kI64;
      const double low = wide ? -9223372036854775808.0 : -2147483648.0;
      const double high = wide ? 9223372036854774784.0 : 2147483647.0;
      for (const float x : view.floats(0)) {
        values.push_back(plan.target == Target::kBool ? int64_t(x != 0)
                         : std::isnan(x)              ? 0
                                                      : int64_t(std::clamp(double(x), low, high)));
      }
    } else {
      values = view.ints(0);
    }
    if (plan.target == Target::kInteger)
      for (int64_t& x : values) x = wrapped(x, plan);
    store(outputs[0], values);
    return {};
  }
};

/// Cast to the element type of the second operand, as far as the engine knows it: the importer turns the node
/// into a Cast where the file says the type.
class CastLike : public Composite {
 public:
  CastLike() : Composite("CastLike", 2, 2) {}

 protected:
  Status write_out(graph::NodeBuilder& builder) const override {
    builder.finish("Cast", {builder.input(0)}, {{"to", onnx_type(builder.desc(1).dtype)}});
    return {};
  }
};

}  // namespace

void register_cast(Registry& registry) {
  registry.add(std::make_unique<Cast>());
  registry.add(std::make_unique<CastLike>());
}

}  // namespace tarsier::kernels
