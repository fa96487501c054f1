// Rows of the operator table: element types (casts in every pair, bits, quantisation to few of them) and
// LinearAttention.
#include <limits>

#include "check/operator_case.hpp"
#include "graph/element_type.hpp"

namespace tarsier::check {

namespace {

using graph::DType;
using graph::ElementType;

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

CaseInput typed(DType type, graph::Shape shape, double low, double high) {
  return {.shape = std::move(shape), .dtype = type, .low = low, .high = high};
}
CaseInput values(std::vector<double> numbers) {
  return {.shape = {int64_t(numbers.size())}, .values = std::move(numbers)};
}
/// A zero point of a file's type.
CaseInput zero(ElementType type, double value) {
  return {.shape = {}, .dtype = *graph::dtype_of_onnx(int64_t(type)), .constant = true, .values = {value}};
}
Attributes cast_to(ElementType type, Attributes more = {}) {
  more["to"] = int64_t(type);
  return more;
}
Attributes quantize_to(ElementType type, Attributes more = {}) {
  more["output_dtype"] = int64_t(type);
  return more;
}

void add_real_casts(std::vector<OperatorCase>& cases) {
  // Ties, limits and what lies beyond them, of every format; subnormal numbers.
  const auto edges = values(
      {0,      -0.0,    kInf,       -kInf,      kNan,          65504,   65519,        65520,  61440,  57344,
       -61441, 480,     464,        464.5,      240,           248,     -247.9,       6,      7,      -5,
       5.1,    0.25,    0.2501,     0.75,       -1.25,         28,      30,           7.5,    7.75,   1e-7,
       3e-8,   2.98e-8, 6.1e-5,     7.6e-6,     -3.9e-6,       1.17e-2, 9.8e-4,       0.0137, 4.9e-4, 1.0625,
       1.1875, -1.125,  1.00390625, 1.01171875, -1.0009765625, 3.4e38,  1.00048828125});
  for (const auto type :
       {ElementType::kFloat16, ElementType::kBfloat16, ElementType::kFloat8E4M3FN,
        ElementType::kFloat8E4M3FNUZ, ElementType::kFloat8E5M2, ElementType::kFloat8E5M2FNUZ,
        ElementType::kFloat4E2M1, ElementType::kFloat6E2M3, ElementType::kFloat6E3M2}) {
    cases.push_back({"Cast", {edges}, cast_to(type), kExact});
    cases.push_back({"Cast", {edges}, cast_to(type, {{"saturate", int64_t{0}}}), kExact});
    cases.push_back({"Cast", {x({1, 5, 3, 7}, -9, 9)}, cast_to(type), kExact});
    cases.push_back({"Cast", {x({2, 8, 3, 5}, -0.01, 0.01)}, cast_to(type), kExact});
    cases.push_back({"Cast", {typed(DType::kI32, {13}, -999, 999)}, cast_to(type), kExact});
    cases.push_back({"Cast", {bools({5})}, cast_to(type), kExact});
  }
  const auto powers = values(
      {1, 1.5, 1.49, 0.75, 3, 2.9e-39, 5.9e-39, 8.9e-39, 1e-40, 0, 1.2e-38, 3.3e38, 2.4e38, kInf, kNan});
  for (const char* mode : {"up", "down", "nearest"})
    for (const int64_t saturate : {0, 1})
      cases.push_back(
          {"Cast",
           {powers},
           cast_to(ElementType::kFloat8E8M0, {{"round_mode", std::string(mode)}, {"saturate", saturate}}),
           kExact});
  cases.push_back({"Cast", {x({1, 5, 3, 7}, 0, 9)}, cast_to(ElementType::kFloat8E8M0), kExact});
  cases.push_back({"Cast", {typed(DType::kU8, {4}, 0, 255)}, cast_to(ElementType::kFloat8E8M0), kExact});
}

void add_integer_casts(std::vector<OperatorCase>& cases) {
  for (const auto type :
       {ElementType::kUint2, ElementType::kInt2, ElementType::kUint4, ElementType::kInt4, ElementType::kUint8,
        ElementType::kInt8, ElementType::kUint16, ElementType::kInt16}) {
    cases.push_back({"Cast", {x({13}, -300, 300)}, cast_to(type), kExact});
    cases.push_back({"Cast", {values({0, kNan, -0.9, 0.9, 7.9, -8.9, 40000.7})}, cast_to(type), kExact});
    cases.push_back({"Cast", {ints({13}, -70000, 70000)}, cast_to(type), kExact});
    cases.push_back({"Cast", {typed(DType::kI8, {4, 4}, -128, 127)}, cast_to(type), kExact});
    cases.push_back({"Cast", {typed(DType::kU8, {4, 4}, 0, 255)}, cast_to(type), kExact});
    cases.push_back({"Cast", {bools({3})}, cast_to(type), kExact});
  }
  const std::vector<OperatorCase> rows{
      {"Cast", {x({1, 5, 7, 3}, -9, 9)}, cast_to(ElementType::kFloat), kExact},
      {"Cast", {x({1, 5, 7, 3}, -9, 9)}, cast_to(ElementType::kDouble), kExact},
      {"Cast", {ints({5, 7})}, cast_to(ElementType::kFloat), kExact},
      {"Cast", {bools({13})}, cast_to(ElementType::kFloat), kExact},
      {"Cast", {x({0, 3})}, cast_to(ElementType::kInt4), kExact},
      {"Cast", {x({1, 0, 2, 2})}, cast_to(ElementType::kFloat8E5M2), kExact},
      {"Cast", {x({5, 7}, -9, 9)}, cast_to(ElementType::kInt64), kExact},
      {"Cast", {ints({5, 7}, -2, 2)}, cast_to(ElementType::kBool), kExact},
      {"Cast", {x({5, 7}, -9, 9)}, cast_to(ElementType::kBool), kExact},
      {"Cast", {x({1, 5, 3, 7}, -9, 9)}, cast_to(ElementType::kInt32), kExact},
      {"Cast",
       {values({-3e9, -40000.7, -0.9, 0.9, 40000.7, 2147483520, kNan})},
       cast_to(ElementType::kInt32),
       kExact},
      {"Cast", {typed(DType::kI32, {13}, -70000, 70000)}, cast_to(ElementType::kUint16), kExact},
  };
  cases.insert(cases.end(), rows.begin(), rows.end());
}

void add_quantisation(std::vector<OperatorCase>& cases) {
  const auto scale = [](graph::Shape shape) { return x(std::move(shape), 0.1, 0.5); };
  for (const auto type : {ElementType::kUint2, ElementType::kInt2, ElementType::kUint4, ElementType::kInt4}) {
    cases.push_back({"QuantizeLinear", {x({2, 5, 3, 7}), scale({})}, quantize_to(type), kExact});
    cases.push_back({"QuantizeLinear", {x({5, 7}), scale({}), zero(type, 1)}, quantize_to(type), kExact});
    cases.push_back(
        {"QuantizeLinear", {typed(DType::kI32, {5, 7}, -9, 9), scale({})}, quantize_to(type), kExact});
  }
  for (const auto type : {ElementType::kFloat8E4M3FN, ElementType::kFloat8E4M3FNUZ, ElementType::kFloat8E5M2,
                          ElementType::kFloat8E5M2FNUZ, ElementType::kFloat4E2M1}) {
    cases.push_back({"QuantizeLinear", {x({1, 5, 3, 7}), scale({5})}, quantize_to(type), kExact});
    cases.push_back({"QuantizeLinear",
                     {x({13}, -1e5, 1e5), scalar(0.5), zero(type, 0)},
                     quantize_to(type, {{"saturate", int64_t{0}}}),
                     kExact});
    cases.push_back({"QuantizeLinear", {x({5, 7}), scalar(0.5), zero(type, 1)}, quantize_to(type), kExact});
  }
  const Attributes blocks{{"axis", int64_t{1}}, {"block_size", int64_t{3}}};
  const std::vector<OperatorCase> rows{
      {"QuantizeLinear",
       {x({2, 7, 3}), scale({2, 3, 3})},
       quantize_to(ElementType::kFloat4E2M1, blocks),
       kExact},
      {"QuantizeLinear", {x({2, 7, 3}), scale({2, 3, 3})}, quantize_to(ElementType::kInt4, blocks), kExact},
      {"QuantizeLinear",
       {typed(DType::kI32, {13}, -99, 99), scalar(0.5)},
       quantize_to(ElementType::kFloat8E5M2),
       kExact},
      // The quotient is rounded to half precision or bfloat16 first.
      {"QuantizeLinear",
       {x({5, 7}, -99, 99), scale({}), zero(ElementType::kUint16, 999)},
       quantize_to(ElementType::kUint16, {{"precision", int64_t(ElementType::kFloat16)}}),
       kExact},
      {"QuantizeLinear",
       {x({1, 5, 3, 7}, -99, 99), scale({5})},
       quantize_to(ElementType::kInt8, {{"precision", int64_t(ElementType::kBfloat16)}}),
       kExact},
      {"QuantizeLinear",
       {x({5, 7}), scale({})},
       quantize_to(ElementType::kFloat8E4M3FN, {{"precision", int64_t(ElementType::kFloat16)}}),
       kExact},
      {"DequantizeLinear", {x({2, 5, 3, 7}), scale({5})}, {}, kElementwise},
      {"DequantizeLinear", {x({13}), scale({}), scalar(0)}, {}, kElementwise},
      {"DequantizeLinear", {x({2, 7, 3}), scale({2, 3, 3}), x({2, 3, 3})}, blocks, kElementwise},
      {"DequantizeLinear",
       {typed(DType::kI8, {13}, -8, 7), scale({})},
       {{"output_dtype", int64_t{10}}},
       kElementwise},
  };
  cases.insert(cases.end(), rows.begin(), rows.end());
}

void add_bit_casts(std::vector<OperatorCase>& cases) {
  const auto bits_of = [](ElementType from, ElementType to) {
    return Attributes{{"from", int64_t(from)}, {"to", int64_t(to)}};
  };
  const auto numbers = values({0, -0.0, 1, -2.5, kInf, 1e-3, 65504, -6.1035156e-5});
  const std::vector<OperatorCase> rows{
      {"BitCast", {numbers}, bits_of(ElementType::kFloat, ElementType::kInt32), kExact},
      {"BitCast", {x({5, 7}, 1, 2)}, bits_of(ElementType::kFloat, ElementType::kUint32), kExact},
      {"BitCast",
       {typed(DType::kI32, {5}, 1e9, 1.1e9)},
       bits_of(ElementType::kInt32, ElementType::kFloat),
       kExact},
      {"BitCast", {values({0, 1, -2.5, kInf})}, bits_of(ElementType::kFloat16, ElementType::kUint16), kExact},
      {"BitCast", {values({0, 1, -2.5, kInf})}, bits_of(ElementType::kBfloat16, ElementType::kInt16), kExact},
      {"BitCast",
       {values({0, 1, -2.5, 0.5})},
       bits_of(ElementType::kFloat16, ElementType::kBfloat16),
       kExact},
      {"BitCast",
       {typed(DType::kI16, {13}, -9999, 9999)},
       bits_of(ElementType::kInt16, ElementType::kFloat16),
       kExact},
      {"BitCast",
       {typed(DType::kI8, {13}, -128, 127)},
       bits_of(ElementType::kInt8, ElementType::kUint8),
       kExact},
      {"BitCast", {typed(DType::kU8, {13}, 0, 15)}, bits_of(ElementType::kUint4, ElementType::kInt4), kExact},
      {"BitCast",
       {typed(DType::kI32, {13}, 0, 65535)},
       bits_of(ElementType::kUint16, ElementType::kInt16),
       kExact},
      {"BitCast", {bools({13})}, bits_of(ElementType::kBool, ElementType::kUint8), kExact},
      {"BitCast", {x({0, 3})}, {{"to", int64_t{6}}}, kExact},
  };
  cases.insert(cases.end(), rows.begin(), rows.end());
}

void add_linear_attention(std::vector<OperatorCase>& cases) {
  const Attributes heads{{"q_num_heads", int64_t{4}}, {"kv_num_heads", int64_t{2}}};
  const auto rule = [&](const char* name, Attributes more) {
    more["update_rule"] = std::string(name);
    return more;
  };
  // Two sequences of five tokens; four query heads on two heads of keys (3) and values (5).
  const auto q = x({2, 5, 12}), k = x({2, 5, 6}, -1, 1), v = x({2, 5, 10});
  const auto past = x({2, 2, 3, 5}), beta = x({2, 5, 2}, 0, 1);
  const std::vector<OperatorCase> rows{
      {"LinearAttention", {q, k, v}, rule("linear", heads), kReduction, 2},
      {"LinearAttention", {q, k, v}, rule("linear", heads), kReduction, 1},
      {"LinearAttention", {q, k, v, past, x({2, 5, 2}, -1, 0)}, rule("gated", heads), kReduction, 2},
      {"LinearAttention", {q, k, v, past, none(), beta}, rule("delta", heads), kReduction, 2},
      {"LinearAttention", {q, k, v, past, x({2, 5, 6}, -1, 0), x({2, 5, 1}, 0, 1)}, heads, kReduction, 2},
      {"LinearAttention", {x({1, 0, 12}), x({1, 0, 6}), x({1, 0, 10})}, rule("linear", heads), kReduction, 2},
  };
  cases.insert(cases.end(), rows.begin(), rows.end());
}

}  // namespace

std::vector<OperatorCase> type_cases() {
  std::vector<OperatorCase> cases;
  add_real_casts(cases);
  add_integer_casts(cases);
  add_quantisation(cases);
  add_bit_casts(cases);
  add_linear_attention(cases);
  return cases;
}

}  // namespace tarsier::check
