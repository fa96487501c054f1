// Operands that make no sense for an operator: several elements where it reads one value, none at all,
// numbers at the ends of int64. Each is refused in one line that names node and operator, before anything is
// allocated; no device takes part.
//
// How to add a case: a row of single_values() or sizes() with the words that the line must hold, or one of
// AreNotThoseOfOneElement with what comes out of constant operands.
#include <cmath>
#include <gtest/gtest.h>
#include <map>
#include <optional>
#include <sys/resource.h>

#include "core/text.hpp"
#include "graph/passes/passes.hpp"
#include "kernels/kernel.hpp"
#include "support/input_error.hpp"

namespace tarsier::test {
namespace {

using graph::DType;
using graph::Shape;
using graph::Tensor;
using Attributes = std::map<std::string, graph::Attribute, std::less<>>;
using Ints = std::vector<int64_t>;

constexpr int64_t kMax = INT64_MAX, kMin = INT64_MIN, kHuge = int64_t{1} << 62;
constexpr float kInfinity = INFINITY;

/// A constant, a value that arrives at run time, or (neither) absent.
struct Operand {
  std::optional<Tensor> data = std::nullopt;
  std::optional<graph::TensorDesc> input = std::nullopt;
};
Operand x(Shape shape, DType type = DType::kF32) {
  return {.input = graph::TensorDesc{type, std::move(shape)}};
}
Operand ints(const Ints& values) {
  return {.data = Tensor::i64({int64_t(values.size())}, values)};
}
Operand reals(const std::vector<float>& values) {
  return {.data = Tensor::f32({int64_t(values.size())}, values)};
}
Operand whole(int64_t value) {
  return {.data = Tensor::i64({}, std::span(&value, 1))};
}
Operand real(float value) {
  return {.data = Tensor::f32({}, std::span(&value, 1))};
}
/// Zeros of any type.
Operand zeros(DType type, Shape shape) {
  return {.data = Tensor(graph::TensorDesc{type, std::move(shape)})};
}
Operand none() {
  return {};
}

struct Case {
  std::string op;
  std::vector<Operand> operands;
  Attributes attributes;
  std::vector<const char*> says;  // the words of the refusal
  std::vector<float> gives;       // what a node that is taken computes
  size_t outputs = 1;
  const char* written_as = nullptr;  // the operator that the line names, where it is not `op`
};

/// A body that hands on what it is given: of Loop, one state; of If, nothing but a constant.
std::shared_ptr<graph::Graph> body(bool loop) {
  graph::Graph body;
  if (loop) {
    for (const char* name : {"round", "condition", "state"}) body.inputs.push_back(body.add_value(name));
    body.outputs = {body.inputs[1], body.inputs[2]};
  } else {
    body.outputs = {body.add_constant("seven", Tensor::f32({}, std::vector{7.0F}))};
  }
  return std::make_shared<graph::Graph>(std::move(body));
}
Attributes loop() {
  return {{"body", body(true)}};
}
Attributes branches() {
  return {{"then_branch", body(false)}, {"else_branch", body(false)}};
}
Attributes window(const char* key, Ints values) {
  Attributes attributes{{"kernel_shape", Ints{2, 2}}};
  attributes[key] = std::move(values);
  return attributes;
}
Attributes with(const char* key, int64_t value) {
  return {{key, value}};
}

/// The network of one node, its shapes inferred and its constants folded.
Result<graph::Graph> compiled(const Case& c) {
  graph::Graph graph;
  graph.name = "network";
  graph::Node node;
  node.op = c.op;
  node.name = "the_node";
  node.attributes = c.attributes;
  for (const Operand& operand : c.operands) {
    graph::ValueId id = graph::kNone;
    const std::string name = fmt::format("operand {}", node.inputs.size());
    if (operand.data) id = graph.add_constant(name, *operand.data);
    if (operand.input) graph.inputs.push_back(id = graph.add_value(name, *operand.input));
    node.inputs.push_back(id);
  }
  for (size_t i = 0; i < c.outputs; ++i) node.outputs.push_back(graph.add_value(fmt::format("result {}", i)));
  graph.outputs = node.outputs;
  graph.add_node(std::move(node));
  const auto& ops = kernels::Registry::instance();
  TARSIER_CHECK(graph::infer_shapes(graph, ops));
  TARSIER_CHECK(graph::fold_constants(graph, ops));
  return graph;
}

Operand image() {
  return x({1, 4, 6, 6});
}

// --- operands of which one value is read

std::vector<Case> single_values() {
  const Operand row = x({5}), table = x({2, 5}), twice = ints({1, 1}), empty = ints({}), two = reals({1, 1});
  const Operand no_reals = reals({});
  std::vector<Case> cases{
      {"Pad", {row, ints({1, 1}), two}, {}, {"input 2 [2]", "one value"}},
      {"Pad", {row, ints({1, 1}), no_reals}, {}, {"input 2 [0]", "one value"}},
      {"Range", {twice, whole(9), whole(1)}, {}, {"input 0 [2]"}},
      {"Range", {whole(0), empty, whole(1)}, {}, {"input 1 [0]"}},
      {"Range", {real(0), real(9), two}, {}, {"input 2 [2]"}},
      {"Range", {real(0), real(9), no_reals}, {}, {"input 2 [0]"}},
      {"Clip", {row, two}, {}, {"input 1 [2]"}},
      {"Clip", {row, no_reals}, {}, {"input 1 [0]"}},
      {"Clip", {row, none(), two}, {}, {"input 2 [2]"}},
      {"Clip", {x({5}, DType::kI64), none(), empty}, {}, {"input 2 [0]"}},
      {"OneHot", {x({3}, DType::kI64), twice, reals({0, 1})}, {}, {"depth is not one number"}},
      {"OneHot", {x({3}, DType::kI64), empty, reals({0, 1})}, {}, {"depth is not one number"}},
      {"TopK", {row, twice}, {}, {"input 1 [2]"}, {}, 2},
      {"TopK", {row, empty}, {}, {"input 1 [0]"}, {}, 2},
      {"CumSum", {row, ints({0, 0})}, {}, {"input 1 [2]"}},
      {"CumProd", {row, empty}, {}, {"input 1 [0]"}},
      {"Trilu", {table, twice}, {}, {"k is not one number"}},
      {"Trilu", {table, empty}, {}, {"k is not one number"}},
      {"Dropout", {row, two}, {}, {"input 1 [2]"}},
      {"Dropout", {row, real(0.5F), zeros(DType::kBool, {0})}, {}, {"input 2 [0]"}},
      {"Resize", {image(), none(), reals({2, 2})}, {}, {"do not fit rank 4"}},
      {"DFT", {x({1, 8, 1}), twice}, {}, {"dft_length is not one number"}},
      {"DFT", {x({1, 8, 1}), none(), empty}, {}, {"axis is not one number"}},
      {"STFT", {x({1, 8, 1}), empty, none(), whole(4)}, {}, {"frame_step is not one number"}},
      {"STFT", {x({1, 8, 1}), whole(2), none(), twice}, {}, {"frame_length is not one number"}},
      {"HannWindow", {twice}, {}, {"size is not one number"}},
      {"HammingWindow", {empty}, {}, {"size is not one number"}},
      {"BlackmanWindow", {twice}, {}, {"size is not one number"}},
      {"Loop", {twice, none(), row}, loop(), {"the number of rounds (input 0) is not one number"}},
      {"Loop", {empty, none(), row}, loop(), {"the number of rounds (input 0) is not one number"}},
      {"Loop",
       {whole(2), zeros(DType::kBool, {0}), row},
       loop(),
       {"the condition (input 1) is not one number"}},
      {"If", {zeros(DType::kBool, {2})}, branches(), {"the condition (input 0) is not one number"}},
      {"If", {zeros(DType::kBool, {0})}, branches(), {"the condition (input 0) is not one number"}},
      {"ConstantOfShape", {ints({3})}, {{"value", Tensor({DType::kF32, {0}})}}, {"value of shape [0]"}},
      {"ConstantOfShape", {ints({3})}, {{"value", Tensor({DType::kI64, {2}})}}, {"value of shape [2]"}},
      {"QuantizeLinear", {row, no_reals}, {{"axis", int64_t{0}}}, {"scale [0]"}},
      {"QuantizeLinear", {row, real(1), zeros(DType::kU8, {2})}, {}, {"zero point [2]"}},
      {"QuantizeLinear", {row, real(1), zeros(DType::kU8, {0})}, {}, {"zero point [0]"}},
      {"DequantizeLinear", {x({5}, DType::kU8), two}, {{"axis", int64_t{0}}}, {"scale [2]"}},
      {"DequantizeLinear", {x({5}, DType::kU8), real(1), zeros(DType::kU8, {0})}, {}, {"zero point [0]"}},
  };
  for (size_t i = 2; i < 5; ++i) {
    Case c{"NonMaxSuppression", {x({1, 6, 4}), x({1, 2, 6}), whole(3), real(0.5F), real(0)}};
    c.operands[i] = i == 2 ? empty : no_reals;
    const char* const operand[] = {"input 2 [0]", "input 3 [0]", "input 4 [0]"};
    c.says = {operand[i - 2], "one value"};
    cases.push_back(c);
  }
  for (size_t i = 0; i < 5; ++i) {
    Case c{
        "MelWeightMatrix", {whole(4), whole(16), whole(8000), real(0), real(4000)}, {}, {"not one number"}};
    c.operands[i] = i % 2 == 0 ? twice : empty;
    cases.push_back(c);
  }
  // Of a quantised product or convolution: scale and zero point of x, scale and zero point of y.
  const Operand u8 = x({1, 2, 4, 4}, DType::kU8), weights = zeros(DType::kU8, {3, 2, 3, 3});
  const Operand point = zeros(DType::kU8, {}), points = zeros(DType::kU8, {2});
  for (const size_t i : {1, 2, 6, 7}) {
    Case c{"QLinearConv", {u8, real(1), point, weights, real(1), point, real(1), point}};
    c.operands[i] = i == 1 ? two : i == 6 ? no_reals : i == 2 ? points : zeros(DType::kU8, {0});
    const char* const operand[] = {"input 1 [2]", "input 2 [2]", "input 6 [0]", "input 7 [0]"};
    c.says = {operand[i > 2 ? i - 4 : i - 1], "one value"};
    cases.push_back(c);
  }
  cases.push_back({"ConvInteger", {u8, weights, points}, {}, {"input 2 [2]", "one value"}});
  cases.push_back({"ConvInteger", {u8, weights, zeros(DType::kU8, {0})}, {}, {"input 2 [0]", "one value"}});
  const Operand a = x({3, 4}, DType::kU8), b = x({4, 5}, DType::kU8);
  cases.push_back({"MatMulInteger", {a, b, points}, {}, {"zero point of shape [2]"}});
  cases.push_back({"QLinearMatMul", {a, two, point, b, real(1), point, real(1), point}, {}, {"input 1 [2]"}});
  cases.push_back(
      {"QLinearMatMul", {a, real(1), point, b, no_reals, point, real(1), point}, {}, {"input 4 [0]"}});
  cases.push_back(
      {"QLinearMatMul", {a, real(1), point, b, real(1), point, no_reals, point}, {}, {"input 6 [0]"}});
  return cases;
}

// --- sizes that no machine has

std::vector<Case> sizes() {
  const Operand row = x({5}), indices = x({3}, DType::kI64);
  const Operand blocks = x({1, 4, 9});
  return {
      {"Pad", {row, ints({kMax, 1})}, {}, {"pads", "out of range"}},
      {"Pad", {row, ints({kMax, kMin})}, {}, {"pads", "out of range"}},
      {"Pad", {row, ints({kMin, 0})}, {{"mode", std::string("wrap")}}, {"pads", "out of range"}},
      {"Pad", {row, ints({INT32_MAX, INT32_MAX})}, {}, {"too large"}},
      {"Pad", {x({2, 5}), ints({100'000, 0, 0, 100'000})}, {}, {"too large"}},
      {"CenterCropPad", {row, ints({kMax})}, {}, {"pads"}, {}, 1, "Pad"},
      {"CenterCropPad", {row, ints({kMin})}, {}, {"an extent of -9223372036854775808"}},
      {"Range", {whole(kMin), whole(kMax), whole(1)}, {}, {"too many"}},
      {"Range", {whole(kMax), whole(kMin), whole(-1)}, {}, {"too many"}},
      {"Range", {whole(0), whole(int64_t{1} << 31), whole(1)}, {}, {"too many"}},
      {"Range", {real(0), real(3e38F), real(1)}, {}, {"too many"}},
      {"Range", {real(0), real(kInfinity), real(1)}, {}, {"too many"}},
      {"Range", {real(0), real(1), real(NAN)}, {}, {"no range"}},
      {"Range", {whole(0), whole(1), whole(0)}, {}, {"no range"}},
      {"ConstantOfShape", {ints({kMax, kMax})}, {}, {"too large"}},
      {"ConstantOfShape", {ints({1 << 16, 1 << 14})}, {}, {"too large"}},
      {"ConstantOfShape", {ints({0, kHuge})}, {}, {"too large"}},
      {"ConstantOfShape", {ints({kMin})}, {}, {"shape [-9223372036854775808]"}},
      {"EyeLike", {x({40'000, 40'000})}, {}, {"too large"}},
      {"Trilu", {x({1, 40'000, 40'000})}, {}, {"too large"}},
      {"OneHot", {indices, whole(kMax), reals({0, 1})}, {}, {"a depth of"}},
      {"OneHot", {indices, whole(kMin), reals({0, 1})}, {}, {"a depth of"}},
      {"OneHot", {indices, real(kInfinity), reals({0, 1})}, {}, {"a depth of"}},
      {"OneHot", {indices, real(NAN), reals({0, 1})}, {}, {"a depth of"}},
      {"Expand", {x({1}), ints({kMax, kMax, kMax})}, {}, {"too large"}},
      {"Expand", {x({1}), ints({kMin})}, {}, {"shape [-9223372036854775808]"}},
      {"Tile", {row, ints({kMax})}, {}, {"too large"}},
      {"Tile", {row, ints({kMin})}, {}, {"negative repeat"}},
      {"DepthToSpace", {image()}, with("blocksize", kMax), {"blocksize="}},
      {"DepthToSpace", {image()}, with("blocksize", int64_t{1} << 32), {"blocksize="}},
      {"SpaceToDepth", {image()}, with("blocksize", int64_t{1} << 32), {"blocksize="}},
      {"SpaceToDepth", {x({1, 4, 0, 0})}, with("blocksize", int64_t{1} << 40), {"blocksize="}},
      {"Resize", {image(), none(), reals({1, 1, 1, 1e30F})}, {}, {"a scale of"}},
      {"Resize", {image(), none(), reals({1, 1, 1, NAN})}, {}, {"a scale of"}},
      {"Resize", {image(), none(), none(), ints({1, 4, 6, kMax})}, {}, {"a size of"}},
      {"Resize",
       {image(), none(), none(), ints({1, 4, kMax, kMax})},
       {{"keep_aspect_ratio_policy", std::string("not_smaller")}, {"axes", Ints{0, 1, 2, 3}}},
       {"a size of"}},
      {"Resize", {image(), none(), none(), ints({1, 4, 6, kMin})}, {}, {"can't get"}},
      {"Resize", {image(), none(), reals({1, 1, 1, 9e7F})}, {{"mode", std::string("cubic")}}, {"taps"}},
      {"HannWindow", {whole(kMax)}, {}, {"a size of"}},
      {"HannWindow", {whole(kMin)}, {}, {"a size of"}},
      {"HammingWindow", {whole(int64_t{1} << 40)}, {}, {"a size of"}},
      {"BlackmanWindow", {real(NAN)}, {}, {"a size of"}},
      {"MelWeightMatrix", {whole(kMax), whole(16), whole(8000), real(0), real(4000)}, {}, {"bands"}},
      {"MelWeightMatrix", {whole(4), whole(kMax), whole(8000), real(0), real(4000)}, {}, {"a length of"}},
      {"MelWeightMatrix", {whole(4), whole(16), whole(8000), real(0), real(kInfinity)}, {}, {"inf Hz"}},
      {"DFT", {x({1, 8, 1}), whole(kMax)}, {}, {"too long"}},
      {"DFT", {x({1, 0, 1}), whole(kMax)}, {}, {"too long"}},
      {"DFT", {x({1, 8, 1}), whole(kMin)}, {}, {"a transform of length"}},
      {"DFT", {x({1, 8, 1}), none(), whole(kMax)}, {}, {"axis"}},
      {"STFT", {x({1, 8, 1}), whole(kMin), none(), whole(4)}, {}, {"every"}},
      {"STFT", {x({1, 8, 1}), whole(1), none(), whole(kMax)}, {}, {"frames of"}},
      {"STFT", {x({1, 1 << 24, 1}), whole(1), none(), whole(1 << 12)}, {}, {"too many"}},
      {"Slice", {row, ints({0}), ints({5}), ints({kMin})}, {}, {"axis"}},
      {"Slice", {row, ints({0}), ints({5}), ints({0}), ints({0})}, {}, {"a step of 0"}},
      {"Split", {row, ints({kMax, kMax, 7})}, {}, {"does not part 5 elements"}, {}, 3},
      {"Split", {row, ints({-1, 6})}, {}, {"does not part 5 elements"}, {}, 2},
      {"Split", {row, ints({kMin, kMin})}, {}, {"does not part 5 elements"}, {}, 2},
      {"Reshape", {row, ints({-5, -1})}, {}, {"extent -5"}},
      {"Reshape", {row, ints({kMin, kMin})}, {}, {"extent -9223372036854775808"}},
      {"TopK", {row, whole(kMax)}, {}, {"of 5 elements"}, {}, 2},
      {"CumSum", {row, whole(kMin)}, {}, {"axis -9223372036854775808"}},
      {"QuantizeLinear", {row, reals({1})}, with("block_size", kMax), {"block_size="}},
      {"Col2Im",
       {blocks, ints({3, 3}), ints({1 << 24, 1 << 24})},
       {{"dilations", Ints{1, 1}}, {"pads", Ints{1 << 23, 1 << 23, 1 << 23, 1 << 23}}},
       {"does not hold"}},
      {"Col2Im", {blocks, ints({3, 3}), ints({2, 2})}, {{"pads", Ints{kMax, 0, kMax, 0}}}, {"a pad of"}},
      {"AffineGrid", {x({1, 2, 3}), ints({1, 1, kMax, kMax})}, {}, {"a grid of size"}},
      {"AffineGrid", {x({1, 2, 3}), ints({1, 1, 1 << 14, 1 << 14})}, {}, {"a grid of size"}},
      {"SoftmaxCrossEntropyLoss", {x({1, 1 << 30}), x({1}, DType::kI64)}, {}, {"classes are too many"}},
      {"TensorScatter", {x({1, 1 << 29, 1}), x({1, 1 << 29, 1})}, {}, {"too many places"}},
      {"Attention",
       {x({1, 1, 1, 1}), x({1, 1, 1 << 30, 1}), x({1, 1, 1 << 30, 1})},
       {},
       {"keys are too many"}},
      {"RandomUniform", {}, {{"shape", Ints{kMax, 3}}}, {"too large"}},
      {"Multinomial", {x({2, 5})}, with("sample_size", kMax), {"too large"}, {}, 1, "RandomUniform"},
      {"MaxPool", {image()}, window("strides", {kMax, 1}), {"strides holds"}},
      {"MaxPool", {image()}, window("pads", {kMax, 0, kMax, 0}), {"pads holds"}},
      {"AveragePool", {image()}, window("dilations", {kMax, kMax}), {"dilations holds"}},
      {"MaxUnpool", {image(), x({1, 4, 6, 6}, DType::kI64)}, window("strides", {kMax, 1}), {"hold 92233"}},
      {"ConvInteger",
       {x({1, 2, 4, 4}, DType::kU8), zeros(DType::kU8, {3, 2, 3, 3})},
       {{"dilations", Ints{kMax, kMax}}},
       {"dilations holds"}},
      {"ConvTranspose",
       {image(), zeros(DType::kF32, {4, 2, 3, 3})},
       {{"output_shape", Ints{kMax, kMax}}},
       {"output_shape holds"}},
      {"DeformConv",
       {image(), zeros(DType::kF32, {2, 4, 3, 3}), x({1, 18, 4, 4})},
       {{"pads", Ints{kMax, kMax, kMax, kMax}}},
       {"out of range"},
       {},
       1,
       "DeformSample"},
  };
}

TEST(BadOperands, AreRefusedInOneLine) {
  for (const auto& cases : {single_values(), sizes()}) {
    for (size_t i = 0; i < cases.size(); ++i) {
      const Case& c = cases[i];
      SCOPED_TRACE(fmt::format("{}, row {} of its table", c.op, i));
      const auto peak = [] {
        rusage usage{};
        getrusage(RUSAGE_SELF, &usage);
        return usage.ru_maxrss;  // KiB
      };
      const auto before = peak();
      const auto result = compiled(c);
      EXPECT_LT(peak() - before, 64 * 1024);
      ASSERT_FALSE(c.says.empty());
      for (const char* words : c.says) expect_input_error(result, words);
      expect_input_error(result, c.written_as != nullptr ? c.written_as : c.op);
      expect_input_error(result, "the_node");
    }
  }
}

TEST(BadOperands, AreNotThoseOfOneElement) {
  const Operand row = reals({1, 2, 3, 4, 5});
  const std::vector<Case> cases{
      // A scalar and a list of one are the same.
      {"Pad", {row, ints({1, 0}), reals({9})}, {}, {}, {9, 1, 2, 3, 4, 5}},
      {"Pad", {row, ints({-1, 1}), real(9)}, {}, {}, {2, 3, 4, 5, 9}},
      {"Range", {ints({1}), ints({6}), ints({2})}, {}, {}, {1, 3, 5}},
      {"Range", {reals({1}), real(2), real(0.5F)}, {}, {}, {1, 1.5F}},
      {"Clip", {row, reals({2}), real(4)}, {}, {}, {2, 2, 3, 4, 4}},
      {"Clip", {ints({1, 2, 3}), none(), ints({2})}, {}, {}, {1, 2, 2}},
      {"OneHot", {ints({1, -1}), ints({3}), reals({0, 1})}, {}, {}, {0, 1, 0, 0, 0, 1}},
      {"TopK", {row, whole(2)}, {}, {}, {5, 4}, 2},
      {"CumSum", {row, ints({0})}, {}, {}, {1, 3, 6, 10, 15}},
      {"Trilu",
       {Operand{Tensor::f32({2, 2}, std::vector<float>{1, 2, 3, 4})}, ints({1})},
       {},
       {},
       {0, 2, 0, 0}},
      {"Dropout", {row, reals({0.5F}), zeros(DType::kBool, {1})}, {}, {}, {1, 2, 3, 4, 5}},
      {"HannWindow", {ints({2})}, {}, {}, {0, 1}},
      {"Loop", {ints({3}), none(), row}, loop(), {}, {1, 2, 3, 4, 5}},
      {"If", {zeros(DType::kBool, {1})}, branches(), {}, {7}},
      {"ConstantOfShape", {ints({2})}, {{"value", Tensor::f32({}, std::vector{3.0F})}}, {}, {3, 3}},
      {"ConstantOfShape", {ints({0, 3})}, {}, {}, {}},
      {"QuantizeLinear", {row, reals({2}), zeros(DType::kU8, {})}, {}, {}, {0, 1, 2, 2, 2}},
      {"NonMaxSuppression",
       {zeros(DType::kF32, {1, 6, 4}), zeros(DType::kF32, {1, 2, 6}), ints({3}), reals({0.5F}), reals({0})},
       {},
       {},
       {}},
      // The ends of int64 where they mean something.
      {"Loop", {whole(kMax), zeros(DType::kBool, {}), row}, loop(), {}, {1, 2, 3, 4, 5}},
      {"Range", {whole(kMax - 2), whole(kMax), whole(kMax)}, {}, {}, {9.223372036854775807e18F}},
      {"Range",
       {whole(kMin), whole(kMax), whole(kMax)},
       {},
       {},
       {-9.223372036854775807e18F, -1, 9.223372036854775807e18F}},
      {"Range", {whole(5), whole(kMin), whole(kMin)}, {}, {}, {5, -9.223372036854775807e18F}},
      {"Range", {whole(kMax), whole(kMin), whole(1)}, {}, {}, {}},
      {"Slice", {row, ints({kMin}), ints({kMax}), ints({0}), ints({kMax})}, {}, {}, {1}},
      {"Slice", {row, ints({kMax}), ints({kMin}), ints({0}), ints({kMin})}, {}, {}, {5}},
      {"Slice", {row, ints({kMax}), ints({kMin}), ints({0}), ints({-1})}, {}, {}, {5, 4, 3, 2, 1}},
      {"Slice", {row, ints({1}), ints({5}), ints({0}), ints({3})}, {}, {}, {2, 5}},
      {"Slice", {reals({}), ints({0}), ints({kMax}), ints({0}), ints({kMin})}, {}, {}, {}},
      {"EyeLike", {Operand{Tensor({DType::kF32, {2, 2}})}}, {{"k", kMin}}, {}, {0, 0, 0, 0}},
      {"EyeLike", {Operand{Tensor({DType::kF32, {2, 2}})}}, {{"k", int64_t{-1}}}, {}, {0, 0, 1, 0}},
      {"Trilu",
       {Operand{Tensor::f32({2, 2}, std::vector<float>{1, 2, 3, 4})}, whole(kMax)},
       {},
       {},
       {0, 0, 0, 0}},
      {"MelWeightMatrix",
       {whole(2), whole(4), whole(8000), real(0), real(3e38F)},
       {},
       {},
       {0, 0, 0, 0, 0, 0}},
      {"Clip", {ints({1, 2}), whole(kMin), whole(kMax)}, {}, {}, {1, 2}},
  };
  for (size_t i = 0; i < cases.size(); ++i) {
    const Case& c = cases[i];
    SCOPED_TRACE(fmt::format("{}, row {}", c.op, i));
    const auto result = compiled(c);
    ASSERT_TRUE(result.ok()) << result.error().message;
    const Tensor* got = result->constant(result->outputs[0]);
    ASSERT_NE(got, nullptr) << "nothing was folded";
    const auto values = got->to_floats();
    ASSERT_EQ(values.size(), c.gives.size());
    for (size_t k = 0; k < values.size(); ++k) EXPECT_NEAR(values[k], c.gives[k], 1e-6) << "element " << k;
  }
}

TEST(BadOperands, AConstantThatFillsTheMemoryIsLeftToTheDevice) {
  // 4 GiB of it; a small one is folded.
  for (const auto& [count, nodes] : {std::pair{int64_t{1} << 30, size_t{1}}, {int64_t{1} << 20, size_t{0}}}) {
    const auto result = compiled({"Expand", {real(1), ints({count})}});
    ASSERT_TRUE(result.ok()) << result.error().message;
    EXPECT_EQ(result->nodes.size(), nodes) << count;
  }
}

}  // namespace
}  // namespace tarsier::test
