// The panel's section of zones and lines, and what is drawn over the picture while they are edited.
#include <cmath>
#include <fmt/format.h>
#include <imgui.h>
#include <imgui_stdlib.h>

#include "overlay/panels.hpp"
#include "overlay/widgets.hpp"

namespace tarsier::overlay {
namespace {

ImU32 color_of(ZoneSketch::Ink ink) {
  switch (ink) {
    case ZoneSketch::Ink::kNew:
      return IM_COL32(255, 192, 97, 255);
    case ZoneSketch::Ink::kFault:
      return IM_COL32(255, 92, 92, 255);
    case ZoneSketch::Ink::kChosen:
      break;
  }
  return IM_COL32(255, 255, 255, 235);
}

void wrapped(const std::string& line, const ImVec4& color) {
  ImGui::PushStyleColor(ImGuiCol_Text, color);
  ImGui::TextWrapped("%s", line.c_str());
  ImGui::PopStyleColor();
}

}  // namespace

/// Below the panels, dark around light: seen on any picture.
void Panels::draw_sketch(const ZoneSketch& sketch) {
  ImDrawList& draw = *ImGui::GetBackgroundDrawList();
  const float unit = unit_scale();
  constexpr ImU32 kDark = IM_COL32(8, 10, 14, 190);
  for (const auto& path : sketch.paths) {
    std::vector<ImVec2> points;
    for (const auto& spot : path.spots) points.emplace_back(spot.x, spot.y);
    const ImDrawFlags flags = path.closed ? ImDrawFlags_Closed : ImDrawFlags_None;
    draw.AddPolyline(points.data(), int(points.size()), kDark, flags, 4.5F * unit);
    draw.AddPolyline(points.data(), int(points.size()), color_of(path.ink), flags, 2 * unit);
  }
  for (const auto& handle : sketch.handles) {
    const ImVec2 at{handle.at.x, handle.at.y};
    const float radius = (handle.lit ? 7.5F : handle.middle ? 4.0F : 5.0F) * unit;
    const ImU32 fill = handle.lit      ? IM_COL32(242, 163, 58, 255)
                       : handle.middle ? IM_COL32(17, 21, 27, 220)
                                       : IM_COL32(255, 255, 255, 255);
    draw.AddCircleFilled(at, radius + 1.5F * unit, kDark);
    draw.AddCircleFilled(at, radius, fill);
    if (handle.middle || handle.lit) draw.AddCircle(at, radius, IM_COL32(255, 255, 255, 235), 0, 1.5F * unit);
    if (!handle.middle || !handle.lit) continue;
    const float arm = std::round(radius * 0.55F);  // a plus: a corner would come
    draw.AddLine({at.x - arm, at.y}, {at.x + arm, at.y}, IM_COL32(17, 21, 27, 255), 2 * unit);
    draw.AddLine({at.x, at.y - arm}, {at.x, at.y + arm}, IM_COL32(17, 21, 27, 255), 2 * unit);
  }
}

void Panels::draw_zones(const ZoneView& zones, ZoneEvents& events) {
  const bool open = section("Zones and lines", true);
  if (!open && !zones.drawing && zones.failure.empty()) return;
  ImGui::PushID("zones and lines");
  const float gap = ImGui::GetStyle().ItemSpacing.x;
  for (size_t i = 0; open && i < zones.rows.size(); ++i) {
    const ZoneRow& one = zones.rows[i];
    ImGui::PushID(int(i));
    const bool chosen = zones.selected == i;
    const float width = ImGui::GetContentRegionAvail().x;
    const float count = ImGui::CalcTextSize(one.count.c_str()).x;
    const std::string name = one.unsaved ? one.name + " *" : one.name;
    ImGui::SetNextItemWidth(width);
    if (ImGui::Selectable("##row", chosen)) events.select = i;
    ImGui::SameLine(ImGui::GetStyle().WindowPadding.x + 4);
    text(fitted(name, width - count - 2 * gap, false));
    ImGui::PushStyleColor(ImGuiCol_Text, ImGui::GetStyleColorVec4(ImGuiCol_TextDisabled));
    right_aligned(one.count);
    ImGui::PopStyleColor();
    if (chosen) {
      if (named_ != i) zone_name_ = one.name;
      named_ = i;
      const float button = ImGui::CalcTextSize("Delete").x + 2 * ImGui::GetStyle().FramePadding.x;
      ImGui::SetNextItemWidth(width - button - gap);
      if (ImGui::InputText("##name", &zone_name_)) events.rename = std::pair(i, zone_name_);
      if (!ImGui::IsItemActive()) zone_name_ = one.name;
      ImGui::SameLine();
      if (ImGui::Button("Delete")) events.remove = i;
    }
    ImGui::PopID();
  }
  if (!zones.selected) named_.reset();
  if (open && zones.rows.empty() && !zones.drawing) dim("none in this picture yet");

  if (!zones.fault.empty()) wrapped(zones.fault, kRed);
  const float half = (ImGui::GetContentRegionAvail().x - gap) / 2;
  if (open) {
    if (ImGui::Button("New zone", {half, 0})) events.draw_zone = true;
    ImGui::SameLine();
    if (ImGui::Button("New line", {half, 0})) events.draw_line = true;
  }
  if (zones.unsaved) {
    ImGui::PushStyleColor(ImGuiCol_Button, {0.95F, 0.64F, 0.23F, 0.40F});
    if (ImGui::Button("Save", {half, 0})) events.save = true;
    ImGui::PopStyleColor();
    ImGui::SameLine();
    if (ImGui::Button("Revert", {half, 0})) events.revert = true;
  }
  if (!zones.failure.empty()) wrapped(zones.failure, kRed);
  if (!zones.copy.empty() && ImGui::Button(("Save as " + zones.copy).c_str(), {-1, 0}))
    events.save_copy = true;
  ImGui::PopID();
}

}  // namespace tarsier::overlay
