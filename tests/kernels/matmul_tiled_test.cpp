// The matrix products for GPUs (tiles in shared memory) on whatever device there is, against the CPU
// reference.
#include <algorithm>
#include <gtest/gtest.h>
#include <random>

#include "check/kernel_runner.hpp"
#include "check/tolerance.hpp"
#include "gpu/shader_library.hpp"
#include "kernels/tiles.hpp"
#include "support/gpu_fixture.hpp"

namespace tarsier::kernels {
namespace {

using Kind = graph::PostOp::Kind;

struct ProductCase {
  const char* name;
  const char* op;
  std::vector<Shape> inputs;
  std::vector<std::pair<const char*, graph::Attribute>> attributes{};
  std::vector<Kind> post{};
  bool constant_b = false;
  float scale = 1;  // of b
};

const std::vector<ProductCase> kCases = {
    {"one_step", "MatMul", {{5, 7}, {7, 13}}},
    {"whole", "MatMul", {{64, 64}, {64, 64}}},
    {"whole_k_rows_65", "MatMul", {{65, 36}, {36, 5}}},
    {"whole_n", "MatMul", {{33, 17}, {17, 68}}},
    {"one_row", "MatMul", {{1, 130}, {130, 65}}},
    {"one_column", "MatMul", {{67, 20}, {20, 1}}},
    {"batched", "MatMul", {{3, 2, 17, 20}, {3, 2, 20, 13}}},
    {"broadcast", "MatMul", {{2, 1, 9, 16}, {3, 16, 8}}},
    {"vectors", "MatMul", {{20}, {5, 20, 7}}},
    {"deep", "MatMul", {{5, 300}, {300, 12}}, {}, {Kind::kRelu, Kind::kSigmoid}},
    {"weights", "MatMul", {{40, 24}, {24, 40}}, {}, {Kind::kGelu}, true},
    {"gemm", "Gemm", {{17, 20}, {20, 13}, {13}}, {{"alpha", 0.5F}, {"beta", 2.0F}}},
    {"gemm_turned", "Gemm", {{20, 17}, {13, 20}, {17, 1}}, {{"transA", int64_t{1}}, {"transB", int64_t{1}}}},
    {"gemm_turned_weights",
     "Gemm",
     {{33, 64}, {48, 64}, {1, 48}},
     {{"transB", int64_t{1}}},
     {Kind::kTanh},
     true},
    {"gemm_no_c", "Gemm", {{64, 65}, {65, 32}}},
    {"huge_weights", "MatMul", {{33, 64}, {64, 40}}, {}, {}, true, 3e5F},  // beyond what fp16 holds
};

class MatmulTiles : public test::GpuTest,
                    public ::testing::WithParamInterface<std::tuple<size_t, const char*>> {};

TEST_P(MatmulTiles, MatchTheReference) {
  const auto [index, variant] = GetParam();
  const ProductCase& c = kCases[index];
  const auto tiles = TileVariant::parse(variant);
  ASSERT_TRUE(tiles.has_value());
  if (tiles->matrix() && !device().features().shader_float16) {
    GTEST_SKIP() << "this device has no fp16 arithmetic";
  }
  if (tiles->matrix() && !tile_shape(*tiles, device().features())) {
    GTEST_SKIP() << "the tile does not fit this device";
  }
  graph::Graph graph;
  std::map<graph::ValueId, Tensor> data;
  graph::Node node{c.name, c.op, {}, {}, {}, {}};
  std::mt19937 engine(7);
  std::uniform_real_distribution<float> uniform(-1, 1);
  for (size_t i = 0; i < c.inputs.size(); ++i) {
    std::vector<float> values(size_t(graph::element_count(c.inputs[i])));
    for (float& v : values) v = uniform(engine) * (i == 1 ? c.scale : 1);
    // What the matrix kernels round the operands to.
    Tensor tensor = stored(Tensor::f32(c.inputs[i], values), tiles->matrix() && c.scale == 1);
    const std::string name = fmt::format("x{}", i);
    if (i == 1 && c.constant_b) {
      node.inputs.push_back(graph.add_constant(name, tensor));
    } else {
      node.inputs.push_back(graph.add_value(name, tensor.desc()));
      data.emplace(node.inputs.back(), tensor);
    }
  }
  node.outputs = {graph.add_value("y")};
  for (const auto& [key, value] : c.attributes) node.attributes[key] = value;
  node.variant = variant;
  for (const Kind kind : c.post) node.post.push_back({kind, 0, 0, graph::kNone});
  graph.add_node(std::move(node));
  const Kernel& kernel = *Registry::instance().find(c.op);
  const auto descs = kernel.infer(graph, graph.nodes[0]);
  ASSERT_OK(descs);
  graph.value(graph.nodes[0].outputs[0]).desc = (*descs)[0];

  const auto expected = test::reference_of(graph, kernel, data);
  ASSERT_OK(expected);
  const auto run = test::run_node(device(), graph, kernel, data, {});
  ASSERT_OK(run);
  EXPECT_EQ(test::difference(run->outputs[0].to_floats(), (*expected)[0].to_floats(), test::kConvolution),
            "");
}

auto some_cases(const std::vector<std::string>& names) {
  std::vector<size_t> out;
  for (size_t i = 0; i < kCases.size(); ++i) {
    if (std::ranges::find(names, kCases[i].name) != names.end()) out.push_back(i);
  }
  return ::testing::ValuesIn(out);
}
std::string case_name(const ::testing::TestParamInfo<std::tuple<size_t, const char*>>& test) {
  std::string variant = std::get<1>(test.param);
  std::replace(variant.begin(), variant.end(), '.', '_');
  return fmt::format("{}_{}", kCases[std::get<0>(test.param)].name, variant);
}
INSTANTIATE_TEST_SUITE_P(All, MatmulTiles,
                         ::testing::Combine(::testing::Range(size_t{0}, kCases.size()),
                                            ::testing::Values("tiled.64x64", "tiled.32x32.k4")),
                         case_name);

/// Cooperative matrices, with the matrix instructions written out: every address and barrier of
/// matmul_matrix.comp.
INSTANTIATE_TEST_SUITE_P(Matrix, MatmulTiles,
                         ::testing::Combine(some_cases({"one_step", "whole", "broadcast", "gemm_turned",
                                                        "huge_weights"}),
                                            ::testing::Values("emulated.32x32.16x16x16")),
                         case_name);
INSTANTIATE_TEST_SUITE_P(MatrixSplit, MatmulTiles,
                         ::testing::Combine(some_cases({"deep", "gemm_turned_weights"}),
                                            ::testing::Values("emulated.64x32.8x16x16.k2")),
                         case_name);

/// Matrices are for plans in fp16 alone; tiles come first on a GPU, and are not offered on a software device
/// or for a single row.
TEST(MatmulVariants, DependOnTheDevice) {
  graph::Graph graph;
  const auto a = graph.add_value("a", {DType::kF32, {512, 512}});
  const auto row = graph.add_value("row", {DType::kF32, {1, 512}});
  const auto b = graph.add_value("b", {DType::kF32, {512, 512}});
  const Kernel& kernel = *Registry::instance().find("MatMul");
  const graph::Node node{"m", "MatMul", {a, b}, {graph.add_value("y")}, {}, {}};
  const graph::Node vector{"v", "MatMul", {row, b}, {graph.add_value("z")}, {}, {}};
  gpu::DeviceFeatures device;
  device.max_shared_bytes = 32768;
  const auto names = kernel.variants(graph, node, device);
  ASSERT_GE(names.size(), 2U);
  EXPECT_TRUE(names.front().starts_with("tiled."));
  EXPECT_EQ(names.back(), "simple");
  EXPECT_TRUE(kernel.variants(graph, vector, device).empty());
  device.subgroup_size = 32;
  device.max_workgroup = 1024;
  device.matrix_shapes = {{16, 16, 16}};
  EXPECT_EQ(kernel.variants(graph, node, device), names);
  graph::Node half = node;
  half.half_products = true;
  const bool built = !gpu::find_shader("kernels/matmul_matrix.comp").empty();
  EXPECT_TRUE(kernel.variants(graph, half, device).front().starts_with(built ? "matrix." : "tiled."));
  device.software = true;
  EXPECT_TRUE(kernel.variants(graph, half, device).empty());
}

}  // namespace
}  // namespace tarsier::kernels
