// The IR itself, shape inference and its one error, pruning.
#include "graph/graph.hpp"

#include <gtest/gtest.h>

#include "graph/passes/edit.hpp"
#include "graph/passes/passes.hpp"
#include "support/graph_builder.hpp"

namespace tarsier::graph {
namespace {

using testing::G;

TEST(Tensor, CopiesShareBytesUntilOneIsWritten) {
  const std::vector<float> values = {1, 2, 3, 4};
  const Tensor a = Tensor::f32({2, 2}, values);
  Tensor b = a;
  EXPECT_EQ(a.bytes().data(), b.bytes().data());
  b.as_mutable<float>()[0] = 9;
  EXPECT_EQ(a.as<float>()[0], 1);
  EXPECT_EQ(b.as<float>()[0], 9);
}

TEST(Tensor, ConvertsEveryElementType) {
  const std::vector<uint16_t> half = {0x3C00, 0xC000};  // 1, -2
  EXPECT_EQ(Tensor::of<uint16_t>(DType::kF16, {2}, half).to_floats(), (std::vector<float>{1, -2}));
  const std::vector<int8_t> bytes = {-3, 4};
  EXPECT_EQ(Tensor::of<int8_t>(DType::kI8, {2}, bytes).to_ints(), (std::vector<int64_t>{-3, 4}));
  const std::vector<double> doubles = {0.5};
  EXPECT_EQ(Tensor::of<double>(DType::kF64, {1}, doubles).to_floats(), (std::vector<float>{0.5F}));
  const std::vector<uint8_t> flags = {1, 0};
  EXPECT_EQ(Tensor::of<uint8_t>(DType::kBool, {2}, flags).to_ints(), (std::vector<int64_t>{1, 0}));
}

TEST(Edit, TransposedPermutesAxes) {
  const std::vector<int64_t> values = {0, 1, 2, 3, 4, 5};
  const Tensor t = transposed(Tensor::i64({1, 2, 3}, values), {2, 0, 1});
  EXPECT_EQ(t.shape(), (Shape{3, 1, 2}));
  EXPECT_EQ(t.to_ints(), (std::vector<int64_t>{0, 3, 1, 4, 2, 5}));
}

TEST(Edit, SortNodesOrdersAndRefusesCycles) {
  G g;
  const ValueId x = g.input("x", {1});
  const ValueId late = g.add_value("late");
  const ValueId early = g.op("Relu", {late});
  Node node;
  node.op = "Neg";
  node.inputs = {x};
  node.outputs = {late};
  g.add_node(node);
  g.output(early);
  ASSERT_TRUE(sort_nodes(g).ok());
  EXPECT_EQ(g.op_types(), (std::vector<std::string>{"Neg", "Relu"}));
  g.nodes[0].inputs[0] = early;
  EXPECT_FALSE(sort_nodes(g).ok());
}

TEST(InferShapes, ListsEveryUnsupportedNodeInOneLine) {
  G g;
  const ValueId x = g.input("x", {1, 3, 8, 8});
  const ValueId a = g.op("NoSuchThing", {x});
  const ValueId b = g.op("Relu", {a});
  const ValueId c = g.op("NoSuchThing", {b});
  g.output(g.op("OtherThing", {c, x}));
  const Status status = infer_shapes(g, kernels::Registry::instance());
  ASSERT_FALSE(status.ok());
  const std::string& message = status.error().message;
  EXPECT_EQ(status.error().kind, ErrorKind::kInput);
  EXPECT_NE(message.find("3 nodes"), std::string::npos) << message;
  EXPECT_NE(message.find(fmt::format("NoSuchThing at {}, {}", g.nodes[0].name, g.nodes[2].name)),
            std::string::npos)
      << message;
  EXPECT_NE(message.find("OtherThing at " + g.nodes[3].name), std::string::npos) << message;
  EXPECT_EQ(message.find('\n'), std::string::npos);
}

TEST(InferShapes, OpenBatchIsOneAndOtherOpenExtentsAreAskedFor) {
  G g;
  const ValueId x = g.input("x", {-1, 3, -1, 8});
  g.output(g.op("Relu", {x}));
  G first = g, second = g, third = g;
  const Status open = infer_shapes(first, kernels::Registry::instance());
  ASSERT_FALSE(open.ok());
  EXPECT_NE(open.error().message.find("'x'"), std::string::npos);
  ASSERT_TRUE(
      infer_shapes(second, kernels::Registry::instance(), {.input_shapes = {{"x", {2, 3, 5, 8}}}}).ok());
  EXPECT_EQ(second.shape(second.outputs[0]), (Shape{2, 3, 5, 8}));
  EXPECT_FALSE(
      infer_shapes(third, kernels::Registry::instance(), {.input_shapes = {{"x", {2, 4, 5, 8}}}}).ok());
  const Status typo =
      infer_shapes(third, kernels::Registry::instance(), {.input_shapes = {{"y", {2, 3, 5, 8}}}});
  ASSERT_FALSE(typo.ok());
  EXPECT_NE(typo.error().message.find("no input 'y'"), std::string::npos);
}

TEST(InferShapes, SamePaddingBecomesExtents) {
  // Worked by hand: 7 wide, kernel 3, stride 2 -> 4 outputs, which need 2*3+3 = 9: 1 + 1 padding; 8 wide -> 4
  // outputs, 9 needed: the odd one goes to the end (SAME_UPPER) or the beginning (SAME_LOWER).
  for (const bool upper : {true, false}) {
    G g;
    const ValueId x = g.input("x", {1, 2, 7, 8});
    g.output(g.conv(x, {4, 2, 3, 3},
                    {{"strides", std::vector<int64_t>{2, 2}},
                     {"auto_pad", std::string(upper ? "SAME_UPPER" : "SAME_LOWER")}}));
    g.infer();
    EXPECT_EQ(g.shape(g.outputs[0]), (Shape{1, 4, 4, 4}));
    EXPECT_EQ(g.nodes[0].integers("pads"),
              upper ? (std::vector<int64_t>{1, 0, 1, 1}) : (std::vector<int64_t>{1, 1, 1, 0}));
    EXPECT_FALSE(g.nodes[0].has("auto_pad"));
    EXPECT_EQ(g.nodes[0].integers("kernel_shape"), (std::vector<int64_t>{3, 3}));
  }
}

TEST(Prune, KeepsWhatTheNamedOutputsNeed) {
  G g;
  const ValueId x = g.input("x", {1, 2, 4, 4});
  const ValueId a = g.conv(x, {2, 2, 1, 1});
  const ValueId b = g.conv(a, {3, 2, 1, 1});
  g.output(a);
  g.output(b);
  const std::string kept = g.value(a).name;
  const size_t values_before = g.values.size();
  ASSERT_TRUE(prune(g, {kept}).ok());
  EXPECT_EQ(g.nodes.size(), 1u);
  EXPECT_EQ(g.outputs.size(), 1u);
  EXPECT_EQ(g.value(g.outputs[0]).name, kept);
  EXPECT_LT(g.values.size(), values_before);
  const Status unknown = prune(g, {"nothing"});
  ASSERT_FALSE(unknown.ok());
  EXPECT_NE(unknown.error().message.find(kept), std::string::npos);
}

}  // namespace
}  // namespace tarsier::graph
