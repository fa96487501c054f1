// The preparation of frames: against OpenCV's published behaviour (recorded values) and, on the device,
// against the CPU reference for every layout, fit and colour order at odd sizes.
#include "vision/preprocess.hpp"

#include <algorithm>

#include "device_tensor.hpp"

namespace tarsier::vision {
namespace {

using test::Storage;

std::vector<uint32_t> pattern_frame(int width, int height) {
  std::vector<uint32_t> frame;
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const auto channel = [&](int c) { return uint32_t((x * 37 + y * 91 + c * 50 + x * y * 13) % 256); };
      frame.push_back(channel(0) | channel(1) << 8 | channel(2) << 16 | 0xAB000000U);
    }
  }
  return frame;
}

// cv2.resize(frame, size) of opencv-python 4.10.0 on the frame above, interleaved B G R.
TEST(PreprocessReference, EqualsOpenCv) {
  const std::vector<int> shrunk = {46,  96,  146, 118, 157, 133, 116, 155, 205, 177, 121, 107,
                                   206, 160, 50,  60,  110, 160, 170, 220, 46,  120, 74,  124,
                                   109, 159, 145, 87,  126, 102, 160, 50,  100, 127, 124, 174};
  const std::vector<int> grown = {
      0,   50,  100, 21,  71,  121, 47,  97,  147, 74,  124, 174, 100, 150, 200, 127, 177, 227, 148, 198, 248,
      57,  107, 157, 82,  132, 182, 115, 165, 169, 147, 197, 87,  179, 115, 119, 143, 102, 152, 77,  127, 177,
      125, 175, 129, 156, 151, 160, 168, 150, 154, 139, 189, 79,  178, 114, 118, 149, 107, 116, 89,  139, 93,
      182, 232, 26,  218, 122, 62,  190, 57,  107, 52,  102, 152, 97,  147, 197, 142, 192, 132, 178, 228, 22};
  PreprocessDesc desc;
  desc.order = ColourOrder::kBgr;
  const auto a = preprocess_reference(desc, pattern_frame(7, 5), 7, 5, 4, 3, true);
  EXPECT_EQ(std::vector<int>(a.begin(), a.end()), shrunk);
  const auto b = preprocess_reference(desc, pattern_frame(5, 3), 5, 3, 7, 4, true);
  EXPECT_EQ(std::vector<int>(b.begin(), b.end()), grown);
}

TEST(PlaceFrame, FollowsThePublishedPreparations) {
  const Placement stretched = place_frame(FitMode::kStretch, 768, 576, 512, 512);
  EXPECT_EQ(stretched.width, 512);
  EXPECT_FLOAT_EQ(stretched.fit.scale_x, 512.0F / 768.0F);
  EXPECT_FLOAT_EQ(stretched.fit.scale_y, 512.0F / 576.0F);

  const Placement yolox = place_frame(FitMode::kLetterboxTopLeft, 1280, 720, 416, 416);
  EXPECT_EQ(yolox.x, 0);
  EXPECT_EQ(yolox.width, 416);
  EXPECT_EQ(yolox.height, 234);
  EXPECT_FLOAT_EQ(yolox.fit.scale_x, 0.325F);
  EXPECT_FLOAT_EQ(yolox.fit.scale_y, 0.325F);

  // 426 x 640: 425.73 pixels wide after scaling; 107 borders of 214 on either side.
  const Placement centred = place_frame(FitMode::kLetterboxCentre, 427, 642, 640, 640);
  EXPECT_EQ(centred.width, 426);
  EXPECT_EQ(centred.height, 640);
  EXPECT_EQ(centred.x, 107);
  EXPECT_EQ(centred.y, 0);
  EXPECT_FLOAT_EQ(centred.fit.offset_x, 107.0F);

  const Placement sliver = place_frame(FitMode::kLetterboxTopLeft, 4000, 2, 64, 64);
  EXPECT_EQ(sliver.width, 64);
  EXPECT_EQ(sliver.height, 1);
}

class PreprocessTest : public test::GpuTest {
 protected:
  static void check(const PreprocessDesc& desc, int frame_width, int frame_height, int width, int height,
                    const Storage& storage) {
    SCOPED_TRACE(fmt::format("{}x{} to {}x{} {} fit {}", frame_width, frame_height, width, height,
                             name_of(storage), int(desc.fit)));
    const auto frame = pattern_frame(frame_width, frame_height);
    auto source = device().create_buffer({frame.size() * 4, gpu::Memory::kDevice, false, false, "frame"});
    ASSERT_OK(source);
    ASSERT_OK(device().upload(*source, 0, frame.data(), frame.size() * 4));
    std::vector<int64_t> shape{1, 3, height, width};
    if (storage.channels_last) shape = {1, height, width, 3};
    auto target = test::put(device(), shape, std::vector<float>(size_t(3 * width * height), -7.0F), storage);
    ASSERT_OK(target);
    auto pass = Preprocess::create(device(), desc, target->ref);
    ASSERT_OK(pass);
    ASSERT_OK(device().run_once([&](gpu::CommandList& commands) {
      pass->record(commands, source->address(), frame_width, frame_height);
    }));
    auto expected =
        preprocess_reference(desc, frame, frame_width, frame_height, width, height, storage.channels_last);
    const auto values = test::get(device(), *target);
    ASSERT_EQ(values.size(), expected.size());
    // A device whose division is not correctly rounded may land on the next weight: one grey level.
    const float levels = device().info().software ? 0.0F : 1.0F;
    for (size_t i = 0; i < values.size(); ++i) {
      const float exact = storage.fp16 ? half_to_float(float_to_half(expected[i])) : expected[i];
      const float scale = std::max({desc.scale[0], desc.scale[1], desc.scale[2]});
      const float tolerance = levels * scale + (storage.fp16 ? 1e-3F : 1e-6F) * std::abs(exact);
      ASSERT_NEAR(values[i], exact, tolerance) << "element " << i;
    }
  }

  static PreprocessDesc normalised() {
    PreprocessDesc desc;
    desc.mean = {123.675F, 116.28F, 103.53F};
    desc.scale = {1 / 58.395F, 1 / 57.12F, 1 / 57.375F};
    return desc;
  }
};

constexpr Storage kAll[] = {{TensorLayout::kLinear, false, false}, {TensorLayout::kLinear, false, true},
                            {TensorLayout::kC4, false, false},     {TensorLayout::kLinear, true, false},
                            {TensorLayout::kLinear, true, true},   {TensorLayout::kC4, true, false}};

TEST_F(PreprocessTest, EqualsTheReferenceInEveryLayout) {
  for (const Storage& storage : kAll) {
    for (const ColourOrder order : {ColourOrder::kRgb, ColourOrder::kBgr}) {
      PreprocessDesc desc = normalised();
      desc.order = order;
      check(desc, 37, 23, 13, 7, storage);
      check(desc, 13, 7, 37, 23, storage);
    }
  }
}

TEST_F(PreprocessTest, EqualsTheReferenceInEveryFit) {
  for (const FitMode fit : {FitMode::kStretch, FitMode::kLetterboxTopLeft, FitMode::kLetterboxCentre}) {
    for (const Storage& storage : {kAll[0], kAll[3], kAll[5]}) {
      PreprocessDesc desc = normalised();
      desc.fit = fit;
      check(desc, 61, 35, 29, 31, storage);
      check(desc, 35, 61, 29, 31, storage);
      check(desc, 1, 1, 5, 5, storage);
      check(desc, 200, 3, 5, 13, storage);
    }
  }
}

TEST_F(PreprocessTest, EqualsTheReferenceAtTheSizesOfRealClips) {
  PreprocessDesc desc;
  desc.fit = FitMode::kLetterboxTopLeft;
  desc.order = ColourOrder::kBgr;
  check(desc, 1280, 720, 416, 416, kAll[0]);
  check(desc, 768, 432, 352, 352, kAll[2]);
  desc.fit = FitMode::kStretch;
  desc.scale = {1 / 255.0F, 1 / 255.0F, 1 / 255.0F};
  check(desc, 768, 576, 512, 512, kAll[1]);
  check(desc, 960, 540, 640, 360, kAll[5]);
}

TEST_F(PreprocessTest, RefusesAnInputThatIsNoImage) {
  auto target = test::put(device(), {1, 4, 3, 3}, std::vector<float>(36, 0));
  ASSERT_OK(target);
  const auto pass = Preprocess::create(device(), {}, target->ref);
  ASSERT_FALSE(pass.ok());
  EXPECT_NE(pass.error().message.find("[1,4,3,3]"), std::string::npos) << pass.error().message;
}

TEST(TensorRef, RefusesShapesThatNoPassTakes) {
  const std::vector<int64_t> batch{2, 3, 4, 4};
  const std::vector<int64_t> flat{8};
  const std::vector<int64_t> pixel{1, 8};
  const std::vector<int64_t> list{1, 8, 8};
  const std::vector<int64_t> open{1, 3, -1, 4};
  EXPECT_FALSE(TensorRef::of(0, batch, TensorLayout::kLinear, false, false).ok());
  EXPECT_FALSE(TensorRef::of(0, flat, TensorLayout::kLinear, false, false).ok());
  EXPECT_FALSE(TensorRef::of(0, list, TensorLayout::kC4, false, false).ok());
  EXPECT_FALSE(TensorRef::of(0, open, TensorLayout::kLinear, false, false).ok());
  EXPECT_TRUE(TensorRef::of(0, list, TensorLayout::kLinear, true, false).ok());
  EXPECT_TRUE(TensorRef::of(0, pixel, TensorLayout::kLinear, true, false).ok());
}

}  // namespace
}  // namespace tarsier::vision
