// Draws one picture and lets a test look at its pixels.
#pragma once

#include <cmath>
#include <cstdlib>
#include <string>

#include "present/frame_grabber.hpp"
#include "present/palette.hpp"
#include "support/gpu_fixture.hpp"
#include "support/scene.hpp"

namespace tarsier::test {

struct Pixel {
  int b, g, r;
};

class SceneTest : public test::GpuTest {
 protected:
  static constexpr uint32_t kWidth = 321, kHeight = 243;  // odd on purpose

  void SetUp() override {
    GpuTest::SetUp();
    auto ring = gpu::FrameRing::create(device(), 2, 1 << 20);
    ASSERT_OK(ring);
    ring_ = std::move(*ring);
    auto scene = present::SceneRenderer::create(device(), {.label_sets = {test::kTestClasses}});
    ASSERT_OK(scene);
    scene_ = std::move(*scene);
    grabber_ = std::make_unique<present::FrameGrabber>(device(), 3);
  }
  void TearDown() override {
    if (ring_) ring_->drain();
    picture_.reset();
    grabber_.reset();
    scene_.reset();
    ring_.reset();
    GpuTest::TearDown();
  }

  /// Draws one frame and waits for its picture.
  void draw(uint32_t width, uint32_t height, const std::vector<vision::Detection>& detections,
            std::vector<present::MaskInput> masks = {}, std::string_view status = {},
            std::span<const present::TrackBox> tracks = {}, std::string_view banner = {},
            std::span<const present::FaceInput> faces = {}) {
    drawn_over_ = test_frame(width, height);
    auto frame_buffer = upload_vector(device(), drawn_over_);
    ASSERT_OK(frame_buffer);
    auto detection_buffer = upload_vector(device(), detection_bytes(detections), true);
    ASSERT_OK(detection_buffer);
    auto frame = ring_->begin();
    ASSERT_OK(frame);
    present::SceneInputs inputs;
    inputs.frame = &*frame_buffer;
    inputs.width = width;
    inputs.height = height;
    inputs.masks = masks;
    const present::DetectionInput one{&*detection_buffer, 0, 0, least_score_};
    inputs.detections = {&one, 1};
    const present::TrackInput tracked{tracks, 0};
    if (!tracks.empty()) inputs.tracks = {&tracked, 1};
    inputs.zones = zones_;
    inputs.status = status;
    const std::vector<std::string> banners(banner.empty() ? 0 : 1, std::string(banner));
    inputs.banners = banners;
    inputs.lines = lines_;
    inputs.panel = panel_;
    inputs.marks = marks_;
    inputs.faces = faces;
    inputs.skeletons = skeletons_;
    ASSERT_OK(scene_->draw(**frame, inputs));
    auto grabbed = grabber_->grab(**frame, scene_->image(), gpu::ImageUse::kSampled,
                                  [&](std::shared_ptr<const present::HostPicture> got) { picture_ = got; });
    ASSERT_OK(grabbed);
    ASSERT_TRUE(*grabbed);
    ASSERT_OK(ring_->submit(**frame));
    ring_->drain();
    ASSERT_TRUE(picture_);
    ASSERT_EQ(picture_->width, width);
    ASSERT_EQ(picture_->height, height);
    if (const char* folder = std::getenv("TARSIER_TEST_PICTURES")) {
      const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
      ASSERT_OK(present::write_png(
          std::string(folder) + "/scene_" + test->name() + "_" + std::to_string(height) + ".png", *picture_));
    }
  }

  [[nodiscard]] Pixel at(uint32_t x, uint32_t y) const {
    const uint8_t* p = &picture_->pixels[(size_t(y) * picture_->width + x) * 4];
    return {p[0], p[1], p[2]};
  }
  [[nodiscard]] bool unchanged(uint32_t x, uint32_t y) const {
    const uint8_t* p = &drawn_over_[(size_t(y) * picture_->width + x) * 4];
    const Pixel got = at(x, y);
    return got.b == p[0] && got.g == p[1] && got.r == p[2];
  }
  [[nodiscard]] bool is_color(uint32_t x, uint32_t y, present::Rgb color, int tolerance = 2) const {
    const Pixel got = at(x, y);
    return std::abs(got.r - color[0]) <= tolerance && std::abs(got.g - color[1]) <= tolerance &&
           std::abs(got.b - color[2]) <= tolerance;
  }
  [[nodiscard]] size_t changed(uint32_t x0, uint32_t y0, uint32_t x1, uint32_t y1) const {
    size_t count = 0;
    for (uint32_t y = y0; y < y1; ++y) {
      for (uint32_t x = x0; x < x1; ++x) count += unchanged(x, y) ? 0 : 1;
    }
    return count;
  }

  std::unique_ptr<gpu::FrameRing> ring_;
  std::unique_ptr<present::SceneRenderer> scene_;
  std::unique_ptr<present::FrameGrabber> grabber_;
  std::shared_ptr<const present::HostPicture> picture_;
  std::vector<uint8_t> drawn_over_;
  float least_score_ = 0;
  std::vector<present::ZoneInput> zones_;  // drawn from now on
  std::vector<present::LineInput> lines_;
  std::span<const present::SkeletonInput> skeletons_;
  const present::PanelInput* panel_ = nullptr;
  const gpu::Buffer* marks_ = nullptr;
};

}  // namespace tarsier::test
