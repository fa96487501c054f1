#include "overlay/profiler_panel.hpp"

#include <algorithm>
#include <array>
#include <cfloat>
#include <cmath>
#include <fmt/format.h>
#include <imgui.h>
#include <tuple>
#include <utility>

#include "overlay/widgets.hpp"

namespace tarsier::overlay {
namespace {

using Clock = FrameProfile::Clock;
using Track = ProfileSpan::Track;

/// Okabe and Ito's: whoever is colour-blind tells them apart. Of the passes, in turn.
constexpr std::array kColors{IM_COL32(230, 159, 0, 255),   IM_COL32(86, 180, 233, 255),
                             IM_COL32(0, 158, 115, 255),   IM_COL32(240, 228, 66, 255),
                             IM_COL32(204, 121, 167, 255), IM_COL32(213, 94, 0, 255)};
constexpr ImU32 kDevice = kColors[0], kHost = kColors[1];
constexpr ImU32 kAge = IM_COL32(255, 255, 255, 60), kWaiting = IM_COL32(255, 255, 255, 40);
constexpr ImU32 kBack = IM_COL32(255, 255, 255, 10), kDark = IM_COL32(16, 20, 26, 255);
constexpr ImU32 kChosen = IM_COL32(232, 236, 241, 255);

double ms_between(Clock::time_point from, Clock::time_point to) {
  return std::chrono::duration<double, std::milli>(to - from).count();
}

bool waits(const ProfileSpan& span) {
  return span.name == "wait for the device";
}

/// Time of the thread that records frames, but for its waiting.
double host_ms(const FrameProfile& frame) {
  double sum = frame.sum_ms(Track::kHost);
  for (const ProfileSpan& span : frame.spans) sum -= waits(span) ? span.ms() : 0;
  return sum;
}

/// 1, 2 or 5 times a power of ten, so that about `wanted` steps fill the range.
double step_of(double range, double wanted) {
  const double rough = std::max(range, 1e-6) / wanted;
  const double power = std::pow(10, std::floor(std::log10(rough)));
  return power * (rough <= power ? 1 : rough <= 2 * power ? 2 : rough <= 5 * power ? 5 : 10);
}

float row_height() {
  return std::round(ImGui::GetFontSize() * 1.35F);
}
float history_height() {
  return std::round(ImGui::GetFontSize() * 3.6F);
}
float foot_height() {
  return ImGui::GetTextLineHeightWithSpacing() * 5;
}

}  // namespace

float ProfilerPanel::height() {
  const ImGuiStyle& style = ImGui::GetStyle();
  const float frame = 3 * row_height() + ImGui::GetTextLineHeight() + 4;
  return 2 * style.WindowPadding.y + ImGui::GetFrameHeight() + history_height() + frame + foot_height() +
         5 * style.ItemSpacing.y;
}

void ProfilerPanel::begin(const ProfilerView& view, float x, float bottom, float width) {
  ImGui::SetNextWindowPos({x, bottom}, ImGuiCond_Always, {0, 1});
  ImGui::SetNextWindowSize({width, height()}, ImGuiCond_Always);
  ImGui::Begin("##profiler", nullptr,
               ImGuiWindowFlags_NoTitleBar | ImGuiWindowFlags_NoResize | ImGuiWindowFlags_NoMove |
                   ImGuiWindowFlags_NoScrollbar | ImGuiWindowFlags_NoSavedSettings |
                   ImGuiWindowFlags_NoFocusOnAppearing);
  if (std::exchange(thaws_, false)) frozen_.clear();
  frames_.clear();
  for (const FrameProfile& frame : frozen_) frames_.push_back(&frame);
  if (frozen_.empty()) {
    for (size_t i = 0; i < view.profiler->size(); ++i) frames_.push_back(&view.profiler->at(i));
    chosen_ = frames_.empty() ? 0 : frames_.size() - 1;
  }
  if (frames_.empty()) {
    dim("no frame is done yet");
    return;
  }
  draw_header();
  draw_history();
  draw_frame();
  if (!ImGui::BeginTable("foot", 3, ImGuiTableFlags_SizingStretchSame)) return;
  ImGui::TableNextColumn();
  draw_ages();
  ImGui::TableNextColumn();
  dim("device memory");
  for (const MemoryRow& one : view.memory) row(one.owner, bytes_text(one.bytes));
  ImGui::TableNextColumn();
  const float room = ImGui::GetContentRegionAvail().x;
  const FrameProfile& frame = *frames_[chosen_];
  dim(fitted(view.device, room, false));
  dim(fitted(view.driver, room, false));
  row("uploaded", bytes_text(frame.upload_bytes));
  row("read back", bytes_text(frame.readback_bytes));
  uint64_t dropped = 0;
  for (const auto& one : frame.drops) dropped += one.count;
  row("dropped so far", fmt::format("{}", dropped));
  ImGui::EndTable();
}

void ProfilerPanel::freeze(size_t chosen) {
  if (frozen_.empty()) {
    std::vector<FrameProfile> copy;
    for (const FrameProfile* frame : frames_) copy.push_back(*frame);
    frozen_ = std::move(copy);
    for (size_t i = 0; i < frames_.size(); ++i) frames_[i] = &frozen_[i];
  }
  chosen_ = std::min(chosen, frames_.size() - 1);
}

void ProfilerPanel::draw_header() {
  const bool frozen = !frozen_.empty();
  if (ImGui::Button(frozen ? "Go on" : "Freeze", {ImGui::GetFontSize() * 4.2F, 0})) {
    thaws_ = frozen;
    if (!frozen) freeze(chosen_);
  }
  for (const auto& [label, help, step] :
       {std::tuple{"<", "the frame before", -1}, std::tuple{">", "the frame after", 1}}) {
    ImGui::SameLine();
    const bool last = step > 0 ? chosen_ + 1 >= frames_.size() : chosen_ == 0;
    ImGui::BeginDisabled(last);
    if (ImGui::Button(label, {ImGui::GetFontSize() * 1.7F, 0})) freeze(chosen_ + size_t(step));
    ImGui::EndDisabled();
    tip(help);
  }
  const FrameProfile& frame = *frames_[chosen_];
  ImGui::SameLine();
  ImGui::AlignTextToFramePadding();
  text(fmt::format("frame {}   age {:.1f} ms", frame.frame_id, frame.age_ms()));
  ImGui::SameLine();
  ImGui::PushStyleColor(ImGuiCol_Text, kDevice);
  text(fmt::format("   device {:.1f} ms", frame.sum_ms(Track::kDevice)));
  ImGui::PopStyleColor();
  ImGui::SameLine();
  ImGui::PushStyleColor(ImGuiCol_Text, kHost);
  text(fmt::format("host {:.1f} ms", host_ms(frame)));
  ImGui::PopStyleColor();
  if (frames_.size() > 1) {
    ImGui::PushStyleColor(ImGuiCol_Text, ImGui::GetStyleColorVec4(ImGuiCol_TextDisabled));
    right_aligned(frozen ? fmt::format("{} frames later", frames_.size() - 1 - chosen_) : "P hides");
    ImGui::PopStyleColor();
  }
}

/// A bar for each frame: its age, and in it the device's time with the host's on top.
void ProfilerPanel::draw_history() {
  constexpr size_t kFewest = 120;  // bars are never wider than for so many
  const ImVec2 at = ImGui::GetCursorScreenPos();
  const ImVec2 size{ImGui::GetContentRegionAvail().x, history_height()};
  ImGui::InvisibleButton("history", size);
  const size_t count = frames_.size();
  const float bar = size.x / float(std::max(count, kFewest));
  const float left = at.x + size.x - bar * float(count);
  const auto frame_at = [&](float x) { return size_t(std::clamp((x - left) / bar, 0.0F, float(count - 1))); };
  const float mouse = ImGui::GetIO().MousePos.x;
  if (ImGui::IsItemActive()) freeze(frame_at(mouse));

  double top = 1;
  for (const FrameProfile* frame : frames_)
    top = std::max({top, frame->age_ms(), frame->sum_ms(Track::kDevice) + host_ms(*frame)});
  ImDrawList* draw = ImGui::GetWindowDrawList();
  const float foot = at.y + size.y;
  draw->AddRectFilled(at, {at.x + size.x, foot}, kBack, 3);
  const auto height_of = [&](double ms) { return float(ms / top) * (size.y - 2); };
  for (size_t i = 0; i < count; ++i) {
    const FrameProfile& frame = *frames_[i];
    const float x0 = left + bar * float(i), x1 = x0 + std::max(bar - (bar > 3 ? 1.0F : 0.0F), 1.0F);
    const auto rectangle = [&](double from_ms, double to_ms, ImU32 color) {
      draw->AddRectFilled({x0, foot - height_of(to_ms)}, {x1, foot - height_of(from_ms)}, color);
    };
    const double device = frame.sum_ms(Track::kDevice);
    rectangle(0, frame.age_ms(), kAge);
    rectangle(0, device, kDevice);
    rectangle(device, device + host_ms(frame), kHost);
  }
  if (!frozen_.empty()) {
    const float x = left + bar * (float(chosen_) + 0.5F);
    draw->AddLine({x, at.y}, {x, foot}, kChosen, 1.5F * unit_scale());
  }
  draw->AddText({at.x + 4, at.y + 1}, ImGui::GetColorU32(ImGuiCol_TextDisabled),
                fmt::format("{:.0f} ms", top).c_str());
  const FrameProfile& frame = *frames_[frame_at(mouse)];
  tip(fmt::format("frame {}: age {:.1f} ms, device {:.1f} ms, host {:.1f} ms", frame.frame_id, frame.age_ms(),
                  frame.sum_ms(Track::kDevice), host_ms(frame)));
}

/// Capture, host and device, one below the other on one axis of time.
void ProfilerPanel::draw_frame() const {
  const FrameProfile& frame = *frames_[chosen_];
  // What was decoded ahead is not stretched to: it may be seconds ago.
  Clock::time_point from = frame.captured, to = frame.completed;
  for (const ProfileSpan& span : frame.spans) {
    if (span.track != Track::kCapture || span.end > frame.captured) from = std::min(from, span.begin);
    to = std::max(to, span.end);
  }
  const double range = std::max(ms_between(from, to), 1e-3);
  const float names = ImGui::CalcTextSize("capture").x + 10, tall = row_height();
  const ImVec2 at = ImGui::GetCursorScreenPos();
  const float width = ImGui::GetContentRegionAvail().x - names, left = at.x + names;
  const auto x_of = [&](double ms) { return left + float(ms / range) * width; };
  ImDrawList* draw = ImGui::GetWindowDrawList();
  const ImU32 faint = ImGui::GetColorU32(ImGuiCol_TextDisabled);
  std::array<size_t, 3> next{};  // colour of each row
  const ProfileSpan* hovered = nullptr;
  const ImVec2 mouse = ImGui::GetIO().MousePos;
  for (const auto& [track, name] : {std::pair{Track::kCapture, "capture"}, std::pair{Track::kHost, "host"},
                                    std::pair{Track::kDevice, "device"}}) {
    const float y = at.y + tall * float(track);
    draw->AddText({at.x, y + 2}, faint, name);
    draw->AddRectFilled({left, y + 1}, {left + width, y + tall - 1}, kBack, 2);
  }
  for (const ProfileSpan& span : frame.spans) {
    const float y0 = at.y + tall * float(span.track) + 1, y1 = y0 + tall - 2;
    const ImU32 color = waits(span) ? kWaiting : kColors[next[size_t(span.track)]++ % kColors.size()];
    const double begin = ms_between(from, span.begin), end = ms_between(from, span.end);
    if (end <= 0) {
      draw->AddText({left + 4, y0 + 1}, faint,
                    fmt::format("{:.1f} ms, {:.1f} ms before", span.ms(), -begin).c_str());
      continue;
    }
    const float x0 = x_of(std::max(begin, 0.0)), x1 = std::max(x_of(end), x0 + 1);
    draw->AddRectFilled({x0, y0}, {x1, y1}, color, x1 - x0 > 4 ? 2.0F : 0.0F);
    const std::string label =
        x1 - x0 > ImGui::GetFontSize() ? fitted(std::string(span.name), x1 - x0 - 6, false) : "";
    draw->AddText({x0 + 3, y0 + 1}, waits(span) ? faint : kDark, label.c_str());
    if (mouse.x >= x0 && mouse.x < x1 + 1 && mouse.y >= y0 && mouse.y < y1) hovered = &span;
  }
  const float axis = at.y + 3 * tall + 1;
  const double step = step_of(range, 8);
  for (int tick = 0; tick * step < range; ++tick) {
    const double ms = tick * step;
    draw->AddLine({x_of(ms), at.y}, {x_of(ms), axis + 3}, kBack);
    const std::string label = fmt::format("{:g}{}", ms, ms == 0 ? " ms" : "");
    if (x_of(ms) + ImGui::CalcTextSize(label.c_str()).x < left + width)
      draw->AddText({x_of(ms) + 2, axis}, faint, label.c_str());
  }
  ImGui::Dummy({names + width, 3 * tall + ImGui::GetTextLineHeight() + 4});
  if (hovered != nullptr && ImGui::IsWindowHovered())
    tool_tip([&] {
      text(fmt::format("{}: {:.3f} ms, from {:.3f} ms on", hovered->name, hovered->ms(),
                       ms_between(from, hovered->begin)));
    });
}

/// How often frames were how old.
void ProfilerPanel::draw_ages() const {
  std::vector<float> ages;
  for (const FrameProfile* frame : frames_) ages.push_back(float(frame->age_ms()));
  std::ranges::sort(ages);
  const auto rank = [&](double fraction) {  // nearest rank
    return ages[size_t(std::max(std::ceil(fraction * double(ages.size())), 1.0)) - 1];
  };
  dim(fmt::format("age of {} frames, ms", ages.size()));
  constexpr size_t kBins = 32;
  std::array<float, kBins> bins{};
  const float least = std::floor(ages.front()), most = std::max(std::ceil(ages.back()), least + 1);
  for (const float age : ages)
    ++bins[std::min(size_t((age - least) / (most - least) * float(kBins)), kBins - 1)];
  const float line = ImGui::GetTextLineHeightWithSpacing();
  ImGui::PlotHistogram("##ages", bins.data(), int(kBins), 0, nullptr, 0, FLT_MAX,
                       {ImGui::GetContentRegionAvail().x, 2 * line - ImGui::GetStyle().ItemSpacing.y});
  tip(fmt::format("from {:.0f} to {:.0f} ms", least, most));
  row("p50", fmt::format("{:.1f}", rank(0.50)));
  row("p95 / p99", fmt::format("{:.1f} / {:.1f}", rank(0.95), rank(0.99)));
}

}  // namespace tarsier::overlay
