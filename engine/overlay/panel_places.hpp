// Where the panels that can be moved are, and which are rolled up: kept from run to run, always within the
// window. Dear ImGui only.
#pragma once

#include <cstdint>
#include <imgui.h>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "core/result.hpp"

namespace tarsier::overlay {

class PanelPlaces {
 public:
  /// Before ImGui::Begin(): where the window that ends in "###name" goes, and how tall it may become.
  /// `initial`, in Dear ImGui's units, counts until somebody moves it, `rolled_up` until somebody rolls it up
  /// or down. `width` is what it will have; it ends `below` above the window's lower edge where it is where
  /// it began.
  void place(const std::string& name, ImVec2 initial, float width, float below, bool rolled_up);
  /// Behind ImGui::Begin(): what the user did to it.
  void note(const std::string& name);
  /// All where they began.
  void reset();

  /// Whether one is held by the mouse.
  [[nodiscard]] static bool moving();
  /// What text() would tell has changed so often.
  [[nodiscard]] uint64_t changes() const { return changes_; }
  /// As JSON; of panels that somebody moved or rolled up.
  [[nodiscard]] std::string text() const;
  /// Takes the place of what was there. Errors (kInput): no such text; then all are where they began.
  Status read(std::string_view text);

 private:
  struct Panel {
    std::optional<ImVec2> at;  // upper left corner, in parts of the room that there is for it
    std::optional<bool> rolled_up;
    float width = 0;     // as it was placed last
    bool shown = false;  // as `begins_up` has it, once at least
    bool begins_up = false;
    bool shown_up = false;  // rolled up then
  };
  [[nodiscard]] static ImVec2 room(float width);

  std::map<std::string, Panel> panels_;
  uint64_t changes_ = 0;
};

}  // namespace tarsier::overlay
