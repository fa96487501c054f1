#include "app/application.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "app/command_line.hpp"
#include "app/progress_line.hpp"
#include "core/file.hpp"
#include "core/log.hpp"
#include "core/text.hpp"
#include "core/thread.hpp"
#include "pipeline/zone_tables.hpp"
#include "record/result_json.hpp"
#include "record/session_source.hpp"

namespace tarsier::app {
namespace fs = std::filesystem;
namespace {

constexpr const char* kPipeline = "street";  // where the user names none

/// Debian's opencv-doc has a real clip of a street. Where packages come without their documentation
/// tools/setup unpacks it elsewhere; it notes the place either way.
Result<std::string> default_clip() {
  std::vector<fs::path> places = {"/usr/share/doc/opencv-doc/examples/data/vtest.avi"};
  if (const auto noted = read_text(home_dir() / ".tarsier" / "default-clip"); noted.ok())
    places.insert(places.begin(), split(*noted, '\n').front());
  for (const fs::path& path : places) {
    std::error_code code;
    if (fs::is_regular_file(path, code)) return path.string();
  }
  return input_error(
      "the default clip vtest.avi is not here; install Debian's opencv-doc (tools/setup does), or name a "
      "source");
}

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

/// The recorder has the pipeline's text as it was read.
Status note_pipeline(Application& app) {
  TARSIER_TRY(const std::string text, read_text(app.spec.file));
  app.recorder->use_pipeline(text);
  return {};
}

/// Makes the stages. One whose network can't be had is left out with a message, as is one that takes its
/// boxes, and the rest runs; a file of the user's that is no network ends the run.
Result<std::vector<std::unique_ptr<pipeline::Stage>>> make_stages(Application& app,
                                                                  const capture::SourceInfo& source,
                                                                  bool results) {
  ProgressLine progress;
  pipeline::StageContext context{*app.device, app.catalogue, app.store, app.params};
  context.slots = app.options.frames_in_flight;
  context.frame_width = source.width;
  context.frame_height = source.height;
  context.source = source.name;
  TARSIER_TRY(context.precision, infer::parse_precision(app.options.precision));
  context.paced = app.paced;
  context.results = results;
  TARSIER_TRY(context.tune, infer::parse_tune(app.options.globals.tune));
  context.progress = [&](const std::string& what, double fraction) { progress.show(what, fraction); };
  std::vector<std::unique_ptr<pipeline::Stage>> stages;
  std::vector<std::pair<std::string, Error>> left_out;
  for (const auto& spec : app.spec.stages) {
    context.before = stages;
    auto stage = pipeline::make_stage(spec, context);
    if (stage.ok()) {
      stages.push_back(*std::move(stage));
      continue;
    }
    if (stage.error().kind == ErrorKind::kInput) return stage.error();
    left_out.emplace_back(spec.name, stage.error());
    app.params.withdraw(spec.name + ".");
  }
  if (stages.empty()) return left_out.front().second;
  app.left_out.clear();
  for (const auto& [name, error] : left_out) app.left_out.push_back(name);
  for (const auto& [name, error] : left_out) log::warn("stage '{}' is left out: {}", name, error.message);
  return stages;
}

/// Whether results are wanted from the first frame on.
bool lists_results(const Application& app, const Outputs& outputs) {
  return outputs.wants_results() || !app.options.record.empty() || app.observer != nullptr;
}

/// Stages for whose sake others have to be made: zones change while they run.
std::vector<pipeline::StageSpec> but_zones(std::vector<pipeline::StageSpec> stages) {
  for (auto& stage : stages) stage.zones.clear();
  return stages;
}

void use_zones(Application& app) {
  for (const auto& stage : app.loop->stages()) {
    const auto spec = std::ranges::find(app.spec.stages, stage->name(), &pipeline::StageSpec::name);
    auto* keeper = stage->zone_keeper();
    if (keeper == nullptr || spec == app.spec.stages.end()) continue;
    keeper->use_shapes(pipeline::shapes_of(pipeline::zones_in(*spec, app.mailbox->info().name)));
  }
}

/// What a session tells of parameters takes the place of what the pipeline file says: presets, the command
/// line and the overlay are stronger, as ever.
void use_session_params(const Application& app, const pipeline::PipelineSpec& spec, Params& params) {
  for (auto& [key, value] : app.session->params_at(app.session_frame)) {
    const auto stage = key.substr(0, key.find('.'));
    if (std::ranges::find(spec.stages, stage, &pipeline::StageSpec::name) != spec.stages.end())
      params.set_later(key, value, ParamOrigin::kPipeline, app.session->folder().string());
  }
}

pipeline::Settings settings_of(const Application& app) {
  return {app.spec.name, app.preset.name, app.params.not_default()};
}

}  // namespace

std::string_view why_no_window() {
#ifdef TARSIER_WINDOW
  for (const char* name : {"DISPLAY", "WAYLAND_DISPLAY"}) {
    const char* value = std::getenv(name);
    if (value != nullptr && *value != 0) return "";
  }
  return "no display";
#else
  return "this program was built without windows (TARSIER_WINDOW=OFF)";
#endif
}

Result<std::unique_ptr<capture::FrameSource>> open_frames(const Application& app) {
  if (app.session) return record::open_session(*app.session, app.options.session_source);
  return capture::open_source(app.source, {.loop = app.options.loop});
}

Status Application::fit_ring(const capture::Frame& frame) {
  const uint64_t wanted = staging_for(frame.width, frame.height);
  if (wanted <= staging_bytes) return {};
  ring->drain();
  TARSIER_TRY(auto larger, gpu::FrameRing::create(*device, options.frames_in_flight, wanted));
  loop->use_ring(*larger);
  ring = std::move(larger);
  staging_bytes = wanted;
  return {};
}

Status read_pipeline(Application& app) {
  pipeline::PipelineSpec spec;
  pipeline::Preset preset;
  Params params;
  TARSIER_CHECK(apply_settings(app.options.set, params));
  const bool follows = app.follows_session();
  const std::string given = app.options.pipeline.empty() ? kPipeline : app.options.pipeline;
  TARSIER_TRY(spec, pipeline::load_pipeline(
                        follows ? app.session->pipeline_at(app.session_frame).string() : given, params));
  if (follows) {
    spec.name = app.session->head().pipeline;
    use_session_params(app, spec, params);
  }
  if (!app.options.preset.empty()) {
    TARSIER_TRY(preset, pipeline::load_preset(app.options.preset, spec, params));
  }
  TARSIER_CHECK(declare_stages(spec, app.catalogue, params));
  app.spec = std::move(spec);
  app.preset = std::move(preset);
  app.declared = params;
  app.params = std::move(params);
  return {};
}

Status assemble(Application& app, const gpu::DeviceOptions& device_options, bool windowed) {
  const RunOptions& options = app.options;
  if (options.frames_in_flight < 2 || options.frames_in_flight > 3) {
    return input_error("--frames-in-flight {}: choose 2 or 3", options.frames_in_flight);
  }
  TARSIER_TRY(app.catalogue, models::Catalogue::load_default());
  TARSIER_TRY(app.store, models::store_options(options.globals.model_path));
  if (!options.session.empty()) {
    TARSIER_TRY(app.session, record::Session::open(options.session));
  }
  if (options.precision.empty()) app.options.precision = app.session ? app.session->head().precision : "fp32";
  TARSIER_TRY([[maybe_unused]] const auto precision, infer::parse_precision(options.precision));
  TARSIER_CHECK(read_pipeline(app));
  app.source = options.source;
  if (app.source.empty() && !app.session) {
    TARSIER_TRY(app.source, default_clip());
  }
  TARSIER_TRY(auto source, open_frames(app));
  const capture::SourceInfo info = source->info();
  std::string video = options.sink, json = options.json;
  if (!windowed && !options.headless && video.empty() && json.empty() && options.record.empty()) {
    video = fmt::format("out/{}.mp4", app.spec.name);
    json = fmt::format("out/{}.jsonl", app.spec.name);
    log::info("{}: writing {} and {}", why_no_window(), video, json);
  }
  TARSIER_CHECK(check_places({app.source, app.spec.file, video, json, options.trace}));
  TARSIER_CHECK(app.telemetry.open(options));
  capture::MailboxOptions mailbox;
  mailbox.paced = windowed;
  mailbox.policy = capture::default_policy(info, mailbox.paced);
  if (!options.policy.empty()) {
    TARSIER_TRY(mailbox.policy, capture::parse_policy(options.policy));
  }

  TARSIER_TRY(app.device, gpu::Device::create(device_options));
  // The software device computes on the cores that decode and encode too, and each dispatch waits for its
  // slowest worker: one displaced for a moment costs all of them that moment. Its threads exist by now; this
  // one and those that it starts give way to them.
  if (app.device->info().software) lower_thread_priority();
  app.staging_bytes = Application::staging_for(info.width, info.height);
  TARSIER_TRY(app.ring, gpu::FrameRing::create(*app.device, options.frames_in_flight, app.staging_bytes));

  app.paced = info.live || mailbox.paced || mailbox.policy.kind == capture::Policy::Kind::kLatest;
  FrameLoop::Parts parts;
  TARSIER_TRY(parts.outputs,
              Outputs::open(video, info.fps, json, record::settings_text(settings_of(app), TARSIER_VERSION)));
  TARSIER_TRY(parts.stages, make_stages(app, info, lists_results(app, *parts.outputs)));
  parts.device = app.device.get();
  parts.ring = app.ring.get();
  parts.params = &app.params;
  parts.slots = options.frames_in_flight;
  const SessionRecorder::Memory memory{.seconds = windowed ? options.keep_last_s : 0};
  app.recorder =
      std::make_unique<SessionRecorder>(app, session_source(app, info, source->can_seek()), memory);
  TARSIER_CHECK(note_pipeline(app));
  if (!options.record.empty()) TARSIER_CHECK(app.recorder->begin(options.record));
  parts.observer = app.observer != nullptr ? app.observer : app.recorder.get();
  TARSIER_TRY(app.loop, FrameLoop::create(std::move(parts)));
  app.loop->use_names(app.spec.name, app.preset.name);
  {
    ProgressLine progress;
    progress.show("preparing the first frame", -1);
    TARSIER_CHECK(app.loop->warm_up(info.width, info.height));
  }
  app.telemetry.follow(*app.loop, *app.device, *app.ring, app.spec.name, info.name);
  app.mailbox = std::make_unique<capture::Mailbox>(std::move(source), mailbox);
  app.stop.on_raise([&app] { app.mailbox->stop(); });
  return {};
}

Status reload_pipeline(Application& app, OverlayValues overlay, bool zones) {
  auto before = std::tuple(std::move(app.spec), std::move(app.params), std::move(app.preset));
  const Params declared = std::move(app.declared);
  const auto put_back = [&](const Status& status) {
    std::tie(app.spec, app.params, app.preset) = std::move(before);
    app.declared = declared;
    return status;
  };
  if (const Status status = read_pipeline(app); !status.ok()) return put_back(status);

  const auto& [old_spec, old_params, old_preset] = before;
  const auto unchanged = [&](const ParamSpec& spec) {
    return declared.has(spec.key) && declared.value(spec.key) == app.declared.value(spec.key);
  };
  bool anew = but_zones(app.spec.stages) != but_zones(old_spec.stages);
  for (const ParamSpec& spec : app.declared.specs()) {
    anew = anew || (spec.restarts && !unchanged(spec));
    if (overlay == OverlayValues::kDrop || !unchanged(spec) || !old_params.has(spec.key)) continue;
    if (old_params.origin(spec.key) != ParamOrigin::kOverlay) continue;
    // Another network may have other classes: then the file's value stands.
    const Status kept = app.params.set(spec.key, old_params.value(spec.key), ParamOrigin::kOverlay);
    if (!kept.ok()) log::info("{}", kept.error().message);
  }
  if (!anew) {
    for (const auto& name : app.left_out) app.params.withdraw(name + ".");
    if (zones && app.spec.stages != old_spec.stages) use_zones(app);
    app.loop->use_names(app.spec.name, app.preset.name);
    return note_pipeline(app);
  }
  auto stages = make_stages(app, app.mailbox->info(), lists_results(app, app.loop->outputs()));
  if (!stages.ok()) return put_back(stages.error());
  app.ring->drain();  // completions refer to the stages that go
  app.loop->use_stages(*std::move(stages));
  app.loop->use_names(app.spec.name, app.preset.name);
  return note_pipeline(app);
}

Result<bool> follow_session(Application& app, const capture::Frame& frame) {
  if (!app.follows_session()) return false;
  const size_t change = app.session->change_for(frame.position);
  if (change == app.session_frame) return false;
  app.session_frame = change;
  TARSIER_CHECK(reload_pipeline(app));
  return true;
}

Status run(const RunOptions& options) {
#ifdef TARSIER_WINDOW
  if (!options.headless && options.sink.empty() && why_no_window().empty()) return run_windowed(options);
#endif
  Application app;
  app.options = options;
  TARSIER_CHECK(assemble(app, device_options(options.globals), false));
  return run_headless(app);
}

}  // namespace tarsier::app
