// Depth maps against the CPU reference, and how they are drawn over a picture.
#include "vision/depth_map.hpp"

#include <limits>

#include "device_tensor.hpp"
#include "vision/composite.hpp"

namespace tarsier::vision {
namespace {

using test::Storage;

class DepthMapTest : public test::GpuTest {
 protected:
  static std::vector<uint8_t> run(DepthMap& map, float follow = 1) {
    EXPECT_OK(device().run_once([&](gpu::CommandList& commands) { map.record(commands, follow); }));
    std::vector<uint8_t> bytes(map.bytes().size());
    EXPECT_OK(device().download(map.bytes(), 0, bytes.data(), bytes.size()));
    return bytes;
  }
  static void check(DepthKind kind, std::vector<int64_t> shape, const Storage& storage) {
    SCOPED_TRACE(fmt::format("{} {} {}", int(kind), fmt::join(shape, "x"), name_of(storage)));
    size_t count = 1;
    for (const int64_t extent : shape) count *= size_t(extent);
    auto values = test::random_values(count, 0.5F, 8, 11);
    // A few pixels far beyond the rest must not decide what near and far are.
    for (size_t i = 0; i < count; i += 211) values[i] = kind == DepthKind::kInverse ? 3e4F : 0;
    auto tensor = test::put(device(), std::move(shape), std::move(values), storage);
    ASSERT_OK(tensor);
    auto map = DepthMap::create(device(), kind, tensor->ref);
    ASSERT_OK(map);
    const auto expected = depth_map_reference(kind, tensor->host());
    const auto bytes = run(*map);
    ASSERT_EQ(expected.size(), count);
    size_t black = 0, white = 0;
    for (size_t i = 0; i < count; ++i) {
      ASSERT_NEAR(bytes[i], expected[i], 1) << "pixel " << i;
      black += bytes[i] < 8 ? 1 : 0;
      white += bytes[i] > 247 ? 1 : 0;
    }
    EXPECT_GT(black, count / 50);
    EXPECT_GT(white, count / 50);
    EXPECT_LT(black, count / (kind == DepthKind::kInverse ? 12 : 2)) << "reciprocals crowd where it is far";
    EXPECT_LT(white, count / 12);
    test::get(device(), *tensor);
  }
};

TEST_F(DepthMapTest, EqualsTheReferenceInEveryLayout) {
  for (const DepthKind kind : {DepthKind::kInverse, DepthKind::kDepth}) {
    check(kind, {1, 1, 48, 80}, {});
    check(kind, {1, 1, 48, 80}, {TensorLayout::kC4, false, false});
    check(kind, {1, 1, 48, 80}, {TensorLayout::kC4, true, false});
    check(kind, {1, 48, 80, 1}, {TensorLayout::kLinear, false, true});
    check(kind, {1, 131, 243}, {});
  }
}

TEST_F(DepthMapTest, FollowsAsMuchAsItIsTold) {
  std::vector<float> values(64 * 64);
  for (size_t i = 0; i < values.size(); ++i) values[i] = float(i % 64);
  auto tensor = test::put(device(), {1, 1, 64, 64}, values);
  ASSERT_OK(tensor);
  auto map = DepthMap::create(device(), DepthKind::kInverse, tensor->ref);
  ASSERT_OK(map);
  const auto first = run(*map, 0);  // nothing was there before: its own range holds
  EXPECT_EQ(first[0], 0);
  EXPECT_EQ(first[63], 255);
  EXPECT_NEAR(first[32], 128, 6);
  for (float& value : values) value *= 2;
  ASSERT_OK(device().upload(tensor->buffer, 0, values.data(), values.size() * sizeof(float)));
  EXPECT_EQ(run(*map, 0)[32], 255) << "as near as 64 was";
  EXPECT_NEAR(run(*map, 0.5F)[32], 170, 6) << "the range is half way to the new one: 96";
  EXPECT_NEAR(run(*map, 1)[32], 128, 6);
}

TEST_F(DepthMapTest, WhatIsNoNumberDoesNotCount) {
  std::vector<float> values(32 * 32);
  for (size_t i = 0; i < values.size(); ++i) values[i] = float(i % 32);
  values[5] = std::numeric_limits<float>::quiet_NaN();
  values[70] = std::numeric_limits<float>::infinity();
  auto tensor = test::put(device(), {1, 1, 32, 32}, values);
  ASSERT_OK(tensor);
  auto map = DepthMap::create(device(), DepthKind::kInverse, tensor->ref);
  ASSERT_OK(map);
  const auto bytes = run(*map);
  EXPECT_EQ(bytes[0], 0);
  EXPECT_EQ(bytes[31], 255);
  EXPECT_NEAR(bytes[16], 130, 8);
}

TEST_F(DepthMapTest, OutputsOfAnotherShapeAreRefused) {
  auto tensor = test::put(device(), {1, 3, 8, 8}, std::vector<float>(192));
  ASSERT_OK(tensor);
  const auto map = DepthMap::create(device(), DepthKind::kInverse, tensor->ref);
  ASSERT_FALSE(map.ok());
  EXPECT_EQ(map.error().message,
            "a depth network gives [1,1,H,W], [1,H,W,1] or [1,H,W], this one [1,3,8,8] linear fp32");
}

/// A grey picture, near on the left and far on the right, in fog and in colours.
TEST_F(DepthMapTest, FogTakesWhatIsFarAndColoursTellWhatIsNear) {
  constexpr int kWidth = 320, kHeight = 180;
  std::vector<uint32_t> picture(size_t(kWidth) * kHeight);
  for (int i = 0; i < kWidth * kHeight; ++i)
    picture[size_t(i)] = i % kWidth < kWidth / 2 ? 0xFF404040 : 0xFF808080;
  std::vector<uint8_t> near(size_t(kWidth) * kHeight);
  for (int i = 0; i < kWidth * kHeight; ++i) near[size_t(i)] = i % kWidth < kWidth / 2 ? 255 : 0;
  auto frame = device().create_buffer({.size = picture.size() * 4, .name = "picture"});
  auto map = device().create_buffer({.size = near.size(), .name = "map"});
  ASSERT_OK(frame);
  ASSERT_OK(map);
  ASSERT_OK(device().upload(*frame, 0, picture.data(), picture.size() * 4));
  ASSERT_OK(device().upload(*map, 0, near.data(), near.size()));
  auto matte = Matte::create(device(), kWidth, kHeight, kWidth, kHeight);
  ASSERT_OK(matte);
  auto composite = Composite::create(device(), matte->grid(), {Ground::kFog, Ground::kDepth});
  ASSERT_OK(composite);
  const auto draw = [&](Ground ground, float amount) {
    EXPECT_OK(device().run_once([&](gpu::CommandList& commands) {
      matte->record(commands, frame->address(), {map->address(), kWidth, kHeight, {}}, 0, 0);
      composite->record(
          commands, ground, *matte, nullptr,
          {.guide = frame->address(), .frame = frame->address(), .colour = {1, 0.5F, 0}, .amount = amount});
    }));
    std::vector<uint32_t> pixels(picture.size());
    EXPECT_OK(device().download(composite->result(), 0, pixels.data(), pixels.size() * 4));
    return std::array{pixels[size_t(90 * kWidth + 40)], pixels[size_t(90 * kWidth + 280)]};
  };
  const auto channel = [](uint32_t pixel, int c) { return int((pixel >> (8 * c)) & 255); };
  EXPECT_EQ(draw(Ground::kFog, 0), (std::array<uint32_t, 2>{0xFF404040, 0xFF808080})) << "no fog";
  const auto fog = draw(Ground::kFog, 1);
  const std::array fogged{255, 128, 0};
  for (int c = 0; c < 3; ++c) {
    EXPECT_NEAR(channel(fog[0], c), 0x40, 3) << "near things stay as they are";
    EXPECT_NEAR(channel(fog[1], c), fogged[size_t(c)], 3) << "far ones are fog";
  }
  const auto colours = draw(Ground::kDepth, 1);
  EXPECT_GT(channel(colours[0], 2), 230) << "near is yellow";
  EXPECT_GT(channel(colours[0], 1), 220);
  EXPECT_LT(channel(colours[1], 2) + channel(colours[1], 1), 60) << "far is dark";
  const auto half = draw(Ground::kDepth, 0.5F);
  for (int c = 0; c < 3; ++c) EXPECT_NEAR(channel(half[0], c), (0x40 + channel(colours[0], c)) / 2, 2);
}

}  // namespace
}  // namespace tarsier::vision
