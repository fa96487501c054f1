// ReduceMean/Sum/Max/Min/Prod, norms and logarithms of sums over any axes, ArgMax/ArgMin, GlobalAveragePool,
// GlobalMaxPool. Over H and W of a kC4 tensor by global_pool.comp, otherwise by reduce.comp on row-major
// data.
#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "core/number.hpp"
#include "kernels/nd_index.hpp"
#include "kernels/post_ops.hpp"
#include "kernels/register.hpp"

namespace tarsier::kernels {
namespace {

/// Numbers that reduce.comp and global_pool.comp know the operations by.
enum class Op : uint32_t {
  kSum,
  kMean,
  kMax,
  kMin,
  kProd,
  kArgMax,
  kArgMin,
  kL2,
  kSumSquare,
  kL1,
  kLogSum,
  kLogSumExp,
};

bool is_arg(Op op) {
  return op == Op::kArgMax || op == Op::kArgMin;
}

bool is_max(Op op) {
  return op == Op::kMax || op == Op::kArgMax;
}
bool is_min(Op op) {
  return op == Op::kMin || op == Op::kArgMin;
}
/// Reductions that give real numbers: those of integers are cut towards zero.
bool is_real(Op op) {
  return op == Op::kMean || op == Op::kL2 || op == Op::kLogSum || op == Op::kLogSumExp;
}

/// Nested loops in which reduce.comp walks the reduced axes. Neighbours are one loop, so that four are enough
/// for every choice among eight axes.
constexpr size_t kLoops = 4;

/// Least and greatest numbers of an integer type as the device holds it.
std::pair<int64_t, int64_t> range_of(DType type) {
  switch (type) {
    case DType::kBool:
      return {0, 1};
    case DType::kU8:
      return {0, 255};
    case DType::kI8:
      return {-128, 127};
    case DType::kI16:
      return {-32768, 32767};
    default:
      return {INT32_MIN, INT32_MAX};
  }
}

/// What a reduction over nothing gives, and where one over something starts.
template <class T>
T start_of(Op op, DType type) {
  constexpr double kInf = std::numeric_limits<double>::infinity();
  if (op == Op::kProd) return 1;
  if constexpr (std::is_integral_v<T>) {
    if (is_max(op)) return range_of(type).first;
    if (is_min(op)) return range_of(type).second;
  } else {
    if (is_max(op) || op == Op::kLogSumExp) return T(-kInf);
    if (is_min(op)) return T(kInf);
  }
  return 0;
}

/// One output element on its way. T is double, or int64_t for sums and extrema of integers.
template <class T>
struct Accumulator {
  T value;
  double scaled_sum = 0;  // kLogSumExp: the sum of exp(x - value), value the greatest x so far
  int64_t seen = 0, at = 0;

  void add(Op op, T x, bool last) {
    switch (op) {
      case Op::kSum:
      case Op::kMean:
      case Op::kLogSum:
        value += x;
        break;
      case Op::kL2:
      case Op::kSumSquare:
        value += x * x;
        break;
      case Op::kL1:
        value += x < 0 ? -x : x;
        break;
      case Op::kProd:
        value *= x;
        break;
      case Op::kLogSumExp:
        if (x == value) {
          scaled_sum += 1;
        } else if (x > value) {
          scaled_sum = scaled_sum * std::exp(double(value) - double(x)) + 1;
          value = x;
        } else {
          scaled_sum += std::exp(double(x) - double(value));
        }
        break;
      default:
        if ((is_max(op) ? x > value : x < value) || (last && x == value)) {
          value = x;
          at = seen;
        }
    }
    ++seen;
  }
};

class Reduce : public Operator {
 public:
  Reduce(std::string op_name, Op op, bool global = false)
      : Operator(std::move(op_name), 1, global || is_arg(op) ? 1 : 2), op_(op), global_(global) {
    needs_values({1});
  }

  [[nodiscard]] LayoutChoice layouts(const graph::Graph& graph, const graph::Node& node) const override {
    const OpView view(graph, node);
    const auto reduced = axes(view);
    const bool pixels = can_be_c4(view.desc(0)) && reduced.ok() && *reduced == std::vector<int64_t>{2, 3} &&
                        keep(node) && (op_ == Op::kMean || op_ == Op::kMax || op_ == Op::kSum);
    const bool c4 = pixels && (global_ || graph.value(node.inputs[0]).layout == Layout::kC4);
    LayoutChoice choice = all_layouts(node, c4 ? Layout::kC4 : Layout::kLinear);
    if (choice.inputs.size() > 1) choice.inputs[1] = Layout::kLinear;
    return choice;
  }
  [[nodiscard]] bool accepts(const graph::Graph& graph, const graph::Node& node,
                             const graph::PostOp& post) const override {
    return !is_arg(op_) && accepts_pointwise(graph, node, post);
  }

  Status emit(Emitter& emitter) const override {
    const Operand in = emitter.input(0), out = emitter.output(0);
    const OpView view(emitter.graph(), emitter.node());
    TARSIER_TRY(const auto reduced, axes(view));
    TARSIER_TRY(const PostSetup post, setup_post_ops(emitter));
    const Shape& shape = view.shape(0);
    if (graph::element_count(out.value->desc.shape) == 0) return {};
    TARSIER_TRY(const uint64_t source,
                input_address(emitter, 0, in.value->layout, half_flag(*in.value) != 0));
    if (is_c4(out)) {
      const Nchw d(shape);
      struct Push {
        uint64_t source, target;
        uint32_t planes, count, groups, channels;
        PostPush post;
      } push{
          source,        out.address, uint32_t(d.n * d.groups()), uint32_t(d.plane()), uint32_t(d.groups()),
          uint32_t(d.c), post.push};
      // A workgroup for each plane, so that all lanes work. The software device reads lane by lane: there it
      // pays only where lanes would be idle over large planes.
      const bool narrow = is_narrow(emitter.device());
      const uint32_t width = narrow ? 8 : kLocalSize;
      const bool together = narrow ? push.planes < 8 && push.count >= 4096 : push.count >= width * 4;
      emitter.dispatch("kernels/global_pool.comp",
                       {post.kinds[0], post.kinds[1], uint32_t(op_), half_flag(*in.value),
                        half_flag(*out.value), width, together ? width : 1U},
                       push, {together ? push.planes : (push.planes + width - 1) / width, 1, 1});
      return {};
    }
    // Kept axes are walked by the index table, reduced ones by loops.
    const auto strides = strides_of(shape);
    std::vector<NdAxis> kept, loops;
    for (size_t d = 0; d < shape.size(); ++d) {
      const bool gone = std::find(reduced.begin(), reduced.end(), int64_t(d)) != reduced.end();
      NdAxis axis;
      axis.extent = shape[d];
      axis.stride[0] = strides[d];
      (gone ? loops : kept).push_back(axis);
    }
    kept = collapse(kept);
    loops = collapse(loops);
    if (loops.size() > kLoops || kept.size() > 8) return runtime_error("a reduction over too many axes");
    TARSIER_TRY(const Weights table, emitter.upload(nd_table(kept)));
    struct Push {
      uint64_t source, target, table;
      uint32_t count;
      std::array<uint32_t, kLoops> extent{1, 1, 1, 1};
      std::array<uint32_t, kLoops> stride{};
      uint32_t start;  // bits of start_of()
      PostPush post;
    } push{};
    static_assert(sizeof(Push) <= 128);
    push.source = source;
    push.target = out.address;
    push.table = table.address;
    push.count = uint32_t(graph::element_count(out.value->desc.shape));
    push.post = post.push;
    const DType type = view.dtype(0);
    push.start = is_float(type) || is_real(op_) ? std::bit_cast<uint32_t>(start_of<float>(op_, type))
                                                : uint32_t(int32_t(start_of<int64_t>(op_, type)));
    for (size_t i = 0; i < loops.size(); ++i) {
      push.extent[kLoops - loops.size() + i] = uint32_t(loops[i].extent);
      push.stride[kLoops - loops.size() + i] = uint32_t(loops[i].stride[0]);
    }
    emitter.dispatch("kernels/reduce.comp",
                     {post.kinds[0], post.kinds[1], uint32_t(op_), is_float(type) ? 0U : 1U,
                      uint32_t(kept.size()), uint32_t(view.node().integer("select_last_index", 0))},
                     push, flat_grid(push.count, 16));
    return {};
  }

 protected:
  [[nodiscard]] Result<std::vector<TensorDesc>> shapes(const OpView& view) const override {
    TARSIER_TRY(const auto reduced, axes(view));
    TensorDesc desc = view.desc(0);
    if (is_arg(op_)) desc.dtype = DType::kI64;
    desc.shape.clear();
    for (int64_t d = 0; d < view.rank(0); ++d) {
      const bool gone = std::find(reduced.begin(), reduced.end(), d) != reduced.end();
      if (!gone) desc.shape.push_back(view.shape(0)[size_t(d)]);
      if (gone && keep(view.node())) desc.shape.push_back(1);
      if (gone && view.shape(0)[size_t(d)] == 0 && is_arg(op_)) return input_error("an extremum of nothing");
    }
    return std::vector{desc};
  }
  Status compute(const OpView& view, std::vector<Tensor>& outputs) const override {
    if (is_float(view.dtype(0))) return compute_as<double>(view, view.floats(0), outputs[0]);
    if (is_real(op_) && op_ != Op::kMean) return compute_as<double>(view, view.ints(0), outputs[0]);
    return compute_as<int64_t>(view, view.ints(0), outputs[0]);
  }

 private:
  /// Sums in double, as a reference should; those of integers exactly.
  template <class T, class Values>
  Status compute_as(const OpView& view, const Values& values, Tensor& output) const {
    TARSIER_TRY(const auto reduced, axes(view));
    const Shape& shape = view.shape(0);
    Shape kept = shape;
    int64_t total = 1;
    for (const int64_t axis : reduced) {
      total *= shape[size_t(axis)];
      kept[size_t(axis)] = 1;
    }
    const bool last = view.node().integer("select_last_index", 0) != 0;
    std::vector<Accumulator<T>> all(size_t(output.size()), {start_of<T>(op_, view.dtype(0))});
    for_each_index<1>(shape, {broadcast_strides(kept, shape)}, [&](int64_t i, const auto& offset) {
      all[size_t(offset[0])].add(op_, T(values[size_t(i)]), last);
    });
    std::vector<int64_t> integers;
    std::vector<float> reals;
    for (const Accumulator<T>& one : all) {
      if (is_arg(op_)) {
        integers.push_back(one.at);
      } else if constexpr (std::is_integral_v<T>) {
        integers.push_back(op_ != Op::kMean ? one.value : total == 0 ? 0 : one.value / total);
      } else {
        double x = one.value;
        if (op_ == Op::kMean) x /= double(total);
        if (op_ == Op::kL2) x = std::sqrt(x);
        if (op_ == Op::kLogSum) x = std::log(x);
        if (op_ == Op::kLogSumExp) x += std::log(one.scaled_sum);
        reals.push_back(float(x));
        integers.push_back(std::isfinite(x) ? number_cast<int64_t>(x) : 0);
      }
    }
    if (is_float(output.dtype())) {
      store(output, reals);
    } else {
      store(output, integers);
    }
    return {};
  }

  [[nodiscard]] bool keep(const graph::Node& node) const {
    return global_ || node.integer("keepdims", 1) != 0;
  }
  /// Sorted, without duplicates.
  [[nodiscard]] Result<std::vector<int64_t>> axes(const OpView& view) const {
    std::vector<int64_t> given;
    const int64_t rank = view.rank(0);
    if (global_) {
      if (rank < 3) return input_error("rank {} (at least 3 is expected)", rank);
      for (int64_t d = 2; d < rank; ++d) given.push_back(d);
    } else if (is_arg(op_)) {
      given.push_back(view.node().integer("axis", 0));
    } else if (view.has(1)) {
      TARSIER_TRY(given, view.constant_ints(1, "axes"));
    } else {
      given = view.node().integers("axes");
    }
    if (given.empty() && view.node().integer("noop_with_empty_axes", 0) == 0) {
      for (int64_t d = 0; d < rank; ++d) given.push_back(d);
    }
    for (int64_t& axis : given) {
      TARSIER_TRY(axis, normalize_axis(axis, rank));
    }
    std::sort(given.begin(), given.end());
    given.erase(std::unique(given.begin(), given.end()), given.end());
    return given;
  }

  Op op_;
  bool global_;
};

}  // namespace

void register_reduce(Registry& registry) {
  const auto add = [&](const char* name, Op op, bool global = false) {
    registry.add(std::make_unique<Reduce>(name, op, global));
  };
  add("ReduceSum", Op::kSum);
  add("ReduceMean", Op::kMean);
  add("ReduceMax", Op::kMax);
  add("ReduceMin", Op::kMin);
  add("ReduceProd", Op::kProd);
  add("ReduceL2", Op::kL2);
  add("ReduceSumSquare", Op::kSumSquare);
  add("ReduceL1", Op::kL1);
  add("ReduceLogSum", Op::kLogSum);
  add("ReduceLogSumExp", Op::kLogSumExp);
  add("ArgMax", Op::kArgMax);
  add("ArgMin", Op::kArgMin);
  add("GlobalAveragePool", Op::kMean, true);
  add("GlobalMaxPool", Op::kMax, true);
}

}  // namespace tarsier::kernels
