// Products of integers: MatMulInteger, QLinearMatMul (written out in it), and MatMul and Gemm of integers.
// With a constant second operand MatMulInteger is written out in MatMul on whole numbers in fp32, which is
// exact up to 2^24; else shader matmul_integer.comp. Its sums have 32 bits and wrap, as ONNX allows.
#include "kernels/matmul_integer.hpp"

#include <algorithm>
#include <cmath>

#include "kernels/byte_weights.hpp"
#include "kernels/register.hpp"

namespace tarsier::kernels {
namespace {

using graph::NodeBuilder;
using graph::ValueId;

/// How a zero point (or scale) of an operand is indexed: one for all, [extent], or the operand's shape with 1
/// for the axis that is summed over.
struct PerLine {
  int64_t step = 0;            // from row to row of a, from column to column of b
  std::vector<int64_t> batch;  // along Product::batch
};

/// `columns`: one for each column (operand b), else for each row.
Result<PerLine> per_line(const Shape& shape, int64_t extent, bool columns, const Shape& batch) {
  PerLine line;
  line.batch.assign(batch.size(), 0);
  if (graph::element_count(shape) == 1) return line;
  line.step = 1;
  if (shape.size() == 1 && shape[0] == extent) return line;
  const size_t rank = shape.size();
  if (rank >= 2 && shape[rank - (columns ? 2 : 1)] == 1 && shape[rank - (columns ? 1 : 2)] == extent &&
      rank - 2 <= batch.size()) {
    const Shape outer(shape.begin(), shape.end() - 2);
    if (const auto all = broadcast(outer, batch); all.ok() && *all == batch) {
      line.batch = broadcast_strides(outer, batch);
      for (int64_t& stride : line.batch) stride *= extent;
      return line;
    }
  }
  return input_error("a zero point of shape {} is none for each of {} {}", graph::to_string(shape), extent,
                     columns ? "columns" : "rows");
}

/// (a - a_zero_point) * (b - b_zero_point) in int32.
class MatMulInteger : public Operator {
 public:
  MatMulInteger() : Operator("MatMulInteger", 2, 4) { writes_out_others(); }

  Status emit(Emitter& emitter) const override {
    const OpView view(emitter.graph(), emitter.node());
    TARSIER_TRY(const Product p, describe_matmul(view));
    TARSIER_TRY(const auto zeros, zero_points(view, p));
    return emit_integer_product(emitter, p,
                                {.zero_a = view.has(2),
                                 .zero_b = view.has(3),
                                 .a_step = zeros[0].step,
                                 .b_step = zeros[1].step,
                                 .a_batch = zeros[0].batch,
                                 .b_batch = zeros[1].batch});
  }

 protected:
  [[nodiscard]] Result<std::vector<TensorDesc>> shapes(const OpView& view) const override {
    for (size_t i = 0; i < view.input_count(); ++i)
      if (view.has(i) && is_float(view.dtype(i)))
        return input_error("element type {}", graph::name_of(view.dtype(i)));
    TARSIER_TRY(const Product p, describe_matmul(view));
    TARSIER_TRY([[maybe_unused]] const auto zeros, zero_points(view, p));
    return std::vector{TensorDesc{DType::kI32, matmul_shape(view, p)}};
  }
  Status write_out(NodeBuilder& builder) const override {
    const Tensor* b = builder.data(1);
    const auto is_byte = [](DType type) { return type == DType::kU8 || type == DType::kI8; };
    const bool has_zero_a = builder.input(2) != graph::kNone, has_zero_b = builder.input(3) != graph::kNone;
    if (b == nullptr || b->size() == 0 || b->shape().size() != 2 || !is_byte(builder.desc(0).dtype) ||
        !is_byte(b->dtype()) || builder.shape(0).size() < 2 || (has_zero_b && builder.data(3) == nullptr) ||
        (has_zero_a && graph::element_count(builder.shape(2)) != 1))
      return {};
    TARSIER_TRY([[maybe_unused]] const auto descs, shapes(OpView(builder.graph(), builder.node())));
    const int64_t rows = b->shape()[0], columns = b->shape()[1];
    const auto zero = has_zero_b ? builder.data(3)->to_ints() : std::vector<int64_t>{0};
    if (zero.size() != 1 && zero.size() != size_t(columns)) return {};
    auto weights = b->to_floats();
    for (size_t i = 0; i < weights.size(); ++i)
      weights[i] -= float(zero[zero.size() == 1 ? 0 : i % size_t(columns)]);
    std::vector<ValueId> operands{builder.input(0), builder.scalar(1)};
    if (has_zero_a) operands.push_back(builder.reshape(builder.input(2), {}));
    const ValueId a = builder.add("DequantizeLinear", std::move(operands));
    NodeBuilder::Attributes attributes{{"full_precision", int64_t{1}}};
    if (const auto least = least_difference(builder, 0, 2)) attributes[kBytesFrom] = *least;
    const auto ends = exact_parts(weights, columns);
    ValueId sum = graph::kNone;
    for (int64_t first = 0; first < rows; first = ends[size_t(first)]) {
      const int64_t end = ends[size_t(first)];
      const std::span part(weights.data() + first * columns, size_t((end - first) * columns));
      const ValueId left =
          end - first == rows
              ? a
              : builder.add("Slice", {a, builder.ints({first}), builder.ints({end}), builder.ints({-1})});
      const ValueId product = builder.add(
          "MatMul", {left, builder.constant(Tensor::f32({end - first, columns}, part))}, attributes);
      const ValueId whole = builder.add("Cast", {product}, {{"to", onnx_type(DType::kI32)}});
      sum = sum == graph::kNone ? whole : builder.add("Add", {sum, whole});
    }
    builder.finish("Identity", {sum});
    return {};
  }
  Status compute(const OpView& view, std::vector<Tensor>& outputs) const override {
    TARSIER_TRY(const Product p, describe_matmul(view));
    TARSIER_TRY(const auto zeros, zero_points(view, p));
    const auto a = view.ints(0), b = view.ints(1);
    const auto zero_a = view.has(2) ? view.ints(2) : std::vector<int64_t>{0};
    const auto zero_b = view.has(3) ? view.ints(3) : std::vector<int64_t>{0};
    std::vector<int64_t> out;
    out.reserve(size_t(outputs[0].size()));
    for_each_index<4>(
        p.batch, {p.a_batch, p.b_batch, zeros[0].batch, zeros[1].batch}, [&](int64_t, const auto& at) {
          for (int64_t m = 0; m < p.m; ++m) {
            for (int64_t n = 0; n < p.n; ++n) {
              const int64_t za = zero_a[size_t(at[2] + m * zeros[0].step)];
              const int64_t zb = zero_b[size_t(at[3] + n * zeros[1].step)];
              int64_t sum = 0;
              for (int64_t k = 0; k < p.k; ++k)
                sum += (a[size_t(at[0] + m * p.a_row + k)] - za) * (b[size_t(at[1] + k * p.b_k + n)] - zb);
              out.push_back(sum);
            }
          }
        });
    store(outputs[0], out);
    return {};
  }

 private:
  /// For each row of b that begins a part, the row behind it: as long as no sum of a part's products with
  /// differences of bytes can exceed what fp32 holds exactly.
  static std::vector<int64_t> exact_parts(const std::vector<float>& b, int64_t columns) {
    constexpr float kMostDifference = 255, kExact = 0x1p24F;
    const size_t width = size_t(columns), rows = b.size() / width;
    std::vector<int64_t> ends(rows);
    std::vector<float> most(width);
    size_t first = 0;
    for (size_t row = 0; row < rows; ++row) {
      const auto add = [&] {
        bool fits = true;
        for (size_t c = 0; c < width; ++c) {
          most[c] += kMostDifference * std::fabs(b[row * width + c]);
          fits = fits && most[c] <= kExact;
        }
        return fits;
      };
      if (!add()) {
        first = row;
        std::ranges::fill(most, 0.0F);
        add();
      }
      ends[first] = int64_t(row) + 1;
    }
    return ends;
  }
  static Result<std::array<PerLine, 2>> zero_points(const OpView& view, const Product& p) {
    std::array<PerLine, 2> zeros;
    TARSIER_TRY(zeros[0], per_line(view.has(2) ? view.shape(2) : Shape{}, p.m, false, p.batch));
    TARSIER_TRY(zeros[1], per_line(view.has(3) ? view.shape(3) : Shape{}, p.n, true, p.batch));
    return zeros;
  }
};

/// Inputs a, a_scale, a_zero_point, b, b_scale, b_zero_point, y_scale, y_zero_point: the product of the
/// numbers that a and b stand for, quantised again.
class QLinearMatMul : public Composite {
 public:
  QLinearMatMul() : Composite("QLinearMatMul", 8, 8) {}

 protected:
  Status write_out(NodeBuilder& builder) const override {
    const size_t rank_a = builder.shape(0).size(), rank_b = builder.shape(3).size();
    if (rank_a == 0 || rank_b == 0) return input_error("an operand is a scalar");
    const int64_t rows = rank_a > 1 ? builder.shape(0)[rank_a - 2] : 1;
    const int64_t columns = rank_b > 1 ? builder.shape(3).back() : 1;
    for (const auto& [index, lines] : {std::pair{size_t{1}, rows}, {size_t{4}, columns}, {size_t{6}, rows}}) {
      const Shape& shape = builder.shape(index);
      if (graph::element_count(shape) != 1 && (shape.empty() || (shape.size() == 1 && shape[0] != lines)))
        return input_error("input {} {} must hold one value or {}", index, graph::to_string(shape), lines);
    }
    const ValueId sum = builder.add("MatMulInteger",
                                    {builder.input(0), builder.input(3), builder.input(2), builder.input(5)});
    const ValueId product = builder.add("Cast", {sum}, {{"to", int64_t{1}}});
    // A row's scale stands in a column of the result, a column's in a row.
    const auto line = [&](size_t index, bool by_row) {
      const Shape& shape = builder.shape(index);
      if (graph::element_count(shape) == 1) return builder.reshape(builder.input(index), {});
      if (!by_row || shape.size() != 1 || rank_b == 1) return builder.input(index);
      return builder.reshape(builder.input(index), {shape[0], 1});
    };
    const ValueId scale = builder.add("Mul", {line(1, true), line(4, false)});
    const ValueId scaled = builder.add("Div", {scale, line(6, true)});
    const ValueId y = builder.add("Mul", {product, scaled});
    // With the scale already in y, what is left of quantising is rounding, the zero point and saturating.
    const Shape& zero = builder.shape(7);
    const auto count = graph::element_count(zero);
    if (count == 1) {
      const ValueId point = builder.reshape(builder.input(7), {});
      builder.finish("QuantizeLinear", {y, builder.scalar(1), point});
      return {};
    }
    if (rank_a != 2 || zero.size() != 1)
      return input_error("y_zero_point of shape {}", graph::to_string(zero));
    const ValueId ones = builder.add("Expand", {builder.scalar(1), builder.ints({count})});
    builder.finish("QuantizeLinear", {y, ones, builder.input(7)}, {{"axis", int64_t{0}}});
    return {};
  }
};

}  // namespace

Status emit_integer_product(Emitter& emitter, const Product& p, const IntegerTerms& terms) {
  if (graph::element_count(emitter.output(0).value->desc.shape) == 0) return {};
  struct Push {
    uint64_t a, b, zero_a, zero_b, c, target, table;
    uint32_t m, n, k;
    uint32_t a_row, a_k, b_k, b_column;
    uint32_t zero_a_step, zero_b_step, c_row, c_column;
    float alpha, beta;
    uint32_t reserved = 0;
  } push{};
  static_assert(sizeof(Push) == 112);
  const std::vector<int64_t> none(p.batch.size(), 0);
  TARSIER_TRY(const ProductOperands operands,
              product_operands(emitter, p, terms.with_c,
                               {terms.a_batch.empty() ? none : terms.a_batch,
                                terms.b_batch.empty() ? none : terms.b_batch}));
  push.a = operands.a;
  push.b = operands.b;
  push.c = operands.c;
  if (terms.zero_a) {
    TARSIER_TRY(push.zero_a, input_address(emitter, 2, Layout::kLinear, false));
  }
  if (terms.zero_b) {
    TARSIER_TRY(push.zero_b, input_address(emitter, 3, Layout::kLinear, false));
  }
  push.table = operands.table;
  push.target = emitter.output(0).address;
  push.m = uint32_t(p.m);
  push.n = uint32_t(p.n);
  push.k = uint32_t(p.k);
  push.a_row = uint32_t(p.a_row);
  push.a_k = uint32_t(p.a_k);
  push.b_k = uint32_t(operands.b_k);
  push.b_column = uint32_t(operands.b_column);
  push.zero_a_step = uint32_t(terms.a_step);
  push.zero_b_step = uint32_t(terms.b_step);
  push.c_row = uint32_t(p.c_row);
  push.c_column = uint32_t(p.c_column);
  push.alpha = p.alpha;
  push.beta = p.beta;
  const bool scaled = p.alpha != 1 || (terms.with_c && p.beta != 1);
  const uint32_t flags =
      (terms.zero_a ? 1U : 0U) | (terms.zero_b ? 2U : 0U) | (terms.with_c ? 4U : 0U) | (scaled ? 8U : 0U);
  const uint32_t rows = p.m == 1 ? 1 : 4;
  TARSIER_TRY(const auto grid, product_grid(p, rows));
  emitter.dispatch("kernels/matmul_integer.comp",
                   {flags, operands.rank, rows, operands.whole_n ? 1U : 0U, operands.whole_k ? 1U : 0U}, push,
                   grid);
  return {};
}

std::vector<int64_t> integer_product(const Product& p, const std::vector<int64_t>& a,
                                     const std::vector<int64_t>& b, const std::vector<int64_t>& c) {
  std::vector<int64_t> out;
  out.reserve(size_t(p.batches() * p.m * p.n));
  const bool scaled = p.alpha != 1 || (!c.empty() && p.beta != 1);
  for_each_index<2>(p.batch, {p.a_batch, p.b_batch}, [&](int64_t, const auto& at) {
    for (int64_t m = 0; m < p.m; ++m) {
      for (int64_t n = 0; n < p.n; ++n) {
        int64_t sum = 0;
        for (int64_t k = 0; k < p.k; ++k)
          sum += a[size_t(at[0] + m * p.a_row + k * p.a_k)] * b[size_t(at[1] + k * p.b_k + n * p.b_column)];
        const int64_t bias = c.empty() ? 0 : c[size_t(m * p.c_row + n * p.c_column)];
        out.push_back(scaled ? int64_t(double(p.alpha) * double(sum) + double(p.beta) * double(bias))
                             : sum + bias);
      }
    }
  });
  return out;
}

void register_matmul_integer(Registry& registry) {
  registry.add(std::make_unique<MatMulInteger>());
  registry.add(std::make_unique<QLinearMatMul>());
}

}  // namespace tarsier::kernels
