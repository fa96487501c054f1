#include "overlay/compare_panel.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <imgui.h>

#include "overlay/key_table.hpp"
#include "overlay/widgets.hpp"

namespace tarsier::overlay {
namespace {

// As shaders/present/box_marks.comp marks the boxes of one side.
const ImVec4 kFirst{0.90F, 0.62F, 0.0F, 1};
const ImVec4 kSecond{0.34F, 0.71F, 0.91F, 1};

void draw_choice(const CompareState& state, const std::vector<PresetRow>& presets,
                 const NetworkView& networks, CompareEvents& events, NetworkEvents& listing) {
  ImGui::SetNextItemWidth(-1);
  const std::string label = state.with.empty() ? "compare with..." : state.with;
  if (!ImGui::BeginCombo("##with", label.c_str(), ImGuiComboFlags_HeightLarge)) return;
  listing.list = listing.list || ImGui::IsWindowAppearing();
  if (!state.with.empty() && ImGui::Selectable("nothing")) events.stop = true;
  if (ImGui::Selectable("all as it is now")) events.with_now = true;
  for (const auto& preset : presets) {
    if (ImGui::Selectable(("preset " + preset.name).c_str())) events.preset = preset.name;
  }
  for (const char* precision : kPrecisions) {
    if (networks.precision == precision) continue;
    if (ImGui::Selectable(fmt::format("precision {}", precision).c_str())) events.precision = precision;
  }
  for (const auto& choices : networks.choices) {
    for (const auto& name : choices.names) {
      const auto now = std::ranges::find(networks.networks, choices.key, &NetworkView::Row::key);
      if (now != networks.networks.end() && now->name == name) continue;
      if (ImGui::Selectable(fmt::format("{} {}", choices.key, name).c_str()))
        events.network = {choices.key, name};
    }
  }
  ImGui::EndCombo();
}

void draw_figures(const CompareState& state) {
  if (!state.has_boxes) {
    dim("no boxes on both sides");
    return;
  }
  row("this frame: both", fmt::format("{}", state.both));
  row("   only A", fmt::format("{}", state.only_a), state.only_a > 0 ? &kFirst : nullptr);
  row("   only B", fmt::format("{}", state.only_b), state.only_b > 0 ? &kSecond : nullptr);
  row(fmt::format("agreement, {} frame{}", state.frames, state.frames == 1 ? "" : "s"),
      fmt::format("{:.3f}", state.agreement));
  row("mean IoU", fmt::format("{:.3f}", state.mean_iou));
  for (const auto& one : state.classes)
    row("   " + one.name, fmt::format("A {}   B {}", one.only_a, one.only_b));
}

}  // namespace

void draw_compare(const CompareState& state, const std::vector<PresetRow>& presets,
                  const NetworkView& networks, CompareEvents& events, NetworkEvents& listing) {
  // Open once there is something to see.
  if (!state.with.empty()) ImGui::SetNextItemOpen(true, ImGuiCond_Once);
  if (!section("Compare", false)) return;
  ImGui::PushID("compare");
  draw_choice(state, presets, networks, events, listing);
  draw_making(state.progress);
  if (!state.failure.empty()) {
    ImGui::PushStyleColor(ImGuiCol_Text, kRed);
    ImGui::TextWrapped("%s", state.failure.c_str());
    ImGui::PopStyleColor();
  }
  if (!state.with.empty()) {
    const std::pair<const char*, CompareLook> looks[] = {{"wipe", CompareLook::kWipe},
                                                         {"side by side", CompareLook::kSide},
                                                         {"difference", CompareLook::kDifference}};
    for (const auto& [name, look] : looks) {
      if (look != CompareLook::kWipe) ImGui::SameLine();
      if (ImGui::RadioButton(name, state.look == look)) events.look = look;
    }
    draw_figures(state);
    row("device time A", fmt::format("{:.1f} ms", state.a_ms));
    row("device time B", fmt::format("{:.1f} ms", state.b_ms));
    if (state.has_boxes) {
      const float gap = ImGui::GetStyle().ItemSpacing.x;
      const float half = (ImGui::GetContentRegionAvail().x - gap) / 2;
      if (ImGui::Button(with_key("Back", Key::kPreviousDifference).c_str(), {half, 0})) events.jump = -1;
      ImGui::SameLine();
      if (ImGui::Button(with_key("Next", Key::kNextDifference).c_str(), {half, 0})) events.jump = 1;
      float threshold = state.threshold;
      ImGui::SetNextItemWidth(-1);
      if (ImGui::SliderFloat("##threshold", &threshold, 0, 1, "differs by more than %.2f",
                             ImGuiSliderFlags_AlwaysClamp))
        events.threshold = threshold;
    }
  }
  ImGui::PopID();
}

void draw_compare_names(const CompareState& state) {
  if (state.with.empty() || state.width <= 0) return;
  ImDrawList* draw = ImGui::GetBackgroundDrawList();
  const float unit = ImGui::GetFontSize(), pad = unit * 0.4F;
  const auto tag = [&](const std::string& line, float x, float along, const ImVec4& color) {
    const ImVec2 size = ImGui::CalcTextSize(line.c_str());
    const ImVec2 at{x - along * (size.x + 2 * pad), state.y + unit * 0.6F};
    draw->AddRectFilled(at, {at.x + size.x + 2 * pad, at.y + size.y + pad}, IM_COL32(12, 14, 18, 200), 3);
    draw->AddText({at.x + pad, at.y + pad / 2}, ImGui::GetColorU32(color), line.c_str());
  };
  const std::string first = "A: now", second = "B: " + state.with;
  if (state.look == CompareLook::kDifference) {
    tag("A minus B: " + state.with, state.x + state.width / 2, 0.5F, kSecond);
    return;
  }
  const float x = state.look == CompareLook::kWipe ? state.edge_x : state.x + state.width / 2;
  tag(first, x - pad, 1, kFirst);
  tag(second, x + pad, 0, kSecond);
  if (state.look != CompareLook::kWipe) return;
  const ImVec2 handle{x, state.y + state.height / 2};
  draw->AddCircleFilled(handle, unit * 0.55F, IM_COL32(12, 14, 18, 220));
  draw->AddCircle(handle, unit * 0.55F, IM_COL32(240, 240, 240, 255), 0, 2);
  for (const float side : {-1.0F, 1.0F}) {
    const float tip = handle.x + side * unit * 0.36F, base = handle.x + side * unit * 0.12F;
    draw->AddTriangleFilled({tip, handle.y}, {base, handle.y - unit * 0.2F}, {base, handle.y + unit * 0.2F},
                            IM_COL32(240, 240, 240, 255));
  }
}

}  // namespace tarsier::overlay
