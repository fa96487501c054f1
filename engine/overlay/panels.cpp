#include "overlay/panels.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <imgui.h>
#include <imgui_internal.h>
#include <utility>

#include "overlay/help_page.hpp"
#include "overlay/key_table.hpp"
#include "overlay/widgets.hpp"

namespace tarsier::overlay {
namespace {

constexpr const char *kProfile = "profile", *kControls = "controls";

void push_font(ImFont* font) {
#if IMGUI_VERSION_NUM >= 19200
  ImGui::PushFont(font, 0);
#else
  ImGui::PushFont(font);
#endif
}

/// A row of a bar table: the bar lies behind name and value.
void bar(const std::string& name, const std::string& value, float fraction, ImU32 color) {
  const ImVec2 at = ImGui::GetCursorScreenPos();
  const float width = ImGui::GetContentRegionAvail().x;
  const float height = ImGui::GetTextLineHeight() + 2;
  ImDrawList* draw = ImGui::GetWindowDrawList();
  draw->AddRectFilled(at, {at.x + width, at.y + height}, IM_COL32(255, 255, 255, 10), 3);
  const float filled = std::max(std::round(width * std::clamp(fraction, 0.0F, 1.0F)), 2.0F);
  draw->AddRectFilled(at, {at.x + filled, at.y + height}, color, 3);
  const float value_width = ImGui::CalcTextSize(value.c_str()).x;
  draw->AddText({at.x + 5, at.y + 1}, IM_COL32(232, 236, 241, 255),
                fitted(name, width - value_width - 18, false).c_str());
  draw->AddText({at.x + width - value_width - 5, at.y + 1}, IM_COL32(232, 236, 241, 255), value.c_str());
  ImGui::Dummy({width, height - 2});
}

}  // namespace

PanelEvents Panels::draw(const ProfileSnapshot& data, Params& params) {
  PanelEvents events;
  taken_.clear();
  if (!visible) return events;
  scale_ = unit_scale();
  if (std::exchange(closes_popup_, false) && ImGui::IsPopupOpen("", ImGuiPopupFlags_AnyPopup))
    ImGui::ClosePopupToLevel(0, true);
  if (data.zones) draw_sketch(data.zones->sketch);
  if (data.compare) draw_compare_names(*data.compare);
  const float unit = ImGui::GetFontSize();
  const ImVec2 screen = ImGui::GetIO().DisplaySize;
  // Two narrow columns at the sides; the middle stays free. A small window starts with the controls rolled
  // up.
  const float margin = std::round(unit * 0.7F);
  const float width = std::clamp(screen.x * 0.24F, unit * 15.0F, unit * 20.0F);
  const bool small = screen.x < unit * 60;
  const ImGuiWindowFlags flags = ImGuiWindowFlags_NoResize | ImGuiWindowFlags_NoSavedSettings |
                                 ImGuiWindowFlags_AlwaysAutoResize | ImGuiWindowFlags_NoFocusOnAppearing;
  // The bar lies between the columns; where there is no room, below them.
  const bool bar = data.transport && !(data.zones && data.zones->drawing);  // corners may lie there
  const float between = screen.x - 4 * margin - 2 * width;
  const bool below = bar && between < unit * 34;
  const float bar_width = below ? screen.x - 2 * margin : std::min(between, unit * 60);
  float foot = screen.y - margin;  // of what stands one above the other between the columns
  for (const auto& free : data.keep_free) {
    const bool beside = free.x1 < (screen.x - bar_width) / 2 || free.x0 > (screen.x + bar_width) / 2;
    if (!beside && free.y0 > 0.8F * screen.y) foot = std::min(foot, free.y0 - margin);
  }
  const float bar_top = foot - TransportBar::height();
  const float under = below ? screen.y - bar_top + margin : margin;

  // Behind ### comes the identity, which stays when the name changes.
  const std::string title =
      (data.pipeline.empty() ? "Tarsier" : "Tarsier  \xC2\xB7  " + data.pipeline) + "###profile";
  place_panel(kProfile, margin, data, width, under, false);
  if (ImGui::Begin(title.c_str(), nullptr, flags)) draw_profile(data, events);
  note_place();
  places_.note(kProfile);
  ImGui::End();

  place_panel(kControls, screen.x - margin - width, data, width, under, small);
  if (ImGui::Begin("Controls###controls", nullptr, flags)) draw_controls(data, params, events);
  note_place();
  places_.note(kControls);
  ImGui::End();
  if (data.params &&
      param_panel_.begin_comparison(*data.params, screen.x - 2 * margin - width, margin, events.params)) {
    note_place();
    ImGui::End();
  }
  if (bar) {
    transport_bar_.begin(*data.transport, (screen.x - bar_width) / 2, bar_top, bar_width, events.transport);
    foot = bar_top - margin;
    note_place();
    ImGui::End();
  }
  if (profiler_panel_.visible && data.profiler.profiler != nullptr) {
    const float panel_width = between < unit * 40 ? screen.x - 2 * margin : std::min(between, unit * 80);
    profiler_panel_.begin(data.profiler, (screen.x - panel_width) / 2, foot, panel_width);
    foot -= ProfilerPanel::height() + margin;
    note_place();
    ImGui::End();
  }
  if (layer_panel_.visible) {
    const float panel_width = between < unit * 40 ? screen.x - 2 * margin : std::min(between, unit * 80);
    layer_panel_.begin(data.layers, places_, (screen.x - panel_width) / 2, foot, panel_width, events.layers);
    note_place();
    // The message stands above it where it lies below.
    const auto [left, top, right, bottom] = taken_.back();
    if (left < screen.x / 2 && right > screen.x / 2 && bottom > foot - 2 * unit)
      foot = std::max(top, 4 * unit) - margin;
    ImGui::End();
  }
  popup_ = ImGui::IsPopupOpen("", ImGuiPopupFlags_AnyPopup);
  if (help_) {
    if (begin_help_page(help_)) places_.reset();
    note_place();
    ImGui::End();
  }

  const std::string message =
      data.message.empty() && data.first_run
          ? with_key("Move a slider on the right and see what changes at once; all keys are on the help page",
                     Key::kHelp)
          : data.message;
  if (!message.empty()) {
    ImGui::SetNextWindowPos({screen.x / 2, foot}, ImGuiCond_Always, {0.5F, 1});
    ImGui::Begin("##message", nullptr, flags | ImGuiWindowFlags_NoTitleBar | ImGuiWindowFlags_NoInputs);
    ImGui::PushTextWrapPos(std::min(screen.x - 4 * margin, unit * 60));
    text(message);
    ImGui::PopTextWrapPos();
    ImGui::End();
  }
  return events;
}

/// In a column at the window's upper edge, where nothing is covered that is to be seen.
void Panels::place_panel(const char* name, float x, const ProfileSnapshot& data, float width, float under,
                         bool rolled_up) {
  const ImVec2 screen = ImGui::GetIO().DisplaySize;
  const float margin = std::round(ImGui::GetFontSize() * 0.7F);
  ImVec2 at{x, margin};
  // Unless too little would be left.
  const float least = 12 * ImGui::GetFontSize();
  for (const auto& free : data.keep_free) {
    if (free.x0 >= x + width || free.x1 <= x) continue;
    if (screen.y - under - free.y1 > least) {
      at.y = std::max(free.y1 + margin, at.y);
    } else if (free.y0 - margin > least) {
      under = std::max(under, screen.y - free.y0 + margin);
    }
  }
  places_.place(name, at, width, under, rolled_up);
}

void Panels::note_place() {
  const ImVec2 at = ImGui::GetWindowPos(), size = ImGui::GetWindowSize();
  taken_.push_back({at.x, at.y, at.x + size.x, at.y + size.y});
}

bool Panels::close_popup() {
  closes_popup_ = closes_popup_ || (visible && popup_);
  return visible && (std::exchange(popup_, false) || std::exchange(help_, false));
}

bool Panels::covers(double x, double y) const {
  return popup_ || std::ranges::any_of(taken_, [&](const auto& rectangle) {
           return x >= rectangle[0] && y >= rectangle[1] && x < rectangle[2] && y < rectangle[3];
         });
}

void Panels::draw_profile(const ProfileSnapshot& data, PanelEvents& events) {
  const float width = ImGui::GetContentRegionAvail().x;
  const bool roomy = ImGui::GetIO().DisplaySize.y > ImGui::GetFontSize() * 38;
  // The figure that matters most, large.
  ImFontAtlas& fonts = *ImGui::GetIO().Fonts;
  const float small = ImGui::GetFontSize();
  push_font(fonts.Fonts[fonts.Fonts.Size - 1]);
  text(fmt::format("{:.1f}", data.frames_per_s));
  const float large = ImGui::GetFontSize();
  ImGui::PopFont();
  ImGui::SameLine();
  ImGui::SetCursorPosY(ImGui::GetCursorPosY() + (large - small) * 0.85F);  // baselines together
  dim("frames/s");
  tip("frames that were done in a second, over the last five seconds");
  if (data.paused || data.recording) {
    ImGui::PushStyleColor(ImGuiCol_Text, data.paused ? kAmber : kRed);
    right_aligned(data.paused ? "PAUSED" : "REC");
    ImGui::PopStyleColor();
  }
  dim(fitted(data.device, width, false));
  if (data.software_device) {
    ImGui::PushStyleColor(ImGuiCol_Text, kAmber);
    text("software device (CPU)");
    ImGui::PopStyleColor();
  }
  dim(fitted(fmt::format("{}  {}x{}", data.source, data.frame_width, data.frame_height), width));
  row("frame",
      data.frame_count > 0 ? fmt::format("{} / {}", data.frame_id, data.frame_count)
                           : fmt::format("{}", data.frame_id),
      nullptr, "the latest frame that is done, and how many there are by the file's header");
  row("read back", bytes_text(data.readback_bytes) + " / frame", data.readback_bytes == 0 ? &kGreen : &kAmber,
      "bytes from the device to the host in the latest frame, on its way to the screen");
  row("to the tracker", bytes_text(data.tracker_bytes) + " / frame", nullptr,
      "bytes that trackers and comparisons get beside the frames: nothing waits for them");

  // Above all whose height changes: what is chosen here stays where it is, and figures are in view.
  if (data.networks) draw_networks(*data.networks, events.networks);
  if (data.networks && data.compare) {
    draw_compare(*data.compare, data.params ? data.params->presets : std::vector<PresetRow>(), *data.networks,
                 events.compare, events.networks);
  }

  if (section("Capture to present", true)) {
    row("now", fmt::format("{:.1f} ms", data.age_ms), nullptr,
        "from the capture of the latest frame until it was done, in milliseconds");
    row("p50/95/99",
        fmt::format("{:.0f} / {:.0f} / {:.0f}", data.age_p50_ms, data.age_p95_ms, data.age_p99_ms), nullptr,
        "no more than so many milliseconds in 50, 95 and 99 of a hundred of the last 300 frames");
    if (!data.age_history_ms.empty()) {
      const float top = *std::max_element(data.age_history_ms.begin(), data.age_history_ms.end());
      ImGui::PlotLines("##age", data.age_history_ms.data(), int(data.age_history_ms.size()), 0, nullptr, 0,
                       std::max(top * 1.15F, 1.0F), {width, ImGui::GetFontSize() * 2.6F});
      tip("milliseconds of the last 300 frames, the newest one on the right");
    }
    uint64_t dropped = 0;
    for (const DropRow& one : data.drops) dropped += one.count;
    row("dropped", fmt::format("{}", dropped), dropped == 0 ? nullptr : &kAmber,
        "frames that came and were not worked on, by reason");
    for (const DropRow& one : data.drops) row("   " + one.reason, fmt::format("{}", one.count));
  }

  if (!data.passes.empty() && section("Device time, ms", roomy)) {
    double total = 0;
    double longest = 1e-3;
    for (const PassRow& one : data.passes) {
      total += one.ms;
      longest = std::max(longest, one.ms);
    }
    for (const PassRow& one : data.passes) {
      bar(one.name, fmt::format("{:.2f}", one.ms), float(one.ms / longest),
          ImGui::GetColorU32(ImGuiCol_PlotHistogram));
    }
    row("sum", fmt::format("{:.2f}", total), nullptr,
        "milliseconds on the device for the latest frame, all passes together");
  }

  if (data.classes && section("Detections", true)) {
    uint32_t most = 1;
    for (const ClassRow& one : *data.classes) most = std::max(most, one.count);
    for (const ClassRow& one : *data.classes) {
      const uint32_t color = (one.color & 0x00FFFFFFU) | 0x78000000U;
      bar(one.name, fmt::format("{}", one.count), float(one.count) / float(most), color);
    }
    if (data.classes->empty()) dim("nothing in this frame");
  }
}

void Panels::draw_controls(const ProfileSnapshot& data, Params& params, PanelEvents& events) {
  const float gap = ImGui::GetStyle().ItemSpacing.x, mark = ImGui::GetFrameHeight();
  const float half = (ImGui::GetContentRegionAvail().x - mark - 2 * gap) / 2;
  if (ImGui::Button(data.paused ? "Continue" : "Pause", {half, 0})) events.transport.toggle_pause = true;
  tip(with_key(data.paused ? "play on" : "pause", Key::kPause));
  ImGui::SameLine();
  if (ImGui::Button("Screenshot", {half, 0})) events.screenshot = true;
  tip(with_key("the window as it is, as a PNG file", Key::kScreenshot));
  ImGui::SameLine();
  if (ImGui::Button("?", {mark, 0})) toggle_help();
  tip(with_key("all keys", Key::kHelp));
  if (data.session) draw_session(*data.session, (ImGui::GetContentRegionAvail().x - gap) / 2, events.session);

  if (data.zones) draw_zones(*data.zones, events.zones);

  if (data.params) param_panel_.draw_presets(*data.params, events.params);
  param_panel_.draw_params(params, data.params ? data.params->preset : "", events.params);
  ImGui::Spacing();
  ImGui::Separator();
  dim(with_key("All keys", Key::kHelp));
}

void Panels::draw_session(const SessionView& session, float half, SessionEvents& events) {
  if (ImGui::Button(session.recording ? "Stop recording###record" : "Record###record", {half, 0}))
    events.toggle = true;
  tip(with_key("frames, parameters and results as a session: tarsier replay, verify", Key::kRecord));
  if (session.keeps_s <= 0) return;
  ImGui::SameLine();
  if (ImGui::Button(fmt::format("Keep last {:g} s", session.keeps_s).c_str(), {half, 0})) events.keep = true;
  tip(with_key("what just happened, as a session", Key::kKeep));
}

}  // namespace tarsier::overlay
