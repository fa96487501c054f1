// What the panels are made of.
#pragma once

#include <algorithm>
#include <cstdint>
#include <fmt/format.h>
#include <imgui.h>
#include <string>

namespace tarsier::overlay {

constexpr float kFontPixels = 14;  // on a screen whose scale is 1
/// Of what is drawn beside text.
inline float unit_scale() {
  return ImGui::GetFontSize() / kFontPixels;
}

inline const ImVec4 kAmber{0.95F, 0.64F, 0.23F, 1};
// Told apart by people with protanopia and deuteranopia, too.
inline const ImVec4 kRed{0.94F, 0.35F, 0.39F, 1};
inline const ImVec4 kGreen{0.35F, 0.88F, 0.75F, 1};

inline void text(const std::string& line) {
  ImGui::TextUnformatted(line.c_str());
}

inline void dim(const std::string& line) {
  ImGui::PushStyleColor(ImGuiCol_Text, ImGui::GetStyleColorVec4(ImGuiCol_TextDisabled));
  ImGui::TextUnformatted(line.c_str());
  ImGui::PopStyleColor();
}

/// On the current line, its right end at the panel's, or so far before it.
inline void right_aligned(const std::string& line, float inset = 0) {
  const float width = ImGui::CalcTextSize(line.c_str()).x;
  ImGui::SameLine();  // without a place: groups would shift it
  ImGui::SetCursorPosX(std::max(ImGui::GetContentRegionMax().x - inset - width, ImGui::GetCursorPosX()));
  text(line);
}

/// Where the text is too wide, its end (of a path it tells more) or its start.
inline std::string fitted(const std::string& line, float width, bool keep_end = true) {
  if (ImGui::CalcTextSize(line.c_str()).x <= width) return line;
  for (size_t cut = 1; cut < line.size(); ++cut) {
    if ((uint8_t(line[keep_end ? cut : line.size() - cut]) & 0xC0U) == 0x80)
      continue;  // not within a UTF-8 character
    std::string shorter =
        keep_end ? "\xE2\x80\xA6" + line.substr(cut) : line.substr(0, line.size() - cut) + "\xE2\x80\xA6";
    if (ImGui::CalcTextSize(shorter.c_str()).x <= width) return shorter;
  }
  return "";
}

inline std::string bytes_text(uint64_t bytes) {
  if (bytes == 0) return "0 B";
  if (bytes < 10'000) return fmt::format("{} B", bytes);
  if (bytes < 10'000'000) return fmt::format("{:.0f} kB", double(bytes) / 1e3);
  return fmt::format("{:.1f} MB", double(bytes) / 1e6);
}

template <class Fill>
void tool_tip(Fill&& fill) {
  ImGui::BeginTooltip();
  ImGui::PushTextWrapPos(ImGui::GetFontSize() * 22);
  fill();
  ImGui::PopTextWrapPos();
  ImGui::EndTooltip();
}

/// What the item drawn last is, while the mouse is over it.
inline void tip(const std::string& line) {
  if (!ImGui::IsItemHovered(ImGuiHoveredFlags_AllowWhenDisabled)) return;
  tool_tip([&] { text(line); });
}

/// A name on the left, a value on the right; what it is and in which unit, while the mouse is over it.
inline void row(const std::string& name, const std::string& value, const ImVec4* color = nullptr,
                const char* help = "") {
  ImGui::BeginGroup();
  dim(name);
  if (color != nullptr) ImGui::PushStyleColor(ImGuiCol_Text, *color);
  right_aligned(value);
  if (color != nullptr) ImGui::PopStyleColor();
  ImGui::EndGroup();
  if (*help != 0) tip(help);
}

inline bool section(const char* title, bool open) {
  ImGui::Spacing();
  return ImGui::CollapsingHeader(title, open ? ImGuiTreeNodeFlags_DefaultOpen : ImGuiTreeNodeFlags_None);
}

}  // namespace tarsier::overlay
