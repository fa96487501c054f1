// One input channel for one output channel. See shaders/include/conv_depthwise.glsl.
#include <algorithm>
#include <bit>
#include <cstring>

#include "kernels/conv_emit.hpp"

namespace tarsier::kernels {
namespace {

struct Push {
  uint64_t input, output, tail;
  uint32_t channels, first_group;
  uint32_t in_h, in_w, out_h, out_w;
  int32_t pad_y, pad_x;
  std::array<uint32_t, 2> reserved;
  std::array<uint32_t, 16> table;
};
static_assert(sizeof(Push) == 128);

constexpr int64_t kMaxGroups = 4095;  // what uniform_index() of the shader counts to
constexpr int64_t kMaxRow = 48;       // length of the shader's row of loaded pixels
constexpr int64_t kMaxTaps = 121;     // everything is unrolled: code grows with the taps
constexpr int64_t kMaxBeyond = 16;    // length of the shader's array of pixels beyond the subgroup

/// Output pixels of an invocation.
struct Tile {
  int64_t x = 1, y = 1;
};

/// Neighbouring outputs share loads. Measured best at stride 1: 4 x 2 for 3x3, 4 x 4 for 5x5; at stride 2: 4
/// x 1. Dilated taps are shared less and larger kernels make long code.
Tile choose_tile(const ConvGeometry& g) {
  const bool large = g.taps() > 25, dilated = g.dilation[0] > 1;
  Tile tile{std::min<int64_t>(large ? 2 : 4, g.out[1]), 1};
  if (g.stride[0] == 1 && !large) tile.y = g.kernel[0] >= 5 && !dilated ? 4 : 2;
  tile.y = std::min(tile.y, g.out[0]);
  while (tile.x > 1 && (tile.x - 1) * g.stride[1] + (g.kernel[1] - 1) * g.dilation[1] + 1 > kMaxRow) --tile.x;
  return tile;
}

/// A row of input pixels of a tile in conv_depthwise_shuffle.comp, left to right: its neighbour's, its own,
/// its neighbour's.
struct SharedRow {
  int64_t left = 0, own = 0, right = 0;
  [[nodiscard]] int64_t beside() const { return std::max(left, right); }
};

SharedRow share_row(const ConvGeometry& g, const Tile& tile) {
  const int64_t shared = g.kernel[1] - g.stride[1];
  const int64_t left = std::min(g.pad[1], shared);
  return {left, tile.x * g.stride[1], shared - left};
}

int64_t rows_of(const ConvGeometry& g, const Tile& tile) {
  return (tile.y - 1) * g.stride[0] + g.kernel[0];
}

/// Loads of an invocation for what lies beyond the ends of its subgroup.
int64_t loads_beyond(const ConvGeometry& g, const Tile& tile, int64_t lanes) {
  return ceil_div(rows_of(g, tile), lanes / 2) * share_row(g, tile).beside();
}

/// At the ends of a row of tiles the neighbours' pixels have to be outside of the image, and a neighbour
/// needs to have all that is wanted of it.
bool shares(const ConvGeometry& g, const Tile& tile, int64_t lanes) {
  const SharedRow row = share_row(g, tile);
  return row.left >= 0 && row.right >= 0 && row.beside() <= row.own &&
         row.left + row.own + row.right <= kMaxRow && loads_beyond(g, tile, lanes) <= kMaxBeyond &&
         ceil_div(g.out[1], tile.x) * row.own - g.pad[1] + row.left >= g.in[1];
}

/// Tall tiles load less for their edges; a small image leaves lanes of theirs idle. Of `most` rows and halves
/// of it, the tile with the fewest loads, stores and products for the whole image, a subgroup at a time.
Tile choose_shared_tile(const ConvGeometry& g, int64_t lanes, int64_t most) {
  Tile best;
  int64_t least = 0;
  most = std::min<int64_t>(most, g.taps() <= 9 ? 8 : g.taps() <= 25 ? 4 : 2);  // all of it unrolls
  for (int64_t rows = most; rows > 0; rows /= 2) {
    const Tile tile{std::min<int64_t>(4, g.out[1]), std::min(rows, g.out[0])};
    const int64_t subgroups = ceil_div(ceil_div(g.out[1], tile.x) * ceil_div(g.out[0], tile.y), lanes);
    const int64_t loads = rows_of(g, tile) * share_row(g, tile).own + loads_beyond(g, tile, lanes);
    // A tap costs about a tenth of a load or store.
    const int64_t cost = subgroups * (10 * loads + tile.x * tile.y * (10 + g.taps()));
    if (least != 0 && cost >= least) continue;
    best = tile;
    least = cost;
  }
  return best;
}

Status emit(ConvContext& context, const Tile& tile, bool shuffle) {
  const ConvGeometry& g = context.geometry;
  const int64_t groups = ceil_div(g.out_channels, 4), taps = g.taps();
  // [group][tap][channel of the group], behind the bias.
  std::vector<float> packed(size_t(groups * taps * 4), 0.0F);
  for (int64_t c = 0; c < g.out_channels; ++c) {
    for (int64_t tap = 0; tap < taps; ++tap) {
      packed[size_t((c / 4 * taps + tap) * 4 + c % 4)] = context.weights[size_t(c * taps + tap)];
    }
  }
  TARSIER_TRY(const ConvTail tail, upload_tail(context, groups * 4, packed));
  const int64_t tiles = ceil_div(g.out[1], tile.x) * ceil_div(g.out[0], tile.y);
  const auto& device = context.emitter.device();
  int64_t width = is_narrow(device) && tiles % 32 != 0 && tiles < 128 ? 8 : 32;
  if (shuffle) width = std::max<int64_t>(width, device.subgroup_size);

  Push push{};
  push.input = context.input.address;
  push.output = context.output.address;
  push.tail = tail.address;
  push.channels = uint32_t(g.out_channels);
  push.in_h = uint32_t(g.in[0]);
  push.in_w = uint32_t(g.in[1]);
  push.out_h = uint32_t(g.out[0]);
  push.out_w = uint32_t(g.out[1]);
  push.pad_y = int32_t(g.pad[0]);
  push.pad_x = int32_t(g.pad[1]);
  for (uint32_t i = 0; i < 16; ++i) push.table[i] = i;
  Dispatch dispatch;
  auto& pipeline = dispatch.pipeline;
  pipeline.shader = shuffle ? "kernels/conv_depthwise_shuffle.comp" : "kernels/conv_depthwise.comp";
  pipeline.constants = {tail.kinds[0],         tail.kinds[1],           uint32_t(context.input_storage()),
                        context.output_half(), context.mask_flag(),     context.store_once(),
                        uint32_t(width),       uint32_t(tile.x),        uint32_t(tile.y),
                        uint32_t(g.kernel[1]), uint32_t(g.kernel[0]),   uint32_t(g.stride[1]),
                        uint32_t(g.stride[0]), uint32_t(g.dilation[1]), uint32_t(g.dilation[0])};
  if (shuffle) {
    pipeline.constants.insert(pipeline.constants.end(),
                              {uint32_t(share_row(g, tile).left), device.subgroup_size});
    pipeline.subgroup_size = device.subgroup_size;
  }
  for (int64_t first = 0; first < groups; first += kMaxGroups) {
    push.first_group = uint32_t(first);
    const auto raw = std::as_bytes(std::span(&push, 1));
    dispatch.push.assign(raw.begin(), raw.end());
    dispatch.groups = {uint32_t(ceil_div(tiles, width)), uint32_t(std::min(kMaxGroups, groups - first)),
                       uint32_t(g.batch)};
    context.emitter.dispatch(dispatch);
  }
  return {};
}

}  // namespace

bool fits_conv_depthwise(const ConvGeometry& g) {
  return g.depthwise() && g.taps() <= kMaxTaps && (g.kernel[1] - 1) * g.dilation[1] + 1 <= kMaxRow &&
         g.batch < 65536 && g.in_plane() < (1 << 27) && g.out_plane() < (1 << 27);
}

Status emit_conv_depthwise(ConvContext& context) {
  return emit(context, choose_tile(context.geometry), false);
}

bool fits_depthwise_shuffle(const ConvGeometry& g, const gpu::DeviceFeatures& device, int64_t rows) {
  const int64_t lanes = device.subgroup_size;
  if (!device.subgroup_shuffle || lanes < 4 || lanes > 64 || !std::has_single_bit(device.subgroup_size) ||
      !fits_conv_depthwise(g) || g.dilation != ConvGeometry::Pair{1, 1} || g.taps() < 2) {
    return false;
  }
  const Tile tile = choose_shared_tile(g, lanes, rows);
  return shares(g, tile, lanes) && (rows <= 4 || tile.y > 4);
}

Status emit_depthwise_shuffle(ConvContext& context, int64_t rows) {
  return emit(context, choose_shared_tile(context.geometry, context.emitter.device().subgroup_size, rows),
              true);
}

}  // namespace tarsier::kernels
