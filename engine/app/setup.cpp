#include "app/setup.hpp"

#include <algorithm>

#include "core/log.hpp"
#include "pipeline/stage.hpp"

namespace tarsier::app {
namespace {

constexpr const char* kPipeline = "street";  // where the user names none

Status apply_settings(const std::vector<std::string>& settings, Params& params) {
  for (const auto& setting : settings) {
    const size_t equals = setting.find('=');
    if (equals == std::string::npos || equals == 0) {
      return input_error("--set {}: write it as key=value, for example detect.score=0.5", setting);
    }
    params.set_text_later(setting.substr(0, equals), setting.substr(equals + 1), ParamOrigin::kCommandLine,
                          "--set");
  }
  return {};
}

/// What the user got wrong (unknown key, unknown model, a value out of range) ends the run before anything is
/// fetched, opened or loaded.
Status declare_stages(const pipeline::PipelineSpec& spec, const models::Catalogue& catalogue,
                      Params& params) {
  const std::span all(spec.stages);
  for (size_t i = 0; i < all.size(); ++i)
    TARSIER_CHECK(pipeline::declare_stage(all[i], all.first(i), catalogue, params));
  return params.check_all_known();
}

/// Stages for whose sake others have to be made: zones change while they run.
std::vector<pipeline::StageSpec> but_zones(std::vector<pipeline::StageSpec> stages) {
  for (auto& stage : stages) stage.zones.clear();
  return stages;
}

/// What a session tells of parameters takes the place of what the pipeline file says: presets, the command
/// line and the overlay are stronger, as ever.
void use_session_params(const Setup& setup, const pipeline::PipelineSpec& spec, Params& params) {
  for (const auto& [key, value] : setup.session->params_at(setup.session_frame)) {
    const auto stage = key.substr(0, key.find('.'));
    if (std::ranges::find(spec.stages, stage, &pipeline::StageSpec::name) != spec.stages.end())
      params.set_later(key, value, ParamOrigin::kPipeline, setup.session->folder().string());
  }
}

}  // namespace

Status read_setup(Setup& setup, const models::Catalogue& catalogue, const Picks& picks) {
  pipeline::PipelineSpec spec;
  pipeline::Preset preset;
  Params params;
  TARSIER_CHECK(apply_settings(setup.options.set, params));
  for (const auto& [key, value] : picks) params.set_later(key, value, ParamOrigin::kOverlay);
  const bool follows = setup.follows_session();
  const std::string given = setup.options.pipeline.empty() ? kPipeline : setup.options.pipeline;
  TARSIER_TRY(spec, pipeline::load_pipeline(
                        follows ? setup.session->pipeline_at(setup.session_frame).string() : given, params));
  if (follows) {
    spec.name = setup.session->head().pipeline;
    use_session_params(setup, spec, params);
  }
  if (!setup.options.preset.empty()) {
    TARSIER_TRY(preset, pipeline::load_preset(setup.options.preset, spec, params));
  }
  TARSIER_CHECK(declare_stages(spec, catalogue, params));
  setup.spec = std::move(spec);
  setup.preset = std::move(preset);
  setup.declared = params;
  setup.declared.clear_all(ParamOrigin::kOverlay);
  setup.params = std::move(params);
  return {};
}

Result<Setup> read_again(const Setup& now, const RunOptions& options, OverlayValues overlay,
                         const models::Catalogue& catalogue, const Picks& picks) {
  Setup next;
  next.options = options;
  next.session = now.session;
  next.session_frame = now.session_frame;
  next.left_out = now.left_out;
  TARSIER_CHECK(read_setup(next, catalogue));
  const auto kept = [&](const std::string& key) {
    const bool unchanged = now.declared.has(key) && next.declared.has(key) &&
                           now.declared.value(key) == next.declared.value(key);
    return overlay == OverlayValues::kKeep && unchanged && now.params.has(key) &&
           now.params.origin(key) == ParamOrigin::kOverlay;
  };
  // What a stage reads at its start may decide what else it declares.
  Picks first;
  const auto picked = [&](const std::string& key) {
    return std::ranges::any_of(picks, [&](const auto& pick) { return pick.first == key; });
  };
  for (const ParamSpec& spec : now.params.specs()) {
    if (spec.restarts && kept(spec.key) && !picked(spec.key))
      first.emplace_back(spec.key, now.params.value(spec.key));
  }
  for (const auto& [key, value] : picks) {  // what the files say anyway is theirs
    if (!next.declared.has(key) || next.declared.value(key) != value) first.emplace_back(key, value);
  }
  if (!first.empty()) TARSIER_CHECK(read_setup(next, catalogue, first));
  for (const ParamSpec& spec : next.declared.specs()) {
    if (spec.restarts || !kept(spec.key)) continue;
    // Another network may have other classes: then the file's value stands.
    const Status status = next.params.set(spec.key, now.params.value(spec.key), ParamOrigin::kOverlay);
    if (!status.ok()) log::info("{}", status.error().message);
  }
  return next;
}

bool needs_stages(const Setup& now, const Setup& next) {
  if (now.options.precision != next.options.precision) return true;
  if (but_zones(now.spec.stages) != but_zones(next.spec.stages)) return true;
  return std::ranges::any_of(next.params.specs(), [&](const ParamSpec& spec) {
    if (!spec.restarts) return false;
    // A stage that is left out has no parameters: another try is for those whose files changed.
    const Params& before = now.params.has(spec.key) ? now.params : now.declared;
    return !before.has(spec.key) || before.value(spec.key) != next.params.value(spec.key);
  });
}

std::vector<std::string> network_keys(const Params& params, const models::Catalogue& catalogue) {
  std::vector<std::string> keys;
  for (const ParamSpec& spec : params.specs()) {
    if (spec.restarts && spec.type == ParamType::kText && catalogue.resolve(params.text(spec.key)).ok())
      keys.push_back(spec.key);
  }
  return keys;
}

std::vector<std::string> networks_for(const Setup& setup, const std::string& key,
                                      const models::Catalogue& catalogue, const models::StoreOptions& store) {
  std::vector<std::string> names;
  const auto current = catalogue.resolve(setup.params.text(key));
  if (!current.ok()) return names;
  for (const auto& entry : catalogue.entries()) {
    // A file of the user's has no task, but a head.
    const bool alike = entry.task == current->task || entry.head == current->head;
    if (!alike || entry.head == models::Head::kNone) continue;
    if (entry.needs_consent && !models::locate(entry, store).ok()) continue;
    Setup trial;
    trial.options = setup.options;
    trial.session = setup.session;
    trial.session_frame = setup.session_frame;
    if (read_setup(trial, catalogue, {{key, entry.name}}).ok()) names.push_back(entry.name);
  }
  return names;
}

}  // namespace tarsier::app
