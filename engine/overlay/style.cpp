#include <filesystem>
#include <imgui.h>

#include "overlay/panels.hpp"
#include "overlay/widgets.hpp"

namespace tarsier::overlay {
namespace {

constexpr float kLargePixels = 25.0F;  // the frame rate

ImVec4 rgb(uint32_t hex, float alpha = 1) {
  return {float(hex >> 16 & 255) / 255, float(hex >> 8 & 255) / 255, float(hex & 255) / 255, alpha};
}

}  // namespace

void apply_style(float scale, const std::string& font_path) {
  ImGuiIO& io = ImGui::GetIO();
  io.IniFilename = nullptr;  // panels find their place themselves; no file appears in the working folder
  io.LogFilename = nullptr;
  io.ConfigWindowsMoveFromTitleBarOnly = true;
  std::error_code ignored;
  if (std::filesystem::is_regular_file(font_path, ignored)) {
    static const ImWchar kRanges[] = {0x20,   0x17F,  0x2013, 0x2026, 0x2190, 0x2193,
                                      0x25B6, 0x25B6, 0x23F8, 0x23F8, 0};
    io.Fonts->AddFontFromFileTTF(font_path.c_str(), kFontPixels * scale, nullptr, kRanges);
    static const ImWchar kDigits[] = {0x20, 0x3A, 0};
    io.Fonts->AddFontFromFileTTF(font_path.c_str(), kLargePixels * scale, nullptr, kDigits);
  } else {
    io.FontGlobalScale = scale;
  }

  ImGui::StyleColorsDark();
  ImGuiStyle& style = ImGui::GetStyle();
  style.WindowRounding = 8;
  style.ChildRounding = 6;
  style.FrameRounding = 5;
  style.PopupRounding = 6;
  style.GrabRounding = 5;
  style.ScrollbarRounding = 6;
  style.WindowBorderSize = 1;
  style.FrameBorderSize = 0;
  style.WindowPadding = {11, 9};
  style.FramePadding = {7, 3};
  style.ItemSpacing = {7, 5};
  style.ItemInnerSpacing = {6, 4};
  style.ScrollbarSize = 9;
  style.GrabMinSize = 10;
  style.WindowTitleAlign = {0, 0.5F};
  ImVec4* colors = style.Colors;
  colors[ImGuiCol_Text] = rgb(0xE8ECF1);
  colors[ImGuiCol_TextDisabled] = rgb(0x8E99A8);
  colors[ImGuiCol_WindowBg] = rgb(0x11151B, 0.88F);
  colors[ImGuiCol_ChildBg] = rgb(0x0B0E13, 0.45F);
  colors[ImGuiCol_PopupBg] = rgb(0x161B22, 0.97F);
  colors[ImGuiCol_Border] = rgb(0xFFFFFF, 0.09F);
  colors[ImGuiCol_FrameBg] = rgb(0xFFFFFF, 0.075F);
  colors[ImGuiCol_FrameBgHovered] = rgb(0xFFFFFF, 0.13F);
  colors[ImGuiCol_FrameBgActive] = rgb(0xFFFFFF, 0.18F);
  colors[ImGuiCol_TitleBg] = rgb(0x11151B, 0.88F);
  colors[ImGuiCol_TitleBgActive] = rgb(0x182029, 0.92F);
  colors[ImGuiCol_TitleBgCollapsed] = rgb(0x11151B, 0.72F);
  colors[ImGuiCol_ScrollbarBg] = rgb(0, 0);
  colors[ImGuiCol_ScrollbarGrab] = rgb(0xFFFFFF, 0.20F);
  const ImVec4 accent = rgb(0xF2A33A);  // amber, a tarsier's eye
  colors[ImGuiCol_CheckMark] = accent;
  colors[ImGuiCol_SliderGrab] = accent;
  colors[ImGuiCol_SliderGrabActive] = rgb(0xFFC061);
  colors[ImGuiCol_Button] = rgb(0xFFFFFF, 0.10F);
  colors[ImGuiCol_ButtonHovered] = rgb(0xF2A33A, 0.45F);
  colors[ImGuiCol_ButtonActive] = rgb(0xF2A33A, 0.70F);
  colors[ImGuiCol_Header] = rgb(0xFFFFFF, 0.06F);
  colors[ImGuiCol_HeaderHovered] = rgb(0xF2A33A, 0.28F);
  colors[ImGuiCol_HeaderActive] = rgb(0xF2A33A, 0.45F);
  colors[ImGuiCol_Separator] = rgb(0xFFFFFF, 0.10F);
  colors[ImGuiCol_PlotLines] = accent;
  colors[ImGuiCol_PlotHistogram] = rgb(0xF2A33A, 0.55F);
  colors[ImGuiCol_ResizeGrip] = rgb(0, 0);
  style.ScaleAllSizes(scale);
}

}  // namespace tarsier::overlay
