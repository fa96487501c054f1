// Outputs that are inputs of the next execution, on the device.
#include <gtest/gtest.h>

#include "infer/layer_check.hpp"
#include "infer/plan.hpp"
#include "support/gpu_fixture.hpp"
#include "support/graph_builder.hpp"

namespace tarsier::test {
namespace {

using graph::Tensor;
using graph::ValueId;
using testing::G;

/// h' = tanh(conv(x) + conv(h)), y = relu(h'); h has open extents where `open`.
struct Recurrent {
  G graph;
  std::string next;

  explicit Recurrent(bool open) {
    const std::vector<int64_t> same{1, 1, 1, 1};
    const ValueId x = graph.input("x", {1, 3, 9, 7});
    const ValueId h = graph.input("h", open ? graph::Shape{1, 6, -1, -1} : graph::Shape{1, 6, 9, 7});
    const ValueId sum = graph.op("Add", {graph.conv(x, {6, 3, 3, 3}, {{"pads", same}}),
                                         graph.conv(h, {6, 6, 3, 3}, {{"pads", same}})});
    const ValueId state = graph.op("Tanh", {sum});
    graph.output(graph.op("Relu", {state}));
    graph.output(state);
    next = graph.value(state).name;
  }
};

class RecurrentStateTest : public GpuTest {};

TEST_F(RecurrentStateTest, FollowsTheReferenceOverSeveralFrames) {
  for (const bool open : {false, true}) {
    Recurrent network(open);
    infer::CompileOptions options;
    options.state = {{network.next, "h"}};
    const auto plan = infer::Plan::compile(device(), network.graph, options);
    ASSERT_TRUE(plan.ok()) << plan.error().message;
    ASSERT_EQ((*plan)->inputs().size(), 1U);
    graph::Graph reference = network.graph;
    reference.value(reference.inputs[1]).desc.shape = {1, 6, 9, 7};
    ASSERT_TRUE(graph::infer_shapes(reference, kernels::Registry::instance()).ok());
    for (int repeat = 0; repeat < 2; ++repeat) {
      Tensor state({graph::DType::kF32, {1, 6, 9, 7}});
      for (uint32_t frame = 0; frame < 4; ++frame) {
        const Tensor picture = testing::random_tensor({1, 3, 9, 7}, frame);
        const auto wanted = graph::evaluate(reference, {picture, state}, kernels::Registry::instance());
        ASSERT_TRUE(wanted.ok()) << wanted.error().message;
        const auto got = infer::Session(device(), **plan).run({picture});
        ASSERT_TRUE(got.ok()) << got.error().message;
        EXPECT_LT(infer::range_error((*got)[0].to_floats(), (*wanted)[0].to_floats()), 1e-4) << frame;
        state = (*wanted)[1];
      }
      ASSERT_TRUE((*plan)->reset_state().ok());
    }
  }
}

TEST_F(RecurrentStateTest, WhatNobodyAskedForNeedNotRun) {
  Recurrent network(true);
  network.graph.output(network.graph.op("NoSuchOperator", {network.graph.inputs[0]}));
  const std::string shown = network.graph.value(network.graph.outputs[0]).name;
  for (const auto precision : {infer::Precision::kFp32, infer::Precision::kAuto}) {
    infer::CompileOptions options;
    options.state = {{network.next, "h"}};
    options.outputs = {shown, network.next};
    options.precision = precision;
    const auto plan = infer::Plan::compile(device(), network.graph, options);
    EXPECT_TRUE(plan.ok()) << plan.error().message;
  }
}

TEST_F(RecurrentStateTest, NamesWhatDoesNotFit) {
  Recurrent network(false);
  infer::CompileOptions options;
  options.state = {{network.next, "hh"}};
  const auto unknown = infer::Plan::compile(device(), network.graph, options);
  ASSERT_FALSE(unknown.ok());
  EXPECT_NE(unknown.error().message.find("did you mean 'h'?"), std::string::npos) << unknown.error().message;
  options.state = {{network.next, "x"}};
  const auto shape = infer::Plan::compile(device(), network.graph, options);
  ASSERT_FALSE(shape.ok());
  EXPECT_NE(shape.error().message.find("[1,6,9,7]"), std::string::npos) << shape.error().message;
}

}  // namespace
}  // namespace tarsier::test
