#include "overlay/transport_bar.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <imgui.h>
#include <string>

#include "overlay/widgets.hpp"

namespace tarsier::overlay {
namespace {

constexpr ImU32 kLoop = IM_COL32(242, 163, 59, 255);  // kAmber

/// "1:02.34": minutes, seconds and hundredths.
std::string clock_text(double seconds) {
  const auto hundredths = int64_t(std::llround(std::max(seconds, 0.0) * 100));
  return fmt::format("{}:{:02}.{:02}", hundredths / 6000, hundredths / 100 % 60, hundredths % 100);
}

std::string speed_text(double speed) {
  return speed <= 0 ? "max" : fmt::format("{:g}x", speed);
}

void tip(const char* line) {
  if (ImGui::IsItemHovered()) ImGui::SetTooltip("%s", line);
}

bool button(const char* label, const char* help, float width = 0) {
  const bool pressed = ImGui::Button(label, {width, 0});
  tip(help);
  ImGui::SameLine(0, ImGui::GetStyle().ItemSpacing.x * 0.6F);
  return pressed;
}

}  // namespace

float TransportBar::height() {
  const ImGuiStyle& style = ImGui::GetStyle();
  return 2 * style.WindowPadding.y + 2 * ImGui::GetFrameHeight() + style.ItemSpacing.y;
}

void TransportBar::begin(const TransportView& view, float x, float y, float width, TransportEvents& events) {
  ImGui::SetNextWindowPos({x, y}, ImGuiCond_Always);
  ImGui::SetNextWindowSize({width, height()}, ImGuiCond_Always);
  ImGui::Begin("##transport", nullptr,
               ImGuiWindowFlags_NoTitleBar | ImGuiWindowFlags_NoResize | ImGuiWindowFlags_NoMove |
                   ImGuiWindowFlags_NoScrollbar | ImGuiWindowFlags_NoSavedSettings |
                   ImGuiWindowFlags_NoFocusOnAppearing);
  draw_timeline(view, events);

  const float unit = ImGui::GetFontSize();
  if (button("<", "one frame back (left arrow)", unit * 1.9F)) events.step = -1;
  if (button(view.paused ? "Play" : "Pause", "Space", unit * 3.6F)) events.toggle_pause = true;
  if (button(">", "one frame forward (right arrow)", unit * 1.9F)) events.step = 1;
  if (button("-", "slower (-)", unit * 1.6F)) events.faster = -1;
  if (button("+", "faster (+)", unit * 1.6F)) events.faster = 1;
  ImGui::AlignTextToFramePadding();
  text(speed_text(view.speed));
  ImGui::SameLine();
  if (button("A", "repeat from this frame on ([)", unit * 1.9F)) events.mark_start = true;
  if (button("B", "repeat up to this frame (])", unit * 1.9F)) events.mark_end = true;
  if ((view.loop || view.mark) && button("x", "repeat nothing (\\)", unit * 1.6F)) events.no_loop = true;

  const uint64_t shown = dragged_.value_or(view.position);
  const std::string frames = view.frames ? fmt::format(" / {}", *view.frames) : "";
  std::string place = fmt::format("{}   frame {}{}", clock_text(view.time_s), shown, frames);
  if (view.seeking) place = "seeking   " + place;
  ImGui::AlignTextToFramePadding();
  right_aligned(fitted(place, ImGui::GetContentRegionAvail().x));
}

void TransportBar::draw_timeline(const TransportView& view, TransportEvents& events) {
  const float width = ImGui::GetContentRegionAvail().x, tall = ImGui::GetFrameHeight();
  const ImVec2 at = ImGui::GetCursorScreenPos();
  ImGui::InvisibleButton("timeline", {width, tall});
  const uint64_t last = view.frames.value_or(0) > 0 ? *view.frames - 1 : 0;
  const auto x_of = [&](uint64_t frame) {
    return at.x + (last == 0 ? 0 : width * float(double(std::min(frame, last)) / double(last)));
  };
  const auto frame_at = [&](float x) {
    return uint64_t(std::llround(double(std::clamp((x - at.x) / width, 0.0F, 1.0F)) * double(last)));
  };
  const float mouse = ImGui::GetIO().MousePos.x;
  if (last > 0 && ImGui::IsItemActive()) {
    const uint64_t frame = frame_at(mouse);
    if (dragged_ != frame) events.seek = frame;
    dragged_ = frame;
  } else {
    dragged_.reset();
  }

  ImDrawList* draw = ImGui::GetWindowDrawList();
  const float middle = at.y + tall / 2, half = std::round(tall * 0.14F), round = half;
  const auto strip = [&](float x0, float x1, ImU32 color) {
    draw->AddRectFilled({x0, middle - half}, {x1, middle + half}, color, round);
  };
  strip(at.x, at.x + width, IM_COL32(255, 255, 255, 46));
  const float handle = x_of(dragged_.value_or(view.position));
  strip(at.x, handle, ImGui::GetColorU32(ImGuiCol_PlotHistogram));
  const auto flag = [&](uint64_t frame) {
    draw->AddRectFilled({x_of(frame) - 1, at.y + 2}, {x_of(frame) + 1, at.y + tall - 2}, kLoop);
  };
  if (view.loop) {
    draw->AddRectFilled({x_of(view.loop->first), middle + half + 1},
                        {x_of(view.loop->second), middle + half + 3}, kLoop);
    flag(view.loop->first);
    flag(view.loop->second);
  } else if (view.mark) {
    flag(*view.mark);
  }
  const bool lit = ImGui::IsItemHovered() || ImGui::IsItemActive();
  draw->AddCircleFilled({handle, middle}, tall * (lit ? 0.36F : 0.30F), IM_COL32(232, 236, 241, 255));
  if (!lit || last == 0) return;
  const uint64_t frame = frame_at(mouse);
  // Between frames of one rate; exact where a frame is shown.
  const double seconds = view.last_s * double(frame) / double(last);
  ImGui::SetTooltip("%s   frame %llu", clock_text(seconds).c_str(), static_cast<unsigned long long>(frame));
}

}  // namespace tarsier::overlay
