// MatMul (batched, numpy semantics) and Gemm. Shader matmul.comp: one lane computes 4 columns of 1 or 4 rows.
// Integers: matmul_integer.cpp. On GPUs matmul_tiled.comp and matmul_matrix.comp, matmul_tiled.cpp; on the
// software device, with constant weights, conv_dense.comp, matmul_dense.cpp.
#include <algorithm>

#include "kernels/matmul_emit.hpp"
#include "kernels/matmul_integer.hpp"
#include "kernels/register.hpp"
#include "kernels/strided.hpp"

namespace tarsier::kernels {
namespace {

Status emit_simple(Emitter& emitter, const Product& p, bool with_c) {
  TARSIER_TRY(const PostSetup post, setup_post_ops(emitter));
  TARSIER_TRY(const ProductOperands operands, product_operands(emitter, p, with_c));
  const ProductPush push = product_push(p, operands, emitter.output(0).address, post.push);
  const uint32_t rows = p.m == 1 ? 1 : 4;
  TARSIER_TRY(const auto grid, product_grid(p, rows));
  emitter.dispatch("kernels/matmul.comp",
                   {post.kinds[0], post.kinds[1], rows, operands.whole_n ? 1U : 0U, with_c ? 1U : 0U,
                    operands.rank, operands.whole_k ? 1U : 0U},
                   push, grid);
  return {};
}

constexpr const char *kSimple = "simple", *kDense = "dense";

/// Best guess first.
std::vector<std::string> product_variants(const OpView& view, const Product& p,
                                          const gpu::DeviceFeatures& device, bool half) {
  std::vector<std::string> names;
  if (device.software && fits_matmul_dense(view, p, device)) names.emplace_back(kDense);
  // A single row reads every weight once: tiles have nothing to share.
  if (!device.software && p.m > 1 && fits_matmul_tiled(p, device)) {
    for (const auto& tile : matrix_variants(p.size(), device, half)) names.push_back(tile.name());
    const bool bytes = fits_matmul_bytes(view, p);
    for (const auto& tile : tiled_variants(p.size(), device, false, bytes)) names.push_back(tile.name());
  }
  if (!names.empty()) names.emplace_back(kSimple);
  return names;
}

Status emit_product(Emitter& emitter, const Product& p, bool with_c) {
  if (graph::element_count(emitter.output(0).value->desc.shape) == 0) return {};
  const std::string& variant = emitter.node().variant;
  if (const auto tiles = TileVariant::parse(variant)) return emit_matmul_tiled(emitter, p, with_c, *tiles);
  if (variant == kDense) return emit_matmul_dense(emitter, p);
  if (!variant.empty() && variant != kSimple) return runtime_error("no variant '{}' for this node", variant);
  return emit_simple(emitter, p, with_c);
}

Status same_type(const OpView& view) {
  for (size_t i = 1; i < view.input_count(); ++i)
    if (view.has(i) && is_float(view.dtype(i)) != is_float(view.dtype(0)))
      return input_error("element types {} and {}", graph::name_of(view.dtype(0)),
                         graph::name_of(view.dtype(i)));
  return {};
}

/// What both operators say of their variants; `describe` is theirs.
template <class Describe>
std::vector<std::string> variants_of(const graph::Graph& graph, const graph::Node& node,
                                     const gpu::DeviceFeatures& device, const Describe& describe) {
  const OpView view(graph, node);
  const auto p = describe(view);
  return p && is_float(view.dtype(0)) ? product_variants(view, *p, device, node.half_products)
                                      : std::vector<std::string>{};
}
template <class Describe>
uint64_t scratch_of(const graph::Graph& graph, const graph::Node& node, const Describe& describe) {
  const auto tiles = TileVariant::parse(node.variant);
  if (!tiles) return 0;
  const auto p = describe(OpView(graph, node));
  return p ? matmul_tiled_scratch(*p, *tiles) : 0;
}

/// The host's product, in float with double sums.
std::vector<float> product(const Product& p, const std::vector<float>& a, const std::vector<float>& b,
                           const std::vector<float>& c) {
  std::vector<float> out;
  out.reserve(size_t(graph::element_count(p.batch) * p.m * p.n));
  for_each_index<2>(p.batch, {p.a_batch, p.b_batch}, [&](int64_t, const auto& at) {
    for (int64_t m = 0; m < p.m; ++m) {
      for (int64_t n = 0; n < p.n; ++n) {
        double sum = 0;
        for (int64_t k = 0; k < p.k; ++k) {
          sum += double(a[size_t(at[0] + m * p.a_row + k * p.a_k)]) *
                 b[size_t(at[1] + k * p.b_k + n * p.b_column)];
        }
        sum *= p.alpha;
        if (!c.empty()) sum += double(p.beta) * c[size_t(m * p.c_row + n * p.c_column)];
        out.push_back(float(sum));
      }
    }
  });
  return out;
}

class MatMul : public Operator {
 public:
  MatMul() : Operator("MatMul", 2, 2) {}

  [[nodiscard]] bool accepts(const graph::Graph& graph, const graph::Node& node,
                             const graph::PostOp& post) const override {
    return is_float(graph.value(node.inputs[0]).desc.dtype) && accepts_pointwise(graph, node, post);
  }
  [[nodiscard]] std::vector<std::string> variants(const graph::Graph& graph, const graph::Node& node,
                                                  const gpu::DeviceFeatures& device) const override {
    return variants_of(graph, node, device, describe);
  }
  [[nodiscard]] uint64_t scratch_bytes(const graph::Graph& graph, const graph::Node& node) const override {
    return scratch_of(graph, node, describe);
  }
  Status emit(Emitter& emitter) const override {
    const OpView view(emitter.graph(), emitter.node());
    TARSIER_TRY(const Product p, describe(view));
    if (!is_float(view.dtype(0))) return emit_integer_product(emitter, p, {});
    return emit_product(emitter, p, false);
  }

 protected:
  [[nodiscard]] Result<std::vector<TensorDesc>> shapes(const OpView& view) const override {
    TARSIER_TRY(const Product p, describe(view));
    TARSIER_CHECK(same_type(view));
    return std::vector{TensorDesc{view.dtype(0), matmul_shape(view, p)}};
  }
  Status compute(const OpView& view, std::vector<Tensor>& outputs) const override {
    TARSIER_TRY(const Product p, describe(view));
    if (is_float(view.dtype(0))) {
      store(outputs[0], product(p, view.floats(0), view.floats(1), {}));
    } else {
      store(outputs[0], integer_product(p, view.ints(0), view.ints(1), {}));
    }
    return {};
  }

 private:
  static Result<Product> describe(const OpView& view) { return describe_matmul(view); }
};

class Gemm : public Operator {
 public:
  Gemm() : Operator("Gemm", 2, 3) {}

  [[nodiscard]] bool accepts(const graph::Graph& graph, const graph::Node& node,
                             const graph::PostOp& post) const override {
    return is_float(graph.value(node.inputs[0]).desc.dtype) && accepts_pointwise(graph, node, post);
  }
  [[nodiscard]] std::vector<std::string> variants(const graph::Graph& graph, const graph::Node& node,
                                                  const gpu::DeviceFeatures& device) const override {
    return variants_of(graph, node, device, describe);
  }
  [[nodiscard]] uint64_t scratch_bytes(const graph::Graph& graph, const graph::Node& node) const override {
    return scratch_of(graph, node, describe);
  }
  Status emit(Emitter& emitter) const override {
    const OpView view(emitter.graph(), emitter.node());
    TARSIER_TRY(const Product p, describe(view));
    if (!is_float(view.dtype(0))) return emit_integer_product(emitter, p, {.with_c = view.has(2)});
    return emit_product(emitter, p, view.has(2));
  }

 protected:
  [[nodiscard]] Result<std::vector<TensorDesc>> shapes(const OpView& view) const override {
    TARSIER_TRY(const Product p, describe(view));
    TARSIER_CHECK(same_type(view));
    return std::vector{TensorDesc{view.dtype(0), {p.m, p.n}}};
  }
  Status compute(const OpView& view, std::vector<Tensor>& outputs) const override {
    TARSIER_TRY(const Product p, describe(view));
    if (is_float(view.dtype(0))) {
      store(outputs[0],
            product(p, view.floats(0), view.floats(1), view.has(2) ? view.floats(2) : std::vector<float>{}));
    } else {
      store(outputs[0], integer_product(p, view.ints(0), view.ints(1),
                                        view.has(2) ? view.ints(2) : std::vector<int64_t>{}));
    }
    return {};
  }

 private:
  static Result<Product> describe(const OpView& view) {
    if (view.rank(0) != 2 || view.rank(1) != 2) return input_error("an operand is no matrix");
    const Shape &a = view.shape(0), &b = view.shape(1);
    const bool turn_a = view.node().integer("transA", 0) != 0, turn_b = view.node().integer("transB", 0) != 0;
    Product p;
    p.m = a[turn_a ? 1 : 0];
    p.k = a[turn_a ? 0 : 1];
    p.n = b[turn_b ? 0 : 1];
    if (b[turn_b ? 1 : 0] != p.k) {
      return input_error("shapes {} and {} do not multiply", graph::to_string(a), graph::to_string(b));
    }
    p.a_row = turn_a ? 1 : p.k;
    p.a_k = turn_a ? p.m : 1;
    p.b_k = turn_b ? 1 : p.n;
    p.b_column = turn_b ? p.k : 1;
    p.alpha = view.node().real("alpha", 1.0F);
    if (view.has(2)) {
      const Shape out{p.m, p.n};
      TARSIER_TRY(const Shape same, broadcast(view.shape(2), out));
      if (same != out)
        return input_error("C of shape {} does not broadcast", graph::to_string(view.shape(2)));
      const auto strides = broadcast_strides(view.shape(2), out);
      p.c_row = strides[0];
      p.c_column = strides[1];
      p.beta = view.node().real("beta", 1.0F);
    }
    return p;
  }
};

}  // namespace

Result<Product> describe_matmul(const OpView& view) {
  if (view.rank(0) < 1 || view.rank(1) < 1) return input_error("an operand is a scalar");
  Shape a = view.shape(0), b = view.shape(1);
  if (a.size() == 1) a.insert(a.begin(), 1);
  if (b.size() == 1) b.push_back(1);
  Product p;
  p.m = a[a.size() - 2];
  p.k = a.back();
  p.n = b.back();
  if (b[b.size() - 2] != p.k) {
    return input_error("shapes {} and {} do not multiply", graph::to_string(view.shape(0)),
                       graph::to_string(view.shape(1)));
  }
  const Shape batch_a(a.begin(), a.end() - 2), batch_b(b.begin(), b.end() - 2);
  TARSIER_TRY(p.batch, broadcast(batch_a, batch_b));
  p.a_batch = broadcast_strides(batch_a, p.batch);
  p.b_batch = broadcast_strides(batch_b, p.batch);
  for (int64_t& stride : p.a_batch) stride *= p.m * p.k;
  for (int64_t& stride : p.b_batch) stride *= p.k * p.n;
  p.a_row = p.k;
  p.a_k = 1;
  p.b_k = p.n;
  p.b_column = 1;
  return p;
}

Shape matmul_shape(const OpView& view, const Product& product) {
  Shape shape = product.batch;
  if (view.rank(0) > 1) shape.push_back(product.m);
  if (view.rank(1) > 1) shape.push_back(product.n);
  return shape;
}

Result<std::array<uint32_t, 3>> product_grid(const Product& p, uint32_t rows) {
  constexpr int64_t kMost = 65535;
  if (p.batches() > kMost) return runtime_error("a batch of {} products ({} at most)", p.batches(), kMost);
  // Rows beyond what y can count go on in x, behind the columns.
  const int64_t blocks = ceil_div(p.m, rows), folds = ceil_div(blocks, kMost);
  return std::array{uint32_t(ceil_div(p.n, 64) * folds), uint32_t(ceil_div(blocks, folds)),
                    uint32_t(p.batches())};
}

Result<ProductOperands> product_operands(Emitter& emitter, const Product& p, bool with_c,
                                         const std::vector<std::vector<int64_t>>& others, bool with_b) {
  ProductOperands out{.b_k = p.b_k, .b_column = p.b_column};
  TARSIER_TRY(out.a, input_address(emitter, 0, Layout::kLinear, false));
  const Tensor* weights = emitter.constant(1);
  if (!with_b) {
    out.b_k = ceil_div(p.n, 4) * 4;
    out.b_column = 1;
  } else if (weights != nullptr && p.batch.empty() && p.b_column != 1) {
    // Constant weights given as [N][K] are turned once, so that neighbouring lanes load neighbours.
    const StridedCopy turn{{p.k, p.n}, {p.b_k, p.b_column}, {p.n, 1}};
    TARSIER_TRY(
        const Weights turned,
        emitter.upload(pack_linear(strided_copy(*weights, turn, Tensor({weights->dtype(), {p.k, p.n}})))));
    out.b = turned.address;
    out.b_k = p.n;
    out.b_column = 1;
  } else {
    TARSIER_TRY(out.b, input_address(emitter, 1, Layout::kLinear, false));
  }
  if (with_c) {
    TARSIER_TRY(out.c, input_address(emitter, 2, Layout::kLinear, false));
  }
  std::vector<std::vector<int64_t>> strides{p.a_batch, p.b_batch};
  strides.insert(strides.end(), others.begin(), others.end());
  const auto axes = collapse(nd_axes(p.batch, strides));
  if (axes.size() > 8) return runtime_error("a batch of more than 8 axes");
  TARSIER_TRY(const Weights table, emitter.upload(nd_table(axes)));
  out.table = table.address;
  out.rank = uint32_t(axes.size());
  // vec4 loads and stores need every row of four columns to be aligned.
  out.whole_n = p.n % 4 == 0 && out.b_column == 1 && out.b_k % 4 == 0;
  out.whole_k = p.k % 4 == 0 && p.a_k == 1 && p.a_row % 4 == 0;
  for (const NdAxis& axis : axes) {
    out.whole_n = out.whole_n && axis.stride[1] % 4 == 0;
    out.whole_k = out.whole_k && axis.stride[0] % 4 == 0;
  }
  return out;
}

ProductPush product_push(const Product& p, const ProductOperands& operands, uint64_t target,
                         const PostPush& post) {
  ProductPush push{};
  push.a = operands.a;
  push.b = operands.b;
  push.c = operands.c;
  push.target = target;
  push.table = operands.table;
  push.m = uint32_t(p.m);
  push.n = uint32_t(p.n);
  push.k = uint32_t(p.k);
  push.a_row = uint32_t(p.a_row);
  push.a_k = uint32_t(p.a_k);
  push.b_k = uint32_t(operands.b_k);
  push.b_column = uint32_t(operands.b_column);
  push.c_row = uint32_t(p.c_row);
  push.c_column = uint32_t(p.c_column);
  push.alpha = p.alpha;
  push.beta = p.beta;
  push.post = post;
  return push;
}

void register_matmul(Registry& registry) {
  registry.add(std::make_unique<MatMul>());
  registry.add(std::make_unique<Gemm>());
}

}  // namespace tarsier::kernels
