#include "app/window_params.hpp"

#include <algorithm>
#include <utility>

#include "core/log.hpp"
#include "core/param_text.hpp"

namespace tarsier::app {
namespace fs = std::filesystem;

WindowParams::WindowParams(Application& app, WindowSwap& swap)
    : app_(app), swap_(swap), watched_(app.preset.file), watch_(watched_) {
  list();
}

void WindowParams::list() {
  presets_ = pipeline::presets_of(app_.spec);
}

void WindowParams::reloaded() {
  if (app_.preset.file != watched_) {
    watched_ = app_.preset.file;
    watch_ = FileWatch(watched_);
  }
  compared_version_ = UINT64_MAX;  // a new object counts anew
  list();
}

bool WindowParams::input(const window::Input& input) {
  using Kind = window::Input::What;
  if (input.what == Kind::kUndo) {
    wanted_.push_back({Wanted::What::kUndo});
  } else if (input.what == Kind::kRedo) {
    wanted_.push_back({Wanted::What::kRedo});
  } else {
    return false;
  }
  return true;
}

void WindowParams::handle(const overlay::ParamEvents& events) {
  for (const auto& change : events.changes) history_.change(change, app_.options.preset);
  if (!events.changes.empty()) failure_.clear();
  if (events.let_go) history_.close();
  if (events.undo) wanted_.push_back({Wanted::What::kUndo});
  if (events.redo) wanted_.push_back({Wanted::What::kRedo});
  if (events.choose) wanted_.push_back({Wanted::What::kChoose, *events.choose});
  if (events.save) wanted_.push_back({Wanted::What::kSave});
  if (events.save_as) wanted_.push_back({Wanted::What::kSaveAs, *events.save_as});
  if (events.list) list();
  if (events.compare) {
    compared_ = events.compare;
    compare();
  }
}

void WindowParams::handle(const overlay::NetworkEvents& events) {
  if (events.list) swap_.list();
  if (events.network) choose_networks({{events.network->first, events.network->second}}, "");
  if (events.precision) choose_networks({}, *events.precision);
}

std::string WindowParams::act() {
  std::string said;
  for (const auto& wanted : std::exchange(wanted_, {})) {
    const auto done = act_on(wanted);
    failure_ = done.ok() ? "" : done.error().message;
    if (!done.ok()) log::error("{}", failure_);
    if (done.ok() && !done->empty()) said = *done;
  }
  return said;
}

Result<std::string> WindowParams::act_on(const Wanted& wanted) {
  switch (wanted.what) {
    case Wanted::What::kUndo:
      return undo();
    case Wanted::What::kRedo:
      return redo();
    case Wanted::What::kChoose:
      choose(wanted.name);
      return std::string();
    case Wanted::What::kSave: {
      const auto [file, preset] = own_place();
      if (!file.empty()) TARSIER_CHECK(save(file, preset));
      return std::string();
    }
    case Wanted::What::kSaveAs: {
      TARSIER_TRY(const fs::path file, pipeline::own_preset_file(app_.spec, wanted.name));
      TARSIER_CHECK(save(file, wanted.name));
      return std::string();
    }
  }
  return std::string();
}

std::string WindowParams::undo() {
  const ParamStep* next = history_.undo();
  return next == nullptr ? "" : walk(*next, true, [this] { history_.redo(); });
}

std::string WindowParams::redo() {
  const ParamStep* next = history_.redo();
  return next == nullptr ? "" : walk(*next, false, [this] { history_.undo(); });
}

std::string WindowParams::walk(const ParamStep& step, bool back, std::function<void()> failed) {
  const auto set_values = [this, step, back] {
    for (const auto& change : step.changes) set(change.key, back ? change.was : change.now);
    return (back ? "undone: " : "done again: ") + told(&step, back);
  };
  const auto then = [set_values, failed = std::move(failed)](bool done) {
    if (done) return set_values();
    failed();
    return std::string();
  };
  if (step.preset_was != step.preset_now) {
    swap_.use_preset(back ? step.preset_was : step.preset_now, then);
    return "";
  }
  Picks networks;
  for (const auto& change : step.changes)
    if (restarts(change.key)) networks.emplace_back(change.key, back ? change.was : change.now);
  if (networks.empty() && step.precision_was == step.precision_now) return set_values();
  swap_.use_networks(networks, back ? step.precision_was : step.precision_now, then);
  return "";
}

bool WindowParams::restarts(const std::string& key) const {
  const auto& specs = app_.params.specs();
  const auto spec = std::ranges::find(specs, key, &ParamSpec::key);
  return spec != specs.end() && spec->restarts;
}

/// What a stage reads at its start comes with the preset or the network alone; what is not there any more
/// stays away.
void WindowParams::set(const std::string& key, const ParamValue& value) {
  if (!app_.params.has(key) || restarts(key)) return;
  const Status status = app_.params.set_by_hand(key, value);
  if (!status.ok()) log::info("{}", status.error().message);
}

WindowParams::Values WindowParams::values() const {
  Values values;
  for (const auto& spec : app_.params.specs()) values.emplace_back(spec.key, app_.params.value(spec.key));
  return values;
}

std::vector<ParamChange> WindowParams::changes_since(const Values& before) const {
  std::vector<ParamChange> changes;
  for (const auto& [key, value] : before) {
    if (app_.params.has(key) && app_.params.value(key) != value)
      changes.push_back({key, value, app_.params.value(key)});
  }
  return changes;
}

void WindowParams::choose(const std::string& preset) {
  ParamStep step{{}, app_.options.preset, preset};
  swap_.use_preset(preset, [this, step, before = values(), preset](bool done) mutable {
    if (!done) return std::string();
    step.changes = changes_since(before);
    history_.add(std::move(step));
    return preset.empty() ? std::string("no preset: the pipeline's own values")
                          : fmt::format("preset {}", app_.preset.name);
  });
}

void WindowParams::choose_networks(const Picks& networks, const std::string& precision) {
  const auto then = [this, networks, precision, before = values(),
                     precision_was = app_.options.precision](bool done) {
    // One that was chosen right after it may have taken its place: that one is the step.
    const bool stands = std::ranges::all_of(networks, [&](const auto& pick) {
      return app_.params.has(pick.first) && app_.params.value(pick.first) == pick.second;
    });
    if (!done || !stands || (!precision.empty() && precision != app_.options.precision)) return std::string();
    const std::string& preset = app_.options.preset;
    ParamStep step{{}, preset, preset};
    if (!precision.empty()) {
      step.precision_was = precision_was;
      step.precision_now = precision;
    } else {
      step.changes = changes_since(before);
      // libstdc++ 12's std::ranges one is beyond clang.
      std::stable_partition(step.changes.begin(), step.changes.end(),
                            [&](const auto& change) { return restarts(change.key); });
    }
    std::string said = told(&step, false);
    history_.add(std::move(step));
    return said;
  };
  swap_.use_networks(networks, precision, then);
}

Status WindowParams::save(const fs::path& file, const std::string& preset) {
  TARSIER_CHECK(pipeline::save_preset(file, app_.spec, app_.params));
  if (file == watched_) watch_.take();  // it is read now
  list();
  swap_.use_preset(preset, [this, file, before = values()](bool done) {
    if (!done) return std::string();
    // Also those whose value is the pipeline's own, where the command line says another one.
    for (const auto& [key, value] : before) {
      if (app_.params.has(key) && app_.params.value(key) != value) set(key, value);
    }
    return "saved " + file.string();
  });
  return {};
}

std::pair<fs::path, std::string> WindowParams::own_place() const {
  if (app_.preset.name.empty()) return {};
  if (app_.preset.own) return {app_.preset.file, app_.options.preset};
  // One that Tarsier comes with stays as it is; the user's own of that name hides it.
  const auto file = pipeline::own_preset_file(app_.spec, app_.preset.name);
  return file.ok() ? std::pair(*file, app_.preset.name) : std::pair<fs::path, std::string>();
}

/// "detect.score 0.35", "preset careful", "precision fp16"
std::string WindowParams::told(const ParamStep* step, bool back) const {
  if (step == nullptr) return "";
  if (step->preset_was != step->preset_now) {
    const std::string& preset = back ? step->preset_was : step->preset_now;
    return preset.empty() ? "no preset" : "preset " + fs::path(preset).stem().string();
  }
  if (step->precision_was != step->precision_now)
    return "precision " + (back ? step->precision_was : step->precision_now);
  if (step->changes.empty()) return "";
  const ParamChange& first = step->changes.front();
  const auto& specs = app_.params.specs();
  const auto spec = std::ranges::find(specs, first.key, &ParamSpec::key);
  const ParamValue& value = back ? first.was : first.now;
  return fmt::format("{} {}", first.key, spec == specs.end() ? to_string(value) : value_text(*spec, value));
}

void WindowParams::compare() {
  compared_version_ = app_.params.version();
  differences_.clear();
  compare_failure_.clear();
  // As it would be read: under the command line, and without what was set here.
  Params other = app_.declared;
  other.clear_all(ParamOrigin::kPreset);
  if (!compared_->empty()) {
    const auto preset = pipeline::load_preset(*compared_, app_.spec, other);
    Status status = preset.ok() ? other.settle() : Status(preset.error());
    if (status.ok()) status = other.check_all_known();
    if (!status.ok()) {
      compare_failure_ = status.error().message;
      return;
    }
  }
  for (const auto& spec : app_.params.specs()) {
    if (!other.has(spec.key) || other.value(spec.key) == app_.params.value(spec.key)) continue;
    differences_.push_back(
        {spec.key, value_text(spec, app_.params.value(spec.key)), value_text(spec, other.value(spec.key))});
  }
}

overlay::ParamView WindowParams::view() {
  if (compared_ && compared_version_ != app_.params.version()) compare();
  overlay::ParamView view;
  for (const auto& preset : presets_) view.presets.push_back({preset.name, preset.description, preset.own});
  view.preset = app_.preset.name;
  view.changed = std::ranges::any_of(app_.params.specs(), [this](const ParamSpec& spec) {
    return app_.params.origin(spec.key) == ParamOrigin::kOverlay;
  });
  view.undo = told(history_.next_undo(), true);
  view.redo = told(history_.next_redo(), false);
  if (view.changed) {
    if (const auto [file, name] = own_place(); !file.empty()) view.save_to = "to " + file.string();
  }
  view.failure = failure_;
  view.compared = compared_.value_or("");
  view.differences = differences_;
  view.compare_failure = compare_failure_;
  return view;
}

}  // namespace tarsier::app
