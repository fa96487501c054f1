// Elementwise operators of two operands with ONNX broadcasting, PRelu among them. Shader binary.comp.
#include <algorithm>
#include <cmath>

#include "kernels/nd_index.hpp"
#include "kernels/post_ops.hpp"
#include "kernels/register.hpp"

namespace tarsier::kernels {
namespace {

/// Numbers that binary.comp knows the operations by (constant kOp).
enum class Op : uint32_t {
  kAdd,
  kSub,
  kMul,
  kDiv,
  kFloorDiv,
  kMod,
  kFmod,
  kMin,
  kMax,
  kPow,
  kPRelu,
  kShiftLeft,
  kShiftRight,
  kBitAnd,
  kBitOr,
  kBitXor,
  kEqual,
  kLess,
  kGreater,
  kLessOrEqual,
  kGreaterOrEqual,
  kAnd,
  kOr,
  kXor,
};

bool gives_bool(Op op) {
  return op >= Op::kEqual;
}

template <class T>
T remainder_of(T a, T b) {  // sign of the divisor, as Python's
  if constexpr (std::is_integral_v<T>) {
    if (b == 0 || b == -1) return 0;  // the quotient of the least number and -1 overflows
    const T r = a % b;
    return r != 0 && (r < 0) != (b < 0) ? r + b : r;
  } else {
    const T r = std::fmod(a, b);
    if (r == 0) return std::copysign(r, b);
    return (r < 0) != (b < 0) ? r + b : r;
  }
}

/// C's truncating remainder, for either element type.
template <class T>
T truncated_remainder(T a, T b) {
  if constexpr (std::is_integral_v<T>) {
    return b == 0 || b == -1 ? 0 : a % b;
  } else {
    return std::fmod(a, b);
  }
}

template <class T>
T quotient(T a, T b, bool floor) {
  if constexpr (std::is_integral_v<T>) {
    if (b == 0) return 0;
    if (b == -1) return T(0 - uint64_t(a));  // wraps around
    const T q = a / b;
    return floor && a % b != 0 && (a < 0) != (b < 0) ? q - 1 : q;
  } else {
    return floor ? std::floor(a / b) : a / b;
  }
}

int64_t power(int64_t a, int64_t b) {  // wraps around
  if (b < 0) return a == 1 ? 1 : a == -1 ? (b % 2 != 0 ? -1 : 1) : 0;
  uint64_t result = 1, base = uint64_t(a);
  for (auto e = uint64_t(b); e != 0; e >>= 1U, base *= base) {
    if ((e & 1U) != 0) result *= base;
  }
  return int64_t(result);
}
float power(float a, float b) {
  return std::pow(a, b);
}

/// Minimum and maximum that pass on a NaN of either side, as numpy's.
template <class T>
T extremum(T a, T b, bool greatest) {
  if constexpr (!std::is_integral_v<T>) {
    if (std::isnan(a) || std::isnan(b)) return a + b;
  }
  return greatest ? std::max(a, b) : std::min(a, b);
}

/// Nothing, or the sign, is left after a shift by the width or more; a negative shift is one by very much.
int64_t shifted(int64_t a, int64_t b, bool left) {
  const bool all = b < 0 || b > 63;
  if (left) return all ? 0 : int64_t(uint64_t(a) << uint64_t(b));
  return a >> (all ? 63 : b);
}

template <class T>
T evaluate(Op op, T a, T b) {
  if constexpr (std::is_integral_v<T>) {
    switch (op) {
      case Op::kAdd:  // as unsigned: signed overflow is undefined
        return T(uint64_t(a) + uint64_t(b));
      case Op::kSub:
        return T(uint64_t(a) - uint64_t(b));
      case Op::kMul:
        return T(uint64_t(a) * uint64_t(b));
      case Op::kShiftLeft:
        return shifted(a, b, true);
      case Op::kShiftRight:
        return shifted(a, b, false);
      case Op::kBitAnd:
        return a & b;
      case Op::kBitOr:
        return a | b;
      case Op::kBitXor:
        return a ^ b;
      default:
        break;
    }
  }
  switch (op) {
    case Op::kAdd:
      return a + b;
    case Op::kSub:
      return a - b;
    case Op::kMul:
      return a * b;
    case Op::kDiv:
      return quotient(a, b, false);
    case Op::kFloorDiv:
      return quotient(a, b, true);
    case Op::kMod:
      return remainder_of(a, b);
    case Op::kFmod:
      return truncated_remainder(a, b);
    case Op::kMin:
      return extremum(a, b, false);
    case Op::kMax:
      return extremum(a, b, true);
    case Op::kPow:
      return power(a, b);
    case Op::kPRelu:
      return a < 0 ? a * b : a;
    case Op::kEqual:
      return static_cast<T>(a == b);
    case Op::kLess:
      return static_cast<T>(a < b);
    case Op::kGreater:
      return static_cast<T>(a > b);
    case Op::kLessOrEqual:
      return static_cast<T>(a <= b);
    case Op::kGreaterOrEqual:
      return static_cast<T>(a >= b);
    case Op::kAnd:
      return static_cast<T>(a != 0 && b != 0);
    case Op::kOr:
      return static_cast<T>(a != 0 || b != 0);
    case Op::kXor:
      return static_cast<T>((a != 0) != (b != 0));
    default:
      return a;
  }
}

struct Push {
  uint64_t a, b, output, table;
  uint32_t count;             // elements or groups in all; of one plane with kPlanes
  uint32_t groups, channels;  // of the output
  uint32_t step_a, step_b;    // per element (kFlat*) or per pixel (kPlanes)
  uint32_t batch_a, batch_b;  // groups from one image to the next
  uint32_t plane_a, plane_b;  // groups from one channel group to the next
  uint32_t splat;             // bit 0 / 1: operand a / b has one channel for all
  PostPush post;
};
static_assert(sizeof(Push) <= 128);

/// Element types as binary.comp knows them (constant kInteger). Narrow integers wrap around.
uint32_t kind_of(DType type) {
  if (is_float(type)) return 0;
  return type == DType::kU8 ? 2 : type == DType::kI8 ? 3 : type == DType::kI16 ? 4 : 1;
}
constexpr uint32_t kMixed =
    8;  // the right operand is of the other kind: integers for real numbers or reverse

bool is_bitwise(Op op) {
  return op >= Op::kShiftLeft && op <= Op::kBitXor;
}

enum : uint32_t { kFlatWords = 0, kFlatGroups = 1, kPlanes = 2, kFlatWordsTail = 3, kBroadcastWords = 4 };

class Binary : public Operator {
 public:
  Binary(std::string op_name, Op op, size_t max_inputs = 2)
      : Operator(std::move(op_name), max_inputs > 2 ? 1 : 2, max_inputs), op_(op) {}

  [[nodiscard]] LayoutChoice layouts(const graph::Graph& graph, const graph::Node& node) const override {
    const TensorDesc& out = graph.value(node.outputs[0]).desc;
    bool any_c4 = false;
    bool fits = can_be_c4(out) && node.inputs.size() == 2;
    for (const auto id : node.inputs) {
      const graph::Value& value = graph.value(id);
      fits = fits && is_float(value.desc.dtype) && fits_c4(value.desc.shape, out.shape) &&
             (value.constant || value.desc.shape.size() == 4);
      // A [N,C,1,1] operand decides nothing: both layouts of it are the same few numbers.
      any_c4 = any_c4 || (!value.constant && value.layout == Layout::kC4 && value.desc.shape == out.shape);
    }
    return all_layouts(node, (fits && any_c4) || needs_groups(node) ? Layout::kC4 : Layout::kLinear);
  }
  [[nodiscard]] bool accepts(const graph::Graph& graph, const graph::Node& node,
                             const graph::PostOp& post) const override {
    if (node.inputs.size() != 2 || gives_bool(op_)) return false;
    if (accepts_pointwise(graph, node, post)) return true;
    const Shape& out = graph.shape(node.outputs[0]);
    const bool fits = std::all_of(node.inputs.begin(), node.inputs.end(), [&](graph::ValueId id) {
      const graph::Value& value = graph.value(id);
      return is_float(value.desc.dtype) && fits_c4(value.desc.shape, out) &&
             (value.constant || value.desc.shape.size() == 4);
    });
    return out.size() == 4 && fits && accepts_in_groups(graph, node, post);
  }
  [[nodiscard]] int in_place_input(const graph::Graph& graph, const graph::Node& node) const override {
    // Variadic chains read later inputs after the first write.
    if (node.inputs.size() != 2) return -1;
    for (int i = 0; i < 2; ++i) {
      const auto id = node.inputs[size_t(i)];
      if (graph.constant(id) == nullptr && graph.shape(id) == graph.shape(node.outputs[0])) return i;
    }
    return -1;
  }

  Status emit(Emitter& emitter) const override {
    const Operand out = emitter.output(0);
    const OpView view(emitter.graph(), emitter.node());
    if (graph::element_count(out.value->desc.shape) == 0) return {};
    const size_t count = emitter.node().inputs.size();
    if (count == 1) return emit_pair(emitter, view, 0, 0, false);  // min(x, x) = x
    TARSIER_CHECK(emit_pair(emitter, view, 0, 1, false));
    for (size_t i = 2; i < count; ++i) TARSIER_CHECK(emit_pair(emitter, view, SIZE_MAX, i, true));
    return {};
  }

 protected:
  [[nodiscard]] Result<std::vector<TensorDesc>> shapes(const OpView& view) const override {
    Shape shape = view.shape(0);
    for (size_t i = 1; i < view.input_count(); ++i) {
      if (!view.has(i)) return input_error("input {} is missing", i);
      TARSIER_TRY(shape, op_ == Op::kPRelu ? prelu_shape(view) : broadcast(shape, view.shape(i)));
      if (is_float(view.dtype(i)) != is_float(view.dtype(0)) && op_ != Op::kPow) {
        return input_error("element types {} and {} differ", graph::name_of(view.dtype(0)),
                           graph::name_of(view.dtype(i)));
      }
    }
    if (is_bitwise(op_) && is_float(view.dtype(0))) {
      return input_error("{} of {} is not defined", name, graph::name_of(view.dtype(0)));
    }
    return std::vector{TensorDesc{gives_bool(op_) ? DType::kBool : view.dtype(0), shape}};
  }
  [[nodiscard]] Status supported(const OpView& view) const override {
    const auto out = shapes(view);
    if (view.input_count() > 2) {
      for (size_t i = 0; i < view.input_count(); ++i) {
        if (view.shape(i) != (*out)[0].shape) return input_error("more than two operands that broadcast");
      }
    }
    return {};
  }
  Status compute(const OpView& view, std::vector<Tensor>& outputs) const override {
    if (is_float(view.dtype(0))) return compute_as<float>(view, outputs[0]);
    if (op_ == Op::kPow && is_float(view.dtype(1))) {
      // Real powers of integers, cut towards zero.
      Tensor real(TensorDesc{DType::kF32, outputs[0].shape()});
      TARSIER_CHECK(compute_as<float>(view, real));
      auto powers = real.to_floats();
      for (float& x : powers) x = std::isfinite(x) ? std::clamp(x, -2147483648.0F, 2147483520.0F) : 0;
      store(outputs[0], std::vector<int64_t>(powers.begin(), powers.end()));
      return {};
    }
    return compute_as<int64_t>(view, outputs[0]);
  }

 private:
  /// Broadcasts that kPlanes walks: each axis group (N), (C), (H, W) is whole or 1.
  static bool fits_c4(const Shape& shape, const Shape& out) {
    if (shape.size() > 4 || out.size() != 4) return false;
    const Shape s = pad_rank(shape, 4);
    const bool pixels = (s[2] == out[2] && s[3] == out[3]) || (s[2] == 1 && s[3] == 1);
    return pixels && (s[0] == out[0] || s[0] == 1) && (s[1] == out[1] || s[1] == 1);
  }
  static Result<Shape> prelu_shape(const OpView& view) {
    TARSIER_TRY(Shape shape, broadcast(view.shape(0), view.shape(1)));
    if (shape != view.shape(0)) return input_error("the slope has more elements than the input");
    return shape;
  }
  [[nodiscard]] Op operation(const graph::Node& node) const {
    if (op_ == Op::kShiftLeft && node.text("direction", "LEFT") == "RIGHT") return Op::kShiftRight;
    return op_ == Op::kMod && node.integer("fmod", 0) != 0 ? Op::kFmod : op_;
  }

  template <class T>
  Status compute_as(const OpView& view, Tensor& output) const {
    const auto load = [&](size_t i) {
      if constexpr (std::is_same_v<T, float>) {
        return view.floats(i);
      } else {
        return view.ints(i);
      }
    };
    const Op op = operation(view.node());
    std::vector<T> left = load(0);
    Shape shape = view.shape(0);
    if (view.input_count() == 1) {
      store(output, left);
      return {};
    }
    for (size_t i = 1; i < view.input_count(); ++i) {
      const std::vector<T> right = load(i);
      TARSIER_TRY(const Shape next, broadcast(shape, view.shape(i)));
      std::vector<T> result(size_t(graph::element_count(next)));
      for_each_index<2>(next, {broadcast_strides(shape, next), broadcast_strides(view.shape(i), next)},
                        [&](int64_t at, const auto& offset) {
                          result[size_t(at)] =
                              evaluate<T>(op, left[size_t(offset[0])], right[size_t(offset[1])]);
                        });
      left = std::move(result);
      shape = next;
    }
    store(output, left);
    return {};
  }

  /// output = op(left, right), where left SIZE_MAX is the output itself (variadic chains).
  Status emit_pair(Emitter& emitter, const OpView& view, size_t left, size_t right, bool after) const {
    const Operand out = emitter.output(0);
    const Shape& shape = out.value->desc.shape;
    const Op op = operation(emitter.node());
    const bool c4 = is_c4(out);
    const auto half_of = [&](size_t i) {
      if (i == SIZE_MAX) return half_flag(*out.value);
      const graph::Value& value = emitter.graph().value(emitter.node().inputs[i]);
      return value.constant ? (c4 ? half_flag(*out.value) : 0U) : half_flag(value);
    };
    TARSIER_TRY(const PostSetup post, setup_post_ops(emitter));
    Push push{};
    push.output = out.address;
    push.post = post.push;
    const Layout layout = out.value->layout;
    if (left == SIZE_MAX) {
      push.a = out.address;
    } else {
      TARSIER_TRY(push.a, input_address(emitter, left, layout, half_of(left) != 0));
    }
    TARSIER_TRY(push.b, input_address(emitter, right, layout, half_of(right) != 0));
    const Shape& sa = left == SIZE_MAX ? shape : view.shape(left);
    const Shape& sb = view.shape(right);
    uint32_t mode = 0, rank = 1;
    std::array<uint32_t, 3> grid{};
    Coverage lanes = cover(emitter.device(), 1);
    if (c4) {
      const Nchw d(shape);
      push.groups = uint32_t(d.groups());
      push.channels = uint32_t(d.c);
      const auto planes = uint32_t(d.n * d.groups());
      // 0 op 0 may be NaN (Div, Mod) or one (Pow): padding channels are then masked.
      const float zero = evaluate<float>(op, 0.0F, 0.0F);
      const bool mask = d.c % 4 != 0 && moves_zero(emitter.node(), zero);
      const bool flat = !mask && sa == shape && sb == shape && !needs_planes(emitter.node());
      mode = flat ? kFlatGroups : kPlanes;
      if (flat) {
        push.count = planes * uint32_t(d.plane());
        push.step_a = push.step_b = 1;
        lanes = cover(emitter.device(), push.count);
        grid = flat_grid(push.count, lanes.per_group());
      } else {
        push.count = uint32_t(d.plane());
        place(pad_rank(sa, 4), d, push.step_a, push.plane_a, push.batch_a, push.splat, 1);
        place(pad_rank(sb, 4), d, push.step_b, push.plane_b, push.batch_b, push.splat, 2);
        // A splat fills the padding channels too.
        if (mask || (d.c % 4 != 0 && push.splat != 0)) push.splat |= 4;
        lanes = cover(emitter.device(), push.count);
        grid = {(push.count + lanes.per_group() - 1) / lanes.per_group(), planes, 1};
      }
    } else {
      push.count = uint32_t(graph::element_count(shape));
      const bool one_a = graph::element_count(sa) == 1, one_b = graph::element_count(sb) == 1;
      const bool same_a = pad_rank(sa, shape.size()) == shape, same_b = pad_rank(sb, shape.size()) == shape;
      if ((same_a || one_a) && (same_b || one_b)) {
        push.step_a = same_a ? 1 : 0;
        push.step_b = same_b ? 1 : 0;
        mode = push.count % 4 == 0 ? kFlatWords : kFlatWordsTail;
        lanes = cover(emitter.device(), (push.count + 3) / 4);
        grid = flat_grid((push.count + 3) / 4, lanes.per_group());
      } else {
        const auto axes =
            collapse(nd_axes(shape, {broadcast_strides(sa, shape), broadcast_strides(sb, shape)}));
        if (axes.size() > 8) return runtime_error("a broadcast over more than 8 axes");
        TARSIER_TRY(const Weights table, emitter.upload(nd_table(axes)));
        push.table = table.address;
        rank = uint32_t(axes.size());
        mode = kBroadcastWords;
        lanes = cover(emitter.device(), push.count);
        grid = flat_grid(push.count, lanes.per_group());
      }
    }
    const uint32_t mixed = is_float(view.dtype(right)) == is_float(view.dtype(0)) ? 0 : kMixed;
    emitter.dispatch("kernels/binary.comp",
                     {post.kinds[0], post.kinds[1], uint32_t(op), kind_of(view.dtype(0)) | mixed, mode,
                      half_of(left), half_of(right), half_flag(*out.value), rank, lanes.width, lanes.per_lane,
                      grid[1] > 1 && mode != kPlanes ? 1U : lanes.guard},
                     push, grid, Dispatch::kNoWindow, after);
    return {};
  }

  /// Whether a post-op asks which channels it is given. A residual of the same shape does not.
  static bool needs_planes(const graph::Node& node) {
    return std::any_of(node.post.begin(), node.post.end(), [](const graph::PostOp& post) {
      return !is_pointwise(post) && post.kind != graph::PostOp::Kind::kAdd;
    });
  }
  /// Steps of a kC4 operand of shape `s` against the output.
  static void place(const Shape& s, const Nchw& out, uint32_t& step, uint32_t& plane, uint32_t& batch,
                    uint32_t& splat, uint32_t bit) {
    const auto pixels = uint32_t(s[2] * s[3]);
    step = pixels == 1 && out.plane() != 1 ? 0 : 1;
    plane = s[1] == 1 && out.c > 1 ? 0 : pixels;
    if (s[1] == 1 && out.c > 1) splat |= bit;
    batch = s[0] == 1 ? 0 : uint32_t((s[1] + 3) / 4) * pixels;
  }

  Op op_;
};

}  // namespace

void register_binary(Registry& registry) {
  const auto add = [&](const char* name, Op op, size_t max_inputs = 2) {
    registry.add(std::make_unique<Binary>(name, op, max_inputs));
  };
  constexpr size_t kAny = 64;
  add("Add", Op::kAdd);
  add("Sub", Op::kSub);
  add("Mul", Op::kMul);
  add("Div", Op::kDiv);
  add("FloorDiv", Op::kFloorDiv);
  add("Mod", Op::kMod);
  add("Min", Op::kMin, kAny);
  add("Max", Op::kMax, kAny);
  add("Sum", Op::kAdd, kAny);
  add("Pow", Op::kPow);
  add("PRelu", Op::kPRelu);
  add("BitShift", Op::kShiftLeft);
  add("BitwiseAnd", Op::kBitAnd);
  add("BitwiseOr", Op::kBitOr);
  add("BitwiseXor", Op::kBitXor);
  add("Equal", Op::kEqual);
  add("Less", Op::kLess);
  add("Greater", Op::kGreater);
  add("LessOrEqual", Op::kLessOrEqual);
  add("GreaterOrEqual", Op::kGreaterOrEqual);
  add("And", Op::kAnd);
  add("Or", Op::kOr);
  add("Xor", Op::kXor);
}

}  // namespace tarsier::kernels
