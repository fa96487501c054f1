// Products of whole numbers as dot products of bytes (variants "tiled.*.bytes"), on whatever device there is:
// every sum exactly as the CPU reference has it.
#include <algorithm>
#include <gtest/gtest.h>
#include <random>

#include "check/kernel_runner.hpp"
#include "check/tolerance.hpp"
#include "graph/passes/passes.hpp"
#include "kernels/byte_weights.hpp"
#include "kernels/register.hpp"
#include "kernels/tiles.hpp"
#include "support/gpu_fixture.hpp"

namespace tarsier::kernels {
namespace {

using namespace check;

TEST(ByteWeights, ArePowersOfTwoTimesBytes) {
  const std::vector<float> weights{-128, 127, 0, 0.25F, -0.75F, 0, 0, 0, 0, 96, -64, 32};
  const auto found = byte_weights(weights, 4, true);
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->scale, (std::vector<float>{1, 0.25F, 1, 32}));
  EXPECT_EQ(found->values, (std::vector<int8_t>{-128, 127, 0, 1, -3, 0, 0, 0, 0, 3, -2, 1}));
  EXPECT_EQ(found->sum, (std::vector<int64_t>{-1, -2, 0, 2}));
}

TEST(ByteWeights, OthersAreNone) {
  EXPECT_FALSE(byte_weights(std::vector<float>{128, 1}, 1, true).has_value());
  EXPECT_FALSE(byte_weights(std::vector<float>{0.1F}, 1, true).has_value());
  EXPECT_FALSE(byte_weights(std::vector<float>{1.0F / 0.0F}, 1, true).has_value());
  EXPECT_FALSE(byte_weights(std::vector<float>{0.5F}, 1, false).has_value());  // without a scale
  EXPECT_TRUE(byte_weights(std::vector<float>{128}, 1, true).has_value());
  EXPECT_FALSE(byte_weights(std::vector<float>{128}, 1, false).has_value());
}

struct ByteCase {
  const char* name;
  const char* op;
  Shape input, weights;
  int64_t from = -128;  // the least number of the input
  std::vector<int64_t> strides{}, pads{}, dilations{};
  int64_t group = 1;
  float scale = 1;   // of the weights
  bool odd = false;  // weights that bytes do not hold: the plain tiles stand in
  bool told = true;  // the attribute is there
};

const std::vector<ByteCase> kCases = {
    {"pw_17_5", "Conv", {1, 17, 13, 13}, {5, 17, 1, 1}},
    {"pw_columns_130", "Conv", {1, 13, 5, 13}, {130, 13, 1, 1}, -3},
    {"pw_depth_130_batch", "Conv", {3, 130, 7, 5}, {17, 130, 1, 1}, -255},
    {"first_layer", "Conv", {1, 3, 13, 17}, {16, 3, 3, 3}, 0, {2, 2}, {1, 1, 1, 1}},
    {"k3_batch", "Conv", {2, 8, 5, 7}, {13, 8, 3, 3}, -100, {1, 1}, {0, 1, 2, 0}},
    {"k3_scaled", "Conv", {1, 20, 7, 7}, {20, 20, 3, 3}, -10, {1, 1}, {1, 1, 1, 1}, {}, 1, 0x1p-9F},
    {"k3_dilated", "Conv", {1, 5, 13, 13}, {8, 5, 3, 3}, -128, {1, 1}, {2, 2, 2, 2}, {2, 2}},
    {"grouped", "Conv", {2, 12, 5, 7}, {24, 4, 3, 3}, -40, {2, 1}, {1, 1, 1, 1}, {}, 3},
    {"odd_weights", "Conv", {1, 8, 5, 7}, {8, 8, 1, 1}, -7, {}, {}, {}, 1, 1, true},
    {"not_told", "Conv", {1, 8, 5, 7}, {8, 8, 1, 1}, -7, {}, {}, {}, 1, 1, false, false},
    {"rows_65", "MatMul", {65, 36}, {36, 5}, -255},
    {"whole", "MatMul", {64, 64}, {64, 64}, 0},
    {"deep_batch", "MatMul", {3, 9, 300}, {300, 12}, -128},
    {"matmul_odd_weights", "MatMul", {33, 20}, {20, 13}, -9, {}, {}, {}, 1, 1, true},
};

class ByteTiles : public test::GpuTest,
                  public ::testing::WithParamInterface<std::tuple<size_t, const char*, bool>> {};

Tensor whole_numbers(const Shape& shape, int64_t from, int64_t to, float scale, uint32_t seed) {
  std::mt19937 engine(seed);
  std::uniform_int_distribution<int64_t> any(from, to);
  std::vector<float> values(size_t(graph::element_count(shape)));
  for (float& v : values) v = float(any(engine)) * scale;
  return Tensor::f32(shape, values);
}

graph::Graph graph_of(const ByteCase& c) {
  graph::Graph graph;
  const auto x = graph.add_value("x", {DType::kF32, c.input});
  const float odd = c.odd ? 1.1F : 1.0F;
  const auto w = graph.add_constant("w", whole_numbers(c.weights, -128, 127, c.scale * odd, 2));
  graph::Node node{c.name, c.op, {x, w}, {graph.add_value("y")}, {}, {}};
  if (node.op == "Conv") {
    node.inputs.push_back(graph.add_constant("b", whole_numbers({c.weights[0]}, -900, 900, c.scale, 3)));
    node.attributes["group"] = c.group;
  }
  if (!c.strides.empty()) node.attributes["strides"] = c.strides;
  if (!c.pads.empty()) node.attributes["pads"] = c.pads;
  if (!c.dilations.empty()) node.attributes["dilations"] = c.dilations;
  if (c.told) node.attributes[kBytesFrom] = c.from;
  graph.add_node(std::move(node));
  return graph;
}

TEST_P(ByteTiles, AreExact) {
  const auto [index, variant, half] = GetParam();
  const ByteCase& c = kCases[index];
  if (!device().features().byte_dot) GTEST_SKIP() << "this device has no dot products of bytes";
  graph::Graph graph = graph_of(c);
  graph::Node& node = graph.nodes[0];
  node.variant = variant;
  const Kernel& kernel = *Registry::instance().find(c.op);
  const auto descs = kernel.infer(graph, node);
  ASSERT_OK(descs);
  graph.value(node.outputs[0]).desc = (*descs)[0];
  const std::map<graph::ValueId, Tensor> data{
      {node.inputs[0], whole_numbers(c.input, c.from, c.from + 255, 1, 1)}};
  const auto expected = reference_of(graph, kernel, data);
  ASSERT_OK(expected);
  const auto run =
      run_node(device(), graph, kernel, data, {.channel_groups = node.op == "Conv", .half = half});
  ASSERT_OK(run);
  const Tolerance tolerance = half ? kFp16 : c.odd ? kConvolution : kExact;
  EXPECT_EQ(difference(run->outputs[0].to_floats(), (*expected)[0].to_floats(), tolerance), "");
}

std::string case_name(const ::testing::TestParamInfo<std::tuple<size_t, const char*, bool>>& test) {
  std::string variant = std::get<1>(test.param);
  std::ranges::replace(variant, '.', '_');
  return fmt::format("{}_{}_{}", kCases[std::get<0>(test.param)].name, variant,
                     std::get<2>(test.param) ? "fp16" : "fp32");
}
const auto kAllCases = ::testing::Range(size_t{0}, kCases.size());
INSTANTIATE_TEST_SUITE_P(Fp32, ByteTiles,
                         ::testing::Combine(kAllCases, ::testing::Values("tiled.32x32.bytes"),
                                            ::testing::Values(false)),
                         case_name);
INSTANTIATE_TEST_SUITE_P(Split, ByteTiles,
                         ::testing::Combine(::testing::Values(2, 5, 12),  // deep, scaled, a batch
                                            ::testing::Values("tiled.64x16.bytes.k2"),
                                            ::testing::Values(false)),
                         case_name);
/// Numbers stored as halves are exact as well; results are rounded to them.
INSTANTIATE_TEST_SUITE_P(Fp16, ByteTiles,
                         ::testing::Combine(::testing::Values(5), ::testing::Values("tiled.128x64.bytes"),
                                            ::testing::Values(true)),
                         case_name);

/// What becomes of a quantised operator offers its tiles of bytes where an instruction multiplies four.
TEST(ByteVariants, QuantizedOperatorsOfferThem) {
  graph::Graph graph;
  const auto number = [&](const char* name, float value) {
    return graph.add_constant(name, Tensor::f32({}, std::vector{value}));
  };
  const auto byte = [&](const char* name, DType type, const Shape& shape, int64_t value) {
    Tensor tensor({type, shape});
    store(tensor, std::vector<int64_t>(size_t(tensor.size()), value));
    return graph.add_constant(name, std::move(tensor));
  };
  const auto x = graph.add_value("x", {DType::kU8, {1, 64, 56, 56}});
  const auto w = byte("w", DType::kI8, {64, 64, 3, 3}, -5);
  graph.inputs = {x};
  graph.outputs = {graph.add_value("y")};
  graph::Node node{"conv",
                   "QLinearConv",
                   {x, number("xs", 0.5F), byte("xz", DType::kU8, {}, 100), w, number("ws", 0.1F),
                    byte("wz", DType::kI8, {}, 0), number("ys", 2), byte("yz", DType::kU8, {}, 7)},
                   graph.outputs,
                   {},
                   {}};
  node.attributes["pads"] = std::vector<int64_t>{1, 1, 1, 1};
  graph.add_node(std::move(node));
  ASSERT_OK(graph::infer_shapes(graph, Registry::instance()));
  const auto conv = std::ranges::find(graph.nodes, "Conv", &graph::Node::op);
  ASSERT_NE(conv, graph.nodes.end());
  EXPECT_EQ(conv->integer(kBytesFrom, 1), -100);
  gpu::DeviceFeatures device;
  device.subgroup_size = 32;
  device.max_shared_bytes = 49152;
  device.max_workgroup = 1024;
  const Kernel& kernel = *Registry::instance().find("Conv");
  const auto offers_bytes = [&] {
    const auto names = kernel.variants(graph, *conv, device);
    return std::ranges::any_of(names, [](const auto& name) { return name.ends_with(".bytes"); });
  };
  EXPECT_FALSE(offers_bytes());
  device.byte_dot = device.fast_byte_dot = true;
  EXPECT_TRUE(offers_bytes());
}

}  // namespace
}  // namespace tarsier::kernels
