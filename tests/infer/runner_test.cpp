// Networks whose shapes, conditions or counts are known only when they are fed.
#include "infer/runner.hpp"

#include <gtest/gtest.h>

#include "support/gpu_fixture.hpp"
#include "support/graph_builder.hpp"

namespace tarsier::test {
namespace {

using graph::DType;
using graph::Graph;
using graph::Tensor;
using graph::ValueId;
using testing::G;

class RunnerTest : public GpuTest {
 protected:
  static std::vector<Tensor> run(infer::Runner& runner, const std::vector<Tensor>& inputs) {
    auto outputs = runner.run(inputs);
    EXPECT_TRUE(outputs.ok()) << (outputs.ok() ? "" : outputs.error().message);
    return outputs.ok() ? *std::move(outputs) : std::vector<Tensor>();
  }
  static Tensor whole(std::vector<int64_t> values) { return Tensor::i64({int64_t(values.size())}, values); }
};

ValueId typed_input(G& g, const std::string& name, DType type, graph::Shape shape) {
  const ValueId id = g.input(name, std::move(shape));
  g.value(id).desc.dtype = type;
  return id;
}

TEST_F(RunnerTest, PlansForEachShapeAndForgetsTheOldest) {
  G g;
  const ValueId x = g.input("x", {-1, 3, -1, -1});
  g.output(g.op("Relu", {g.conv(x, {5, 3, 3, 3}, {{"pads", std::vector<int64_t>{1, 1, 1, 1}}})}));
  infer::Runner runner(device(), g, {}, 2);
  for (const int64_t side : {8, 12, 8, 16, 12}) {
    const auto out = run(runner, {testing::random_tensor({1, 3, side, side + 1}, 3)});
    ASSERT_EQ(out.size(), 1U);
    EXPECT_EQ(out[0].shape(), (graph::Shape{1, 5, side, side + 1}));
  }
  // 8, 12 and 16 were planned, then 12 again: it had made place for 16.
  EXPECT_EQ(runner.plans_made(), 4U);
  EXPECT_EQ(runner.plans_kept(), 2U);
}

TEST_F(RunnerTest, RefusesAnInputThatDoesNotFit) {
  G g;
  g.output(g.op("Relu", {g.input("x", {1, 3, -1, 8})}));
  infer::Runner runner(device(), g);
  const auto wrong = runner.run({testing::random_tensor({1, 3, 4, 9}, 1)});
  ASSERT_FALSE(wrong.ok());
  EXPECT_EQ(wrong.error().kind, ErrorKind::kInput);
  EXPECT_NE(wrong.error().message.find("'x'"), std::string::npos) << wrong.error().message;
  EXPECT_FALSE(runner.run({}).ok());
}

TEST_F(RunnerTest, TakesAShapeFromAnInput) {
  G g;
  const ValueId x = g.input("x", {2, 6});
  const ValueId shape = typed_input(g, "shape", DType::kI64, {2});
  g.output(g.op("Reshape", {g.op("Neg", {x}), shape}));
  infer::Runner runner(device(), g);
  const Tensor data = testing::random_tensor({2, 6}, 5);
  EXPECT_EQ(run(runner, {data, whole({3, 4})})[0].shape(), (graph::Shape{3, 4}));
  EXPECT_EQ(run(runner, {data, whole({4, 3})})[0].shape(), (graph::Shape{4, 3}));
  EXPECT_EQ(run(runner, {data, whole({-1, 1})})[0].shape(), (graph::Shape{12, 1}));
}

TEST_F(RunnerTest, ReadsBackACountThatTheDeviceFinds) {
  G g;
  const ValueId x = g.input("x", {2, 3});
  g.output(g.op("NonZero", {g.op("Relu", {x})}));
  infer::Runner runner(device(), g);
  const auto places = [&](std::vector<float> values) {
    return run(runner, {Tensor::f32({2, 3}, values)}).at(0);
  };
  const Tensor two = places({-1, 2, -3, 4, -5, -6});
  EXPECT_EQ(two.shape(), (graph::Shape{2, 2}));
  EXPECT_EQ(two.to_ints(), (std::vector<int64_t>{0, 1, 1, 0}));
  EXPECT_EQ(places({-1, -1, -1, -1, -1, -1}).shape(), (graph::Shape{2, 0}));
  EXPECT_EQ(places({1, 1, 1, 1, 1, 1}).shape(), (graph::Shape{2, 6}));
  // The plan behind a result is that of the whole network: `check` goes through its layers.
  const infer::Plan* plan = runner.latest_plan();
  ASSERT_NE(plan, nullptr);
  EXPECT_EQ(plan->outputs().at(0).desc.shape, (graph::Shape{2, 6}));
}

/// y = cond ? x + 1 : -x, with x captured from the graph around.
std::shared_ptr<Graph> branch(const std::string& op) {
  G body;
  const ValueId x = body.input("x", {});
  body.captures = 1;
  body.output(op == "Add" ? body.op("Add", {x, body.scalar(1)}) : body.op(op, {x}));
  return std::make_shared<Graph>(body);
}

TEST_F(RunnerTest, TakesTheBranchThatTheNetworkComputes) {
  G g;
  const ValueId x = g.input("x", {2});
  const ValueId sum = g.op("ReduceSum", {x, g.ints({0})}, {{"keepdims", int64_t{0}}});
  const ValueId positive = g.op("Greater", {sum, g.scalar(0)});
  g.output(g.op("If", {positive, x, x}, {{"then_branch", branch("Add")}, {"else_branch", branch("Neg")}}));
  infer::Runner runner(device(), g);
  EXPECT_EQ(run(runner, {Tensor::f32({2}, std::vector<float>{3, 4})})[0].to_floats(),
            (std::vector<float>{4, 5}));
  EXPECT_EQ(run(runner, {Tensor::f32({2}, std::vector<float>{-3, 2})})[0].to_floats(),
            (std::vector<float>{3, -2}));
}

/// Doubles v while it is below 100; scan output: v of each round.
std::shared_ptr<Graph> doubling() {
  G body;
  body.input("round", {});
  body.input("condition", {});
  const ValueId v = body.input("v", {});
  const ValueId twice = body.op("Add", {v, v});
  body.output(body.op("Less", {twice, body.scalar(100)}));
  body.output(twice);
  body.output(body.op("Identity", {twice}));
  return std::make_shared<Graph>(body);
}

TEST_F(RunnerTest, RepeatsALoopUntilTheDeviceSaysStop) {
  G g;
  const ValueId v = g.input("v", {});
  const ValueId condition = g.constant_of([] {
    Tensor yes({DType::kBool, {}});
    yes.as_mutable<uint8_t>()[0] = 1;
    return yes;
  }());
  const auto results = g.ops("Loop", {graph::kNone, condition, v}, 2, {{"body", doubling()}});
  g.output(results[0]);
  g.output(results[1]);
  infer::Runner runner(device(), g, {}, 64);
  const auto out = run(runner, {Tensor::f32({}, std::vector<float>{7})});
  ASSERT_EQ(out.size(), 2U);
  EXPECT_EQ(out[0].to_floats(), (std::vector<float>{112}));
  EXPECT_EQ(out[1].to_floats(), (std::vector<float>{14, 28, 56, 112}));
  const auto once = run(runner, {Tensor::f32({}, std::vector<float>{60})});
  EXPECT_EQ(once[1].to_floats(), (std::vector<float>{120}));
}

TEST_F(RunnerTest, ALoopWithoutRoundsReturnsWhatItWasGiven) {
  G g;
  const ValueId v = g.input("v", {});
  const auto results = g.ops("Loop", {g.constant_of(whole({0})), graph::kNone, v}, 2, {{"body", doubling()}});
  g.output(results[0]);
  g.output(results[1]);
  infer::Runner runner(device(), g);
  const auto out = run(runner, {Tensor::f32({}, std::vector<float>{7})});
  EXPECT_EQ(out[0].to_floats(), (std::vector<float>{7}));
  EXPECT_EQ(out[1].shape(), (graph::Shape{0}));
}

TEST_F(RunnerTest, AnEndlessLoopIsRefused) {
  G g;
  G body;
  body.input("round", {});
  const ValueId condition = body.input("condition", {});
  const ValueId v = body.input("v", {});
  body.output(condition);
  body.output(body.op("Neg", {v}));
  const ValueId most = g.constant_of(whole({int64_t{1} << 40}));
  g.output(g.op("Loop", {most, graph::kNone, g.input("v", {})}, {{"body", std::make_shared<Graph>(body)}}));
  infer::Runner runner(device(), g);
  const auto out = runner.run({Tensor::f32({}, std::vector<float>{7})});
  ASSERT_FALSE(out.ok());
  EXPECT_NE(out.error().message.find("loops"), std::string::npos) << out.error().message;
}

}  // namespace
}  // namespace tarsier::test
