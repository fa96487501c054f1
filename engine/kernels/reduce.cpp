// ReduceMean/Sum/Max/Min/Prod over any axes, ArgMax/ArgMin, GlobalAveragePool, GlobalMaxPool. Over H and W of
// a kC4 tensor by global_pool.comp, otherwise by reduce.comp on row-major data.
#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/nd_index.hpp"
#include "kernels/post_ops.hpp"
#include "kernels/register.hpp"

namespace tarsier::kernels {
namespace {

/// Numbers that reduce.comp and global_pool.comp know the operations by.
enum class Op : uint32_t { kSum, kMean, kMax, kMin, kProd, kArgMax, kArgMin, kL2, kSumSquare };

bool is_arg(Op op) {
  return op == Op::kArgMax || op == Op::kArgMin;
}

/// reduce.comp walks the reduced axes by at most three nested loops.
constexpr size_t kLoops = 3;

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
    int64_t total = 1;
    for (const int64_t axis : reduced) total *= shape[size_t(axis)];
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
      std::array<uint32_t, kLoops> extent{1, 1, 1};
      std::array<uint32_t, kLoops> stride{};
      float divisor;
      PostPush post;
    } push{};
    push.source = source;
    push.target = out.address;
    push.table = table.address;
    push.count = uint32_t(graph::element_count(out.value->desc.shape));
    push.divisor = float(total);
    push.post = post.push;
    for (size_t i = 0; i < loops.size(); ++i) {
      push.extent[kLoops - loops.size() + i] = uint32_t(loops[i].extent);
      push.stride[kLoops - loops.size() + i] = uint32_t(loops[i].stride[0]);
    }
    emitter.dispatch("kernels/reduce.comp",
                     {post.kinds[0], post.kinds[1], uint32_t(op_), is_float(view.dtype(0)) ? 0U : 1U,
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
      if (gone && view.shape(0)[size_t(d)] == 0) return input_error("a reduction over nothing");
    }
    return std::vector{desc};
  }
  [[nodiscard]] Status supported(const OpView& view) const override {
    TARSIER_TRY(const auto reduced, axes(view));
    size_t runs = 0;
    for (size_t i = 0; i < reduced.size(); ++i) runs += i == 0 || reduced[i] != reduced[i - 1] + 1 ? 1 : 0;
    if (runs > kLoops) return input_error("more than {} separate runs of axes", kLoops);
    if (!is_float(view.dtype(0)) && (op_ == Op::kMean || op_ == Op::kL2)) {
      return input_error("the mean of integers");
    }
    return {};
  }
  Status compute(const OpView& view, std::vector<Tensor>& outputs) const override {
    TARSIER_TRY(const auto reduced, axes(view));
    const Shape& shape = view.shape(0);
    Shape kept = shape;
    int64_t total = 1;
    for (const int64_t axis : reduced) {
      total *= shape[size_t(axis)];
      kept[size_t(axis)] = 1;
    }
    std::vector<double> values;
    if (is_float(view.dtype(0))) {
      const auto given = view.floats(0);
      values.assign(given.begin(), given.end());
    } else {
      const auto given = view.ints(0);
      values.assign(given.begin(), given.end());
    }
    const auto count = size_t(outputs[0].size());
    // Sums in double, as a reference should; arg needs the extremum and where it was.
    std::vector<double> sum(count, op_ == Op::kProd ? 1.0 : 0.0);
    std::vector<int64_t> seen(count, 0), at(count, 0);
    const bool last = view.node().integer("select_last_index", 0) != 0;
    for_each_index<1>(shape, {broadcast_strides(kept, shape)}, [&](int64_t i, const auto& offset) {
      const auto o = size_t(offset[0]);
      const double x = values[size_t(i)];
      const bool first = seen[o] == 0;
      switch (op_) {
        case Op::kSum:
        case Op::kMean:
          sum[o] += x;
          break;
        case Op::kL2:
        case Op::kSumSquare:
          sum[o] += x * x;
          break;
        case Op::kProd:
          sum[o] *= x;
          break;
        case Op::kMax:
        case Op::kArgMax:
          if (first || x > sum[o] || (last && x == sum[o])) {
            sum[o] = x;
            at[o] = seen[o];
          }
          break;
        case Op::kMin:
        case Op::kArgMin:
          if (first || x < sum[o] || (last && x == sum[o])) {
            sum[o] = x;
            at[o] = seen[o];
          }
          break;
      }
      ++seen[o];
    });
    if (is_arg(op_)) {
      store(outputs[0], at);
      return {};
    }
    std::vector<float> result(count);
    for (size_t i = 0; i < count; ++i) {
      result[i] = float(op_ == Op::kMean ? sum[i] / double(total)
                        : op_ == Op::kL2 ? std::sqrt(sum[i])
                                         : sum[i]);
    }
    store(outputs[0], result);
    return {};
  }

 private:
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
  add("ArgMax", Op::kArgMax);
  add("ArgMin", Op::kArgMin);
  add("GlobalAveragePool", Op::kMean, true);
  add("GlobalMaxPool", Op::kMax, true);
}

}  // namespace tarsier::kernels
