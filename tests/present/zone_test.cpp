// Zones and lines in the picture.
#include <array>

#include "present/scene_fixture.hpp"

namespace tarsier {
namespace {

using present::TrailPoint;
using test::Pixel;
using test::SceneTest;

class ZonesTest : public SceneTest {
 protected:
  static constexpr std::array<float, 3> kWhite{1, 1, 1};
  std::vector<TrailPoint> square_{{100, 60, 1}, {200, 60, 1}, {200, 160, 1}, {100, 160, 1}};
  std::vector<std::array<size_t, 3>> triangles_{{{0, 1, 2}}, {{0, 2, 3}}};
  std::vector<TrailPoint> line_{{60, 200, 1}, {260, 200, 1}};

  [[nodiscard]] int brighter(uint32_t x, uint32_t y) const {
    const uint8_t* p = &drawn_over_[(size_t(y) * picture_->width + x) * 4];
    return at(x, y).g - p[1];
  }
};

TEST_F(ZonesTest, APolygonIsFilledEvenlyWithAStrongerEdge) {
  zones_ = {{square_, triangles_, kWhite, ""}};
  draw(kWidth, kHeight, {});
  const int fill = brighter(150, 110);
  EXPECT_GT(fill, 15);
  EXPECT_LT(fill, 60);
  // The same everywhere within, also along the diagonal where the two triangles meet.
  for (uint32_t y = 66; y < 155; ++y) {
    for (uint32_t x = 106; x < 195; ++x) ASSERT_NEAR(brighter(x, y), fill, 6) << x << "," << y;
  }
  for (uint32_t x = 110; x < 190; x += 10) {
    EXPECT_GT(brighter(x, 60), 3 * fill) << "edge";
    EXPECT_GT(brighter(x, 159), 2 * fill) << "edge";
  }
  EXPECT_EQ(changed(0, 0, 95, kHeight), 0U);
  EXPECT_EQ(changed(206, 0, kWidth, kHeight), 0U);
  EXPECT_EQ(changed(0, 0, kWidth, 55), 0U);
  EXPECT_EQ(changed(0, 166, kWidth, kHeight), 0U);
}

TEST_F(ZonesTest, AConcavePolygonLeavesItsNotchFree) {
  const std::vector<TrailPoint> points{{60, 60, 1}, {260, 60, 1}, {260, 200, 1}, {160, 90, 1}, {60, 200, 1}};
  const std::vector<std::array<size_t, 3>> triangles{{{0, 1, 3}}, {{1, 2, 3}}, {{0, 3, 4}}};
  zones_ = {{points, triangles, kWhite, ""}};
  draw(kWidth, kHeight, {});
  EXPECT_GT(brighter(80, 120), 15);
  EXPECT_GT(brighter(240, 120), 15);
  EXPECT_EQ(changed(140, 130, 180, 200), 0U);
}

TEST_F(ZonesTest, ALineHasAnArrowThatPointsForward) {
  zones_ = {{line_, {}, kWhite, ""}};
  draw(kWidth, kHeight, {});
  for (uint32_t x = 70; x < 250; x += 10) EXPECT_GT(brighter(x, 200), 80) << x;
  // Forward is to the right of the way from left to right: down.
  EXPECT_GT(changed(140, 205, 180, kHeight), 30U);
  EXPECT_EQ(changed(0, 0, kWidth, 195), 0U);
  std::swap(line_[0], line_[1]);
  draw(kWidth, kHeight, {});
  EXPECT_GT(changed(140, 160, 180, 195), 30U);
  EXPECT_EQ(changed(0, 206, kWidth, kHeight), 0U);
}

TEST_F(ZonesTest, LabelsStayInThePictureAndSayTheCounts) {
  square_ = {{250, -20, 1}, {400, -20, 1}, {400, 50, 1}, {250, 50, 1}};
  zones_ = {{square_, triangles_, kWhite, "yard  1 in, 7 entered"}};
  draw(kWidth, kHeight, {});
  EXPECT_GT(changed(150, 52, 245, 75), 500U) << "below it, pushed in from the side";
  const std::vector<uint8_t> first(picture_->pixels.begin(), picture_->pixels.end());
  zones_[0].label = "yard  1 in, 8 entered";
  draw(kWidth, kHeight, {});
  size_t differ = 0;
  for (size_t i = 0; i < first.size(); ++i) differ += first[i] != picture_->pixels[i] ? 1 : 0;
  EXPECT_GT(differ, 10U);
  EXPECT_LT(differ, 600U) << "one digit";
  zones_.clear();
  draw(kWidth, kHeight, {});
  EXPECT_EQ(changed(0, 0, kWidth, kHeight), 0U);
}

TEST_F(ZonesTest, NamesHaveLettersBeyondAscii) {
  const auto picture_of = [&](const char* label) {
    zones_ = {{square_, triangles_, kWhite, label}};
    draw(kWidth, kHeight, {});
    return std::vector<uint8_t>(picture_->pixels.begin(), picture_->pixels.end());
  };
  for (const auto& [name, unknown] : {std::pair{"Fu\u00DFweg", "Fu?weg"}, {"Plac \u0141", "Plac ?"}})
    EXPECT_NE(picture_of(name), picture_of(unknown)) << name;
}

}  // namespace
}  // namespace tarsier
