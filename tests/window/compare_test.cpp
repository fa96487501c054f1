// Sides that are compared, in the program's own window with a real mouse and keyboard (xdotool): seen in the
// results and the summary that it writes, and in the window's pixels.
#include <algorithm>

#include "core/file.hpp"
#include "support/temp_config.hpp"
#include "window/program_test.hpp"

namespace tarsier::test {
namespace {

/// With a preset "loose".
class WindowCompare : public ProgramTest {
 protected:
  TempConfig config_;

  WindowCompare() : ProgramTest("compared", kGoodDetector, {"yolox_nano", "fastestdet"}) {
    options_.source = "synthetic:640x480@10";
    write_results();
    options_.compare_json = (folder_ / "agreement.json").string();
    std::ofstream(config_.presets("compared") / "loose.toml") << "[detect]\nscore = 0.2\n";
  }
  /// Whether the latest frame so far went through two sides.
  [[nodiscard]] bool compares() const {
    const auto all = results();
    return !all.empty() && all.back()["stage_times"].contains("B detect network");
  }
  /// What was written of the comparison, in the end.
  [[nodiscard]] nlohmann::json summary() const {
    const auto text = read_text(options_.compare_json);
    return text.ok() ? nlohmann::json::parse(*text, nullptr, false) : nlohmann::json();
  }
};

TEST_F(WindowCompare, NetworkPrecisionAndPresetAreChosenFromTheList) {
  constexpr Spot kWith{150, 262};  // of a window of 1280x720, below "Compare"
  options_.compare = {"detect.score=0.75"};
  const auto networks = listed_networks();
  const auto other = std::ranges::find(networks, "fastestdet");
  ASSERT_NE(other, networks.end());
  ASSERT_LT(std::ranges::find(networks, "yolox_nano"), other) << "the one that runs is not listed";
  // Behind "all as it is now": the preset, fp16, auto, networks.
  for (const auto& [row, name] : {std::pair{1L, "preset loose"}, std::pair{2L, "precision fp16"},
                                  std::pair{3 + (other - networks.begin()), "detect.model fastestdet"}}) {
    SCOPED_TRACE(name);
    run_with([&, row = row](Hand& user) {
      ASSERT_TRUE(eventually([&] { return compares(); }));
      choose(user, kWith, 0);  // "nothing"
      ASSERT_TRUE(eventually([&] { return !compares(); }));
      choose(user, kWith, row);
      ASSERT_TRUE(eventually([&] { return compares(); }));
    });
    const auto told = summary();
    ASSERT_TRUE(told.is_object());
    const auto &a = told["a"], &b = told["b"];
    EXPECT_EQ(b["compare"], name);
    EXPECT_EQ(b["preset"], row == 1 ? nlohmann::json("loose") : nlohmann::json());
    EXPECT_EQ(b["params"].value("detect.score", 0.35), row == 1 ? 0.2 : 0.35);
    EXPECT_EQ(b["precision"], row == 2 ? "fp16" : "fp32");
    EXPECT_EQ(b["params"].value("detect.model", ""), row > 2 ? "fastestdet" : "yolox_nano");
    EXPECT_EQ(a["params"].value("detect.model", ""), "yolox_nano");
  }
}

TEST_F(WindowCompare, KeysGoToFramesThatDiffer) {
  constexpr double kThreshold = 0.2, kRate = 10;  // frames/s of the default clip
  options_.source.clear();
  options_.policy = "all";
  options_.compare = {"detect.score=0.75"};
  std::vector<double> shown;
  run_with([&](Hand& user) {
    ASSERT_TRUE(eventually([&] { return results().size() > 7; }));
    user.press("space");
    ASSERT_TRUE(stands());
    user.press("Home");
    comes(0);
    for (const char* key : {"d", "d", "d", "shift+d", "shift+d"}) {
      const double before = last_s();
      user.press(key);
      EXPECT_TRUE(eventually([&] { return last_s() != before; })) << key;
      shown.push_back(last_s());
    }
  });
  const auto told = summary();
  ASSERT_TRUE(told.is_object());
  std::vector<double> differ;
  size_t agree = 0;
  for (const auto& frame : told["disagreements"]) {
    const double time_s = frame[0].get<double>() / kRate;
    if (frame[1] <= kThreshold) {
      ++agree;
    } else if (time_s > 0) {
      differ.push_back(time_s);
    }
  }
  ASSERT_GE(differ.size(), 3U);
  EXPECT_GE(agree, 2U) << "those are left out";
  const std::vector<double> wanted{differ[0], differ[1], differ[2], differ[1], differ[0]};
  ASSERT_EQ(shown.size(), wanted.size());
  for (size_t i = 0; i < wanted.size(); ++i) EXPECT_NEAR(shown[i], wanted[i], 1e-6) << i;
}

class WindowWipe : public ProgramTest {
 protected:
  /// Nobody is in the picture: where the effect is green, all of it is.
  WindowWipe()
      : ProgramTest("wiped",
                    "[[stage]]\nname = \"person\"\ntype = \"segment\"\nmodel = \"selfie_segmentation\"\n"
                    "[[stage.mask]]\nname = \"person\"\noutput = \"segment_back\"\ncolor = \"#3d8bff\"\n"
                    "opacity = 0\n[[stage]]\nname = \"background\"\ntype = \"background\"\n"
                    "input = \"person\"\ninput_mask = \"person\"\neffect = \"none\"\ncolor = \"#00ff00\"\n",
                    {"selfie_segmentation"}, {"xwd", "convert"}) {
    options_.source = "synthetic:640x480@10";
  }
};

TEST_F(WindowWipe, ItsEdgeIsDragged) {
  options_.compare = {"background.effect=green"};
  /// Whether the window is green there, in parts of the picture's width, well below panels' upper ends.
  const auto green = [&](double x) {
    const std::string file = (folder_ / "window.rgb").string();
    const std::string command =
        "xwd -silent -root | convert xwd:- -crop 1280x720+0+0 +repage -depth 8 rgb:" + file;
    if (std::system(command.c_str()) != 0) return false;
    const auto bytes = read_file(file);
    if (!bytes.ok() || bytes->size() != size_t(1280) * 720 * 3) return false;
    const size_t at = (size_t(0.5 * 720) * 1280 + size_t(160 + x * 960)) * 3;
    return int((*bytes)[at + 1]) > 220 && int((*bytes)[at]) < 60 && int((*bytes)[at + 2]) < 60;
  };
  run_with([&](Hand& user) {
    // Between the panels, where the picture is free.
    EXPECT_TRUE(eventually([&] { return green(0.7); })) << "the second side is right of the middle";
    EXPECT_FALSE(green(0.3));
    user.drag_control({640, 576}, {400, 576});
    EXPECT_TRUE(eventually([&] { return green(0.3); })) << "the edge is left of it now";
    EXPECT_TRUE(green(0.7));
    user.drag_control({400, 576}, {880, 576});
    EXPECT_TRUE(eventually([&] { return !green(0.7) && !green(0.3); }));
  });
}

}  // namespace
}  // namespace tarsier::test
