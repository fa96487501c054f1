#include "overlay/panel_places.hpp"

#include <algorithm>
#include <cmath>
#include <imgui_internal.h>
#include <nlohmann/json.hpp>

namespace tarsier::overlay {
namespace {

constexpr float kLeast = 6;  // so tall may a panel always be, in heights of text

}  // namespace

/// Where the corner may be for a panel that wide.
ImVec2 PanelPlaces::room(float width) {
  const ImVec2 screen = ImGui::GetIO().DisplaySize;
  return {std::max(screen.x - width, 1.0F), std::max(screen.y - kLeast * ImGui::GetFontSize(), 1.0F)};
}

void PanelPlaces::place(const std::string& name, ImVec2 initial, float width, float below, bool rolled_up) {
  Panel& panel = panels_[name];
  panel.width = width;
  ImVec2 at = initial;
  if (panel.at) {
    const ImVec2 free = room(width);
    at = {std::round(panel.at->x * free.x), std::round(panel.at->y * free.y)};
    below = 0;
  }
  const ImGuiWindow* moved = ImGui::GetCurrentContext()->MovingWindow;
  const ImGuiWindow* window = ImGui::FindWindowByName(("###" + name).c_str());
  if (moved == nullptr || window == nullptr || moved->RootWindow != window) ImGui::SetNextWindowPos(at);
  const float tall = std::max(ImGui::GetIO().DisplaySize.y - at.y - below, kLeast * ImGui::GetFontSize());
  ImGui::SetNextWindowSizeConstraints({width, 0}, {width, tall});
  panel.shown = panel.shown && panel.begins_up == rolled_up;
  panel.begins_up = rolled_up;
  if (!panel.shown) ImGui::SetNextWindowCollapsed(panel.rolled_up.value_or(rolled_up));
}

void PanelPlaces::note(const std::string& name) {
  Panel& panel = panels_[name];
  const bool up = ImGui::IsWindowCollapsed();
  if (panel.shown && up != panel.shown_up) {
    panel.rolled_up = up;
    ++changes_;
  }
  panel.shown = true;
  panel.shown_up = up;
  const ImGuiWindow* moved = ImGui::GetCurrentContext()->MovingWindow;
  if (moved == nullptr || moved->RootWindow != ImGui::GetCurrentWindow() ||
      !ImGui::IsMouseDragging(ImGuiMouseButton_Left))
    return;
  const ImVec2 at = ImGui::GetWindowPos(), free = room(panel.width);
  panel.at = ImVec2{std::clamp(at.x / free.x, 0.0F, 1.0F), std::clamp(at.y / free.y, 0.0F, 1.0F)};
  ++changes_;
}

bool PanelPlaces::moving() {
  return ImGui::GetCurrentContext()->MovingWindow != nullptr;
}

void PanelPlaces::reset() {
  panels_.clear();
  ++changes_;
}

std::string PanelPlaces::text() const {
  auto out = nlohmann::json::object();
  for (const auto& [name, panel] : panels_) {
    auto& one = out[name];
    if (panel.at) one["at"] = {panel.at->x, panel.at->y};
    if (panel.rolled_up) one["rolled_up"] = *panel.rolled_up;
    if (one.is_null()) out.erase(name);
  }
  return out.dump(1);
}

Status PanelPlaces::read(std::string_view text) {
  panels_.clear();
  try {
    std::map<std::string, Panel> panels;
    const auto json = nlohmann::json::parse(text);
    if (!json.is_object()) return input_error("is no list of panels");
    for (const auto& [name, one] : json.items()) {
      Panel& panel = panels[name];
      if (one.contains("at")) {
        const float x = one["at"].at(0), y = one["at"].at(1);
        if (!(x >= 0 && x <= 1 && y >= 0 && y <= 1))
          return input_error("'{}' is outside of the window", name);
        panel.at = ImVec2{x, y};
      }
      if (one.contains("rolled_up")) panel.rolled_up = one["rolled_up"].get<bool>();
    }
    panels_ = std::move(panels);
  } catch (const nlohmann::json::exception&) {
    return input_error("is no list of panels");
  }
  return {};
}

}  // namespace tarsier::overlay
