// Networks that are swapped in mid-run and sides that are compared, in the program's own window with a real
// mouse (xdotool): seen in the results that it writes, and in the window's pixels.
#include <chrono>
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
#include "support/temp_folder.hpp"
#include "support/test_data.hpp"
#include "window/hand.hpp"

namespace tarsier::app {
namespace {

using namespace std::chrono_literals;
using test::Hand;

/// The network of each line that was written so far.
std::vector<std::string> networks(const std::filesystem::path& file) {
  std::vector<std::string> out;
  const auto text = read_text(file);
  if (!text.ok()) return out;
  for (const auto& line : split(*text, '\n')) {
    const auto json = nlohmann::json::parse(line, nullptr, false);
    if (!json.is_object()) continue;  // half a line
    if (json["params"].is_null()) {
      out.push_back(out.back());
    } else {
      out.push_back(json["params"].value("detect.model", "centernet"));
    }
  }
  return out;
}

class WindowSwapTest : public ::testing::Test {
 protected:
  test::TempFolder folder_;
  RunOptions options_;

  void SetUp() override {
    log::init("warn");
    if (std::getenv("DISPLAY") == nullptr) GTEST_SKIP() << "no DISPLAY: run under xvfb-run";
    if (std::system("command -v xdotool >/dev/null") != 0) GTEST_SKIP() << "xdotool is missing";
    options_.source = "synthetic:640x480@10";
    options_.globals.validation = true;
    options_.globals.tune = "off";
    options_.max_frames = 5000;  // should nobody end it
  }
  /// Runs the program with somebody at it, who quits in the end.
  void run_with(const std::function<void(Hand&)>& acts) {
    const uint64_t complaints = gpu::total_validation_messages();
    std::thread hand([&] {
      Hand user("^Tarsier: swapped ");
      if (!user.find_window()) return;
      acts(user);
      user.key("q");
      user.act();
    });
    const Status ended = run(options_);
    hand.join();
    EXPECT_TRUE(ended.ok()) << ended.error().message;
    EXPECT_EQ(gpu::total_validation_messages(), complaints);
  }
};

TEST_F(WindowSwapTest, FramesGoOnUntilTheNewNetworkIsReady) {
  for (const char* network : {"yolox_nano", "fastestdet"}) {
    if (const auto why = test::missing_network(network); !why.empty()) GTEST_SKIP() << why;
  }
  const auto write = [&](const std::string& model) {
    const std::string text = "[[stage]]\nname = \"detect\"\ntype = \"detect\"\nmodel = \"" + model + "\"\n";
    ASSERT_TRUE(write_text_atomic(folder_ / "swapped.toml", text).ok());
  };
  write("yolox_nano");
  options_.pipeline = (folder_ / "swapped.toml").string();
  options_.json = (folder_ / "seen.jsonl").string();
  const auto results = folder_ / "seen.jsonl.partial";
  run_with([&](Hand&) {
    const auto comes = [&](const std::string& network, size_t more) {
      const size_t before = networks(results).size();
      return Hand::wait([&] {
        const auto all = networks(results);
        return all.size() > before + more && all.back() == network;
      });
    };
    ASSERT_TRUE(comes("yolox_nano", 3));
    const size_t asked = networks(results).size();
    write("fastestdet");
    ASSERT_TRUE(comes("fastestdet", 3));
    const auto all = networks(results);
    const auto old = size_t(std::ranges::count(all, "yolox_nano"));
    EXPECT_GE(old, asked + 2) << "the old network served until the new one was ready";
    // What is no network changes nothing.
    const auto text = folder_.write("text.onnx", "just a text\n");
    write(text.string());
    std::this_thread::sleep_for(3s);
    EXPECT_TRUE(comes("fastestdet", 5)) << "the last good one goes on";
  });
  const auto all = networks(options_.json);
  EXPECT_EQ(std::ranges::count(all, (folder_ / "text.onnx").string()), 0);
}

TEST_F(WindowSwapTest, TheWipeIsDragged) {
  if (const auto why = test::missing_network("selfie_segmentation"); !why.empty()) GTEST_SKIP() << why;
  if (std::system("command -v xwd >/dev/null && command -v convert >/dev/null") != 0)
    GTEST_SKIP() << "xwd or convert is missing (packages x11-apps, imagemagick)";
  // Nobody is in the picture: one side is green all over.
  options_.pipeline =
      folder_
          .write("swapped.toml",
                 "[[stage]]\nname = \"person\"\ntype = \"segment\"\nmodel = \"selfie_segmentation\"\n"
                 "[[stage.mask]]\nname = \"person\"\noutput = \"segment_back\"\ncolor = \"#3d8bff\"\n"
                 "opacity = 0\n[[stage]]\nname = \"background\"\ntype = \"background\"\ninput = \"person\"\n"
                 "input_mask = \"person\"\neffect = \"none\"\ncolor = \"#00ff00\"\n")
          .string();
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
    EXPECT_TRUE(Hand::wait([&] { return green(0.7); })) << "the second side is right of the middle";
    EXPECT_FALSE(green(0.3));
    user.to(0.5, 0.8);
    user.wait_ms(800);
    user.press(0.5, 0.8);
    user.wait_ms(800);
    user.to(0.25, 0.8);
    user.wait_ms(800);
    user.release();
    user.act();
    EXPECT_TRUE(Hand::wait([&] { return green(0.3); })) << "the edge is left of it now";
    EXPECT_TRUE(green(0.7));
    user.to(0.25, 0.8);
    user.wait_ms(800);
    user.press(0.25, 0.8);
    user.wait_ms(800);
    user.to(0.75, 0.8);
    user.wait_ms(800);
    user.release();
    user.act();
    EXPECT_TRUE(Hand::wait([&] { return !green(0.7) && !green(0.3); }));
  });
}

}  // namespace
}  // namespace tarsier::app
