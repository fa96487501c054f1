#include "overlay/transport_bar.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <fmt/format.h>
#include <imgui.h>

#include "overlay/key_table.hpp"
#include "overlay/widgets.hpp"

namespace tarsier::overlay {
namespace {

constexpr ImU32 kLoop = IM_COL32(242, 163, 59, 255);  // kAmber
constexpr float kPlotTall = 1.8F;                     // in heights of text
constexpr float kThumbnailWide = 12;                  // the same

/// "1:02.34": minutes, seconds and hundredths.
std::string clock_text(double seconds) {
  const auto hundredths = int64_t(std::llround(std::max(seconds, 0.0) * 100));
  return fmt::format("{}:{:02}.{:02}", hundredths / 6000, hundredths / 100 % 60, hundredths % 100);
}

std::string speed_text(double speed) {
  return speed <= 0 ? "max" : fmt::format("{:g}x", speed);
}

bool button(const char* label, Key key, const char* does, float width = 0) {
  const bool pressed = ImGui::Button(label, {width, 0});
  tip(with_key(does, key));
  ImGui::SameLine(0, ImGui::GetStyle().ItemSpacing.x * 0.6F);
  return pressed;
}

/// Told apart by shape as well as by colour.
void draw_mark(ImDrawList& draw, TimelineMark::Ink ink, ImVec2 at, float half) {
  const ImU32 color = mark_color(ink);
  switch (ink) {
    case TimelineMark::Ink::kCollision:
      draw.AddTriangleFilled({at.x, at.y - half}, {at.x + half, at.y + half}, {at.x - half, at.y + half},
                             color);
      break;
    case TimelineMark::Ink::kLane:
      draw.AddNgonFilled(at, half * 1.2F, color, 4);
      break;
    case TimelineMark::Ink::kLine:
      draw.AddCircleFilled(at, half, color);
      break;
    case TimelineMark::Ink::kOther:
      draw.AddRectFilled({at.x - half, at.y - half}, {at.x + half, at.y + half}, color);
      break;
  }
}

/// Columns of the same width over the whole length, the largest value as tall as there is room.
void draw_plot(const TimelineView& timeline, ImVec2 at, float width, float tall) {
  float top = 0;
  for (const float value : timeline.plot) top = std::fmax(top, value);
  if (top <= 0) return;
  ImDrawList& draw = *ImGui::GetWindowDrawList();
  const float step = width / float(timeline.plot.size());
  for (size_t i = 0; i < timeline.plot.size(); ++i) {
    const float value = timeline.plot[i];
    if (std::isnan(value)) continue;
    const float x = at.x + float(i) * step;
    // A frame without anything was seen, too: a hair's breadth.
    const float height = std::max(value / top * tall, 1.0F);
    draw.AddRectFilled({x, at.y + tall - height}, {x + step, at.y + tall}, IM_COL32(155, 205, 255, 120));
  }
  const std::string most = fmt::format("{:.3g} {}", top, timeline.unit);
  draw.AddText({at.x + 3, at.y}, ImGui::GetColorU32(ImGuiCol_Text), most.c_str());
}

}  // namespace

uint32_t mark_color(TimelineMark::Ink ink) {
  switch (ink) {
    case TimelineMark::Ink::kCollision:
      return IM_COL32(255, 96, 82, 255);
    case TimelineMark::Ink::kLane:
      return IM_COL32(255, 214, 64, 255);
    case TimelineMark::Ink::kLine:
      return IM_COL32(84, 164, 255, 255);
    case TimelineMark::Ink::kOther:
      break;
  }
  return IM_COL32(236, 236, 236, 255);
}

float TransportBar::height() {
  const ImGuiStyle& style = ImGui::GetStyle();
  return 2 * style.WindowPadding.y + kPlotTall * ImGui::GetFontSize() + 2 * ImGui::GetFrameHeight() +
         style.ItemSpacing.y;
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
  if (button("<", Key::kBack, "one frame back", unit * 1.9F)) events.step = -1;
  if (button(view.paused ? "Play" : "Pause", Key::kPause, view.paused ? "play on" : "pause", unit * 3.6F))
    events.toggle_pause = true;
  if (button(">", Key::kForward, "one frame forward", unit * 1.9F)) events.step = 1;
  if (button("-", Key::kSlower, "slower", unit * 1.6F)) events.faster = -1;
  if (button("+", Key::kFaster, "faster", unit * 1.6F)) events.faster = 1;
  ImGui::AlignTextToFramePadding();
  text(speed_text(view.speed));
  tip("times as fast as it was filmed; max: as fast as the device does it");
  ImGui::SameLine();
  if (button("A", Key::kRepeatFrom, "repeat from this frame on", unit * 1.9F)) events.mark_start = true;
  if (button("B", Key::kRepeatTo, "repeat up to this frame", unit * 1.9F)) events.mark_end = true;
  if ((view.loop || view.mark) && button("x", Key::kRepeatNothing, "repeat nothing", unit * 1.6F))
    events.no_loop = true;
  choose_plot(view.timeline, events);

  const uint64_t shown = dragged_.value_or(view.position);
  const std::string frames = view.frames ? fmt::format(" / {}", *view.frames) : "";
  std::string place = fmt::format("{}   frame {}{}", clock_text(view.time_s), shown, frames);
  if (view.seeking) place = "seeking   " + place;
  ImGui::AlignTextToFramePadding();
  right_aligned(fitted(place, ImGui::GetContentRegionAvail().x));
  tip("minutes, seconds and hundredths from the beginning; frames count from 0");
}

void TransportBar::choose_plot(const TimelineView& timeline, TransportEvents& events) {
  if (timeline.value >= timeline.values.size()) return;
  ImGui::SetNextItemWidth(ImGui::GetFontSize() * 6);
  const bool open = ImGui::BeginCombo("##plot", timeline.values[timeline.value].name);
  if (!open) tip("what the timeline shows of the frames that were seen");
  if (open) {
    for (size_t i = 0; i < timeline.values.size(); ++i) {
      if (ImGui::Selectable(timeline.values[i].name, i == timeline.value)) events.plot = i;
      tip(timeline.values[i].help);
    }
    ImGui::EndCombo();
  }
  ImGui::SameLine();
}

void TransportBar::draw_timeline(const TransportView& view, TransportEvents& events) {
  const float width = ImGui::GetContentRegionAvail().x, tall = ImGui::GetFrameHeight();
  const ImVec2 corner = ImGui::GetCursorScreenPos();
  const float plot = std::round(kPlotTall * ImGui::GetFontSize());
  ImGui::InvisibleButton("timeline", {width, plot + tall});
  const ImVec2 at{corner.x, corner.y + plot};
  const uint64_t last = view.frames.value_or(0) > 0 ? *view.frames - 1 : 0;
  const auto x_of = [&](uint64_t frame) {
    return at.x + (last == 0 ? 0 : width * float(double(std::min(frame, last)) / double(last)));
  };
  const float mouse = ImGui::GetIO().MousePos.x;
  const float mark_half = std::round(tall * 0.2F);
  const TimelineMark* under = nullptr;  // the mouse: a mark draws it to its frame
  for (const auto& mark : view.timeline.marks) {
    const float away = std::abs(x_of(mark.frame) - mouse);
    if (away <= mark_half && (under == nullptr || away < std::abs(x_of(under->frame) - mouse))) under = &mark;
  }
  const uint64_t frame =
      under != nullptr
          ? under->frame
          : uint64_t(std::llround(double(std::clamp((mouse - at.x) / width, 0.0F, 1.0F)) * double(last)));
  if (last > 0 && ImGui::IsItemActive()) {
    if (dragged_ != frame) events.seek = frame;
    dragged_ = frame;
  } else {
    dragged_.reset();
  }

  if (!view.timeline.plot.empty()) draw_plot(view.timeline, corner, width, plot);
  ImDrawList* draw = ImGui::GetWindowDrawList();
  const float middle = at.y + tall / 2, half = std::round(tall * 0.14F), round = half;
  const auto strip = [&](float x0, float x1, ImU32 color) {
    draw->AddRectFilled({x0, middle - half}, {x1, middle + half}, color, round);
  };
  strip(at.x, at.x + width, IM_COL32(255, 255, 255, 46));
  const float handle = x_of(dragged_.value_or(view.position));
  strip(at.x, handle, ImGui::GetColorU32(ImGuiCol_PlotHistogram));
  const auto flag = [&](uint64_t position) {
    draw->AddRectFilled({x_of(position) - 1, at.y + 2}, {x_of(position) + 1, at.y + tall - 2}, kLoop);
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
  std::array<float, TimelineMark::kInks> drawn;  // where the latest of each ink is: no more than are seen
  drawn.fill(-1e9F);
  for (const auto& mark : view.timeline.marks) {
    const float x = x_of(mark.frame);
    float& latest = drawn[size_t(mark.ink)];
    if (x < latest + 1) continue;
    latest = x;
    draw_mark(*draw, mark.ink, {x, at.y + mark_half}, mark_half);
  }
  if (lit && last > 0) draw_look(view, x_of(frame), corner.y, frame, under, events);
}

/// Above the timeline, the frame that a click would show.
void TransportBar::draw_look(const TransportView& view, float x, float bottom, uint64_t frame,
                             const TimelineMark* mark, TransportEvents& events) {
  const float unit = ImGui::GetFontSize(), screen = ImGui::GetIO().DisplaySize.x;
  const float wide = kThumbnailWide * unit, padding = ImGui::GetStyle().WindowPadding.x;
  const float room = wide / 2 + 2 * padding;
  ImGui::SetNextWindowPos({std::clamp(x, room, std::max(screen - room, room)), bottom - padding},
                          ImGuiCond_Always, {0.5F, 1});
  ImGui::BeginTooltip();
  if (view.thumbnail_aspect > 0) {
    const ImVec2 size{std::min(wide, wide * view.thumbnail_aspect),
                      wide / std::max(view.thumbnail_aspect, 1.0F)};
    const ImVec2 corner = ImGui::GetCursorScreenPos();
    const float left = corner.x + (wide - size.x) / 2;
    ImGui::Dummy({wide, size.y});
    ImGui::GetWindowDrawList()->AddRectFilled({left, corner.y}, {left + size.x, corner.y + size.y},
                                              IM_COL32(0, 0, 0, 140));
    events.look = TransportEvents::Look{frame, left, corner.y, size.x, size.y};
  }
  // Between frames of one rate; exact where a frame is shown.
  const double seconds = view.last_s * double(frame) / double(*view.frames - 1);
  text(fmt::format("{}   frame {}", clock_text(seconds), frame));
  if (mark != nullptr) {
    ImGui::PushStyleColor(ImGuiCol_Text, mark_color(mark->ink));
    text(mark->what);
    ImGui::PopStyleColor();
  }
  ImGui::EndTooltip();
}

}  // namespace tarsier::overlay
