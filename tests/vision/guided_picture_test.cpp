// A network's small picture brought to the frame: its light, the frame's detail.
#include "vision/guided_picture.hpp"

#include "device_tensor.hpp"

namespace tarsier::vision {
namespace {

constexpr int kWidth = 640, kHeight = 480;

class GuidedPictureTest : public test::GpuTest {
 protected:
  using Image = std::vector<uint32_t>;

  /// A dark picture: two plains of different colour with fine stripes over them.
  static Image dark() {
    Image image(size_t(kWidth) * kHeight);
    for (int y = 0; y < kHeight; ++y) {
      for (int x = 0; x < kWidth; ++x) {
        const auto level = uint32_t((x < kWidth / 2 ? 12 : 30) + (x / 2 % 2 == 0 ? 4 : 0));
        image[size_t(y * kWidth + x)] = 0xFF000000 | level << 16 | (level + 6) << 8 | (level / 2);
      }
    }
    return image;
  }
  static int channel(uint32_t pixel, int c) { return int((pixel >> (8 * c)) & 255); }

  /// What a network of this size gives for the frame where each channel becomes gain * value + lift: NHWC or
  /// NCHW, R, G, B from -1 to 1.
  static std::vector<float> lightened(const Image& frame, int width, int height, float gain, float lift,
                                      bool channels_last) {
    const size_t plane = size_t(width) * size_t(height);
    std::vector<float> values(3 * plane);
    const int step_x = kWidth / width, step_y = kHeight / height;
    for (int y = 0; y < height; ++y) {
      for (int x = 0; x < width; ++x) {
        for (int c = 0; c < 3; ++c) {
          float sum = 0;
          for (int j = 0; j < step_y; ++j)
            for (int i = 0; i < step_x; ++i)
              sum += float(channel(frame[size_t((y * step_y + j) * kWidth + x * step_x + i)], 2 - c));
          const float value = gain * sum / float(step_x * step_y) + lift;
          const size_t at = size_t(y) * size_t(width) + size_t(x);
          values[channels_last ? at * 3 + size_t(c) : size_t(c) * plane + at] = value / 127.5F - 1;
        }
      }
    }
    return values;
  }
  static PreprocessDesc desc() {
    PreprocessDesc desc;
    desc.mean = {127.5F, 127.5F, 127.5F};
    desc.scale = {1 / 127.5F, 1 / 127.5F, 1 / 127.5F};
    return desc;
  }
  static Image run(GuidedPicture& pass, const gpu::Buffer& frame, int width, int height, float strength,
                   float follow = 1) {
    const Fit fit{float(width) / kWidth, float(height) / kHeight, 0, 0};
    EXPECT_OK(device().run_once([&](gpu::CommandList& commands) {
      pass.fit(commands, frame.address(), fit, follow);
      pass.apply(commands, frame.address(), strength);
    }));
    Image result(size_t(kWidth) * kHeight);
    EXPECT_OK(device().download(pass.result(), 0, result.data(), result.size() * 4));
    return result;
  }
  static gpu::Buffer upload(const Image& image) {
    auto buffer = device().create_buffer({.size = image.size() * 4, .name = "frame"});
    EXPECT_OK(buffer);
    EXPECT_OK(device().upload(*buffer, 0, image.data(), image.size() * 4));
    return *std::move(buffer);
  }
  /// The largest difference to gain * value + lift away from the edge between the plains.
  static int error_of(const Image& result, const Image& frame, float gain, float lift) {
    float most = 0;
    for (int y = 0; y < kHeight; ++y) {
      for (int x = 0; x < kWidth; ++x) {
        if (std::abs(x - kWidth / 2) < 24) continue;
        const size_t at = size_t(y * kWidth + x);
        for (int c = 0; c < 3; ++c) {
          const float expected = gain * float(channel(frame[at], c)) + lift;
          most = std::max(most, std::abs(float(channel(result[at], c)) - expected));
        }
      }
    }
    return int(most);
  }
};

TEST_F(GuidedPictureTest, HasTheNetworksLightAndTheFramesDetail) {
  const Image frame = dark();
  const auto buffer = upload(frame);
  for (const auto& storage :
       {test::Storage{}, test::Storage{TensorLayout::kLinear, false, true},
        test::Storage{TensorLayout::kC4, false, false}, test::Storage{TensorLayout::kC4, true, false}}) {
    SCOPED_TRACE(name_of(storage));
    const bool last = storage.channels_last;
    const std::vector<int64_t> shape =
        last ? std::vector<int64_t>{1, 120, 160, 3} : std::vector<int64_t>{1, 3, 120, 160};
    auto tensor = test::put(device(), shape, lightened(frame, 160, 120, 4, 0, last), storage);
    ASSERT_OK(tensor);
    auto pass = GuidedPicture::create(device(), kWidth, kHeight, desc(), tensor->ref);
    ASSERT_OK(pass);
    // The stripes are too fine for the network's picture; they are lightened with the rest.
    EXPECT_LE(error_of(run(*pass, buffer, 160, 120, 1), frame, 4, 0), 4);
    EXPECT_EQ(run(*pass, buffer, 160, 120, 0), frame) << "no strength";
    EXPECT_LE(error_of(run(*pass, buffer, 160, 120, 0.5F), frame, 2.5F, 0), 3);
  }
}

TEST_F(GuidedPictureTest, FollowsAsMuchAsItIsTold) {
  const Image frame = dark();
  const auto buffer = upload(frame);
  auto tensor = test::put(device(), {1, 120, 160, 3}, lightened(frame, 160, 120, 2, 0, true),
                          {TensorLayout::kLinear, false, true});
  ASSERT_OK(tensor);
  auto pass = GuidedPicture::create(device(), kWidth, kHeight, desc(), tensor->ref);
  ASSERT_OK(pass);
  EXPECT_LE(error_of(run(*pass, buffer, 160, 120, 1, 0.5F), frame, 2, 0), 3) << "the first time all of it";
  const auto brighter = lightened(frame, 160, 120, 6, 0, true);
  ASSERT_OK(device().upload(tensor->buffer, 0, brighter.data(), brighter.size() * sizeof(float)));
  EXPECT_LE(error_of(run(*pass, buffer, 160, 120, 1, 0.5F), frame, 4, 0), 5);
}

TEST_F(GuidedPictureTest, OutputsThatAreNoPictureAreRefused) {
  auto tensor = test::put(device(), {1, 1, 8, 8}, std::vector<float>(64));
  ASSERT_OK(tensor);
  const auto pass = GuidedPicture::create(device(), kWidth, kHeight, desc(), tensor->ref);
  ASSERT_FALSE(pass.ok());
  EXPECT_EQ(pass.error().message,
            "a picture has three channels, [1,3,H,W] or [1,H,W,3], this output is [1,1,8,8] linear fp32");
}

}  // namespace
}  // namespace tarsier::vision
