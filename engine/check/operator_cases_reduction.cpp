// Rows of the operator table: sums, products, extrema. operator_test.cpp says how to add one.
#include "check/operator_case.hpp"

namespace tarsier::check {

using Kind = graph::PostOp::Kind;

std::vector<OperatorCase> reduction_cases() {
  const Attributes drop{{"keepdims", int64_t{0}}};
  std::vector<OperatorCase> cases;
  for (const char* op :
       {"ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL2", "ReduceSumSquare"}) {
    cases.push_back({op, {x({1, 5, 7, 13}, -1, 1), list({2, 3})}, {}, kReduction});
    cases.push_back({op, {x({2, 8, 5, 3}, -1, 1), list({-2, -1})}, {}, kReduction});
    cases.push_back({op, {x({3, 5, 7}, -1, 1), list({1})}, drop, kReduction});
    cases.push_back({op, {x({3, 5, 7}, -1, 1), list({0, 2})}, {}, kReduction});
    cases.push_back({op, {x({3, 5}, -1, 1)}, drop, kReduction});
  }
  const std::vector<OperatorCase> rows{
      {"ReduceSum", {ints({5, 7}), list({0})}, {}, kExact},
      {"ReduceMax", {ints({5, 7}), list({1})}, {}, kExact},
      {"ReduceProd", {ints({5, 3}, -2, 2), list({1})}, {}, kExact},
      {"ReduceMean", {x({2, 3, 5, 7, 3}), list({0, 2, 4})}, {}, kReduction},
      {"ReduceMean", {x({1, 8, 5, 3}), list({2, 3})}, {}, kReduction, 1, {{Kind::kSigmoid}}},
      {"ReduceMean", {x({5, 7}), list({1})}, {}, kReduction, 1, {{Kind::kRelu}}},
      {"ArgMax", {x({1, 5, 7, 13})}, {{"axis", int64_t{1}}}, kExact},
      {"ArgMax", {ints({5, 35}, 0, 3)}, {{"axis", int64_t{-1}}, {"keepdims", int64_t{0}}}, kExact},
      {"ArgMax", {ints({5, 35}, 0, 3)}, {{"axis", int64_t{1}}, {"select_last_index", int64_t{1}}}, kExact},
      {"ArgMin", {x({5, 7})}, {{"axis", int64_t{0}}}, kExact},
      {"MatMul", {x({5, 7}), x({7, 13})}, {}, kReduction},
      {"MatMul", {x({5, 7}), w({7, 8})}, {}, kReduction},
      {"MatMul", {x({3, 5, 13}), x({3, 13, 8})}, {}, kReduction},
      {"MatMul", {x({2, 1, 5, 13}), x({3, 13, 5})}, {}, kReduction},
      {"MatMul", {x({13}), x({13, 5})}, {}, kReduction},
      {"MatMul", {x({3, 5, 13}), x({13})}, {}, kReduction},
      {"MatMul", {x({1, 70, 33}), x({33, 76})}, {}, kReduction, 1, {{Kind::kGelu}}},
      {"MatMul", {x({262145, 4}), x({4, 5})}, {}, kReduction},  // more rows than one axis of a grid counts
      // Constant weights, whole groups of four, rows enough: on the software device a pointwise convolution.
      {"MatMul", {x({2, 9, 16}), w({16, 20})}, {}, kReduction, 1, {{Kind::kGelu}}},
      {"MatMul", {x({11, 1032}), w({1032, 8})}, {}, kReduction},
      {"MatMul", {x({3, 37, 8}), w({8, 72})}, {}, kReduction},
      {"Gemm",
       {x({35, 12}), w({20, 12}), w({20})},
       {{"transB", int64_t{1}}, {"alpha", 0.5F}, {"beta", 2.0F}},
       kReduction,
       1,
       {{Kind::kRelu}}},
      {"Gemm", {x({5, 7}), x({7, 13})}, {}, kReduction},
      {"Gemm", {x({1, 35}), w({13, 35}), w({13})}, {{"transB", int64_t{1}}}, kReduction, 1, {{Kind::kRelu}}},
      {"Gemm",
       {x({7, 5}), x({13, 7}), x({5, 1})},
       {{"transA", int64_t{1}}, {"transB", int64_t{1}}, {"alpha", 0.5F}, {"beta", 2.0F}},
       kReduction},
      {"Gemm", {x({5, 7}), w({7, 8}), scalar(0.5)}, {{"beta", 0.25F}}, kReduction},
      {"Softmax", {x({5, 7})}, {}, kReduction},
      {"Softmax", {x({1, 5, 7, 3})}, {{"axis", int64_t{1}}}, kReduction},
      {"Softmax", {x({3, 200}, 60, 100)}, {}, kReduction},
      {"LogSoftmax", {x({5, 7})}, {{"axis", int64_t{0}}}, kReduction},
      {"ScaledDotProductAttention", {x({13, 5}), x({7, 5}), x({7, 3})}, {}, kReduction},
      {"ScaledDotProductAttention",
       {x({2, 3, 35, 8}), x({2, 3, 24, 8}), x({2, 3, 24, 16})},
       {{"scale", 0.35355339F}},
       kReduction,
       1,
       {{Kind::kRelu}}},
      {"ScaledDotProductAttention",
       {x({2, 5, 33}), x({2, 21, 5}), x({2, 7, 21})},
       {{"channels_first", std::vector<int64_t>{1, 0, 1, 1}}},
       kReduction},
      {"ScaledDotProductAttention",
       {x({1, 13, 64}, -20, 20), x({1, 64, 100}), x({1, 100, 64})},
       {{"channels_first", std::vector<int64_t>{0, 1, 0, 0}}},
       kReduction},
      {"ScaledDotProductAttention",
       {x({2, 4, 5, 7}), x({2, 4, 13, 3}), x({2, 6, 13, 3})},
       {{"spatial", int64_t{1}}},
       kReduction,
       1,
       {{Kind::kScale, 0.5F, 1}, {Kind::kAdd, 0, 0, x({2, 6, 5, 7})}}},
      {"ScaledDotProductAttention",
       {x({1, 5, 8, 8}), x({1, 5, 8, 8}), x({1, 32, 8, 8})},
       {{"spatial", int64_t{1}}},
       kReduction},
      {"TopK", {x({35}), list({5})}, {}, kExact, 2},
      {"TopK", {x({3, 35, 5}), list({7})}, {{"axis", int64_t{1}}}, kExact, 2},
      {"TopK", {ints({5, 35}, 0, 5), list({13})}, {{"largest", int64_t{0}}}, kExact, 2},
      {"TopK", {x({13}), list({13})}, {}, kExact, 2},
      {"TopK", {x({13}), list({3})}, {}, kExact, 1},
      {"TopK", {x({2, 5000}), list({100})}, {}, kExact, 2},
      {"TopK", {ints({1, 30011}, 0, 3), list({300})}, {}, kExact, 2},  // nearly all are equal
      {"TopK", {x({20000, 2}), list({1000})}, {{"axis", int64_t{0}}, {"largest", int64_t{0}}}, kExact, 2},
      {"TopK", {x({1, 1310720}), list({100})}, {}, kExact, 2},  // CenterNet's heat map
      {"NonZeroBounded", {ints({3, 5, 7}, -1, 1)}, {}, kExact, 2},
      {"NonZeroBounded", {x({301}, 0, 0)}, {}, kExact, 2},
      {"NonZeroBounded", {bools({13, 1, 17})}, {}, kExact, 2},
      {"NonMaxSuppressionBounded",
       {x({1, 40, 4}, 0, 1), x({1, 3, 40}, 0, 1), list({5}), x({1}, 0.3, 0.4), x({1}, 0.2, 0.3)},
       {},
       kExact,
       2},
      {"NonMaxSuppressionBounded", {x({1, 70, 4}, 0, 1), x({1, 2, 70}, 0, 1), list({70})}, {}, kExact, 2},
      {"NonMaxSuppressionBounded",
       {x({1, 200, 4}, 0, 1),
        {.shape = {1, 1, 200}, .values = std::vector<double>(200, 0.5)},
        list({9}),
        x({1}, 0.5, 0.6)},
       {},
       kExact,
       2},  // equal scores: the first boxes win
      {"NonMaxSuppressionBounded",
       {x({2, 131, 4}, 0, 1), x({2, 2, 131}, 0, 1), list({100}), x({1}, 0.1, 0.2)},
       {{"center_point_box", int64_t{1}}},
       kExact,
       2},
  };
  cases.insert(cases.end(), rows.begin(), rows.end());
  return cases;
}

}  // namespace tarsier::check
