// Conversions between numbers that C++ leaves undefined.
#pragma once

#include <concepts>
#include <cstdint>

namespace tarsier {

/// A cast to any arithmetic type. A real number becomes an integer by truncation; what does not fit in 64
/// bits becomes the nearest that does, NaN becomes 0; narrower integers keep the low bits of that.
template <class To, class From>
constexpr To number_cast(From value) {
  if constexpr (std::floating_point<From> && std::integral<To> && !std::same_as<To, bool>) {
    constexpr From kLimit = 9223372036854775808.0F;  // 2^63
    if (value != value) return To{0};
    if (value >= kLimit) return static_cast<To>(INT64_MAX);
    if (value < -kLimit) return static_cast<To>(INT64_MIN);
    return static_cast<To>(static_cast<int64_t>(value));
  } else {
    return static_cast<To>(value);
  }
}

/// The product of two integers, where it does not fit the nearest that does (and may be negated): extents out
/// of a damaged file stay too large instead of turning small.
constexpr int64_t saturated_product(int64_t a, int64_t b) {
  int64_t product = 0;
  if (!__builtin_mul_overflow(a, b, &product)) return product;
  return (a < 0) == (b < 0) ? INT64_MAX : -INT64_MAX;
}
constexpr int64_t saturated_sum(int64_t a, int64_t b) {
  int64_t sum = 0;
  if (!__builtin_add_overflow(a, b, &sum)) return sum;
  return a < 0 ? -INT64_MAX : INT64_MAX;
}

}  // namespace tarsier
