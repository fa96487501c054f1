// What the window remembers from run to run: where its panels are.
#pragma once

#include <filesystem>
#include <string>

namespace tarsier::app {

/// Kept in $XDG_STATE_HOME/tarsier or ~/.local/state/tarsier; nowhere without a home.
class WindowState {
 public:
  WindowState();
  /// Whether nobody has run a window before.
  [[nodiscard]] bool first_run() const { return first_run_; }
  /// What was kept; empty: nothing.
  [[nodiscard]] const std::string& panels() const { return panels_; }
  /// Says that what was kept is of no use.
  void refuse(const std::string& why) const;
  /// Written where it is another text than what is kept. What fails is told once.
  void keep(const std::string& panels);

 private:
  std::filesystem::path file_;
  std::string panels_;
  bool first_run_ = false, failed_ = false;
};

}  // namespace tarsier::app
