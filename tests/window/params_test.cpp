// Parameters changed in the program's own window with a real mouse and keyboard (xdotool), seen in the
// results that it writes.
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <functional>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <thread>

#include "app/application.hpp"
#include "core/file.hpp"
#include "core/log.hpp"
#include "core/text.hpp"
#include "gpu/device.hpp"
#include "support/temp_config.hpp"
#include "support/test_data.hpp"
#include "window/hand.hpp"

namespace tarsier::app {
namespace {

using namespace std::chrono_literals;
using test::Hand;

constexpr const char* kPipeline =
    "description = \"Tuned.\"\n[[stage]]\nname = \"detect\"\ntype = \"detect\"\nmodel = \"yolox_nano\"\n";

// In the panel of a window of 1280x720, as far as they are wide.
struct Spot {
  int x, y;
};
constexpr Spot kList{1125, 130}, kUndo{1061, 156}, kSaveAs{1125, 181}, kSave{1214, 202}, kScoreLow{1100, 298},
    kScoreHigh{1180, 298};
constexpr int kRow = 19, kFirstRow = 157;  // of the list

/// What the lines that were written so far say.
struct Told {
  std::string preset;
  double score = 0;
  size_t changes = 0;  // lines that tell parameters
};

Told read_results(const std::filesystem::path& file) {
  Told told;
  const auto text = read_text(file);
  if (!text.ok()) return told;
  for (const auto& line : split(*text, '\n')) {
    const auto json = nlohmann::json::parse(line, nullptr, false);
    if (!json.is_object()) continue;  // half a line
    told.preset = json["preset"].is_null() ? "" : json["preset"].get<std::string>();
    if (json["params"].is_null()) continue;
    ++told.changes;
    told.score = json["params"].value("detect.score", 0.35);
  }
  return told;
}

class WindowParams : public ::testing::Test {
 protected:
  test::TempConfig config_;
  test::TempFolder folder_;
  RunOptions options_;
  std::filesystem::path results_;

  void SetUp() override {
    log::init("warn");
    if (std::getenv("DISPLAY") == nullptr) GTEST_SKIP() << "no DISPLAY: run under xvfb-run";
    if (std::system("command -v xdotool >/dev/null") != 0) GTEST_SKIP() << "xdotool is missing";
    if (const auto why = test::missing_network("yolox_nano"); !why.empty()) GTEST_SKIP() << why;
    options_.pipeline = folder_.write("tuned.toml", kPipeline).string();
    options_.source = "synthetic:640x480";
    options_.globals.validation = true;
    options_.globals.tune = "off";
    options_.max_frames = 5000;  // should nobody end it
    options_.json = (folder_ / "seen.jsonl").string();
    options_.preset = "careful";
    results_ = folder_ / "seen.jsonl.partial";
    write("careful", "[detect]\nscore = 0.6\n");
    write("loose", "[detect]\nscore = 0.2\n");
  }
  [[nodiscard]] std::filesystem::path preset(const std::string& name) const {
    return config_.presets("tuned") / (name + ".toml");
  }
  void write(const std::string& name, const std::string& text) const {
    ASSERT_TRUE(write_text_atomic(preset(name), text).ok());
  }

  /// Runs the program with somebody at it, who quits in the end.
  void run_with(const std::function<void(Hand&)>& acts) {
    const uint64_t complaints = gpu::total_validation_messages();
    std::thread hand([&] {
      Hand user("^Tarsier: tuned ");
      if (!user.find_window()) return;
      acts(user);
      user.click_window(640, 690);  // away from lists and text
      user.act();
      std::this_thread::sleep_for(1s);
      user.key("q");
      user.act();
    });
    const Status ended = run(options_);
    hand.join();
    EXPECT_TRUE(ended.ok()) << ended.error().message;
    EXPECT_EQ(gpu::total_validation_messages(), complaints);
  }
  template <class Fits>
  [[nodiscard]] bool comes(Fits fits) const {
    const bool came = Hand::wait([&] { return fits(read_results(results_)); });
    const Told last = read_results(results_);
    if (!came) ADD_FAILURE() << "the results say: preset '" << last.preset << "', score " << last.score;
    return came;
  }
  /// Whether the results say so before long.
  [[nodiscard]] bool comes(const std::string& preset, double score) const {
    return comes(
        [&](const Told& told) { return told.preset == preset && std::abs(told.score - score) < 1e-9; });
  }
  /// Slow frames: the mouse has to stay where it is for one or two.
  static void click(Hand& user, Spot spot) {
    user.move_window(spot.x, spot.y);
    user.wait_ms(1200);
    user.click_window(spot.x, spot.y);
    user.wait_ms(1200);
    user.act();
  }
};

TEST_F(WindowParams, ADragIsOneStepAndAPresetIsOne) {
  run_with([&](Hand& user) {
    ASSERT_TRUE(comes("careful", 0.6));
    const size_t before = read_results(results_).changes;
    user.drag_window(kScoreLow.x, kScoreLow.y, kScoreHigh.x, kScoreHigh.y, 2000);
    user.act();
    ASSERT_TRUE(comes([](const Told& told) { return told.score > 0.65 && told.score < 0.85; }));
    const double dragged = read_results(results_).score;
    EXPECT_GE(read_results(results_).changes, before + 2) << "it counted while it was dragged";
    user.key("ctrl+z");
    user.act();
    ASSERT_TRUE(comes("careful", 0.6));
    user.key("ctrl+y");
    user.act();
    ASSERT_TRUE(comes("careful", dragged));
    user.key("ctrl+z");
    user.key("ctrl+shift+z");
    user.act();
    ASSERT_TRUE(comes("careful", dragged));

    click(user, kList);
    user.key("Escape");  // closes the list, not the program
    user.wait_ms(2000);
    user.act();
    click(user, kList);
    click(user, {kList.x, kFirstRow + 2 * kRow});  // none, careful, loose
    ASSERT_TRUE(comes("loose", 0.2));
    click(user, kUndo);
    ASSERT_TRUE(comes("careful", dragged)) << "with what was set before it";
    user.key("ctrl+z");
    user.act();
    ASSERT_TRUE(comes("careful", 0.6));
  });
}

TEST_F(WindowParams, AFileThatChangesIsReadAndABadOneIsNot) {
  ::testing::internal::CaptureStderr();
  run_with([&](Hand&) {
    ASSERT_TRUE(comes("careful", 0.6));
    write("careful", "[detect]\nscore = 0.5\n");
    ASSERT_TRUE(comes("careful", 0.5));
    write("careful", "[detect]\nscore = 5\n");
    std::this_thread::sleep_for(3s);
    EXPECT_TRUE(comes("careful", 0.5));
    write("careful", "[detect]\nscore = 0.45\n");
    ASSERT_TRUE(comes("careful", 0.45)) << "it went on";
  });
  const std::string said = ::testing::internal::GetCapturedStderr();
  EXPECT_NE(said.find("careful.toml:2: detect.score: 5 is out of range"), std::string::npos) << said;
}

TEST_F(WindowParams, WhatIsSetIsSavedUnderAName) {
  run_with([&](Hand& user) {
    ASSERT_TRUE(comes("careful", 0.6));
    user.drag_window(kScoreLow.x, kScoreLow.y, kScoreHigh.x, kScoreHigh.y, 2000);
    user.act();
    ASSERT_TRUE(comes([](const Told& told) { return told.score > 0.65; }));
    click(user, kSaveAs);
    user.wait_ms(4000);  // until the text field has the keys
    user.type("night");  // in the place of the name that is marked
    user.act();          // xdotool types all that follows
    std::this_thread::sleep_for(2s);
    click(user, kSave);
    ASSERT_TRUE(comes([](const Told& told) { return told.preset == "night" && told.score > 0.65; }));
  });
  const auto text = read_text(preset("night"));
  ASSERT_TRUE(text.ok()) << text.error().message;
  EXPECT_TRUE(text->starts_with("# A preset of the pipeline tuned")) << *text;
  const double score = read_results(folder_ / "seen.jsonl").score;
  EXPECT_TRUE(text->ends_with(fmt::format("\n[detect]\nscore = {}\n", score))) << *text;
  EXPECT_EQ(*read_text(preset("careful")), "[detect]\nscore = 0.6\n") << "the other one stays";
}

}  // namespace
}  // namespace tarsier::app
