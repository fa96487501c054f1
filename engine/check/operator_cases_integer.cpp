// Rows of the operator table: quantised operators, integer products, n-grams. operator_test.cpp says how to
// add one.
#include "check/operator_case.hpp"

namespace tarsier::check {

using graph::DType;
using Ints = std::vector<int64_t>;

namespace {

CaseInput u8(graph::Shape shape, bool constant = false) {
  return {.shape = std::move(shape), .dtype = DType::kU8, .low = 0, .high = 255, .constant = constant};
}
CaseInput i8(graph::Shape shape, bool constant = false) {
  return {.shape = std::move(shape), .dtype = DType::kI8, .low = -128, .high = 127, .constant = constant};
}
CaseInput one(DType type, double value) {
  return {.shape = {}, .dtype = type, .constant = true, .values = {value}};
}
CaseInput i32(graph::Shape shape, double low = -999, double high = 999) {
  return {.shape = std::move(shape), .dtype = DType::kI32, .low = low, .high = high};
}
/// Scales and other operands that arrive at run time.
CaseInput scale(graph::Shape shape) {
  return x(std::move(shape), 0.01, 0.05);
}

}  // namespace

std::vector<OperatorCase> integer_cases() {
  const Attributes blocks{{"axis", int64_t{1}}, {"block_size", int64_t{3}}};
  const Attributes pads{{"pads", Ints{1, 0, 2, 1}}};
  return {
      {"QuantizeLinear", {x({1, 5, 7, 13}), scale({}), u8({})}, {}, kExact},
      {"QuantizeLinear", {x({5, 7}), scalar(0.0625)}, {}, kExact},
      {"QuantizeLinear", {x({5, 7}), scalar(0.01)}, {{"output_dtype", int64_t{3}}}, kExact},
      {"QuantizeLinear", {x({2, 5, 7}), scale({5}), i8({5})}, {}, kExact},
      {"QuantizeLinear", {x({2, 5, 7}), scale({7}), u8({7})}, {{"axis", int64_t{-1}}}, kExact},
      {"QuantizeLinear", {x({2, 7, 3}), scale({2, 3, 3}), i8({2, 3, 3})}, blocks, kExact},
      {"QuantizeLinear", {x({13}, -9, 9), scalar(0.5), one(DType::kI16, 100)}, {}, kExact},
      {"QuantizeLinear", {x({13}, -9, 9), scalar(0.001), one(DType::kI32, 60000)}, {}, kExact},  // uint16
      {"QuantizeLinear", {x({2, 5, 7, 13}), w({5}, 0.01, 0.05), i8({5})}, {}, kExact},
      {"QuantizeLinear", {x({1, 8, 5, 7}), scale({7}), i8({7})}, {{"axis", int64_t{3}}}, kExact},
      {"QuantizeLinear", {i32({5, 7}), scale({}), u8({})}, {}, kExact},
      {"QuantizeLinear", {x({0, 7}), scale({}), u8({})}, {}, kExact},
      {"DequantizeLinear", {u8({1, 5, 7, 13}), scale({}), u8({})}, {}, kElementwise},
      {"DequantizeLinear", {i8({5, 7}), scalar(0.25)}, {}, kElementwise},
      {"DequantizeLinear", {i8({2, 5, 7}), scale({5}), i8({5})}, {}, kElementwise},
      {"DequantizeLinear", {i8({2, 5, 7}), scale({2}), i8({2})}, {{"axis", int64_t{0}}}, kElementwise},
      {"DequantizeLinear", {u8({2, 7, 3}), scale({2, 3, 3}), u8({2, 3, 3})}, blocks, kElementwise},
      {"DequantizeLinear", {i8({2, 6, 5, 7}), scale({6}), i8({6})}, {}, kElementwise},
      {"DequantizeLinear", {i32({13}), scale({13})}, {{"axis", int64_t{0}}}, kElementwise},
      {"MatMulInteger", {u8({5, 7}), i8({7, 13}), u8({}), i8({})}, {}, kExact},
      {"MatMulInteger", {u8({5, 7}), i8({7, 13}), u8({5}), i8({13})}, {}, kExact},
      {"MatMulInteger", {u8({2, 1, 5, 7}), i8({3, 7, 13}), u8({2, 1, 5, 1}), i8({3, 1, 13})}, {}, kExact},
      {"MatMulInteger", {u8({1, 130}), i8({130, 5}, true)}, {}, kExact},
      {"MatMulInteger", {u8({7}), i8({7, 3}), none(), i8({3})}, {}, kExact},
      // Four columns and four k at once, in all of the combinations.
      {"MatMulInteger", {u8({2, 9, 16}), i8({2, 16, 72}), u8({9}), i8({72})}, {}, kExact},
      {"MatMulInteger", {u8({5, 16}), i8({16, 7}, true), u8({}), i8({7})}, {}, kExact},
      {"MatMulInteger", {u8({5, 7}), i8({7, 68})}, {}, kExact},
      {"MatMul", {ints({2, 5, 7}), ints({7, 3})}, {}, kExact},
      {"MatMul", {ints({7}), ints({7})}, {}, kExact},
      {"MatMul", {x({5, 0}), x({0, 3})}, {}, kExact},
      {"MatMul", {x({0, 5}), x({5, 3})}, {}, kExact},
      {"MatMul", {x({7}), x({2, 7, 3})}, {}, kReduction},
      {"MatMul", {x({2, 3, 5, 7}), x({7})}, {}, kReduction},
      {"MatMul", {x({2, 1, 2, 5, 7}), x({3, 1, 7, 3})}, {}, kReduction},
      {"Gemm", {ints({5, 7}), ints({7, 3}), ints({3})}, {}, kExact},
      {"Gemm", {ints({6, 8}), ints({8, 12}), ints({6, 1})}, {}, kExact},
      {"Gemm", {ints({6, 8}), ints({8, 12})}, {{"alpha", 0.5F}}, kExact},
      {"Gemm",
       {ints({7, 5}), ints({3, 7}), ints({5, 1})},
       {{"transA", int64_t{1}}, {"transB", int64_t{1}}, {"alpha", 2.0F}, {"beta", 0.5F}},
       kExact},
      {"ConvInteger", {u8({2, 3, 5, 7}), i8({5, 3, 3, 2}), u8({}), i8({})}, pads, kExact},
      {"ConvInteger", {u8({1, 4, 13}), u8({6, 2, 3}), u8({1}), u8({6})}, {{"group", int64_t{2}}}, kExact},
      {"ConvInteger", {u8({1, 2, 5, 3, 7}), u8({3, 2, 3, 1, 2})}, {{"strides", Ints{2, 1, 2}}}, kExact},
      {"QuantizedConv",
       {u8({2, 3, 7, 5}), scale({}), u8({}), i8({5, 3, 3, 2}), scale({5}), i8({5}), x({}, 0.5, 0.9), u8({}),
        i32({5})},
       pads,
       kExact},
      {"QuantizedConv",
       {u8({1, 8, 13, 7}), scalar(0.02), one(DType::kU8, 117), i8({8, 1, 3, 3}, true), w({8}, 0.01, 0.03),
        one(DType::kI8, 0), scalar(0.07), one(DType::kU8, 128)},
       {{"group", int64_t{8}}, {"pads", Ints{1, 1, 1, 1}}, {"dilations", Ints{1, 2}}},
       kExact},
      {"QuantizedConv",
       {i8({1, 13, 9, 7}), scalar(0.02), one(DType::kI8, 3), i8({11, 13, 3, 3}, true), w({11}, 0.01, 0.03),
        one(DType::kI8, 0), scalar(0.6), one(DType::kI8, -5), i32({11})},
       {{"pads", Ints{1, 1, 1, 1}}, {"strides", Ints{2, 2}}},
       kExact},
      {"TfIdfVectorizer",
       {ints({3, 13}, 0, 4)},
       {{"mode", std::string("TFIDF")},
        {"min_gram_length", int64_t{1}},
        {"max_gram_length", int64_t{2}},
        {"max_skip_count", int64_t{2}},
        {"ngram_counts", Ints{0, 2}},
        {"ngram_indexes", Ints{5, 1, 0, 3}},
        {"pool_int64s", Ints{2, 3, 1, 4, 0, 2}},
        {"weights", std::vector<float>{0.5F, 2.0F, 3.0F, 1.0F}}},
       kExact},
  };
}

}  // namespace tarsier::check
