// A recording played in the program's own window with a real keyboard and mouse (xdotool), seen in the
// results that it writes.
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <thread>
#include <vector>

#include "app/application.hpp"
#include "core/file.hpp"
#include "core/log.hpp"
#include "core/text.hpp"
#include "gpu/device.hpp"
#include "support/temp_folder.hpp"
#include "support/test_data.hpp"
#include "window/hand.hpp"

namespace tarsier::app {
namespace {

using namespace std::chrono_literals;
using test::Hand;

/// Presentation times of the lines that were written so far.
std::vector<double> times(const std::filesystem::path& file) {
  std::vector<double> out;
  const auto text = read_text(file);
  if (!text.ok()) return out;
  for (const auto& line : split(*text, '\n')) {
    const auto json = nlohmann::json::parse(line, nullptr, false);
    if (json.is_object()) out.push_back(json["time"].get<double>());
  }
  return out;
}

TEST(WindowTransport, KeysPauseStepSeekAndRepeat) {
  log::init("warn");
  if (std::getenv("DISPLAY") == nullptr) GTEST_SKIP() << "no DISPLAY: run under xvfb-run";
  if (std::system("command -v xdotool >/dev/null") != 0) GTEST_SKIP() << "xdotool is missing";
  if (const auto why = test::missing_network("yolox_nano"); !why.empty()) GTEST_SKIP() << why;
  const test::TempFolder folder;
  RunOptions options;
  options.pipeline = folder
                         .write("played.toml",
                                "description = \"Played.\"\n[[stage]]\nname = \"detect\"\ntype = \"detect\"\n"
                                "model = \"yolox_nano\"\n")
                         .string();
  options.source = "synthetic:640x480@10";
  options.globals.validation = true;
  options.globals.tune = "off";
  options.max_frames = 5000;  // should nobody end it
  options.json = (folder / "seen.jsonl").string();
  const auto results = folder / "seen.jsonl.partial";
  const uint64_t complaints = gpu::total_validation_messages();

  const auto last = [&] {
    const auto all = times(results);
    return all.empty() ? -1.0 : all.back();
  };
  const auto comes = [&](double time_s) {
    const bool came = Hand::wait([&] { return std::abs(last() - time_s) < 1e-6; });
    EXPECT_TRUE(came) << "waited for " << time_s << " s, the last frame is of " << last() << " s";
  };
  std::thread hand([&] {
    Hand user("^Tarsier: played ");
    if (!user.find_window()) return;
    const auto press = [&](const std::string& keys) {
      for (const auto& one : split(keys, ' ')) user.key(one);
      user.act();
    };
    Hand::wait([&] { return last() > 0.3; });
    press("space");
    std::this_thread::sleep_for(2s);  // what was under way is there
    const double paused = last();
    std::this_thread::sleep_for(1s);
    EXPECT_EQ(last(), paused) << "it stands";
    press("Right");
    comes(paused + 0.1);
    press("Left");
    comes(paused);
    press("Left");
    comes(paused - 0.1);
    press("Home");
    comes(0);
    press("shift+Right");
    comes(5);
    press("shift+Left shift+Left");
    comes(0);
    press("shift+Right");
    comes(5);
    press("bracketleft");
    press("period");
    comes(5.1);
    press("period");
    comes(5.2);
    press("bracketright");
    const size_t before = times(results).size();
    press("space");
    EXPECT_TRUE(Hand::wait([&] { return times(results).size() > before + 8; }));
    const auto all = times(results);
    size_t starts = 0;
    for (size_t i = before; i < all.size(); ++i) {
      EXPECT_GE(all[i], 5 - 1e-6) << i;
      EXPECT_LE(all[i], 5.2 + 1e-6) << i;
      starts += all[i] < all[i - 1] ? 1 : 0;
    }
    EXPECT_GE(starts, 2U) << "round and round";
    press("backslash");
    EXPECT_TRUE(Hand::wait([&] { return last() > 5.5; })) << "and on";
    // The button in the bar does what Space does.
    user.move_window(366, 691);
    user.wait_ms(1500);  // slow frames: a button has to see the mouse before it is pressed
    user.click_window(366, 691);
    user.wait_ms(1500);
    user.act();
    EXPECT_TRUE(Hand::wait([&] {
      const double stands = last();
      std::this_thread::sleep_for(3s);
      return last() == stands;
    })) << "it plays on";
    press("q");
  });
  const Status ended = run(options);
  hand.join();
  EXPECT_TRUE(ended.ok()) << ended.error().message;
  EXPECT_EQ(gpu::total_validation_messages(), complaints);
}

}  // namespace
}  // namespace tarsier::app
