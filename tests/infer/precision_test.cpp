// How layers are chosen that keep fp32 under --precision auto.
#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>

#include "infer/decisions.hpp"
#include "infer/layer_check.hpp"
#include "infer/plan.hpp"
#include "infer/probe.hpp"
#include "support/gpu_fixture.hpp"
#include "support/graph_builder.hpp"
#include "support/temp_folder.hpp"

namespace tarsier::test {
namespace {

using graph::Tensor;
using graph::ValueId;
using testing::G;

class PrecisionTest : public GpuTest {
 protected:
  std::unique_ptr<infer::Plan> compile(const graph::Graph& graph, infer::Precision precision) {
    infer::CompileOptions options;
    options.precision = precision;
    options.tuning_file = folder_ / "precision.json";
    auto plan = infer::Plan::compile(device(), graph, options);
    EXPECT_TRUE(plan.ok()) << plan.error().message;
    return *std::move(plan);
  }
  std::vector<float> run(const graph::Graph& graph, infer::Precision precision, const Tensor& input) {
    const auto plan = compile(graph, precision);
    return (*infer::Session(device(), *plan).run({input}))[0].to_floats();
  }

 private:
  TempFolder folder_;
};

size_t layers_in_halves(const graph::Graph& graph) {
  return size_t(std::ranges::count(graph.nodes, true, &graph::Node::half_products));
}

/// A layer whose results leave the range of fp16 keeps fp32, the others do not.
TEST_F(PrecisionTest, AutoKeepsFp32WhereHalvesOverflow) {
  G g;
  const ValueId x = g.input("x", {1, 4, 8, 8});
  const ValueId small = g.op("Sigmoid", {g.conv(x, {4, 4, 1, 1})});
  const ValueId large = g.op("Mul", {small, g.scalar(3e6F)});
  const ValueId mean =
      g.op("AveragePool", {large},
           {{"kernel_shape", std::vector<int64_t>{2, 2}}, {"strides", std::vector<int64_t>{2, 2}}});
  g.output(g.op("Mul", {mean, g.scalar(1e-6F)}));
  const Tensor picture = testing::random_tensor({1, 4, 8, 8}, 1, 0, 1);
  const auto exact = run(g, infer::Precision::kFp32, picture);
  EXPECT_LT(infer::range_error(run(g, infer::Precision::kAuto, picture), exact), 5e-3);
  EXPECT_GT(infer::range_error(run(g, infer::Precision::kFp16, picture), exact), 1.0);
}

/// The logistic map doubles an error at each step: no layer is wrong by itself, all of them together are.
TEST_F(PrecisionTest, AutoKeepsFp32WhereManyRoundingsMeet) {
  G g;
  ValueId x = g.input("x", {1, 4, 8, 8});
  std::vector<float> identity(16);
  for (size_t c = 0; c < 4; ++c) identity[c * 5] = 1;
  constexpr int kSteps = 9;
  for (int step = 0; step < kSteps; ++step) {
    const ValueId copy = g.op("Conv", {x, g.constant_of(Tensor::f32({4, 4, 1, 1}, identity))});
    const ValueId rest = g.op("Sub", {g.scalar(4), g.op("Mul", {copy, g.scalar(4)})});
    x = g.op("Mul", {copy, rest});
  }
  g.output(x);
  // Not what the choice was made with.
  const Tensor picture = testing::random_tensor({1, 4, 8, 8}, 99, 0, 1);
  const auto exact = run(g, infer::Precision::kFp32, picture);
  EXPECT_GT(infer::range_error(run(g, infer::Precision::kFp16, picture), exact), 5e-2);
  EXPECT_LT(infer::range_error(run(g, infer::Precision::kAuto, picture), exact), 1e-2);
  EXPECT_GT(layers_in_halves(compile(g, infer::Precision::kAuto)->graph()), 0U) << "the last steps may";
}

/// 0.7001 and 0.7002 are one number in halves, and ArgMax takes the first of equals.
TEST_F(PrecisionTest, WhatADecisionReadsKeepsFp32) {
  G g;
  const ValueId x = g.input("x", {1, 4, 2, 2});
  const ValueId features = g.op("Sigmoid", {g.conv(x, {4, 4, 1, 1})});
  // Scores of four classes that differ in the fourth digit, whatever the features are.
  const Tensor zeros = Tensor::f32({4, 4, 1, 1}, std::vector<float>(16));
  const Tensor scores = Tensor::f32({4}, std::vector<float>{0.7000F, 0.7001F, 0.7002F, 0.7001F});
  const ValueId logits = g.op("Conv", {features, g.constant_of(zeros), g.constant_of(scores)});
  g.output(g.op("ArgMax", {g.op("Relu", {logits})}, {{"axis", int64_t{1}}}));
  const Tensor picture = testing::random_tensor({1, 4, 2, 2}, 1, 0, 1);
  EXPECT_EQ(run(g, infer::Precision::kFp16, picture), std::vector<float>(4, 2));
  std::vector<bool> halves;  // of the two convolutions
  const auto plan = compile(g, infer::Precision::kFp16);
  for (const auto& node : plan->graph().nodes)
    if (node.op == "Conv") halves.push_back(node.half_products);
  EXPECT_EQ(halves, (std::vector{true, false}));
}

TEST(Decisions, AreWhatExactnessIsMeasuredBefore) {
  G g;
  const ValueId x = g.input("x", {1, 4, 2, 2});
  const ValueId features = g.conv(x, {4, 4, 1, 1});
  const auto top = g.ops("TopK", {g.op("Relu", {features}), g.ints({2})}, 2, {{"axis", int64_t{1}}});
  const ValueId best = g.op("Neg", {top[0]});
  g.output(features);
  g.output(best);
  g.output(top[1]);
  g.infer();
  std::vector<std::string> names;
  for (const ValueId id : infer::values_before_decisions(g)) names.push_back(g.value(id).name);
  EXPECT_EQ(names, (std::vector{g.value(g.nodes[2].inputs[0]).name, g.value(features).name}))
      << "what TopK reads, and the output before it";
}

/// Edges and flat areas: neighbours are alike, and yet every value occurs.
TEST(Probe, PictureLooksLikeOne) {
  const auto picture = infer::probe_picture({graph::DType::kF32, {1, 64, 96, 3}}, 1, -1, 1);
  const auto values = picture.as<float>();
  double alike = 0;
  int low = 0, high = 0;
  for (size_t i = 3; i < values.size(); ++i) {
    ASSERT_TRUE(values[i] >= -1 && values[i] <= 1);
    alike += std::fabs(values[i] - values[i - 3]) < 0.1F;
    low += values[i] < -0.5F;
    high += values[i] > 0.5F;
  }
  const auto count = double(values.size());
  EXPECT_GT(alike / count, 0.6) << "noise has a tenth";
  EXPECT_LT(alike / count, 0.98) << "and there are edges";
  EXPECT_GT(low / count, 0.1);
  EXPECT_GT(high / count, 0.1);
  const auto planar = infer::probe_picture({graph::DType::kF32, {1, 3, 64, 96}}, 1, -1, 1);
  EXPECT_EQ(planar.as<float>()[64 * 96 * 2 + 5], values[5 * 3 + 2]) << "the same picture in either layout";
}

}  // namespace
}  // namespace tarsier::test
