// Matrix products through shared memory, for GPUs; with cooperative matrices where the device has them and
// the plan is made in fp16. See shaders/include/matmul_tiled.glsl.
#include <algorithm>

#include "kernels/byte_weights.hpp"
#include "kernels/matmul_emit.hpp"

namespace tarsier::kernels {
namespace {

struct ReducePush {
  uint64_t partial, c, target;
  uint32_t count, m, n, c_row, c_column;
  float alpha, beta;
  uint32_t reserved = 0;
  PostPush post;
};
static_assert(sizeof(ReducePush) == 88);

/// The constant b turned to [n][k], as bytes.
std::optional<ByteWeights> bytes_of(const OpView& view, const Product& p) {
  const auto b = view.floats(1);
  std::vector<float> turned;
  turned.reserve(b.size());
  for (int64_t n = 0; n < p.n; ++n)
    for (int64_t k = 0; k < p.k; ++k) turned.push_back(b[size_t(k * p.b_k + n * p.b_column)]);
  return byte_weights(turned, p.n, false);
}

/// Bytes in words of four k, [groups of k][columns], `rows` x `pitch` of them.
std::vector<uint32_t> pack(const Product& p, const ByteWeights& weights, int64_t rows, int64_t pitch) {
  std::vector<uint32_t> packed(size_t(rows * pitch), 0U);
  for (int64_t n = 0; n < p.n; ++n)
    for (int64_t k = 0; k < p.k; ++k)
      put_byte(packed[size_t(k / 4 * pitch + n)], k, weights.values[size_t(n * p.k + k)]);
  return packed;
}

/// Whether fp16 holds the constant operands; of the others a network in fp16 promises it.
bool halves_hold_constants(const Emitter& emitter) {
  for (size_t i = 0; i < 2; ++i) {
    const Tensor* tensor = emitter.constant(i);
    if (tensor != nullptr && !halves_hold(tensor->to_floats())) return false;
  }
  return true;
}

}  // namespace

bool fits_matmul_bytes(const OpView& view, const Product& p) {
  return middle_of_bytes(view.node()) && view.data(1) != nullptr && view.rank(1) == 2 && !view.has(2) &&
         p.alpha == 1 && bytes_of(view, p).has_value();
}

bool fits_matmul_tiled(const Product& p, const gpu::DeviceFeatures& device) {
  constexpr int64_t kMost = int64_t{1} << 31;  // offsets are counted in 32 bits
  const auto reach = [](int64_t a, int64_t a_stride, int64_t b, int64_t b_stride) {
    return a * a_stride + b * b_stride;
  };
  return p.m > 0 && p.n > 0 && p.k > 0 && p.batches() > 0 && p.batches() * 16 < 65536 &&
         ceil_div(p.m, 32) < 65536 && reach(p.m, p.a_row, p.k, p.a_k) < kMost &&
         reach(p.k, p.b_k, p.n, p.b_column) < kMost && p.batches() * p.m * p.n < kMost &&
         device.max_shared_bytes >= 16384;
}

uint64_t matmul_tiled_scratch(const Product& p, const TileVariant& variant) {
  const uint32_t parts = most_parts(variant, p.k);
  return parts == 1 ? 0 : uint64_t(parts) * uint64_t(p.batches() * p.m * p.n) * 4;
}

Status emit_matmul_tiled(Emitter& emitter, const Product& product, bool with_c, const TileVariant& variant) {
  const gpu::DeviceFeatures& device = emitter.device();
  const OpView view(emitter.graph(), emitter.node());
  TileVariant run = variant;
  if ((variant.matrix() && !halves_hold_constants(emitter)) ||
      (variant.bytes && !fits_matmul_bytes(view, product))) {
    run = plain_tiles(variant);
  }
  Product p = product;
  const auto shape = tile_shape(run, device);
  if (!shape || run.half || !fits_matmul_tiled(p, device)) {
    return runtime_error("variant '{}' does not fit this node", variant.name());
  }
  TARSIER_TRY(const PostSetup post, setup_post_ops(emitter));
  const int64_t steps = ceil_div(p.k, step_depth(run));
  TARSIER_TRY(ProductOperands operands, product_operands(emitter, p, with_c, {}, !run.bytes));
  if (run.bytes) {
    // A number of a is the signed byte plus `middle`, which is left to the sum as a multiple of each column's
    // weights: the term with c.
    const auto weights = bytes_of(view, p);
    const int64_t pitch = ceil_div(p.n, shape->columns) * shape->columns;
    const auto words = pack(p, *weights, steps * step_depth(run) / 4, pitch);
    const std::vector<float> sums(weights->sum.begin(), weights->sum.end());
    TARSIER_TRY(const Weights packed, emitter.upload(std::as_bytes(std::span(words))));
    TARSIER_TRY(const Weights column_sums, emitter.upload(std::as_bytes(std::span(sums))));
    operands.b = packed.address;
    operands.b_k = pitch / 4;
    operands.c = column_sums.address;
    with_c = true;
    p.beta = float(*middle_of_bytes(emitter.node()));
    p.c_row = 0;
    p.c_column = 1;
  }
  const Split split = split_steps(steps, run.splits);
  const bool whole = split.parts == 1;
  ProductPush push =
      product_push(p, operands, whole ? emitter.output(0).address : emitter.scratch(), post.push);
  push.steps = split.per_part;
  // What belongs to the output is left to the reduction where there is one.
  std::vector<uint32_t> constants{whole ? post.kinds[0] : 0U, whole ? post.kinds[1] : 0U,
                                  operands.whole_n ? 1U : 0U, operands.whole_k ? 1U : 0U,
                                  whole && with_c ? 1U : 0U,  operands.rank};
  std::ranges::copy(shape->constants(), std::back_inserter(constants));
  constants.push_back(split.parts);
  Dispatch dispatch;
  dispatch.pipeline.shader = tile_shader("matmul", run);
  if (run.matrix()) {
    constants.insert(constants.end(), {0U, 0U, run.shape.m, run.shape.n, run.shape.k, device.subgroup_size});
    dispatch.pipeline.subgroup_size = device.subgroup_size;
  }
  dispatch.pipeline.constants = std::move(constants);
  const auto raw = std::as_bytes(std::span(&push, 1));
  dispatch.push.assign(raw.begin(), raw.end());
  dispatch.groups = {uint32_t(ceil_div(p.n, shape->columns)), uint32_t(ceil_div(p.m, shape->rows)),
                     uint32_t(p.batches()) * split.parts};
  emitter.dispatch(std::move(dispatch));
  if (whole) return {};
  ReducePush reduce{};
  reduce.partial = emitter.scratch();
  reduce.c = operands.c;
  reduce.target = emitter.output(0).address;
  reduce.count = uint32_t(p.batches() * p.m * p.n);
  reduce.m = push.m;
  reduce.n = push.n;
  reduce.c_row = push.c_row;
  reduce.c_column = push.c_column;
  reduce.alpha = p.alpha;
  reduce.beta = p.beta;
  reduce.post = post.push;
  emitter.dispatch("kernels/matmul_reduce.comp",
                   {post.kinds[0], post.kinds[1], with_c ? 1U : 0U, split.parts}, reduce,
                   flat_grid(reduce.count, kLocalSize), Dispatch::kNoWindow, true);
  return {};
}

}  // namespace tarsier::kernels
