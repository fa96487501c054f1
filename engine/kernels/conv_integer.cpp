// Convolutions of integers: ConvInteger (int32 sums) and QLinearConv (sums quantised again). With constant
// weights both are written out in Conv on whole numbers in fp32, which has kernels for every shape and is
// exact up to 2^24; else they run on words of 32 bits: shader conv_integer.comp, up to three spatial axes,
// groups, pads that count as the zero point.
#include <array>
#include <cmath>
#include <optional>

#include "core/number.hpp"
#include "kernels/byte_weights.hpp"
#include "kernels/nd_index.hpp"
#include "kernels/quantized.hpp"
#include "kernels/register.hpp"

namespace tarsier::kernels {
namespace {

/// The sizes of a convolution with its spatial axes padded in front to three. The order is that of struct
/// Geometry in conv_integer.comp.
struct Geometry {
  int32_t n = 0, channels = 0, out_channels = 0, groups = 1;
  std::array<int32_t, 3> in{1, 1, 1}, out{1, 1, 1}, kernel{1, 1, 1};
  std::array<int32_t, 3> stride{1, 1, 1}, dilation{1, 1, 1}, pad{0, 0, 0};
  std::array<int32_t, 2> reserved{};

  [[nodiscard]] int64_t taps() const { return int64_t{kernel[0]} * kernel[1] * kernel[2]; }
  [[nodiscard]] int64_t pixels() const { return int64_t{out[0]} * out[1] * out[2]; }
};
static_assert(sizeof(Geometry) == 96);

struct Described {
  Geometry geometry;
  Shape out;
};

/// `w` is the input index of the weights; explicit.cpp has filled in the attributes.
Result<Described> describe(const OpView& view, size_t w) {
  const Shape &x = view.shape(0), &weights = view.shape(w);
  const size_t axes = x.size() < 3 ? 0 : x.size() - 2;
  if (axes < 1 || axes > 3 || weights.size() != x.size())
    return input_error("input {} and weights {}", graph::to_string(x), graph::to_string(weights));
  const graph::Node& node = view.node();
  const auto strides = node.integers("strides", std::vector<int64_t>(axes, 1));
  const auto dilations = node.integers("dilations", std::vector<int64_t>(axes, 1));
  const auto pads = node.integers("pads", std::vector<int64_t>(axes * 2, 0));
  const int64_t groups = node.integer("group", 1);
  if (strides.size() != axes || dilations.size() != axes || pads.size() != axes * 2)
    return input_error("strides, dilations or pads don't fit input {}", graph::to_string(x));
  if (groups < 1 || weights[0] % groups != 0 || x[1] != saturated_product(weights[1], groups))
    return input_error("input {}, weights {}, {} groups", graph::to_string(x), graph::to_string(weights),
                       groups);
  Described d;
  Geometry& g = d.geometry;
  g.n = int32_t(x[0]);
  g.channels = int32_t(x[1]);
  g.out_channels = int32_t(weights[0]);
  g.groups = int32_t(groups);
  d.out = {x[0], weights[0]};
  for (size_t i = 0; i < axes; ++i) {
    const size_t at = 3 - axes + i;
    const int64_t kernel = weights[i + 2];
    if (kernel < 1 || strides[i] < 1 || dilations[i] < 1) return input_error("an empty window");
    constexpr int64_t kMost = int64_t{1} << 24;  // so that every product below fits
    for (const int64_t v : {kernel, strides[i], dilations[i], pads[i], pads[i + axes]})
      if (v > kMost || v < -kMost) return input_error("kernel, strides, dilations or pads hold {}", v);
    const int64_t span = x[i + 2] + pads[i] + pads[i + axes] - (kernel - 1) * dilations[i] - 1;
    if (span < 0) return input_error("the window is larger than the padded input {}", graph::to_string(x));
    g.in[at] = int32_t(x[i + 2]);
    g.kernel[at] = int32_t(kernel);
    g.stride[at] = int32_t(strides[i]);
    g.dilation[at] = int32_t(dilations[i]);
    g.pad[at] = int32_t(pads[i]);
    g.out[at] = int32_t(span / strides[i] + 1);
    d.out.push_back(g.out[at]);
  }
  return d;
}

/// One element for all output channels or one for each.
Status check_per_channel(const OpView& view, size_t index, int64_t channels) {
  if (!view.has(index)) return {};
  const int64_t count = graph::element_count(view.shape(index));
  if (count == 1 || (count == channels && view.rank(index) == 1)) return {};
  return input_error("input {} of shape {} for {} output channels", index,
                     graph::to_string(view.shape(index)), channels);
}

/// Calls f(output index, output channel, sum of (x - x_zero) * (w - w_zero[channel])).
template <class F>
void for_each_sum(const Geometry& g, const std::vector<int64_t>& x, int64_t x_zero,
                  const std::vector<int64_t>& w, const std::vector<int64_t>& w_zero, F&& f) {
  const int64_t per_group = g.channels / g.groups, out_per_group = g.out_channels / g.groups;
  size_t at = 0;
  for (int64_t n = 0; n < g.n; ++n) {
    for (int64_t o = 0; o < g.out_channels; ++o) {
      const int64_t zero = w_zero[w_zero.size() == 1 ? 0 : size_t(o)];
      for (int64_t p = 0; p < g.pixels(); ++p) {
        const std::array<int64_t, 3> pixel{p / (g.out[1] * g.out[2]), p / g.out[2] % g.out[1], p % g.out[2]};
        int64_t sum = 0;
        for (int64_t t = 0; t < g.taps(); ++t) {
          const std::array<int64_t, 3> tap{t / (g.kernel[1] * g.kernel[2]), t / g.kernel[2] % g.kernel[1],
                                           t % g.kernel[2]};
          std::array<int64_t, 3> in{};
          bool inside = true;
          for (size_t i = 0; i < 3; ++i) {
            in[i] = pixel[i] * g.stride[i] - g.pad[i] + tap[i] * g.dilation[i];
            inside = inside && in[i] >= 0 && in[i] < g.in[i];
          }
          if (!inside) continue;
          for (int64_t c = 0; c < per_group; ++c) {
            const int64_t channel = n * g.channels + o / out_per_group * per_group + c;
            sum += (x[size_t(((channel * g.in[0] + in[0]) * g.in[1] + in[1]) * g.in[2] + in[2])] - x_zero) *
                   (w[size_t((o * per_group + c) * g.taps() + t)] - zero);
          }
        }
        f(at++, o, sum);
      }
    }
  }
}

/// Input indices of the operands; SIZE_MAX where the operator has none.
struct Places {
  size_t w, x_zero, w_zero;
  size_t x_scale = SIZE_MAX, w_scale = SIZE_MAX, y_scale = SIZE_MAX, y_zero = SIZE_MAX, bias = SIZE_MAX;
};

Status emit_conv(Emitter& emitter, const Places& places, QuantizedRange range) {
  const OpView view(emitter.graph(), emitter.node());
  TARSIER_TRY(const Described d, describe(view, places.w));
  const auto count = uint32_t(graph::element_count(d.out));
  if (count == 0) return {};
  struct Push {
    uint64_t x, w, target, geometry;
    uint64_t x_zero, w_zero, x_scale, w_scale, y_scale, y_zero, bias;
    uint32_t count;
    int32_t low, high;
  } push{};
  const auto address = [&](size_t index) -> Result<uint64_t> {
    if (index == SIZE_MAX) return uint64_t{0};
    return input_address(emitter, index, Layout::kLinear, false);
  };
  TARSIER_TRY(push.x, address(0));
  TARSIER_TRY(push.w, address(places.w));
  TARSIER_TRY(push.x_zero, address(places.x_zero));
  TARSIER_TRY(push.w_zero, address(places.w_zero));
  TARSIER_TRY(push.x_scale, address(places.x_scale));
  TARSIER_TRY(push.w_scale, address(places.w_scale));
  TARSIER_TRY(push.y_scale, address(places.y_scale));
  TARSIER_TRY(push.y_zero, address(places.y_zero));
  TARSIER_TRY(push.bias, address(places.bias));
  TARSIER_TRY(const Weights table, emitter.upload(std::as_bytes(std::span(&d.geometry, 1))));
  push.geometry = table.address;
  push.target = emitter.output(0).address;
  push.count = count;
  push.low = int32_t(range.low);
  push.high = int32_t(range.high);
  const auto per_channel = [&](size_t index) {
    return index != SIZE_MAX && view.has(index) && graph::element_count(view.shape(index)) > 1;
  };
  const auto given = [&](size_t index) { return index != SIZE_MAX && view.has(index); };
  const uint32_t flags = (given(places.x_zero) ? 1U : 0U) | (given(places.w_zero) ? 2U : 0U) |
                         (per_channel(places.w_zero) ? 4U : 0U) | (given(places.y_scale) ? 8U : 0U) |
                         (per_channel(places.w_scale) ? 16U : 0U) | (given(places.bias) ? 32U : 0U);
  emitter.dispatch("kernels/conv_integer.comp", {flags}, push, flat_grid(count, kLocalSize));
  return {};
}

/// Input `index` of the weights' type less their zero points (input `zeros`, may be absent), in fp32.
std::vector<float> centred_weights(const graph::NodeBuilder& builder, size_t index, size_t zeros) {
  const Tensor& given = *builder.data(index);
  const auto zero = builder.data(zeros) == nullptr ? std::vector<int64_t>{0} : builder.data(zeros)->to_ints();
  auto weights = given.to_floats();
  const size_t per_channel = weights.size() / size_t(given.shape()[0]);
  for (size_t i = 0; i < weights.size(); ++i)
    weights[i] -= float(zero[zero.size() == 1 ? 0 : i / per_channel]);
  return weights;
}

class ConvInteger : public Operator {
 public:
  ConvInteger() : Operator("ConvInteger", 2, 4) { writes_out_others(); }
  Status emit(Emitter& emitter) const override { return emit_conv(emitter, kPlaces, {}); }

 protected:
  [[nodiscard]] Result<std::vector<TensorDesc>> shapes(const OpView& view) const override {
    TARSIER_TRY(const Described d, describe(view, kPlaces.w));
    TARSIER_CHECK(are_single(view, {kPlaces.x_zero}));
    TARSIER_CHECK(check_per_channel(view, kPlaces.w_zero, d.geometry.out_channels));
    if (is_float(view.dtype(0)) || is_float(view.dtype(1))) return input_error("an operand is no integer");
    return std::vector{TensorDesc{DType::kI32, d.out}};
  }
  /// Exact in fp32 as long as no sum of products can exceed 2^24.
  Status write_out(graph::NodeBuilder& builder) const override {
    const Tensor* weights = builder.data(kPlaces.w);
    const bool known =
        weights != nullptr && weights->size() > 0 &&
        (builder.input(kPlaces.w_zero) == graph::kNone || builder.data(kPlaces.w_zero) != nullptr);
    const DType type = builder.desc(0).dtype;
    if (!known || builder.shape(0).size() != 4 || (type != DType::kU8 && type != DType::kI8)) return {};
    TARSIER_TRY([[maybe_unused]] const auto descs, shapes(OpView(builder.graph(), builder.node())));
    const auto centred = centred_weights(builder, kPlaces.w, kPlaces.w_zero);
    const size_t per_channel = centred.size() / size_t(weights->shape()[0]);
    for (size_t first = 0; first < centred.size(); first += per_channel) {
      double most = 0;
      for (size_t i = first; i < first + per_channel; ++i) most += 255 * std::fabs(double(centred[i]));
      if (most > 0x1p24) return {};
    }
    std::vector<graph::ValueId> x{builder.input(0), builder.scalar(1)};
    if (builder.input(kPlaces.x_zero) != graph::kNone) x.push_back(builder.input(kPlaces.x_zero));
    auto attributes = builder.node().attributes;
    if (const auto least = least_difference(builder, 0, kPlaces.x_zero)) attributes[kBytesFrom] = *least;
    attributes["whole_numbers"] = int64_t{2};
    attributes["full_precision"] = int64_t{1};
    const auto sum = builder.add(
        "Conv",
        {builder.add("DequantizeLinear", x), builder.constant(Tensor::f32(weights->shape(), centred))},
        std::move(attributes));
    builder.finish("Cast", {sum}, {{"to", onnx_type(DType::kI32)}});
    return {};
  }
  Status compute(const OpView& view, std::vector<Tensor>& outputs) const override {
    TARSIER_TRY(const Described d, describe(view, kPlaces.w));
    std::vector<int64_t> result(size_t(outputs[0].size()));
    for_each_sum(d.geometry, view.ints(0), view.has(2) ? view.ints(2)[0] : 0, view.ints(1),
                 view.has(3) ? view.ints(3) : std::vector<int64_t>{0},
                 [&](size_t at, int64_t, int64_t sum) { result[at] = sum; });
    store(outputs[0], result);
    return {};
  }

 private:
  static constexpr Places kPlaces{.w = 1, .x_zero = 2, .w_zero = 3};
};

/// The IR operator with QLinearConv's inputs and attributes (auto_pad resolved) that keeps to integers.
class QuantizedConv : public Operator {
 public:
  QuantizedConv() : Operator("QuantizedConv", 8, 9) {}
  Status emit(Emitter& emitter) const override {
    return emit_conv(emitter, kPlaces, quantized_range(emitter.output(0).value->desc.dtype));
  }

 protected:
  [[nodiscard]] Result<std::vector<TensorDesc>> shapes(const OpView& view) const override {
    TARSIER_TRY(const Described d, describe(view, kPlaces.w));
    TARSIER_CHECK(are_single(view, {kPlaces.x_scale, kPlaces.x_zero, kPlaces.y_scale, kPlaces.y_zero}));
    for (const size_t line : {kPlaces.w_scale, kPlaces.w_zero, kPlaces.bias})
      TARSIER_CHECK(check_per_channel(view, line, d.geometry.out_channels));
    if (view.has(kPlaces.bias) && graph::element_count(view.shape(kPlaces.bias)) != d.geometry.out_channels)
      return input_error("a bias of {} elements", graph::element_count(view.shape(kPlaces.bias)));
    for (const size_t integer : {size_t{0}, kPlaces.w, kPlaces.y_zero})
      if (is_float(view.dtype(integer))) return input_error("input {} is no integer", integer);
    return std::vector{TensorDesc{view.dtype(kPlaces.y_zero), d.out}};
  }
  Status compute(const OpView& view, std::vector<Tensor>& outputs) const override {
    TARSIER_TRY(const Described d, describe(view, kPlaces.w));
    const float x_scale = view.floats(kPlaces.x_scale)[0], y_scale = view.floats(kPlaces.y_scale)[0];
    const auto w_scale = view.floats(kPlaces.w_scale);
    const int64_t y_zero = view.ints(kPlaces.y_zero)[0];
    const auto bias = view.has(kPlaces.bias) ? view.ints(kPlaces.bias) : std::vector<int64_t>{};
    const QuantizedRange range = quantized_range(outputs[0].dtype());
    std::vector<int64_t> result(size_t(outputs[0].size()));
    for_each_sum(d.geometry, view.ints(0), view.ints(kPlaces.x_zero)[0], view.ints(kPlaces.w),
                 view.ints(kPlaces.w_zero), [&](size_t at, int64_t channel, int64_t sum) {
                   const float scale = x_scale * w_scale[w_scale.size() == 1 ? 0 : size_t(channel)] / y_scale;
                   const int64_t biased = sum + (bias.empty() ? 0 : bias[size_t(channel)]);
                   result[at] = quantized(float(biased) * scale, y_zero, range);
                 });
    store(outputs[0], result);
    return {};
  }

 private:
  static constexpr Places kPlaces{
      .w = 3, .x_zero = 2, .w_zero = 5, .x_scale = 1, .w_scale = 4, .y_scale = 6, .y_zero = 7, .bias = 8};
};

class QLinearConv : public Composite {
 public:
  QLinearConv() : Composite("QLinearConv", 8, 9) {}

 protected:
  Status write_out(graph::NodeBuilder& builder) const override {
    TARSIER_CHECK(are_single(OpView(builder.graph(), builder.node()), {1, 2, 6, 7}));
    const auto scales = folded_scales(builder);
    if (!scales) {
      builder.finish("QuantizedConv", builder.node().inputs, builder.node().attributes);
      return {};
    }
    const Tensor& given = *builder.data(3);
    const int64_t channels = builder.shape(3)[0];
    auto weights = centred_weights(builder, 3, 5);
    const size_t per_channel = weights.size() / size_t(channels);
    // Powers of two leave whole numbers exact and bring sums near the result, where fp16 can hold them.
    std::vector<float> power, rest;
    for (const float scale : *scales) {
      power.push_back(std::exp2(std::round(std::log2(scale))));
      rest.push_back(power.back() / scale);
    }
    for (size_t i = 0; i < weights.size(); ++i) weights[i] *= power[i / per_channel];
    const graph::ValueId x =
        builder.add("DequantizeLinear", {builder.input(0), builder.scalar(1), builder.input(2)});
    std::vector<graph::ValueId> operands{x, builder.constant(Tensor::f32(given.shape(), weights))};
    if (const Tensor* bias = builder.data(8)) {
      auto values = bias->to_floats();
      for (size_t c = 0; c < values.size(); ++c) values[c] *= power[c];
      operands.push_back(builder.constant(Tensor::f32({channels}, values)));
    }
    auto attributes = builder.node().attributes;
    if (const auto least = least_difference(builder, 0, 2)) attributes[kBytesFrom] = *least;
    attributes["whole_numbers"] = int64_t{1};
    const graph::ValueId sum = builder.add("Conv", std::move(operands), std::move(attributes));
    Tensor y_zero({builder.desc(7).dtype, {channels}});
    store(y_zero, std::vector<int64_t>(size_t(channels), builder.data(7)->to_ints()[0]));
    builder.finish("QuantizeLinear",
                   {sum, builder.constant(Tensor::f32({channels}, rest)), builder.constant(y_zero)},
                   {{"axis", int64_t{1}}});
    return {};
  }

 private:
  /// What a sum is multiplied with for each channel; empty where the integers have to do.
  static std::optional<std::vector<float>> folded_scales(const graph::NodeBuilder& builder) {
    if (builder.shape(0).size() != 4 || builder.shape(3).size() != 4) return std::nullopt;
    for (const size_t index : {1, 2, 3, 4, 5, 6, 7})
      if (builder.data(index) == nullptr || builder.data(index)->size() == 0) return std::nullopt;
    if (builder.input(8) != graph::kNone && builder.data(8) == nullptr) return std::nullopt;
    const auto channels = size_t(builder.shape(3)[0]);
    const auto fits = [&](size_t index) {
      const auto count = size_t(builder.data(index)->size());
      return count == 1 || count == channels;
    };
    if (!fits(4) || !fits(5) || (builder.data(8) != nullptr && size_t(builder.data(8)->size()) != channels))
      return std::nullopt;
    const auto w_scale = builder.data(4)->to_floats();
    const float x_scale = builder.data(1)->to_floats()[0], y_scale = builder.data(6)->to_floats()[0];
    std::vector<float> scales;
    for (size_t c = 0; c < channels; ++c) {
      scales.push_back(x_scale * w_scale[w_scale.size() == 1 ? 0 : c] / y_scale);
      if (!(scales.back() > 1e-30F && scales.back() < 1e30F)) return std::nullopt;
    }
    return scales;
  }
};

}  // namespace

void register_conv_integer(Registry& registry) {
  registry.add(std::make_unique<ConvInteger>());
  registry.add(std::make_unique<QuantizedConv>());
  registry.add(std::make_unique<QLinearConv>());
}

}  // namespace tarsier::kernels
