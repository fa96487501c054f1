// The timeline, the help page and panels that remember their place, in the program's own window with a real
// keyboard and mouse (xdotool).
#include <set>

#include "core/file.hpp"
#include "support/own_folder.hpp"
#include "window/log_listener.hpp"
#include "window/program_test.hpp"

namespace tarsier::test {
namespace {

/// Two people of the default clip walk over this line within its first two seconds.
constexpr const char* kPipeline = R"(description = "Timed."
[[stage]]
name = "detect"
type = "detect"
model = "yolox_nano"
[[stage]]
name = "track"
type = "track"
input = "detect"
[[stage]]
name = "zones"
type = "zones"
input = "track"
[[stage.line]]
name = "path"
points = [[0.65, 0.0], [0.65, 1.0]]
)";

/// Where the timeline has its marks: again in the same direction within half a second is the same.
std::vector<double> marks(const std::vector<nlohmann::json>& results) {
  std::set<double> times;
  for (const char* way : {"forward", "backward"}) {
    double last_s = -1;
    for (const auto& result : results) {
      bool goes = false;
      for (const auto& line : result["lines"])
        for (const auto& crossing : line["crossed"]) goes = goes || crossing["direction"] == way;
      if (!goes) continue;
      const double now = result["time"];
      if (now > last_s + 0.55) times.insert(now);
      last_s = now;
    }
  }
  return {times.begin(), times.end()};
}

class WindowTimeline : public ProgramTest {
 protected:
  OwnFolder state_{"XDG_STATE_HOME"};

  WindowTimeline() : ProgramTest("timed", kPipeline, {"yolox_nano"}) {
    options_.source.clear();
    options_.policy = "all";
    write_results();
  }
};

TEST_F(WindowTimeline, KeysGoFromEventToEventAndTheMouseSeesFrames) {
  LogListener log;
  run_with([&](Hand& user) {
    std::vector<double> crossed;
    ASSERT_TRUE(eventually([&] {
      const auto all = results();
      crossed = marks(all);
      return crossed.size() >= 2 && all.back()["time"].get<double>() > crossed[1] + 0.35;
    }));
    user.press("space");
    ASSERT_TRUE(stands());
    user.press("Home");
    comes(0);
    user.press("e");
    comes(crossed[0]);
    user.press("Home e e");
    comes(crossed[1]);
    user.press("shift+e");
    comes(crossed[0]);
    user.press("shift+e");  // none is there
    ASSERT_TRUE(stands());
    EXPECT_NEAR(last_s(), crossed[0], 1e-6);

    // Thumbnails come while the mouse is over the timeline, and nothing else moves.
    user.move_window(640, 650);
    user.act();
    EXPECT_TRUE(eventually([&] { return log.count("thumbnail of frame") >= 1; }));
    EXPECT_TRUE(user.rest());  // it is shown
    const size_t before = log.count("thumbnail of frame");
    user.move_window(760, 650);
    user.act();
    EXPECT_TRUE(eventually([&] { return log.count("thumbnail of frame") > before; }));
    EXPECT_TRUE(user.rest());
    EXPECT_NEAR(last_s(), crossed[0], 1e-6);
  });
}

TEST_F(WindowTimeline, EscapeClosesTheHelpPageAndPanelsAreWhereTheyWereLeft) {
  const auto kept = state_ / "tarsier" / "panels.json";
  run_with([&](Hand& user) {
    ASSERT_TRUE(eventually([&] { return last_s() > 0; }));
    user.press("F1");
    EXPECT_TRUE(user.rest());
    user.press("Escape");  // else it would quit
    EXPECT_TRUE(user.rest());
    const double now = last_s();
    ASSERT_TRUE(eventually([&] { return last_s() > now; })) << "it has ended";
    EXPECT_FALSE(std::filesystem::exists(kept)) << "nothing has moved";
    user.drag_control({1150, 20}, {950, 120});
    EXPECT_TRUE(eventually([&] { return std::filesystem::exists(kept); })) << "kept when it is let go";
  });
  write_results("again.jsonl");
  run_with([&](Hand& user) {
    ASSERT_TRUE(eventually([&] { return last_s() > 0; }));
    user.click_control({860, 149});  // "Pause", so far from where it was before
    EXPECT_TRUE(stands());
  });
}

TEST_F(WindowTimeline, ABrokenFileOfPlacesIsNoObstacle) {
  const auto kept = state_ / "tarsier" / "panels.json";
  ASSERT_TRUE(write_text_atomic(kept, "{\"controls\": {\"at\": [0.").ok());
  LogListener log;
  run_with([&](Hand&) { ASSERT_TRUE(eventually([&] { return last_s() > 0; })); });
  EXPECT_EQ(log.count(kept.string()), 1U) << "told once";
  const auto text = read_text(kept);
  ASSERT_TRUE(text.ok());
  EXPECT_EQ(*text, "{}");
}

}  // namespace
}  // namespace tarsier::test
