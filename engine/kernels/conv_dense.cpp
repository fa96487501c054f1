// Convolutions with group = 1, weights in uniform windows. See shaders/kernels/conv_dense.comp.
#include <algorithm>
#include <cstring>

#include "gpu/uniform_windows.hpp"
#include "kernels/conv_emit.hpp"

namespace tarsier::kernels {
namespace {

struct Push {
  uint64_t input, output, tail;
  uint32_t groups;
  uint32_t in_extent, out_extent;
  uint32_t slab, blocks;
  uint32_t kernel_stride, dilation_chunks, pad;
  uint32_t out_channels, blocks_per_tap;
  std::array<uint32_t, 16> table;
};
static_assert(sizeof(Push) == 128);

constexpr int64_t kMaxIndex = 255;  // what uniform_byte() of the shader counts to

bool scatters(const ConvGeometry& g) {
  return g.transposed && g.kernel == g.stride && g.pad == ConvGeometry::Pair{0, 0} &&
         g.dilation == ConvGeometry::Pair{1, 1} && g.out[0] == g.in[0] * g.stride[0] &&
         g.out[1] == g.in[1] * g.stride[1];
}

/// kMode of the shader.
enum class Mode : uint32_t { kPointwise = 0, kOneWindow = 1, kSlabs = 2, kOneGroup = 3 };

/// How the work is cut up.
struct Tiling {
  int64_t block_groups = 4;  // groups of 4 output channels that an invocation computes
  int64_t width = 32;        // workgroup
  int64_t pixels = 4;        // of an invocation
  int64_t chunk = 1;         // input groups in a slab
  int64_t chunks = 1;
  int64_t slab_bytes = 0;
  int64_t slabs_per_block = 1;
  int64_t slabs_per_window = 1;
  int64_t window_bytes = 0;  // stride of the windows
  int64_t blocks = 1;        // of all taps of a scatter
  int64_t blocks_per_tap = 1;
  int64_t blocks_per_dispatch = 0;
  Mode mode = Mode::kSlabs;
};

/// Output groups of an invocation: 4 use the loaded pixels most, but a last block that is mostly padding
/// costs more than narrower blocks. The constant weighs loading a pixel against 4 x 4 products.
int64_t choose_block_groups(int64_t out_groups, int64_t most) {
  int64_t best = 1;
  double best_cost = 1e30;
  for (int64_t k = std::min<int64_t>(4, most); k >= 1; --k) {
    const double cost = double(ceil_div(out_groups, k)) * (double(k) + 0.8);
    if (cost < best_cost * 0.999) {
      best = k;
      best_cost = cost;
    }
  }
  return best;
}

/// `blocks_per_dispatch` is 0 where the windows do not hold one block.
Tiling tile_weights(const ConvGeometry& g, const gpu::DeviceFeatures& device, int64_t most_groups) {
  const int64_t range = device.max_uniform_range, alignment = device.uniform_alignment;
  const int64_t in_groups = ceil_div(g.in_channels, 4), out_groups = ceil_div(g.out_channels, 4);
  const bool scatter = scatters(g);
  Tiling t;
  t.block_groups = choose_block_groups(out_groups, most_groups);
  const int64_t group_bytes = t.block_groups * 64;  // of weights, an input group
  t.chunks = ceil_div(in_groups, std::min(range / group_bytes, kMaxIndex));
  t.chunk = ceil_div(in_groups, t.chunks);
  t.slab_bytes = t.chunk * group_bytes;
  t.slabs_per_block = scatter ? t.chunks : g.taps() * t.chunks;
  t.blocks_per_tap = ceil_div(out_groups, t.block_groups);
  t.blocks = t.blocks_per_tap * (scatter ? g.taps() : 1);
  t.slabs_per_window = range / t.slab_bytes;
  if (t.chunks == 1 && (g.pointwise() || scatter)) {
    t.mode = Mode::kPointwise;
  } else if (t.chunks == 1 && t.slabs_per_window >= g.taps() && g.taps() <= kMaxIndex) {
    t.mode = in_groups == 1 ? Mode::kOneGroup : Mode::kOneWindow;  // windows hold whole blocks
    t.slabs_per_window -= t.slabs_per_window % g.taps();
  }
  // Windows start at aligned offsets; what lies behind their last slab stays unused.
  const int64_t unit = t.mode == Mode::kOneWindow || t.mode == Mode::kOneGroup ? g.taps() : 1;
  while (t.slabs_per_window > 0 &&
         ceil_div(t.slabs_per_window * t.slab_bytes, alignment) * alignment > range) {
    t.slabs_per_window -= unit;
  }
  if (t.slabs_per_window == 0) return t;
  t.window_bytes = ceil_div(t.slabs_per_window * t.slab_bytes, alignment) * alignment;
  t.blocks_per_dispatch =
      std::min({t.blocks, t.slabs_per_window * int64_t{gpu::kWindows} / t.slabs_per_block, kMaxIndex});
  return t;
}

Tiling tile(const ConvGeometry& g, const gpu::DeviceFeatures& device) {
  Tiling t;
  for (int64_t most = 4; most > 0 && t.blocks_per_dispatch == 0; --most) t = tile_weights(g, device, most);
  const int64_t plane = scatters(g) ? g.in_plane() : g.out_plane();
  // Short vectors: a small image fills small workgroups better.
  if (is_narrow(device) && ceil_div(plane, 128) * 128 > plane + plane / 8) t.width = 8;
  while (t.pixels > 1 && t.pixels * t.width > plane) t.pixels /= 2;
  return t;
}

/// Weights of one dispatch's blocks, slab by slab in windows.
std::vector<std::byte> pack(const DenseConv& conv, const Tiling& t, int64_t first, int64_t count) {
  const ConvGeometry& g = conv.geometry;
  const int64_t windows = ceil_div(count * t.slabs_per_block, t.slabs_per_window);
  std::vector<float> packed(size_t(windows * t.window_bytes / 4), 0.0F);
  const int64_t width = t.block_groups * 4;
  const bool scatter = scatters(g);
  for (int64_t slab = 0; slab < count * t.slabs_per_block; ++slab) {
    const int64_t wide_block = first + slab / t.slabs_per_block, part = slab % t.slabs_per_block;
    const int64_t taps = scatter ? 1 : g.taps();
    const int64_t tap = scatter ? wide_block / t.blocks_per_tap : part % taps;
    const int64_t block = wide_block % t.blocks_per_tap;
    const int64_t first_in = part / taps * t.chunk * 4, first_out = block * width;
    float* to = packed.data() +
                (slab / t.slabs_per_window * t.window_bytes + slab % t.slabs_per_window * t.slab_bytes) / 4;
    for (int64_t i = 0; i < std::min(t.chunk * 4, g.in_channels - first_in); ++i) {
      for (int64_t o = 0; o < std::min(width, g.out_channels - first_out); ++o) {
        const int64_t filter = g.transposed ? (first_in + i) * g.out_channels + first_out + o
                                            : (first_out + o) * g.in_channels + first_in + i;
        to[i * width + o] = (*conv.weights)[size_t(filter * g.taps() + tap)];
      }
    }
  }
  std::vector<std::byte> bytes(packed.size() * sizeof(float));
  std::memcpy(bytes.data(), packed.data(), bytes.size());
  return bytes;
}

}  // namespace

bool fits_conv_dense(const ConvGeometry& g, const gpu::DeviceFeatures& device) {
  if (g.group != 1 || (g.transposed && !scatters(g))) return false;
  if (device.max_uniform_range < 16384) return false;
  const auto within = [](const ConvGeometry::Pair& pair, int64_t limit) {
    return std::max(pair[0], pair[1]) <= limit && std::min(pair[0], pair[1]) >= -limit;
  };
  return within(g.in, 65535) && within(g.out, 65535) && within(g.kernel, 255) && within(g.stride, 255) &&
         within(g.dilation, 255) && within(g.pad, 32767) && g.in_channels < 65536 && g.out_channels < 65536 &&
         g.batch < 65536 && g.in_plane() < (1 << 27) && g.out_plane() < (1 << 27) &&
         tile_weights(g, device, 1).blocks_per_dispatch > 0;
}

int64_t dense_channels(const ConvGeometry& g, const gpu::DeviceFeatures& device) {
  const Tiling t = tile(g, device);
  return t.blocks_per_tap * t.block_groups * 4;
}

Status emit_dense(Emitter& emitter, const DenseConv& conv) {
  const ConvGeometry& g = conv.geometry;
  const bool scatter = scatters(g);
  const Tiling t = tile(g, emitter.device());
  Push push{};
  push.input = conv.input;
  push.output = conv.output;
  push.tail = conv.tail.address;
  push.groups = uint32_t(ceil_div(g.out_channels, 4) << 16 | ceil_div(g.in_channels, 4));
  push.in_extent = uint32_t(g.in[0] << 16 | g.in[1]);
  push.out_extent = scatter ? push.in_extent : uint32_t(g.out[0] << 16 | g.out[1]);
  push.slab = uint32_t(t.chunk << 16 | t.slab_bytes / 16);
  push.kernel_stride = scatter
                           ? uint32_t(1 << 24 | 1 << 16 | 1 << 8 | 1)
                           : uint32_t(g.stride[0] << 24 | g.stride[1] << 16 | g.kernel[0] << 8 | g.kernel[1]);
  push.dilation_chunks = uint32_t(t.chunks << 16 | g.dilation[0] << 8 | g.dilation[1]);
  push.pad = uint32_t(g.pad[0]) << 16 | (uint32_t(g.pad[1]) & 0xFFFFu);
  push.out_channels = uint32_t(g.out_channels);
  push.blocks_per_tap = uint32_t(t.blocks_per_tap);
  for (uint32_t i = 0; i < 16; ++i) push.table[i] = i;

  const int64_t plane = scatter ? g.in_plane() : g.out_plane();
  for (int64_t first = 0; first < t.blocks; first += t.blocks_per_dispatch) {
    const int64_t count = std::min(t.blocks_per_dispatch, t.blocks - first);
    TARSIER_TRY(const Weights weights, emitter.upload(pack(conv, t, first, count)));
    push.blocks = uint32_t(first << 16 | t.slabs_per_window);
    emitter.dispatch(
        "kernels/conv_dense.comp",
        {conv.tail.kinds[0], conv.tail.kinds[1], uint32_t(conv.input_storage), conv.output_half, conv.mask,
         emitter.device().software ? 0U : 1U, uint32_t(t.width), uint32_t(t.pixels), uint32_t(t.block_groups),
         uint32_t(t.mode), scatter ? uint32_t(g.stride[1]) : 0U, scatter ? uint32_t(g.stride[0]) : 0U,
         conv.tap_is_image ? 1U : 0U, uint32_t(std::min<int64_t>(g.in_channels, 4)), conv.rows ? 1U : 0U},
        push,
        {uint32_t(ceil_div(plane, t.width * t.pixels)), uint32_t(count),
         conv.tap_is_image ? 1U : uint32_t(g.batch)},
        weights.offset, first == 0 && conv.after_previous, uint32_t(t.window_bytes));
  }
  return {};
}

Status emit_conv_dense(ConvContext& context) {
  DenseConv conv{context.geometry, &context.weights};
  conv.input = context.input.address;
  conv.output = context.output.address;
  conv.input_storage = context.input_storage();
  conv.output_half = context.output_half();
  conv.mask = context.mask_flag();
  TARSIER_TRY(conv.tail, upload_tail(context, dense_channels(context.geometry, context.emitter.device())));
  return emit_dense(context.emitter, conv);
}

}  // namespace tarsier::kernels
