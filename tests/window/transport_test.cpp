// A recording played in the program's own window with a real keyboard and mouse (xdotool), seen in the
// results that it writes.
#include "window/program_test.hpp"

namespace tarsier::test {
namespace {

class WindowTransport : public ProgramTest {
 protected:
  WindowTransport() : ProgramTest("played") {
    options_.source = "synthetic:640x480@10";
    write_results();
  }
};

TEST_F(WindowTransport, KeysPauseStepSeekAndRepeat) {
  run_with([&](Hand& user) {
    ASSERT_TRUE(eventually([&] { return last_s() > 0.3; }));
    user.press("space");
    ASSERT_TRUE(stands());
    const double paused = last_s();
    user.press("Right");
    comes(paused + 0.1);
    user.press("Left");
    comes(paused);
    user.press("Left");
    comes(paused - 0.1);
    user.press("Home");
    comes(0);
    user.press("shift+Right");
    comes(5);
    user.press("shift+Left shift+Left");
    comes(0);
    user.press("shift+Right");
    comes(5);
    user.press("bracketleft");
    user.press("period");
    comes(5.1);
    user.press("period");
    comes(5.2);
    user.press("bracketright");
    const size_t before = results().size();
    user.press("space");
    EXPECT_TRUE(eventually([&] { return results().size() > before + 8; }));
    const auto all = results();
    size_t starts = 0;
    for (size_t i = before; i < all.size(); ++i) {
      const double now = all[i]["time"];
      EXPECT_GE(now, 5 - 1e-6) << i;
      EXPECT_LE(now, 5.2 + 1e-6) << i;
      // The same frame again, too: where the device is slow all others are late.
      starts += now <= all[i - 1]["time"].get<double>() ? 1 : 0;
    }
    EXPECT_GE(starts, 2U) << "round and round";
    user.press("backslash");
    EXPECT_TRUE(eventually([&] { return last_s() > 5.5; })) << "and on";
    // The button in the bar does what Space does.
    user.click_control({366, 691});
    EXPECT_TRUE(stands()) << "it plays on";
  });
}

}  // namespace
}  // namespace tarsier::test
