// Operators that only move elements along axes: Transpose, Slice, Expand, Tile, DepthToSpace, SpaceToDepth.
// Each is one strided copy: a shape to walk, and the steps of source and target along its axes. Shader
// strided_copy.comp; Concat and Split along any axis use it too (channels.cpp).
#include "kernels/strided.hpp"

#include <algorithm>
#include <numeric>

#include "core/number.hpp"
#include "kernels/channels.hpp"
#include "kernels/post_ops.hpp"
#include "kernels/register.hpp"
#include "kernels/remap.hpp"

namespace tarsier::kernels {

Status emit_strided_copy(Emitter& emitter, const StridedCopy& copy, uint64_t source, uint64_t target) {
  if (graph::element_count(copy.shape) == 0) return {};
  auto axes = collapse(nd_axes(copy.shape, {copy.source_strides, copy.target_strides}));
  // A lane copies a run of 8 elements along the longest axis, so that it divides indices once for all of
  // them. The elements lie extent / 8 apart: neighbouring lanes still touch neighbouring elements.
  constexpr int64_t kRun = 8;
  const auto longest = std::max_element(axes.begin(), axes.end(),
                                        [](const NdAxis& a, const NdAxis& b) { return a.extent < b.extent; });
  const NdAxis run = *longest;
  const int64_t step = (run.extent + kRun - 1) / kRun;
  longest->extent = step;
  longest->stride[2] = 1;  // gives the lane its place in the run axis
  std::erase_if(axes, [](const NdAxis& axis) { return axis.extent == 1; });
  if (axes.empty()) axes.emplace_back();
  if (axes.size() > 8) return runtime_error("a copy over more than 8 axes");
  struct Push {
    uint64_t source, target, table;
    uint32_t count;
    int32_t source_start, target_start;
    uint32_t extent, step;
    int32_t source_step, target_step;
    uint32_t reserved = 0;
  } push{};
  TARSIER_TRY(const Weights table, emitter.upload(nd_table(axes)));
  push = {source,
          target,
          table.address,
          uint32_t(count_of(axes)),
          int32_t(copy.source_start),
          int32_t(copy.target_start),
          uint32_t(run.extent),
          uint32_t(step),
          int32_t(run.stride[0] * step),
          int32_t(run.stride[1] * step)};
  const Coverage lanes = cover_repeating(emitter.device());
  emitter.dispatch("kernels/strided_copy.comp", {uint32_t(axes.size()), lanes.width, lanes.guard}, push,
                   flat_grid(push.count, lanes.width));
  return {};
}

Tensor strided_copy(const Tensor& source, const StridedCopy& copy, Tensor target) {
  const size_t size = graph::size_of(source.dtype());
  const auto from = source.bytes();
  auto to = target.mutable_bytes();
  for_each_index<2>(copy.shape, {copy.source_strides, copy.target_strides}, [&](int64_t, const auto& at) {
    std::copy_n(from.begin() + (copy.source_start + at[0]) * int64_t(size), size,
                to.begin() + (copy.target_start + at[1]) * int64_t(size));
  });
  return target;
}

namespace {

/// An operator that is one strided copy of its input 0.
class Mover : public Operator {
 public:
  using Operator::Operator;
  Status emit(Emitter& emitter) const override {
    const OpView view(emitter.graph(), emitter.node());
    TARSIER_TRY(const StridedCopy copy, plan(view, emitter.output(0).value->desc.shape));
    TARSIER_TRY(const uint64_t source, input_address(emitter, 0, Layout::kLinear, false));
    return emit_strided_copy(emitter, copy, source, emitter.output(0).address);
  }

 protected:
  /// `out`: the output's shape, as the shape rule gave it.
  [[nodiscard]] virtual Result<StridedCopy> plan(const OpView& view, const Shape& out) const = 0;
  Status compute(const OpView& view, std::vector<Tensor>& outputs) const override {
    TARSIER_TRY(const StridedCopy copy, plan(view, outputs[0].shape()));
    outputs[0] = strided_copy(*view.data(0), copy, std::move(outputs[0]));
    return {};
  }
};

class Transpose : public Mover {
 public:
  Transpose() : Mover("Transpose", 1, 1) {}

 protected:
  [[nodiscard]] Result<std::vector<TensorDesc>> shapes(const OpView& view) const override {
    TARSIER_TRY(const auto perm, permutation(view));
    TensorDesc desc = view.desc(0);
    for (size_t d = 0; d < perm.size(); ++d) desc.shape[d] = view.shape(0)[size_t(perm[d])];
    return std::vector{desc};
  }
  [[nodiscard]] Result<StridedCopy> plan(const OpView& view, const Shape& out) const override {
    TARSIER_TRY(const auto perm, permutation(view));
    const auto strides = strides_of(view.shape(0));
    StridedCopy copy{out, {}, strides_of(out)};
    for (const int64_t axis : perm) copy.source_strides.push_back(strides[size_t(axis)]);
    return copy;
  }

 private:
  static Result<std::vector<int64_t>> permutation(const OpView& view) {
    std::vector<int64_t> reversed(view.shape(0).size());
    std::iota(reversed.rbegin(), reversed.rend(), int64_t{0});
    auto perm = view.node().integers("perm", reversed);
    auto sorted = perm;
    std::sort(sorted.begin(), sorted.end());
    std::sort(reversed.begin(), reversed.end());
    if (sorted != reversed) {
      return input_error("perm={} is no permutation of {} axes", graph::to_string(perm), reversed.size());
    }
    return perm;
  }
};

/// Inputs data, starts, ends, axes, steps (ONNX opset 10 and newer).
class Slice : public Mover {
 public:
  Slice() : Mover("Slice", 3, 5) { needs_values({1, 2, 3, 4}); }

  [[nodiscard]] LayoutChoice layouts(const graph::Graph& graph, const graph::Node& node) const override {
    LayoutChoice choice = follow_input(graph, node);
    if (choice.inputs[0] == Layout::kC4) {
      const OpView view(graph, node);
      const auto range = ranges(view);
      // Along channels and pixels in native layout, one of them at a time; not along the batch.
      const bool channels = range.ok() && whole(view, *range, {0, 2, 3});
      const bool pixels = range.ok() && whole(view, *range, {0, 1});
      if (!channels && !pixels) return all_layouts(node, Layout::kLinear);
    }
    for (size_t i = 1; i < choice.inputs.size(); ++i) choice.inputs[i] = Layout::kLinear;
    return choice;
  }

  Status emit(Emitter& emitter) const override {
    const Operand in = emitter.input(0), out = emitter.output(0);
    if (!is_c4(out)) return Mover::emit(emitter);
    const OpView view(emitter.graph(), emitter.node());
    TARSIER_TRY(const auto range, ranges(view));
    TARSIER_TRY(const uint64_t source, input_address(emitter, 0, Layout::kC4, half_flag(*in.value) != 0));
    if (whole(view, range, {0, 2, 3})) {
      std::vector<ChannelSource> channels;
      for (int64_t c = 0; c < range[1].count; ++c) {
        channels.push_back(
            {source, range[1].start + c * range[1].step, view.shape(0)[1], half_flag(*in.value)});
      }
      return emit_channel_gather(emitter, out, channels);
    }
    const auto axis_map = [](const Range& r) {
      std::vector<int32_t> map;
      for (int64_t i = 0; i < r.count; ++i) map.push_back(int32_t(r.start + i * r.step));
      return map;
    };
    return emit_remap(emitter, *in.value, source, out, axis_map(range[2]), axis_map(range[3]), 0.0F);
  }

 protected:
  [[nodiscard]] Result<std::vector<TensorDesc>> shapes(const OpView& view) const override {
    TARSIER_TRY(const auto range, ranges(view));
    TensorDesc desc = view.desc(0);
    for (size_t d = 0; d < range.size(); ++d) desc.shape[d] = range[d].count;
    return std::vector{desc};
  }
  [[nodiscard]] Result<StridedCopy> plan(const OpView& view, const Shape& out) const override {
    TARSIER_TRY(const auto range, ranges(view));
    const auto strides = strides_of(view.shape(0));
    StridedCopy copy{out, strides, strides_of(out)};
    for (size_t d = 0; d < range.size(); ++d) {
      copy.source_start += range[d].start * strides[d];
      copy.source_strides[d] *= range[d].step;
    }
    return copy;
  }

 private:
  struct Range {
    int64_t start = 0, step = 1, count = 0;
  };
  static bool whole(const OpView& view, const std::vector<Range>& range, std::initializer_list<size_t> axes) {
    return std::all_of(axes.begin(), axes.end(), [&](size_t d) {
      return range[d].start == 0 && range[d].step == 1 && range[d].count == view.shape(0)[d];
    });
  }
  static Result<std::vector<Range>> ranges(const OpView& view) {
    const Shape& shape = view.shape(0);
    const auto rank = int64_t(shape.size());
    TARSIER_TRY(const auto starts, view.constant_ints(1, "starts"));
    TARSIER_TRY(const auto ends, view.constant_ints(2, "ends"));
    std::vector<int64_t> axes(starts.size());
    std::iota(axes.begin(), axes.end(), int64_t{0});
    if (view.has(3)) {
      TARSIER_TRY(axes, view.constant_ints(3, "axes"));
    }
    std::vector<int64_t> steps(starts.size(), 1);
    if (view.has(4)) {
      TARSIER_TRY(steps, view.constant_ints(4, "steps"));
    }
    if (ends.size() != starts.size() || axes.size() != starts.size() || steps.size() != starts.size()) {
      return input_error("starts, ends, axes and steps differ in length");
    }
    std::vector<Range> range;
    for (const int64_t extent : shape) range.push_back({0, 1, extent});
    for (size_t i = 0; i < starts.size(); ++i) {
      TARSIER_TRY(const int64_t axis, normalize_axis(axes[i], rank));
      const int64_t extent = shape[size_t(axis)];
      if (steps[i] == 0) return input_error("a step of 0 along axis {}", axis);
      // A longer step than the axis takes one element all the same, and fits where it is multiplied.
      const int64_t longest = std::max<int64_t>(extent, 1), step = std::clamp(steps[i], -longest, longest);
      const auto clamp = [&](int64_t at) {
        if (at < 0) at = std::max(at, -extent - 1) + extent;  // INT64_MIN must not overflow
        return step > 0 ? std::clamp<int64_t>(at, 0, extent) : std::clamp<int64_t>(at, -1, extent - 1);
      };
      // A start below -extent clamps to the first element, whichever way the slice runs.
      const int64_t start = step < 0 && starts[i] < -extent ? (extent > 0 ? 0 : -1) : clamp(starts[i]);
      const int64_t end = clamp(ends[i]);
      const int64_t span = step > 0 ? end - start + step - 1 : start - end - step - 1;
      range[size_t(axis)] = {start, step, std::max<int64_t>(0, span / std::abs(step))};
    }
    return range;
  }
};

class Expand : public Mover {
 public:
  Expand() : Mover("Expand", 2, 2) { needs_values({1}); }

 protected:
  [[nodiscard]] Result<std::vector<TensorDesc>> shapes(const OpView& view) const override {
    TARSIER_TRY(const auto target, view.constant_ints(1, "shape"));
    if (!graph::is_static(target)) return input_error("shape {}", graph::to_string(target));
    TARSIER_TRY(Shape shape, broadcast(view.shape(0), target));
    return std::vector{TensorDesc{view.dtype(0), std::move(shape)}};
  }
  [[nodiscard]] Result<StridedCopy> plan(const OpView& view, const Shape& out) const override {
    return StridedCopy{out, broadcast_strides(view.shape(0), out), strides_of(out)};
  }
};

class Tile : public Mover {
 public:
  Tile() : Mover("Tile", 2, 2) { needs_values({1}); }

 protected:
  [[nodiscard]] Result<std::vector<TensorDesc>> shapes(const OpView& view) const override {
    TARSIER_TRY(const auto repeats, view.constant_ints(1, "repeats"));
    TensorDesc desc = view.desc(0);
    if (repeats.size() != desc.shape.size()) {
      return input_error("{} repeats for a tensor of rank {}", repeats.size(), desc.shape.size());
    }
    for (size_t d = 0; d < repeats.size(); ++d) {
      if (repeats[d] < 0) return input_error("a negative repeat");
      desc.shape[d] = saturated_product(desc.shape[d], repeats[d]);
    }
    return std::vector{desc};
  }
  [[nodiscard]] Status supported(const OpView& view) const override {
    if (view.rank(0) > 4) return input_error("rank {} (4 at most)", view.rank(0));
    return {};
  }
  [[nodiscard]] Result<StridedCopy> plan(const OpView& view, const Shape& out) const override {
    const auto repeats = view.ints(1);
    const auto source = strides_of(view.shape(0)), target = strides_of(out);
    StridedCopy copy;
    for (size_t d = 0; d < repeats.size(); ++d) {  // each axis is (repeat, extent)
      const int64_t extent = view.shape(0)[d];
      copy.shape.insert(copy.shape.end(), {repeats[d], extent});
      copy.source_strides.insert(copy.source_strides.end(), {0, source[d]});
      copy.target_strides.insert(copy.target_strides.end(), {extent * target[d], target[d]});
    }
    return copy;
  }
};

/// DepthToSpace and SpaceToDepth, modes DCR and CRD: a six-dimensional transpose.
class BlockMover : public Mover {
 public:
  BlockMover(std::string op_name, bool to_space) : Mover(std::move(op_name), 1, 1), to_space_(to_space) {}

  [[nodiscard]] LayoutChoice layouts(const graph::Graph& graph, const graph::Node& node) const override {
    LayoutChoice choice = all_layouts(node, Layout::kLinear);
    if (takes_groups(graph, node)) choice.inputs[0] = Layout::kC4;
    if (moves_groups(graph, node)) choice.outputs[0] = Layout::kC4;
    return choice;
  }
  [[nodiscard]] bool accepts(const graph::Graph& graph, const graph::Node& node,
                             const graph::PostOp& post) const override {
    return takes_groups(graph, node) && accepts_pointwise(graph, node, post);
  }
  Status emit(Emitter& emitter) const override {
    if (!takes_groups(emitter.graph(), emitter.node())) return Mover::emit(emitter);
    const Operand in = emitter.input(0);
    const Nchw d(in.value->desc.shape);
    if (d.plane() == 0 || d.n * d.c == 0) return {};
    const Divisor by_width = divisor_of(uint32_t(d.w));
    TARSIER_TRY(const PostSetup post, setup_post_ops(emitter));
    struct Push {
      uint64_t source, target;
      uint32_t count, width, magic, shift, flags, groups;
      PostPush post;
    } push{};
    const bool moves = moves_groups(emitter.graph(), emitter.node());
    const Nchw out(emitter.output(0).value->desc.shape);
    TARSIER_TRY(push.source, input_address(emitter, 0, Layout::kC4, half_flag(*in.value) != 0));
    push.target = emitter.output(0).address;
    push.count = uint32_t(d.plane());
    push.width = uint32_t(d.w);
    push.magic = by_width.magic;
    push.shift = by_width.shift;
    push.flags = d.w == 1 ? 1 : 0;
    push.groups = uint32_t(out.groups());
    push.post = post.push;
    const Coverage lanes = cover_repeating(emitter.device());
    emitter.dispatch(
        "kernels/depth_to_space.comp",
        {post.kinds[0], post.kinds[1], half_flag(*in.value), lanes.width, lanes.guard,
         half_flag(*emitter.output(0).value), moves ? uint32_t(emitter.node().integer("blocksize", 1)) : 0U},
        push,
        {(push.count + lanes.per_group() - 1) / lanes.per_group(),
         uint32_t(d.n * (moves ? out.groups() : d.groups())), 1});
    return {};
  }

 protected:
  [[nodiscard]] Result<std::vector<TensorDesc>> shapes(const OpView& view) const override {
    const int64_t block = view.node().integer("blocksize", 0);
    if (view.rank(0) != 4) return input_error("rank {} (4 is expected)", view.rank(0));
    const Nchw d(view.shape(0));
    constexpr int64_t kLargestBlock = 1 << 15;  // whose square is an extent
    if (block < 1 || block > kLargestBlock ||
        (to_space_ ? d.c % (block * block) != 0 : d.h % block != 0 || d.w % block != 0)) {
      return input_error("blocksize={} does not divide {}", block, graph::to_string(view.shape(0)));
    }
    const int64_t area = block * block;
    return std::vector{TensorDesc{view.dtype(0), to_space_
                                                     ? Shape{d.n, d.c / area, d.h * block, d.w * block}
                                                     : Shape{d.n, d.c * area, d.h / block, d.w / block}}};
  }
  [[nodiscard]] Result<StridedCopy> plan(const OpView& view, const Shape& out) const override {
    const int64_t b = view.node().integer("blocksize", 1);
    // Walks (n, by, bx, c, y, x) of the deep side: channel ((by * b) + bx) * C + c, or c outermost (CRD).
    const Nchw shallow(to_space_ ? out : view.shape(0));
    const int64_t h = shallow.h / b, w = shallow.w / b, c = shallow.c;
    const bool crd = view.node().text("mode", "DCR") == "CRD";
    const int64_t plane = h * w;
    const std::vector<int64_t> deep{
        c * b * b * plane, (crd ? b : b * c) * plane, (crd ? 1 : c) * plane, (crd ? b * b : 1) * plane, w, 1};
    const std::vector<int64_t> flat{c * h * b * w * b, w * b, 1, h * b * w * b, b * w * b, b};
    StridedCopy copy;
    copy.shape = {shallow.n, b, b, c, h, w};
    copy.source_strides = to_space_ ? deep : flat;
    copy.target_strides = to_space_ ? flat : deep;
    return copy;
  }

 private:
  /// Mode CRD: a group of four channels is a block of one output channel.
  [[nodiscard]] bool takes_groups(const graph::Graph& graph, const graph::Node& node) const {
    if (moves_groups(graph, node)) return true;
    return to_space_ && node.text("mode", "DCR") == "CRD" && node.integer("blocksize", 1) == 2 &&
           can_be_c4(graph.value(node.inputs[0]).desc) && graph.constant(node.inputs[0]) == nullptr;
  }
  /// Mode DCR with whole groups of output channels.
  [[nodiscard]] bool moves_groups(const graph::Graph& graph, const graph::Node& node) const {
    const TensorDesc& in = graph.value(node.inputs[0]).desc;
    const int64_t block = node.integer("blocksize", 1);
    return to_space_ && node.text("mode", "DCR") != "CRD" && can_be_c4(in) &&
           graph.constant(node.inputs[0]) == nullptr && in.shape[1] % (4 * block * block) == 0;
  }

  bool to_space_;
};

}  // namespace

void register_strided(Registry& registry) {
  registry.add(std::make_unique<Transpose>());
  registry.add(std::make_unique<Slice>());
  registry.add(std::make_unique<Expand>());
  registry.add(std::make_unique<Tile>());
  registry.add(std::make_unique<BlockMover>("DepthToSpace", true));
  registry.add(std::make_unique<BlockMover>("SpaceToDepth", false));
}

}  // namespace tarsier::kernels
