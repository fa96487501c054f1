// Parameters in the window beyond their controls: undo, which takes networks and precisions along, presets,
// what differs from a preset.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "app/application.hpp"
#include "app/file_watch.hpp"
#include "app/window_swap.hpp"
#include "core/param_history.hpp"
#include "overlay/network_panel.hpp"
#include "overlay/param_panel.hpp"
#include "window/window.hpp"

namespace tarsier::app {

class WindowParams {
 public:
  /// `swap` outlives it and puts presets in use.
  WindowParams(Application& app, WindowSwap& swap);
  /// Whether the key was for it: Ctrl+Z, Ctrl+Y.
  bool input(const window::Input& input);
  /// What the user did in the panel; what is more than a value waits for act().
  void handle(const overlay::ParamEvents& events);
  /// Another network or precision: a step of undo like any value, taken when the stages are made.
  void handle(const overlay::NetworkEvents& events);
  /// Between frames: does what was asked for, presets by way of the swap. What is to be said of it; empty
  /// where nothing was done yet or it went wrong, which message() tells then.
  std::string act();
  /// Once after each change of the preset's file.
  bool preset_changed() { return watch_.changed(); }
  /// After the files were read again.
  void reloaded();
  [[nodiscard]] overlay::ParamView view();
  [[nodiscard]] const std::string& message() const { return failure_; }

 private:
  struct Wanted {
    enum class What : uint8_t { kUndo, kRedo, kChoose, kSave, kSaveAs } what;
    std::string name = {};
  };
  using Values = std::vector<std::pair<std::string, ParamValue>>;

  Result<std::string> act_on(const Wanted& wanted);
  std::string undo();
  std::string redo();
  /// One step, back or forth: the values, with the preset, the networks or the precision that they belong to.
  /// What is to be said; nothing where stages are to be made before, or where they could not be made, which
  /// `failed` is told.
  std::string walk(const ParamStep& step, bool back, std::function<void()> failed);
  void choose(const std::string& preset);
  void choose_networks(const Picks& networks, const std::string& precision);
  Status save(const std::filesystem::path& file, const std::string& preset);
  void set(const std::string& key, const ParamValue& value);
  [[nodiscard]] Values values() const;
  /// Those of them that are others now.
  [[nodiscard]] std::vector<ParamChange> changes_since(const Values& before) const;
  [[nodiscard]] bool restarts(const std::string& key) const;
  [[nodiscard]] std::string told(const ParamStep* step, bool back) const;
  /// What "Save" writes, and what the preset is then called. No file: nothing.
  [[nodiscard]] std::pair<std::filesystem::path, std::string> own_place() const;
  void list();
  void compare();

  Application& app_;
  WindowSwap& swap_;
  ParamHistory history_;
  std::filesystem::path watched_;  // the file of the preset in use
  FileWatch watch_;
  std::vector<Wanted> wanted_;
  std::vector<pipeline::Preset> presets_;
  std::string failure_;
  std::optional<std::string> compared_;  // while it is compared with
  uint64_t compared_version_ = 0;        // of the parameters
  std::vector<overlay::DifferenceRow> differences_;
  std::string compare_failure_;
};

}  // namespace tarsier::app
