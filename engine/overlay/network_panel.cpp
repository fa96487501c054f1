#include "overlay/network_panel.hpp"

#include <algorithm>
#include <cmath>
#include <imgui.h>

#include "overlay/widgets.hpp"

namespace tarsier::overlay {
namespace {

/// The last part of a file's path: a user's own network is named by one.
std::string short_name(const std::string& name) {
  return name.substr(name.rfind('/') + 1);
}

}  // namespace

void draw_making(const Making& making) {
  if (making.what.empty()) return;
  // Unknown: a bar that goes to and fro.
  const float fraction =
      making.fraction < 0 ? float(0.5 + 0.5 * std::sin(ImGui::GetTime() * 3)) : float(making.fraction);
  ImGui::ProgressBar(fraction, {-1, 0}, "");
  dim(fitted(making.what, ImGui::GetContentRegionAvail().x, false));
}

void draw_networks(const NetworkView& view, NetworkEvents& events) {
  if (!section("Networks", false)) return;
  for (const auto& row : view.networks) {
    ImGui::PushID(row.key.c_str());
    dim(row.key);
    ImGui::SetNextItemWidth(-1);
    if (ImGui::BeginCombo("##network", short_name(row.name).c_str(), ImGuiComboFlags_HeightLarge)) {
      events.list = events.list || ImGui::IsWindowAppearing();
      const auto listed = std::ranges::find(view.choices, row.key, &NetworkChoices::key);
      if (listed == view.choices.end()) {
        dim("looking...");
      } else {
        for (const auto& name : listed->names) {
          if (ImGui::Selectable(name.c_str(), name == row.name) && name != row.name)
            events.network = {row.key, name};
        }
      }
      ImGui::EndCombo();
    }
    ImGui::PopID();
  }
  dim("precision");
  ImGui::SetNextItemWidth(-1);
  if (ImGui::BeginCombo("##precision", view.precision.c_str())) {
    for (const char* precision : kPrecisions) {
      if (ImGui::Selectable(precision, view.precision == precision) && view.precision != precision)
        events.precision = precision;
    }
    ImGui::EndCombo();
  }
  draw_making(view.progress);
}

}  // namespace tarsier::overlay
