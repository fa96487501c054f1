// The profiler panel: with a mouse of its own, and in the program's window with a real keyboard.
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <gtest/gtest.h>
#include <imgui.h>
#include <string>
#include <thread>

#include "app/application.hpp"
#include "core/log.hpp"
#include "overlay/panels.hpp"
#include "support/temp_folder.hpp"
#include "support/test_data.hpp"
#include "window/hand.hpp"

namespace tarsier {
namespace {

using namespace std::chrono_literals;
using test::Hand;

class ProfilerPanelTest : public ::testing::Test {
 protected:
  static constexpr float kLeft = 300, kBottom = 620, kWidth = 680;
  overlay::ProfilerPanel panel_;
  Profiler profiler_;
  uint64_t next_ = 0;

  void SetUp() override {
    ImGui::CreateContext();
    ImGuiIO& io = ImGui::GetIO();
    io.DisplaySize = {1280, 720};
    overlay::apply_style(1, "");
    unsigned char* pixels = nullptr;
    int width = 0, height = 0;
    io.Fonts->GetTexDataAsAlpha8(&pixels, &width, &height);
  }
  void TearDown() override { ImGui::DestroyContext(); }

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
  void turn() {
    ImGui::GetIO().DeltaTime = 1.0F / 30;
    ImGui::NewFrame();
    panel_.begin({&profiler_, {{"weights", 4'000'000}}, "a GPU", "a driver"}, kLeft, kBottom, kWidth);
    ImGui::End();
    ImGui::Render();
  }
  void move(float x, float y) {
    ImGui::GetIO().MousePos = {x, y};
    for (int i = 0; i < 3; ++i) turn();
  }
  void click() {
    for (const bool down : {true, false}) {
      ImGui::GetIO().MouseDown[0] = down;
      turn();
    }
    turn();
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
  move(kLeft + kWidth / 2, history_y());
  click();
  const auto middle = panel_.chosen_frame();
  ASSERT_TRUE(middle);
  EXPECT_NEAR(double(*middle), Profiler::kFrames / 2.0, 6);
  add_frames(2 * int(Profiler::kFrames));
  turn();
  EXPECT_EQ(panel_.chosen_frame(), middle) << "its place in the profiler has long been taken";
  // Scrolling back, beyond the first.
  ImGui::GetIO().MouseDown[0] = true;
  turn();
  move(kLeft + kWidth / 4, history_y());
  EXPECT_NEAR(double(panel_.chosen_frame().value_or(0)), Profiler::kFrames / 4.0, 6);
  move(0, history_y());
  EXPECT_EQ(panel_.chosen_frame(), 0U);
  ImGui::GetIO().MouseDown[0] = false;
  turn();

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

TEST(WindowProfiler, PShowsAndHidesIt) {
  log::init("warn");
  if (std::getenv("DISPLAY") == nullptr) GTEST_SKIP() << "no DISPLAY: run under xvfb-run";
  if (std::system("command -v xdotool import >/dev/null") != 0)
    GTEST_SKIP() << "xdotool or import is missing";
  if (const auto why = test::missing_network("yolox_nano"); !why.empty()) GTEST_SKIP() << why;
  const test::TempFolder folder;
  app::RunOptions options;
  options.pipeline = folder
                         .write("profiled.toml",
                                "description = \"Profiled.\"\n[[stage]]\nname = \"detect\"\ntype = "
                                "\"detect\"\nmodel = \"yolox_nano\"\n")
                         .string();
  options.source = "synthetic:640x480";
  options.globals.validation = true;
  options.globals.tune = "off";
  options.max_frames = 5000;  // should nobody end it
  options.trace = (folder / "run.json").string();
  const uint64_t complaints = gpu::total_validation_messages();
  std::thread hand([&] {
    Hand user("^Tarsier: profiled ");
    if (!user.find_window()) return;
    std::this_thread::sleep_for(2s);
    EXPECT_EQ(colored_points(), 0) << "it is there before anybody asked";
    user.key("p");
    user.act();
    EXPECT_TRUE(Hand::wait([] { return colored_points() > 200; }));
    user.key("p");
    user.act();
    EXPECT_TRUE(Hand::wait([] { return colored_points() == 0; }));
    user.key("q");
    user.act();
  });
  const Status ended = app::run(options);
  hand.join();
  EXPECT_TRUE(ended.ok()) << ended.error().message;
  EXPECT_EQ(gpu::total_validation_messages(), complaints);
  EXPECT_EQ(folder.entries().size(), 2U) << "a window's trace is put in place, too";
}

}  // namespace
}  // namespace tarsier
