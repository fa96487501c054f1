// MaxPool, AveragePool and LpPool. Over H and W of a kC4 tensor by pool.comp: a lane computes four output
// rows of one column, whose windows share input rows. One spatial axis is written out as two; three, integers
// and MaxPool's Indices go by pool_volume.cpp. MaxUnpool is a scatter.
#include <algorithm>
#include <limits>
#include <numeric>

#include "kernels/nd_index.hpp"
#include "kernels/pool_geometry.hpp"
#include "kernels/post_ops.hpp"
#include "kernels/register.hpp"

namespace tarsier::kernels {
namespace {

class Pool : public Operator {
 public:
  Pool(std::string op_name, PoolKind kind) : Operator(std::move(op_name), 1, 1), kind_(kind) {
    writes_out_others();
  }

  [[nodiscard]] LayoutChoice layouts(const graph::Graph& graph, const graph::Node& node) const override {
    return has_indices(node) ? all_layouts(node, Layout::kLinear) : prefer_c4(graph, node);
  }
  [[nodiscard]] bool accepts(const graph::Graph& graph, const graph::Node& node,
                             const graph::PostOp& post) const override {
    return layouts(graph, node).outputs[0] == Layout::kC4 && accepts_c4(graph, node, post);
  }

  Status emit(Emitter& emitter) const override {
    const Operand in = emitter.input(0), out = emitter.output(0);
    const OpView view(emitter.graph(), emitter.node());
    TARSIER_TRY(const auto window, pool_axes(view));
    if (!is_c4(out)) return emit_pool_volume(emitter, kind_, window);
    TARSIER_TRY(const PostSetup post, setup_post_ops(emitter));
    const Nchw d(out.value->desc.shape);
    if (d.plane() == 0 || d.n * d.c == 0) return {};
    const PoolAxis &y = window[0], &x = window[1];
    const Divisor by_width = divisor_of(uint32_t(d.w));
    const bool mask = d.c % 4 != 0 && moves_zero(emitter.node());
    const Coverage lanes = cover_repeating(emitter.device());
    // Windows share whole input rows only where these are the window's own.
    const uint32_t rows = y.dilation == 1 && y.stride < y.kernel ? 4 : 1;
    const auto count = uint32_t(d.w * ((d.h + rows - 1) / rows));
    struct Push {
      uint64_t source, target;
      uint32_t count, width, magic, shift;  // lanes of an output plane, columns
      int32_t in_h, in_w;
      uint32_t out_h;
      uint32_t stride, dilation, before, after;  // y | x << 16
      uint32_t groups, channels;
      float p;
      PostPush post;
    } push{};
    TARSIER_TRY(push.source, input_address(emitter, 0, Layout::kC4, half_flag(*in.value) != 0));
    const auto pair = [](int64_t low, int64_t high) { return uint32_t(low) | uint32_t(high) << 16; };
    push.target = out.address;
    push.count = count;
    push.out_h = uint32_t(d.h);
    push.width = uint32_t(d.w);
    push.magic = by_width.magic;
    push.shift = by_width.shift;
    push.in_h = int32_t(y.in);
    push.in_w = int32_t(x.in);
    push.stride = pair(y.stride, x.stride);
    push.dilation = pair(y.dilation, x.dilation);
    push.before = pair(y.before, x.before);
    push.after = pair(y.after, x.after);
    push.groups = uint32_t(d.groups());
    push.channels = uint32_t(d.c);
    push.p = float(view.node().integer("p", 2));
    push.post = post.push;
    const uint32_t mode = kind_ == PoolKind::kMax                            ? 0
                          : kind_ == PoolKind::kLp                           ? 3
                          : view.node().integer("count_include_pad", 0) != 0 ? 2
                                                                             : 1;
    emitter.dispatch("kernels/pool.comp",
                     {post.kinds[0], post.kinds[1], mode, half_flag(*in.value), half_flag(*out.value),
                      uint32_t(y.kernel), uint32_t(x.kernel), (mask ? 1U : 0U) | (d.w == 1 ? 2U : 0U),
                      lanes.width, lanes.guard, rows, uint32_t(y.stride)},
                     push, {(count + lanes.width - 1) / lanes.width, uint32_t(d.n * d.groups()), 1});
    return {};
  }

 protected:
  [[nodiscard]] Result<std::vector<TensorDesc>> shapes(const OpView& view) const override {
    TARSIER_TRY(const auto window, pool_axes(view));
    TensorDesc desc = view.desc(0);
    for (size_t i = 0; i < window.size(); ++i) desc.shape[i + 2] = window[i].out;
    if (kind_ == PoolKind::kMax) return std::vector{desc, TensorDesc{DType::kI64, desc.shape}};
    return std::vector{desc};
  }
  [[nodiscard]] Status supported(const OpView& view) const override {
    if (view.rank(0) > int64_t(kPoolAxes) + 2) {
      return input_error("pooling over {} axes ({} are supported)", view.rank(0) - 2, kPoolAxes);
    }
    if (!is_float(view.dtype(0)) && kind_ != PoolKind::kMax) {
      return input_error("element type {}", graph::name_of(view.dtype(0)));
    }
    if (kind_ == PoolKind::kLp && view.node().integer("p", 2) < 1) return input_error("p below 1");
    return {};
  }
  Status write_out(graph::NodeBuilder& builder) const override {
    if (builder.shape(0).size() != 3 || !is_float(builder.desc(0).dtype)) return {};
    const graph::Node& node = builder.node();
    const auto axis = builder.ints({2});
    const auto plane = builder.add("Unsqueeze", {builder.input(0), axis});
    const auto pooled = builder.add_many(node.op, {plane}, node.outputs.size(), with_unit_axis(node));
    // The place in a plane of one row is the place in the row.
    for (size_t i = 0; i < pooled.size(); ++i) {
      if (builder.output(i) != graph::kNone) {
        builder.set_output(i, builder.add("Squeeze", {pooled[i], axis}));
      }
    }
    return {};
  }
  Status compute(const OpView& view, std::vector<Tensor>& outputs) const override {
    TARSIER_CHECK(supported(view));
    TARSIER_TRY(const auto window, pool_axes(view));
    std::vector<double> values;
    std::vector<int64_t> indices;
    pool_reference(view, kind_, window, values, &indices);
    if (is_float(view.dtype(0))) {
      store(outputs[0], std::vector<float>(values.begin(), values.end()));
    } else {
      store(outputs[0], std::vector<int64_t>(values.begin(), values.end()));
    }
    if (outputs.size() > 1) store(outputs[1], indices);
    return {};
  }

 private:
  static bool has_indices(const graph::Node& node) {
    return node.outputs.size() > 1 && node.outputs[1] != graph::kNone;
  }
  PoolKind kind_;
};

/// Inputs X, I and (optional) output_shape: X's elements at the places that MaxPool's Indices gave, else
/// zero.
class MaxUnpool : public Composite {
 public:
  MaxUnpool() : Composite("MaxUnpool", 2, 3) { needs_values({2}); }

 protected:
  Status write_out(graph::NodeBuilder& builder) const override {
    const graph::Node& node = builder.node();
    const Shape& in = builder.shape(0);
    const auto axes = in.size() < 3 ? 0 : in.size() - 2;
    const auto kernel = node.integers("kernel_shape");
    const auto stride = node.integers("strides", std::vector<int64_t>(axes, 1));
    const auto pads = node.integers("pads", std::vector<int64_t>(axes * 2, 0));
    if (axes == 0 || kernel.size() != axes || stride.size() != axes || pads.size() != axes * 2) {
      return input_error("kernel_shape, strides or pads do not fit {}", graph::to_string(in));
    }
    if (builder.shape(1) != in) return input_error("the indices have another shape than the data");
    // The places are those in a tensor of the extents that pooling would have made X from; output_shape may
    // ask for more, which is then filled with zeros behind.
    Shape pooled = in, out;
    for (size_t i = 0; i < axes; ++i) {
      constexpr int64_t kMost = int64_t{1} << 24;  // so that the product below fits
      for (const int64_t v : {kernel[i], stride[i], pads[i], pads[i + axes]})
        if (v < 0 || v > kMost) return input_error("kernel_shape, strides or pads hold {}", v);
      pooled[i + 2] = (in[i + 2] - 1) * stride[i] - pads[i] - pads[i + axes] + kernel[i];
      if (pooled[i + 2] < 1) return input_error("axis {} would have an extent of {}", i + 2, pooled[i + 2]);
    }
    out = pooled;
    if (builder.data(2) != nullptr) out = builder.data(2)->to_ints();
    if (out.size() != in.size() || out[0] != in[0] || out[1] != in[1]) {
      return input_error("output_shape {} does not fit {}", graph::to_string(out), graph::to_string(in));
    }
    bool larger = false;
    std::vector<int64_t> padding(in.size() * 2, 0);
    for (size_t i = 2; i < in.size(); ++i) {
      if (out[i] < pooled[i]) return input_error("output_shape {} is too small", graph::to_string(out));
      padding[in.size() + i] = out[i] - pooled[i];
      larger = larger || out[i] != pooled[i];
    }
    const Shape flat{graph::element_count(in)};
    const auto empty =
        builder.add("Expand", {builder.scalar(0), builder.ints({graph::element_count(pooled)})});
    const auto filled =
        builder.add("ScatterElements",
                    {empty, builder.reshape(builder.input(1), flat), builder.reshape(builder.input(0), flat)},
                    {{"axis", int64_t{0}}});
    const auto shaped = builder.reshape(filled, pooled);
    builder.set_output(0, larger ? builder.add("Pad", {shaped, builder.ints(padding)}) : shaped);
    return {};
  }
};

}  // namespace

void register_pool(Registry& registry) {
  registry.add(std::make_unique<Pool>("MaxPool", PoolKind::kMax));
  registry.add(std::make_unique<Pool>("AveragePool", PoolKind::kAverage));
  registry.add(std::make_unique<Pool>("LpPool", PoolKind::kLp));
  registry.add(std::make_unique<MaxUnpool>());
}

}  // namespace tarsier::kernels
