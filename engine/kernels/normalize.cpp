// LayerNormalization, RMSNormalization, InstanceNormalization, GroupNormalization; MeanVarianceNormalization
// and LpNormalization are written out in others.
//
// Row-major data are rows that are normalised each on its own (shader row_norm.comp): one lane a row where
// there are many, a workgroup a row where there are few. Pictures in channel groups take three steps: mean
// and squared deviations of each plane (plane_stats.comp), scale and shift of each channel from those of its
// group (group_affine.comp), and y = x * scale + shift (batch_norm.comp).
#include <algorithm>
#include <cmath>
#include <numeric>

#include "kernels/nd_index.hpp"
#include "kernels/post_ops.hpp"
#include "kernels/register.hpp"

namespace tarsier::kernels {
namespace {

/// Rows of the flat data: element j of row r has the scale at r % groups * per_group + j / inner.
struct Rows {
  int64_t rows = 0, length = 0;
  int64_t groups = 1, per_group = 1, inner = 1;
};

/// What the four kernels share.
class Normalization : public Operator {
 public:
  Normalization(std::string op_name, size_t min_inputs, size_t max_inputs, bool rms = false)
      : Operator(std::move(op_name), min_inputs, max_inputs), rms_(rms) {
    writes_out_others();
  }

 protected:
  [[nodiscard]] virtual Result<Rows> rows_of(const OpView& view) const = 0;

  [[nodiscard]] float epsilon(const graph::Node& node) const { return node.real("epsilon", 1e-5F); }

  Status emit_rows(Emitter& emitter) const {
    const OpView view(emitter.graph(), emitter.node());
    TARSIER_TRY(const Rows rows, rows_of(view));
    if (rows.rows == 0 || rows.inner == 0) return {};  // rows of nothing have statistics: no numbers
    struct Push {
      uint64_t source, target, scale, bias, mean, deviation;
      uint32_t rows, length, groups, per_group, inner, magic, shift;
      float epsilon;
    } push{};
    TARSIER_TRY(push.source, input_address(emitter, 0, Layout::kLinear, false));
    TARSIER_TRY(push.scale, input_address(emitter, 1, Layout::kLinear, false));
    TARSIER_TRY(push.bias, input_address(emitter, 2, Layout::kLinear, false));
    const auto address = [&](size_t i) {
      const Operand operand = emitter.output(i);
      return operand.value == nullptr ? uint64_t{0} : operand.address;
    };
    push.target = address(0);
    push.mean = address(1);
    push.deviation = address(2);
    push.rows = uint32_t(rows.rows);
    push.length = uint32_t(rows.length);
    push.groups = uint32_t(rows.groups);
    push.per_group = uint32_t(rows.per_group);
    push.inner = uint32_t(rows.inner);
    const Divisor by_inner = divisor_of(push.inner);
    push.magic = by_inner.magic;
    push.shift = by_inner.shift;
    push.epsilon = epsilon(view.node());
    // Lanes read four elements at once where the rows are made of fours.
    const bool quads = rows.length % 4 == 0 && (rows.inner == 1 || rows.inner % 4 == 0);
    const bool narrow = is_narrow(emitter.device());
    const uint32_t width = narrow ? 16 : kLocalSize;
    const bool together = narrow ? rows.rows < 128 : rows.rows < 16384 || rows.length > 256;
    const uint32_t parameters = (push.scale != 0 ? 1U : 0U) | (push.bias != 0 ? 2U : 0U) |
                                (push.mean != 0 ? 4U : 0U) | (push.deviation != 0 ? 8U : 0U);
    emitter.dispatch(
        "kernels/row_norm.comp",
        {rms_ ? 1U : 0U, quads ? 1U : 0U, rows.inner == 1 ? 1U : 0U, parameters, width, together ? 1U : 0U},
        push, flat_grid(push.rows, together ? 1 : width));
    return {};
  }

  [[nodiscard]] Status supported(const OpView& view) const override {
    if (!is_float(view.dtype(0))) return input_error("element type {}", graph::name_of(view.dtype(0)));
    return {};
  }
  Status compute(const OpView& view, std::vector<Tensor>& outputs) const override {
    TARSIER_TRY(const Rows rows, rows_of(view));
    auto values = view.floats(0);
    const auto scale = view.has(1) ? view.floats(1) : std::vector<float>();
    const auto bias = view.has(2) ? view.floats(2) : std::vector<float>();
    std::vector<float> means, deviations;
    for (int64_t r = 0; r < rows.rows; ++r) {
      float* row = values.data() + r * rows.length;
      const double mean = rms_ ? 0 : std::accumulate(row, row + rows.length, 0.0) / double(rows.length);
      double sum = 0;
      for (int64_t j = 0; j < rows.length; ++j) sum += (row[j] - mean) * (row[j] - mean);
      const double factor = 1 / std::sqrt(sum / double(rows.length) + double(epsilon(view.node())));
      means.push_back(float(mean));
      deviations.push_back(float(factor));
      for (int64_t j = 0; j < rows.length; ++j) {
        const auto c = size_t(r % rows.groups * rows.per_group + j / rows.inner);
        const double y = (row[j] - mean) * factor * (scale.empty() ? 1.0 : double(scale[c]));
        row[j] = float(y + (bias.empty() ? 0.0 : double(bias[c])));
      }
    }
    store(outputs[0], values);
    if (outputs.size() > 1) store(outputs[1], means);
    if (outputs.size() > 2) store(outputs[2], deviations);
    return {};
  }

 private:
  bool rms_;
};

/// Inputs X, Scale, B (not of RMSNormalization); attributes axis, epsilon. Outputs Y, Mean, InvStdDev.
class TrailingNorm : public Normalization {
 public:
  TrailingNorm(std::string op_name, bool rms)
      : Normalization(std::move(op_name), 2, rms ? 2 : 3, rms), rms_(rms) {}
  Status emit(Emitter& emitter) const override { return emit_rows(emitter); }

 protected:
  [[nodiscard]] Result<Rows> rows_of(const OpView& view) const override {
    TARSIER_TRY(const int64_t axis, normalize_axis(view.node().integer("axis", -1), view.rank(0)));
    Rows rows;
    rows.rows = rows.length = 1;
    for (int64_t d = 0; d < view.rank(0); ++d) {
      (d < axis ? rows.rows : rows.length) *= view.shape(0)[size_t(d)];
    }
    rows.per_group = rows.length;
    return rows;
  }
  [[nodiscard]] Result<std::vector<TensorDesc>> shapes(const OpView& view) const override {
    TARSIER_TRY(const int64_t axis, normalize_axis(view.node().integer("axis", -1), view.rank(0)));
    for (size_t i = 1; i < 3; ++i) {
      if (!is_row(view, i, axis)) {
        return input_error("scale or bias {} for {}", graph::to_string(view.shape(i)),
                           graph::to_string(view.shape(0)));
      }
    }
    if (rms_) return std::vector{view.desc(0)};
    TensorDesc statistics = view.desc(0);
    for (size_t d = size_t(axis); d < statistics.shape.size(); ++d) statistics.shape[d] = 1;
    return std::vector{view.desc(0), statistics, statistics};
  }
  /// Scales and biases that are no whole row are multiplied and added behind.
  Status write_out(graph::NodeBuilder& builder) const override {
    const OpView view(builder.graph(), builder.node());
    TARSIER_TRY(const int64_t axis, normalize_axis(view.node().integer("axis", -1), view.rank(0)));
    if (is_row(view, 1, axis) && is_row(view, 2, axis)) return {};
    const Shape row(view.shape(0).begin() + axis, view.shape(0).end());
    const auto ones = builder.add("Expand", {builder.scalar(1), builder.ints(row)});
    const auto outputs = builder.add_many(builder.node().op, {builder.input(0), ones},
                                          builder.node().outputs.size(), builder.node().attributes);
    auto y = builder.add("Mul", {outputs[0], builder.input(1)});
    if (view.has(2)) y = builder.add("Add", {y, builder.input(2)});
    builder.set_output(0, y);
    for (size_t i = 1; i < outputs.size(); ++i) builder.set_output(i, outputs[i]);
    return {};
  }

 private:
  /// Whether input `i` is absent or has one element for each of a row: the extents from `axis` on.
  static bool is_row(const OpView& view, size_t i, int64_t axis) {
    if (!view.has(i)) return true;
    const Shape& given = view.shape(i);
    Shape row = view.shape(0);
    std::fill_n(row.begin(), axis, 1);
    return given.size() <= row.size() ? pad_rank(given, row.size()) == row
                                      : pad_rank(row, given.size()) == given;
  }
  bool rms_;
};

/// InstanceNormalization is a GroupNormalization with as many groups as channels. Inputs X, scale, bias [C].
class GroupNorm : public Normalization {
 public:
  GroupNorm(std::string op_name, bool instance)
      : Normalization(std::move(op_name), 3, 3), instance_(instance) {}

  [[nodiscard]] LayoutChoice layouts(const graph::Graph& graph, const graph::Node& node) const override {
    LayoutChoice choice = needs_groups(node) ? all_layouts(node, Layout::kC4) : follow_input(graph, node);
    for (size_t i = 1; i < choice.inputs.size(); ++i) choice.inputs[i] = Layout::kLinear;
    if (choice.inputs[0] == Layout::kLinear && !node.post.empty()) {
      choice.inputs[0] = choice.outputs[0] = Layout::kC4;
    }
    return choice;
  }
  [[nodiscard]] bool accepts(const graph::Graph& graph, const graph::Node& node,
                             const graph::PostOp& post) const override {
    // Padding channels stay zero without a mask: group_affine.comp gives them no scale and no shift.
    return can_be_c4(graph.value(node.inputs[0]).desc) && accepts_pointwise(graph, node, post) &&
           post_op_value(post, 0) == 0;
  }
  [[nodiscard]] uint64_t scratch_bytes(const graph::Graph& graph, const graph::Node& node) const override {
    if (graph.value(node.outputs[0]).layout != Layout::kC4) return 0;
    const Nchw d(graph.shape(node.inputs[0]));
    return uint64_t(d.n * d.groups()) * 64;  // mean, squares; scale, shift of four channels
  }

  Status emit(Emitter& emitter) const override {
    const Operand in = emitter.input(0), out = emitter.output(0);
    if (!is_c4(out)) return emit_rows(emitter);
    const OpView view(emitter.graph(), emitter.node());
    const Nchw d(view.shape(0));
    const auto planes = uint32_t(d.n * d.groups());
    if (d.n * d.c * d.plane() == 0) return {};
    TARSIER_TRY(const PostSetup post, setup_post_ops(emitter));
    TARSIER_TRY(const uint64_t source, input_address(emitter, 0, Layout::kC4, half_flag(*in.value) != 0));
    const uint64_t statistics = emitter.scratch(), scales = statistics + uint64_t(planes) * 32;
    const uint64_t shifts = scales + uint64_t(planes) * 16;
    const bool narrow = is_narrow(emitter.device());
    struct StatsPush {
      uint64_t source, target;
      uint32_t planes, count;
    } stats{source, statistics, planes, uint32_t(d.plane())};
    emitter.dispatch("kernels/plane_stats.comp", {half_flag(*in.value), narrow ? 16U : kLocalSize}, stats,
                     flat_grid(planes, 1));
    struct AffinePush {
      uint64_t statistics, scale, bias, scales, shifts;
      uint32_t count, groups, channels, per_group, plane;
      float epsilon;
    } affine{};
    affine.statistics = statistics;
    TARSIER_TRY(affine.scale, input_address(emitter, 1, Layout::kLinear, false));
    TARSIER_TRY(affine.bias, input_address(emitter, 2, Layout::kLinear, false));
    affine.scales = scales;
    affine.shifts = shifts;
    affine.count = planes * 4;
    affine.groups = uint32_t(d.groups());
    affine.channels = uint32_t(d.c);
    affine.per_group = uint32_t(d.c / norm_groups(view));
    affine.plane = uint32_t(d.plane());
    affine.epsilon = epsilon(view.node());
    emitter.dispatch("kernels/group_affine.comp", {}, affine, flat_grid(affine.count, 16),
                     Dispatch::kNoWindow, true);
    struct Push {  // batch_norm.comp, with a scale and shift for each plane
      uint64_t source, target, scale, shift;
      uint32_t count, inner_magic, inner_shift;
      uint32_t channels, planes, channel_shift;
      PostPush post;
    } push{source, out.address, scales, shifts, uint32_t(d.plane()), 0, 0, ~0U, planes, 0, post.push};
    const Coverage lanes = cover(emitter.device(), push.count);
    emitter.dispatch("kernels/batch_norm.comp",
                     {post.kinds[0], post.kinds[1], 1, half_flag(*in.value), half_flag(*out.value), 0, 0,
                      lanes.width, lanes.per_lane, lanes.guard},
                     push, {(push.count + lanes.per_group() - 1) / lanes.per_group(), planes, 1},
                     Dispatch::kNoWindow, true);
    return {};
  }

 protected:
  [[nodiscard]] Result<Rows> rows_of(const OpView& view) const override {
    TARSIER_TRY([[maybe_unused]] const auto descs, shapes(view));
    Rows rows;
    const int64_t channels = view.shape(0)[1];
    rows.groups = norm_groups(view);
    rows.per_group = channels / rows.groups;
    rows.rows = view.shape(0)[0] * rows.groups;
    rows.inner = 1;
    for (size_t d = 2; d < view.shape(0).size(); ++d) rows.inner *= view.shape(0)[d];
    rows.length = rows.inner * rows.per_group;
    return rows;
  }
  [[nodiscard]] Result<std::vector<TensorDesc>> shapes(const OpView& view) const override {
    if (view.rank(0) < 2) return input_error("rank {} (at least 2)", view.rank(0));
    const int64_t channels = view.shape(0)[1], groups = norm_groups(view);
    if (channels < 1 || groups < 1 || channels % groups != 0) {
      return input_error("{} channels in {} groups", channels, groups);
    }
    for (size_t i = 1; i < 3; ++i) {
      if (view.shape(i) != Shape{channels}) {
        return input_error("scale or bias {} for {} channels", graph::to_string(view.shape(i)), channels);
      }
    }
    return std::vector{view.desc(0)};
  }
  /// Opset 18 had a scale and a bias for each group.
  Status write_out(graph::NodeBuilder& builder) const override {
    const OpView view(builder.graph(), builder.node());
    if (instance_ || view.rank(0) < 2) return {};
    const int64_t channels = view.shape(0)[1], groups = norm_groups(view);
    if (groups < 1 || channels % groups != 0 || channels == groups || view.shape(1) != Shape{groups} ||
        view.shape(2) != Shape{groups}) {
      return {};
    }
    const auto spread = [&](size_t i) {
      const auto column = builder.reshape(builder.input(i), {groups, 1});
      const auto table = builder.add("Expand", {column, builder.ints({groups, channels / groups})});
      return builder.reshape(table, {channels});
    };
    builder.finish(builder.node().op, {builder.input(0), spread(1), spread(2)}, builder.node().attributes);
    return {};
  }

 private:
  [[nodiscard]] int64_t norm_groups(const OpView& view) const {
    return instance_ ? view.shape(0)[1] : view.node().integer("num_groups", 1);
  }
  bool instance_;
};

/// (x - mean) / (standard deviation + 1e-9) over the axes.
class MeanVarianceNormalization : public Composite {
 public:
  MeanVarianceNormalization() : Composite("MeanVarianceNormalization", 1, 1) {}

 protected:
  Status write_out(graph::NodeBuilder& builder) const override {
    const auto axes = builder.ints(builder.node().integers("axes", {0, 2, 3}));
    const auto mean = builder.add("ReduceMean", {builder.input(0), axes});
    const auto centred = builder.add("Sub", {builder.input(0), mean});
    const auto squares = builder.add("Mul", {centred, centred});
    const auto deviation = builder.add("Sqrt", {builder.add("ReduceMean", {squares, axes})});
    builder.finish("Div", {centred, builder.add("Add", {deviation, builder.scalar(1e-9F)})});
    return {};
  }
};

/// x / |x|_p along an axis, p being 1 or 2; zero where all is zero.
class LpNormalization : public Composite {
 public:
  LpNormalization() : Composite("LpNormalization", 1, 1) {}

 protected:
  Status write_out(graph::NodeBuilder& builder) const override {
    const int64_t p = builder.node().integer("p", 2);
    if (p != 1 && p != 2) return input_error("p={}", p);
    const auto axes = builder.ints({builder.node().integer("axis", -1)});
    const auto x = builder.input(0);
    const auto norm = p == 1 ? builder.add("ReduceSum", {builder.add("Abs", {x}), axes})
                             : builder.add("ReduceL2", {x, axes});
    builder.finish("Div", {x, builder.add("Max", {norm, builder.scalar(1e-30F)})});
    return {};
  }
};

/// (sum over the spatial axes of |x|^p)^(1/p).
class GlobalLpPool : public Composite {
 public:
  GlobalLpPool() : Composite("GlobalLpPool", 1, 1) {}

 protected:
  Status write_out(graph::NodeBuilder& builder) const override {
    const int64_t p = builder.node().integer("p", 2);
    const size_t rank = builder.shape(0).size();
    if (rank < 3 || p < 1) return input_error("rank {}, p={}", rank, p);
    std::vector<int64_t> spatial(rank - 2);
    std::iota(spatial.begin(), spatial.end(), int64_t{2});
    const auto axes = builder.ints(spatial);
    if (p == 2) {
      builder.finish("ReduceL2", {builder.input(0), axes});
      return {};
    }
    const auto size = builder.add("Abs", {builder.input(0)});
    if (p == 1) {
      builder.finish("ReduceSum", {size, axes});
      return {};
    }
    const auto sum = builder.add("ReduceSum", {builder.add("Pow", {size, builder.scalar(float(p))}), axes});
    builder.finish("Pow", {sum, builder.scalar(1 / float(p))});
    return {};
  }
};

}  // namespace

void register_normalize(Registry& registry) {
  registry.add(std::make_unique<TrailingNorm>("LayerNormalization", false));
  registry.add(std::make_unique<TrailingNorm>("RMSNormalization", true));
  registry.add(std::make_unique<GroupNorm>("InstanceNormalization", true));
  registry.add(std::make_unique<GroupNorm>("GroupNormalization", false));
  registry.add(std::make_unique<MeanVarianceNormalization>());
  registry.add(std::make_unique<LpNormalization>());
  registry.add(std::make_unique<GlobalLpPool>());
}

}  // namespace tarsier::kernels
