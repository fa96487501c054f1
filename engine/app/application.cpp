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

/// Whether results are wanted from the first frame on.
bool lists_results(const Application& app, const Outputs& outputs) {
  return outputs.wants_results() || !app.options.record.empty() || app.observer != nullptr;
}

void use_zones(Application& app) {
  for (const auto& stage : app.loop->stages()) {
    const auto spec = std::ranges::find(app.spec.stages, stage->name(), &pipeline::StageSpec::name);
    auto* keeper = stage->zone_keeper();
    if (keeper == nullptr || spec == app.spec.stages.end()) continue;
    keeper->use_shapes(pipeline::shapes_of(pipeline::zones_in(*spec, app.mailbox->info().name)));
  }
}

pipeline::Settings settings_of(const Application& app) {
  return {app.spec.name, app.preset.name, app.params.not_default()};
}

/// Makes the side that --compare asks for.
Status compare_from_start(Application& app) {
  const RunOptions& options = app.options;
  if (options.compare.empty()) return {};
  TARSIER_TRY(Setup other, compared_setup(app));
  other.left_out = app.left_out;
  ProgressLine progress;
  SideContext context = app.second_side_context(false);
  context.progress = [&](const std::string& what, double fraction) { progress.show("B: " + what, fraction); };
  TARSIER_TRY(auto side, make_side(context, other));
  auto comparison = std::make_unique<Comparison>(*app.device, std::move(other), std::move(side),
                                                 join(options.compare, ", "));
  TARSIER_TRY(comparison->look, parse_look(options.compare_view));
  return app.loop->compare_with(std::move(comparison));
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

SideContext Application::side_context(bool beside_frames) const {
  return {.device = *device,
          .catalogue = catalogue,
          .store = store,
          .source = mailbox->info(),
          .paced = paced,
          .results = lists_results(*this, loop->outputs()),
          .beside_frames = beside_frames,
          .whole = beside_frames};
}

SideContext Application::second_side_context(bool beside_frames) const {
  SideContext context = side_context(beside_frames);
  context.results = false;
  context.whole = true;
  return context;
}

Status Application::switch_to(Setup setup, std::unique_ptr<Side> side) {
  ring->drain();  // completions refer to the stages that go
  static_cast<Setup&>(*this) = std::move(setup);
  loop->use_names(spec.name, preset.name);
  recorder->note_pipeline();
  return loop->use_side(std::move(side));
}

void Application::take_over(Setup setup, bool zones) {
  const bool moved = zones && spec.stages != setup.spec.stages;
  static_cast<Setup&>(*this) = std::move(setup);
  for (const auto& name : left_out) params.withdraw(name + ".");
  if (moved) use_zones(*this);
  loop->use_names(spec.name, preset.name);
  recorder->note_pipeline();
}

Status read_pipeline(Application& app) {
  return read_setup(app, app.catalogue);
}

Status assemble(Application& app, const gpu::DeviceOptions& device_options, bool windowed) {
  const RunOptions& options = app.options;
  if (options.frames_in_flight < 2 || options.frames_in_flight > 3) {
    return input_error("--frames-in-flight {}: choose 2 or 3", options.frames_in_flight);
  }
  TARSIER_TRY(app.catalogue, models::Catalogue::load_default());
  TARSIER_TRY(app.store, models::store_options(options.globals.model_path));
  if (!options.session.empty()) {
    TARSIER_TRY(auto session, record::Session::open(options.session));
    app.session = std::make_shared<const record::Session>(std::move(session));
  }
  if (options.precision.empty()) app.options.precision = app.session ? app.session->head().precision : "fp32";
  TARSIER_TRY([[maybe_unused]] const auto precision, infer::parse_precision(options.precision));
  TARSIER_CHECK(read_pipeline(app));
  // What is wrong with the other side is told at once, too.
  TARSIER_TRY([[maybe_unused]] const auto look, parse_look(options.compare_view));
  if (!options.compare.empty()) {
    TARSIER_TRY([[maybe_unused]] const auto other, compared_setup(app));
  }
  if (options.compare.empty() && !options.compare_json.empty())
    return input_error("--compare-json {}: nothing is compared; say with what by --compare",
                       options.compare_json);
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
  TARSIER_CHECK(check_places({app.source, app.spec.file, video, json, options.trace, options.compare_json}));
  TARSIER_CHECK(app.telemetry.open(options));
  if (!options.compare_json.empty()) TARSIER_CHECK(check_writable("--compare-json", options.compare_json));
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
  app.staging_bytes = staging_for(info.width, info.height);
  TARSIER_TRY(app.ring, gpu::FrameRing::create(*app.device, options.frames_in_flight, app.staging_bytes));

  app.paced = info.live || mailbox.paced || mailbox.policy.kind == capture::Policy::Kind::kLatest;
  FrameLoop::Parts parts;
  TARSIER_TRY(parts.outputs,
              Outputs::open(video, info.fps, json, record::settings_text(settings_of(app), TARSIER_VERSION)));
  {
    ProgressLine progress;
    TARSIER_TRY(parts.side, make_side({.device = *app.device,
                                       .catalogue = app.catalogue,
                                       .store = app.store,
                                       .source = info,
                                       .paced = app.paced,
                                       .results = lists_results(app, *parts.outputs),
                                       .progress = [&](const std::string& what,
                                                       double fraction) { progress.show(what, fraction); }},
                                      app));
  }
  parts.device = app.device.get();
  parts.ring = app.ring.get();
  parts.params = &app.params;
  parts.slots = options.frames_in_flight;
  const SessionRecorder::Memory memory{.seconds = windowed ? options.keep_last_s : 0};
  app.recorder =
      std::make_unique<SessionRecorder>(app, session_source(app, info, source->can_seek()), memory);
  app.recorder->note_pipeline();
  if (!options.record.empty()) TARSIER_CHECK(app.recorder->begin(options.record));
  parts.observer = app.observer != nullptr ? app.observer : app.recorder.get();
  TARSIER_TRY(app.loop, FrameLoop::create(std::move(parts)));
  app.loop->use_names(app.spec.name, app.preset.name);
  app.telemetry.follow(*app.loop, *app.device, *app.ring, app.spec.name, info.name);
  app.mailbox = std::make_unique<capture::Mailbox>(std::move(source), mailbox);
  TARSIER_CHECK(compare_from_start(app));
  app.stop.on_raise([&app] { app.mailbox->stop(); });
  return {};
}

namespace {

/// reload_pipeline() with other options.
Status use_options(Application& app, const RunOptions& options, OverlayValues overlay, bool zones) {
  TARSIER_TRY(Setup next, read_again(app, options, overlay, app.catalogue));
  if (!needs_stages(app, next)) {
    app.take_over(std::move(next), zones);
    return {};
  }
  ProgressLine progress;
  SideContext context = app.side_context(false);
  context.progress = [&](const std::string& what, double fraction) { progress.show(what, fraction); };
  TARSIER_TRY(auto side, make_side(context, next));
  return app.switch_to(std::move(next), std::move(side));
}

}  // namespace

Status reload_pipeline(Application& app, OverlayValues overlay, bool zones) {
  return use_options(app, app.options, overlay, zones);
}

Status follow_session_in_comparison(Application& app) {
  Comparison* const comparison = app.loop->comparison();
  if (comparison == nullptr || !comparison->setup().follows_session()) return {};
  Setup now = comparison->setup();
  if (now.session_frame == app.session_frame) return {};
  RunOptions options = now.options;
  // Where precisions are compared, its own stays.
  if (options.precision == app.session->precision_at(now.session_frame))
    options.precision = app.session->precision_at(app.session_frame);
  now.session_frame = app.session_frame;
  auto next = read_again(now, options, OverlayValues::kKeep, app.catalogue);
  if (!next.ok()) return next.error().in("side B");
  app.ring->drain();
  if (!needs_stages(now, *next)) {
    for (const auto& name : next->left_out) next->params.withdraw(name + ".");
    return comparison->use_second(*std::move(next), nullptr);
  }
  auto side = make_side(app.second_side_context(false), *next);
  if (!side.ok()) return side.error().in("side B");
  return comparison->use_second(*std::move(next), *std::move(side));
}

Result<bool> follow_session(Application& app, const capture::Frame& frame) {
  if (!app.follows_session()) return false;
  const size_t change = app.session->change_for(frame.position);
  if (change == app.session_frame) return false;
  RunOptions options = app.options;
  const auto before = app.session->precision_at(app.session_frame), now = app.session->precision_at(change);
  if (before != now) options.precision = now;
  app.session_frame = change;
  TARSIER_CHECK(use_options(app, options, OverlayValues::kKeep, true));
  TARSIER_CHECK(follow_session_in_comparison(app));
  return true;
}

Result<Setup> compared_setup(const Application& app) {
  Setup other;
  other.session = app.session;
  other.session_frame = app.session_frame;
  TARSIER_TRY(other.options, compared_options(app.options, app.options.compare));
  if (const Status status = read_setup(other, app.catalogue); !status.ok())
    return status.error().in("--compare");
  return other;
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
