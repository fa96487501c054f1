// One input channel for one output channel. See shaders/kernels/conv_depthwise.comp.
#include <algorithm>
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

}  // namespace

bool fits_conv_depthwise(const ConvGeometry& g) {
  return g.depthwise() && g.taps() <= kMaxTaps && (g.kernel[1] - 1) * g.dilation[1] + 1 <= kMaxRow &&
         g.batch < 65536 && g.in_plane() < (1 << 27) && g.out_plane() < (1 << 27);
}

Status emit_conv_depthwise(ConvContext& context) {
  const ConvGeometry& g = context.geometry;
  const int64_t groups = (g.out_channels + 3) / 4, taps = g.taps();
  // [group][tap][channel of the group], behind the bias.
  std::vector<float> packed(size_t(groups * taps * 4), 0.0F);
  for (int64_t c = 0; c < g.out_channels; ++c) {
    for (int64_t tap = 0; tap < taps; ++tap) {
      packed[size_t((c / 4 * taps + tap) * 4 + c % 4)] = context.weights[size_t(c * taps + tap)];
    }
  }
  TARSIER_TRY(const ConvTail tail, upload_tail(context, groups * 4, packed));
  const Tile tile = choose_tile(g);
  const int64_t tiles = (g.out[1] + tile.x - 1) / tile.x * ((g.out[0] + tile.y - 1) / tile.y);
  const uint32_t width = is_narrow(context.emitter.device()) && tiles % 32 != 0 && tiles < 128 ? 8 : 32;

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
  for (int64_t first = 0; first < groups; first += kMaxGroups) {
    push.first_group = uint32_t(first);
    context.emitter.dispatch(
        "kernels/conv_depthwise.comp",
        {tail.kinds[0], tail.kinds[1], uint32_t(context.input_storage()), context.output_half(),
         context.mask_flag(), context.store_once(), width, uint32_t(tile.x), uint32_t(tile.y),
         uint32_t(g.kernel[1]), uint32_t(g.kernel[0]), uint32_t(g.stride[1]), uint32_t(g.stride[0]),
         uint32_t(g.dilation[1]), uint32_t(g.dilation[0])},
        push,
        {uint32_t((tiles + width - 1) / width), uint32_t(std::min(kMaxGroups, groups - first)),
         uint32_t(g.batch)});
  }
  return {};
}

}  // namespace tarsier::kernels
