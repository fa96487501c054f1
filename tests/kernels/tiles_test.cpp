// The choice of tiles for made-up devices, and the names of the variants.
#include "kernels/tiles.hpp"

#include <algorithm>
#include <gtest/gtest.h>

namespace tarsier::kernels {
namespace {

TEST(TileVariant, NamesAreReadBack) {
  for (const char* name : {"tiled.64x64", "tiled.32x32.k4", "tiled.128x64.half", "tiled.64x16.half.k16",
                           "matrix.64x64.16x16x16", "matrix.128x64.16x8x16.k2"}) {
    const auto variant = TileVariant::parse(name);
    ASSERT_TRUE(variant.has_value()) << name;
    EXPECT_EQ(variant->name(), name);
  }
}

TEST(TileVariant, OtherTextIsNoName) {
  for (const char* name : {"", "dense", "tiled", "tiled.", "tiled.64", "tiled.64x", "tiled.64x64x64",
                           "tiled.64x64.k1", "tiled.64x64.k", "tiled.64x64.k2.half", "tiled.064x64",
                           "tiled.64x64.", "tiled..64x64", "matrix.64x64", "matrix.64x64.16x16x16.half",
                           "tiled.0x64", "tiled.64x64.16x16x16", "tiled.99999999999x64"}) {
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
    EXPECT_LE(tile_shape(variant)->shared_bytes(variant.half), 16384U) << variant.name();
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
    const auto shape = tile_shape(*TileVariant::parse(name));
    ASSERT_TRUE(shape.has_value()) << name;
    EXPECT_EQ(shape->threads * shape->thread_rows * shape->thread_columns4 * 4, shape->rows * shape->columns)
        << name;
    // What the shader's fetches rely on.
    EXPECT_EQ(shape->threads % shape->rows, 0U) << name;
    EXPECT_EQ(kTileDepth * shape->rows % (shape->threads * 4), 0U) << name;
    EXPECT_EQ(kTileDepth * shape->columns % (shape->threads * 4), 0U) << name;
    EXPECT_LE(shape->threads, 128U) << "more than every device has";
  }
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
