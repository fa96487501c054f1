// ReverseSequence and Col2Im (shaders of their names), Compress and CenterCropPad (written out in others).
#include <algorithm>
#include <array>
#include <numeric>

#include "core/number.hpp"
#include "kernels/nd_index.hpp"
#include "kernels/register.hpp"

namespace tarsier::kernels {
namespace {

/// Inputs X and sequence_lens: the first sequence_lens[b] elements along time_axis of batch entry b run
/// backwards.
class ReverseSequence : public Operator {
 public:
  ReverseSequence() : Operator("ReverseSequence", 2, 2) {}

  Status emit(Emitter& emitter) const override {
    const OpView view(emitter.graph(), emitter.node());
    TARSIER_TRY(const auto axes, time_and_batch(view));
    const auto strides = strides_of(view.shape(0));
    struct Push {
      uint64_t source, target, lengths;
      uint32_t count, time, time_stride, batches, batch_stride;
    } push{};
    push.count = uint32_t(graph::element_count(view.shape(0)));
    if (push.count == 0) return {};
    TARSIER_TRY(push.source, input_address(emitter, 0, Layout::kLinear, false));
    TARSIER_TRY(push.lengths, input_address(emitter, 1, Layout::kLinear, false));
    push.target = emitter.output(0).address;
    push.time = uint32_t(view.shape(0)[axes[0]]);
    push.time_stride = uint32_t(strides[axes[0]]);
    push.batches = uint32_t(view.shape(0)[axes[1]]);
    push.batch_stride = uint32_t(strides[axes[1]]);
    emitter.dispatch("kernels/reverse_sequence.comp", {}, push, flat_grid(push.count, kLocalSize));
    return {};
  }

 protected:
  [[nodiscard]] Result<std::vector<TensorDesc>> shapes(const OpView& view) const override {
    TARSIER_TRY(const auto axes, time_and_batch(view));
    if (is_float(view.dtype(1)) || view.shape(1) != Shape{view.shape(0)[axes[1]]}) {
      return input_error("sequence_lens {} for {}", graph::to_string(view.shape(1)),
                         graph::to_string(view.shape(0)));
    }
    return std::vector{view.desc(0)};
  }
  Status compute(const OpView& view, std::vector<Tensor>& outputs) const override {
    TARSIER_TRY(const auto axes, time_and_batch(view));
    const auto lengths = view.ints(1);
    const auto strides = strides_of(view.shape(0));
    const int64_t time = view.shape(0)[axes[0]], batches = view.shape(0)[axes[1]];
    const size_t size = graph::size_of(view.dtype(0));
    const auto from = view.data(0)->bytes();
    auto to = outputs[0].mutable_bytes();
    for (int64_t i = 0; i < outputs[0].size(); ++i) {
      const int64_t t = i / strides[axes[0]] % time;
      const int64_t length = lengths[size_t(i / strides[axes[1]] % batches)];
      if (length < 0 || length > time) return input_error("a sequence of {} in {} steps", length, time);
      const int64_t at = t < length ? i + (length - 1 - 2 * t) * strides[axes[0]] : i;
      std::copy_n(from.begin() + at * int64_t(size), size, to.begin() + i * int64_t(size));
    }
    return {};
  }

 private:
  static Result<std::array<size_t, 2>> time_and_batch(const OpView& view) {
    const int64_t time = view.node().integer("time_axis", 0), batch = view.node().integer("batch_axis", 1);
    if (view.rank(0) < 2 || time == batch || std::min(time, batch) < 0 || std::max(time, batch) > 1) {
      return input_error("time_axis={}, batch_axis={} of rank {}", time, batch, view.rank(0));
    }
    return std::array{size_t(time), size_t(batch)};
  }
};

/// Inputs input [N, C * block, blocks], image_shape and block_shape: adds sliding blocks up to an image, the
/// transpose of cutting them out (ONNX opset 18), over any number of axes up to four.
class Col2Im : public Operator {
 public:
  Col2Im() : Operator("Col2Im", 3, 3) { needs_values({1, 2}); }

  Status emit(Emitter& emitter) const override {
    const OpView view(emitter.graph(), emitter.node());
    TARSIER_TRY(const Geometry g, geometry(view));
    struct Push {
      uint64_t source, target, table;
      uint32_t count, blocks, block;
    } push{};
    push.count = uint32_t(graph::element_count(emitter.output(0).value->desc.shape));
    if (push.count == 0) return {};
    std::vector<int32_t> words;  // 6 an axis, in the order of Axis
    for (const Axis& a : g.axes) {
      for (const int64_t v : {a.image, a.kernel, a.stride, a.dilation, a.before, a.blocks}) {
        words.push_back(int32_t(v));
      }
    }
    TARSIER_TRY(const Weights table, emitter.upload(std::as_bytes(std::span(words))));
    TARSIER_TRY(push.source, input_address(emitter, 0, Layout::kLinear, false));
    push.target = emitter.output(0).address;
    push.table = table.address;
    push.blocks = uint32_t(g.blocks);
    push.block = uint32_t(g.block);
    emitter.dispatch("kernels/col2im.comp", {uint32_t(g.axes.size())}, push,
                     flat_grid(push.count, kLocalSize));
    return {};
  }

 protected:
  [[nodiscard]] Result<std::vector<TensorDesc>> shapes(const OpView& view) const override {
    TARSIER_TRY(const Geometry g, geometry(view));
    Shape shape{view.shape(0)[0], view.shape(0)[1] / g.block};
    for (const Axis& a : g.axes) shape.push_back(a.image);
    return std::vector{TensorDesc{view.dtype(0), std::move(shape)}};
  }
  [[nodiscard]] Status supported(const OpView& view) const override {
    if (!is_float(view.dtype(0))) return input_error("element type {}", graph::name_of(view.dtype(0)));
    return {};
  }
  Status compute(const OpView& view, std::vector<Tensor>& outputs) const override {
    TARSIER_TRY(const Geometry g, geometry(view));
    const auto in = view.floats(0);
    std::vector<float> out(size_t(outputs[0].size()), 0.0F);
    const int64_t planes = view.shape(0)[0] * view.shape(0)[1] / g.block;
    int64_t volume = 1;
    for (const Axis& a : g.axes) volume *= a.image;
    for (int64_t i = 0; i < int64_t(in.size()); ++i) {
      int64_t b = i % g.blocks, k = i / g.blocks % g.block, at = 0, step = 1;
      bool inside = true;
      for (size_t d = g.axes.size(); d-- > 0;) {
        const Axis& a = g.axes[d];
        const int64_t x = b % a.blocks * a.stride - a.before + k % a.kernel * a.dilation;
        inside = inside && x >= 0 && x < a.image;
        at += x * step;
        step *= a.image;
        b /= a.blocks;
        k /= a.kernel;
      }
      const int64_t plane = i / g.blocks / g.block;
      if (inside && plane < planes) out[size_t(plane * volume + at)] += in[size_t(i)];
    }
    store(outputs[0], out);
    return {};
  }

 private:
  struct Axis {
    int64_t image, kernel, stride, dilation, before, blocks;
  };
  struct Geometry {
    std::vector<Axis> axes;
    int64_t block = 1, blocks = 1;  // elements of a block, number of blocks
  };
  static Result<Geometry> geometry(const OpView& view) {
    TARSIER_TRY(const auto image, view.constant_ints(1, "image_shape"));
    TARSIER_TRY(const auto kernel, view.constant_ints(2, "block_shape"));
    const size_t axes = image.size();
    const std::vector<int64_t> ones(axes, 1);
    const auto stride = view.node().integers("strides", ones);
    const auto dilation = view.node().integers("dilations", ones);
    const auto pads = view.node().integers("pads", std::vector<int64_t>(axes * 2, 0));
    if (axes < 1 || axes > 4 || kernel.size() != axes || stride.size() != axes || dilation.size() != axes ||
        pads.size() != axes * 2) {
      return input_error("image_shape, block_shape, strides, dilations or pads differ in length");
    }
    Geometry g;
    for (size_t d = 0; d < axes; ++d) {
      constexpr int64_t kMost = 1 << 24;
      for (const int64_t v : {image[d], kernel[d], stride[d], dilation[d]}) {
        if (v < 1 || v > kMost) return input_error("an extent or step of {}", v);
      }
      for (const int64_t v : {pads[d], pads[axes + d]}) {
        if (v < -kMost || v > kMost) return input_error("a pad of {}", v);
      }
      const int64_t room = image[d] + pads[d] + pads[axes + d] - (kernel[d] - 1) * dilation[d] - 1;
      if (room < 0 || room > kMost * 2) return input_error("blocks that do not fit the image");
      g.axes.push_back({image[d], kernel[d], stride[d], dilation[d], pads[d], room / stride[d] + 1});
      g.block = saturated_product(g.block, kernel[d]);
      g.blocks = saturated_product(g.blocks, g.axes.back().blocks);
    }
    if (view.rank(0) != 3 || view.shape(0)[1] % g.block != 0 || view.shape(0)[2] != g.blocks) {
      return input_error("input {} does not hold {} blocks of {}", graph::to_string(view.shape(0)), g.blocks,
                         g.block);
    }
    return g;
  }
};

/// Inputs data and condition: the slices along an axis (of the flat data without one) whose condition holds.
class Compress : public Composite {
 public:
  Compress() : Composite("Compress", 2, 2) { needs_values({1}); }

 protected:
  Status write_out(graph::NodeBuilder& builder) const override {
    const bool flat = !builder.node().has("axis");
    const auto rank = int64_t(builder.shape(0).size());
    int64_t axis = 0, extent = graph::element_count(builder.shape(0));
    if (!flat) {
      TARSIER_TRY(axis, normalize_axis(builder.node().integer("axis", 0), rank));
      extent = builder.shape(0)[size_t(axis)];
    }
    std::vector<int64_t> picked;
    const auto condition = builder.data(1)->to_ints();
    for (size_t i = 0; i < condition.size(); ++i) {
      if (condition[i] == 0) continue;
      if (int64_t(i) >= extent) return input_error("condition {} is beyond {} elements", i, extent);
      picked.push_back(int64_t(i));
    }
    auto data = builder.input(0);
    if (flat) data = builder.reshape(data, {extent});
    builder.finish("Gather", {data, builder.ints(picked)}, {{"axis", axis}});
    return {};
  }
};

/// Inputs input_data and shape: cuts or pads the given axes about their middle (ONNX opset 18).
class CenterCropPad : public Composite {
 public:
  CenterCropPad() : Composite("CenterCropPad", 2, 2) { needs_values({1}); }

 protected:
  Status write_out(graph::NodeBuilder& builder) const override {
    const Shape& in = builder.shape(0);
    std::vector<int64_t> axes(in.size());
    std::iota(axes.begin(), axes.end(), int64_t{0});
    axes = builder.node().integers("axes", axes);
    const auto target = builder.data(1)->to_ints();
    if (target.size() != axes.size())
      return input_error("{} extents for {} axes", target.size(), axes.size());
    std::vector<int64_t> pads(in.size() * 2, 0);
    for (size_t i = 0; i < axes.size(); ++i) {
      TARSIER_TRY(const int64_t axis, normalize_axis(axes[i], int64_t(in.size())));
      if (target[i] < 0) return input_error("an extent of {}", target[i]);
      const int64_t more = target[i] - in[size_t(axis)];
      // The odd element is cut off, or added, at the end.
      const int64_t before = more < 0 ? -(-more / 2) : more / 2;
      pads[size_t(axis)] = before;
      pads[in.size() + size_t(axis)] = more - before;
    }
    builder.finish("Pad", {builder.input(0), builder.ints(pads)});
    return {};
  }
};

}  // namespace

void register_rearrange(Registry& registry) {
  registry.add(std::make_unique<ReverseSequence>());
  registry.add(std::make_unique<Col2Im>());
  registry.add(std::make_unique<Compress>());
  registry.add(std::make_unique<CenterCropPad>());
}

}  // namespace tarsier::kernels
