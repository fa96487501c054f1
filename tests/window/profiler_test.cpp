// The profiler panel: with a mouse of its own, and in the program's window with a real keyboard.
#include <array>
#include <cstdint>
#include <cstdio>

#include "window/panel_test.hpp"
#include "window/program_test.hpp"

namespace tarsier::test {
namespace {

using namespace std::chrono_literals;

class ProfilerPanelTest : public PanelTest {
 protected:
  static constexpr float kLeft = 300, kBottom = 620, kWide = 680;
  overlay::ProfilerPanel panel_;
  Profiler profiler_;
  uint64_t next_ = 0;

  void add_frames(int count) {
    for (int i = 0; i < count; ++i) {
      FrameProfile& frame = profiler_.begin(next_);
      frame.captured = FrameProfile::Clock::time_point() + next_ * 40ms;
      frame.completed = frame.captured + 20ms;
      using Track = ProfileSpan::Track;
      profiler_.add(frame, Track::kCapture, "capture", frame.captured - 5ms, frame.captured - 2ms);
      profiler_.add(frame, Track::kHost, "draw", frame.captured, frame.captured + 1ms);
      profiler_.add(frame, Track::kDevice, "detect", frame.captured + 1ms, frame.completed);
      profiler_.count_drops(frame, "late", 2);
      profiler_.finish(frame);
      ++next_;
    }
  }
  void draw() override {
    panel_.begin({&profiler_, {{"weights", 4'000'000}}, "a GPU", "a driver"}, kLeft, kBottom, kWide);
    ImGui::End();
  }
  static float button_y() {
    const ImGuiStyle& style = ImGui::GetStyle();
    return kBottom - overlay::ProfilerPanel::height() + style.WindowPadding.y + ImGui::GetFontSize() / 2;
  }
  /// In the middle of the graph of the last frames.
  static float history_y() { return button_y() + 2.5F * ImGui::GetFontSize(); }
};

TEST_F(ProfilerPanelTest, NoFrameIsNoMistake) {
  turn();
  EXPECT_FALSE(panel_.chosen_frame());
  move(kLeft + 20, history_y());
  click();
  EXPECT_FALSE(panel_.chosen_frame());
}

TEST_F(ProfilerPanelTest, AClickFreezesAFrameWhichStaysWhileOthersCome) {
  add_frames(Profiler::kFrames);
  turn();
  EXPECT_FALSE(panel_.chosen_frame()) << "the latest is shown";
  move(kLeft + kWide / 2, history_y());
  click();
  const auto middle = panel_.chosen_frame();
  ASSERT_TRUE(middle);
  EXPECT_NEAR(double(*middle), Profiler::kFrames / 2.0, 6);
  add_frames(2 * int(Profiler::kFrames));
  turn();
  EXPECT_EQ(panel_.chosen_frame(), middle) << "its place in the profiler has long been taken";
  // Scrolling back, beyond the first.
  hold(true);
  move(kLeft + kWide / 4, history_y());
  EXPECT_NEAR(double(panel_.chosen_frame().value_or(0)), Profiler::kFrames / 4.0, 6);
  move(0, history_y());
  EXPECT_EQ(panel_.chosen_frame(), 0U);
  hold(false);

  move(kLeft + ImGui::GetStyle().WindowPadding.x + 20, button_y());  // "Go on"
  click();
  EXPECT_FALSE(panel_.chosen_frame());
  click();
  EXPECT_EQ(panel_.chosen_frame(), next_ - 1) << "Freeze takes the latest";
}

/// How many points of the screen's lower middle have the colour of the first pass.
int colored_points() {
  std::FILE* pipe = popen("import -window root -crop 660x330+310+330 -depth 8 rgb:- 2>/dev/null", "r");
  if (pipe == nullptr) return -1;
  std::array<uint8_t, 3> point{};
  int points = 0, count = 0;
  for (; std::fread(point.data(), 1, 3, pipe) == 3; ++points)
    count += point == std::array<uint8_t, 3>{230, 159, 0} ? 1 : 0;
  pclose(pipe);
  return points == 660 * 330 ? count : -1;
}

class WindowProfiler : public ProgramTest {
 protected:
  WindowProfiler() : ProgramTest("profiled", kDetector, {"fastestdet"}, {"import"}) {}
};

TEST_F(WindowProfiler, PShowsAndHidesIt) {
  options_.trace = (folder_ / "run.json").string();
  run_with([&](Hand& user) {
    EXPECT_TRUE(user.rest());
    EXPECT_EQ(colored_points(), 0) << "it is there before anybody asked";
    user.press("p");
    EXPECT_TRUE(eventually([] { return colored_points() > 200; }));
    user.press("p");
    EXPECT_TRUE(eventually([] { return colored_points() == 0; }));
  });
  EXPECT_EQ(folder_.entries().size(), 2U) << "a window's trace is put in place, too";
}

}  // namespace
}  // namespace tarsier::test
