// A product with constant weights as a pointwise convolution: rows are pixels, their numbers channels, side
// by side instead of in planes (kRows of conv_dense.comp). For the software device, where weights from
// uniform windows are several times as fast as from memory.
#include "kernels/conv_emit.hpp"
#include "kernels/matmul_emit.hpp"

namespace tarsier::kernels {
namespace {

/// Fewer rows do not pay for what a workgroup sets up.
constexpr int64_t kLeastRows = 8;

ConvGeometry geometry_of(const Product& p) {
  ConvGeometry g;
  g.in_channels = p.k;
  g.out_channels = p.n;
  g.in = g.out = {1, p.batches() * p.m};
  return g;
}

/// Rows of all products of a batch lie one after the other.
bool is_one_product(const Product& p) {
  const auto strides = strides_of(p.batch);
  for (size_t d = 0; d < p.batch.size(); ++d)
    if (p.batch[d] != 1 && (p.b_batch[d] != 0 || p.a_batch[d] != strides[d] * p.m * p.k)) return false;
  return p.a_k == 1 && p.a_row == p.k;
}

}  // namespace

bool fits_matmul_dense(const OpView& view, const Product& p, const gpu::DeviceFeatures& device) {
  const bool has_c = view.has(2);
  return view.data(1) != nullptr && p.k > 0 && p.k % 4 == 0 && p.n % 4 == 0 && is_one_product(p) &&
         p.batches() * p.m >= kLeastRows && (!has_c || (view.data(2) != nullptr && p.c_row == 0)) &&
         fits_conv_dense(geometry_of(p), device);
}

Status emit_matmul_dense(Emitter& emitter, const Product& p) {
  const OpView view(emitter.graph(), emitter.node());
  const ConvGeometry g = geometry_of(p);
  const auto b = view.floats(1);
  std::vector<float> weights(size_t(p.n * p.k)), bias(size_t(p.n));
  for (int64_t n = 0; n < p.n; ++n)
    for (int64_t k = 0; k < p.k; ++k)
      weights[size_t(n * p.k + k)] = p.alpha * b[size_t(k * p.b_k + n * p.b_column)];
  if (view.has(2)) {
    const auto c = view.floats(2);
    for (int64_t n = 0; n < p.n; ++n) bias[size_t(n)] = p.beta * c[size_t(n * p.c_column)];
  }
  TARSIER_TRY(const PostSetup post, setup_post_ops(emitter));
  DenseConv conv{g, &weights};
  TARSIER_TRY(conv.input, input_address(emitter, 0, Layout::kLinear, false));
  conv.output = emitter.output(0).address;
  TARSIER_TRY(conv.tail, upload_tail(emitter, post, std::move(bias), dense_channels(g, emitter.device())));
  conv.rows = true;
  return emit_dense(emitter, conv);
}

}  // namespace tarsier::kernels
