// Parameters changed in the program's own window with a real mouse and keyboard (xdotool), seen in the
// results that it writes.
#include <algorithm>
#include <cmath>

#include "core/file.hpp"
#include "support/temp_config.hpp"
#include "window/log_listener.hpp"
#include "window/program_test.hpp"

namespace tarsier::test {
namespace {

// In the panel of a window of 1280x720, as far as they are wide.
constexpr Spot kList{1125, 130}, kUndo{1061, 156}, kSaveAs{1125, 181}, kSave{1214, 202}, kScoreLow{1100, 298},
    kScoreHigh{1180, 298};
class WindowParams : public ProgramTest {
 protected:
  TempConfig config_;

  WindowParams() : ProgramTest("tuned") {
    write_results();
    options_.preset = "careful";
    write("careful", "[detect]\nscore = 0.6\n");
    write("loose", "[detect]\nscore = 0.2\n");
  }
  [[nodiscard]] std::filesystem::path preset(const std::string& name) const {
    return config_.presets("tuned") / (name + ".toml");
  }
  void write(const std::string& name, const std::string& text) const {
    ASSERT_TRUE(write_text_atomic(preset(name), text).ok());
  }

  /// What the results say by now.
  struct Told {
    std::string preset;
    double score = 0;
    size_t changes = 0;  // lines that tell parameters
  };
  [[nodiscard]] Told told() const {
    Told told;
    for (const auto& line : results()) {
      told.preset = line["preset"].is_null() ? "" : line["preset"].get<std::string>();
      if (line["params"].is_null()) continue;
      ++told.changes;
      told.score = line["params"].value("detect.score", 0.35);
    }
    return told;
  }
  /// Leaves lists and text in the end: Q is for the program then.
  template <class Acts>
  void tune(Acts acts) {
    run_with([&](Hand& user) {
      acts(user);
      user.click_window(640, 690);
      user.act_and_rest();
    });
  }
  template <class Fits>
  [[nodiscard]] bool comes(Fits fits) const {
    Told last;
    const bool came = eventually([&] { return fits(last = told()); });
    if (!came) ADD_FAILURE() << "the results say: preset '" << last.preset << "', score " << last.score;
    return came;
  }
  /// Whether the results say so before long.
  [[nodiscard]] bool comes(const std::string& preset, double score) const {
    return comes(
        [&](const Told& told) { return told.preset == preset && std::abs(told.score - score) < 1e-9; });
  }
};

TEST_F(WindowParams, ADragIsOneStepAndAPresetIsOne) {
  tune([&](Hand& user) {
    ASSERT_TRUE(comes("careful", 0.6));
    const size_t before = told().changes;
    user.drag_control(kScoreLow, kScoreHigh);
    ASSERT_TRUE(comes([](const Told& told) { return told.score > 0.65 && told.score < 0.85; }));
    const double dragged = told().score;
    EXPECT_GE(told().changes, before + 2) << "it counted while it was dragged";
    user.press("ctrl+z");
    ASSERT_TRUE(comes("careful", 0.6));
    user.press("ctrl+y");
    ASSERT_TRUE(comes("careful", dragged));
    user.press("ctrl+z ctrl+shift+z");
    ASSERT_TRUE(comes("careful", dragged));

    user.click_control(kList);
    user.key("Escape");  // closes the list, not the program
    user.act_and_rest();
    choose(user, kList, 2);  // none, careful, loose
    ASSERT_TRUE(comes("loose", 0.2));
    user.click_control(kUndo);
    ASSERT_TRUE(comes("careful", dragged)) << "with what was set before it";
    user.press("ctrl+z");
    ASSERT_TRUE(comes("careful", 0.6));
  });
}

TEST_F(WindowParams, AFileThatChangesIsReadAndABadOneIsNot) {
  const LogListener log;
  tune([&](Hand&) {
    ASSERT_TRUE(comes("careful", 0.6));
    write("careful", "[detect]\nscore = 0.5\n");
    ASSERT_TRUE(comes("careful", 0.5));
    write("careful", "[detect]\nscore = 5\n");
    const std::string place = preset("careful").string() + ":2: ";
    EXPECT_TRUE(eventually([&] { return log.count(place + "detect.score: 5 is out of range") > 0; }));
    EXPECT_TRUE(Hand::rest());  // frames were made since: with what?
    EXPECT_TRUE(comes("careful", 0.5));
    write("careful", "[detect]\nscore = 0.45\n");
    ASSERT_TRUE(comes("careful", 0.45)) << "it went on";
  });
}

TEST_F(WindowParams, WhatIsSetIsSavedUnderAName) {
  tune([&](Hand& user) {
    ASSERT_TRUE(comes("careful", 0.6));
    user.drag_control(kScoreLow, kScoreHigh);
    ASSERT_TRUE(comes([](const Told& told) { return told.score > 0.65; }));
    user.click_control(kSaveAs);
    user.type("night");  // in the place of the name that is marked
    user.act_and_rest();
    user.click_control(kSave);
    ASSERT_TRUE(comes([](const Told& told) { return told.preset == "night" && told.score > 0.65; }));
  });
  const auto text = read_text(preset("night"));
  ASSERT_TRUE(text.ok()) << text.error().message;
  EXPECT_TRUE(text->starts_with("# A preset of the pipeline tuned")) << *text;
  const double score = told().score;
  EXPECT_TRUE(text->ends_with(fmt::format("\n[detect]\nscore = {}\n", score))) << *text;
  EXPECT_EQ(*read_text(preset("careful")), "[detect]\nscore = 0.6\n") << "the other one stays";
}

}  // namespace
}  // namespace tarsier::test
