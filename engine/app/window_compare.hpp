// A comparison in the window: what with, the wipe under the mouse, jumps to where both sides differ.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "app/application.hpp"
#include "app/side_build.hpp"
#include "overlay/panels.hpp"
#include "window/window.hpp"

namespace tarsier::app {

class WindowCompare {
 public:
  explicit WindowCompare(Application& app) : app_(app) {}
  /// Whether it was for the comparison: the wipe's edge, and D.
  bool input(const window::Input& input, const window::PictureArea& picture, const overlay::Panels& panels);
  /// Whether places of the window are not those of the frame: the picture has it twice.
  [[nodiscard]] bool shows_twice() const;
  /// What the user did in the panel.
  void handle(const overlay::CompareEvents& events);
  /// Between frames: puts in place what is ready. What is to be said of it; may be empty.
  Result<std::string> poll();
  [[nodiscard]] overlay::CompareState view(const window::PictureArea& picture) const;

 private:
  void begin(const RunOptions& options, OverlayValues overlay, const Picks& picks, std::string name);
  /// To the next frame (1), or back (-1), of which it is known that both sides differ in it.
  void jump(int direction);

  Application& app_;
  std::unique_ptr<SideBuild> build_;
  std::string building_;  // its name
  bool stop_ = false;     // what is compared, and what is being made
  bool dragged_ = false;  // the edge
  float threshold_ = 0.2F;
  std::string said_, failure_;
};

}  // namespace tarsier::app
