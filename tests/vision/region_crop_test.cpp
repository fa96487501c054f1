// A turned square of the frame against the CPU reference: rotation, borders, every way an input lies in
// memory.
#include "vision/region_crop.hpp"

#include <numbers>

#include "device_tensor.hpp"

namespace tarsier::vision {
namespace {

using test::Storage;

class RegionCropTest : public test::GpuTest {
 protected:
  static constexpr int kWidth = 37, kHeight = 23;
  static std::vector<uint32_t> frame() {
    std::vector<uint32_t> pixels(size_t(kWidth) * kHeight);
    std::mt19937 generator(3);
    for (uint32_t& pixel : pixels) pixel = uint32_t(generator());
    return pixels;
  }
  static Region region(float x, float y, float size, float degrees) {
    const float angle = degrees * float(std::numbers::pi) / 180;
    return {x, y, size, 1, std::cos(angle), std::sin(angle), {}};
  }
  static std::vector<float> crop(const PreprocessDesc& desc, const std::vector<uint32_t>& pixels,
                                 const Region& region, int width, int height, const Storage& storage) {
    std::vector<int64_t> shape{1, 3, height, width};
    if (storage.channels_last) shape = {1, height, width, 3};
    auto target = test::put(device(), shape, std::vector<float>(size_t(3 * width * height), 0.25F), storage);
    EXPECT_OK(target);
    auto picture = device().create_buffer({.size = pixels.size() * 4, .name = "frame"});
    auto where = device().create_buffer({.size = sizeof(Region), .name = "region"});
    EXPECT_OK(picture);
    EXPECT_OK(where);
    EXPECT_OK(device().upload(*picture, 0, pixels.data(), pixels.size() * 4));
    EXPECT_OK(device().upload(*where, 0, &region, sizeof region));
    auto pass = RegionCrop::create(device(), desc, target->ref);
    EXPECT_OK(pass);
    EXPECT_OK(device().run_once([&](gpu::CommandList& commands) {
      pass->record(commands, picture->address(), kWidth, kHeight, where->address());
    }));
    return test::get(device(), *target);
  }
};

TEST_F(RegionCropTest, EqualsTheReference) {
  PreprocessDesc desc;
  desc.mean = {127.5F, 120, 110};
  desc.scale = {1 / 127.5F, 1 / 128.0F, 1 / 130.0F};
  const auto pixels = frame();
  // Inside, turned, over each border, larger than the frame, far outside.
  for (const Region& where : {region(18, 11, 10, 0), region(18.3F, 11.7F, 14, 33), region(2, 3, 16, -70),
                              region(35, 21, 15, 160), region(18, 11, 90, 12), region(-500, 40, 20, 5)}) {
    for (const Storage& storage :
         {Storage{}, Storage{TensorLayout::kLinear, false, true}, Storage{TensorLayout::kC4, false, false},
          Storage{TensorLayout::kLinear, true, false}, Storage{TensorLayout::kLinear, true, true},
          Storage{TensorLayout::kC4, true, false}}) {
      for (const ColourOrder order : {ColourOrder::kRgb, ColourOrder::kBgr}) {
        SCOPED_TRACE(
            fmt::format("{} {} size {} {}", where.centre_x, where.centre_y, where.size, name_of(storage)));
        desc.order = order;
        const auto expected =
            region_crop_reference(desc, pixels, kWidth, kHeight, where, 13, 13, storage.channels_last);
        const auto got = crop(desc, pixels, where, 13, 13, storage);
        ASSERT_EQ(got.size(), expected.size());
        // Positions are floats of some tens of pixels: a weight is right to about 1e-5 of 255.
        for (size_t i = 0; i < got.size(); ++i)
          ASSERT_NEAR(got[i], expected[i], storage.fp16 ? 2e-3 : 2e-4) << i;
      }
    }
  }
}

/// What the reference itself must be: at the frame's own scale a crop is the frame's pixels, turned by
/// quarters.
TEST_F(RegionCropTest, AQuarterTurnMovesPixelsAsTheyAre) {
  const auto pixels = frame();
  PreprocessDesc desc;
  const auto red = [&](int x, int y) { return float((pixels[size_t(y * kWidth + x)] >> 16) & 255U); };
  for (const auto& [degrees, turned] : {std::pair{0.0F, false}, std::pair{90.0F, true}}) {
    const auto got = crop(desc, pixels, region(14, 10, 8, degrees), 8, 8, {});
    for (int row = 0; row < 8; ++row) {
      for (int column = 0; column < 8; ++column) {
        // By 90 degrees the crop's right is the frame's down, and its down the frame's left.
        const float expected = turned ? red(10 + 7 - row, 6 + column) : red(10 + column, 6 + row);
        ASSERT_NEAR(got[size_t(row * 8 + column)], expected, 0.01)
            << degrees << ": " << column << ", " << row;
      }
    }
  }
}

TEST_F(RegionCropTest, OutsideOfTheFrameAndWithoutARegionItIsBlack) {
  PreprocessDesc desc;
  desc.mean = {100, 100, 100};
  Region nothing = region(18, 11, 10, 0);
  nothing.valid = 0;
  for (const Region& where : {nothing, region(-40, -40, 20, 45)}) {
    for (const float value : crop(desc, frame(), where, 5, 5, {})) EXPECT_EQ(value, -100);
  }
}

TEST_F(RegionCropTest, RefusesAnInputOfOneChannel) {
  auto target = test::put(device(), {1, 1, 4, 4}, std::vector<float>(16, 0));
  ASSERT_OK(target);
  const auto pass = RegionCrop::create(device(), {}, target->ref);
  ASSERT_FALSE(pass.ok());
  EXPECT_NE(pass.error().message.find("[1,1,4,4]"), std::string::npos) << pass.error().message;
}

}  // namespace
}  // namespace tarsier::vision
