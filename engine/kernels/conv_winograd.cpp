// 3x3 convolutions at stride 1 by Winograd's minimal filtering F(2 x 2, 3 x 3) and F(4 x 4, 3 x 3): A. Lavin,
// S. Gray, Fast Algorithms for Convolutional Neural Networks, 2015. Three steps: winograd_input.comp
// transforms tiles of the input, conv_dense.comp multiplies the (tile + 2)^2 numbers of all tiles with as
// many weight matrices, and winograd_output.comp makes outputs of the products. The two arrays between lie in
// scratch memory.
#include <array>

#include "kernels/conv_emit.hpp"

namespace tarsier::kernels {
namespace {

struct Shape3 {
  int64_t tiles_x, tiles_y, tiles;  // of an image, an image, all images
  int64_t side, numbers;            // of a tile of inputs
  int64_t in_groups, out_groups;
};

Shape3 shape_of(const ConvGeometry& g, int64_t tile) {
  Shape3 s{};
  s.tiles_x = ceil_div(g.out[1], tile);
  s.tiles_y = ceil_div(g.out[0], tile);
  s.tiles = s.tiles_x * s.tiles_y * g.batch;
  s.side = tile + 2;
  s.numbers = s.side * s.side;
  s.in_groups = ceil_div(g.in_channels, 4);
  s.out_groups = ceil_div(g.out_channels, 4);
  return s;
}

/// The middle step as a convolution: tile t of number n is pixel t of image n.
ConvGeometry products_of(const ConvGeometry& g, const Shape3& s) {
  ConvGeometry products;
  products.transposed = true;
  products.batch = s.numbers;
  products.in_channels = g.in_channels;
  products.out_channels = g.out_channels;
  products.in = {s.tiles_y * g.batch, s.tiles_x};
  products.kernel = products.stride = {s.side, s.side};
  products.out = {products.in[0] * s.side, products.in[1] * s.side};
  return products;
}

using Row = std::array<double, 3>;
constexpr std::array<Row, 4> kFilter2 = {Row{1, 0, 0}, {0.5, 0.5, 0.5}, {0.5, -0.5, 0.5}, {0, 0, 1}};
constexpr std::array<Row, 6> kFilter4 = {Row{1.0 / 4, 0, 0},
                                         {-1.0 / 6, -1.0 / 6, -1.0 / 6},
                                         {-1.0 / 6, 1.0 / 6, -1.0 / 6},
                                         {1.0 / 24, 1.0 / 12, 1.0 / 6},
                                         {1.0 / 24, -1.0 / 12, 1.0 / 6},
                                         {0, 0, 1}};

/// G g G^T of every filter, as weights of a transposed convolution: [Cin][Cout][number].
std::vector<float> transform_filters(const ConvContext& context, const Shape3& s, int64_t tile) {
  const ConvGeometry& g = context.geometry;
  const Row* matrix = tile == 2 ? kFilter2.data() : kFilter4.data();
  std::vector<float> transformed(size_t(g.in_channels * g.out_channels * s.numbers));
  for (int64_t o = 0; o < g.out_channels; ++o) {
    for (int64_t i = 0; i < g.in_channels; ++i) {
      const float* filter = &context.weights[size_t((o * g.in_channels + i) * 9)];
      float* to = &transformed[size_t((i * g.out_channels + o) * s.numbers)];
      std::array<Row, 6> half{};  // G g
      for (int64_t r = 0; r < s.side; ++r) {
        for (size_t c = 0; c < 3; ++c) {
          for (size_t k = 0; k < 3; ++k) half[size_t(r)][c] += matrix[r][k] * double(filter[k * 3 + c]);
        }
      }
      for (int64_t r = 0; r < s.side; ++r) {
        for (int64_t c = 0; c < s.side; ++c) {
          double sum = 0;
          for (size_t k = 0; k < 3; ++k) sum += half[size_t(r)][k] * matrix[c][k];
          to[r * s.side + c] = float(sum);
        }
      }
    }
  }
  return transformed;
}

uint32_t lanes(const gpu::DeviceFeatures& device, int64_t tiles) {
  return is_narrow(device) && tiles < 64 ? 8U : 32U;
}

}  // namespace

bool fits_conv_winograd(const ConvGeometry& g, const gpu::DeviceFeatures& device, int64_t tile) {
  using Pair = ConvGeometry::Pair;
  if (g.transposed || g.group != 1 || g.kernel != Pair{3, 3} || g.stride != Pair{1, 1} ||
      g.dilation != Pair{1, 1}) {
    return false;
  }
  const Shape3 s = shape_of(g, tile);
  constexpr int64_t kMostBytes = int64_t{1} << 31;  // shaders count bytes of an array in 32 bits
  return s.numbers * s.tiles * std::max(s.in_groups, s.out_groups) * 16 < kMostBytes &&
         g.batch * s.in_groups * g.in_plane() * 16 < kMostBytes && s.in_groups < 32768 &&
         s.out_groups < 65536 && fits_conv_dense(products_of(g, s), device);
}

uint64_t winograd_scratch_bytes(const ConvGeometry& g, int64_t tile) {
  const Shape3 s = shape_of(g, tile);
  return uint64_t(s.numbers * s.tiles * (s.in_groups + s.out_groups) * 16);
}

Status emit_conv_winograd(ConvContext& context, int64_t tile) {
  struct InputPush {
    uint64_t input, output, tail;
    uint32_t tiles_x, tiles_y, tiles, in_w, in_h, in_groups;
    int32_t pad_x, pad_y;
  };
  struct OutputPush {
    uint64_t input, output, tail;
    uint32_t tiles_x, tiles_y, tiles, out_w, out_h, out_groups, out_channels, unused;
  };
  const ConvGeometry& g = context.geometry;
  const gpu::DeviceFeatures& device = context.emitter.device();
  const Shape3 s = shape_of(g, tile);
  const uint64_t inputs = context.emitter.scratch();
  const uint64_t products = inputs + uint64_t(s.numbers * s.tiles * s.in_groups * 16);
  const uint32_t width = lanes(device, s.tiles);
  const uint32_t groups_x = uint32_t(ceil_div(s.tiles, width));

  const ConvGeometry middle = products_of(g, s);
  TARSIER_TRY(const ConvTail tail, upload_tail(context, s.out_groups * 4));
  context.emitter.dispatch(
      "kernels/winograd_input.comp",
      {0, 0, uint32_t(context.input_storage()), 0, 0, 0, width, uint32_t(tile)},
      InputPush{context.input.address, inputs, tail.address, uint32_t(s.tiles_x), uint32_t(s.tiles_y),
                uint32_t(s.tiles), uint32_t(g.in[1]), uint32_t(g.in[0]), uint32_t(s.in_groups),
                int32_t(g.pad[1]), int32_t(g.pad[0])},
      {groups_x, uint32_t(s.in_groups * 2), 1});

  const std::vector<float> filters = transform_filters(context, s, tile);
  DenseConv dense{middle, &filters};
  dense.input = inputs;
  dense.output = products;
  TARSIER_TRY(dense.tail, upload_tail(context.emitter, {}, {}, dense_channels(middle, device)));
  dense.tap_is_image = true;
  dense.after_previous = true;
  TARSIER_CHECK(emit_dense(context.emitter, dense));

  const bool whole = g.out[0] % tile == 0 && g.out[1] % tile == 0;
  context.emitter.dispatch(
      "kernels/winograd_output.comp",
      {tail.kinds[0], tail.kinds[1], 0, context.output_half(), context.mask_flag(), context.store_once(),
       width, uint32_t(tile), whole ? 1U : 0U},
      OutputPush{products, context.output.address, tail.address, uint32_t(s.tiles_x), uint32_t(s.tiles_y),
                 uint32_t(s.tiles), uint32_t(g.out[1]), uint32_t(g.out[0]), uint32_t(s.out_groups),
                 uint32_t(g.out_channels), 0},
      {groups_x, uint32_t(s.out_groups), 1}, Dispatch::kNoWindow, true);
  return {};
}

}  // namespace tarsier::kernels
