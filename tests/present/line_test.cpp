// Lines with a width and areas between two lines.
#include <array>

#include "present/scene_fixture.hpp"

namespace tarsier {
namespace {

using present::TrailPoint;

constexpr present::Rgb kRed{255, 0, 0};

class LinesTest : public test::SceneTest {
 protected:
  void draw_lines(std::vector<present::LineInput> lines) {
    lines_ = std::move(lines);
    draw(kWidth, kHeight, {});
  }
  [[nodiscard]] int red_in_row(uint32_t y) const {
    int count = 0;
    for (uint32_t x = 0; x < kWidth; ++x) count += is_color(x, y, kRed, 8) ? 1 : 0;
    return count;
  }
};

TEST_F(LinesTest, ALineIsAsWideAsItSaysAndFades) {
  const std::array<TrailPoint, 3> points{{{160, 240, 1}, {160, 120, 1}, {160, 20, 0}}};
  draw_lines({{.points = points, .color = {1, 0, 0}, .width = 4}});
  const int wide = red_in_row(200);
  draw_lines({{.points = points, .color = {1, 0, 0}, .width = 2}});
  EXPECT_EQ(wide, 2 * red_in_row(200));
  EXPECT_GT(red_in_row(200), 0);
  EXPECT_EQ(red_in_row(60), 0) << "half transparent";
  EXPECT_FALSE(unchanged(160, 60));
  EXPECT_EQ(changed(0, 0, 140, kHeight) + changed(181, 0, kWidth, kHeight), 0U);
  EXPECT_EQ(changed(0, 0, kWidth, 19), 0U);
}

TEST_F(LinesTest, AnAreaFillsWhatLiesBetween) {
  const std::array<TrailPoint, 2> left{{{60, 200, 1}, {140, 100, 1}}}, right{{{260, 200, 1}, {180, 100, 1}}};
  draw_lines({{.points = left, .other = right, .color = {1, 0, 0}, .opacity = 1}});
  for (const uint32_t y : {110U, 150U, 190U}) {
    const double part = (200 - (y + 0.5)) / 100;
    EXPECT_NEAR(red_in_row(y), 200 - 160 * part, 2) << y;
    EXPECT_TRUE(is_color(160, y, kRed));
  }
  EXPECT_EQ(changed(0, 0, kWidth, 99) + changed(0, 201, kWidth, kHeight), 0U);
  const size_t all = changed(0, 0, kWidth, kHeight);
  draw_lines({{.points = left, .other = right, .color = {1, 0, 0}, .opacity = 0.3F}});
  EXPECT_NEAR(double(changed(0, 0, kWidth, kHeight)), double(all), double(all) / 20);
  EXPECT_EQ(red_in_row(150), 0);
}

TEST_F(LinesTest, NothingIsDrawnOfLinesWithoutALength) {
  const std::array<TrailPoint, 2> twice{{{60, 60, 1}, {60, 60, 1}}};
  draw_lines({{.points = {}}, {.points = std::span(twice).first(1)}, {.points = twice}});
  EXPECT_EQ(changed(0, 0, kWidth, kHeight), 0U);
}

}  // namespace
}  // namespace tarsier
