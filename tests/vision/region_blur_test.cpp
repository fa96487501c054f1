// Blurred regions: nothing fine is left inside, nothing is changed outside.
#include "vision/region_blur.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>
#include <span>

#include "support/gpu_fixture.hpp"

namespace tarsier::vision {
namespace {

constexpr int kPerson = 0, kCar = 2;

Detection box(float x0, float y0, float x1, float y1, int class_id = kPerson) {
  return {x0, y0, x1, y1, 0.3F, class_id, 0, 0};
}

class RegionBlurTest : public test::GpuTest {
 protected:
  void SetUp() override {
    GpuTest::SetUp();
    auto ring = gpu::FrameRing::create(device(), 2, 1 << 20);
    ASSERT_OK(ring);
    ring_ = std::move(*ring);
    auto blur = RegionBlur::create(device());
    ASSERT_OK(blur);
    blur_ = std::move(*blur);
    params_.whole = {1U << kPerson, 0, 0, 0};
  }
  void TearDown() override {
    if (ring_) ring_->drain();
    blur_ = RegionBlur();
    ring_.reset();
    GpuTest::TearDown();
  }

  /// Every pixel and channel at random: detail of all sizes.
  void noise(int width, int height) {
    width_ = width;
    height_ = height;
    before_.resize(size_t(width) * size_t(height) * 4);
    std::mt19937 random(3);
    for (size_t i = 0; i < before_.size(); ++i) before_[i] = i % 4 == 3 ? 255 : uint8_t(random() & 255U);
  }
  /// Stripes of one wavelength along x, black and white.
  void stripes(int width, int height, float wavelength) {
    noise(width, height);
    for (int y = 0; y < height; ++y) {
      for (int x = 0; x < width; ++x) {
        const float wave = std::sin(float(x) * 2 * float(M_PI) / wavelength);
        for (int c = 0; c < 3; ++c) before_[index(x, y, c)] = uint8_t(std::lround(127.5F + 127 * wave));
      }
    }
  }
  void run(const std::vector<Detection>& found, const std::vector<Detection>& added = {}) {
    DetectionHeader header;
    header.count = uint32_t(found.size());
    std::vector<std::byte> bytes(kDetectionBufferBytes);
    std::memcpy(bytes.data(), &header, sizeof header);
    std::ranges::copy(std::as_bytes(std::span(found)), bytes.begin() + sizeof header);
    auto picture = device().create_buffer({.size = before_.size(), .name = "picture"});
    auto boxes = device().create_buffer({.size = bytes.size(), .name = "boxes"});
    ASSERT_OK(picture);
    ASSERT_OK(boxes);
    ASSERT_OK(device().upload(*picture, 0, before_.data(), before_.size()));
    ASSERT_OK(device().upload(*boxes, 0, bytes.data(), bytes.size()));
    auto frame = ring_->begin();
    ASSERT_OK(frame);
    const auto made =
        blur_.record(**frame, {&*picture, 0, uint32_t(width_), uint32_t(height_)}, *boxes, added, params_);
    ASSERT_OK(made);
    ASSERT_OK(ring_->submit(**frame));
    ring_->drain();
    after_.resize(before_.size());
    ASSERT_OK(device().download(**made, 0, after_.data(), after_.size()));
  }

  [[nodiscard]] size_t index(int x, int y, int channel) const {
    return (size_t(y) * size_t(width_) + size_t(x)) * 4 + size_t(channel);
  }
  [[nodiscard]] bool same(int x, int y) const {
    return std::memcmp(&before_[index(x, y, 0)], &after_[index(x, y, 0)], 4) == 0;
  }
  /// Mean square of the Laplacian of green within a box.
  [[nodiscard]] double detail(const std::vector<uint8_t>& picture, const Detection& at) const {
    double sum = 0;
    int count = 0;
    for (int y = std::max(int(at.y0), 1); y < std::min(int(at.y1), height_ - 1); ++y) {
      for (int x = std::max(int(at.x0), 1); x < std::min(int(at.x1), width_ - 1); ++x, ++count) {
        const auto value = [&](int dx, int dy) { return double(picture[index(x + dx, y + dy, 1)]); };
        const double laplacian = value(-1, 0) + value(1, 0) + value(0, -1) + value(0, 1) - 4 * value(0, 0);
        sum += laplacian * laplacian;
      }
    }
    return sum / std::max(count, 1);
  }
  /// Largest difference of neighbours within a box: where a mosaic's cells meet it would jump.
  [[nodiscard]] int largest_step(const Detection& at) const {
    int most = 0;
    for (int y = std::max(int(at.y0), 0); y < std::min(int(at.y1), height_) - 1; ++y) {
      for (int x = std::max(int(at.x0), 0); x < std::min(int(at.x1), width_) - 1; ++x) {
        for (int c = 0; c < 3; ++c) {
          const int here = after_[index(x, y, c)];
          most = std::max({most, std::abs(here - after_[index(x + 1, y, c)]),
                           std::abs(here - after_[index(x, y + 1, c)])});
        }
      }
    }
    return most;
  }
  void expect_gone(const Detection& at) const {
    const double before = detail(before_, at), left = detail(after_, at);
    EXPECT_GT(before, 1000);
    EXPECT_LT(left, 1e-3 * before) << at.x0 << "," << at.y0;
    EXPECT_LE(largest_step(at), 12) << at.x0 << "," << at.y0;
  }
  /// Every pixel whose middle is further than its margin from all boxes.
  void expect_kept_outside(const std::vector<Detection>& boxes) const {
    size_t changed = 0, outside = 0;
    for (int y = 0; y < height_; ++y) {
      for (int x = 0; x < width_; ++x) {
        bool touched = false;
        for (const auto& at : boxes) {
          const float reach = std::max(params_.margin * std::max(at.x1 - at.x0, at.y1 - at.y0), 3.0F) + 1e-3F;
          const float dx = std::max({at.x0 - float(x) - 0.5F, float(x) + 0.5F - at.x1, 0.0F});
          const float dy = std::max({at.y0 - float(y) - 0.5F, float(y) + 0.5F - at.y1, 0.0F});
          touched = touched || std::hypot(dx, dy) <= reach;
        }
        if (touched) continue;
        ++outside;
        changed += same(x, y) ? 0 : 1;
      }
    }
    EXPECT_GT(outside, 0U);
    EXPECT_EQ(changed, 0U);
  }

  int width_ = 0, height_ = 0;
  std::unique_ptr<gpu::FrameRing> ring_;
  RegionBlur blur_;
  BlurParams params_;
  std::vector<uint8_t> before_, after_;
};

TEST_F(RegionBlurTest, NothingFineIsLeftInsideAndAllIsKeptOutside) {
  // Small and large, at odd places, over the picture's edges; pictures whose rows are vectors and others.
  for (const auto& [width, height] : {std::pair{640, 480}, {321, 243}, {639, 360}}) {
    SCOPED_TRACE(fmt::format("{}x{}", width, height));
    noise(width, height);
    const std::vector<Detection> boxes = {box(31.3F, 40.7F, 62.1F, 118.2F), box(120, 20, 260, 230),
                                          box(-30, 200, 25, 300), box(290, 3, 306, 30)};
    run(boxes);
    for (const auto& one : boxes) expect_gone(one);
    expect_kept_outside(boxes);
  }
}

TEST_F(RegionBlurTest, BoxesOfTheHostAreBlurredWhereTheDetectorFindsNothing) {
  noise(640, 480);
  const std::vector<Detection> expected = {box(100, 100, 180, 300), box(500, 380, 700, 600)};
  run({}, expected);
  for (const auto& one : expected) expect_gone(one);
  expect_kept_outside(expected);
  run({box(300, 50, 360, 200)}, expected);  // and beside what it finds
  expect_gone(box(300, 50, 360, 200));
  expect_gone(expected[0]);
}

TEST_F(RegionBlurTest, OnlyTheClassesThatAreAskedFor) {
  noise(320, 240);
  const Detection person = box(20, 20, 80, 200), car = box(150, 60, 290, 160, kCar);
  run({person, car}, {car, box(150, 170, 200, 230, 127)});
  expect_gone(person);
  expect_kept_outside({person});
  params_.whole = {};
  run({person, car}, {person});
  EXPECT_EQ(before_, after_);
  params_.whole[3] = 1U << 31;  // class 127
  run({person, car, box(20, 20, 80, 200, 127)});
  expect_kept_outside({person});
  expect_gone(person);
  for (const int id : {-1, 128, 1 << 30}) {
    run({box(20, 20, 80, 200, id)});
    EXPECT_EQ(before_, after_) << id;
  }
}

TEST_F(RegionBlurTest, NothingToBlurIsTheSamePicture) {
  noise(321, 243);
  run({});
  EXPECT_EQ(before_, after_);
  const float nan = std::nanf("");
  run({box(50, 50, 50, 90), box(90, 60, 40, 80), box(400, 10, 500, 90)},
      {box(nan, 10, 100, 100), box(10, 10, 100, INFINITY), box(10, -200, 60, -100)});
  EXPECT_EQ(before_, after_);
}

TEST_F(RegionBlurTest, WhatIsFineFollowsTheSizeOfTheBox) {
  // Stripes of an eighth of the box's side: plainly seen before, gone after, whatever the size.
  for (const float side : {64.0F, 200.0F, 460.0F}) {
    SCOPED_TRACE(side);
    stripes(640, 480, side * params_.cell);
    const Detection at = box(12, 12, 12 + side, 12 + side);
    run({at});
    int least = 255, most = 0;
    for (int y = int(at.y0) + 1; y < int(at.y1); ++y) {
      for (int x = int(at.x0) + 1; x < int(at.x1); ++x) {
        least = std::min<int>(least, after_[index(x, y, 1)]);
        most = std::max<int>(most, after_[index(x, y, 1)]);
      }
    }
    EXPECT_LT(most - least, 40) << "of 254";
  }
}

TEST_F(RegionBlurTest, AHeadIsTheUpperPartOfAPerson) {
  params_.whole = {};
  params_.heads = {1U << kPerson, 0, 0, 0};
  noise(640, 480);
  const Detection standing = box(100, 60, 200, 340), seated = box(300, 100, 560, 380);
  run({standing, seated}, {box(20, 20, 80, 70, kCar)});
  const Detection head = box(100, 60, 200, 60 + 0.2F * 280), bust = box(300, 100, 560, 100 + 0.55F * 260);
  expect_gone(head);
  expect_gone(bust);
  expect_kept_outside({head, bust});
  EXPECT_TRUE(same(150, 250)) << "the body stays";
}

TEST_F(RegionBlurTest, ACrowdIsBlurredByTheCoarsestBox) {
  // More boxes at one place than a block lists.
  noise(640, 480);
  std::vector<Detection> crowd;
  for (int i = 0; i < 40; ++i)
    crowd.push_back(box(200 + float(i), 100 + float(i), 260 + float(i), 220 + float(i)));
  run(crowd);
  for (const auto& one : crowd) expect_gone(one);
  expect_kept_outside(crowd);
  const auto first = after_;
  run(crowd);
  EXPECT_EQ(first, after_) << "whatever the order in which the device took them";
  crowd.push_back(box(100, 10, 500, 470));
  run(crowd);
  const auto both = after_;
  run({crowd.back()});
  EXPECT_EQ(both, after_);
}

TEST_F(RegionBlurTest, AsManyBoxesAsThereCanBe) {
  noise(320, 240);
  std::vector<Detection> many;
  for (uint32_t i = 0; i < kMaxDetections; ++i) {
    const float x = float(i % 40) * 8, y = float(i / 40) * 8;
    many.push_back(box(x, y, x + 7, y + 7));
  }
  run(many, many);
  for (const auto& at : {box(4, 4, 310, 190)}) expect_gone(at);
}

TEST_F(RegionBlurTest, APlainPictureStaysPlain) {
  noise(322, 241);
  for (size_t i = 0; i < before_.size(); i += 4) {
    before_[i] = 20;
    before_[i + 1] = 130;
    before_[i + 2] = 255;
  }
  run({box(20, 20, 300, 236), box(310, 200, 330, 260)});
  EXPECT_EQ(before_, after_);
}

}  // namespace
}  // namespace tarsier::vision
