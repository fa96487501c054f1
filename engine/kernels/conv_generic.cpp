// Any convolution. Weights are read as ONNX has them, so they may be computed at run time.
#include "kernels/conv_emit.hpp"

namespace tarsier::kernels {
namespace {

struct Push {
  uint64_t input, output, weights, bias;
  uint32_t in_h, in_w, out_h, out_w;
  uint32_t kernel, stride, dilation;  // y << 16 | x
  int32_t pad_y, pad_x;
  uint32_t in_group, out_group, in_channels, out_channels, count;
  PostPush post;
};
static_assert(sizeof(Push) == 120);

uint32_t pack(const ConvGeometry::Pair& pair) {
  return uint32_t(pair[0]) << 16 | uint32_t(pair[1]);
}

}  // namespace

Status emit_conv_generic(ConvContext& context) {
  const ConvGeometry& g = context.geometry;
  for (const auto& pair : {g.kernel, g.stride, g.dilation}) {
    if (pair[0] > 0xFFFF || pair[1] > 0xFFFF) return runtime_error("a kernel, stride or dilation over 65535");
  }
  TARSIER_TRY(const PostSetup post, setup_post_ops(context.emitter));
  Push push{};
  push.input = context.input.address;
  push.output = context.output.address;
  TARSIER_TRY(push.weights, input_address(context.emitter, 1, Layout::kLinear, false));
  TARSIER_TRY(push.bias, input_address(context.emitter, 2, Layout::kLinear, false));
  push.in_h = uint32_t(g.in[0]);
  push.in_w = uint32_t(g.in[1]);
  push.out_h = uint32_t(g.out[0]);
  push.out_w = uint32_t(g.out[1]);
  push.kernel = pack(g.kernel);
  push.stride = pack(g.stride);
  push.dilation = pack(g.dilation);
  push.pad_y = int32_t(g.pad[0]);
  push.pad_x = int32_t(g.pad[1]);
  push.in_group = uint32_t(g.in_group());
  push.out_group = uint32_t(g.out_group());
  push.in_channels = uint32_t(g.in_channels);
  push.out_channels = uint32_t(g.out_channels);
  push.count = uint32_t(g.batch * ((g.out_channels + 3) / 4) * g.out_plane());
  push.post = post.push;
  const bool c4 = is_c4(context.output);
  context.emitter.dispatch("kernels/conv_generic.comp",
                           {post.kinds[0], post.kinds[1], g.transposed ? 1U : 0U, c4 ? 1U : 0U,
                            half_flag(*context.input.value), context.output_half()},
                           push, flat_grid(push.count, kLocalSize));
  return {};
}

}  // namespace tarsier::kernels
