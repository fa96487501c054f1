#include "overlay/help_page.hpp"

#include <algorithm>
#include <imgui.h>
#include <string_view>

#include "overlay/key_table.hpp"
#include "overlay/widgets.hpp"

namespace tarsier::overlay {
namespace {

/// Rows of one group, from `row` on.
void draw_group(size_t& row) {
  const auto rows = key_table();
  const char* group = rows[row].group;
  ImGui::PushStyleColor(ImGuiCol_Text, kAmber);
  text(group);
  ImGui::PopStyleColor();
  if (!ImGui::BeginTable(group, 2, ImGuiTableFlags_SizingFixedFit)) return;
  for (; row < rows.size() && std::string_view(rows[row].group) == group; ++row) {
    ImGui::TableNextRow();
    ImGui::TableNextColumn();
    text(rows[row].keys);
    ImGui::TableNextColumn();
    dim(rows[row].does);
  }
  ImGui::EndTable();
  ImGui::Spacing();
}

}  // namespace

bool begin_help_page(bool& open) {
  const ImVec2 screen = ImGui::GetIO().DisplaySize;
  const float margin = ImGui::GetFontSize();
  ImGui::SetNextWindowPos({screen.x / 2, screen.y / 2}, ImGuiCond_Always, {0.5F, 0.5F});
  ImGui::SetNextWindowSizeConstraints({0, 0}, {screen.x - 2 * margin, screen.y - 2 * margin});
  ImGui::SetNextWindowBgAlpha(0.97F);  // the picture is behind it
  ImGui::Begin("Keys", &open,
               ImGuiWindowFlags_AlwaysAutoResize | ImGuiWindowFlags_NoMove | ImGuiWindowFlags_NoCollapse |
                   ImGuiWindowFlags_NoSavedSettings | ImGuiWindowFlags_HorizontalScrollbar);
  size_t row = 0;
  ImGui::BeginGroup();
  draw_group(row);  // the longest one has a column of its own
  ImGui::EndGroup();
  ImGui::SameLine(0, 3 * ImGui::GetFontSize());
  ImGui::BeginGroup();
  while (row < key_table().size()) draw_group(row);
  ImGui::EndGroup();
  ImGui::Separator();
  dim("Panels move by their title and roll up by the arrow in it. The mouse over a control says what it "
      "does.");
  return ImGui::Button("Put the panels back");
}

}  // namespace tarsier::overlay
