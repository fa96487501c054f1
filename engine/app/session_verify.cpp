#include "app/session_verify.hpp"

#include <algorithm>
#include <array>

#include "app/application.hpp"
#include "app/command_line.hpp"
#include "app/progress_line.hpp"
#include "core/console.hpp"
#include "core/log.hpp"
#include "record/result_json.hpp"

namespace tarsier::app {
namespace {

/// Across devices and drivers sums are rounded in another order: 1 % or 0.01, which for boxes is less than
/// what a person sees.
constexpr record::Tolerance kAcrossDevices{.absolute = 0.01, .relative = 0.01};

/// Which types of stages make what of a line.
struct Origin {
  std::string_view key;
  std::array<std::string_view, 3> types;
};
constexpr std::array<Origin, 8> kOrigins = {{{"detections", {"detect"}},
                                             {"tracks", {"track", "range"}},
                                             {"events", {"range", "lanes"}},
                                             {"landmarks", {"face", "body", "hands"}},
                                             {"lanes", {"lanes"}},
                                             {"zones", {"zones"}},
                                             {"lines", {"zones"}},
                                             {"masks", {"segment"}}}};

/// The name of the first stage that makes such results.
std::string stage_of(std::string_view key, const pipeline::PipelineSpec& spec) {
  const auto origin = std::ranges::find(kOrigins, key, &Origin::key);
  if (origin == kOrigins.end()) return std::string(key);
  for (const auto& stage : spec.stages)
    if (std::ranges::find(origin->types, stage.type) != origin->types.end()) return stage.name;
  return std::string(origin->types[0]);
}

/// Takes what the loop finds as text with all its digits.
class Listener final : public FrameObserver {
 public:
  [[nodiscard]] bool wants_results() const override { return true; }
  void frame(const capture::Frame&, const Params&) override {}
  void result(const pipeline::FrameResult& result, const pipeline::LabelSets& labels) override {
    std::string line;
    record::append_line(line, result, labels, result.settings.get(), record::Numbers::kExact);
    lines.push_back(std::move(line));
  }
  std::vector<std::string> lines;
};

Status check_networks(const record::Session& session, const Application& app) {
  TARSIER_TRY(const auto networks, session_networks(app));
  for (const auto& now : networks) {
    for (const auto& was : session.head().networks) {
      if (was.key != now.key || was.name != now.name || was.file != now.file || was.sha256 == now.sha256)
        continue;
      return input_error("{}: {} of {} is another file now: its SHA-256 is {}, the session's {}",
                         session.folder().string(), now.file, now.key, now.sha256, was.sha256);
    }
  }
  return {};
}

Status draw_again(Application& app) {
  TARSIER_TRY(auto* context, app.ring->begin());
  TARSIER_CHECK(app.loop->redraw(*context));
  TARSIER_CHECK(app.ring->submit(*context));
  app.ring->drain();
  return {};
}

Status run_frames(Application& app) {
  const record::Session& session = *app.session;
  ProgressLine progress(ProgressLine::Pace::kFrames);
  while (true) {
    auto letter = app.mailbox->take();
    if (letter.state == capture::Mailbox::State::kEnd) return {};
    if (letter.state == capture::Mailbox::State::kFailed) return letter.error;
    if (letter.state == capture::Mailbox::State::kWaiting) continue;
    const auto& frame = letter.frame;
    TARSIER_TRY([[maybe_unused]] const bool changed, follow_session(app, frame));
    if (frame.position == 0) TARSIER_CHECK(check_networks(session, app));
    TARSIER_CHECK(app.fit_ring(frame));
    TARSIER_TRY(auto* context, app.ring->begin());
    TARSIER_CHECK(app.loop->record(*context, frame));
    TARSIER_CHECK(app.ring->submit(*context));
    app.ring->drain();
    // While it was paused the stages took the same picture again and again.
    const auto& steps = session.steps();
    for (size_t i = session.frames()[frame.position] + 1; i < steps.size() && steps[i].redraws > 0; ++i) {
      for (const auto& [key, value] : steps[i].params)
        if (app.params.has(key)) TARSIER_CHECK(app.params.set(key, value, ParamOrigin::kPipeline));
      for (uint32_t round = 0; round < steps[i].redraws; ++round) TARSIER_CHECK(draw_again(app));
    }
    const uint64_t done = frame.position + 1, all = session.frames().size();
    progress.show(fmt::format("verifying frame {} of {}", done, all), double(done) / double(all));
  }
}

}  // namespace

Result<Verdict> compare_results(const std::vector<std::string>& was, const std::vector<std::string>& is,
                                const pipeline::PipelineSpec& spec, const record::Tolerance& tolerance) {
  Verdict verdict;
  verdict.frames = std::min(was.size(), is.size());
  for (uint64_t i = 0; i < verdict.frames; ++i) {
    TARSIER_TRY(auto difference, record::first_difference(was[i], is[i], tolerance));
    if (!difference) continue;
    if (verdict.differing++ > 0) continue;
    verdict.frame = i;
    verdict.stage = stage_of(difference->key, spec);
    verdict.difference = *std::move(difference);
  }
  return verdict;
}

Result<SessionRun> run_again(const record::Session& session, const VerifyOptions& options) {
  Listener listener;
  Application app;
  app.options.globals = options.globals;
  app.options.globals.tune = session.head().tune;
  app.options.session = session.folder().string();
  app.options.session_source = options.source;
  app.options.headless = true;
  app.observer = &listener;
  TARSIER_CHECK(assemble(app, device_options(options.globals), false));
  const Status ran = run_frames(app);
  app.ring->drain();
  TARSIER_CHECK(ran);
  TARSIER_CHECK(check_validation(*app.device));
  return SessionRun{std::move(listener.lines), app.device->info().name, app.device->info().driver};
}

Status verify(const VerifyOptions& options) {
  TARSIER_TRY(const auto session, record::Session::open(options.session));
  const auto no_results = [](const record::Session& one) {
    return input_error(
        "{}: has no results to compare; `tarsier replay {} --headless --record DIR` makes a session that has",
        one.folder().string(), one.folder().string());
  };
  if (!session.head().results) return no_results(session);
  TARSIER_TRY(const auto was, session.results());
  SessionRun is;
  const std::string other = options.against.empty() ? "this run" : options.against;
  if (!options.against.empty()) {
    TARSIER_TRY(const auto against, record::Session::open(options.against));
    if (!against.head().results) return no_results(against);
    if (against.frames().size() != session.frames().size() ||
        against.frame(0).picture != session.frame(0).picture)
      return input_error("{} and {}: are not of the same frames", options.session, options.against);
    TARSIER_TRY(is.results, against.results());
    is.device = against.head().device;
    is.driver = against.head().driver;
  } else {
    if (session.head().continues)
      return input_error(
          "{}: begins in mid-run, and what trackers knew by then is not in it; `tarsier replay {} --headless "
          "--record DIR` makes a session that can be verified",
          options.session, options.session);
    TARSIER_TRY(is, run_again(session, options));
  }
  Params unused;
  TARSIER_TRY(const auto spec, pipeline::load_pipeline(session.pipeline_at(0).string(), unused));
  const bool same_device = is.device == session.head().device && is.driver == session.head().driver;
  record::Tolerance tolerance = options.tolerance;
  if (!options.tolerance_given && !same_device) tolerance = kAcrossDevices;
  TARSIER_TRY(const Verdict verdict, compare_results(was, is.results, spec, tolerance));
  put(stdout, fmt::format("session     {} ({}, {})\n", options.session, session.head().device,
                          session.head().driver));
  put(stdout, fmt::format("against     {} ({}, {})\n", other, is.device, is.driver));
  put(stdout, tolerance.exact() ? std::string("tolerance   none: every number to the last bit\n")
                                : fmt::format("tolerance   {:g}, or {:g} of the number\n", tolerance.absolute,
                                              tolerance.relative));
  if (verdict.same()) {
    put(stdout,
        fmt::format("{}{} frames\n", tolerance.exact() ? "identical   " : "the same    ", verdict.frames));
    if (was.size() != is.results.size() || was.size() != session.frames().size())
      log::warn("{}: {} of {} frames have results on both sides", options.session, verdict.frames,
                session.frames().size());
    return {};
  }
  const auto& step = session.frame(verdict.frame);
  const auto& difference = verdict.difference;
  put(stdout, fmt::format("differing   {} of {} frames\n", verdict.differing, verdict.frames));
  return runtime_error(
      "{}: frame {} (id {}, {:.3f} s) differs first, stage '{}', {}: {} was recorded, {} is {}{}",
      options.session, verdict.frame, step.id, step.time_s, verdict.stage, difference.place, difference.was,
      other, difference.is, difference.by > 0 ? fmt::format(", {:g} apart", difference.by) : "");
}

}  // namespace tarsier::app
