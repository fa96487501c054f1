// Networks, presets and pipeline files that change while the window is open: what needs other stages gets
// them from a thread of its own, and the old ones go on until they are ready.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/application.hpp"
#include "app/side_build.hpp"
#include "overlay/network_panel.hpp"

namespace tarsier::app {

class WindowSwap {
 public:
  explicit WindowSwap(Application& app) : app_(app), keys_(network_keys(app.params, app.catalogue)) {}
  /// Runs when it counts, or does not come about; what it returns is to be said.
  using Then = std::function<std::string(bool done)>;

  /// Reads the files again. Each of these takes the place of one that is still being made, and begins with
  /// what that one had asked for.
  void reload(Then then);
  void use_preset(const std::string& preset, Then then);
  /// Other networks, and another precision; empty: as it is.
  void use_networks(const Picks& networks, const std::string& precision, Then then);
  /// The networks that each stage could have, for view().
  void list();

  struct Outcome {
    Status status;     // errors: why everything stays as it was
    std::string said;  // may be empty
  };
  /// Between frames: puts in place what is ready. Nothing: nothing came to its end.
  std::optional<Outcome> poll();
  [[nodiscard]] overlay::NetworkView view() const;

 private:
  void begin(const RunOptions& options, OverlayValues overlay, Then then);
  void finish(const Status& status, const std::string& how);
  [[nodiscard]] const RunOptions& asked_options() const;

  Application& app_;
  std::unique_ptr<SideBuild> build_;
  bool stale_ = false;  // another one is to be made when build_ is done
  RunOptions next_;     // of that one
  OverlayValues overlay_ = OverlayValues::kKeep;
  Picks picks_;
  Params asked_;  // as they were when the first one was asked for
  std::vector<Then> thens_;
  std::vector<Outcome> outcomes_;
  std::vector<std::string> keys_;  // of networks
  std::vector<overlay::NetworkChoices> listed_;
};

}  // namespace tarsier::app
