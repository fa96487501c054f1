// DFT and STFT as products with a constant matrix: lengths are known when a plan is made, and for the lengths
// that audio networks have a product in tiles is fast. Real and imaginary parts lie side by side in the last
// axis, so that one real matrix does a complex transform.
#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/number.hpp"
#include "kernels/operator.hpp"
#include "kernels/register.hpp"

namespace tarsier::kernels {
namespace {

using graph::kNone;
using graph::NodeBuilder;
using graph::ValueId;

/// Numbers of the matrix: 256 MiB.
constexpr int64_t kMostElements = int64_t{1} << 26;

struct Transform {
  int64_t length;    // of the transform, zero-padded or cut
  int64_t samples;   // that are given, at most `length` (of a one-sided spectrum: length / 2 + 1)
  int64_t parts_in;  // 1 real, 2 complex
  bool inverse = false, onesided = false;

  [[nodiscard]] bool to_real() const { return inverse && onesided; }
  [[nodiscard]] int64_t parts_out() const { return to_real() ? 1 : 2; }
  [[nodiscard]] int64_t results() const { return onesided && !inverse ? length / 2 + 1 : length; }
};

/// [samples * parts_in, results * parts_out].
Result<Tensor> matrix_of(const Transform& t) {
  const int64_t rows = t.samples * t.parts_in, columns = saturated_product(t.results(), t.parts_out());
  if (saturated_product(std::max<int64_t>(rows, 1), columns) > kMostElements)
    return input_error("a transform of length {} is too long", t.length);
  Tensor matrix(TensorDesc{DType::kF32, {rows, columns}});
  const auto out = matrix.as_mutable<float>();
  for (int64_t m = 0; m < t.samples; ++m) {
    // A one-sided spectrum stands for the other half, too: all but its ends count twice.
    const bool twice = t.to_real() && m != 0 && 2 * m != t.length;
    const double scale = (t.inverse ? 1.0 / double(t.length) : 1.0) * (twice ? 2 : 1);
    for (int64_t k = 0; k < t.results(); ++k) {
      const double turn = double(m * k % t.length) / double(t.length);
      const double angle = 2 * std::numbers::pi * (t.inverse ? turn : -turn);
      const double real = scale * std::cos(angle), imaginary = scale * std::sin(angle);
      const auto set = [&](int64_t part_in, int64_t part_out, double x) {
        if (part_in >= t.parts_in || part_out >= t.parts_out()) return;
        out[size_t((m * t.parts_in + part_in) * columns + k * t.parts_out() + part_out)] = float(x);
      };
      set(0, 0, real);
      set(0, 1, imaginary);
      set(1, 0, -imaginary);
      set(1, 1, real);
    }
  }
  return matrix;
}

Status check_parts(const Shape& shape) {
  if (shape.size() < 2 || (shape.back() != 1 && shape.back() != 2)) {
    return input_error("{} holds neither real (last extent 1) nor complex numbers (2)",
                       graph::to_string(shape));
  }
  return {};
}

/// Inputs as of opset 20: signal [..., 1 or 2], dft_length, axis.
class Dft : public Composite {
 public:
  Dft() : Composite("DFT", 1, 3) { needs_values({1, 2}); }

 protected:
  Status write_out(NodeBuilder& builder) const override {
    const Shape& shape = builder.shape(0);
    TARSIER_CHECK(check_parts(shape));
    const auto rank = int64_t(shape.size());
    int64_t axis = -2;
    if (builder.input(2) != kNone) {
      TARSIER_TRY(const double given, builder.number(2, "axis"));
      axis = number_cast<int64_t>(given);
    }
    TARSIER_TRY(axis, normalize_axis(axis, rank));
    if (axis == rank - 1) return input_error("the last axis holds real and imaginary parts");
    Transform transform{};
    transform.inverse = builder.node().integer("inverse", 0) != 0;
    transform.onesided = builder.node().integer("onesided", 0) != 0;
    transform.parts_in = shape.back();
    const int64_t extent = shape[size_t(axis)];
    if (transform.to_real() && transform.parts_in != 2)
      return input_error("a one-sided spectrum that is real");
    if (transform.onesided && !transform.inverse && transform.parts_in != 1) {
      return input_error("a one-sided spectrum of complex numbers");
    }
    transform.length = transform.to_real() ? 2 * (extent - 1) : extent;
    if (builder.input(1) != kNone) {
      TARSIER_TRY(const double given, builder.number(1, "dft_length"));
      transform.length = number_cast<int64_t>(given);
    }
    if (transform.length < 1) return input_error("a transform of length {}", transform.length);
    transform.samples = std::min(extent, transform.to_real() ? transform.length / 2 + 1 : transform.length);

    // The axis next to the last, where it and the parts are one row of the product.
    std::vector<int64_t> order;
    for (int64_t d = 0; d < rank; ++d) {
      if (d != axis && d != rank - 1) order.push_back(d);
    }
    order.push_back(axis);
    order.push_back(rank - 1);
    std::vector<int64_t> back(order.size());
    for (size_t d = 0; d < order.size(); ++d) back[size_t(order[d])] = int64_t(d);
    const bool moves = axis != rank - 2;
    ValueId x = builder.input(0);
    if (moves) x = builder.transpose(x, order);
    if (transform.samples < extent) {
      x = builder.add("Slice", {x, builder.ints({0}), builder.ints({transform.samples}), builder.ints({-2})});
    }
    Shape result;
    int64_t signals = 1;
    for (size_t d = 0; d + 2 < order.size(); ++d) {
      result.push_back(shape[size_t(order[d])]);
      signals *= result.back();
    }
    result.push_back(transform.results());
    result.push_back(transform.parts_out());
    x = builder.reshape(x, {signals, transform.samples * transform.parts_in});
    TARSIER_TRY(Tensor matrix, matrix_of(transform));
    x = builder.add("MatMul", {x, builder.constant(std::move(matrix))});
    x = builder.reshape(x, result);
    if (moves) x = builder.transpose(x, back);
    builder.set_output(0, x);
    return {};
  }
};

/// Inputs: signal [batch, length, 1 or 2] or [batch, length], frame_step, window [frame_length],
/// frame_length.
class Stft : public Composite {
 public:
  Stft() : Composite("STFT", 2, 4) { needs_values({1, 3}); }

 protected:
  Status write_out(NodeBuilder& builder) const override {
    Shape shape = builder.shape(0);
    if (shape.size() == 2) shape.push_back(1);
    TARSIER_CHECK(check_parts(shape));
    if (shape.size() != 3) return input_error("a signal of shape {}", graph::to_string(shape));
    TARSIER_TRY(const double given_step, builder.number(1, "frame_step"));
    const auto step = number_cast<int64_t>(given_step);
    const bool windowed = builder.input(2) != kNone;
    if (windowed && builder.shape(2).size() != 1) {
      return input_error("a window of shape {}", graph::to_string(builder.shape(2)));
    }
    Transform transform{};
    transform.length = windowed ? builder.shape(2)[0] : shape[1];
    if (builder.input(3) != kNone) {
      TARSIER_TRY(const double given, builder.number(3, "frame_length"));
      transform.length = number_cast<int64_t>(given);
    }
    if (windowed && builder.shape(2)[0] != transform.length) {
      return input_error("a window of {} for frames of {}", builder.shape(2)[0], transform.length);
    }
    if (step < 1 || transform.length < 1 || transform.length > shape[1]) {
      return input_error("frames of {} every {} in a signal of {}", transform.length, step, shape[1]);
    }
    transform.samples = transform.length;
    transform.parts_in = shape[2];
    transform.onesided = builder.node().integer("onesided", 1) != 0;
    if (transform.onesided && transform.parts_in != 1) {
      return input_error("a one-sided spectrum of complex numbers");
    }
    const int64_t frames = (shape[1] - transform.length) / step + 1;
    if (saturated_product(frames, transform.length) > kMostElements) {
      return input_error("{} frames of {} are too many", frames, transform.length);
    }
    std::vector<int64_t> picks(size_t(frames * transform.length));
    for (size_t i = 0; i < picks.size(); ++i) {
      picks[i] = int64_t(i) / transform.length * step + int64_t(i) % transform.length;
    }
    ValueId x = builder.reshape(builder.input(0), shape);
    x = builder.add("Gather", {x, builder.constant(Tensor::i64({frames, transform.length}, picks))},
                    {{"axis", int64_t{1}}});
    if (windowed) {
      x = builder.add("Mul", {x, builder.add("Unsqueeze", {builder.input(2), builder.ints({1})})});
    }
    x = builder.reshape(x, {shape[0] * frames, transform.length * transform.parts_in});
    TARSIER_TRY(Tensor matrix, matrix_of(transform));
    x = builder.add("MatMul", {x, builder.constant(std::move(matrix))});
    builder.set_output(0, builder.reshape(x, {shape[0], frames, transform.results(), 2}));
    return {};
  }
};

}  // namespace

void register_fourier(Registry& registry) {
  registry.add(std::make_unique<Dft>());
  registry.add(std::make_unique<Stft>());
}

}  // namespace tarsier::kernels
