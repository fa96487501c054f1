// Concat, Split and GatherChannels. Along channels of a kC4 tensor they are table lookups (shader
// channel_gather.comp), along any axis of a row-major one strided copies.
#include "kernels/channels.hpp"

#include <algorithm>
#include <cstring>

#include "core/number.hpp"
#include "kernels/post_ops.hpp"
#include "kernels/register.hpp"
#include "kernels/strided.hpp"

namespace tarsier::kernels {

Status emit_channel_gather(Emitter& emitter, const Operand& out, const std::vector<ChannelSource>& channels) {
  struct Entry {  // one output group; channel_gather.comp
    std::array<uint64_t, 4> plane{};
    std::array<uint32_t, 4> component{4, 4, 4, 4};  // 4: zero; + kHalfPlane
  };
  static_assert(sizeof(Entry) == 48);
  const Nchw d(out.value->desc.shape);
  constexpr uint32_t kHalfPlane = 8, kMixed = 2;
  if (d.plane() == 0) return {};
  const uint32_t first_half = channels.front().half;
  const bool mixed =
      !std::ranges::all_of(channels, [&](const ChannelSource& source) { return source.half == first_half; });
  std::vector<Entry> table(size_t(d.n * d.groups()));
  bool whole_groups = !mixed;
  for (int64_t n = 0; n < d.n; ++n) {
    for (int64_t g = 0; g < d.groups(); ++g) {
      Entry& entry = table[size_t(n * d.groups() + g)];
      for (int64_t k = 0; k < 4; ++k) {
        const int64_t c = g * 4 + k;
        // A padding channel repeats the address before it: every lane loads from somewhere valid.
        const ChannelSource& source = channels[size_t(std::min(c, d.c - 1))];
        const int64_t groups = (source.channels + 3) / 4;
        const uint64_t plane_bytes = uint64_t(d.plane()) * (source.half != 0 ? 8 : 16);
        entry.plane[size_t(k)] = source.address + uint64_t(n * groups + source.channel / 4) * plane_bytes;
        if (c < d.c) entry.component[size_t(k)] = uint32_t(source.channel % 4);
        if (mixed && source.half != 0) entry.component[size_t(k)] += kHalfPlane;
        const bool in_place = c < d.c ? source.channel % 4 == k && entry.plane[size_t(k)] == entry.plane[0]
                                      : source.channel - (d.c - 1) + c >= source.channels;
        whole_groups = whole_groups && in_place;
      }
    }
  }
  TARSIER_TRY(const Weights weights, emitter.upload(std::as_bytes(std::span(table))));
  TARSIER_TRY(const PostSetup post, setup_post_ops(emitter));
  struct Push {
    uint64_t target, table;
    uint32_t count, groups, channels, reserved = 0;
    PostPush post;
  } push{out.address, weights.address, uint32_t(d.plane()), uint32_t(d.groups()), uint32_t(d.c),
         0,           post.push};
  const bool mask = d.c % 4 != 0 && moves_zero(emitter.node());
  const Coverage lanes = cover_repeating(emitter.device());
  emitter.dispatch("kernels/channel_gather.comp",
                   {post.kinds[0], post.kinds[1], mixed ? kMixed : first_half, half_flag(*out.value),
                    whole_groups ? 1U : 0U, lanes.width, lanes.guard, mask ? 1U : 0U},
                   push,
                   {(push.count + lanes.per_group() - 1) / lanes.per_group(), uint32_t(table.size()), 1});
  return {};
}

namespace {

/// Appends channels [first, first + count) of input i. Sources may be stored unlike the output: what the
/// caller reads is fp32 always.
Status append_channels(Emitter& emitter, size_t i, int64_t first, int64_t count,
                       std::vector<ChannelSource>& channels) {
  const graph::Value& value = *emitter.input(i).value;
  const uint32_t half = value.constant ? 0 : half_flag(value);
  TARSIER_TRY(const uint64_t address, input_address(emitter, i, Layout::kC4, half != 0));
  for (int64_t c = first; c < first + count; ++c) channels.push_back({address, c, value.desc.shape[1], half});
  return {};
}

class Concat : public Operator {
 public:
  Concat() : Operator("Concat", 1, 4096) {}

  [[nodiscard]] LayoutChoice layouts(const graph::Graph& graph, const graph::Node& node) const override {
    const TensorDesc& out = graph.value(node.outputs[0]).desc;
    const int64_t axis = node.integer("axis", 1);
    bool c4 = can_be_c4(out) && (axis == 1 || axis == -3), any = false;
    for (const auto id : node.inputs) {
      c4 = c4 && can_be_c4(graph.value(id).desc);
      any = any || (graph.constant(id) == nullptr && graph.value(id).layout == Layout::kC4);
    }
    return all_layouts(node, c4 && (any || !node.post.empty()) ? Layout::kC4 : Layout::kLinear);
  }
  /// A copy in any case where a value joins that is not this node's alone: then the work behind it is free.
  [[nodiscard]] bool accepts(const graph::Graph& graph, const graph::Node& node,
                             const graph::PostOp& post) const override {
    const int64_t axis = node.integer("axis", 1);
    return (axis == 1 || axis == -3) && accepts_in_groups(graph, node, post);
  }

  Status emit(Emitter& emitter) const override {
    const Operand out = emitter.output(0);
    const OpView view(emitter.graph(), emitter.node());
    const Shape& shape = out.value->desc.shape;
    if (is_c4(out)) {
      std::vector<ChannelSource> channels;
      for (size_t i = 0; i < view.input_count(); ++i) {
        TARSIER_CHECK(append_channels(emitter, i, 0, view.shape(i)[1], channels));
      }
      return emit_channel_gather(emitter, out, channels);
    }
    TARSIER_TRY(const int64_t axis, normalize_axis(view.node().integer("axis", 1), int64_t(shape.size())));
    int64_t at = 0;
    for (size_t i = 0; i < view.input_count(); ++i) {
      TARSIER_TRY(const uint64_t source, input_address(emitter, i, Layout::kLinear, false));
      TARSIER_CHECK(emit_strided_copy(emitter, part(view.shape(i), shape, axis, at), source, out.address));
      at += view.shape(i)[size_t(axis)];
    }
    return {};
  }

 protected:
  [[nodiscard]] Result<std::vector<TensorDesc>> shapes(const OpView& view) const override {
    if (!view.node().has("axis")) return input_error("attribute 'axis' is missing");
    TARSIER_TRY(const int64_t axis, normalize_axis(view.node().integer("axis", 1), view.rank(0)));
    TensorDesc desc = view.desc(0);
    for (size_t i = 1; i < view.input_count(); ++i) {
      if (!view.has(i)) return input_error("input {} is missing", i);
      Shape expected = desc.shape;
      const auto d = size_t(axis);
      if (view.rank(i) == view.rank(0)) expected[d] = view.shape(i)[d];
      if (view.shape(i) != expected || view.dtype(i) != desc.dtype) {
        return input_error("input {} of shape {} does not fit input 0 of shape {} along axis {}", i,
                           graph::to_string(view.shape(i)), graph::to_string(view.shape(0)), axis);
      }
      desc.shape[d] += view.shape(i)[d];
    }
    return std::vector{desc};
  }
  Status compute(const OpView& view, std::vector<Tensor>& outputs) const override {
    const Shape shape = outputs[0].shape();
    TARSIER_TRY(const int64_t axis, normalize_axis(view.node().integer("axis", 1), int64_t(shape.size())));
    int64_t at = 0;
    for (size_t i = 0; i < view.input_count(); ++i) {
      outputs[0] = strided_copy(*view.data(i), part(view.shape(i), shape, axis, at), std::move(outputs[0]));
      at += view.shape(i)[size_t(axis)];
    }
    return {};
  }

 private:
  static StridedCopy part(const Shape& input, const Shape& out, int64_t axis, int64_t at) {
    const auto strides = strides_of(out);
    return {input, strides_of(input), strides, 0, at * strides[size_t(axis)]};
  }
};

/// Inputs data and (optional) split; attributes axis, num_outputs (ONNX opset 13 and newer).
class Split : public Operator {
 public:
  Split() : Operator("Split", 1, 2) { needs_values({1}); }

  [[nodiscard]] LayoutChoice layouts(const graph::Graph& graph, const graph::Node& node) const override {
    const int64_t axis = node.integer("axis", 0);
    LayoutChoice choice = follow_input(graph, node);
    if (axis != 1 && axis != -3) choice = all_layouts(node, Layout::kLinear);
    if (choice.inputs.size() > 1) choice.inputs[1] = Layout::kLinear;
    return choice;
  }

  Status emit(Emitter& emitter) const override {
    const OpView view(emitter.graph(), emitter.node());
    TARSIER_TRY(const auto sizes, parts(view));
    TARSIER_TRY(const int64_t axis, normalize_axis(view.node().integer("axis", 0), view.rank(0)));
    int64_t at = 0;
    for (size_t i = 0; i < sizes.size(); ++i) {
      const Operand out = emitter.output(i);
      if (out.value != nullptr && is_c4(out)) {
        std::vector<ChannelSource> channels;
        TARSIER_CHECK(append_channels(emitter, 0, at, sizes[i], channels));
        TARSIER_CHECK(emit_channel_gather(emitter, out, channels));
      } else if (out.value != nullptr) {
        TARSIER_TRY(const uint64_t source, input_address(emitter, 0, Layout::kLinear, false));
        TARSIER_CHECK(emit_strided_copy(emitter, part(view.shape(0), out.value->desc.shape, axis, at), source,
                                        out.address));
      }
      at += sizes[i];
    }
    return {};
  }

 protected:
  [[nodiscard]] Result<std::vector<TensorDesc>> shapes(const OpView& view) const override {
    TARSIER_TRY(const auto sizes, parts(view));
    TARSIER_TRY(const int64_t axis, normalize_axis(view.node().integer("axis", 0), view.rank(0)));
    std::vector<TensorDesc> descs;
    for (const int64_t size : sizes) {
      descs.push_back(view.desc(0));
      descs.back().shape[size_t(axis)] = size;
    }
    return descs;
  }
  Status compute(const OpView& view, std::vector<Tensor>& outputs) const override {
    TARSIER_TRY(const int64_t axis, normalize_axis(view.node().integer("axis", 0), view.rank(0)));
    int64_t at = 0;
    for (Tensor& output : outputs) {
      const int64_t size = output.shape()[size_t(axis)];
      const StridedCopy copy = part(view.shape(0), output.shape(), axis, at);
      output = strided_copy(*view.data(0), copy, std::move(output));
      at += size;
    }
    return {};
  }

 private:
  static StridedCopy part(const Shape& input, const Shape& out, int64_t axis, int64_t at) {
    const auto strides = strides_of(input);
    return {out, strides, strides_of(out), at * strides[size_t(axis)], 0};
  }
  static Result<std::vector<int64_t>> parts(const OpView& view) {
    TARSIER_TRY(const int64_t axis, normalize_axis(view.node().integer("axis", 0), view.rank(0)));
    const int64_t extent = view.shape(0)[size_t(axis)];
    const auto count = int64_t(view.node().outputs.size());
    std::vector<int64_t> sizes;
    if (view.has(1)) {
      TARSIER_TRY(sizes, view.constant_ints(1, "split"));
    } else {  // equal parts, the last one smaller
      const int64_t chunk = (extent + count - 1) / std::max<int64_t>(count, 1);
      for (int64_t i = 0, left = extent; i < count; ++i, left -= sizes.back()) {
        sizes.push_back(std::min(chunk, left));
      }
    }
    int64_t sum = 0;
    for (const int64_t size : sizes) sum = size < 0 ? INT64_MAX : saturated_sum(sum, size);
    if (int64_t(sizes.size()) != count || sum != extent) {
      return input_error("split={} does not part {} elements into {} outputs", graph::to_string(sizes),
                         extent, count);
    }
    return sizes;
  }
};

/// IR operator of the channel-shuffle pass: output channel i is input channel indices[i].
class GatherChannels : public Operator {
 public:
  GatherChannels() : Operator("GatherChannels", 1, 1) {}

  [[nodiscard]] bool accepts(const graph::Graph& graph, const graph::Node& node,
                             const graph::PostOp& post) const override {
    return accepts_c4(graph, node, post);
  }

  [[nodiscard]] LayoutChoice layouts(const graph::Graph& graph, const graph::Node& node) const override {
    return prefer_c4(graph, node);
  }

  Status emit(Emitter& emitter) const override {
    const Operand out = emitter.output(0);
    const OpView view(emitter.graph(), emitter.node());
    if (!is_c4(out)) return runtime_error("GatherChannels runs on rank-4 real tensors alone");
    std::vector<ChannelSource> channels;
    for (const int64_t c : view.node().integers("indices")) {
      TARSIER_CHECK(append_channels(emitter, 0, c, 1, channels));
    }
    return emit_channel_gather(emitter, out, channels);
  }

 protected:
  [[nodiscard]] Result<std::vector<TensorDesc>> shapes(const OpView& view) const override {
    if (view.rank(0) != 4) return input_error("rank {} (4 is expected)", view.rank(0));
    TensorDesc desc = view.desc(0);
    const auto indices = view.node().integers("indices");
    for (const int64_t c : indices) {
      if (c < 0 || c >= desc.shape[1]) return input_error("channel {} of {}", c, desc.shape[1]);
    }
    desc.shape[1] = int64_t(indices.size());
    return std::vector{desc};
  }
  [[nodiscard]] Status supported(const OpView& view) const override {
    if (!is_float(view.dtype(0))) return input_error("element type {}", graph::name_of(view.dtype(0)));
    return {};
  }
  Status compute(const OpView& view, std::vector<Tensor>& outputs) const override {
    const auto indices = view.node().integers("indices");
    const auto values = view.floats(0);
    const Nchw in(view.shape(0));
    std::vector<float> out(size_t(outputs[0].size()));
    size_t at = 0;
    for (int64_t n = 0; n < in.n; ++n) {
      for (const int64_t c : indices) {
        const auto begin = values.begin() + (n * in.c + c) * in.plane();
        std::copy_n(begin, in.plane(), out.begin() + int64_t(at));
        at += size_t(in.plane());
      }
    }
    store(outputs[0], out);
    return {};
  }
};

}  // namespace

void register_channels(Registry& registry) {
  registry.add(std::make_unique<Concat>());
  registry.add(std::make_unique<Split>());
  registry.add(std::make_unique<GatherChannels>());
}

}  // namespace tarsier::kernels
