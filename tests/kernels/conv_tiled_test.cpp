// The convolutions for GPUs (tiles in shared memory), run on whatever device there is, against the CPU
// reference.
//
// To add a case, add a row to kCases; each runs in the variants that its comment names, in fp32 and fp16.
// Shapes are chosen around the tiles: rows (pixels), columns (channels) and k (taps x channels) just below
// and above them.
#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <random>

#include "check/kernel_runner.hpp"
#include "check/tolerance.hpp"
#include "kernels/conv_emit.hpp"
#include "support/gpu_fixture.hpp"

namespace tarsier::kernels {
namespace {

using Kind = graph::PostOp::Kind;

struct TiledCase {
  const char* name;
  Shape input, weights;
  std::vector<int64_t> strides{}, pads{}, dilations{};
  int64_t group = 1;
  std::vector<Kind> post{};
  bool with_bias = true;
  float weight_scale = 1;
};

const std::vector<TiledCase> kCases = {
    // pointwise
    {"pw_1_1", {1, 1, 5, 7}, {1, 1, 1, 1}},
    {"pw_17_5", {1, 17, 13, 13}, {5, 17, 1, 1}},
    {"pw_rows_129", {1, 16, 3, 43}, {64, 16, 1, 1}},
    {"pw_columns_130", {1, 13, 5, 13}, {130, 13, 1, 1}},
    {"pw_depth_130_batch", {3, 130, 7, 5}, {17, 130, 1, 1}},
    {"pw_no_bias", {1, 32, 8, 8}, {32, 32, 1, 1}, {}, {}, {}, 1, {}, false},
    {"pw_stride2", {1, 13, 13, 7}, {17, 13, 1, 1}, {2, 2}},
    {"pw_padded", {1, 5, 5, 7}, {8, 5, 1, 1}, {1, 1}, {1, 0, 0, 2}},
    // taps
    {"first_layer", {1, 3, 13, 17}, {16, 3, 3, 3}, {2, 2}, {1, 1, 1, 1}},
    {"k3_13_17", {1, 13, 7, 13}, {17, 13, 3, 3}, {1, 1}, {1, 1, 1, 1}},
    {"k3_batch", {2, 8, 5, 7}, {13, 8, 3, 3}, {1, 1}, {0, 1, 2, 0}},
    {"k3_64_64", {1, 64, 13, 11}, {64, 64, 3, 3}, {1, 1}, {1, 1, 1, 1}},
    {"k3_dilated", {1, 5, 13, 13}, {8, 5, 3, 3}, {1, 1}, {2, 2, 2, 2}, {2, 2}},
    {"k5_wide_stride", {1, 8, 13, 13}, {5, 8, 5, 5}, {3, 2}, {2, 2, 2, 2}},
    {"k7x1", {1, 5, 13, 7}, {8, 5, 7, 1}, {1, 1}, {3, 0, 3, 0}},
    {"k1x3_dilated", {1, 17, 5, 13}, {3, 17, 1, 3}, {1, 1}, {0, 4, 0, 4}, {1, 4}},
    {"k3_cin130", {1, 130, 7, 7}, {20, 130, 3, 3}, {1, 1}, {1, 1, 1, 1}},
    {"k2_valid", {1, 8, 6, 6}, {8, 8, 2, 2}, {2, 2}},
    {"k3_negative_pad", {1, 5, 9, 9}, {5, 5, 3, 3}, {1, 1}, {-1, 0, -2, 1}},
    {"covers_the_image", {2, 13, 5, 7}, {17, 13, 5, 7}},
    // groups
    {"grouped", {2, 12, 5, 7}, {24, 4, 3, 3}, {2, 1}, {1, 1, 1, 1}, {}, 3},
    {"grouped_wide", {1, 32, 9, 5}, {40, 16, 3, 3}, {1, 1}, {1, 1, 1, 1}, {}, 2},
    // post-ops
    {"pw_relu", {1, 8, 5, 7}, {13, 8, 1, 1}, {}, {}, {}, 1, {Kind::kRelu}},
    {"pw_sigmoid_masks", {1, 8, 5, 7}, {13, 8, 1, 1}, {}, {}, {}, 1, {Kind::kSigmoid}},
    {"pw_silu_add", {2, 8, 5, 7}, {13, 8, 1, 1}, {}, {}, {}, 1, {Kind::kSilu, Kind::kAdd}},
    {"k3_add_prelu", {2, 8, 5, 7}, {17, 8, 3, 3}, {1, 1}, {1, 1, 1, 1}, {}, 1, {Kind::kAdd, Kind::kPRelu}},
    {"k3_mul", {1, 8, 5, 7}, {17, 8, 3, 3}, {1, 1}, {1, 1, 1, 1}, {}, 1, {Kind::kMul}},
    {"grouped_relu", {2, 16, 5, 7}, {24, 8, 3, 3}, {1, 1}, {1, 1, 1, 1}, {}, 2, {Kind::kRelu}},
    // weights that fp16 would overflow or lose
    {"huge_weights", {1, 8, 5, 7}, {8, 8, 1, 1}, {}, {}, {}, 1, {Kind::kScale}, true, 3e5F},
    {"tiny_weights", {1, 8, 5, 7}, {8, 8, 1, 1}, {}, {}, {}, 1, {Kind::kScale}, false, 3e-6F},
};

std::vector<float> random_values(int64_t count, uint32_t seed, float scale) {
  std::mt19937 engine(seed);
  std::uniform_real_distribution<float> uniform(-scale, scale);
  std::vector<float> values(static_cast<size_t>(count));
  for (float& v : values) v = uniform(engine);
  return values;
}

class ConvTiles : public test::GpuTest,
                  public ::testing::WithParamInterface<std::tuple<size_t, const char*, bool>> {};

TEST_P(ConvTiles, MatchTheReference) {
  const auto [index, variant, half] = GetParam();
  const TiledCase& c = kCases[index];
  const auto tiles = TileVariant::parse(variant);
  ASSERT_TRUE(tiles.has_value());
  if ((tiles->half || tiles->matrix()) && !device().features().shader_float16) {
    GTEST_SKIP() << "this device has no fp16 arithmetic";
  }
  if (tiles->matrix() && !tile_shape(*tiles, device().features())) {
    GTEST_SKIP() << "the tile does not fit this device";
  }

  graph::Graph graph;
  std::map<graph::ValueId, Tensor> data;
  const int64_t products = graph::element_count(c.weights) / c.weights[0];
  const auto x = graph.add_value("x", {DType::kF32, c.input});
  data.emplace(x, stored(Tensor::f32(c.input, random_values(graph::element_count(c.input), 1, 1)), half));
  const float scale = std::sqrt(3.0F / float(products)) * c.weight_scale;
  const auto w = graph.add_constant(
      "w", Tensor::f32(c.weights, random_values(graph::element_count(c.weights), 2, scale)));
  std::vector<graph::ValueId> inputs{x, w};
  if (c.with_bias) {
    inputs.push_back(
        graph.add_constant("b", Tensor::f32({c.weights[0]}, random_values(c.weights[0], 3, 0.5F))));
  }
  const auto y = graph.add_value("y");
  graph::Node node{c.name, "Conv", inputs, {y}, {}, {}};
  if (!c.strides.empty()) node.attributes["strides"] = c.strides;
  if (!c.pads.empty()) node.attributes["pads"] = c.pads;
  if (!c.dilations.empty()) node.attributes["dilations"] = c.dilations;
  node.attributes["group"] = c.group;
  node.variant = variant;
  graph.add_node(node);
  const Kernel& kernel = *Registry::instance().find("Conv");
  const auto descs = kernel.infer(graph, graph.nodes[0]);
  ASSERT_OK(descs);
  graph.value(y).desc = (*descs)[0];
  for (const Kind kind : c.post) {
    // Brings the results of odd weights back to about 1, so that fp16 can store them.
    graph::PostOp post{kind, kind == Kind::kScale ? 1 / c.weight_scale : 0, 0, graph::kNone};
    const Shape& out = (*descs)[0].shape;
    if (kind == Kind::kPRelu) {
      post.operand = graph.add_constant("slope", Tensor::f32({out[1], 1, 1}, random_values(out[1], 4, 0.5F)));
    } else if (kind == Kind::kAdd || kind == Kind::kMul) {
      post.operand = graph.add_value("operand", {DType::kF32, out});
      data.emplace(post.operand,
                   stored(Tensor::f32(out, random_values(graph::element_count(out), 5, 1)), half));
    }
    graph.nodes[0].post.push_back(post);
  }

  const auto expected = test::reference_of(graph, kernel, data);
  ASSERT_OK(expected);
  const auto run = test::run_node(device(), graph, kernel, data, {.channel_groups = true, .half = half});
  ASSERT_OK(run);
  const int64_t depth = products / c.weights[1] * ((c.weights[1] + 3) / 4 * 4);
  // Where fp16 does not hold the weights, the tiled kernel stands in for the matrix one.
  const bool stands_in = tiles->matrix() && c.weight_scale != 1;
  const int64_t step = stands_in ? 16 : step_depth(*tiles);
  EXPECT_EQ(run->dispatches, split_steps((depth + step - 1) / step, tiles->splits).parts > 1 ? 2U : 1U);
  const auto got = run->outputs[0].to_floats(), wanted = (*expected)[0].to_floats();
  const test::Tolerance tolerance =
      tiles->half ? test::kFp16Arithmetic : (half ? test::kFp16 : test::kConvolution);
  EXPECT_EQ(test::difference(got, wanted, tolerance), "");
}

std::string case_name(const ::testing::TestParamInfo<std::tuple<size_t, const char*, bool>>& test) {
  std::string variant = std::get<1>(test.param);
  std::ranges::replace(variant, '.', '_');
  return fmt::format("{}_{}_{}", kCases[std::get<0>(test.param)].name, variant,
                     std::get<2>(test.param) ? "fp16" : "fp32");
}

/// The software device compiles each pipeline for seconds, so only the first two run every case.
const auto kAllCases = ::testing::Range(size_t{0}, kCases.size());
INSTANTIATE_TEST_SUITE_P(Fp32, ConvTiles,
                         ::testing::Combine(kAllCases, ::testing::Values("tiled.32x32.k4"),
                                            ::testing::Values(false)),
                         case_name);
INSTANTIATE_TEST_SUITE_P(Fp16, ConvTiles,
                         ::testing::Combine(kAllCases, ::testing::Values("tiled.64x16"),
                                            ::testing::Values(true)),
                         case_name);

auto some_cases(std::vector<std::string_view> names) {
  std::vector<size_t> found;
  for (size_t i = 0; i < kCases.size(); ++i) {
    if (std::ranges::find(names, kCases[i].name) != names.end()) found.push_back(i);
  }
  return ::testing::ValuesIn(found);
}
INSTANTIATE_TEST_SUITE_P(Fp32Tiles, ConvTiles,
                         ::testing::Combine(some_cases({"k3_64_64", "first_layer", "pw_rows_129"}),
                                            ::testing::Values("tiled.64x64", "tiled.128x64", "tiled.128x32"),
                                            ::testing::Values(false)),
                         case_name);
INSTANTIATE_TEST_SUITE_P(
    Fp16Tiles, ConvTiles,
    ::testing::Combine(some_cases({"pw_columns_130", "k3_batch", "k3_cin130", "k5_wide_stride",
                                   "grouped_wide", "k3_add_prelu", "huge_weights", "tiny_weights"}),
                       ::testing::Values("tiled.64x64.half", "tiled.32x32.half.k2"), ::testing::Values(true)),
    case_name);
/// Cooperative matrices, with the matrix instructions written out: every address and barrier of
/// conv_matrix.comp.
INSTANTIATE_TEST_SUITE_P(
    Matrix, ConvTiles,
    ::testing::Combine(some_cases({"pw_columns_130", "pw_depth_130_batch", "first_layer", "k3_batch",
                                   "k3_64_64", "k3_cin130", "k5_wide_stride", "k3_negative_pad",
                                   "grouped_wide", "k3_add_prelu", "huge_weights", "tiny_weights"}),
                       ::testing::Values("emulated.32x32.16x16x16"), ::testing::Values(true)),
    case_name);
/// As the instructions of other devices cut it, several blocks a subgroup, k split.
INSTANTIATE_TEST_SUITE_P(MatrixShapes, ConvTiles,
                         ::testing::Combine(some_cases({"k3_64_64", "grouped_wide"}),
                                            ::testing::Values("emulated.64x64.16x8x16",
                                                              "emulated.64x32.8x16x16.k2"),
                                            ::testing::Values(true)),
                         case_name);

}  // namespace
}  // namespace tarsier::kernels
