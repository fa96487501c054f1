// Feature maps against the CPU reference, in every layout, and how tensors become tiles.
#include "vision/feature_maps.hpp"

#include <limits>

#include "device_tensor.hpp"

namespace tarsier::vision {
namespace {

using Element = FeatureTensor::Element;
using Options = FeatureMaps::Options;
using test::Storage;

constexpr float kInfinity = std::numeric_limits<float>::infinity();

FeatureView view_of(const std::vector<int64_t>& shape, TensorLayout layout = TensorLayout::kLinear,
                    bool channels_last = false) {
  const auto view = feature_view({.shape = shape, .layout = layout, .channels_last = channels_last});
  EXPECT_OK(view);
  return *view;
}

class FeatureMapsTest : public test::GpuTest {
 protected:
  struct Pictures {
    std::vector<ValueRange> ranges;
    std::vector<uint32_t> tiles, large;
  };
  static Pictures run(const FeatureView& view, const Options& options) {
    auto maps = FeatureMaps::create(device(), 2);
    EXPECT_OK(maps);
    const auto shown = FeatureMaps::shown(view, options);
    EXPECT_OK(device().run_once([&](gpu::CommandList& commands) {
      maps->record(commands, view, options);
      maps->read_back(commands, 1, shown.tiles);
      commands.barrier(gpu::Scope::kTransfer, gpu::Scope::kHost);
    }));
    Pictures out;
    const auto ranges = maps->ranges(1, shown.tiles);
    out.ranges.assign(ranges.begin(), ranges.end());
    out.tiles.resize(size_t(shown.tiles) * shown.tile.texels());
    EXPECT_OK(device().download(maps->texels(), 0, out.tiles.data(), out.tiles.size() * 4));
    if (shown.chosen) {
      out.large.resize(shown.large.texels());
      EXPECT_OK(device().download(maps->texels(), maps->large() - maps->tiles(), out.large.data(),
                                  out.large.size() * 4));
    }
    return out;
  }
  static void expect_same(const std::vector<uint32_t>& texels, const std::vector<uint32_t>& wanted) {
    ASSERT_EQ(texels.size(), wanted.size());
    for (size_t i = 0; i < texels.size(); ++i)
      for (int c = 0; c < 32; c += 8)
        ASSERT_NEAR(int(texels[i] >> c & 255), int(wanted[i] >> c & 255), 1) << "texel " << i;
  }
  static void expect_same(const std::vector<ValueRange>& ranges, const std::vector<ValueRange>& wanted) {
    ASSERT_EQ(ranges.size(), wanted.size());
    for (size_t i = 0; i < ranges.size(); ++i) {
      EXPECT_EQ(ranges[i].least, wanted[i].least) << i;
      EXPECT_EQ(ranges[i].largest, wanted[i].largest) << i;
      EXPECT_EQ(ranges[i].finite, wanted[i].finite) << i;
      EXPECT_NEAR(ranges[i].mean(), wanted[i].mean(), 1e-4F) << i;
    }
  }
  static void check(std::vector<int64_t> shape, const Storage& storage, float low = -2, float high = 3) {
    SCOPED_TRACE(fmt::format("{} {}", fmt::join(shape, "x"), name_of(storage)));
    size_t count = 1;
    for (const int64_t extent : shape) count *= size_t(extent);
    auto values = test::random_values(count, low, high, 3);
    values[count / 2] = kInfinity;
    values[count / 3] = std::numeric_limits<float>::quiet_NaN();
    auto tensor = test::put(device(), shape, std::move(values), storage);
    ASSERT_OK(tensor);
    const auto view = feature_view({.address = tensor->ref.address,
                                    .shape = shape,
                                    .layout = storage.layout,
                                    .element = storage.fp16 ? Element::kHalf : Element::kFloat,
                                    .channels_last = storage.channels_last});
    ASSERT_OK(view);
    const FeatureView plain = view_of(shape, TensorLayout::kLinear, storage.channels_last);
    for (const bool own : {false, true}) {
      const Options options{.chosen = view->tiles - 1, .own_ranges = own};
      const auto shown = FeatureMaps::shown(*view, options);
      ASSERT_EQ(shown.tiles, view->tiles);
      const auto got = run(*view, options);
      const auto ranges = value_ranges_reference(plain, tensor->values);
      EXPECT_EQ(ranges.back().finite, count - 2);
      expect_same(got.ranges, ranges);
      expect_same(got.tiles, tiles_reference(plain, tensor->values, ranges, shown.tile, 0, shown.tiles, own));
      expect_same(got.large,
                  tiles_reference(plain, tensor->values, ranges, shown.large, *options.chosen, 1, true));
    }
  }
};

TEST_F(FeatureMapsTest, EqualTheReferenceInEveryLayout) {
  const Storage groups{TensorLayout::kC4, false, false}, halves{TensorLayout::kC4, true, false};
  for (const Storage& storage : {Storage{}, groups, halves}) {
    check({1, 6, 13, 21}, storage);
    check({1, 3, 360, 640}, storage);  // reduced
    check({1, 70, 1, 1}, storage);
    check({1, 5, 1, 37}, storage);
  }
  check({1, 13, 21, 6}, {TensorLayout::kLinear, false, true});
  check({1, 200, 48}, {});
  check({1, 4, 60, 60}, {}, 1, 2);  // one sign: other colours
  check({1, 4, 60, 60}, groups, -9, -1);
  check({1, 1500}, {});
  check({1, 3000, 20}, {});  // far from square: reduced along one side alone
}

TEST_F(FeatureMapsTest, TakeIntegersAndBatches) {
  const std::vector<int32_t> values{7, -3, 0, 5, 2, 2, 2, 2, -8, -8, -4, -2};
  auto buffer = device().create_buffer({.size = values.size() * 4, .name = "integers"});
  ASSERT_OK(buffer);
  ASSERT_OK(device().upload(*buffer, 0, values.data(), values.size() * 4));
  const auto view =
      feature_view({.address = buffer->address(), .shape = {3, 1, 2, 2}, .element = Element::kInt});
  ASSERT_OK(view);
  const auto got = run(*view, {});
  ASSERT_EQ(got.ranges.size(), 4U);
  EXPECT_EQ(got.ranges[0].least, -3);
  EXPECT_EQ(got.ranges[0].largest, 7);
  EXPECT_EQ(got.ranges[1].mean(), 2);
  EXPECT_EQ(got.ranges[2].largest, -2);
  EXPECT_EQ(got.ranges[3].least, -8);
  EXPECT_EQ(got.ranges[3].finite, 12U);

  // Two items of five channels in groups: each item begins with a group of its own.
  std::vector<float> groups(2 * 2 * 4 * 4);
  const FeatureView c4 = view_of({2, 5, 2, 2}, TensorLayout::kC4);
  for (uint32_t tile = 0; tile < c4.tiles; ++tile)
    for (uint32_t pixel = 0; pixel < 4; ++pixel)
      groups[(tile / 5 * 2 + tile % 5 / 4) * 16 + pixel * 4 + tile % 5 % 4] = float(tile * 10 + pixel);
  auto memory = device().create_buffer({.size = groups.size() * 4, .name = "groups"});
  ASSERT_OK(memory);
  ASSERT_OK(device().upload(*memory, 0, groups.data(), groups.size() * 4));
  FeatureView there = c4;
  there.address = memory->address();
  const auto batch = run(there, {});
  ASSERT_EQ(batch.ranges.size(), 11U);
  for (uint32_t tile = 0; tile < 10; ++tile) {
    EXPECT_EQ(batch.ranges[tile].least, float(tile * 10));
    EXPECT_EQ(batch.ranges[tile].largest, float(tile * 10 + 3));
  }
}

TEST_F(FeatureMapsTest, WhatHasNoFiniteValueIsToldAndDrawn) {
  auto tensor = test::put(device(), {1, 2, 2, 2},
                          {kInfinity, -kInfinity, kInfinity, kInfinity, 0.5F, 0.5F, 0.5F, 0.5F});
  ASSERT_OK(tensor);
  FeatureView view = view_of({1, 2, 2, 2});
  view.address = tensor->ref.address;
  const auto got = run(view, {});
  EXPECT_EQ(got.ranges[0].finite, 0U);
  EXPECT_EQ(got.ranges[0].mean(), 0);
  EXPECT_EQ(got.ranges[2].finite, 4U);
  EXPECT_EQ(got.ranges[2].least, 0.5F);
  EXPECT_EQ(got.tiles[0], 0xFFFF00FFU);
  EXPECT_EQ(got.tiles[4], got.tiles[7]) << "a constant has one colour";
  EXPECT_NE(got.tiles[4], 0xFFFF00FFU);
}

TEST(FeatureViews, TensorsBecomeTiles) {
  struct Case {
    std::vector<int64_t> shape;
    TensorLayout layout;
    uint32_t tiles, width, height;
  };
  for (const Case& one : std::vector<Case>{
           {{1, 24, 104, 80}, TensorLayout::kC4, 24, 80, 104},
           {{2, 24, 10, 8}, TensorLayout::kC4, 48, 8, 10},
           {{1, 50, 1, 1}, TensorLayout::kC4, 1, 8, 7},             // a vector
           {{1, 50, 1, 1}, TensorLayout::kLinear, 1, 8, 7},         // the same
           {{1, 196, 64}, TensorLayout::kLinear, 1, 64, 196},       // a sequence: tokens in rows
           {{1, 8, 196, 196}, TensorLayout::kLinear, 8, 196, 196},  // heads
           {{3, 4, 5, 6, 7}, TensorLayout::kLinear, 60, 7, 6},
           {{1, 1000}, TensorLayout::kLinear, 1, 32, 32},
           {{6}, TensorLayout::kLinear, 1, 3, 2},
           {{}, TensorLayout::kLinear, 1, 1, 1},
       }) {
    SCOPED_TRACE(fmt::format("{}", fmt::join(one.shape, "x")));
    const FeatureView view = view_of(one.shape, one.layout);
    EXPECT_EQ(view.tiles, one.tiles);
    EXPECT_EQ(view.width, one.width);
    EXPECT_EQ(view.height, one.height);
  }
  EXPECT_FALSE(feature_view({.shape = {1, 0, 4}}).ok());
  EXPECT_FALSE(feature_view({.shape = {1 << 16, 1 << 16}}).ok());
}

TEST(FeatureViews, TilesFit) {
  const TileShape small = tile_shape(view_of({1, 16, 13, 13}), 16, 160);
  EXPECT_EQ(small.width, 13U);
  EXPECT_EQ(small.reduce_x, 1U);
  const TileShape large = tile_shape(view_of({1, 3, 360, 640}), 3, 160);
  EXPECT_EQ(large.width, 160U);
  EXPECT_EQ(large.height, 90U);
  const TileShape thin = tile_shape(view_of({1, 8400, 85}), 1, 1024);
  EXPECT_EQ(thin.width, 85U);
  EXPECT_LE(thin.height, 4 * thin.width);
  const TileShape many = tile_shape(view_of({1, 4096, 64, 64}), 4096, 160);
  EXPECT_LE(4096 * many.texels(), FeatureMaps::kMostTexels);
  EXPECT_GE(many.width, 12U);
}

}  // namespace
}  // namespace tarsier::vision
