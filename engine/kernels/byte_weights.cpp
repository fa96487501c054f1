#include "kernels/byte_weights.hpp"

#include <algorithm>
#include <cmath>

namespace tarsier::kernels {
namespace {

/// The largest power of two that divides x without a rest; x is finite and not 0.
float power_in(float x) {
  int exponent = 0;
  const float mantissa = std::frexp(x, &exponent);  // in [0.5, 1): 24 bits
  const auto digits = uint32_t(std::fabs(mantissa) * 0x1p24F);
  return std::ldexp(1.0F, exponent - 24 + __builtin_ctz(digits));
}

}  // namespace

std::optional<int64_t> least_difference(const graph::NodeBuilder& builder, size_t x, size_t zero) {
  const DType type = builder.desc(x).dtype;
  if (type != DType::kU8 && type != DType::kI8) return std::nullopt;
  int64_t point = 0;
  if (builder.input(zero) != graph::kNone) {
    const Tensor* known = builder.data(zero);
    if (known == nullptr || known->size() != 1) return std::nullopt;
    point = known->to_ints()[0];
  }
  return (type == DType::kU8 ? 0 : -128) - point;
}

std::optional<int64_t> middle_of_bytes(const graph::Node& node) {
  if (!node.has(kBytesFrom)) return std::nullopt;
  return node.integer(kBytesFrom, 0) + 128;
}

std::optional<ByteWeights> byte_weights(std::span<const float> weights, int64_t lines, bool scaled) {
  ByteWeights out;
  out.values.reserve(weights.size());
  const size_t n = lines == 0 ? 0 : weights.size() / size_t(lines);
  for (size_t line = 0; line < size_t(lines); ++line) {
    const auto own = weights.subspan(line * n, n);
    float power = 0;
    for (const float w : own) {
      if (!std::isfinite(w)) return std::nullopt;
      if (w != 0) power = power == 0 ? power_in(w) : std::min(power, power_in(w));
    }
    if (!scaled && power != 0 && power < 1) return std::nullopt;
    if (!scaled || power == 0) power = 1;
    int64_t sum = 0;
    for (const float w : own) {
      const float value = w / power;  // exact
      if (value < -128 || value > 127) return std::nullopt;
      out.values.push_back(int8_t(value));
      sum += int64_t(value);
    }
    out.scale.push_back(power);
    out.sum.push_back(sum);
  }
  return out;
}

}  // namespace tarsier::kernels
