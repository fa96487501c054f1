// Tensors made from few numbers: EyeLike, Trilu, OneHot, window functions, MelWeightMatrix. Sizes are known
// when a plan is made, so what depends on nothing else is a constant; the rest is a selection by a mask.
#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/number.hpp"
#include "graph/passes/evaluate.hpp"
#include "kernels/operator.hpp"
#include "kernels/register.hpp"

namespace tarsier::kernels {
namespace {

using graph::kNone;
using graph::NodeBuilder;
using graph::ValueId;

/// Errors: more elements than a constant may have that no file holds.
Result<Tensor> made(DType type, const Shape& shape) {
  if (graph::element_count(shape) > graph::kMostMade)
    return input_error("{} is too large for a constant", graph::to_string(shape));
  return Tensor(TensorDesc{type, shape});
}

/// Ones on the k-th diagonal of a matrix of the input's shape.
class EyeLike : public Composite {
 public:
  EyeLike() : Composite("EyeLike", 1, 1) {}

 protected:
  Status write_out(NodeBuilder& builder) const override {
    const Shape& shape = builder.shape(0);
    if (shape.size() != 2) return input_error("{} is no matrix", graph::to_string(shape));
    DType type = builder.desc(0).dtype;
    if (builder.node().has("dtype")) {
      TARSIER_TRY(type, dtype_of_onnx(builder.node().integer("dtype", 0)));
    }
    TARSIER_TRY(Tensor eye, made(type, shape));
    const int64_t k = std::clamp(builder.node().integer("k", 0), -shape[0], shape[1]);
    std::vector<int64_t> values(size_t(eye.size()), 0);
    for (int64_t r = std::max<int64_t>(0, -k); r < shape[0] && r + k < shape[1]; ++r) {
      values[size_t(r * shape[1] + r + k)] = 1;
    }
    store(eye, values);
    builder.set_output(0, builder.constant(std::move(eye)));
    return {};
  }
};

/// The upper or lower triangle of each matrix, from the k-th diagonal on.
class Trilu : public Composite {
 public:
  Trilu() : Composite("Trilu", 1, 2) { needs_values({1}); }

 protected:
  Status write_out(NodeBuilder& builder) const override {
    const Shape& shape = builder.shape(0);
    if (shape.size() < 2) return input_error("{} holds no matrices", graph::to_string(shape));
    double k = 0;
    if (builder.input(1) != kNone) {
      TARSIER_TRY(k, builder.number(1, "k"));
    }
    const bool upper = builder.node().integer("upper", 1) != 0;
    const int64_t rows = shape[shape.size() - 2], columns = shape.back();
    TARSIER_TRY(Tensor mask, made(DType::kBool, {rows, columns}));
    const auto kept = mask.as_mutable<uint8_t>();
    for (size_t i = 0; i < kept.size(); ++i) {
      const auto diagonal = double(int64_t(i) % columns - int64_t(i) / columns);
      kept[i] = (upper ? diagonal >= k : diagonal <= k) ? 1 : 0;
    }
    builder.finish("Where", {builder.constant(std::move(mask)), builder.input(0),
                             builder.scalar(0, builder.desc(0).dtype)});
    return {};
  }
};

/// values[1] where the new axis stands at the index, values[0] elsewhere; everywhere for indices outside of
/// [-depth, depth).
class OneHot : public Composite {
 public:
  OneHot() : Composite("OneHot", 3, 3) { needs_values({1}); }

 protected:
  Status write_out(NodeBuilder& builder) const override {
    TARSIER_TRY(const double depth, builder.number(1, "depth"));
    const auto rank = int64_t(builder.shape(0).size());
    if (!(depth >= 0) || depth * double(graph::element_count(builder.shape(0))) > double(graph::kMostMade)) {
      return input_error("a depth of {}", depth);
    }
    if (builder.shape(2) != Shape{2}) {
      return input_error("values {}, two are expected", graph::to_string(builder.shape(2)));
    }
    TARSIER_TRY(const int64_t axis, normalize_axis(builder.node().integer("axis", -1), rank + 1));
    const ValueId wide = builder.add(
        "Unsqueeze", {builder.add("Cast", {builder.input(0)}, {{"to", int64_t{7}}}), builder.ints({axis})});
    const ValueId from_end = builder.add("Add", {wide, builder.ints({int64_t(depth)})});
    const ValueId negative = builder.add("Less", {wide, builder.scalar(0, DType::kI64)});
    const ValueId index = builder.add("Where", {negative, from_end, wide});
    const ValueId hot =
        builder.add("Equal", {index, builder.count_along(size_t(rank + 1), size_t(axis), int64_t(depth))});
    const auto value_at = [&](int64_t at) {
      return builder.add("Gather", {builder.input(2), builder.scalar(float(at), DType::kI64)});
    };
    const ValueId on = value_at(1), off = value_at(0);
    builder.finish("Where", {hot, on, off});
    return {};
  }
};

/// A sum of cosines a0 - a1 cos(2 pi n / N) + a2 cos(4 pi n / N), where N is the size of a periodic window
/// and one less for a symmetric one.
class Window : public Composite {
 public:
  Window(std::string op_name, double a0, double a1, double a2)
      : Composite(std::move(op_name), 1, 1), a0_(a0), a1_(a1), a2_(a2) {
    needs_values({0});
  }

 protected:
  Status write_out(NodeBuilder& builder) const override {
    TARSIER_TRY(const double size, builder.number(0, "size"));
    if (!(size >= 0 && size <= double(graph::kMostMade))) return input_error("a size of {}", size);
    TARSIER_TRY(const DType type, dtype_of_onnx(builder.node().integer("output_datatype", 1)));
    const double period = builder.node().integer("periodic", 1) != 0 ? size : size - 1;
    TARSIER_TRY(Tensor window, made(type, {int64_t(size)}));
    std::vector<double> values(size_t(window.size()));
    for (size_t n = 0; n < values.size(); ++n) {
      const double angle = 2 * std::numbers::pi * double(n) / period;
      // A symmetric window of one number is its middle.
      values[n] = period == 0 ? 1 : a0_ - a1_ * std::cos(angle) + a2_ * std::cos(2 * angle);
    }
    store(window, values);
    builder.set_output(0, builder.constant(std::move(window)));
    return {};
  }

 private:
  double a0_, a1_, a2_;
};

/// [dft_length / 2 + 1, num_mel_bins]: triangles with peaks of 1, equally far apart on the mel scale
/// 2595 log10(1 + f / 700), cornered at bins of the spectrum (as the operator's definition in ONNX does it).
class MelWeightMatrix : public Composite {
 public:
  MelWeightMatrix() : Composite("MelWeightMatrix", 5, 5) { needs_values({0, 1, 2, 3, 4}); }

 protected:
  Status write_out(NodeBuilder& builder) const override {
    TARSIER_TRY(const double bands, builder.number(0, "num_mel_bins"));
    TARSIER_TRY(const double length, builder.number(1, "dft_length"));
    TARSIER_TRY(const double rate, builder.number(2, "sample_rate"));
    TARSIER_TRY(const double low, builder.number(3, "lower_edge_hertz"));
    TARSIER_TRY(const double high, builder.number(4, "upper_edge_hertz"));
    TARSIER_TRY(const DType type, dtype_of_onnx(builder.node().integer("output_datatype", 1)));
    if (!(bands >= 1 && length >= 1 && rate > 0 && low >= 0 && high >= low && std::isfinite(high) &&
          bands * length <= double(graph::kMostMade))) {
      return input_error("{} bands of {} Hz to {} Hz at {} Hz and a length of {}", bands, low, high, rate,
                         length);
    }
    const auto columns = int64_t(bands), rows = int64_t(length) / 2 + 1;
    const auto mel = [](double hertz) { return 2595 * std::log10(1 + hertz / 700); };
    const double step = (mel(high) - mel(low)) / (bands + 2);
    const auto corner = [&](int64_t i) {
      const double hertz = 700 * (std::pow(10.0, (double(i) * step + mel(low)) / 2595) - 1);
      return number_cast<int64_t>(std::floor((length + 1) * hertz / rate));
    };
    TARSIER_TRY(Tensor matrix, made(type, {rows, columns}));
    std::vector<double> values(size_t(matrix.size()), 0.0);
    const auto set = [&](int64_t row, int64_t column, double value) {
      if (row >= 0 && row < rows) values[size_t(row * columns + column)] = value;
    };
    for (int64_t i = 0; i < columns; ++i) {
      const int64_t left = corner(i), middle = corner(i + 1), right = corner(i + 2);
      if (middle == left) set(middle, i, 1);
      // Edges beyond the spectrum may be far away.
      for (int64_t j = left; middle > left && j <= std::min(middle, rows); ++j) {
        set(j, i, double(j - left) / double(middle - left));
      }
      for (int64_t j = middle; j < std::min(right, rows); ++j)
        set(j, i, double(right - j) / double(right - middle));
    }
    store(matrix, values);
    builder.set_output(0, builder.constant(std::move(matrix)));
    return {};
  }
};

}  // namespace

void register_generators(Registry& registry) {
  registry.add(std::make_unique<EyeLike>());
  registry.add(std::make_unique<Trilu>());
  registry.add(std::make_unique<OneHot>());
  registry.add(std::make_unique<MelWeightMatrix>());
  registry.add(std::make_unique<Window>("HannWindow", 0.5, 0.5, 0));
  registry.add(std::make_unique<Window>("HammingWindow", 25.0 / 46, 21.0 / 46, 0));
  registry.add(std::make_unique<Window>("BlackmanWindow", 0.42, 0.5, 0.08));
}

}  // namespace tarsier::kernels
