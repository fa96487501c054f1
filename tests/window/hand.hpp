// Mouse and keyboard of the X server, by xdotool.
#pragma once

#include <chrono>
#include <cstdlib>
#include <fmt/format.h>
#include <string>
#include <thread>
#include <utility>

#include "core/text.hpp"

namespace tarsier::test {

/// A place in the window.
struct Spot {
  int x, y;
};

/// Whoever sits at the window.
class Hand {
 public:
  explicit Hand(std::string title) : title_(std::move(title)) {}
  /// Whether the window came; it gets the keys then.
  bool find_window() {
    return wait([&] { return run("search --name '" + title_ + "'"); }) &&
           run("search --name '" + title_ + "' windowmove --sync 0 0 windowfocus --sync");
  }
  /// A place of the picture, 4:3 in a window of 1280x720.
  void to(double x, double y) {
    commands_ += fmt::format(" mousemove {:.0f} {:.0f}", 160 + x * 960, y * 720);
  }
  void click(double x, double y) {
    to(x, y);
    commands_ += " click 1";
  }
  void drag(double x0, double y0, double x1, double y1) {
    to(x0, y0);
    commands_ += " mousedown 1";
    to((x0 + x1) / 2, (y0 + y1) / 2);
    to(x1, y1);
    commands_ += " mouseup 1";
  }
  void press(double x, double y) {
    to(x, y);
    commands_ += " mousedown 1";
  }
  void release() { commands_ += " mouseup 1"; }
  void click_window(int x, int y) { commands_ += fmt::format(" mousemove {} {} click 1", x, y); }
  void move_window(int x, int y) { commands_ += fmt::format(" mousemove {} {}", x, y); }
  /// At once. Slow frames: a control has to see the mouse before it is pressed.
  bool click_slowly(Spot spot) {
    move_window(spot.x, spot.y);
    wait_ms(1500);
    click_window(spot.x, spot.y);
    wait_ms(1500);
    return act();
  }
  /// With a rest at each end for a program whose frames are slow.
  void drag_window(int x0, int y0, int x1, int y1, int rest_ms) {
    move_window(x0, y0);
    wait_ms(rest_ms);
    commands_ += " mousedown 1";
    wait_ms(rest_ms);
    move_window(x1, y1);
    wait_ms(rest_ms);
    commands_ += " mouseup 1";
    wait_ms(rest_ms);
  }
  void key(const std::string& name) { commands_ += " key " + name; }
  /// One after the other, at once.
  bool press(const std::string& keys) {
    for (const auto& one : split(keys, ' ')) key(one);
    return act();
  }
  /// All at once, faster than frames come.
  bool act() { return run(std::exchange(commands_, {})); }
  void type(const std::string& text) { commands_ += " type --delay 60 '" + text + "'"; }
  void wait_ms(int ms) { commands_ += fmt::format(" sleep {:.2f}", ms / 1e3); }
  template <class Done>
  static bool wait(Done done) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (!done()) {
      if (std::chrono::steady_clock::now() > end) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    return true;
  }

 private:
  static bool run(const std::string& commands) {
    return std::system(("xdotool " + commands + " >/dev/null 2>&1").c_str()) == 0;
  }
  std::string title_, commands_;
};

}  // namespace tarsier::test
