// Elementwise operators of one operand: activations, rounding, exp and friends, tests, bits. Shader
// unary.comp.
#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "core/number.hpp"
#include "kernels/post_ops.hpp"
#include "kernels/register.hpp"

namespace tarsier::kernels {
namespace {

/// Numbers that unary.comp knows the operations by (constant kOp).
enum class Op : uint32_t {
  kRelu,
  kClip,
  kLeakyRelu,
  kSigmoid,
  kSilu,
  kHardSigmoid,
  kHardSwish,
  kTanh,
  kGelu,
  kExp,
  kLog,
  kSqrt,
  kNeg,
  kAbs,
  kFloor,
  kCeil,
  kRound,
  kReciprocal,
  kErf,
  kSoftplus,
  kElu,
  kSign,
  kSelu,
  kSoftsign,
  kSin,
  kCos,
  kMish,
  kCelu,
  kThresholdedRelu,
  kGeluTanh,
  kNot,
  kAcos,
  kAcosh,
  kAsin,
  kAsinh,
  kAtan,
  kAtanh,
  kCosh,
  kSinh,
  kTan,
  kShrink,
  kSwish,
  kIsNaN,
  kIsInf,
  kBitwiseNot,
};

struct Parameters {
  float a = 0, b = 0;
};

float evaluate(Op op, float x, const Parameters& p) {
  switch (op) {
    case Op::kRelu:
      return x < 0 ? 0 : x;
    case Op::kClip:  // a NaN is passed on; the upper bound wins over a lower one above it
      return x > p.b || p.a > p.b ? (std::isnan(x) ? x : p.b) : x < p.a ? p.a : x;
    case Op::kLeakyRelu:
      return x < 0 ? p.a * x : x;
    case Op::kSigmoid:
      return 1.0F / (1.0F + std::exp(-x));
    case Op::kSilu:
      return x / (1.0F + std::exp(-x));
    case Op::kHardSigmoid:
      return std::clamp(p.a * x + p.b, 0.0F, 1.0F);
    case Op::kHardSwish:
      return x * std::clamp(x / 6.0F + 0.5F, 0.0F, 1.0F);
    case Op::kTanh:
      return std::tanh(x);
    case Op::kGelu:
      return 0.5F * x * (1.0F + std::erf(x * 0.70710678F));
    case Op::kGeluTanh:
      return 0.5F * x * (1.0F + std::tanh(0.79788456F * (x + 0.044715F * x * x * x)));
    case Op::kExp:
      return std::exp(x);
    case Op::kLog:
      return std::log(x);
    case Op::kSqrt:
      return std::sqrt(x);
    case Op::kNeg:
      return -x;
    case Op::kAbs:
      return std::fabs(x);
    case Op::kFloor:
      return std::floor(x);
    case Op::kCeil:
      return std::ceil(x);
    case Op::kRound:
      return std::nearbyint(x);  // ties to even in the default mode
    case Op::kReciprocal:
      return 1.0F / x;
    case Op::kErf:
      return std::erf(x);
    case Op::kSoftplus:
      return std::max(x, 0.0F) + std::log1p(std::exp(-std::fabs(x)));
    case Op::kElu:
      return x < 0 ? p.a * std::expm1(x) : x;
    case Op::kSign:
      return x > 0 ? 1.0F : x < 0 ? -1.0F : std::isnan(x) ? x : 0.0F;
    case Op::kSelu:
      return x > 0 ? p.b * x : p.b * p.a * std::expm1(x);
    case Op::kSoftsign:
      return x / (1.0F + std::fabs(x));
    case Op::kSin:
      return std::sin(x);
    case Op::kCos:
      return std::cos(x);
    case Op::kMish:
      return x * std::tanh(std::max(x, 0.0F) + std::log1p(std::exp(-std::fabs(x))));
    case Op::kCelu:
      return std::max(x, 0.0F) + std::min(0.0F, p.a * std::expm1(x / p.a));
    case Op::kThresholdedRelu:
      return x > p.a ? x : 0.0F;
    case Op::kAcos:
      return std::acos(x);
    case Op::kAcosh:
      return std::acosh(x);
    case Op::kAsin:
      return std::asin(x);
    case Op::kAsinh:
      return std::asinh(x);
    case Op::kAtan:
      return std::atan(x);
    case Op::kAtanh:
      return std::atanh(x);
    case Op::kCosh:
      return std::cosh(x);
    case Op::kSinh:
      return std::sinh(x);
    case Op::kTan:
      return std::tan(x);
    case Op::kShrink:
      return x < -p.a ? x + p.b : x > p.a ? x - p.b : 0.0F;
    case Op::kSwish:
      return x / (1.0F + std::exp(-p.a * x));
    case Op::kIsNaN:
      return std::isnan(x) ? 1.0F : 0.0F;
    case Op::kIsInf:
      return std::isinf(x) && (x > 0 ? p.b : p.a) != 0 ? 1.0F : 0.0F;
    default:
      return x;
  }
}

int64_t evaluate(Op op, int64_t x, int64_t a, int64_t b) {
  switch (op) {
    case Op::kRelu:
      return std::max<int64_t>(x, 0);
    case Op::kClip:
      return std::min(std::max(x, a), b);
    case Op::kNeg:
      return -x;
    case Op::kAbs:
      return std::abs(x);
    case Op::kSign:
      return (x > 0) - (x < 0);
    case Op::kNot:
      return x == 0 ? 1 : 0;
    case Op::kBitwiseNot:
      return ~x;
    default:
      return x;
  }
}

bool works_on_integers(Op op) {
  return op == Op::kRelu || op == Op::kClip || op == Op::kNeg || op == Op::kAbs || op == Op::kSign ||
         op == Op::kNot || op == Op::kBitwiseNot || op == Op::kShrink;
}

/// Element types as unary.comp knows them (constant kElements). Narrow integers wrap around.
enum : uint32_t { kReal = 0, kWord = 1, kUnsigned8 = 2, kSigned8 = 3, kSigned16 = 4 };

uint32_t kind_of(DType type) {
  if (is_float(type)) return kReal;
  return type == DType::kU8    ? kUnsigned8
         : type == DType::kI8  ? kSigned8
         : type == DType::kI16 ? kSigned16
                               : kWord;
}

struct Push {
  uint64_t input, output;
  uint32_t count;  // words (kLinear) or groups (kC4) in all; groups of one plane with kLayout = 2
  uint32_t groups, channels;
  uint32_t a, b;  // bits of the parameters in the element type
  uint32_t reserved = 0;
  PostPush post;
};

/// Layout numbers of unary.comp.
enum : uint32_t { kFlatWords = 0, kFlatGroups = 1, kPlanes = 2, kFlatWordsTail = 3 };

class Unary : public Operator {
 public:
  Unary(std::string op_name, Op op, float a = 0, float b = 0)
      : Operator(std::move(op_name), 1, op == Op::kClip ? 3 : 1), op_(op), a_(a), b_(b) {
    needs_values({1, 2});
  }

  [[nodiscard]] LayoutChoice layouts(const graph::Graph& graph, const graph::Node& node) const override {
    LayoutChoice choice = follow_input(graph, node);
    if (!can_be_c4(graph.value(node.outputs[0]).desc)) return all_layouts(node, Layout::kLinear);
    for (size_t i = 1; i < choice.inputs.size(); ++i) choice.inputs[i] = Layout::kLinear;
    return choice;
  }
  [[nodiscard]] bool accepts(const graph::Graph& graph, const graph::Node& node,
                             const graph::PostOp& post) const override {
    return accepts_pointwise(graph, node, post);
  }
  [[nodiscard]] int in_place_input(const graph::Graph&, const graph::Node&) const override { return 0; }

  Status emit(Emitter& emitter) const override {
    const Operand in = emitter.input(0), out = emitter.output(0);
    const OpView view(emitter.graph(), emitter.node());
    const Op op = operation(view);
    const bool integer = !is_float(view.dtype(0)) && op != Op::kShrink;
    TARSIER_TRY(const PostSetup post, setup_post_ops(emitter));
    TARSIER_TRY(const uint64_t input, input_address(emitter, 0, in.value->layout, half_flag(*in.value) != 0));
    Push push{};
    push.input = input;
    push.output = out.address;
    push.post = post.push;
    float at_zero = 0;
    if (integer) {
      const auto [low, high] = integer_bounds(view);
      push.a = uint32_t(int32_t(std::clamp<int64_t>(low, INT32_MIN, INT32_MAX)));
      push.b = uint32_t(int32_t(std::clamp<int64_t>(high, INT32_MIN, INT32_MAX)));
    } else {
      const Parameters p = parameters(view);
      push.a = std::bit_cast<uint32_t>(p.a);
      push.b = std::bit_cast<uint32_t>(p.b);
      at_zero = evaluate(op, 0.0F, p);
    }
    uint32_t mode = kFlatWords;
    std::array<uint32_t, 3> grid{};
    Coverage lanes;
    if (is_c4(out)) {
      const Nchw d(out.value->desc.shape);
      const bool mask = d.c % 4 != 0 && moves_zero(emitter.node(), at_zero);
      mode = mask ? kPlanes : kFlatGroups;
      push.groups = uint32_t(d.groups());
      push.channels = uint32_t(d.c);
      const auto planes = uint32_t(d.n * d.groups());
      push.count = mask ? uint32_t(d.plane()) : planes * uint32_t(d.plane());
      lanes = cover(emitter.device(), push.count);
      grid = mask ? std::array{(push.count + lanes.per_group() - 1) / lanes.per_group(), planes, 1U}
                  : flat_grid(push.count, lanes.per_group());
    } else {
      push.count = uint32_t(graph::element_count(out.value->desc.shape));
      if (push.count == 0) return {};
      mode = push.count % 4 == 0 ? kFlatWords : kFlatWordsTail;
      lanes = cover(emitter.device(), (push.count + 3) / 4);
      grid = flat_grid((push.count + 3) / 4, lanes.per_group());
    }
    emitter.dispatch("kernels/unary.comp",
                     {post.kinds[0], post.kinds[1], uint32_t(op), kind_of(view.dtype(0)), mode,
                      half_flag(*in.value), half_flag(*out.value), lanes.width, lanes.per_lane,
                      grid[1] > 1 && mode != kPlanes ? 1U : lanes.guard},
                     push, grid);
    return {};
  }

 protected:
  [[nodiscard]] Op operation(const OpView& view) const {
    if (op_ == Op::kGelu && view.node().text("approximate", "none") == "tanh") return Op::kGeluTanh;
    return op_;
  }
  [[nodiscard]] Result<std::vector<TensorDesc>> shapes(const OpView& view) const override {
    TARSIER_CHECK(are_single(view, {1, 2}));
    if (!is_float(view.dtype(0)) && !works_on_integers(op_)) {
      return input_error("{} of {} is not defined", name, graph::name_of(view.dtype(0)));
    }
    if ((op_ == Op::kNot || op_ == Op::kBitwiseNot) && is_float(view.dtype(0))) {
      return input_error("{} of {} is not defined", name, graph::name_of(view.dtype(0)));
    }
    if (op_ == Op::kIsNaN || op_ == Op::kIsInf) return std::vector{TensorDesc{DType::kBool, view.shape(0)}};
    return std::vector{view.desc(0)};
  }
  [[nodiscard]] Status supported(const OpView& view) const override {
    for (size_t i = 1; i < view.input_count(); ++i) {
      if (view.has(i) && view.data(i) == nullptr) {
        return input_error("a bound that is computed at run time (constants only)");
      }
    }
    return {};
  }
  Status compute(const OpView& view, std::vector<Tensor>& outputs) const override {
    if (is_float(view.dtype(0))) {
      auto values = view.floats(0);
      const Parameters p = parameters(view);
      const Op op = operation(view);
      for (float& x : values) x = evaluate(op, x, p);
      store(outputs[0], values);
    } else {
      auto values = view.ints(0);
      const auto [low, high] = integer_bounds(view);
      const Parameters p = parameters(view);
      for (int64_t& x : values) {
        x = op_ == Op::kShrink ? number_cast<int64_t>(evaluate(op_, float(x), p))
                               : evaluate(op_, x, low, high);
      }
      store(outputs[0], values);
    }
    return {};
  }

  [[nodiscard]] Parameters parameters(const OpView& view) const {
    const graph::Node& node = view.node();
    constexpr float kInf = std::numeric_limits<float>::infinity();
    switch (op_) {
      case Op::kClip:
        return {view.has(1) ? view.floats(1)[0] : node.real("min", -kInf),
                view.has(2) ? view.floats(2)[0] : node.real("max", kInf)};
      case Op::kShrink:
        return {node.real("lambd", a_), node.real("bias", b_)};
      case Op::kIsInf:
        return {float(node.integer("detect_negative", 1)), float(node.integer("detect_positive", 1))};
      case Op::kHardSigmoid:
        return {node.real("alpha", a_), node.real("beta", b_)};
      case Op::kSelu:
        return {node.real("alpha", a_), node.real("gamma", b_)};
      default:
        return {node.real("alpha", a_), b_};
    }
  }

 private:
  [[nodiscard]] std::pair<int64_t, int64_t> integer_bounds(const OpView& view) const {
    if (op_ != Op::kClip) return {0, 0};
    return {view.has(1) ? view.ints(1)[0] : INT64_MIN, view.has(2) ? view.ints(2)[0] : INT64_MAX};
  }

  Op op_;
  float a_, b_;
};

}  // namespace

void register_unary(Registry& registry) {
  struct Row {
    const char* name;
    Op op;
    float a = 0, b = 0;
  };
  constexpr Row kRows[] = {
      {"Relu", Op::kRelu},
      {"Clip", Op::kClip},
      {"LeakyRelu", Op::kLeakyRelu, 0.01F},
      {"Sigmoid", Op::kSigmoid},
      {"Silu", Op::kSilu},
      {"HardSigmoid", Op::kHardSigmoid, 0.2F, 0.5F},
      {"HardSwish", Op::kHardSwish},
      {"Tanh", Op::kTanh},
      {"Gelu", Op::kGelu},
      {"Exp", Op::kExp},
      {"Log", Op::kLog},
      {"Sqrt", Op::kSqrt},
      {"Neg", Op::kNeg},
      {"Abs", Op::kAbs},
      {"Floor", Op::kFloor},
      {"Ceil", Op::kCeil},
      {"Round", Op::kRound},
      {"Reciprocal", Op::kReciprocal},
      {"Erf", Op::kErf},
      {"Softplus", Op::kSoftplus},
      {"Elu", Op::kElu, 1.0F},
      {"Sign", Op::kSign},
      {"Selu", Op::kSelu, 1.67326319F, 1.05070102F},
      {"Softsign", Op::kSoftsign},
      {"Sin", Op::kSin},
      {"Cos", Op::kCos},
      {"Mish", Op::kMish},
      {"Celu", Op::kCelu, 1.0F},
      {"ThresholdedRelu", Op::kThresholdedRelu, 1.0F},
      {"Not", Op::kNot},
      {"Acos", Op::kAcos},
      {"Acosh", Op::kAcosh},
      {"Asin", Op::kAsin},
      {"Asinh", Op::kAsinh},
      {"Atan", Op::kAtan},
      {"Atanh", Op::kAtanh},
      {"Cosh", Op::kCosh},
      {"Sinh", Op::kSinh},
      {"Tan", Op::kTan},
      {"Shrink", Op::kShrink, 0.5F},
      {"Swish", Op::kSwish, 1.0F},
      {"IsNaN", Op::kIsNaN},
      {"IsInf", Op::kIsInf},
      {"BitwiseNot", Op::kBitwiseNot},
  };
  for (const Row& row : kRows) registry.add(std::make_unique<Unary>(row.name, row.op, row.a, row.b));
}

}  // namespace tarsier::kernels
