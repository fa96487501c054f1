// The program in its own window with somebody at it (xdotool), seen in the results that it writes.
#pragma once

#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <gtest/gtest.h>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "app/application.hpp"
#include "core/log.hpp"
#include "gpu/device.hpp"
#include "support/result_lines.hpp"
#include "support/temp_folder.hpp"
#include "support/test_data.hpp"
#include "window/hand.hpp"

namespace tarsier::test {

class ProgramTest : public ::testing::Test {
 protected:
  /// Of a detector, the pipeline that most tests need no more than; a fast one, and one that finds more.
  static constexpr const char* kDetector =
      "[[stage]]\nname = \"detect\"\ntype = \"detect\"\nmodel = \"fastestdet\"\n";
  static constexpr const char* kGoodDetector =
      "[[stage]]\nname = \"detect\"\ntype = \"detect\"\nmodel = \"yolox_nano\"\n";

  /// `pipeline` is the text of its file, which lies in folder_; `programs` are what a test calls beside
  /// xdotool.
  explicit ProgramTest(std::string name, std::string pipeline = kDetector,
                       std::vector<std::string> networks = {"fastestdet"},
                       std::vector<std::string> programs = {})
      : name_(std::move(name)), networks_(std::move(networks)), programs_(std::move(programs)) {
    programs_.emplace_back("xdotool");
    options_.pipeline = folder_.write(name_ + ".toml", pipeline).string();
    options_.source = "synthetic:640x480";
    options_.globals.validation = true;
    options_.globals.tune = "off";
    options_.max_frames = 5000;  // should nobody end it
  }
  void SetUp() override {
    log::init("warn");
    if (std::getenv("DISPLAY") == nullptr) GTEST_SKIP() << "no DISPLAY: run under xvfb-run";
    for (const auto& program : programs_)
      if (std::system(("command -v " + program + " >/dev/null").c_str()) != 0)
        GTEST_SKIP() << program << " is missing";
    for (const auto& network : networks_)
      if (const auto why = missing_network(network); !why.empty()) GTEST_SKIP() << why;
  }

  /// Runs the program with somebody at it, who quits in the end unless it is over.
  template <class Acts>
  void run_with(Acts acts) {
    const uint64_t complaints = gpu::total_validation_messages();
    over_ = false;
    std::thread hand([&] {
      Hand user("^Tarsier: " + name_ + " ");
      if (!user.find_window()) return;
      acts(user);
      if (!over_) user.press("q");
    });
    const Status ended = app::run(options_);
    over_ = true;
    hand.join();
    EXPECT_TRUE(ended.ok()) << ended.error().message;
    EXPECT_EQ(gpu::total_validation_messages(), complaints);
  }

  /// For tests that look at results.
  void write_results(const std::string& name = "seen.jsonl") { options_.json = (folder_ / name).string(); }
  /// Those that were written so far.
  [[nodiscard]] std::vector<nlohmann::json> results() const {
    return result_lines(over_ ? options_.json : options_.json + ".partial");
  }
  /// Presentation time of the latest one; before the first -1.
  [[nodiscard]] double last_s() const {
    const auto all = results();
    return all.empty() ? -1.0 : all.back()["time"].get<double>();
  }
  /// Waits until the frame of this time is there.
  void comes(double time_s) const {
    EXPECT_TRUE(eventually([&] { return std::abs(last_s() - time_s) < 1e-6; }))
        << "waited for " << time_s << " s, the last frame is of " << last_s() << " s";
  }
  /// Whether no frame comes any more: the picture is drawn again and again, and for a while.
  [[nodiscard]] bool stands() const {
    return eventually([&] {
      const double now = last_s();
      std::this_thread::sleep_for(std::chrono::seconds(2));
      return Hand::rest() && Hand::rest() && last_s() == now;
    });
  }

  /// A row of a list, which opens below itself.
  static void choose(Hand& user, Spot list, ptrdiff_t row) {
    user.click_control(list);
    user.click_control({list.x, list.y + 27 + 19 * int(row)});
  }
  /// What the window lists for the detector.
  [[nodiscard]] std::vector<std::string> listed_networks() const {
    const auto catalogue = models::Catalogue::load_default();
    const auto store = models::store_options({});
    app::Setup setup;
    setup.options = options_;
    if (!catalogue.ok() || !store.ok() || !app::read_setup(setup, *catalogue).ok()) return {};
    return app::networks_for(setup, "detect.model", *catalogue, *store);
  }

  TempFolder folder_;
  app::RunOptions options_;
  std::atomic<bool> over_ = false;  // the program has ended

 private:
  std::string name_;
  std::vector<std::string> networks_, programs_;
};

}  // namespace tarsier::test
