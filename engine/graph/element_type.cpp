#include "graph/element_type.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>

namespace tarsier::graph {
namespace {

/// What stands in place of a format's largest exponents.
enum class Specials : uint8_t {
  kInfinities,    // IEEE 754: the largest exponent is infinity and NaN
  kOneNan,        // all ones are NaN; the rest of the largest exponent are numbers
  kUnsignedZero,  // what would be -0 is NaN, the only one
  kNone,
};

struct Format {
  uint32_t exponent_bits, mantissa_bits;
  int32_t bias;
  Specials specials;
};

struct Traits {
  std::string_view name;
  DType held = DType::kF32;
  uint32_t bits = 0;  // 0: not held
  bool exact = true;
  std::optional<Format> format;  // of real types narrower than fp32
};

constexpr std::array<Traits, 29> kTraits{{
    {.name = "UNDEFINED"},
    {.name = "FLOAT", .held = DType::kF32, .bits = 32},
    {.name = "UINT8", .held = DType::kU8, .bits = 8},
    {.name = "INT8", .held = DType::kI8, .bits = 8},
    {.name = "UINT16", .held = DType::kI32, .bits = 16, .exact = false},
    {.name = "INT16", .held = DType::kI16, .bits = 16},
    {.name = "INT32", .held = DType::kI32, .bits = 32},
    {.name = "INT64", .held = DType::kI64, .bits = 64},
    {.name = "STRING"},
    {.name = "BOOL", .held = DType::kBool, .bits = 8},
    {"FLOAT16", DType::kF32, 16, false, Format{5, 10, 15, Specials::kInfinities}},
    {.name = "DOUBLE", .held = DType::kF32, .bits = 64},
    {.name = "UINT32", .held = DType::kI64, .bits = 32},
    {.name = "UINT64", .held = DType::kI64, .bits = 64},
    {.name = "COMPLEX64"},
    {.name = "COMPLEX128"},
    {"BFLOAT16", DType::kF32, 16, false, Format{8, 7, 127, Specials::kInfinities}},
    {"FLOAT8E4M3FN", DType::kF32, 8, false, Format{4, 3, 7, Specials::kOneNan}},
    {"FLOAT8E4M3FNUZ", DType::kF32, 8, false, Format{4, 3, 8, Specials::kUnsignedZero}},
    {"FLOAT8E5M2", DType::kF32, 8, false, Format{5, 2, 15, Specials::kInfinities}},
    {"FLOAT8E5M2FNUZ", DType::kF32, 8, false, Format{5, 2, 16, Specials::kUnsignedZero}},
    {.name = "UINT4", .held = DType::kU8, .bits = 4, .exact = false},
    {.name = "INT4", .held = DType::kI8, .bits = 4, .exact = false},
    {"FLOAT4E2M1", DType::kF32, 4, false, Format{2, 1, 1, Specials::kNone}},
    {.name = "FLOAT8E8M0", .held = DType::kF32, .bits = 8, .exact = false},
    {.name = "UINT2", .held = DType::kU8, .bits = 2, .exact = false},
    {.name = "INT2", .held = DType::kI8, .bits = 2, .exact = false},
    {"FLOAT6E2M3", DType::kF32, 6, false, Format{2, 3, 1, Specials::kNone}},
    {"FLOAT6E3M2", DType::kF32, 6, false, Format{3, 2, 3, Specials::kNone}},
}};

const Traits& traits(ElementType type) {
  const auto number = static_cast<size_t>(type);
  return kTraits[number < kTraits.size() ? number : 0];
}

constexpr uint32_t kInfinity = 0x7F800000, kNan = 0x7FC00000, kSign = 0x80000000;

/// Bits of the fp32 number that magnitude `code` of the format stands for.
uint32_t magnitude_bits(const Format& format, uint32_t code) {
  const auto mantissa = float(code & ((1U << format.mantissa_bits) - 1U));
  const auto exponent = int32_t(code >> format.mantissa_bits);
  const float digits = mantissa / float(1U << format.mantissa_bits) + (exponent == 0 ? 0.0F : 1.0F);
  return std::bit_cast<uint32_t>(std::ldexp(digits, std::max(exponent, 1) - format.bias));
}

uint32_t largest_code(const Format& format) {
  const uint32_t all = (1U << (format.exponent_bits + format.mantissa_bits)) - 1U;
  if (format.specials == Specials::kInfinities) return all - (1U << format.mantissa_bits);
  return format.specials == Specials::kOneNan ? all - 1U : all;
}

}  // namespace

Result<DType> dtype_of_onnx(int64_t number) {
  const bool known = number > 0 && number < int64_t(kTraits.size());
  if (known && kTraits[size_t(number)].bits > 0) return kTraits[size_t(number)].held;
  return input_error("element type {} is not supported",
                     known ? std::string(kTraits[size_t(number)].name) : std::to_string(number));
}

int64_t onnx_type(DType type) {
  const auto number = [](ElementType each) { return int64_t(each); };
  switch (type) {
    case DType::kU8:
      return number(ElementType::kUint8);
    case DType::kI8:
      return number(ElementType::kInt8);
    case DType::kI16:
      return number(ElementType::kInt16);
    case DType::kI32:
      return number(ElementType::kInt32);
    case DType::kI64:
      return number(ElementType::kInt64);
    case DType::kBool:
      return number(ElementType::kBool);
    case DType::kF16:
    case DType::kF32:
    case DType::kF64:
      break;
  }
  return number(ElementType::kFloat);
}

uint32_t element_bits(ElementType type) {
  return traits(type).bits;
}

bool is_held_exactly(ElementType type) {
  return traits(type).exact;
}

IntegerRange integer_range(ElementType type) {
  const Traits& each = traits(type);
  const bool is_unsigned =
      each.held == DType::kU8 || each.held == DType::kBool || type == ElementType::kUint16;
  if (each.bits > 16) return {std::numeric_limits<int32_t>::min(), std::numeric_limits<int32_t>::max()};
  const int64_t span = int64_t{1} << each.bits;
  return is_unsigned ? IntegerRange{0, span - 1} : IntegerRange{-span / 2, span / 2 - 1};
}

std::optional<FloatRounding> float_rounding(ElementType type, bool saturate) {
  const Traits& each = traits(type);
  if (!each.format) return {};
  const Format& format = *each.format;
  FloatRounding to;
  to.dropped = 23U - format.mantissa_bits;
  // bfloat16's subnormal numbers are fp32's, whose bits are cut like those of the others.
  to.min_normal = format.exponent_bits == 8 ? 0 : magnitude_bits(format, 1U << format.mantissa_bits);
  if (to.min_normal != 0) to.per_quantum = std::ldexp(1.0F, format.bias - 1 + int32_t(format.mantissa_bits));
  to.largest = magnitude_bits(format, largest_code(format));
  const bool saturates = format.specials == Specials::kNone || (saturate && each.bits <= 8);
  to.beyond = saturates ? to.largest : format.specials == Specials::kInfinities ? kInfinity : kNan;
  if (format.specials == Specials::kNone) to.not_a_number = 0;
  to.unsigned_zero = format.specials == Specials::kUnsignedZero ? 1 : 0;
  return to;
}

float rounded(float x, const FloatRounding& to) {
  const auto bits = std::bit_cast<uint32_t>(x);
  const uint32_t magnitude = bits & ~kSign;
  uint32_t result;
  if (magnitude > kInfinity) {
    result = to.not_a_number;
  } else if (magnitude < to.min_normal) {
    result = std::bit_cast<uint32_t>(std::nearbyint(std::bit_cast<float>(magnitude) * to.per_quantum) /
                                     to.per_quantum);
  } else {
    const uint32_t half = (1U << (to.dropped - 1)) - 1U + ((magnitude >> to.dropped) & 1U);
    result = (magnitude + half) >> to.dropped << to.dropped;
  }
  if (result > to.largest && magnitude <= kInfinity) result = to.beyond;
  if (result == 0 && to.unsigned_zero != 0) return 0;
  return std::bit_cast<float>(result | (bits & kSign));
}

float rounded_to_power(float x, PowerRounding mode, bool saturate) {
  constexpr uint32_t kSmallest = 0x00400000, kLargest = 0x7F000000, kExponent = 0x7F800000;
  constexpr uint32_t kSmallestNormal = 0x00800000;  // of fp32
  const uint32_t magnitude = std::bit_cast<uint32_t>(x) & ~kSign;
  if (magnitude > kInfinity) return std::bit_cast<float>(kNan);
  if (magnitude < kSmallest) return std::bit_cast<float>(saturate ? kSmallest : kNan);
  const bool small = magnitude < kSmallestNormal;  // between the two smallest powers
  const uint32_t below = small ? kSmallest : magnitude & kExponent;
  const uint32_t above = small ? kSmallestNormal : below + kSmallestNormal;
  const uint32_t middle = below + (above - below) / 2;
  const bool up = mode == PowerRounding::kUp        ? magnitude > below
                  : mode == PowerRounding::kNearest ? magnitude >= middle
                                                    : false;
  const uint32_t result = up ? above : below;
  if (result > kLargest) return std::bit_cast<float>(saturate ? kLargest : kNan);
  return std::bit_cast<float>(result);
}

float decode_small_float(ElementType type, uint32_t bits) {
  if (type == ElementType::kFloat8E8M0)
    return bits == 0xFF ? std::bit_cast<float>(kNan) : std::ldexp(1.0F, int32_t(bits) - 127);
  const Traits& each = traits(type);
  const Format& format = *each.format;
  const uint32_t sign = 1U << (each.bits - 1);
  const uint32_t code = bits & (sign - 1U);
  const bool negative = (bits & sign) != 0;
  if (format.specials == Specials::kUnsignedZero && negative && code == 0) return std::bit_cast<float>(kNan);
  uint32_t result = 0;
  if (code <= largest_code(format)) {
    result = magnitude_bits(format, code);
  } else {
    const bool infinite = format.specials == Specials::kInfinities && code == largest_code(format) + 1;
    result = infinite ? kInfinity : kNan;
  }
  return std::bit_cast<float>(result | (negative ? kSign : 0U));
}

}  // namespace tarsier::graph
