// Rows of the operator table: trigonometry, bits, empty reductions, running sums,
// determinants, random numbers. operator_test.cpp says how to add one.
#include <limits>

#include "check/operator_case.hpp"

namespace tarsier::check {

namespace {

using graph::DType;

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

CaseInput typed(DType type, graph::Shape shape, double low, double high) {
  return {.shape = std::move(shape), .dtype = type, .low = low, .high = high};
}
CaseInput values(std::vector<double> numbers) {
  return {.shape = {int64_t(numbers.size())}, .values = std::move(numbers)};
}

void add_unary(std::vector<OperatorCase>& cases) {
  const auto unary = [&](const char* op, Attributes attributes = {}, double low = -4, double high = 4,
                         Tolerance tolerance = kElementwise) {
    for (const graph::Shape& shape :
         {graph::Shape{1, 5, 7, 13}, graph::Shape{2, 8, 5, 7}, graph::Shape{13}}) {
      cases.push_back({op, {x(shape, low, high)}, attributes, tolerance});
    }
  };
  unary("Acos", {}, -1, 1);
  unary("Asin", {}, -1, 1);
  unary("Atan", {}, -9, 9);
  unary("Acosh", {}, 1, 20);
  unary("Asinh", {}, -20, 20);
  unary("Atanh", {}, -0.99, 0.99);
  unary("Cosh");
  unary("Sinh");
  unary("Tan", {}, -1.4, 1.4, {4e-6, 1e-5, 1e-11});  // the cosine is small near pi / 2
  unary("Shrink", {{"lambd", 1.5F}, {"bias", 0.5F}});
  unary("Shrink");
  unary("Swish", {{"alpha", 0.5F}});
  const auto one = values({-kInf, -2, -1, -0.5, -0.0, 0, 1e-6, 0.5, 1, 1e20, kInf, kNan, 3});
  for (const char* op : {"IsNaN", "Acos", "Acosh", "Asin", "Asinh", "Atan", "Atanh", "Relu", "Sign"}) {
    cases.push_back({op, {one}});
  }
  const std::vector<OperatorCase> rows{
      {"Clip", {one, scalar(-1), scalar(2)}, {}, kExact},
      {"Clip", {x({1, 5, 3, 7}), scalar(1), scalar(-1)}, {}, kExact},  // the upper bound wins
      {"IsInf", {one}, {}, kExact},
      {"IsInf", {one}, {{"detect_negative", int64_t{0}}}, kExact},
      {"IsInf", {one}, {{"detect_positive", int64_t{0}}}, kExact},
      {"IsNaN", {x({1, 5, 3, 7})}, {}, kExact},
      {"Shrink", {ints({13})}, {{"lambd", 2.0F}, {"bias", 1.0F}}, kExact},
      {"BitwiseNot", {ints({13})}, {}, kExact},
      {"BitwiseNot", {typed(DType::kU8, {5, 3}, 0, 255)}, {}, kExact},
      {"Neg", {typed(DType::kI8, {5, 3}, -128, 127)}, {}, kExact},
      {"Abs", {typed(DType::kI16, {15}, -32768, 32767)}, {}, kExact},
      {"Acos", {x({0})}, {}, kExact},
  };
  cases.insert(cases.end(), rows.begin(), rows.end());
}

void add_binary(std::vector<OperatorCase>& cases) {
  const auto u8 = typed(DType::kU8, {5, 7}, 0, 255);
  const auto i8 = typed(DType::kI8, {5, 7}, -128, 127);
  const auto nan = values({1, kNan, -kInf, kInf, 2}), other = values({kNan, 1, kInf, -kInf, 3});
  const Attributes right{{"direction", std::string("RIGHT")}}, fmod{{"fmod", int64_t{1}}};
  const std::vector<OperatorCase> rows{
      {"Add", {u8, u8}, {}, kExact},
      {"Sub", {u8, u8}, {}, kExact},
      {"Mul", {i8, i8}, {}, kExact},
      {"Add", {typed(DType::kI16, {13}, -32768, 32767), typed(DType::kI16, {1}, 1000, 2000)}, {}, kExact},
      {"BitShift", {u8, typed(DType::kU8, {7}, 0, 9)}, {}, kExact},
      {"BitShift", {u8, typed(DType::kU8, {7}, 0, 9)}, right, kExact},
      {"BitShift", {ints({13}, -999, 999), ints({13}, -2, 40)}, right, kExact},
      {"BitwiseAnd", {ints({5, 7}), ints({7})}, {}, kExact},
      {"BitwiseOr", {ints({5, 7}), ints({5, 1})}, {}, kExact},
      {"BitwiseXor", {i8, i8}, {}, kExact},
      {"Mod", {x({35}, -300, 300), x({35}, 0.7, 2)}, fmod},
      {"Mod", {x({35}, -300, 300), x({35}, -2, -0.7)}},
      {"Mod", {values({1e30, -1e30, 5, kInf, 1, 0}), values({3, 7, kInf, 2, 0, 2})}, fmod, kExact},
      {"Mod", {u8, typed(DType::kU8, {7}, 1, 9)}, {}, kExact},
      {"Min", {nan, other}, {}, kExact},
      {"Max", {nan, other}, {}, kExact},
      {"Min", {u8, typed(DType::kU8, {7}, 0, 255)}, {}, kExact},
      {"Pow", {x({5, 7}, -3, 3), ints({7}, -3, 3)}, {}, {1e-5, 1e-5, 1e-10}},
      {"Pow", {ints({35}, -5, 5), x({1}, 3, 3)}, {}, kExact},
      {"Pow", {ints({13}, 1, 9), scalar(0.5)}, {}, kExact},
      {"Pow", {ints({13}, -2, 2), ints({13}, -3, 3)}, {}, kExact},
      {"PRelu", {x({2, 5, 7, 3}), x({2, 1, 7, 1})}},
      {"PRelu", {ints({5, 7}), ints({7})}, {}, kExact},
      {"Equal", {bools({5, 7}), bools({5, 1})}, {}, kExact},
      {"Less", {u8, typed(DType::kU8, {5, 1}, 0, 255)}, {}, kExact},
      {"Where", {bools({5, 1, 3}), bools({7, 1}), bools({1, 1, 1})}, {}, kExact},
      {"Div", {typed(DType::kI8, {13}, -128, 127), typed(DType::kI8, {13}, -9, 9)}, {}, kExact},
  };
  cases.insert(cases.end(), rows.begin(), rows.end());
}

void add_reductions(std::vector<OperatorCase>& cases) {
  const Attributes drop{{"keepdims", int64_t{0}}};
  for (const char* op : {"ReduceL1", "ReduceLogSum", "ReduceLogSumExp"}) {
    cases.push_back({op, {x({1, 5, 7, 13}, 0.1, 3), list({2, 3})}, {}, kReduction});
    cases.push_back({op, {x({3, 5, 7}, 0.1, 3), list({0, 2})}, drop, kReduction});
    cases.push_back({op, {x({3, 5}, 0.1, 3)}, drop, kReduction});
    cases.push_back({op, {ints({5, 7}, 1, 9), list({1})}, {}, kExact});
  }
  // Reductions over nothing, in a tensor that has results all the same.
  for (const char* op : {"ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1",
                         "ReduceL2", "ReduceSumSquare", "ReduceLogSum", "ReduceLogSumExp"}) {
    cases.push_back({op, {x({3, 0, 5}), list({1})}, {}, kExact});
    cases.push_back({op, {x({0, 5}), list({1})}, drop, kExact});
  }
  // No axes at all: what else the reduction does is done to every element.
  for (const char* op : {"ReduceL1", "ReduceL2", "ReduceSumSquare", "ReduceLogSum", "ReduceLogSumExp"}) {
    cases.push_back(
        {op, {x({5, 7}, 0.1, 3), list({})}, {{"noop_with_empty_axes", int64_t{1}}}, kElementwise});
  }
  const auto many = x({2, 3, 2, 3, 2, 3, 2, 3}, -1, 1);
  const std::vector<OperatorCase> rows{
      {"ReduceMean", {many, list({0, 2, 4, 6})}, {}, kReduction},
      {"ReduceLogSumExp", {many, list({1, 3, 5, 7})}, drop, kReduction},
      {"ReduceLogSumExp", {x({3, 200}, 60, 100), list({1})}, {}, kReduction},
      {"ReduceLogSumExp", {values({-kInf, 1, -kInf}), list({0})}, {}, kElementwise},
      {"ReduceMean", {ints({5, 7}, -99, 99), list({1})}, {}, kExact},
      {"ReduceL2", {ints({5, 7}, -9, 9), list({1})}, {}, kExact},
      {"ReduceMax", {bools({5, 7}), list({1})}, {}, kExact},
      {"ReduceMin", {bools({5, 3}), list({1})}, {}, kExact},
      {"ReduceMax", {typed(DType::kI8, {3, 0}, -9, 9), list({1})}, {}, kExact},
      {"ReduceMin", {typed(DType::kU8, {3, 0}, 0, 9), list({1})}, {}, kExact},
  };
  cases.insert(cases.end(), rows.begin(), rows.end());
}

}  // namespace

std::vector<OperatorCase> math_cases() {
  std::vector<OperatorCase> cases;
  add_unary(cases);
  add_binary(cases);
  add_reductions(cases);
  const Attributes backwards{{"reverse", int64_t{1}}}, before{{"exclusive", int64_t{1}}};
  const Attributes both{{"reverse", int64_t{1}}, {"exclusive", int64_t{1}}};
  for (const auto& attributes : {Attributes{}, backwards, before, both}) {
    cases.push_back({"CumSum", {x({3, 13, 5}), list({1})}, attributes, kReduction});
    cases.push_back({"CumProd", {x({3, 13}, 0.5, 1.5), list({-1})}, attributes, kReduction});
  }
  const std::vector<OperatorCase> rows{
      {"CumSum", {ints({5, 7}), list({0})}, {}, kExact},
      {"CumSum", {x({3, 0}), list({1})}, {}, kExact},
      {"CumProd", {ints({7}, -3, 3), list({0})}, {}, kExact},
      {"Det", {x({5, 5})}, {}, {1e-4, 1e-4, 1e-9}},
      {"Det", {x({3, 2, 7, 7})}, {}, {1e-3, 1e-4, 1e-9}},  // products of seven numbers, cancelling
      {"Det", {x({13, 1, 1})}, {}, kExact},
      {"Det", {x({2, 0, 0})}, {}, kExact},
      {"Det", {CaseInput{.shape = {2, 2}, .values = {0, 1, 1, 0}}}, {}, kExact},  // needs a pivot
      {"Det", {CaseInput{.shape = {2, 2}, .values = {1, 2, 2, 4}}}, {}, kExact},
      {"RandomUniformLike", {x({3, 5, 7})}, {{"seed", 7.0F}}, kElementwise},
      {"RandomUniform",
       {},
       {{"shape", std::vector<int64_t>{5, 13}}, {"low", -2.0F}, {"high", 3.0F}},
       kElementwise},
      // Logarithm and cosine of an implementation, next to their zeros.
      {"RandomNormalLike", {x({1, 5, 7, 13})}, {{"seed", 7.0F}}, {2e-5, 2e-5, 1e-9}},
      {"RandomNormal",
       {},
       {{"shape", std::vector<int64_t>{5, 13}}, {"mean", 5.0F}, {"scale", 0.5F}},
       {2e-5, 2e-5, 1e-9}},
  };
  cases.insert(cases.end(), rows.begin(), rows.end());
  return cases;
}

}  // namespace tarsier::check
