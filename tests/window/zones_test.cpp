// Zones drawn in the program's own window with a real mouse (xdotool), saved, and read back from the file.
#include "core/file.hpp"
#include "window/program_test.hpp"

namespace tarsier::test {
namespace {

constexpr const char* kPipeline = R"(description = "Drawn."
[[stage]]
name = "detect"
type = "detect"
model = "fastestdet"
[[stage]]
name = "track"
type = "track"
[[stage]]
name = "zones" # counts
type = "zones"

# A gate.
[[stage.line]]
name = "gate"
points = [[0.35, 0.1], [0.65, 0.1]] # from left to right

# The end.
)";

class WindowZonesTest : public ProgramTest {
 protected:
  std::filesystem::path file_ = folder_ / "drawn.toml";
  std::string text_ = kPipeline;  // of the file, as the hand saw it

  WindowZonesTest() : ProgramTest("drawn", kPipeline) {}
  /// With somebody who waits until the panels have their places.
  template <class Hands>
  void use(Hands hands) {
    run_with([&](Hand& user) {
      ASSERT_TRUE(user.rest());
      hands(user);
    });
  }
  /// Whether the file came to be another one since it was looked at.
  bool saved() {
    const std::string before = text_;
    return eventually([&] {
      text_ = *read_text(file_);
      return text_ != before;
    });
  }
  std::vector<pipeline::ZoneSpec> zones() {
    Params params;
    const auto spec = pipeline::load_pipeline(file_.string(), params);
    EXPECT_TRUE(spec.ok()) << spec.error().message;
    return spec.ok() ? spec->stages.back().zones : std::vector<pipeline::ZoneSpec>();
  }
};

TEST_F(WindowZonesTest, AreDrawnWithTheMouseAndSaved) {
  use([&](Hand& user) {
    // Given up: Escape ends the drawing, not the program.
    user.key("z");
    user.click(0.4, 0.3);
    user.key("Escape");
    // What is clicked in a panel is no corner.
    user.key("z");
    user.click_window(150, 60);
    user.click(0.4, 0.3);
    user.click(0.6, 0.3);
    user.click(0.6, 0.85);
    user.key("BackSpace");
    user.click(0.55, 0.7);
    user.click(0.4, 0.3);  // closes it
    user.drag(0.6, 0.3, 0.65, 0.35);
    user.key("l");
    user.click(0.35, 0.8);
    user.click(0.65, 0.85);
    user.act();
    user.press("ctrl+s");
    EXPECT_TRUE(saved());
    EXPECT_TRUE(user.rest());  // it goes on after it has read its own writing
  });
  const std::string& text = text_;
  const std::string before = kPipeline;
  const size_t end = before.find("\n\n# The end.");
  EXPECT_EQ(text.substr(0, end), before.substr(0, end)) << "what was there stays byte for byte";
  EXPECT_TRUE(text.ends_with(before.substr(end))) << text;
  const auto zones = this->zones();
  ASSERT_EQ(zones.size(), 3U) << text;
  const auto expect = [&](size_t i, const std::string& name, const std::vector<vision::Point>& points) {
    EXPECT_EQ(zones[i].shape.name, name);
    EXPECT_EQ(zones[i].source, "synthetic:640x480");
    ASSERT_EQ(zones[i].shape.points.size(), points.size()) << text;
    for (size_t k = 0; k < points.size(); ++k) {  // a pixel
      EXPECT_NEAR(zones[i].shape.points[k].x, points[k].x, 1.0 / 960);
      EXPECT_NEAR(zones[i].shape.points[k].y, points[k].y, 1.0 / 720);
    }
  };
  expect(1, "line 1", {{0.35, 0.8}, {0.65, 0.85}});
  expect(2, "zone 1", {{0.4, 0.3}, {0.65, 0.35}, {0.55, 0.7}});
}

TEST_F(WindowZonesTest, QuittingAsksOnceBeforeAnythingIsLost) {
  use([&](Hand& user) {
    user.key("l");
    user.click(0.35, 0.8);
    user.key("q");  // in the middle of a line
    user.act_and_rest();
    user.click(0.65, 0.85);
    user.act_and_rest();
    user.press("ctrl+s");
    EXPECT_TRUE(saved());
    EXPECT_TRUE(user.rest());
    user.key("l");
    user.click(0.35, 0.9);
    user.click(0.65, 0.95);
    user.key("q");
    user.act_and_rest();
    EXPECT_FALSE(over_) << "not saved";
    user.press("q");
    EXPECT_TRUE(eventually([&] { return over_.load(); }));
  });
  EXPECT_EQ(zones().size(), 2U) << text_;
}

TEST_F(WindowZonesTest, ADragEndsWhileThePanelsAreHidden) {
  use([&](Hand& user) {
    user.key("z");
    user.click(0.4, 0.3);
    user.click(0.6, 0.3);
    user.click(0.55, 0.7);
    user.key("Return");
    user.press(0.6, 0.3);
    user.to(0.62, 0.32);
    user.key("Tab");
    user.act_and_rest();
    user.to(0.65, 0.35);
    user.release();
    user.act_and_rest();
    user.key("Tab");
    user.to(0.5, 0.9);
    user.act_and_rest();
    user.press("ctrl+s");
    EXPECT_TRUE(saved());
    EXPECT_TRUE(user.rest());
  });
  const auto all = zones();
  ASSERT_EQ(all.size(), 2U);
  const auto& points = all.back().shape.points;
  ASSERT_EQ(points.size(), 3U) << text_;
  EXPECT_NEAR(points[1].x, 0.65, 1.0 / 960);
  EXPECT_NEAR(points[1].y, 0.35, 1.0 / 720);
}

}  // namespace
}  // namespace tarsier::test
