// The loop without a window: every frame as fast as the device takes it, a progress bar, files at the end.
#include <nlohmann/json.hpp>

#include "app/application.hpp"
#include "app/command_line.hpp"
#include "app/progress_line.hpp"
#include "core/console.hpp"
#include "record/result_json.hpp"

namespace tarsier::app {
namespace {

Status process_frames(Application& app) {
  const auto begin = capture::Clock::now();
  const capture::SourceInfo& info = app.mailbox->info();
  int64_t total = info.frames;
  if (app.options.loop) total = -1;
  if (app.options.max_frames > 0) total = static_cast<int64_t>(app.options.max_frames);
  ProgressLine progress(ProgressLine::Pace::kFrames);
  while (!app.has_enough()) {
    if (app.one_in_flight()) app.ring->drain();  // first: the frame taken after it is the newest
    auto letter = app.mailbox->take();
    if (letter.state == capture::Mailbox::State::kEnd) break;
    if (letter.state == capture::Mailbox::State::kFailed) return letter.error;
    if (letter.state == capture::Mailbox::State::kWaiting) continue;
    TARSIER_TRY([[maybe_unused]] const bool changed, follow_session(app, letter.frame));
    TARSIER_CHECK(app.fit_ring(letter.frame));
    TARSIER_TRY(auto* context, app.ring->begin());
    TARSIER_CHECK(app.loop->record(*context, letter.frame));
    TARSIER_CHECK(app.ring->submit(*context));
    TARSIER_CHECK(app.loop->take_error());
    const double seconds = std::chrono::duration<double>(capture::Clock::now() - begin).count();
    const auto done = static_cast<int64_t>(app.loop->recorded());
    const double fraction = total > 0 ? static_cast<double>(done) / static_cast<double>(total) : -1;
    progress.show(
        fmt::format("{} {}{} {:.1f} frames/s", app.spec.name, done,
                    total > 0 ? fmt::format("/{}", total) : "", static_cast<double>(done) / seconds),
        fraction);
  }
  return {};
}

/// What one side ran with.
nlohmann::json json_of(const Setup& setup) {
  nlohmann::json json = nlohmann::json::parse(record::settings_text(
      {setup.spec.name, setup.preset.name, setup.params.not_default()}, TARSIER_VERSION));
  json["precision"] = setup.options.precision;
  return json;
}

Status write_comparison(const Application& app, const Comparison& comparison) {
  if (app.options.compare_json.empty()) return {};
  nlohmann::json json = comparison.agreement().json();
  json["a"] = json_of(app);
  json["b"] = json_of(comparison.setup());
  json["b"]["compare"] = comparison.name();
  return write_json(app.options.compare_json, json);
}

}  // namespace

Status run_headless(Application& app) {
  const auto begin = capture::Clock::now();
  const Status processed = process_frames(app);
  app.ring->drain();
  return conclude(app, processed, std::chrono::duration<double>(capture::Clock::now() - begin).count());
}

Status conclude(Application& app, const Status& ended, double seconds) {
  // A camera that was unplugged is an error, but what it showed until then is kept.
  const bool keep = ended.ok() || (app.mailbox->info().live && app.loop->summary().frames() > 0);
  const Status recorded = app.recorder->end(ended.ok() ? "whole" : ended.error().message);
  if (!keep) return ended;
  TARSIER_CHECK(app.loop->take_error());
  TARSIER_CHECK(app.loop->outputs().finish());
  std::FILE* const told = app.loop->outputs().takes_standard_output() ? stderr : stdout;
  put(told, app.loop->summary().text(seconds, app.mailbox->drops()));
  if (const auto* comparison = app.loop->comparison(); comparison != nullptr) {
    put(told, fmt::format("compared    A: as it runs; B: {}\n", comparison->name()));
    put(told, comparison->has_boxes()
                  ? comparison->agreement().text()
                  : std::string("            no stage finds boxes: only the pictures differ\n"));
    TARSIER_CHECK(write_comparison(app, *comparison));
  }
  const std::string written = app.loop->outputs().describe();
  if (!written.empty()) put(told, fmt::format("written     {}\n", written));
  if (!app.recorder->described().empty())
    put(told, fmt::format("session     {}\n", app.recorder->described()));
  app.telemetry.finish(told);
  TARSIER_CHECK(check_validation(*app.device));
  TARSIER_CHECK(recorded);
  TARSIER_CHECK(app.recorder->failure());
  return ended;
}

}  // namespace tarsier::app
