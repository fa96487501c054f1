#include "overlay/layer_panel.hpp"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <fmt/format.h>
#include <imgui_stdlib.h>
#include <string_view>

#include "overlay/widgets.hpp"

namespace tarsier::overlay {
namespace {

std::string lower(std::string text) {
  for (char& c : text) c = char(std::tolower(uint8_t(c)));
  return text;
}

std::string range_text(const LayerRange& range) {
  if (range.finite == 0) return "no finite value";
  std::string text = fmt::format("{:.4g} to {:.4g}, mean {:.4g}", range.least, range.largest, range.mean);
  if (const uint64_t others = range.values - range.finite; others > 0)
    text += fmt::format("; {} not finite", others);
  return text;
}

/// Colours from the least value on the left to the largest on the right; where both signs occur they are as
/// far apart as the colours are: 0 is in the middle.
void draw_legend(const LayerRange& range, const std::vector<uint32_t>& colors) {
  if (range.finite == 0 || colors.size() < 2) return;
  const bool signs = range.least < 0 && range.largest > 0;
  const float most = std::max(-range.least, range.largest);
  const std::string low = fmt::format("{:.3g}", signs ? -most : range.least),
                    high = fmt::format("{:.3g}", signs ? most : range.largest);
  dim(low);
  ImGui::SameLine();
  const ImVec2 at = ImGui::GetCursorScreenPos();
  const float tall = ImGui::GetTextLineHeight();
  const float width = std::min(ImGui::GetFontSize() * 8, ImGui::GetContentRegionAvail().x -
                                                             ImGui::CalcTextSize(high.c_str()).x -
                                                             ImGui::GetStyle().ItemSpacing.x);
  if (width > 0) {
    const float step = width / float(colors.size() - 1);
    for (size_t i = 0; i + 1 < colors.size(); ++i)
      ImGui::GetWindowDrawList()->AddRectFilledMultiColor({at.x + step * float(i), at.y + 2},
                                                          {at.x + step * float(i + 1), at.y + tall},
                                                          colors[i], colors[i + 1], colors[i + 1], colors[i]);
    ImGui::Dummy({width, tall});
    tip("colours of values; magenta: not a finite number");
    ImGui::SameLine();
  }
  dim(high);
}

}  // namespace

void LayerPanel::begin(const LayersView& view, PanelPlaces& places, float x, float bottom, float width,
                       LayerEvents& events) {
  const ImVec2 screen = ImGui::GetIO().DisplaySize;
  const float unit = ImGui::GetFontSize();
  const float height = std::min(bottom - unit, std::max(screen.y * 0.4F, 15 * unit));
  places.place("layers", {x, bottom - height}, width, screen.y - bottom, false);
  ImGui::SetNextWindowSize({width, height});
  ImGui::Begin("Layers###layers", &visible,
               ImGuiWindowFlags_NoResize | ImGuiWindowFlags_NoScrollbar | ImGuiWindowFlags_NoSavedSettings |
                   ImGuiWindowFlags_NoFocusOnAppearing);
  places.note("layers");
  rolled_up_ = ImGui::IsWindowCollapsed();
  if (rolled_up_) return;
  draw_header(view, events);
  const float table = std::floor(ImGui::GetContentRegionAvail().x * 0.5F);
  draw_table(view, table, events);
  ImGui::SameLine();
  if (ImGui::BeginChild("pictures")) draw_pictures(view, events);
  ImGui::EndChild();
}

void LayerPanel::draw_header(const LayersView& view, LayerEvents& events) {
  const float unit = ImGui::GetFontSize();
  if (view.networks.size() > 1) {
    ImGui::SetNextItemWidth(unit * 10);
    if (ImGui::BeginCombo("##network", view.networks[view.network].c_str())) {
      for (size_t i = 0; i < view.networks.size(); ++i)
        if (ImGui::Selectable(view.networks[i].c_str(), i == view.network)) events.network = i;
      ImGui::EndCombo();
    }
    tip("which network of the pipeline");
  } else if (!view.networks.empty()) {
    ImGui::AlignTextToFramePadding();
    text(view.networks.front());
  }
  ImGui::SameLine();
  ImGui::SetNextItemWidth(unit * 9);
  ImGui::InputTextWithHint("##filter", "filter", &filter_);
  tip("layers whose name or operator has this in it");
  if (view.times_ms != nullptr && !view.times_ms->empty()) {
    double sum = 0;
    for (const float ms : *view.times_ms) sum += double(ms);
    ImGui::SameLine();
    ImGui::AlignTextToFramePadding();
    text(fmt::format("{:.2f} ms", sum));
    tip("milliseconds on the device for all layers of the latest frame; each layer runs alone while they are "
        "shown, so this is somewhat more than without");
  }
  if (!view.pictures || view.pictures->count < 2) return;
  bool own = view.pictures->own_ranges;
  const char* label = "own ranges";
  const float needed =
      ImGui::GetFrameHeight() + ImGui::GetStyle().ItemInnerSpacing.x + ImGui::CalcTextSize(label).x;
  ImGui::SameLine(std::max(ImGui::GetWindowContentRegionMax().x - needed, 0.0F));
  if (ImGui::Checkbox(label, &own)) events.own_ranges = own;
  tip("colours of each channel go by its own least and largest value, not by those of the layer");
}

void LayerPanel::draw_table(const LayersView& view, float width, LayerEvents& events) {
  const std::string wanted = lower(filter_);
  shown_.clear();
  if (view.rows != nullptr)
    for (size_t i = 0; i < view.rows->size(); ++i) {
      const LayerRow& row = (*view.rows)[i];
      if (wanted.empty() || lower(row.name).find(wanted) != std::string::npos ||
          lower(row.op).find(wanted) != std::string::npos)
        shown_.push_back(i);
    }
  if (view.steps != 0 && !shown_.empty()) {
    // From a row that the filter hides to the next one that it leaves.
    const auto from = std::ranges::lower_bound(shown_, view.selected.value_or(0));
    const bool there = from != shown_.end() && view.selected == *from;
    const auto place = from - shown_.begin() + view.steps - (view.steps > 0 && !there ? 1 : 0);
    events.select = shown_[size_t(std::clamp<std::ptrdiff_t>(place, 0, std::ssize(shown_) - 1))];
  }
  const std::optional<size_t> selected = events.select ? events.select : view.selected;
  const float unit = ImGui::GetFontSize();
  const float shape = unit * 8, ms = unit * 4;
  if (!ImGui::BeginTable("layers", 4, ImGuiTableFlags_ScrollY | ImGuiTableFlags_RowBg, {width, 0})) return;
  ImGui::TableSetupScrollFreeze(0, 1);
  ImGui::TableSetupColumn("layer", ImGuiTableColumnFlags_WidthStretch);
  // Where there is little room the name matters more; the tool tip has both.
  ImGui::TableSetupColumn(
      "operator",
      ImGuiTableColumnFlags_WidthFixed |
          (width < unit * 28 ? ImGuiTableColumnFlags_Disabled : ImGuiTableColumnFlags_None),
      unit * 5);
  ImGui::TableSetupColumn("output", ImGuiTableColumnFlags_WidthFixed, shape);
  ImGui::TableSetupColumn("ms", ImGuiTableColumnFlags_WidthFixed, ms);
  ImGui::TableHeadersRow();
  // The chosen row is to be found at a glance.
  ImGui::PushStyleColor(ImGuiCol_Header, ImVec4(kAmber.x, kAmber.y, kAmber.z, 0.4F));
  const bool timed = view.times_ms != nullptr && !view.times_ms->empty();
  const float longest = timed ? std::max(*std::ranges::max_element(*view.times_ms), 1e-6F) : 1;
  const float row_height = ImGui::GetTextLineHeight() + 2 * ImGui::GetStyle().CellPadding.y;
  ImGuiListClipper clipper;
  clipper.Begin(int(shown_.size()), row_height);
  while (clipper.Step()) {
    for (int i = clipper.DisplayStart; i < clipper.DisplayEnd; ++i) {
      const size_t index = shown_[size_t(i)];
      const LayerRow& row = (*view.rows)[index];
      ImGui::PushID(int(index));
      ImGui::TableNextRow();
      ImGui::TableNextColumn();
      const float room = ImGui::GetContentRegionAvail().x;
      if (ImGui::Selectable("##layer", selected == index, ImGuiSelectableFlags_SpanAllColumns))
        events.select = index;
      tip(fmt::format("{}: {}", row.op, row.name));
      ImGui::SameLine(0, 0);
      text(fitted(row.name, room));
      ImGui::TableNextColumn();
      dim(fitted(row.op, ImGui::GetContentRegionAvail().x, false));
      ImGui::TableNextColumn();
      dim(fitted(row.shape, ImGui::GetContentRegionAvail().x, false));
      ImGui::TableNextColumn();
      if (timed && index < view.times_ms->size()) {
        const float took = (*view.times_ms)[index];
        const ImVec2 at = ImGui::GetCursorScreenPos();
        const float whole = ImGui::GetContentRegionAvail().x;
        ImGui::GetWindowDrawList()->AddRectFilled(
            {at.x, at.y + 1},
            {at.x + std::max(whole * took / longest, 1.0F), at.y + ImGui::GetTextLineHeight()},
            ImGui::GetColorU32(ImGuiCol_PlotHistogram, 0.55F), 2);
        const std::string figure = fmt::format("{:.{}f}", took, took < 10 ? 3 : 2);
        ImGui::SetCursorPosX(ImGui::GetCursorPosX() + whole - ImGui::CalcTextSize(figure.c_str()).x);
        text(figure);
      }
      ImGui::PopID();
    }
  }
  ImGui::PopStyleColor();
  // By keys, or in another network: in view.
  if (selected && selected != scrolled_to_) {
    const auto at = std::ranges::find(shown_, *selected);
    if (at != shown_.end()) {
      const float y = row_height * float(at - shown_.begin());
      const float tall = ImGui::GetWindowHeight() - 2 * row_height;
      if (y < ImGui::GetScrollY()) ImGui::SetScrollY(y);
      if (y > ImGui::GetScrollY() + tall) ImGui::SetScrollY(y - tall);
    }
    scrolled_to_ = selected;
  }
  ImGui::EndTable();
}

void LayerPanel::draw_pictures(const LayersView& view, LayerEvents& events) {
  if (!view.pictures) {
    ImGui::PushTextWrapPos();
    dim(view.why_none);
    ImGui::PopTextWrapPos();
    return;
  }
  const LayerPictures& pictures = *view.pictures;
  const bool known = view.ranges != nullptr && view.ranges->size() == size_t{pictures.count} + 1;
  const float room = ImGui::GetContentRegionAvail().x;
  if (pictures.chosen) {
    if (ImGui::SmallButton("All")) events.unchoose = true;
    tip("back to all channels of this layer");
    ImGui::SameLine();
    text(fmt::format("channel {} of {}, {}x{}", *pictures.chosen, pictures.channels, pictures.width,
                     pictures.height));
  } else {
    text(fitted(pictures.channels == 1
                    ? fmt::format("{}x{}", pictures.width, pictures.height)
                    : fmt::format("{} channels of {}x{}", pictures.channels, pictures.width, pictures.height),
                room, false));
    if (pictures.channels > pictures.count) {
      ImGui::SameLine();
      dim(fmt::format("the first {}", pictures.count));
    }
  }
  if (known) {
    const LayerRange& range = (*view.ranges)[pictures.chosen.value_or(pictures.count)];
    dim(fitted(range_text(range), room, false));
    tip("least and largest finite value, and their mean");
    if (pictures.chosen || !pictures.own_ranges) {
      draw_legend(range, view.colors);
    } else {
      dim(fitted("colors by each channel's own range", room, false));
    }
  }
  if (pictures.chosen) {
    draw_large(view);
  } else {
    draw_grid(view, events);
  }
}

void LayerPanel::draw_grid(const LayersView& view, LayerEvents& events) {
  const LayerPictures& pictures = *view.pictures;
  if (!ImGui::BeginChild("grid")) {
    ImGui::EndChild();
    return;
  }
  const float gap = std::round(2 * unit_scale()), least = ImGui::GetFontSize() * 4;
  const ImVec2 room = ImGui::GetContentRegionAvail();
  const float aspect = float(pictures.tile_height) / float(pictures.tile_width);
  const auto tall = [&](float wide) { return std::max(std::round(wide * aspect), 1.0F); };
  // As large as all of them fit; where they would be too small, so small, and the rest is scrolled to.
  uint32_t columns = 1;
  float wide = 0;
  for (;; ++columns) {
    wide = std::floor((room.x - gap * float(columns - 1)) / float(columns));
    const uint32_t rows = (pictures.count + columns - 1) / columns;
    if (float(rows) * (tall(wide) + gap) <= room.y || columns >= pictures.count || wide < least) break;
  }
  if (wide < least && columns > 1) {
    const float scroll = ImGui::GetStyle().ScrollbarSize;
    columns = std::max(1U, uint32_t((room.x - scroll + gap) / (least + gap)));
    wide = std::floor((room.x - scroll - gap * float(columns - 1)) / float(columns));
  }
  if (tall(wide) > room.y && columns >= pictures.count) wide = std::max(std::floor(room.y / aspect), 1.0F);
  const uint32_t rows = (pictures.count + columns - 1) / columns;
  const ImVec2 at = ImGui::GetCursorScreenPos(), size{wide, tall(wide)}, pitch{wide + gap, tall(wide) + gap};
  draw_tiles(view, {pictures.tiles, pictures.count, columns, pictures.tile_width, pictures.tile_height, at,
                    size, pitch});
  ImGui::InvisibleButton("tiles", {pitch.x * float(columns), std::max(pitch.y * float(rows) - gap, 1.0F)});
  const ImVec2 mouse = ImGui::GetIO().MousePos;
  const float x = (mouse.x - at.x) / pitch.x, y = (mouse.y - at.y) / pitch.y;
  const auto tile = uint32_t(std::max(y, 0.0F)) * columns + uint32_t(std::max(x, 0.0F));
  if (ImGui::IsItemHovered() && x >= 0 && uint32_t(x) < columns && tile < pictures.count) {
    const ImVec2 corner{at.x + std::floor(x) * pitch.x, at.y + std::floor(y) * pitch.y};
    ImGui::GetWindowDrawList()->AddRect({corner.x - 1, corner.y - 1},
                                        {corner.x + size.x + 1, corner.y + size.y + 1},
                                        IM_COL32(232, 236, 241, 255), 0, 0, 1.5F * unit_scale());
    if (view.ranges != nullptr && tile < view.ranges->size())
      tip(fmt::format("channel {}: {}", tile, range_text((*view.ranges)[tile])));
    if (ImGui::IsItemClicked()) events.choose = tile;
  }
  ImGui::EndChild();
}

void LayerPanel::draw_large(const LayersView& view) {
  const LayerPictures& pictures = *view.pictures;
  const ImVec2 room = ImGui::GetContentRegionAvail(), at = ImGui::GetCursorScreenPos();
  const float width = float(pictures.large_width), height = float(pictures.large_height);
  const float scale = std::min(room.x / width, room.y / height);
  const ImVec2 size{std::max(std::floor(width * scale), 1.0F), std::max(std::floor(height * scale), 1.0F)};
  draw_tiles(view, {pictures.large, 1, 1, pictures.large_width, pictures.large_height, at, size, size});
  ImGui::Dummy(size);
}

void LayerPanel::draw_tiles(const LayersView& view, const TileGrid& grid) {
  if (view.draw_tiles == nullptr) return;
  grid_ = grid;
  ImDrawList* draw = ImGui::GetWindowDrawList();
  draw->AddCallback(view.draw_tiles, &grid_);
  draw->AddCallback(ImDrawCallback_ResetRenderState, nullptr);
}

}  // namespace tarsier::overlay
