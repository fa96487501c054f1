// Mouse and keyboard of the X server, by xdotool.
#pragma once

#include <cstdlib>
#include <fmt/format.h>
#include <string>
#include <utility>

#include "core/text.hpp"
#include "support/eventually.hpp"
#include "window/window.hpp"

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
    return eventually([&] { return run("search --name '" + title_ + "'"); }) &&
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
  /// At once: a control has to see the mouse before it is pressed.
  void click_control(Spot spot) {
    move_window(spot.x, spot.y);
    act_and_rest();
    click_window(spot.x, spot.y);
    act_and_rest();
  }
  /// At once.
  void drag_control(Spot from, Spot to) {
    move_window(from.x, from.y);
    act_and_rest();
    commands_ += " mousedown 1";
    act_and_rest();
    move_window(to.x, to.y);
    act_and_rest();
    commands_ += " mouseup 1";
    act_and_rest();
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
  /// Until the program has drawn some pictures, with all in them that was done so far.
  static bool rest() {
    constexpr uint64_t kEnough = 6;  // one is under way, Dear ImGui takes one event of a kind a picture
    return eventually(
        [before = window::total_composed()] { return window::total_composed() >= before + kEnough; });
  }
  bool act_and_rest() { return act() && rest(); }

 private:
  static bool run(const std::string& commands) {
    return std::system(("xdotool " + commands + " >/dev/null 2>&1").c_str()) == 0;
  }
  std::string title_, commands_;
};

}  // namespace tarsier::test
