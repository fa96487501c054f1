// The timeline, the help page and panels that remember their place, in the program's own window with a real
// keyboard and mouse (xdotool).
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <functional>
#include <gtest/gtest.h>
#include <mutex>
#include <nlohmann/json.hpp>
#include <set>
#include <spdlog/sinks/base_sink.h>
#include <thread>
#include <vector>

#include "app/application.hpp"
#include "core/file.hpp"
#include "core/log.hpp"
#include "core/text.hpp"
#include "gpu/device.hpp"
#include "support/own_folder.hpp"
#include "support/temp_folder.hpp"
#include "support/test_data.hpp"
#include "window/hand.hpp"

namespace tarsier::app {
namespace {

using namespace std::chrono_literals;
using test::Hand;

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

struct Seen {
  double time_s = 0;
  bool forward = false, backward = false;  // somebody crossed
};

/// The lines that were written so far.
std::vector<Seen> read_results(const std::filesystem::path& file) {
  std::vector<Seen> out;
  const auto text = read_text(file);
  if (!text.ok()) return out;
  for (const auto& line : split(*text, '\n')) {
    const auto json = nlohmann::json::parse(line, nullptr, false);
    if (!json.is_object()) continue;  // half a line
    Seen& seen = out.emplace_back(Seen{json["time"].get<double>()});
    for (const auto& one : json["lines"])
      for (const auto& crossing : one["crossed"])
        (crossing["direction"] == "forward" ? seen.forward : seen.backward) = true;
  }
  return out;
}

/// Where the timeline has its marks: again in the same direction within half a second is the same.
std::vector<double> marks(const std::vector<Seen>& results) {
  std::set<double> times;
  for (const auto way : {&Seen::forward, &Seen::backward}) {
    double last_s = -1;
    for (const auto& seen : results) {
      if (!(seen.*way)) continue;
      if (seen.time_s > last_s + 0.55) times.insert(seen.time_s);
      last_s = seen.time_s;
    }
  }
  return {times.begin(), times.end()};
}

/// What is logged, for who looks for a line of it.
class Listener : public spdlog::sinks::base_sink<std::mutex> {
 public:
  size_t count(const std::string& start) {
    const std::scoped_lock lock(mutex_);
    return size_t(std::ranges::count_if(lines_, [&](const auto& line) { return line.starts_with(start); }));
  }

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    lines_.emplace_back(message.payload.begin(), message.payload.end());
  }
  void flush_() override {}
  std::vector<std::string> lines_;
};

class WindowTimeline : public ::testing::Test {
 protected:
  test::OwnFolder state_{"XDG_STATE_HOME"};
  test::TempFolder folder_;
  RunOptions options_;
  std::filesystem::path results_;

  void SetUp() override {
    log::init("warn");
    if (std::getenv("DISPLAY") == nullptr) GTEST_SKIP() << "no DISPLAY: run under xvfb-run";
    if (std::system("command -v xdotool >/dev/null") != 0) GTEST_SKIP() << "xdotool is missing";
    if (const auto why = test::missing_network("yolox_nano"); !why.empty()) GTEST_SKIP() << why;
    options_.pipeline = folder_.write("timed.toml", kPipeline).string();
    options_.policy = "all";
    options_.globals.validation = true;
    options_.globals.tune = "off";
    options_.max_frames = 5000;  // should nobody end it
    options_.json = (folder_ / "seen.jsonl").string();
    results_ = folder_ / "seen.jsonl.partial";
  }
  [[nodiscard]] std::vector<Seen> results() const { return read_results(results_); }
  [[nodiscard]] double last() const {
    const auto all = results();
    return all.empty() ? -1.0 : all.back().time_s;
  }
  /// Whether no frame comes any more, on the slowest machine.
  [[nodiscard]] bool stands() const {
    return Hand::wait([&] {
      const double now = last();
      std::this_thread::sleep_for(6s);
      return last() == now;
    });
  }
  void comes(double time_s) const {
    EXPECT_TRUE(Hand::wait([&] { return std::abs(last() - time_s) < 1e-6; }))
        << "waited for " << time_s << " s, the last frame is of " << last() << " s";
  }
  static void press(Hand& user, const std::string& keys) {
    for (const auto& one : split(keys, ' ')) user.key(one);
    user.act();
  }
  /// Runs the program with somebody at it, who quits in the end.
  void run_with(const std::function<void(Hand&)>& acts) {
    const uint64_t complaints = gpu::total_validation_messages();
    std::thread hand([&] {
      Hand user("^Tarsier: timed ");
      if (!user.find_window()) return;
      acts(user);
      user.move_window(640, 300);
      press(user, "q");
    });
    const Status ended = run(options_);
    hand.join();
    EXPECT_TRUE(ended.ok()) << ended.error().message;
    EXPECT_EQ(gpu::total_validation_messages(), complaints);
  }
};

TEST_F(WindowTimeline, KeysGoFromEventToEventAndTheMouseSeesFrames) {
  const auto listener = std::make_shared<Listener>();
  run_with([&](Hand& user) {
    std::vector<double> crossed;
    ASSERT_TRUE(Hand::wait([&] {
      const auto all = results();
      crossed = marks(all);
      return crossed.size() >= 2 && all.back().time_s > crossed[1] + 0.35;
    }));
    press(user, "space");
    ASSERT_TRUE(stands());
    press(user, "Home");
    comes(0);
    press(user, "e");
    comes(crossed[0]);
    press(user, "Home e e");
    comes(crossed[1]);
    press(user, "shift+e");
    comes(crossed[0]);
    press(user, "shift+e");  // none is there
    ASSERT_TRUE(stands());
    EXPECT_NEAR(last(), crossed[0], 1e-6);

    // Thumbnails come while the mouse is over the timeline, and nothing else moves.
    spdlog::default_logger()->sinks().push_back(listener);
    spdlog::default_logger()->set_level(spdlog::level::debug);
    user.move_window(640, 650);
    user.act();
    EXPECT_TRUE(Hand::wait([&] { return listener->count("thumbnail of frame") >= 1; }));
    std::this_thread::sleep_for(2s);  // it is shown
    const size_t before = listener->count("thumbnail of frame");
    user.move_window(760, 650);
    user.act();
    EXPECT_TRUE(Hand::wait([&] { return listener->count("thumbnail of frame") > before; }));
    std::this_thread::sleep_for(2s);
    spdlog::default_logger()->set_level(spdlog::level::warn);
    spdlog::default_logger()->sinks().pop_back();
    EXPECT_NEAR(last(), crossed[0], 1e-6);
  });
}

TEST_F(WindowTimeline, EscapeClosesTheHelpPageAndPanelsAreWhereTheyWereLeft) {
  const auto kept = state_ / "tarsier" / "panels.json";
  run_with([&](Hand& user) {
    ASSERT_TRUE(Hand::wait([&] { return last() > 0; }));
    press(user, "F1");
    std::this_thread::sleep_for(2s);
    press(user, "Escape");  // else it would quit
    std::this_thread::sleep_for(2s);
    const double now = last();
    ASSERT_TRUE(Hand::wait([&] { return last() > now; })) << "it has ended";
    EXPECT_FALSE(std::filesystem::exists(kept)) << "nothing has moved";
    user.drag_window(1150, 20, 950, 120, 1500);
    user.act();
    EXPECT_TRUE(Hand::wait([&] { return std::filesystem::exists(kept); })) << "kept when it is let go";
  });
  options_.json = (folder_ / "again.jsonl").string();
  results_ = folder_ / "again.jsonl.partial";
  run_with([&](Hand& user) {
    ASSERT_TRUE(Hand::wait([&] { return last() > 0; }));
    user.move_window(860, 149);  // "Pause", so far from where it was before
    user.wait_ms(1500);          // slow frames: a button has to see the mouse before it is pressed
    user.click_window(860, 149);
    user.wait_ms(1500);
    user.act();
    EXPECT_TRUE(stands());
  });
}

TEST_F(WindowTimeline, ABrokenFileOfPlacesIsNoObstacle) {
  const auto kept = state_ / "tarsier" / "panels.json";
  ASSERT_TRUE(write_text_atomic(kept, "{\"controls\": {\"at\": [0.").ok());
  const auto listener = std::make_shared<Listener>();
  spdlog::default_logger()->sinks().push_back(listener);
  run_with([&](Hand&) { ASSERT_TRUE(Hand::wait([&] { return last() > 0; })); });
  spdlog::default_logger()->sinks().pop_back();
  EXPECT_EQ(listener->count(kept.string()), 1U) << "told once";
  const auto text = read_text(kept);
  ASSERT_TRUE(text.ok());
  EXPECT_EQ(*text, "{}");
}

}  // namespace
}  // namespace tarsier::app
