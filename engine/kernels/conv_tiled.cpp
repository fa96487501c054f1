// Convolutions as implicit matrix products through shared memory, for GPUs. See
// shaders/include/conv_tiled.glsl.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "core/half.hpp"
#include "kernels/byte_weights.hpp"
#include "kernels/conv_emit.hpp"
#include "kernels/nd_index.hpp"

namespace tarsier::kernels {
namespace {

struct Push {
  uint64_t input, output, tail, weights;
  uint32_t in_extent, out_extent, in_groups, out_groups;
  uint32_t kernel_stride, dilation, pad;
  uint32_t depth, steps, tiles;
  Divisor groups, width;
  uint32_t out_channels, batch;
  int32_t middle = 0;  // bytes alone
  uint32_t reserved = 0;
};
static_assert(sizeof(Push) == 104);

struct ReducePush {
  uint64_t partial, output, tail;
  uint32_t count, pixels, out_groups, out_channels;
};
static_assert(sizeof(ReducePush) == 40);

/// Groups of 4 k: a tap's input channels start a new one.
int64_t depth_groups(const ConvGeometry& g) {
  return g.taps() * ceil_div(g.in_group(), 4);
}

int64_t step_count(const ConvGeometry& g, const TileVariant& variant) {
  return ceil_div(depth_groups(g) * 4, step_depth(variant));
}

int64_t output_items(const ConvGeometry& g) {
  return g.batch * ceil_div(g.out_channels, 4) * g.out_plane();
}

/// Row-major [conv group][k][columns]; k is (tap, input channel), both padded with zeros.
std::vector<float> pack(const ConvContext& context, int64_t rows, int64_t pitch) {
  const ConvGeometry& g = context.geometry;
  const int64_t in_groups = ceil_div(g.in_group(), 4);
  std::vector<float> packed(size_t(g.group * rows * pitch), 0.0F);
  for (int64_t o = 0; o < g.out_channels; ++o) {
    const int64_t group = o / g.out_group(), column = o % g.out_group();
    for (int64_t i = 0; i < g.in_group(); ++i) {
      for (int64_t tap = 0; tap < g.taps(); ++tap) {
        packed[size_t((group * rows + tap * in_groups * 4 + i) * pitch + column)] =
            context.weights[size_t((o * g.in_group() + i) * g.taps() + tap)];
      }
    }
  }
  return packed;
}

/// The same of bytes: four k in a word, [conv group][rows of 4 k][columns].
std::vector<uint32_t> pack(const ConvGeometry& g, const ByteWeights& weights, int64_t rows, int64_t pitch) {
  const int64_t in_groups = ceil_div(g.in_group(), 4);
  std::vector<uint32_t> packed(size_t(g.group * rows * pitch), 0U);
  for (int64_t o = 0; o < g.out_channels; ++o) {
    const int64_t group = o / g.out_group(), column = o % g.out_group();
    for (int64_t i = 0; i < g.in_group(); ++i) {
      for (int64_t tap = 0; tap < g.taps(); ++tap) {
        put_byte(packed[size_t((group * rows + tap * in_groups + i / 4) * pitch + column)], i,
                 weights.values[size_t((o * g.in_group() + i) * g.taps() + tap)]);
      }
    }
  }
  return packed;
}

Result<Weights> upload_values(Emitter& emitter, const std::vector<float>& values, bool half) {
  if (!half) return emitter.upload(std::as_bytes(std::span(values)));
  std::vector<uint16_t> halves(values.size());
  std::ranges::transform(values, halves.begin(), float_to_half);
  return emitter.upload(std::as_bytes(std::span(halves)));
}

/// The doubled divisor that halve_divide() of the shader wants.
Divisor doubled(int64_t divisor) {
  return divisor_of(uint32_t(divisor) * 2);
}

}  // namespace

ProductSize conv_product(const ConvGeometry& g) {
  return {g.out_plane(), g.out_group(), depth_groups(g) * 4, g.batch * g.group};
}

bool fits_conv_tiled(const ConvGeometry& g, const gpu::DeviceFeatures& device) {
  if (g.transposed || g.rank != 4) return false;
  if (g.group != 1 && (g.in_group() % 4 != 0 || g.out_group() % 4 != 0)) return false;
  const auto within = [](const ConvGeometry::Pair& pair, int64_t limit) {
    return std::max(pair[0], pair[1]) <= limit && std::min(pair[0], pair[1]) >= -limit;
  };
  constexpr int64_t kMost = int64_t{1} << 30;  // of every index that a shader counts in 32 bits
  return within(g.in, 65535) && within(g.out, 65535) && within(g.kernel, 255) && within(g.stride, 255) &&
         within(g.dilation, 255) && within(g.pad, 32767) && g.in_channels < 65536 * 4 &&
         g.out_channels < 65536 * 4 && g.batch * 16 < 65536 &&
         ceil_div(g.in_channels, 4) * g.in_plane() < kMost && output_items(g) < kMost &&
         depth_groups(g) * (g.out_channels + 128) < kMost && g.group * ceil_div(g.out_group(), 16) < 65536 &&
         ceil_div(g.out_plane(), 32) < 65536 && device.max_shared_bytes >= 16384;
}

uint64_t conv_tiled_scratch(const ConvGeometry& g, const TileVariant& variant) {
  const uint64_t parts = most_parts(variant, depth_groups(g) * 4);
  return parts == 1 ? 0 : parts * uint64_t(output_items(g)) * 16;
}

Status emit_conv_tiled(ConvContext& context, const TileVariant& variant) {
  const ConvGeometry& g = context.geometry;
  Emitter& emitter = context.emitter;
  const gpu::DeviceFeatures& device = emitter.device();
  const bool half_input = half_flag(*context.input.value) != 0;
  const bool half_weights = half_input && halves_hold(context.weights);
  TileVariant run = variant;
  run.half = variant.half && half_weights && device.shader_float16;
  const auto middle = middle_of_bytes(emitter.node());
  std::optional<ByteWeights> bytes;
  if (variant.bytes && middle) bytes = byte_weights(context.weights, g.out_channels, true);
  if ((variant.matrix() && !half_weights) || (variant.bytes && !bytes)) {
    // They know fp16 or bytes alone: a network may still name them for a layer whose weights are odd.
    run = plain_tiles(variant);
  }
  const auto shape = tile_shape(run, device);
  if (!shape || !fits_conv_tiled(g, device)) {
    return runtime_error("variant '{}' does not fit this node", variant.name());
  }
  const int64_t steps = step_count(g, run);
  const Split split = split_steps(steps, run.splits);
  const int64_t tiles = ceil_div(g.out_group(), shape->columns);
  const int64_t channels = ceil_div(g.out_channels, 4) * 4, pitch = tiles * shape->columns;
  Push push{};
  Weights weights;
  ConvTail tail;
  if (bytes) {
    // A number is the signed byte plus `middle`, which therefore comes to the bias, times the weights.
    context.bias.resize(size_t(g.out_channels), 0.0F);
    for (size_t o = 0; o < context.bias.size(); ++o)
      context.bias[o] += bytes->scale[o] * float(*middle * bytes->sum[o]);
    auto scale = bytes->scale;
    scale.resize(size_t(channels), 1.0F);
    TARSIER_TRY(tail, upload_tail(context, channels, scale));
    const auto packed = pack(g, *bytes, steps * step_depth(run) / 4, pitch);
    TARSIER_TRY(weights, emitter.upload(std::as_bytes(std::span(packed))));
    push.middle = int32_t(*middle);
  } else {
    TARSIER_TRY(tail, upload_tail(context, channels));
    TARSIER_TRY(weights, upload_values(emitter, pack(context, steps * step_depth(run), pitch), half_weights));
  }
  push.input = context.input.address;
  push.output = split.parts > 1 ? emitter.scratch() : context.output.address;
  push.tail = tail.address;
  push.weights = weights.address;
  push.in_extent = uint32_t(g.in[0] << 16 | g.in[1]);
  push.out_extent = uint32_t(g.out[0] << 16 | g.out[1]);
  push.in_groups = uint32_t(ceil_div(g.in_channels, 4) << 16 | ceil_div(g.in_group(), 4));
  push.out_groups = uint32_t(ceil_div(g.out_channels, 4) << 16 | ceil_div(g.out_group(), 4));
  push.kernel_stride = uint32_t(g.stride[0] << 24 | g.stride[1] << 16 | g.kernel[0] << 8 | g.kernel[1]);
  push.dilation = uint32_t(g.dilation[0] << 8 | g.dilation[1]);
  push.pad = uint32_t(g.pad[0]) << 16 | (uint32_t(g.pad[1]) & 0xFFFFu);
  push.depth = uint32_t(depth_groups(g));
  push.steps = split.per_part;
  push.tiles = uint32_t(tiles);
  push.groups = doubled(ceil_div(g.in_group(), 4));
  push.width = doubled(g.kernel[1]);
  push.out_channels = uint32_t(g.out_channels);
  push.batch = uint32_t(g.batch);
  // What belongs to the output is left to the reduction where there is one: fewer pipelines.
  const bool whole = split.parts == 1;
  std::vector<uint32_t> constants{
      whole ? tail.kinds[0] : 0U,         whole ? tail.kinds[1] : 0U,       half_input ? 1U : 0U,
      whole ? context.output_half() : 0U, whole ? context.mask_flag() : 0U, 1U};
  std::ranges::copy(shape->constants(), std::back_inserter(constants));
  constants.insert(constants.end(), {g.pointwise() ? 1U : 0U, split.parts, half_weights && !bytes ? 1U : 0U});
  Dispatch dispatch;
  dispatch.pipeline.shader = tile_shader("conv", run);
  if (run.matrix()) {
    constants.insert(constants.end(), {run.shape.m, run.shape.n, run.shape.k, device.subgroup_size});
    dispatch.pipeline.subgroup_size = device.subgroup_size;
  }
  dispatch.pipeline.constants = std::move(constants);
  const auto raw = std::as_bytes(std::span(&push, 1));
  dispatch.push.assign(raw.begin(), raw.end());
  dispatch.groups = {uint32_t(ceil_div(g.out_plane(), shape->rows)), uint32_t(g.group * tiles),
                     uint32_t(g.batch) * split.parts};
  emitter.dispatch(std::move(dispatch));
  if (whole) return {};
  return emit_conv_reduce(context, tail, split.parts);
}

Status emit_conv_reduce(ConvContext& context, const ConvTail& tail, uint32_t parts) {
  const ConvGeometry& g = context.geometry;
  ReducePush push{};
  push.partial = context.emitter.scratch();
  push.output = context.output.address;
  push.tail = tail.address;
  push.count = uint32_t(output_items(g));
  push.pixels = uint32_t(g.out_plane());
  push.out_groups = uint32_t(ceil_div(g.out_channels, 4));
  push.out_channels = uint32_t(g.out_channels);
  context.emitter.dispatch(
      "kernels/conv_reduce.comp",
      {tail.kinds[0], tail.kinds[1], 0U, context.output_half(), context.mask_flag(), 1U, parts}, push,
      flat_grid(push.count, kLocalSize), Dispatch::kNoWindow, true);
  return {};
}

}  // namespace tarsier::kernels
