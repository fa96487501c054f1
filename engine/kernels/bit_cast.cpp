// BitCast: the bits of an element read as another type of the same width. Shader bit_cast.comp. What the
// engine holds with fewer digits than the file (double) or without its bits (float8) is refused.
#include <algorithm>
#include <bit>

#include "core/half.hpp"
#include "kernels/operator.hpp"
#include "kernels/register.hpp"

namespace tarsier::kernels {
namespace {

using graph::ElementType;

/// How bits become the engine's word; numbers of bit_cast.comp.
enum class Form : uint32_t { kWord = 0, kHalf = 1, kBfloat16 = 2, kInteger = 3 };

struct BitCastPlan {
  ElementType from = ElementType::kFloat, to = ElementType::kFloat;
  Form read = Form::kWord, write = Form::kWord;
  uint32_t bits = 32;
};

Result<Form> form_of(ElementType type) {
  if (type == ElementType::kFloat) return Form::kWord;
  if (type == ElementType::kFloat16) return Form::kHalf;
  if (type == ElementType::kBfloat16) return Form::kBfloat16;
  const auto held = dtype_of_onnx(int64_t(type));
  if (!held.ok() || is_float(*held)) return input_error("element type {}", int64_t(type));
  return Form::kInteger;
}

/// The importer notes the file's type of the operand (`from`).
Result<BitCastPlan> bit_cast_plan(const OpView& view) {
  if (!view.node().has("to")) return input_error("attribute 'to' is missing");
  BitCastPlan plan;
  plan.from = static_cast<ElementType>(view.node().integer("from", onnx_type(view.dtype(0))));
  plan.to = static_cast<ElementType>(view.node().integer("to", 0));
  TARSIER_TRY(plan.read, form_of(plan.from));
  TARSIER_TRY(plan.write, form_of(plan.to));
  TARSIER_TRY(const DType held, dtype_of_onnx(int64_t(plan.from)));
  plan.bits = graph::element_bits(plan.from);
  if (held != view.dtype(0)) return input_error("from={}", int64_t(plan.from));
  if (plan.bits != graph::element_bits(plan.to))
    return input_error("{} bits read as {}", plan.bits, graph::element_bits(plan.to));
  return plan;
}

class BitCast : public Operator {
 public:
  BitCast() : Operator("BitCast", 1, 1) {}

  [[nodiscard]] int in_place_input(const graph::Graph&, const graph::Node&) const override { return 0; }
  Status emit(Emitter& emitter) const override {
    const OpView view(emitter.graph(), emitter.node());
    TARSIER_TRY(const BitCastPlan plan, bit_cast_plan(view));
    struct Push {
      uint64_t source, target;
      uint32_t count, bits, is_signed, reserved;
    } push{};
    TARSIER_TRY(push.source, input_address(emitter, 0, Layout::kLinear, false));
    push.target = emitter.output(0).address;
    push.count = uint32_t(graph::element_count(view.shape(0)));
    push.bits = std::min(plan.bits, 32U);
    push.is_signed = graph::integer_range(plan.to).low < 0 ? 1 : 0;
    if (push.count == 0) return {};
    emitter.dispatch("kernels/bit_cast.comp", {uint32_t(plan.read), uint32_t(plan.write)}, push,
                     flat_grid(push.count, kLocalSize));
    return {};
  }

 protected:
  [[nodiscard]] Result<std::vector<TensorDesc>> shapes(const OpView& view) const override {
    TARSIER_TRY(const BitCastPlan plan, bit_cast_plan(view));
    TARSIER_TRY(const DType held, dtype_of_onnx(int64_t(plan.to)));
    return std::vector{TensorDesc{held, view.shape(0)}};
  }
  Status compute(const OpView& view, std::vector<Tensor>& outputs) const override {
    TARSIER_TRY(const BitCastPlan plan, bit_cast_plan(view));
    const auto count = size_t(outputs[0].size());
    std::vector<int64_t> bits;
    if (is_float(view.dtype(0))) {
      for (const float x : view.floats(0)) bits.push_back(bits_of(x, plan.read));
    } else {
      bits = view.ints(0);
    }
    if (is_float(outputs[0].dtype())) {
      std::vector<float> values(count);
      for (size_t i = 0; i < count; ++i) values[i] = value_of(uint32_t(bits[i]), plan.write);
      store(outputs[0], values);
      return {};
    }
    if (plan.bits < 64) {
      const int64_t span = int64_t{1} << plan.bits;
      for (int64_t& x : bits) {
        x &= span - 1;
        if (graph::integer_range(plan.to).low < 0 && x >= span / 2) x -= span;
      }
    }
    store(outputs[0], bits);
    return {};
  }

 private:
  static uint32_t bits_of(float x, Form form) {
    const auto word = std::bit_cast<uint32_t>(x);
    return form == Form::kHalf ? float_to_half(x) : form == Form::kBfloat16 ? word >> 16U : word;
  }
  static float value_of(uint32_t bits, Form form) {
    if (form == Form::kHalf) return half_to_float(uint16_t(bits));
    return std::bit_cast<float>(form == Form::kBfloat16 ? bits << 16U : bits);
  }
};

}  // namespace

void register_bit_cast(Registry& registry) {
  registry.add(std::make_unique<BitCast>());
}

}  // namespace tarsier::kernels
