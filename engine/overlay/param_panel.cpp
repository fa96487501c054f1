#include "overlay/param_panel.hpp"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <fmt/format.h>
#include <imgui.h>
#include <imgui_stdlib.h>

#include "core/param_text.hpp"
#include "core/text.hpp"
#include "overlay/key_table.hpp"
#include "overlay/widgets.hpp"

namespace tarsier::overlay {
namespace {

constexpr size_t kFewChoices = 7;  // fit into the list without searching
constexpr const char* kNone = "none";
constexpr const char* kReset = "reset";  // a menu

/// "detect.score_threshold" -> "score threshold".
std::string title_of(const std::string& key) {
  std::string title = key.substr(key.rfind('.') + 1);
  std::replace(title.begin(), title.end(), '_', ' ');
  return title;
}

std::string stage_of(const std::string& key) {
  const size_t dot = key.rfind('.');
  return dot == std::string::npos ? "general" : key.substr(0, dot);
}

/// "0.35 (street.toml:12)"
std::string below_text(const ParamSpec& spec, const Params& params, const std::string& preset) {
  const auto& below = params.source_below(spec.key, ParamOrigin::kOverlay);
  return fmt::format("{} ({})", value_text(spec, below.value), source_text(below, preset));
}

void dim_wrapped(const std::string& line) {
  ImGui::PushStyleColor(ImGuiCol_Text, ImGui::GetStyleColorVec4(ImGuiCol_TextDisabled));
  ImGui::TextWrapped("%s", line.c_str());
  ImGui::PopStyleColor();
}

void red_wrapped(const std::string& line) {
  ImGui::PushStyleColor(ImGuiCol_Text, kRed);
  ImGui::TextWrapped("%s", line.c_str());
  ImGui::PopStyleColor();
}

void help_on_hover(const ParamSpec& spec, const Params& params, const std::string& preset) {
  if (!ImGui::IsItemHovered(ImGuiHoveredFlags_AllowWhenDisabled)) return;
  tool_tip([&] {
    if (!spec.help.empty()) ImGui::TextWrapped("%s", spec.help.c_str());
    const std::string range = range_text(spec);
    const std::string unit = spec.unit.empty() ? "" : " " + spec.unit;
    dim_wrapped(spec.key + (range.empty() ? "" : ": " + range + unit));
    dim_wrapped("default " + value_text(spec, spec.initial) + unit);
    const auto& source = params.source(spec.key);
    if (source.origin == ParamOrigin::kOverlay) {
      dim_wrapped("set here; without that " + below_text(spec, params, preset));
    } else if (source.origin != ParamOrigin::kDefault) {
      dim_wrapped("now by " + source_text(source, preset));
    }
    if (spec.restarts) dim_wrapped("read when the pipeline starts");
  });
}

float mark_width() {
  return std::round(ImGui::GetFontSize() * 0.95F);
}

/// At the right end of the current line: where the value comes from, by shape and brightness. Nothing for a
/// default; what was set here is bright and goes back by a click. Whether it was clicked.
bool origin_mark(const ParamSpec& spec, const Params& params, const std::string& preset) {
  const ParamOrigin origin = params.origin(spec.key);
  if (origin == ParamOrigin::kDefault) return false;
  const float unit = ImGui::GetFontSize(), width = mark_width();
  ImGui::SameLine();
  ImGui::SetCursorPosX(ImGui::GetContentRegionMax().x - width);
  const ImVec2 corner = ImGui::GetCursorScreenPos();
  ImGui::PushID("origin");
  const bool clicked = ImGui::InvisibleButton("##mark", {width, ImGui::GetTextLineHeight()});
  ImGui::PopID();
  const bool hovered = ImGui::IsItemHovered();
  const ImVec2 at{corner.x + width * 0.6F, corner.y + std::round(ImGui::GetTextLineHeight() / 2)};
  ImDrawList& draw = *ImGui::GetWindowDrawList();
  const ImU32 amber = ImGui::GetColorU32(kAmber);
  const ImU32 quiet = IM_COL32(255, 255, 255, hovered ? 150 : 70);
  switch (origin) {
    case ParamOrigin::kDefault:
      break;
    case ParamOrigin::kPipeline:
      draw.AddCircleFilled(at, unit * 0.13F, quiet);
      break;
    case ParamOrigin::kPreset:
      draw.AddCircle(at, unit * 0.22F, amber, 0, 1.4F * unit / 14);
      break;
    case ParamOrigin::kCommandLine: {
      const float half = unit * 0.18F;
      draw.AddRect({at.x - half, at.y - half}, {at.x + half, at.y + half}, IM_COL32(255, 255, 255, 190), 0, 0,
                   1.4F * unit / 14);
      break;
    }
    case ParamOrigin::kOverlay:
      draw.AddCircleFilled(at, unit * (hovered ? 0.32F : 0.24F), amber);
      break;
  }
  if (hovered) {
    tool_tip([&] {
      if (origin == ParamOrigin::kOverlay) {
        ImGui::TextUnformatted("set here");
        dim_wrapped("a click goes back to " + below_text(spec, params, preset));
      } else {
        ImGui::TextWrapped("%s", source_text(params.source(spec.key), preset).c_str());
      }
    });
  }
  return clicked && origin == ParamOrigin::kOverlay;
}

bool button(const char* label, float width, bool enabled, const std::string& help) {
  ImGui::BeginDisabled(!enabled);
  const bool pressed = ImGui::Button(label, {width, 0});
  ImGui::EndDisabled();
  if (!help.empty()) tip(help);
  return pressed;
}

/// A row of the list of presets, with what it is for below it while the mouse is there.
bool preset_row(const PresetRow& row, bool chosen) {
  const bool pressed = ImGui::Selectable(row.name.c_str(), chosen);
  if (!row.about.empty()) tip(row.about);
  if (row.own) {
    ImGui::PushStyleColor(ImGuiCol_Text, ImGui::GetStyleColorVec4(ImGuiCol_TextDisabled));
    right_aligned("yours");
    ImGui::PopStyleColor();
  }
  return pressed;
}

/// A list to choose a preset from; nullopt while none is chosen. `list` is set while it is open.
std::optional<std::string> preset_list(const ParamView& view, const std::string& label,
                                       const std::string& chosen, bool& list) {
  std::optional<std::string> picked;
  if (!ImGui::BeginCombo("##preset", label.c_str(), ImGuiComboFlags_HeightLarge)) return picked;
  list = list || ImGui::IsWindowAppearing();
  if (preset_row({kNone, "the values of the pipeline file and the command line"}, chosen.empty()))
    picked = "";
  for (const auto& row : view.presets) {
    if (preset_row(row, row.name == chosen)) picked = row.name;
  }
  ImGui::EndCombo();
  return picked;
}

}  // namespace

void ParamPanel::draw_presets(const ParamView& view, ParamEvents& events) {
  if (!section("Preset", true)) return;
  ImGui::PushID("presets");
  const std::string name = view.preset.empty() ? kNone : view.preset;
  ImGui::SetNextItemWidth(-1);
  events.choose = preset_list(view, view.changed ? name + " *" : name, view.preset, events.list);
  const float gap = ImGui::GetStyle().ItemSpacing.x;
  const float whole = ImGui::GetContentRegionAvail().x;
  const float half = (whole - gap) / 2, third = (whole - 2 * gap) / 3;
  const auto hint = [](const std::string& what, Key key) {
    return what.empty() ? std::string() : with_key(what, key);
  };
  events.undo = button("Undo", half, !view.undo.empty(), hint(view.undo, Key::kUndo));
  ImGui::SameLine();
  events.redo = button("Redo", half, !view.redo.empty(), hint(view.redo, Key::kRedo));
  events.save = button("Save", third, !view.save_to.empty(), view.save_to);
  ImGui::SameLine();
  if (button("Save as", third, true, "under a name, beside your other presets")) {
    name_ = view.preset;
    events.list = true;
    ImGui::OpenPopup("save as");
  }
  ImGui::SameLine();
  if (button("Compare", third, true, "what differs between now and a preset")) {
    comparing_ = !comparing_;
    if (comparing_) {
      events.list = true;
      events.compare = view.preset;
    }
  }
  draw_save_as(view, events);
  if (!view.failure.empty()) red_wrapped(view.failure);
  ImGui::PopID();
}

void ParamPanel::draw_save_as(const ParamView& view, ParamEvents& events) {
  if (!ImGui::BeginPopup("save as")) return;
  if (ImGui::IsWindowAppearing()) ImGui::SetKeyboardFocusHere();
  ImGui::SetNextItemWidth(ImGui::GetFontSize() * 12);
  const bool entered =
      ImGui::InputTextWithHint("##name", "name", &name_, ImGuiInputTextFlags_EnterReturnsTrue);
  const bool there =
      std::ranges::any_of(view.presets, [&](const PresetRow& row) { return row.own && row.name == name_; });
  ImGui::SameLine();
  ImGui::BeginDisabled(name_.empty());
  // One that is there is not written over by a key that was pressed too fast.
  const bool pressed = ImGui::Button(there ? "Overwrite" : "Save");
  ImGui::EndDisabled();
  if (pressed || (entered && !name_.empty() && !there)) {
    events.save_as = name_;
    ImGui::CloseCurrentPopup();
  }
  if (there) dim("one of yours has this name");
  ImGui::EndPopup();
}

bool ParamPanel::begin_comparison(const ParamView& view, float right, float top, ParamEvents& events) {
  if (!comparing_) return false;
  const float unit = ImGui::GetFontSize();
  ImGui::SetNextWindowPos({right, top}, ImGuiCond_Always, {1, 0});
  ImGui::SetNextWindowSizeConstraints({unit * 28, 0}, {unit * 28, ImGui::GetIO().DisplaySize.y - 2 * top});
  ImGui::Begin("Now and a preset", &comparing_,
               ImGuiWindowFlags_NoResize | ImGuiWindowFlags_NoSavedSettings | ImGuiWindowFlags_NoMove |
                   ImGuiWindowFlags_AlwaysAutoResize | ImGuiWindowFlags_NoFocusOnAppearing |
                   ImGuiWindowFlags_NoCollapse);
  ImGui::SetNextItemWidth(-1);
  const std::string label = view.compared.empty() ? "none: the pipeline's own values" : view.compared;
  if (auto picked = preset_list(view, label, view.compared, events.list)) events.compare = std::move(picked);
  if (!view.compare_failure.empty()) {
    red_wrapped(view.compare_failure);
    return true;
  }
  if (view.differences.empty()) {
    dim("nothing differs");
    return true;
  }
  if (!ImGui::BeginTable("differences", 3, ImGuiTableFlags_RowBg | ImGuiTableFlags_SizingStretchProp))
    return true;
  ImGui::TableSetupColumn("", ImGuiTableColumnFlags_WidthStretch, 1.5F);
  ImGui::TableSetupColumn("now", ImGuiTableColumnFlags_WidthStretch, 1);
  const std::string other = view.compared.empty() ? kNone : view.compared;
  ImGui::TableSetupColumn(other.c_str(), ImGuiTableColumnFlags_WidthStretch, 1);
  ImGui::TableHeadersRow();
  for (const auto& row : view.differences) {
    ImGui::TableNextRow();
    ImGui::TableNextColumn();
    dim(fitted(row.key, ImGui::GetContentRegionAvail().x));
    for (const auto* value : {&row.now, &row.other}) {
      ImGui::TableNextColumn();
      ImGui::TextWrapped("%s", value->empty() ? "\"\"" : value->c_str());
    }
  }
  ImGui::EndTable();
  return true;
}

void ParamPanel::draw_params(Params& params, const std::string& preset, ParamEvents& events) {
  std::vector<std::string> stages;
  for (const ParamSpec& spec : params.specs()) {
    const std::string stage = stage_of(spec.key);
    if (std::find(stages.begin(), stages.end(), stage) == stages.end()) stages.push_back(stage);
  }
  for (const std::string& stage : stages) {
    if (!section(stage.c_str(), true)) continue;
    ImGui::PushID(stage.c_str());
    for (const ParamSpec& spec : params.specs()) {
      if (stage_of(spec.key) == stage) draw_param(spec, params, preset, events);
    }
    ImGui::PopID();
  }
  events.let_go = !ImGui::IsAnyItemActive();
}

void ParamPanel::apply(const std::string& key, const ParamValue& value, Params& params, ParamEvents& events) {
  ParamValue was = params.value(key);
  const Status status = params.set_by_hand(key, value);
  error_key_ = status.ok() ? "" : key;
  error_ = status.ok() ? "" : status.error().message;
  if (status.ok()) events.changes.push_back({key, std::move(was), params.value(key)});
}

void ParamPanel::draw_param(const ParamSpec& spec, Params& params, const std::string& preset,
                            ParamEvents& events) {
  const std::string title = title_of(spec.key);
  const ParamValue value = params.value(spec.key);
  ImGui::PushID(spec.key.c_str());
  ImGui::BeginDisabled(spec.restarts);
  // The title stands above wide controls, so that narrow panels show both in full.
  ImGui::BeginGroup();
  bool reset = false;
  if (spec.type != ParamType::kBool && spec.type != ParamType::kSet) {
    dim(title);
    help_on_hover(spec, params, preset);
    reset = origin_mark(spec, params, preset);
  }
  ImGui::SetNextItemWidth(-1);
  switch (spec.type) {
    case ParamType::kBool: {
      bool on = std::get<bool>(value);
      if (ImGui::Checkbox(title.c_str(), &on)) apply(spec.key, on, params, events);
      break;
    }
    case ParamType::kInt: {
      int number = int(std::get<int64_t>(value));
      const std::string format = "%d" + (spec.unit.empty() ? "" : " " + spec.unit);
      if (ImGui::SliderInt("##value", &number, int(spec.min), int(spec.max), format.c_str(),
                           ImGuiSliderFlags_AlwaysClamp)) {
        apply(spec.key, int64_t(number), params, events);
      }
      break;
    }
    case ParamType::kFloat: {
      float number = float(std::get<double>(value));
      const int digits = spec.step > 0 ? std::clamp(int(std::ceil(-std::log10(spec.step) - 1e-9)), 0, 6) : 3;
      const std::string format =
          fmt::format("%.{}f{}{}", digits, spec.unit.empty() ? "" : " ", spec.unit == "%" ? "%%" : spec.unit);
      if (ImGui::SliderFloat("##value", &number, float(spec.min), float(spec.max), format.c_str(),
                             ImGuiSliderFlags_AlwaysClamp)) {
        double stepped = double(number);
        if (spec.step > 0) stepped = spec.min + std::round((stepped - spec.min) / spec.step) * spec.step;
        stepped = std::clamp(stepped, spec.min, spec.max);
        if (stepped != std::get<double>(value)) apply(spec.key, stepped, params, events);
      }
      break;
    }
    case ParamType::kChoice: {
      const std::string& current = std::get<std::string>(value);
      if (ImGui::BeginCombo("##value", current.c_str())) {
        for (const std::string& choice : spec.choices) {
          if (ImGui::Selectable(choice.c_str(), choice == current)) apply(spec.key, choice, params, events);
        }
        ImGui::EndCombo();
      }
      break;
    }
    case ParamType::kText: {
      std::string& edited = text_[spec.key];
      if (ImGui::InputText("##value", &edited, ImGuiInputTextFlags_EnterReturnsTrue)) {
        apply(spec.key, edited, params, events);
      }
      if (!ImGui::IsItemActive()) edited = std::get<std::string>(params.value(spec.key));
      break;
    }
    case ParamType::kSet:
      draw_set(spec, params, preset, events);
      break;
  }
  if (spec.type == ParamType::kBool) {
    help_on_hover(spec, params, preset);
    reset = origin_mark(spec, params, preset);
  }
  ImGui::EndGroup();
  if (ImGui::IsItemHovered() && ImGui::IsMouseClicked(ImGuiMouseButton_Right) &&
      params.origin(spec.key) == ParamOrigin::kOverlay)
    ImGui::OpenPopup(kReset);
  if (ImGui::BeginPopup(kReset)) {
    reset = ImGui::MenuItem(("Back to " + below_text(spec, params, preset)).c_str()) || reset;
    ImGui::EndPopup();
  }
  if (reset) apply(spec.key, params.source_below(spec.key, ParamOrigin::kOverlay).value, params, events);
  ImGui::EndDisabled();
  if (error_key_ == spec.key) {
    ImGui::PushStyleColor(ImGuiCol_Text, kRed);
    ImGui::TextWrapped("%s", error_.c_str());
    ImGui::PopStyleColor();
  }
  ImGui::PopID();
}

void ParamPanel::draw_set(const ParamSpec& spec, Params& params, const std::string& preset,
                          ParamEvents& events) {
  std::vector<std::string> chosen = std::get<std::vector<std::string>>(params.value(spec.key));
  const std::string count =
      chosen.empty() ? spec.empty : fmt::format("{} of {}", chosen.size(), spec.choices.size());
  dim(title_of(spec.key));
  help_on_hover(spec, params, preset);
  right_aligned(count, mark_width());
  if (origin_mark(spec, params, preset)) {
    apply(spec.key, params.source_below(spec.key, ParamOrigin::kOverlay).value, params, events);
    chosen = std::get<std::vector<std::string>>(params.value(spec.key));
  }
  std::string& filter = filters_[spec.key];
  std::string clear = spec.empty;  // "All"
  clear[0] = char(std::toupper(uint8_t(clear[0])));
  if (spec.choices.size() > kFewChoices) {
    const float button = ImGui::CalcTextSize(clear.c_str()).x + 2 * ImGui::GetStyle().FramePadding.x;
    ImGui::SetNextItemWidth(-(button + ImGui::GetStyle().ItemSpacing.x));
    ImGui::InputTextWithHint("##filter", "search", &filter);
    ImGui::SameLine();
  }
  if (ImGui::Button(clear.c_str())) apply(spec.key, std::vector<std::string>{}, params, events);
  ImGui::PushStyleVar(ImGuiStyleVar_FramePadding, {5, 0});
  const float height =
      ImGui::GetFrameHeightWithSpacing() * float(std::clamp<size_t>(spec.choices.size(), 2, kFewChoices)) +
      12;
  ImGui::BeginChild("##list", {0, height}, true);
  const std::string wanted = to_lower(filter);
  bool any = false;
  for (const std::string& choice : spec.choices) {
    if (!wanted.empty() && to_lower(choice).find(wanted) == std::string::npos) continue;
    any = true;
    const auto found = std::find(chosen.begin(), chosen.end(), choice);
    bool on = found != chosen.end();
    if (!ImGui::Checkbox(choice.c_str(), &on)) continue;
    if (on) {
      chosen.push_back(choice);
    } else {
      chosen.erase(found);
    }
    apply(spec.key, chosen, params, events);
  }
  if (!any) dim("no class has this in its name");
  ImGui::EndChild();
  ImGui::PopStyleVar();
}

}  // namespace tarsier::overlay
