#include "app/window_zones.hpp"

#include <algorithm>
#include <filesystem>

#include "capture/source_name.hpp"
#include "core/file.hpp"
#include "core/log.hpp"

namespace tarsier::app {
namespace fs = std::filesystem;
namespace {

using Ink = overlay::ZoneSketch::Ink;
using What = ZoneEditor::Hold::What;

/// In the current folder, under a name that is free.
fs::path copy_of(const fs::path& file) {
  std::error_code code;
  fs::path copy = file.filename();
  for (int number = 2; fs::exists(copy, code); ++number)
    copy = fmt::format("{}-{}.toml", file.stem().string(), number);
  return copy;
}

std::string count_text(const vision::ZoneCounter& counter, size_t i) {
  if (counter.shapes()[i].line) {
    const auto& line = counter.line(i);
    return fmt::format("{} forward, {} back", vision::total(line.forward), vision::total(line.backward));
  }
  const auto& zone = counter.zone(i);
  return fmt::format("{} in, {} entered", zone.inside.size(), vision::total(zone.entered));
}

}  // namespace

WindowZones::WindowZones(Application& app) : app_(app) {
  reload();
}

pipeline::ZoneKeeper* WindowZones::keeper() const {
  for (const auto& stage : app_.loop->stages()) {
    if (auto* keeper = stage->zone_keeper(); keeper != nullptr) return keeper;
  }
  return nullptr;
}

const pipeline::StageSpec* WindowZones::spec() const {
  const auto at = std::ranges::find(app_.spec.stages, "zones", &pipeline::StageSpec::type);
  return at == app_.spec.stages.end() ? nullptr : &*at;
}

void WindowZones::reload() {
  failure_.clear();
  copy_.clear();
  const std::string& source = app_.mailbox->info().name;
  const auto* stage = spec();
  editor_.load(stage == nullptr ? std::vector<pipeline::ZoneSpec>() : pipeline::zones_in(*stage, source),
               capture::place_name(source));
  apply();
}

void WindowZones::apply() {
  auto* stage = keeper();
  if (stage == nullptr || applied_ == editor_.version()) return;
  applied_ = editor_.version();
  stage->use_shapes(editor_.shapes());
  // A session has the pipeline as if it had been saved.
  const auto text = read_text(app_.spec.file);
  if (!text.ok()) return;
  const auto edited = pipeline::with_zones(*text, app_.spec.file.string(), spec()->name, editor_.changes());
  if (edited.ok()) app_.recorder->use_pipeline(*edited);
}

void WindowZones::stages_changed() {
  applied_ = UINT64_MAX;
  apply();
}

void WindowZones::set_view(const window::PictureArea& picture, const overlay::Panels& panels) {
  editor_.set_view({picture.x, picture.y, picture.width, picture.height, panels.scale()});
}

bool WindowZones::input(const window::Input& input, const window::PictureArea& picture,
                        const overlay::Panels& panels) {
  using Kind = window::Input::What;
  if (!there()) return input.what != Kind::kEscape;
  set_view(picture, panels);
  wants_save_ = false;
  if (!input.panels) {
    // A drag that was under way when they went ends where the button comes up.
    if (input.what == Kind::kRelease) editor_.release(input.x, input.y);
    apply();
    return input.what != Kind::kEscape;
  }
  // The panels get the mouse first. What began on the picture ends there, wherever the mouse is by then.
  const bool covered = panels.covers(input.x, input.y);
  switch (input.what) {
    case Kind::kMove:
      if (!covered || drawing()) {
        editor_.move(input.x, input.y);
      } else {
        editor_.leave();
      }
      break;
    case Kind::kPress:
      if (!covered) editor_.press(input.x, input.y);
      break;
    case Kind::kRelease:
      editor_.release(input.x, input.y);
      break;
    case Kind::kContext:
      if (!covered) editor_.remove_corner(input.x, input.y);
      break;
    case Kind::kDelete:
      if (!covered && !editor_.draft()) editor_.remove_corner(input.x, input.y);
      break;
    case Kind::kEnter:
      editor_.accept();
      break;
    case Kind::kBackspace:
      editor_.take_back();
      break;
    case Kind::kEscape:
      return editor_.cancel();
    case Kind::kZ:
      editor_.draw_zone();
      break;
    case Kind::kL:
      editor_.draw_line();
      break;
    case Kind::kSave:
      wants_save_ = true;
      break;
    case Kind::kUndo:
    case Kind::kRedo:
    case Kind::kP:
    case Kind::kI:
    case Kind::kUp:
    case Kind::kDown:
    case Kind::kNextDifference:
    case Kind::kPreviousDifference:
      break;
  }
  apply();
  return true;
}

void WindowZones::handle(const overlay::ZoneEvents& events) {
  if (!there()) return;
  const size_t count = editor_.items().size();
  if (events.rename && events.rename->first < count)
    editor_.rename(events.rename->first, events.rename->second);
  if (events.select && *events.select < count) editor_.select(*events.select);
  if (events.remove && *events.remove < count) editor_.remove(*events.remove);
  if (events.draw_zone) editor_.draw_zone();
  if (events.draw_line) editor_.draw_line();
  if (events.revert) {
    editor_.revert();
    failure_.clear();
    copy_.clear();
  }
  apply();
}

bool WindowZones::save(bool copy) {
  wants_save_ = false;
  const auto* stage = spec();
  if (stage == nullptr || !unsaved()) return false;
  const fs::path to = copy ? fs::path(copy_) : app_.spec.file;
  const Status status = copy ? pipeline::save_zones_as(app_.spec.file, to, stage->name, editor_.changes())
                             : pipeline::save_zones(to, stage->name, editor_.changes());
  failure_ = status.ok() ? "" : status.error().message;
  copy_.clear();
  if (!status.ok()) {
    log::error("{}", failure_);
    // What is wrong with the file's text is wrong in a copy too.
    if (status.error().kind != ErrorKind::kInput) copy_ = copy_of(app_.spec.file).string();
    return false;
  }
  if (copy) {
    app_.options.pipeline = to.string();
    // A copy has another name, under which the preset is not found.
    if (!app_.preset.name.empty()) app_.options.preset = app_.preset.file.string();
  }
  return true;
}

std::string WindowZones::message() const {
  if (!editor_.fault().empty()) return editor_.fault();
  const auto& draft = editor_.draft();
  if (!draft) return failure_;  // the panel may be rolled up
  if (draft->line) {
    return draft->points.empty()
               ? fmt::format("{}: click where it begins. Esc gives up", draft->name)
               : fmt::format("{}: click where it ends. Its right side is \"forward\"", draft->name);
  }
  if (draft->points.size() < 3)
    return fmt::format("{}: click its corners. Backspace takes one back, Esc gives up", draft->name);
  return fmt::format("{}: more corners, or Enter, a double click or a click on the first one to close it",
                     draft->name);
}

void WindowZones::add_shape(const vision::ZoneShape& shape, bool closed, Ink ink,
                            overlay::ZoneSketch& sketch) const {
  auto& path = sketch.paths.emplace_back();
  path.closed = closed;
  path.ink = ink;
  for (const auto& point : shape.points) path.spots.push_back(spot(point));
}

overlay::ZoneSketch::Spot WindowZones::spot(vision::Point point) const {
  const auto at = editor_.to_window(point);
  return {float(at.x), float(at.y)};
}

overlay::ZoneSketch WindowZones::sketch() const {
  overlay::ZoneSketch sketch;
  if (const auto& draft = editor_.draft()) {
    add_shape(*draft, false, Ink::kNew, sketch);
    if (!draft->points.empty()) {
      const vision::ZoneShape band{
          .name = "", .line = true, .points = {draft->points.back(), editor_.pointer()}};
      add_shape(band, false, editor_.pointer_fits() ? Ink::kNew : Ink::kFault, sketch);
    }
    for (size_t i = 0; i < draft->points.size(); ++i) {
      // The first one closes it, once the mouse is there.
      const bool lit = i == 0 && draft->points.size() >= 3 && editor_.pointer() == draft->points[0];
      sketch.handles.push_back({.at = spot(draft->points[i]), .lit = lit});
    }
    if (draft->points.empty()) sketch.handles.push_back({.at = spot(editor_.pointer())});
    return sketch;
  }
  if (const auto* shape = editor_.dragged()) {
    add_shape(*shape, !shape->line, editor_.fault().empty() ? Ink::kNew : Ink::kFault, sketch);
    for (const auto& point : shape->points)
      sketch.handles.push_back({.at = spot(point), .lit = point == editor_.pointer()});
    return sketch;
  }
  // Of the one that is chosen and of the one under the mouse.
  const auto& hold = editor_.hold();
  for (size_t i = 0; i < editor_.items().size(); ++i) {
    const bool chosen = editor_.selected() == i;
    if (!chosen && !(hold && hold->item == i)) continue;
    const auto& shape = editor_.items()[i].now.shape;
    add_shape(shape, !shape.line, Ink::kChosen, sketch);
    for (size_t k = 0; k < shape.points.size(); ++k) {
      sketch.handles.push_back(
          {.at = spot(shape.points[k]), .lit = hold == ZoneEditor::Hold{i, What::kCorner, k}});
      if (!editor_.has_middle(shape, k)) continue;
      const auto a = shape.points[k], b = shape.points[(k + 1) % shape.points.size()];
      sketch.handles.push_back({.at = spot({(a.x + b.x) / 2, (a.y + b.y) / 2}),
                                .lit = hold == ZoneEditor::Hold{i, What::kMiddle, k},
                                .middle = true});
    }
  }
  return sketch;
}

std::optional<overlay::ZoneView> WindowZones::view(const window::PictureArea& picture,
                                                   const overlay::Panels& panels) {
  const auto* stage = keeper();
  if (stage == nullptr) return std::nullopt;
  set_view(picture, panels);
  overlay::ZoneView view;
  for (size_t i = 0; i < editor_.items().size(); ++i) {
    const auto& item = editor_.items()[i];
    view.rows.push_back({.name = item.now.shape.name,
                         .count = count_text(stage->counter(), i),
                         .line = item.now.shape.line,
                         .unsaved = !item.saved || !(item.now == *item.saved)});
  }
  view.selected = editor_.selected();
  view.drawing = editor_.draft().has_value();
  view.unsaved = editor_.unsaved();
  view.fault = editor_.fault();
  view.failure = failure_;
  view.copy = copy_;
  view.sketch = sketch();
  return view;
}

}  // namespace tarsier::app
