// Grouped convolutions as several dense ones. A slice of the channels that starts and ends at whole channel
// groups of 4 lies in one piece in kC4, so conv_dense.comp runs it as a convolution of its own; neighbouring
// groups of channels share a slice, with weights of zero between them, where that costs less than a dispatch.
#include "kernels/conv_emit.hpp"

namespace tarsier::kernels {
namespace {

/// What a dispatch costs on the software device in products that could have been computed meanwhile. A GPU's
/// ratio is of the same order.
constexpr double kDispatchProducts = 700'000;

/// How many groups share a slice. All of them always can.
int64_t choose_shared(const ConvGeometry& g) {
  int64_t best = g.group;
  double best_cost = 1e30;
  for (int64_t shared = 1; shared <= g.group; ++shared) {
    if (g.group % shared != 0) continue;
    const int64_t in = shared * g.in_group(), out = shared * g.out_group(), slices = g.group / shared;
    if (slices > 1 && (in % 4 != 0 || out % 4 != 0)) continue;
    const int64_t plane = g.transposed ? g.in_plane() : g.out_plane();
    const double products = double(plane * g.taps()) * double(in) * double(out);
    const double cost = double(slices) * (products + kDispatchProducts);
    if (cost < best_cost) best = shared, best_cost = cost;
  }
  return best;
}

ConvGeometry slice_of(const ConvGeometry& g, int64_t shared) {
  ConvGeometry slice = g;
  slice.batch = 1;
  slice.group = 1;
  slice.in_channels = shared * g.in_group();
  slice.out_channels = shared * g.out_group();
  return slice;
}

/// Weights of the slice that begins with group `first`, as those of a convolution without groups.
std::vector<float> expand(const ConvGeometry& g, const ConvGeometry& slice, const std::vector<float>& weights,
                          int64_t first, int64_t shared) {
  std::vector<float> dense(size_t(slice.in_channels * slice.out_channels * g.taps()), 0.0F);
  // Rows are output channels, of a transposed convolution input channels; a group is a block on the diagonal.
  const int64_t rows = g.transposed ? g.in_group() : g.out_group();
  const int64_t columns = (g.transposed ? g.out_group() : g.in_group()) * g.taps();
  for (int64_t group = 0; group < shared; ++group) {
    for (int64_t row = 0; row < rows; ++row) {
      const auto from = weights.begin() + ((first + group) * rows + row) * columns;
      const auto to = dense.begin() + ((group * rows + row) * shared + group) * columns;
      std::copy(from, from + columns, to);
    }
  }
  return dense;
}

}  // namespace

bool fits_conv_grouped(const ConvGeometry& g, const gpu::DeviceFeatures& device) {
  return g.group > 1 && !g.depthwise() && fits_conv_dense(slice_of(g, choose_shared(g)), device);
}

Status emit_conv_grouped(ConvContext& context) {
  const ConvGeometry& g = context.geometry;
  const int64_t shared = choose_shared(g);
  const ConvGeometry slice = slice_of(g, shared);
  const int64_t padded = dense_channels(slice, context.emitter.device());
  TARSIER_TRY(const PostSetup post, setup_post_ops(context.emitter));
  const auto bytes_of = [](const Operand& operand, int64_t channels, int64_t plane) {
    return uint64_t(ceil_div(channels, 4) * plane) * (half_flag(*operand.value) != 0 ? 8 : 16);
  };
  DenseConv conv{slice};
  conv.input_storage = context.input_storage();
  conv.output_half = context.output_half();
  conv.mask = context.mask_flag();
  for (int64_t first = 0; first < g.group; first += shared) {
    const std::vector<float> weights = expand(g, slice, context.weights, first, shared);
    conv.weights = &weights;
    const int64_t in_channel = first * g.in_group(), out_channel = first * g.out_group();
    std::vector<float> bias;
    if (!context.bias.empty()) {
      const auto begin = context.bias.begin() + out_channel;
      bias.assign(begin, begin + slice.out_channels);
    }
    for (int64_t n = 0; n < g.batch; ++n) {
      conv.input = context.input.address +
                   uint64_t(n) * bytes_of(context.input, g.in_channels, g.in_plane()) +
                   bytes_of(context.input, in_channel, g.in_plane());
      conv.output = context.output.address +
                    uint64_t(n) * bytes_of(context.output, g.out_channels, g.out_plane()) +
                    bytes_of(context.output, out_channel, g.out_plane());
      const PostSetup own = post_ops_of_slice(context.emitter, post, n, out_channel);
      TARSIER_TRY(conv.tail, upload_tail(context.emitter, own, bias, padded));
      TARSIER_CHECK(emit_dense(context.emitter, conv));
    }
  }
  return {};
}

}  // namespace tarsier::kernels
