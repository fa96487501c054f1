// Convolutions with few output pixels: a matrix times a vector. See shaders/kernels/conv_vector.comp.
#include "kernels/conv_emit.hpp"

namespace tarsier::kernels {
namespace {

struct Push {
  uint64_t input, output, tail;
  uint32_t in_plane, out_plane, vector_groups;
  uint32_t in_groups, out_groups, channels;
};
static_assert(sizeof(Push) == 48);

/// The kernel covers the image: one output pixel. In kC4 its input is one contiguous vector.
bool covers(const ConvGeometry& g) {
  return !g.transposed && g.out_plane() == 1 && g.kernel == g.in && g.pad == ConvGeometry::Pair{0, 0} &&
         g.dilation == ConvGeometry::Pair{1, 1};
}

}  // namespace

bool fits_conv_vector(const ConvGeometry& g) {
  return g.group == 1 && (covers(g) || (g.pointwise() && g.out_plane() <= 8)) && g.batch < 65536 &&
         g.in_channels * g.in_plane() < (1 << 27);
}

Status emit_conv_vector(ConvContext& context) {
  const ConvGeometry& g = context.geometry;
  const int64_t in_groups = (g.in_channels + 3) / 4, out_groups = (g.out_channels + 3) / 4;
  const int64_t taps = g.taps(), outputs = out_groups * 4;
  // [input group][tap][channel of the group][output channel], behind the bias.
  std::vector<float> packed(size_t(in_groups * taps * 4 * outputs), 0.0F);
  for (int64_t o = 0; o < g.out_channels; ++o) {
    for (int64_t i = 0; i < g.in_channels; ++i) {
      for (int64_t tap = 0; tap < taps; ++tap) {
        packed[size_t(((i / 4 * taps + tap) * 4 + i % 4) * outputs + o)] =
            context.weights[size_t((o * g.in_channels + i) * taps + tap)];
      }
    }
  }
  TARSIER_TRY(const ConvTail tail, upload_tail(context, outputs, packed));
  Push push{};
  push.input = context.input.address;
  push.output = context.output.address;
  push.tail = tail.address;
  push.vector_groups = uint32_t(in_groups * taps);
  // Where the kernel covers the image the vector is contiguous; pixels of a pointwise one lie a plane apart.
  push.in_plane = taps == 1 ? uint32_t(g.in_plane()) : 1;
  push.out_plane = uint32_t(g.out_plane());
  push.in_groups = uint32_t(in_groups) * uint32_t(g.in_plane());
  push.out_groups = uint32_t(out_groups);
  push.channels = uint32_t(g.out_channels);
  const uint32_t width = is_narrow(context.emitter.device()) ? 8 : 32;
  context.emitter.dispatch("kernels/conv_vector.comp",
                           {tail.kinds[0], tail.kinds[1], uint32_t(context.input_storage()),
                            context.output_half(), context.mask_flag(), context.store_once(), width},
                           push, {(push.out_groups + width - 1) / width, push.out_plane, uint32_t(g.batch)});
  return {};
}

}  // namespace tarsier::kernels
