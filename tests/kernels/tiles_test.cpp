// The choice of tiles for made-up devices, and the names of the variants.
#include "kernels/tiles.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "gpu/shader_library.hpp"
#include "kernels/kernel.hpp"

namespace tarsier::kernels {
namespace {

TEST(TileVariant, NamesAreReadBack) {
  for (const char* name : {"tiled.64x64", "tiled.32x32.k4", "tiled.128x64.half", "tiled.64x16.half.k16",
                           "tiled.64x64.bytes.k2", "matrix.64x64.16x16x16", "matrix.128x64.16x8x16.k2"}) {
    const auto variant = TileVariant::parse(name);
    ASSERT_TRUE(variant.has_value()) << name;
    EXPECT_EQ(variant->name(), name);
  }
}

TEST(TileVariant, OtherTextIsNoName) {
  for (const char* name :
       {"", "dense", "tiled", "tiled.", "tiled.64", "tiled.64x", "tiled.64x64x64", "tiled.64x64.k1",
        "tiled.64x64.k", "tiled.64x64.k2.half", "tiled.64x64.half.bytes", "tiled.064x64", "tiled.64x64.",
        "tiled..64x64", "matrix.64x64", "matrix.64x64.16x16x16.half", "tiled.0x64", "tiled.64x64.16x16x16",
        "tiled.99999999999x64"}) {
    EXPECT_FALSE(TileVariant::parse(name).has_value()) << name;
  }
}

gpu::DeviceFeatures made_up(uint32_t shared_bytes, bool fp16) {
  gpu::DeviceFeatures device;
  device.storage_16bit = device.shader_float16 = fp16;
  device.subgroup_size = 32;
  device.max_shared_bytes = shared_bytes;
  device.max_workgroup = 1024;
  return device;
}

TEST(TileChoice, LargeTilesForLargeProducts) {
  const auto variants = tiled_variants({256 * 256, 64, 576}, made_up(49152, false), true);
  ASSERT_FALSE(variants.empty());
  EXPECT_EQ(variants.front().name(), "tiled.128x64");
  EXPECT_LE(variants.size(), 3U);
}

TEST(TileChoice, LittleSharedMemoryRulesOutLargeTiles) {
  for (const auto& variant : tiled_variants({256 * 256, 64, 576}, made_up(16384, false), false)) {
    const auto shape = tile_shape(variant, made_up(16384, false));
    ASSERT_TRUE(shape.has_value()) << variant.name();
    EXPECT_LE(shared_bytes(variant, *shape), 16384U) << variant.name();
  }
}

TEST(TileChoice, FewColumnsTakeNarrowTiles) {
  EXPECT_EQ(tiled_variants({256 * 256, 16, 27}, made_up(49152, false), false).front().columns, 16U);
}

TEST(TileChoice, SmallImagesSplitK) {
  EXPECT_GT(tiled_variants({13 * 13, 256, 9 * 512}, made_up(49152, false), false).front().splits, 1U);
  // Nothing to split in a short k.
  for (const auto& variant : tiled_variants({7 * 7, 32, 32}, made_up(49152, false), false)) {
    EXPECT_EQ(variant.splits, 1U) << variant.name();
  }
}

TEST(TileChoice, Fp16ArithmeticNeedsTheDeviceAndFp16Operands) {
  const ProductSize size{64 * 64, 64, 576};
  const auto is_half = [](const TileVariant& variant) { return variant.half; };
  EXPECT_TRUE(tiled_variants(size, made_up(49152, true), true).front().half);
  EXPECT_TRUE(std::ranges::none_of(tiled_variants(size, made_up(49152, true), false), is_half));
  EXPECT_TRUE(std::ranges::none_of(tiled_variants(size, made_up(49152, false), true), is_half));
}

TEST(TileShapes, CoverTheirTilesExactly) {
  for (const char* name : {"tiled.128x64", "tiled.64x64", "tiled.128x32", "tiled.32x32", "tiled.64x16"}) {
    const auto variant = *TileVariant::parse(name);
    const auto shape = tile_shape(variant, made_up(32768, false));
    ASSERT_TRUE(shape.has_value()) << name;
    EXPECT_EQ(shape->threads * shape->part_rows * shape->part_columns * 4, shape->rows * shape->columns)
        << name;
    // What the shader's fetches rely on.
    EXPECT_EQ(shape->threads % shape->rows, 0U) << name;
    EXPECT_EQ(step_depth(variant) * shape->rows % (shape->threads * 4), 0) << name;
    EXPECT_EQ(step_depth(variant) * shape->columns % (shape->threads * 4), 0) << name;
    EXPECT_LE(shape->threads, 128U) << "more than every device has";
  }
}

gpu::DeviceFeatures with_matrices(uint32_t subgroup_size, std::vector<gpu::MatrixShape> shapes) {
  auto device = made_up(49152, true);
  device.subgroup_size = subgroup_size;
  device.subgroup_size_control = true;
  device.matrix_shapes = std::move(shapes);
  return device;
}

/// What tile_matrix.glsl relies on, for the subgroups and instructions that drivers report.
TEST(MatrixShapes, AreMadeOfWholeBlocks) {
  const std::vector<gpu::MatrixShape> shapes{
      {16, 16, 16}, {16, 8, 16}, {8, 16, 16}, {32, 32, 16}, {16, 16, 32}};
  for (const uint32_t subgroup : {8U, 16U, 32U, 64U}) {
    size_t found = 0;
    for (const auto& instruction : shapes) {
      for (const auto& [rows, columns] :
           {std::pair{128U, 128U}, {128U, 64U}, {64U, 64U}, {64U, 32U}, {32U, 32U}}) {
        const TileVariant variant{
            .family = TileVariant::Family::kMatrix, .rows = rows, .columns = columns, .shape = instruction};
        SCOPED_TRACE(fmt::format("{} in subgroups of {}", variant.name(), subgroup));
        const auto device = with_matrices(subgroup, {instruction});
        const auto shape = tile_shape(variant, device);
        if (!shape) continue;
        ++found;
        EXPECT_EQ(shape->threads, shape->part_rows * shape->part_columns * subgroup);
        EXPECT_EQ(rows % (shape->part_rows * instruction.m), 0U);
        EXPECT_EQ(columns % (shape->part_columns * instruction.n), 0U);
        EXPECT_EQ(shape->threads % rows, 0U);
        EXPECT_EQ(32 * rows % (shape->threads * 4), 0U);
        EXPECT_EQ(32 * columns % (shape->threads * 4), 0U);
        EXPECT_LE(shape->threads, device.max_workgroup);
        EXPECT_LE(shared_bytes(variant, *shape), device.max_shared_bytes);
      }
    }
    EXPECT_GE(found, 10U) << "subgroups of " << subgroup;
  }
}

TEST(MatrixShapes, RefuseWhatDoesNotFit) {
  const auto shape = [](const char* name, const gpu::DeviceFeatures& device) {
    return tile_shape(*TileVariant::parse(name), device).has_value();
  };
  auto device = with_matrices(32, {{16, 16, 16}});
  EXPECT_TRUE(shape("matrix.64x64.16x16x16", device));
  EXPECT_FALSE(shape("matrix.48x64.16x16x16", device)) << "no such tile";
  EXPECT_FALSE(shape("matrix.64x64.16x4x16", device)) << "rows of 8 bytes";
  EXPECT_FALSE(shape("matrix.64x64.16x16x64", device)) << "a step has 32";
  EXPECT_FALSE(shape("matrix.32x32.64x64x16", device)) << "larger than the tile";
  device.max_shared_bytes = 16384;
  EXPECT_FALSE(shape("matrix.64x64.16x16x16", device)) << "shared memory";
}

TEST(MatrixChoice, NeedsFp16AndTheFeature) {
  const ProductSize size{64 * 64, 128, 1152};
  EXPECT_TRUE(matrix_variants(size, made_up(49152, true), true).empty());
  const auto device = with_matrices(32, {{16, 8, 8}, {16, 8, 16}, {16, 16, 16}});
  EXPECT_TRUE(matrix_variants(size, device, false).empty());
  const auto variants = matrix_variants(size, device, true);
  if (gpu::find_shader("kernels/conv_matrix.comp").empty()) {
    EXPECT_TRUE(variants.empty());
    GTEST_SKIP() << "built without a compiler for cooperative matrices (tools/setup brings one)";
  }
  ASSERT_FALSE(variants.empty());
  EXPECT_LE(variants.size(), 3U);
  EXPECT_EQ(variants.front().shape, (gpu::MatrixShape{16, 16, 16}));
}

/// The order on a GPU: matrices, then tiles, then the rest; on the software device none of them.
TEST(ConvVariants, DependOnTheDevice) {
  graph::Graph graph;
  const auto x = graph.add_value("x", {graph::DType::kF32, {1, 64, 64, 64}});
  graph.value(x).layout = graph::Layout::kC4;
  graph.value(x).storage = graph::DType::kF16;
  const std::vector<float> weights(64 * 64 * 9, 0.1F);
  const auto w = graph.add_constant("w", graph::Tensor::f32({64, 64, 3, 3}, weights));
  const auto y = graph.add_value("y", {graph::DType::kF32, {1, 64, 62, 62}});
  const graph::Node node{"c", "Conv", {x, w}, {y}, {}, {}};
  const Kernel& conv = *Registry::instance().find("Conv");
  const auto families = [&](const gpu::DeviceFeatures& device) {
    std::vector<std::string> out;
    for (const std::string& name : conv.variants(graph, node, device)) {
      const std::string family = name.substr(0, name.find('.'));
      if (out.empty() || out.back() != family) out.push_back(family);
    }
    return out;
  };
  auto device = with_matrices(32, {{16, 16, 16}});
  device.max_uniform_range = 65536;
  const bool built = !gpu::find_shader("kernels/conv_matrix.comp").empty();
  auto found = families(device);
  ASSERT_GE(found.size(), built ? 3U : 2U);
  EXPECT_EQ(found[0], built ? "matrix" : "tiled");
  EXPECT_EQ(found[built ? 1 : 0], "tiled");
  device.matrix_shapes.clear();
  EXPECT_EQ(families(device).front(), "tiled");
  device.software = true;
  for (const std::string& family : families(device))
    EXPECT_TRUE(family != "tiled" && family != "matrix") << family;
}

TEST(SplitSteps, LeavesNoPartEmpty) {
  for (int64_t steps = 1; steps < 40; ++steps) {
    for (uint32_t wanted = 1; wanted <= 16; ++wanted) {
      const Split split = split_steps(steps, wanted);
      EXPECT_LE(split.parts, wanted);
      EXPECT_GE(int64_t(split.parts) * split.per_part, steps);
      EXPECT_LT(int64_t(split.parts - 1) * split.per_part, steps);
    }
  }
}

}  // namespace
}  // namespace tarsier::kernels
