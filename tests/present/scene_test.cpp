// The off-screen picture: every pixel that matters is compared with what was asked for.
//
// To add a case: put what should be drawn into draw(), look at one pixel with at().
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "present/glyphs.hpp"
#include "present/palette.hpp"
#include "present/scene_fixture.hpp"
#include "support/color_vision.hpp"

namespace tarsier {
namespace {

using test::detection_bytes;
using test::test_frame;
using test::upload_vector;

using test::Pixel;
using test::SceneTest;

TEST_F(SceneTest, FrameAloneIsCopiedExactly) {
  draw(kWidth, kHeight, {});
  EXPECT_EQ(changed(0, 0, kWidth, kHeight), 0U);
}

TEST_F(SceneTest, BoxHasItsClassColourOnTheEdgeAndNothingInside) {
  draw(kWidth, kHeight, {{100, 90, 220, 200, 0.87F, 2, 0, 0}});
  const present::Rgb color = present::class_color(2);
  // The edge runs through the pixel corner at (x, 200): the rows on both sides are in the 2 pixel line.
  for (uint32_t y : {199U, 200U}) EXPECT_TRUE(is_color(160, y, color)) << y << " r " << at(160, y).r;
  for (uint32_t x : {99U, 100U}) EXPECT_TRUE(is_color(x, 150, color)) << x;
  for (uint32_t x : {219U, 220U}) EXPECT_TRUE(is_color(x, 150, color)) << x;
  // Dark rim on both sides, darker than the frame.
  EXPECT_LT(at(160, 201).b, at(160, 206).b - 20);
  EXPECT_LT(at(160, 198).b, at(160, 193).b - 20);
  EXPECT_EQ(changed(106, 96, 214, 194), 0U) << "the inside is left alone";
  EXPECT_EQ(changed(230, 0, kWidth, kHeight), 0U);
  EXPECT_EQ(changed(0, 210, kWidth, kHeight), 0U);
}

TEST_F(SceneTest, LabelIsATagInTheClassColourWithText) {
  draw(kWidth, kHeight, {{60, 100, 250, 220, 0.87F, 0, 0, 0}});
  const present::Rgb color = present::class_color(0);
  size_t tag = 0;
  size_t ink = 0;
  for (uint32_t y = 80; y < 98; ++y) {
    for (uint32_t x = 58; x < 150; ++x) {
      tag += is_color(x, y, color, 24) ? 1 : 0;
      const Pixel p = at(x, y);
      ink += p.r < 40 && p.g < 60 && p.b < 40 ? 1 : 0;
    }
  }
  EXPECT_GT(tag, 400U);
  EXPECT_GT(ink, 60U) << "dark text on the light tag";
  EXPECT_LT(ink, tag);
}

TEST_F(SceneTest, ScoreDigitsAreDrawn) {
  draw(kWidth, kHeight, {{60, 100, 250, 220, 0.11F, 0, 0, 0}});
  std::vector<uint8_t> first(picture_->pixels.begin(), picture_->pixels.end());
  draw(kWidth, kHeight, {{60, 100, 250, 220, 0.88F, 0, 0, 0}});
  size_t differ = 0;
  for (size_t i = 0; i < first.size(); ++i) differ += first[i] != picture_->pixels[i] ? 1 : 0;
  EXPECT_GT(differ, 30U);
  EXPECT_LT(differ, 1500U) << "only two digits changed";
}

TEST_F(SceneTest, LabelStaysInThePicture) {
  draw(kWidth, kHeight, {{-20, -10, 80, 60, 0.5F, 3, 0, 0}, {300, 150, 400, 300, 0.9F, 4, 0, 0}});
  EXPECT_GT(changed(0, 0, 100, 30), 500U) << "the tag moves inside at the upper edge";
  size_t tag = 0;
  for (uint32_t y = 125; y < 150; ++y) {
    for (uint32_t x = 200; x < kWidth; ++x) tag += is_color(x, y, present::class_color(4), 24) ? 1 : 0;
  }
  EXPECT_GT(tag, 300U) << "and to the left at the right edge";
}

TEST_F(SceneTest, BestDetectionIsOnTop) {
  draw(kWidth, kHeight, {{100, 90, 220, 200, 0.9F, 1, 0, 0}, {100, 90, 220, 200, 0.3F, 5, 0, 0}});
  EXPECT_TRUE(is_color(160, 200, present::class_color(1)));
}

TEST_F(SceneTest, UnknownClassesAndFullBuffersAreDrawnSafely) {
  std::vector<vision::Detection> many;
  for (uint32_t i = 0; i < vision::kMaxDetections; ++i) {
    const float x = float(i % 20) * 16;
    const float y = float(i / 20) * 16;
    many.push_back({x, y, x + 10, y + 10, 1.0F, int32_t(i) * 7 - 9, 0, 0});
  }
  draw(kWidth, kHeight, many);
  EXPECT_GT(changed(0, 0, kWidth, kHeight), size_t(kWidth) * kHeight / 3);
}

TEST_F(SceneTest, MaskIsBlendedWhereItIsSet) {
  // The mask covers the frame by a letterbox: 160 x 120 of 160 x 160, so scale 0.5 and 20 rows above.
  auto buffer = upload_vector(device(), test::disc_mask(160, 160, 80, 80, 30));
  ASSERT_OK(buffer);
  present::MaskInput mask;
  mask.buffer = &*buffer;
  mask.width = mask.height = 160;
  mask.fit = {0.5F, 0.5F, 0, 20};
  mask.color = {1, 0, 0};
  mask.opacity = 0.5F;
  draw(320, 240, {}, {mask});
  // The centre (80, 80) of the mask is (160, 120) of the frame, its radius 60 pixels.
  const auto frame = test_frame(320, 240);
  const Pixel got = at(160, 120);
  const uint8_t* was = &frame[(size_t(120) * 320 + 160) * 4];
  EXPECT_NEAR(got.r, (was[2] + 255) / 2, 2);
  EXPECT_NEAR(got.g, was[1] / 2, 2);
  EXPECT_NEAR(got.b, was[0] / 2, 2);
  EXPECT_TRUE(unchanged(160, 120 - 64));
  EXPECT_TRUE(unchanged(160 + 64, 120));
  EXPECT_GT(at(160, 120 - 56).r, at(160, 120 - 66).r + 50);
  EXPECT_FALSE(unchanged(160 - 56, 120));
}

/// What mask.frag computes, from a mask of bytes.
class ExpectedMask {
 public:
  ExpectedMask(const present::MaskInput& mask, const std::vector<uint8_t>& bytes)
      : mask_(mask), bytes_(bytes) {}

  [[nodiscard]] float opacity(int x, int y) const {
    // Derivatives are those of the block of 2 x 2 pixels.
    const float slope =
        std::max(std::abs(value(x | 1, y) - value(x & ~1, y)) + std::abs(value(x, y | 1) - value(x, y & ~1)),
                 1.0F / 255);
    const float away = (value(x, y) - mask_.threshold) / slope;
    const float rim = std::clamp(2 - std::abs(away - 1), 0.0F, 1.0F);
    const float full = mask_.opacity + (std::min(mask_.opacity * 1.6F, 1.0F) - mask_.opacity) * rim;
    return std::clamp(away + 0.5F, 0.0F, 1.0F) * full;
  }

 private:
  [[nodiscard]] float texel(int x, int y) const {
    x = std::clamp(x, 0, int(mask_.width) - 1);
    y = std::clamp(y, 0, int(mask_.height) - 1);
    return float(bytes_[size_t(y) * mask_.width + size_t(x)]) / 255;
  }
  [[nodiscard]] float value(int x, int y) const {
    const float u = (float(x) + 0.5F) * mask_.fit.scale_x + mask_.fit.offset_x - 0.5F;
    const float v = (float(y) + 0.5F) * mask_.fit.scale_y + mask_.fit.offset_y - 0.5F;
    const float left = std::floor(u), top = std::floor(v);
    const int i = int(left), j = int(top);
    return std::lerp(std::lerp(texel(i, j), texel(i + 1, j), u - left),
                     std::lerp(texel(i, j + 1), texel(i + 1, j + 1), u - left), v - top);
  }
  const present::MaskInput& mask_;
  const std::vector<uint8_t>& bytes_;
};

// Only parts of the frame are drawn at all: none may be left out, and none drawn twice.
TEST_F(SceneTest, MaskIsDrawnOnceWhereItShows) {
  struct Case {
    const char* name;
    uint32_t width, height;  // of the mask
    vision::Fit fit;
    float threshold;
  };
  constexpr Case kCases[] = {
      {"enlarged", 96, 64, {96.0F / kWidth, 64.0F / kHeight, 0, 0}, 0.5F},
      {"same size", kWidth, kHeight, {1, 1, 0, 0}, 0.5F},
      {"reduced", 700, 530, {700.0F / kWidth, 530.0F / kHeight, 0, 0}, 0.5F},
      {"letterbox", 161, 163, {161.0F / kWidth, 161.0F / kWidth, 0, 20.5F}, 0.5F},
      {"low threshold", 96, 64, {96.0F / kWidth, 64.0F / kHeight, 0, 0}, 0.05F},
      {"high threshold", 96, 64, {96.0F / kWidth, 64.0F / kHeight, 0, 0}, 0.97F},
  };
  for (const Case& one : kCases) {
    SCOPED_TRACE(one.name);
    // A soft disc, a hard corner, and specks that are alone in their tiles.
    auto bytes = test::disc_mask(int(one.width), int(one.height), float(one.width) / 2, float(one.height) / 2,
                                 float(one.height) / 3);
    for (uint32_t y = 0; y < one.height / 4; ++y) {
      for (uint32_t x = one.width * 3 / 4; x < one.width; ++x) bytes[y * one.width + x] = 255;
    }
    for (uint32_t i = 1; i < 8; ++i) bytes[(one.height - 3) * one.width + i * one.width / 9] = 255;
    auto buffer = upload_vector(device(), bytes);
    ASSERT_OK(buffer);
    present::MaskInput mask;
    mask.buffer = &*buffer;
    mask.width = one.width;
    mask.height = one.height;
    mask.fit = one.fit;
    mask.threshold = one.threshold;
    mask.opacity = 0.5F;
    draw(kWidth, kHeight, {}, {mask});
    const ExpectedMask expected(mask, bytes);
    size_t far = 0, drawn = 0;
    for (uint32_t y = 0; y < kHeight; ++y) {
      for (uint32_t x = 0; x < kWidth; ++x) {
        const float a = expected.opacity(int(x), int(y));
        drawn += a > 0 ? 1 : 0;
        const float was = drawn_over_[(size_t(y) * kWidth + x) * 4 + 1];
        // Devices place samples to 1/256 of a texel, which a steep rim magnifies.
        far += std::abs(float(at(x, y).g) - (was + (255 * mask.color[1] - was) * a)) > 20 ? 1 : 0;
      }
    }
    EXPECT_GT(drawn, size_t(kWidth) * kHeight / 20);
    EXPECT_LE(far, size_t(kWidth) * kHeight / 1000);
  }
}

TEST_F(SceneTest, StatusLineAndChangeOfSize) {
  draw(kWidth, kHeight, {}, {}, "street 12.3 frames/s  \xC2\xB7  14 ms");
  EXPECT_GT(changed(0, kHeight - 40, kWidth, kHeight), 1000U);
  EXPECT_EQ(changed(0, 0, kWidth, kHeight - 40), 0U);
  const uint64_t before = scene_->generation();
  draw(200, 150, {{20, 50, 120, 120, 0.5F, 1, 0, 0}});
  EXPECT_GT(scene_->generation(), before);
  EXPECT_TRUE(is_color(70, 120, present::class_color(1)));
}

TEST_F(SceneTest, SteadyStateAllocatesNothingAndCountsReadBack) {
  draw(kWidth, kHeight, {{100, 90, 220, 200, 0.87F, 2, 0, 0}});
  auto frame_buffer = upload_vector(device(), test_frame(kWidth, kHeight));
  ASSERT_OK(frame_buffer);
  auto detections = upload_vector(device(), detection_bytes({{10, 10, 50, 50, 0.5F, 1, 0, 0}}), true);
  ASSERT_OK(detections);
  const present::DetectionInput one{&*detections, 0, 0};
  const uint64_t allocations = device().allocations();
  const uint64_t bytes = device().readback_bytes();
  for (int i = 0; i < 6; ++i) {
    auto frame = ring_->begin();
    ASSERT_OK(frame);
    ASSERT_OK(scene_->draw(**frame, {.frame = &*frame_buffer,
                                     .width = kWidth,
                                     .height = kHeight,
                                     .masks = {},
                                     .detections = {&one, 1},
                                     .status = {}}));
    ASSERT_OK(ring_->submit(**frame));
  }
  ring_->drain();
  EXPECT_EQ(device().allocations(), allocations);
  EXPECT_EQ(device().readback_bytes(), bytes) << "drawing reads nothing back";
  draw(kWidth, kHeight, {});
  EXPECT_EQ(device().readback_bytes(), bytes + uint64_t(kWidth) * kHeight * 4);
}

TEST_F(SceneTest, GrabberIsFullWhenTheConsumerKeepsPictures) {
  draw(kWidth, kHeight, {});
  const auto kept = picture_;
  EXPECT_EQ(grabber_->free(), 2U);
  picture_.reset();
  EXPECT_EQ(grabber_->free(), 2U);
  const_cast<std::shared_ptr<const present::HostPicture>&>(kept).reset();
  EXPECT_EQ(grabber_->free(), 3U);
}

TEST_F(SceneTest, PngFileIsReadableAndFailureIsReported) {
  draw(kWidth, kHeight, {});
  const std::string path = ::testing::TempDir() + "tarsier_scene.png";
  ASSERT_OK(present::write_png(path, *picture_));
  EXPECT_GT(std::filesystem::file_size(path), 200U);
  std::filesystem::remove(path);
  EXPECT_FALSE(present::write_png("/proc/none/x.png", *picture_).ok());
}

TEST(Glyphs, Utf8AndEllipsis) {
  EXPECT_EQ(present::decode_utf8("a\xC3\xA9\xE2\x80\xA6"), (std::u32string{U'a', 0xE9, 0x2026}));
  EXPECT_EQ(present::decode_utf8("\xFF"
                                 "b"),
            (std::u32string{0xFFFD, U'b'}));
  EXPECT_EQ(present::decode_utf8("\xC3"), (std::u32string{0xFFFD}));
  auto font = present::find_font();
  if (!font.ok()) GTEST_SKIP() << font.error().message;
  auto atlas = present::bake_glyphs(*font, 14, U"Ω");
  ASSERT_OK(atlas);
  EXPECT_EQ(atlas->layout("abcdefgh", 5).size(), 5U);
  EXPECT_EQ(atlas->layout("abcdefgh", 5).back().glyph, atlas->find(0x2026));
  for (const char32_t code : {U'Ω', U'é', U'ß', U'Ł'}) EXPECT_NE(atlas->find(code), atlas->find(U'?'));
  EXPECT_EQ(atlas->find(0x4E00), atlas->find(U'?'));
  EXPECT_GT(atlas->width_of("WWW"), atlas->width_of("iii"));
  // With and without a list.
  for (const char* text : {"", "abc", "a\u00E9\u0141c", "abcdef"}) {
    const auto placed = atlas->layout(text, 4);
    size_t i = 0;
    const float width = atlas->walk(text, 4, [&](uint32_t glyph, float pen) {
      ASSERT_LT(i, placed.size());
      EXPECT_EQ(glyph, placed[i].glyph);
      EXPECT_EQ(pen, placed[i++].pen);
    });
    EXPECT_EQ(i, placed.size());
    EXPECT_EQ(width, placed.empty() ? 0 : placed.back().pen + atlas->advances[placed.back().glyph]);
  }
  EXPECT_EQ(atlas->layout("abcd", 4).back().glyph, atlas->find(U'd')) << "it just fits";
  EXPECT_EQ(atlas->layout("abcde", 4).back().glyph, atlas->find(0x2026));
  EXPECT_FALSE(present::bake_glyphs("/proc/self/status", 14, U"").ok());
}

TEST(Palette, NeighboursDiffer) {
  const auto distance = [](int a, int b) {
    const present::Rgb x = present::class_color(a), y = present::class_color(b);
    return test::least_distance({double(x[0]), double(x[1]), double(x[2])},
                                {double(y[0]), double(y[1]), double(y[2])});
  };
  // Whatever kinds of cones an eye has. Measured: 24.0 and 17.0.
  for (int a = 0; a < 8; ++a)
    for (int b = 0; b < a; ++b) EXPECT_GT(distance(a, b), 23.5) << a << " and " << b;
  for (int i = 0; i < 24; ++i)
    for (int k = 1; k <= 3; ++k) EXPECT_GT(distance(i, i + k), 16.5) << i << " and " << i + k;
  EXPECT_EQ(present::class_color(-5), present::class_color(0));
}

}  // namespace
}  // namespace tarsier
