// Operators that are written out in others, on the device against numbers that were worked out elsewhere:
// ONNX's reference evaluator (1.23) or numpy, once; and random generators by their statistics.
#include <array>
#include <cmath>
#include <gtest/gtest.h>
#include <map>
#include <numeric>

#include "check/operator_case.hpp"
#include "infer/plan.hpp"
#include "kernels/operator.hpp"
#include "support/gpu_fixture.hpp"

namespace tarsier::test {
using namespace check;
namespace {

using graph::DType;
using graph::Shape;
using graph::Tensor;

/// An operand: constant (sizes, axes) or fed when the plan runs.
struct Given {
  Tensor tensor;
  bool constant = false;
  bool absent = false;
};
Given real(Shape shape, const std::vector<float>& values) {
  return {Tensor::f32(std::move(shape), values)};
}
Given whole(Shape shape, const std::vector<int64_t>& values) {
  return {Tensor::i64(std::move(shape), values)};
}
Given fixed(int64_t value) {
  return {Tensor::i64({}, std::span(&value, 1)), true};
}
Given absent() {
  return {{}, false, true};
}

class CompositeMathTest : public GpuTest {
 protected:
  Result<std::vector<Tensor>> run(const std::string& op, const std::vector<Given>& given,
                                  const Attributes& attributes = {}, size_t outputs = 1) {
    graph::Graph graph;
    graph.name = op;
    graph::Node node;
    node.name = node.op = op;
    node.attributes = attributes;
    std::map<std::string, Tensor> fed;
    for (const Given& one : given) {
      const std::string name = fmt::format("in{}", node.inputs.size());
      if (one.absent) {
        node.inputs.push_back(graph::kNone);
      } else if (one.constant) {
        node.inputs.push_back(graph.add_constant(name, one.tensor));
      } else {
        node.inputs.push_back(graph.add_value(name, one.tensor.desc()));
        graph.inputs.push_back(node.inputs.back());
        fed.emplace(name, one.tensor);
      }
    }
    for (size_t i = 0; i < outputs; ++i) {
      node.outputs.push_back(graph.add_value(fmt::format("out{}", i)));
      graph.outputs.push_back(node.outputs.back());
    }
    graph.add_node(std::move(node));
    infer::CompileOptions options;
    options.tune = infer::Tune::kOff;
    TARSIER_TRY(const auto plan, infer::Plan::compile(device(), std::move(graph), options));
    std::vector<Tensor> inputs;
    for (const auto& binding : plan->inputs()) inputs.push_back(fed.at(binding.name));
    return infer::Session(device(), *plan).run(inputs);
  }

  void expect(const std::string& op, const std::vector<Given>& given, const Attributes& attributes,
              const Shape& shape, const std::vector<float>& wanted, size_t output = 0) {
    const auto got = run(op, given, attributes, output + 1);
    ASSERT_OK(got);
    EXPECT_EQ((*got)[output].shape(), shape) << op;
    EXPECT_EQ(difference((*got)[output].to_floats(), wanted, {2e-5, 2e-5, 1e-8}), "") << op;
  }
};

TEST_F(CompositeMathTest, Selections) {
  const Given values = real({2}, {-1, 5});
  expect("OneHot", {whole({4}, {0, -1, 3, 1}), fixed(3), values}, {{"axis", int64_t{0}}}, {3, 4},
         {5, -1, -1, -1, -1, -1, -1, 5, -1, 5, -1, -1});
  expect("OneHot", {real({2}, {1, -3}), fixed(3), values}, {}, {2, 3}, {-1, 5, -1, 5, -1, -1});
  const Given square = real({1, 2, 3}, {1, 2, 3, 4, 5, 6});
  expect("Trilu", {square}, {}, {1, 2, 3}, {1, 2, 3, 0, 5, 6});
  expect("Trilu", {square, fixed(-1)}, {{"upper", int64_t{0}}}, {1, 2, 3}, {0, 0, 0, 4, 0, 0});
  expect("EyeLike", {real({2, 3}, {9, 9, 9, 9, 9, 9})}, {{"k", int64_t{1}}}, {2, 3}, {0, 1, 0, 0, 0, 1});
  expect("Hardmax", {real({2, 3}, {1, 3, 3, 2, 0, -1})}, {}, {2, 3}, {0, 1, 0, 1, 0, 0});
}

TEST_F(CompositeMathTest, SoftmaxOverSeveralAxes) {
  std::vector<float> x(8);
  for (size_t i = 0; i < x.size(); ++i) x[i] = float(i) / 4;
  const std::vector<float> wanted{0.16529618F, 0.21224449F, 0.27252732F, 0.34993201F,
                                  0.16529618F, 0.21224449F, 0.27252732F, 0.34993201F};
  // As the importer marks the form of opset 12 and before.
  const Attributes old{{"axis", int64_t{1}}, {"flatten_from_axis", int64_t{1}}};
  expect("Softmax", {real({2, 2, 2}, x)}, old, {2, 2, 2}, wanted);
  expect("Softmax", {real({2, 1, 4}, x)}, old, {2, 1, 4}, wanted);
  expect("FlattenedHardmax", {real({2, 2, 2}, x)}, {}, {2, 2, 2}, {0, 0, 0, 1, 0, 0, 0, 1});
}

TEST_F(CompositeMathTest, Losses) {
  const std::vector<float> scores{1, 2, 0, 0, -1, 3, 2, 2, 2};
  const std::vector<Given> weighted{real({3, 3}, scores), whole({3}, {1, 2, 0}), real({3}, {0.5F, 2, 1})};
  const Attributes ignore{{"ignore_index", int64_t{2}}};
  expect("SoftmaxCrossEntropyLoss", weighted, ignore, {}, {0.5458072F});
  expect("SoftmaxCrossEntropyLoss", weighted, ignore, {3, 3},
         {-1.407606F, -0.407606F, -2.407606F, -3.0658839F, -4.065884F, -0.0658839F, -1.0986123F, -1.0986123F,
          -1.0986123F},
         1);
  expect("NegativeLogLikelihoodLoss", {real({1, 3, 3}, scores), whole({1, 3}, {1, 2, 0})},
         {{"reduction", std::string("none")}}, {1, 3}, {0, -2, 0});
}

/// A remainder of nothing still says which side it is on: a's as C's fmod, or b's as numpy's mod.
TEST_F(CompositeMathTest, RemaindersOfZeroHaveASign) {
  for (const int64_t fmod : {0, 1}) {
    const auto got =
        run("Mod", {real({6}, {-0.0F, 0.0F, -6, 6, -0.0F, 0.0F}), real({6}, {3, -3, 3, -3, -3, 3})},
            {{"fmod", fmod}});
    ASSERT_OK(got);
    const auto values = (*got)[0].to_floats();
    for (size_t i = 0; i < values.size(); ++i) {
      EXPECT_EQ(values[i], 0.0F);
      const bool a_is_negative = i % 2 == 0, b_is_negative = i == 1 || i == 3 || i == 4;
      EXPECT_EQ(std::signbit(values[i]), fmod != 0 ? a_is_negative : b_is_negative) << i;
    }
  }
}

/// Sums beyond what fp32 holds exactly are made of parts that it does hold.
TEST_F(CompositeMathTest, ProductsOfBytesAreExact) {
  constexpr int64_t kRows = 9, kDepth = 1204, kColumns = 4;
  Tensor a({DType::kU8, {kRows, kDepth}}), b({DType::kI8, {kDepth, kColumns}});
  std::vector<int64_t> left, right;
  for (int64_t i = 0; i < kRows * kDepth; ++i) left.push_back(i < kDepth ? 255 : i * 7 % 256);
  for (int64_t i = 0; i < kDepth * kColumns; ++i)
    right.push_back(i % kColumns == 0 ? 127 : i % kColumns == 1 ? -128 : i * 5 % 251 - 125);
  kernels::store(a, left);
  kernels::store(b, right);
  Tensor a_zero({DType::kU8, {}}), b_zero({DType::kI8, {kColumns}});
  kernels::store(a_zero, std::vector<int64_t>{3});
  kernels::store(b_zero, std::vector<int64_t>{-1, 1, 0, 2});
  const auto got = run("MatMulInteger", {{a}, {b, true}, {a_zero}, {b_zero, true}});
  ASSERT_OK(got);
  ASSERT_EQ((*got)[0].dtype(), DType::kI32);
  const auto zeros = b_zero.to_ints(), sums = (*got)[0].to_ints();
  for (int64_t m = 0; m < kRows; ++m) {
    for (int64_t n = 0; n < kColumns; ++n) {
      int64_t sum = 0;
      for (int64_t k = 0; k < kDepth; ++k)
        sum += (left[size_t(m * kDepth + k)] - 3) * (right[size_t(k * kColumns + n)] - zeros[size_t(n)]);
      EXPECT_EQ(sums[size_t(m * kColumns + n)], sum) << m << ", " << n;
    }
  }
  EXPECT_GT(sums[0], int64_t{1} << 25);
}

TEST_F(CompositeMathTest, FourierTransforms) {
  const Attributes onesided{{"onesided", int64_t{1}}};
  expect("DFT", {real({1, 5, 1}, {1, 2, 4, 8, 16}), fixed(4), fixed(1)}, onesided, {1, 3, 2},
         {15, 0, -3, 6, -5, 0});
  expect("DFT", {real({1, 3, 2}, {15, 0, -3, 6, -5, 0}), absent(), fixed(-2)},
         {{"onesided", int64_t{1}}, {"inverse", int64_t{1}}}, {1, 4, 1}, {1, 2, 4, 8});
  // Along the first axis, complex, padded with zeros from 2 to 4, and back.
  const std::vector<float> signal{1, 2, 3, 4, -1, 0.5F, 0, 7};
  const auto there = run("DFT", {real({2, 2, 2}, signal), fixed(4), fixed(0)});
  ASSERT_OK(there);
  std::vector<float> padded = signal;
  padded.resize(16, 0);
  expect("DFT", {Given{(*there)[0]}, absent(), fixed(0)}, {{"inverse", int64_t{1}}}, {4, 2, 2}, padded);
  std::vector<float> ramp(8);
  std::iota(ramp.begin(), ramp.end(), 0.0F);
  expect("STFT", {real({1, 8, 1}, ramp), fixed(2), real({4}, {1, 2, 2, 1})}, {}, {1, 3, 3, 2},
         {9, 0, -4, 1, -1, 0, 21, 0, -6, -1, -1, 0, 33, 0, -8, -3, -1, 0});
}

double mean(const Tensor& tensor) {
  const auto values = tensor.to_floats();
  return std::accumulate(values.begin(), values.end(), 0.0) / double(values.size());
}

TEST_F(CompositeMathTest, DrawsByProbability) {
  constexpr int64_t kCount = 20000;  // five standard errors of a fraction: below 0.018
  const Given quarter = real({kCount}, std::vector<float>(size_t(kCount), 0.25F));
  const auto hits = run("Bernoulli", {quarter}, {{"seed", 3.0F}, {"dtype", int64_t{9}}});
  ASSERT_OK(hits);
  EXPECT_EQ((*hits)[0].dtype(), DType::kBool);
  EXPECT_NEAR(mean((*hits)[0]), 0.25, 0.018);

  const Given ratio{Tensor::f32({}, std::vector<float>{0.75F}), true};
  Tensor training(graph::TensorDesc{DType::kBool, {}});
  kernels::store(training, std::vector<int64_t>{1});
  const auto dropped = run("Dropout", {quarter, ratio, {training, true}}, {{"seed", int64_t{5}}}, 2);
  ASSERT_OK(dropped);
  EXPECT_NEAR(mean((*dropped)[1]), 0.25, 0.018);
  const auto kept = (*dropped)[1].to_ints();
  const auto values = (*dropped)[0].to_floats();
  for (size_t i = 0; i < values.size(); ++i) ASSERT_EQ(values[i], kept[i] != 0 ? 1.0F : 0.0F);
  const auto whole_again = run("Dropout", {quarter, ratio}, {}, 2);
  ASSERT_OK(whole_again);
  EXPECT_EQ((*whole_again)[0].to_floats(), quarter.tensor.to_floats());
  EXPECT_EQ(mean((*whole_again)[1]), 1);

  // Log-probabilities of 1/2, 1/4, 1/4 and of a class that never comes, off by a constant.
  const auto drawn = run("Multinomial", {real({1, 4}, {3.0F, 2.3068528F, 2.3068528F, -200})},
                         {{"sample_size", kCount}, {"seed", 1.0F}, {"dtype", int64_t{7}}});
  ASSERT_OK(drawn);
  EXPECT_EQ((*drawn)[0].desc(), (graph::TensorDesc{DType::kI64, {1, kCount}}));
  std::array<double, 4> counts{};
  for (const int64_t at : (*drawn)[0].to_ints()) counts.at(size_t(at)) += 1.0 / double(kCount);
  EXPECT_NEAR(counts[0], 0.5, 0.018);
  EXPECT_NEAR(counts[1], 0.25, 0.018);
  EXPECT_NEAR(counts[2], 0.25, 0.018);
  EXPECT_EQ(counts[3], 0);
}

}  // namespace
}  // namespace tarsier::test
