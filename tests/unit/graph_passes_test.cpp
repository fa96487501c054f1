// Every pass: the pattern is found, the results stay the same, and what only looks like the pattern is left
// alone.
#include <gtest/gtest.h>

#include "graph/passes/passes.hpp"
#include "support/graph_builder.hpp"

namespace tarsier::graph {
namespace {

using testing::G;
using testing::rewritten;
using Types = std::vector<std::string>;
using Ints = std::vector<int64_t>;

bool accept_all(const Graph&, const Node&, const PostOp&) {
  return true;
}

TEST(FoldConstants, LeavesNothingThatDependsOnWeightsAlone) {
  G g;
  const ValueId x = g.input("x", {1, 4, 3, 3});
  const ValueId slope = g.op("Mul", {g.weights({4, 1, 1}), g.scalar(0.5F)});
  g.output(g.op("PRelu", {x, slope}));
  g.infer();
  const G after = rewritten(g, [](Graph& h) { return fold_constants(h, kernels::Registry::instance()); });
  EXPECT_EQ(after.op_types(), Types{"PRelu"});
}

TEST(EliminateNoops, DropsThemAndKeepsTheOutputName) {
  G g;
  const ValueId x = g.input("x", {1, 4, 6, 6});
  ValueId v = g.op("Identity", {g.op("Relu", {x})});
  v = g.op("Reshape", {v, g.ints({1, 4, 6, 6})});
  v = g.op("Add", {v, g.scalar(0)});
  v = g.op("Mul", {g.scalar(1), v});
  v = g.op("Pad", {v, g.ints({0, 0, 0, 0, 0, 0, 0, 0})});
  g.output(g.op("Identity", {v}));
  g.infer();
  const G after = rewritten(g, eliminate_noops);
  EXPECT_EQ(after.op_types(), Types{"Relu"});
}

TEST(EliminateNoops, MergesChains) {
  G g;
  const ValueId x = g.input("x", {2, 3, 4, 5});
  ValueId v = g.op("Transpose", {x}, {{"perm", Ints{0, 2, 3, 1}}});
  v = g.op("Transpose", {v}, {{"perm", Ints{0, 3, 2, 1}}});
  v = g.op("Reshape", {v, g.ints({6, 20})});
  v = g.op("Reshape", {v, g.ints({2, 60})});
  g.output(v);
  g.infer();
  const G after = rewritten(g, eliminate_noops);
  EXPECT_EQ(after.op_types(), (Types{"Transpose", "Reshape"}));
}

TEST(EliminateNoops, AReversedSliceIsNoNoop) {
  G g;
  const ValueId x = g.input("x", {1, 1, 2, 5});
  g.output(g.op("Slice", {x, g.ints({4}), g.ints({-100}), g.ints({3}), g.ints({-1})}));
  g.infer();
  EXPECT_EQ(rewritten(g, eliminate_noops).op_types(), Types{"Slice"});
}

TEST(CancelTransposes, ThroughElementwiseAndConcat) {
  G g;
  const ValueId x = g.input("x", {1, 4, 5, 6});
  const Ints to_nhwc = {0, 2, 3, 1}, to_nchw = {0, 3, 1, 2};
  ValueId a = g.op("Transpose", {g.conv(x, {4, 4, 1, 1})}, {{"perm", to_nhwc}});
  ValueId b = g.op("Transpose", {g.conv(x, {3, 4, 1, 1})}, {{"perm", to_nhwc}});
  a = g.op("Relu", {g.op("Add", {a, g.weights({4})})});
  ValueId v = g.op("Concat", {a, b}, {{"axis", int64_t{3}}});
  v = g.op("Pad", {v, g.ints({0, 1, 2, 0, 0, 3, 4, 0})});
  g.output(g.conv(g.op("Transpose", {v}, {{"perm", to_nchw}}), {2, 7, 3, 3}));
  g.infer();
  const G after = rewritten(g, cancel_transposes);
  for (const Node& node : after.nodes) EXPECT_NE(node.op, "Transpose") << after.to_text();
}

TEST(FoldBatchNorm, IntoEveryLinearOperator) {
  const auto batch_norm = [](G& g, ValueId x, int64_t channels) {
    return g.op("BatchNormalization", {x, g.weights({channels}), g.weights({channels}), g.weights({channels}),
                                       g.weights({channels}, 0.1F, 2.0F)});
  };
  G g;
  const ValueId x = g.input("x", {1, 4, 5, 7});
  ValueId v = batch_norm(g, g.op("Conv", {x, g.weights({6, 4, 3, 3})}), 6);
  v = batch_norm(g, g.conv(v, {6, 1, 1, 1}, {{"group", int64_t{6}}}), 6);
  v = g.op("Mul", {g.conv(v, {4, 3, 1, 1}, {{"group", int64_t{2}}}), g.weights({4, 1, 1})});
  v = g.op("Add", {g.weights({1, 4, 1, 1}), v});
  v = g.op("ConvTranspose", {v, g.weights({4, 3, 2, 2}), g.weights({6})},
           {{"group", int64_t{2}}, {"strides", Ints{2, 2}}});
  g.output(batch_norm(g, v, 6));
  g.infer();
  const G after = rewritten(g, fold_batch_norm);
  EXPECT_EQ(after.op_types(), (Types{"Conv", "Conv", "Conv", "ConvTranspose"}));
}

TEST(FoldBatchNorm, NotWhereTheConvolutionIsReadElsewhere) {
  G g;
  const ValueId x = g.input("x", {1, 2, 4, 4});
  const ValueId v = g.conv(x, {2, 2, 1, 1});
  g.output(g.op("Mul", {v, g.weights({2, 1, 1})}));
  g.output(v);
  g.infer();
  EXPECT_EQ(rewritten(g, fold_batch_norm).op_types(), (Types{"Conv", "Mul"}));
}

TEST(FoldBatchNorm, NotAFactorThatVariesOverThePicture) {
  G g;
  const ValueId x = g.input("x", {1, 3, 1, 3});
  g.output(g.op("Mul", {g.conv(x, {3, 3, 1, 1}), g.weights({3})}));  // along W, not C
  g.infer();
  EXPECT_EQ(rewritten(g, fold_batch_norm).op_types(), (Types{"Conv", "Mul"}));
}

TEST(FusePad, IntoConvolutionAndAveragePool) {
  G g;
  const ValueId x = g.input("x", {1, 2, 7, 6});
  const ValueId pads = g.ints({0, 0, 1, 0, 0, 0, 1, 2});
  g.output(g.conv(g.op("Pad", {x, pads}), {3, 2, 3, 3}, {{"pads", Ints{0, 1, 0, 1}}}));
  g.output(g.op("AveragePool", {g.op("Pad", {x, g.ints({0, 0, 1, 1, 0, 0, 1, 1})})},
                {{"kernel_shape", Ints{3, 3}}, {"strides", Ints{2, 2}}}));
  g.infer();
  EXPECT_EQ(rewritten(g, fuse_pad).op_types(), (Types{"Conv", "AveragePool"}));
}

TEST(FusePad, NotAnotherValueThanZero) {
  G g;
  const ValueId x = g.input("x", {1, 2, 5, 5});
  g.output(g.conv(g.op("Pad", {x, g.ints({0, 0, 1, 1, 0, 0, 1, 1}), g.scalar(1)}), {3, 2, 3, 3}));
  g.infer();
  EXPECT_EQ(rewritten(g, fuse_pad).op_types(), (Types{"Pad", "Conv"}));
}

// One activation written in several ways; each must become the same single node.
struct Spelling {
  const char* name;
  const char* expected;
  ValueId (*build)(G& g, ValueId x);
};

ValueId ramp(G& g, ValueId x) {
  return g.op("Clip", {g.op("Add", {x, g.scalar(3)}), g.scalar(0), g.scalar(6)});
}

class Activations : public ::testing::TestWithParam<Spelling> {};

TEST_P(Activations, BecomeOneNode) {
  G g;
  const ValueId x = g.input("x", {1, 3, 5, 7});
  g.output(GetParam().build(g, x));
  g.infer();
  EXPECT_EQ(rewritten(g, recognise_activations).op_types(), Types{GetParam().expected});
}

INSTANTIATE_TEST_SUITE_P(
    Spellings, Activations,
    ::testing::Values(
        Spelling{"Silu", "Silu",
                 [](G& g, ValueId x) {
                   return g.op("Mul", {x, g.op("Sigmoid", {x})});
                 }},
        Spelling{"SiluSwapped", "Silu",
                 [](G& g, ValueId x) {
                   return g.op("Mul", {g.op("Sigmoid", {x}), x});
                 }},
        Spelling{"SwishDivided", "HardSwish",
                 [](G& g, ValueId x) {
                   return g.op("Div", {g.op("Mul", {x, ramp(g, x)}), g.scalar(6)});
                 }},
        Spelling{"SwishMultiplied", "HardSwish",
                 [](G& g, ValueId x) {
                   return g.op("Mul", {g.op("Mul", {x, ramp(g, x)}), g.scalar(1.0F / 6)});
                 }},
        Spelling{"SwishScaledFirst", "HardSwish",
                 [](G& g, ValueId x) {
                   return g.op("Mul", {g.op("Mul", {g.scalar(1.0F / 6), x}), ramp(g, x)});
                 }},
        Spelling{"SwishGateScaled", "HardSwish",
                 [](G& g, ValueId x) {
                   return g.op("Mul", {x, g.op("Div", {ramp(g, x), g.scalar(6)})});
                 }},
        Spelling{"SwishOfHardSigmoid", "HardSwish",
                 [](G& g, ValueId x) {
                   return g.op("Mul", {x, g.op("HardSigmoid", {x}, {{"alpha", 1.0F / 6}, {"beta", 0.5F}})});
                 }},
        Spelling{"HardSigmoid", "HardSigmoid",
                 [](G& g, ValueId x) {
                   return g.op("Div", {ramp(g, x), g.scalar(6)});
                 }},
        Spelling{"Relu6OfMinAndMax", "Clip",
                 [](G& g, ValueId x) {
                   return g.op("Max", {g.op("Min", {g.op("Relu", {x}), g.scalar(6)}), g.scalar(0)});
                 }},
        Spelling{"ReluOfMax", "Relu",
                 [](G& g, ValueId x) {
                   return g.op("Max", {g.scalar(0), x});
                 }},
        Spelling{"Mish", "Mish",
                 [](G& g, ValueId x) {
                   return g.op("Mul", {x, g.op("Tanh", {g.op("Softplus", {x})})});
                 }},
        Spelling{"Gelu", "Gelu",
                 [](G& g, ValueId x) {
                   const ValueId erf = g.op("Erf", {g.op("Div", {x, g.scalar(std::sqrt(2.0F))})});
                   return g.op("Mul", {g.op("Mul", {x, g.op("Add", {erf, g.scalar(1)})}), g.scalar(0.5F)});
                 }},
        Spelling{"OneSlope", "LeakyRelu",
                 [](G& g, ValueId x) {
                   return g.op("PRelu", {x, g.scalar(0.25F)});
                 }}),
    [](const auto& spelling) { return std::string(spelling.param.name); });

TEST(RecogniseActivations, ShrinksAFullSizeSlope) {
  G g;
  const ValueId x = g.input("x", {1, 3, 2, 2});
  const std::vector<float> slope = {.1F, .1F, .1F, .1F, .2F, .2F, .2F, .2F, .3F, .3F, .3F, .3F};
  g.output(g.op("PRelu", {x, g.constant_of(Tensor::f32({3, 2, 2}, slope))}));
  g.infer();
  const G after = rewritten(g, recognise_activations);
  EXPECT_EQ(after.shape(after.nodes[0].inputs[1]), (Shape{3, 1, 1}));
}

TEST(RecogniseActivations, KeepsWhatAHalfFloatSixthIsOffBy) {
  constexpr float kSixth = 0.16662598F;  // 1/6 as a half float
  G g;
  const ValueId x = g.input("x", {1, 3, 4, 4});
  g.output(g.op("Mul", {g.op("Mul", {g.scalar(kSixth), x}), ramp(g, x)}));
  g.output(g.op("Mul", {ramp(g, x), g.scalar(kSixth)}));
  g.infer();
  EXPECT_EQ(rewritten(g, recognise_activations).op_types(),
            (Types{"HardSwish", "Mul", "HardSigmoid", "Mul"}));
}

TEST(RecogniseActivations, LeavesLookalikes) {
  G g;
  const ValueId x = g.input("x", {1, 3, 4, 4});
  const ValueId y = g.input("y", {1, 3, 4, 4});
  g.output(g.op("Mul", {y, g.op("Sigmoid", {x})}));                    // another operand
  g.output(g.op("Div", {g.op("Mul", {x, ramp(g, x)}), g.scalar(5)}));  // another factor
  g.output(g.op("Mul", {x, g.op("HardSigmoid", {x})}));                // alpha 0.2
  g.infer();
  const G after = rewritten(g, recognise_activations);
  for (const Node& node : after.nodes) {
    EXPECT_NE(node.op, "Silu");
    EXPECT_NE(node.op, "HardSwish");
  }
}

TEST(FusePostOps, ActivationBeforeAndAfterTheResidual) {
  G g;
  const ValueId x = g.input("x", {1, 4, 5, 5});
  ValueId v = g.op("Add", {g.op("Silu", {g.conv(x, {4, 4, 1, 1})}), x});  // activation, then add
  ValueId w = g.op("Relu", {g.op("Add", {v, g.conv(v, {4, 4, 1, 1})})});  // add, then activation
  w = g.op("Mul", {g.op("PRelu", {g.conv(w, {4, 4, 1, 1}), g.weights({4, 1, 1})}), g.scalar(3)});
  g.output(w);
  g.infer();
  const G after = rewritten(g, [](Graph& h) { return fuse_post_ops(h, accept_all); });
  ASSERT_EQ(after.op_types(), (Types{"Conv", "Conv", "Conv"}));
  using Kind = PostOp::Kind;
  ASSERT_EQ(after.nodes[0].post.size(), 2u);
  EXPECT_EQ(after.nodes[0].post[0].kind, Kind::kSilu);
  EXPECT_EQ(after.nodes[0].post[1].kind, Kind::kAdd);
  ASSERT_EQ(after.nodes[1].post.size(), 2u);
  EXPECT_EQ(after.nodes[1].post[0].kind, Kind::kAdd);
  EXPECT_EQ(after.nodes[1].post[1].kind, Kind::kRelu);
  ASSERT_EQ(after.nodes[2].post.size(), 2u);
  EXPECT_EQ(after.nodes[2].post[0].kind, Kind::kPRelu);
  EXPECT_EQ(after.nodes[2].post[1].kind, Kind::kScale);
}

TEST(FusePostOps, ScaleShiftAndSlopeOfEachChannelAreOne) {
  using Kind = PostOp::Kind;
  for (const std::string slope : {"PRelu", "LeakyRelu", "Relu"}) {
    G g;
    const ValueId x = g.input("x", {2, 4, 5, 5}), y = g.input("y", {2, 4, 5, 5});
    ValueId v = g.op("Concat", {g.op("Sigmoid", {x}), y}, {{"axis", int64_t{1}}});
    v = g.op("Add", {v, v});
    v = g.op("BatchNormalization",
             {v, g.weights({8}), g.weights({8}), g.weights({8}), g.weights({8}, 0.5F, 2)});
    g.output(slope == "PRelu" ? g.op(slope, {v, g.weights({8, 1, 1})}) : g.op(slope, {v}));
    g.infer();
    const G after = rewritten(g, [](Graph& h) { return fuse_post_ops(h, accept_all); });
    ASSERT_EQ(after.op_types(), (Types{"Sigmoid", "Concat", "Add"})) << slope;
    ASSERT_EQ(after.nodes[2].post.size(), 1u) << slope;
    EXPECT_EQ(after.nodes[2].post[0].kind, Kind::kAffine);
  }
}

TEST(FusePostOps, ASecondSlopeIsNotLost) {
  G g;
  const ValueId x = g.input("x", {1, 4, 5, 5});
  ValueId v = g.op("Mul", {g.conv(x, {4, 4, 1, 1}), g.weights({4, 1, 1})});
  v = g.op("LeakyRelu", {g.op("PRelu", {v, g.weights({4, 1, 1})})}, {{"alpha", -0.5F}});
  g.output(v);
  g.infer();
  const G after = rewritten(g, [](Graph& h) { return fuse_post_ops(h, accept_all); });
  EXPECT_EQ(after.op_types(), Types{"Conv"});
  EXPECT_EQ(after.nodes[0].post.size(), 2u);
}

TEST(FusePostOps, TwoConvolutionsAndTheirSum) {
  G g;
  const ValueId x = g.input("x", {1, 4, 5, 5});
  const ValueId a = g.conv(x, {4, 4, 1, 1});
  const ValueId b = g.conv(x, {4, 4, 3, 3}, {{"pads", Ints{1, 1, 1, 1}}});
  g.output(g.op("Relu", {g.op("Add", {a, b})}));
  g.infer();
  EXPECT_EQ(rewritten(g, [](Graph& h) { return fuse_post_ops(h, accept_all); }).op_types(),
            (Types{"Conv", "Conv"}));
}

TEST(FusePostOps, NotWhatIsReadTwiceOrRefused) {
  G g;
  const ValueId x = g.input("x", {1, 4, 5, 5});
  const ValueId v = g.conv(x, {4, 4, 1, 1});
  g.output(g.op("Relu", {v}));
  g.output(v);
  g.output(g.op("Tanh", {g.conv(x, {4, 4, 1, 1})}));
  g.infer();
  const auto no_tanh = [](const Graph&, const Node&, const PostOp& post) {
    return post.kind != PostOp::Kind::kTanh;
  };
  EXPECT_EQ(rewritten(g, [&](Graph& h) { return fuse_post_ops(h, no_tanh); }).op_types(),
            (Types{"Conv", "Relu", "Conv", "Tanh"}));
}

TEST(FusePostOps, SumOfAValueWithItselfStays) {
  G g;
  const ValueId x = g.input("x", {1, 4, 5, 5});
  const ValueId v = g.conv(x, {4, 4, 1, 1});
  g.output(g.op("Add", {v, v}));
  g.infer();
  EXPECT_EQ(rewritten(g, [](Graph& h) { return fuse_post_ops(h, accept_all); }).op_types(),
            (Types{"Conv", "Add"}));
}

TEST(FusePostOps, ThroughAConcatIntoAllItsParts) {
  G g;
  const ValueId x = g.input("x", {1, 4, 5, 5});
  const ValueId a = g.conv(x, {4, 4, 1, 1}), b = g.conv(x, {8, 4, 1, 1});
  g.output(g.op("Relu", {g.op("Concat", {a, b}, {{"axis", int64_t{1}}})}));
  g.infer();
  const G after = rewritten(g, [](Graph& h) { return fuse_post_ops(h, accept_all); });
  ASSERT_EQ(after.op_types(), (Types{"Conv", "Conv", "Concat"}));
  for (const size_t i : {size_t{0}, size_t{1}}) {
    ASSERT_EQ(after.nodes[i].post.size(), 1u);
    EXPECT_EQ(after.nodes[i].post[0].kind, PostOp::Kind::kRelu);
  }
}

TEST(FusePostOps, NotThroughAConcatWhosePartIsReadElsewhereOrAnInput) {
  const auto no_concat = [](const Graph&, const Node& node, const PostOp&) { return node.op != "Concat"; };
  for (const bool read_twice : {true, false}) {
    G g;
    const ValueId x = g.input("x", {1, 4, 5, 5});
    const ValueId a = g.conv(x, {4, 4, 1, 1}), b = read_twice ? g.conv(x, {4, 4, 1, 1}) : x;
    g.output(g.op("Relu", {g.op("Concat", {a, b}, {{"axis", int64_t{1}}})}));
    if (read_twice) g.output(b);
    g.infer();
    const Types before = g.op_types();
    EXPECT_EQ(rewritten(g, [&](Graph& h) { return fuse_post_ops(h, no_concat); }).op_types(), before);
  }
}

TEST(CommuteScale, BehindEveryDepthwiseConvolution) {
  G g;
  const ValueId x = g.op("Relu", {g.input("x", {1, 4, 6, 6})});
  const ValueId gate = g.op("Sigmoid", {g.conv(g.op("GlobalAveragePool", {x}), {4, 4, 1, 1})});
  const ValueId scaled = g.op("Mul", {gate, x});
  const auto depthwise = [&] {
    return g.op("Conv", {scaled, g.weights({4, 1, 3, 3})},
                {{"group", int64_t{4}}, {"pads", Ints{1, 1, 1, 1}}});
  };
  g.output(g.conv(depthwise(), {2, 4, 1, 1}));
  g.output(depthwise());
  g.infer();
  const G after = rewritten(g, commute_scale);
  EXPECT_EQ(after.op_types(),
            (Types{"Relu", "GlobalAveragePool", "Conv", "Sigmoid", "Conv", "Mul", "Conv", "Conv", "Mul"}));
}

TEST(CommuteScale, NotPastABiasOrAnotherReader) {
  for (const bool bias : {true, false}) {
    G g;
    const ValueId x = g.op("Relu", {g.input("x", {1, 4, 6, 6})});
    const ValueId scaled = g.op("Mul", {x, g.op("GlobalAveragePool", {x})});
    std::vector<ValueId> inputs = {scaled, g.weights({4, 1, 3, 3})};
    if (bias) inputs.push_back(g.weights({4}));
    g.output(g.op("Conv", inputs, {{"group", int64_t{4}}}));
    if (!bias) g.output(scaled);
    g.infer();
    const Types before = g.op_types();
    EXPECT_EQ(rewritten(g, commute_scale).op_types(), before);
  }
}

TEST(RecogniseChannelShuffle, AsShuffleNetsWriteIt) {
  G g;
  const ValueId x = g.input("x", {1, 6, 4, 5});
  ValueId v = g.op("Reshape", {x, g.ints({3, 2, 20})});
  v = g.op("Transpose", {v}, {{"perm", Ints{1, 0, 2}}});
  v = g.op("Reshape", {v, g.ints({2, -1, 3, 4, 5})});
  const int64_t zero = 0, one = 1;
  g.output(g.op("Gather", {v, g.constant_of(Tensor::i64({}, std::span(&zero, 1)))}, {{"axis", int64_t{0}}}));
  g.output(g.op("Gather", {v, g.constant_of(Tensor::i64({}, std::span(&one, 1)))}, {{"axis", int64_t{0}}}));
  g.infer();
  const G after = rewritten(g, recognise_channel_shuffle);
  ASSERT_EQ(after.op_types(), (Types{"GatherChannels", "GatherChannels"}));
  EXPECT_EQ(after.nodes[0].integers("indices"), (Ints{0, 2, 4}));
  EXPECT_EQ(after.nodes[1].integers("indices"), (Ints{1, 3, 5}));
}

TEST(RecogniseLayerNorm, WithScaleAndBias) {
  G g;
  const ValueId x = g.input("x", {2, 3, 5, 8});
  const auto axes = g.ints({-1});
  const ValueId d = g.op("Sub", {x, g.op("ReduceMean", {x, axes})});
  const ValueId v = g.op("ReduceMean", {g.op("Pow", {d, g.scalar(2)}), axes});
  ValueId y = g.op("Div", {d, g.op("Sqrt", {g.op("Add", {v, g.scalar(1e-5F)})})});
  y = g.op("Mul", {y, g.weights({8})});
  g.output(g.op("Add", {g.weights({8}), y}));
  g.infer();
  EXPECT_EQ(rewritten(g, recognise_layer_norm).op_types(), Types{"LayerNormalization"});
}

TEST(RecogniseLayerNorm, NotOverAnAxisInTheMiddle) {
  G g;
  const ValueId x = g.input("x", {2, 3, 8});
  const auto axes = g.ints({1});
  const ValueId d = g.op("Sub", {x, g.op("ReduceMean", {x, axes})});
  const ValueId v = g.op("ReduceMean", {g.op("Mul", {d, d}), axes});
  g.output(g.op("Div", {d, g.op("Sqrt", {g.op("Add", {v, g.scalar(1e-5F)})})}));
  g.infer();
  EXPECT_EQ(rewritten(g, recognise_layer_norm).op_types().size(), g.nodes.size());
}

TEST(RecogniseChannelShuffle, WithSplit) {
  G g;
  const ValueId x = g.input("x", {1, 8, 3, 5});
  ValueId v = g.op("Reshape", {x, g.ints({4, 2, 15})});
  v = g.op("Transpose", {v}, {{"perm", Ints{1, 0, 2}}});
  v = g.op("Reshape", {v, g.ints({2, 4, 3, 5})});
  for (const ValueId half : g.ops("Split", {v, g.ints({1, 1})}, 2, {{"axis", int64_t{0}}})) g.output(half);
  g.infer();
  const G after = rewritten(g, recognise_channel_shuffle);
  ASSERT_EQ(after.op_types(), (Types{"GatherChannels", "GatherChannels"}));
  EXPECT_EQ(after.nodes[1].integers("indices"), (Ints{1, 3, 5, 7}));
}

TEST(RecogniseChannelShuffle, NotAMoveWithinThePicture) {
  G g;
  const ValueId x = g.input("x", {1, 2, 4, 4});
  ValueId v = g.op("Reshape", {x, g.ints({2, 4, 4})});
  v = g.op("Transpose", {v}, {{"perm", Ints{0, 2, 1}}});
  g.output(g.op("Reshape", {v, g.ints({1, 2, 4, 4})}));
  g.infer();
  EXPECT_EQ(rewritten(g, recognise_channel_shuffle).op_types(), (Types{"Reshape", "Transpose", "Reshape"}));
}

/// Two units of ShuffleNet V2: half of the channels are handed on, the others are convolved.
G shuffle_units(int64_t half) {
  G g;
  const ValueId x = g.input("x", {2, half, 3, 5});
  ValueId handed_on = g.op("Relu", {g.conv(x, {half, half, 1, 1})});
  ValueId computed = g.op("Relu", {g.conv(x, {half, half, 3, 3}, {{"pads", Ints{1, 1, 1, 1}}})});
  Ints even, odd;
  for (int64_t c = 0; c < half; ++c) {
    even.push_back(2 * c);
    odd.push_back(2 * c + 1);
  }
  for (int unit = 0; unit < 2; ++unit) {
    const ValueId all = g.op("Concat", {handed_on, computed}, {{"axis", int64_t{1}}});
    handed_on = g.op("GatherChannels", {all}, {{"indices", even}});
    const ValueId read = g.op("GatherChannels", {all}, {{"indices", odd}});
    computed = g.op("Relu", {g.op("Conv", {read, g.weights({half, half, 1, 1})})});
  }
  g.output(g.op("Concat", {handed_on, computed}, {{"axis", int64_t{1}}}));
  g.infer();
  return g;
}

TEST(OrderChannels, WhatAShuffleBringsTogetherIsAView) {
  const G after = rewritten(shuffle_units(24), order_channels);
  size_t slices = 0, gathers = 0;
  for (const Node& node : after.nodes) {
    slices += node.op == "Slice" ? 1 : 0;
    gathers += node.op == "GatherChannels" ? 1 : 0;
  }
  EXPECT_EQ(slices, 2u);
  EXPECT_EQ(gathers, 2u);
}

TEST(OrderChannels, NotWhereAViewWouldCutAGroup) {
  const G before = shuffle_units(12);  // 6 channels before the first that is read
  EXPECT_EQ(rewritten(before, order_channels).op_types(), before.op_types());
}

TEST(OrderChannels, NotWhereTheOrderIsSeenElsewhere) {
  G g = shuffle_units(8);
  for (Node& node : g.nodes) {
    if (node.op != "Concat" || node.outputs[0] == g.outputs[0]) continue;
    g.output(node.inputs[1]);
  }
  const G after = rewritten(g, order_channels);
  EXPECT_EQ(after.op_types(), g.op_types());
}

TEST(CommuteResize, ConvolvesBeforeItEnlarges) {
  for (const std::string mode : {"linear", "nearest"}) {
    G g;
    const ValueId x = g.input("x", {1, 6, 5, 7});
    const float factors[4] = {1, 1, 2, 2};
    const ValueId scales = g.constant_of(Tensor::f32({4}, factors));
    ValueId v = g.op("Resize", {x, kNone, scales}, {{"mode", mode}});
    v = g.op("Resize", {g.conv(v, {4, 6, 1, 1}), kNone, kNone, g.ints({1, 4, 13, 14})}, {{"mode", mode}});
    g.output(g.op("Relu", {g.conv(v, {3, 4, 1, 1})}));
    g.infer();
    const G after = rewritten(g, commute_resize);
    EXPECT_EQ(after.op_types(), (Types{"Conv", "Resize", "Conv", "Resize", "Relu"}));
    for (const Node& node : after.nodes) {
      if (node.op != "Conv") continue;
      EXPECT_LT(after.shape(node.outputs[0])[2], after.shape(after.outputs[0])[2]);
    }
  }
}

TEST(CommuteResize, NotWhereItWouldEnlargeMoreOrNeighboursMatter) {
  for (const bool larger_kernel : {true, false}) {
    G g;
    const ValueId x = g.input("x", {1, 4, 5, 7});
    const float factors[4] = {1, 1, 2, 2};
    const ValueId v = g.op("Resize", {x, kNone, g.constant_of(Tensor::f32({4}, factors))},
                           {{"mode", std::string("linear")}});
    g.output(larger_kernel ? g.conv(v, {4, 4, 3, 3}, {{"pads", Ints{1, 1, 1, 1}}}) : g.conv(v, {8, 4, 1, 1}));
    g.infer();
    EXPECT_EQ(rewritten(g, commute_resize).op_types(), (Types{"Resize", "Conv"}));
  }
}

TEST(ChainPools, EachPoolReadsTheOneBefore) {
  G g;
  const ValueId x = g.input("x", {1, 4, 9, 11});
  std::vector<ValueId> parts{x};
  for (const int64_t window : {13, 5, 9}) {
    parts.push_back(
        g.op("MaxPool", {x}, {{"kernel_shape", Ints{window, window}}, {"pads", Ints(4, window / 2)}}));
  }
  g.output(g.op("Concat", parts, {{"axis", int64_t{1}}}));
  g.infer();
  const G after = rewritten(g, chain_pools);
  for (const Node& node : after.nodes) {
    if (node.op != "MaxPool") continue;
    EXPECT_EQ(node.integers("kernel_shape"), (Ints{5, 5}));
  }
}

TEST(ChainPools, NotThoseWithAStride) {
  G g;
  const ValueId x = g.input("x", {1, 4, 9, 11});
  for (const int64_t window : {3, 5}) {
    g.output(g.op(
        "MaxPool", {x},
        {{"kernel_shape", Ints{window, window}}, {"pads", Ints(4, window / 2)}, {"strides", Ints{2, 2}}}));
  }
  g.infer();
  const G after = rewritten(g, chain_pools);
  EXPECT_EQ(after.nodes[1].integers("kernel_shape"), (Ints{5, 5}));
}

TEST(WriteChannelsLast, TurnsMapsBeforeTheyAreJoined) {
  for (const bool convolved : {true, false}) {
    G g;
    std::vector<ValueId> parts;
    for (const int64_t size : {4, 3}) {
      const ValueId x = g.input(fmt::format("x{}", size), {1, 8, size, size});
      const ValueId boxes =
          convolved ? g.conv(x, {5, 8, 1, 1}) : g.op("Softmax", {x}, {{"axis", int64_t{1}}});
      const ValueId map = convolved ? g.op("Concat", {g.op("Sigmoid", {boxes}), g.conv(x, {3, 8, 1, 1})},
                                           {{"axis", int64_t{1}}})
                                    : boxes;
      parts.push_back(g.op("Reshape", {map, g.ints({1, 8, size * size})}));
    }
    g.output(g.op("Transpose", {g.op("Concat", parts, {{"axis", int64_t{2}}})}, {{"perm", Ints{0, 2, 1}}}));
    g.infer();
    const G after = rewritten(g, write_channels_last);
    const bool turned = std::ranges::count(after.nodes, "Transpose", &Node::op) == 0;
    EXPECT_EQ(turned, convolved);
  }
}

TEST(ReadChannelsLast, BeforeConvolutionsOnly) {
  for (const bool convolved : {true, false}) {
    G g;
    const ValueId x = g.input("x", {2, 5, 7, 3});
    const ValueId v = g.op("Transpose", {x}, {{"perm", Ints{0, 3, 1, 2}}});
    g.output(convolved ? g.conv(v, {4, 3, 1, 1}) : g.op("Reshape", {v, g.ints({2, 105})}));
    g.infer();
    const G after = rewritten(g, read_channels_last);
    EXPECT_EQ(after.nodes[0].op, convolved ? "ToC4" : "Transpose");
  }
}

Status fuse_attention(Graph& graph) {
  return recognise_attention(graph, kernels::Registry::instance());
}

TEST(RecogniseAttention, TakesFlattenedFeatureMapsAsTheyAre) {
  G g;
  const ValueId x = g.input("x", {1, 8, 3, 5});
  const Ints turn{0, 2, 1};
  const auto flat = [&](int64_t channels) {
    return g.op("Reshape", {g.conv(x, {channels, 8, 1, 1}), g.ints({1, channels, 15})});
  };
  const ValueId query = g.op("Transpose", {flat(4)}, {{"perm", turn}});
  const ValueId scores = g.op("Softmax", {g.op("MatMul", {query, flat(4)})}, {{"axis", int64_t{2}}});
  const ValueId sum = g.op("MatMul", {flat(8), g.op("Transpose", {scores}, {{"perm", turn}})});
  g.output(g.op("Reshape", {sum, g.ints({1, 8, 3, 5})}));
  g.infer();
  const G after = rewritten(g, fuse_attention);
  EXPECT_EQ(after.op_types(), (Types{"Conv", "Conv", "Conv", "ScaledDotProductAttention"}));
  EXPECT_EQ(after.nodes[3].integer("spatial", 0), 1);
}

TEST(RecogniseAttention, HeadsWithAScale) {
  G g;
  const ValueId q = g.input("q", {2, 3, 7, 4}), k = g.input("k", {2, 3, 5, 4}),
                v = g.input("v", {2, 3, 5, 6});
  const ValueId turned = g.op("Transpose", {k}, {{"perm", Ints{0, 1, 3, 2}}});
  const ValueId scores = g.op("Div", {g.op("MatMul", {q, turned}), g.scalar(2)});
  g.output(g.op("MatMul", {g.op("Softmax", {scores}, {{"axis", int64_t{-1}}}), v}));
  g.infer();
  const G after = rewritten(g, fuse_attention);
  EXPECT_EQ(after.op_types(), Types{"ScaledDotProductAttention"});
  EXPECT_EQ(after.nodes[0].real("scale", 1), 0.5F);
}

TEST(RecogniseAttention, QueriesAndKeysThatAreScaledEach) {
  G g;
  const ValueId q = g.input("q", {2, 3, 7, 4}), k = g.input("k", {2, 3, 5, 4}),
                v = g.input("v", {2, 3, 5, 6});
  const ValueId turned = g.op("Transpose", {k}, {{"perm", Ints{0, 1, 3, 2}}});
  const ValueId scores =
      g.op("MatMul", {g.op("Mul", {q, g.scalar(0.5)}), g.op("Mul", {turned, g.scalar(0.5)})});
  g.output(g.op("MatMul", {g.op("Softmax", {scores}, {{"axis", int64_t{-1}}}), v}));
  g.infer();
  const G after = rewritten(g, fuse_attention);
  EXPECT_EQ(after.op_types(), Types{"ScaledDotProductAttention"});
  EXPECT_EQ(after.nodes[0].real("scale", 1), 0.25F);
  EXPECT_EQ(after.nodes[0].integers("channels_first"), (Ints{0, 0, 0, 0}));
}

TEST(RecogniseAttention, NotWhereTheScoresAreReadElsewhereOrHeadsAreLarge) {
  for (const bool shared : {true, false}) {
    G g;
    const int64_t channels = shared ? 4 : 1000;
    const ValueId q = g.input("q", {7, channels}), k = g.input("k", {channels, 5}), v = g.input("v", {5, 6});
    const ValueId weights = g.op("Softmax", {g.op("MatMul", {q, k})}, {{"axis", int64_t{1}}});
    g.output(g.op("MatMul", {weights, v}));
    if (shared) g.output(weights);
    g.infer();
    EXPECT_EQ(rewritten(g, fuse_attention).op_types(), (Types{"MatMul", "Softmax", "MatMul"}));
  }
}

TEST(RecogniseAttention, NotASoftmaxOverTheQueries) {
  G g;
  const ValueId q = g.input("q", {5, 4}), k = g.input("k", {4, 5}), v = g.input("v", {5, 6});
  const ValueId weights = g.op("Softmax", {g.op("MatMul", {q, k})}, {{"axis", int64_t{0}}});
  g.output(g.op("MatMul", {weights, v}));
  g.infer();
  EXPECT_EQ(rewritten(g, fuse_attention).op_types(), (Types{"MatMul", "Softmax", "MatMul"}));
}

TEST(FoldFocus, BecomesOneConvolution) {
  G g;
  const ValueId x = g.input("x", {1, 3, 8, 12});
  constexpr int64_t kEnd = std::numeric_limits<int64_t>::max();
  std::vector<ValueId> patches;
  for (const int64_t dx : {0, 1})  // YOLOX's order: columns first
    for (const int64_t dy : {0, 1}) {
      const ValueId rows = g.op("Slice", {x, g.ints({dy}), g.ints({kEnd}), g.ints({2}), g.ints({2})});
      patches.push_back(g.op("Slice", {rows, g.ints({dx}), g.ints({kEnd}), g.ints({3}), g.ints({2})}));
    }
  const ValueId focus = g.op("Concat", patches, {{"axis", int64_t{1}}});
  g.output(g.conv(focus, {5, 12, 3, 3}, {{"pads", Ints{1, 1, 1, 1}}}));
  g.infer();
  const G after = rewritten(g, fold_focus);
  EXPECT_EQ(after.op_types(), Types{"Conv"});
  EXPECT_EQ(after.nodes[0].integers("strides"), (Ints{2, 2}));
}

}  // namespace
}  // namespace tarsier::graph
