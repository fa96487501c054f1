#include "app/session_verify.hpp"

#include <algorithm>

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

/// Place in the pipeline of the stage that made what differs; what every frame has comes before them all,
/// what no stage of this pipeline makes behind them.
std::ptrdiff_t stage_of(const record::Difference& difference, const pipeline::PipelineSpec& spec) {
  if (difference.type.empty()) return -1;
  const auto stage = std::ranges::find_if(spec.stages, [&](const pipeline::StageSpec& one) {
    if (one.type != difference.type) return false;
    return difference.mask.empty() ||
           std::ranges::find(one.masks, difference.mask, &pipeline::MaskSpec::name) != one.masks.end();
  });
  return stage - spec.stages.begin();
}

/// Whether a network is this stage's: "face", "face detector".
bool is_of(std::string_view network, std::string_view stage) {
  return network == stage || (network.starts_with(stage) && network.substr(stage.size()).starts_with(' '));
}
std::ptrdiff_t stage_of_network(std::string_view network, const pipeline::PipelineSpec& spec) {
  const auto stage = std::ranges::find_if(
      spec.stages, [&](const pipeline::StageSpec& one) { return is_of(network, one.name); });
  return stage - spec.stages.begin();
}

/// Takes what the loop finds as text with all its digits.
class Listener final : public FrameObserver {
 public:
  explicit Listener(bool wants_layers) : wants_layers_(wants_layers) {}
  [[nodiscard]] bool wants_results() const override { return true; }
  void frame(const capture::Frame&, const Params&) override {}
  [[nodiscard]] bool wants_layers() const override { return wants_layers_; }
  void result(const pipeline::FrameResult& result, const pipeline::LabelSets& labels) override {
    found.line.clear();
    record::append_line(found.line, result, labels, result.settings.get(), record::Numbers::kExact);
    found.runs = result.runs;
  }
  FoundInFrame found;  // in the latest frame

 private:
  bool wants_layers_;
};

/// What a session says of its frames, one by one.
class SessionFindings {
 public:
  explicit SessionFindings(const record::Session& session)
      : results_(session.results()), layers_(session.folder() / record::Session::kLayers) {}
  /// Of the next frame; nullopt at the end. Errors: as of SessionLayers::next().
  Result<std::optional<FoundInFrame>> next() {
    auto line = results_.next();
    if (!line) return std::optional<FoundInFrame>();
    TARSIER_TRY(auto runs, layers_.next());
    return std::optional(FoundInFrame{*std::move(line), std::move(runs).value_or(Runs())});
  }

 private:
  using Runs = std::vector<pipeline::NetworkRun>;
  record::SessionResults results_;
  record::SessionLayers layers_;
};

/// What the session's names mean on this machine; what is not there the run itself tells.
Status check_networks(const record::Session& session, const Application& app) {
  for (const auto& was : session.head().networks) {
    TARSIER_TRY(const auto networks, session_networks(app, {{was.key, was.name}}));
    for (const auto& now : networks) {
      if (was.file != now.file || was.sha256 == now.sha256) continue;
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

/// `done_with` is called with each frame's line.
template <class Done>
Status run_frames(Application& app, Done&& done_with) {
  const record::Session& session = *app.session;
  ProgressLine progress(ProgressLine::Pace::kFrames);
  while (true) {
    auto letter = app.mailbox->take();
    if (letter.state == capture::Mailbox::State::kEnd) return {};
    if (letter.state == capture::Mailbox::State::kFailed) return letter.error;
    if (letter.state == capture::Mailbox::State::kWaiting) continue;
    const auto& frame = letter.frame;
    TARSIER_TRY([[maybe_unused]] const bool changed, follow_session(app, frame));
    TARSIER_CHECK(app.fit_ring(frame));
    TARSIER_TRY(auto* context, app.ring->begin());
    TARSIER_CHECK(app.loop->record(*context, frame));
    TARSIER_CHECK(app.ring->submit(*context));
    app.ring->drain();
    TARSIER_TRY(const bool more, done_with());
    if (!more) return {};
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

Status Verdict::add(const FoundInFrame& was, const FoundInFrame& is) {
  TARSIER_TRY(auto found, record::differences(was.line, is.line, tolerance_));
  auto in_layers = record::first_difference(was.runs, is.runs, tolerance_.relative);
  // Within a tolerance layers explain what differs, and are no difference by themselves.
  const bool differs = !found.empty() || (tolerance_.exact() && in_layers);
  ++frames;
  if (!differs || differing++ > 0) return {};
  frame = frames - 1;
  // The earliest stage: what comes after it takes from it.
  const auto first =
      std::ranges::min_element(found, {}, [&](const auto& one) { return stage_of(one, spec_); });
  auto place = std::ptrdiff_t(spec_.stages.size());
  if (first != found.end()) place = stage_of(*first, spec_);
  if (in_layers && stage_of_network(in_layers->network, spec_) <= place) {
    place = stage_of_network(in_layers->network, spec_);
    layer = std::move(in_layers);
  }
  const bool known = place >= 0 && size_t(place) < spec_.stages.size();
  if (first != found.end()) {
    stage = first->type;
    if (stage_of(*first, spec_) == place || !layer) difference = std::move(*first);
  }
  if (known) stage = spec_.stages[size_t(place)].name;
  layers_known = std::ranges::any_of(was.runs, [&](const auto& run) { return is_of(run.network, stage); }) &&
                 std::ranges::any_of(is.runs, [&](const auto& run) { return is_of(run.network, stage); });
  return {};
}

namespace {

/// Who made the results of one side.
struct Maker {
  std::string name, device, driver;
  bool operator==(const Maker& other) const { return device == other.device && driver == other.driver; }
};

Maker maker_of(const record::Session& session, const std::string& name) {
  return {name, session.head().device, session.head().driver};
}

Result<Verdict> new_verdict(const record::Session& session, const Maker& other,
                            const VerifyOptions& options) {
  Params unused;
  TARSIER_TRY(auto spec, pipeline::load_pipeline(session.pipeline_at(0).string(), unused));
  const bool same = maker_of(session, "") == other;
  const record::Tolerance tolerance = options.tolerance_given ? options.tolerance
                                      : same                  ? record::Tolerance()
                                                              : kAcrossDevices;
  return Verdict(std::move(spec), tolerance);
}

/// Makes the session's results anew, with its pipeline, parameters and precision.
Result<Verdict> compare_with_run(const record::Session& session, const VerifyOptions& options, Maker& run) {
  Listener listener(session.head().layers);
  Application app;
  app.options.globals = options.globals;
  app.options.globals.tune = session.head().tune;
  app.options.session = session.folder().string();
  app.options.session_source = options.source;
  app.options.headless = true;
  app.observer = &listener;
  TARSIER_CHECK(assemble(app, device_options(options.globals), false));
  TARSIER_CHECK(check_networks(session, app));
  run = {"this run", app.device->info().name, app.device->info().driver};
  TARSIER_TRY(auto verdict, new_verdict(session, run, options));
  SessionFindings findings(session);
  const Status ran = run_frames(app, [&]() -> Result<bool> {
    TARSIER_TRY(const auto was, findings.next());
    if (was) TARSIER_CHECK(verdict.add(*was, listener.found));
    return was.has_value();
  });
  app.ring->drain();
  TARSIER_CHECK(ran);
  TARSIER_CHECK(check_validation(*app.device));
  return verdict;
}

Result<Verdict> compare_with_session(const record::Session& session, const record::Session& other,
                                     const VerifyOptions& options) {
  if (other.frames().size() != session.frames().size() || other.frame(0).picture != session.frame(0).picture)
    return input_error("{} and {}: are not of the same frames", options.session, options.against);
  TARSIER_TRY(auto verdict, new_verdict(session, maker_of(other, ""), options));
  SessionFindings findings(session), others(other);
  while (true) {
    TARSIER_TRY(const auto was, findings.next());
    TARSIER_TRY(const auto is, others.next());
    if (!was || !is) return verdict;
    TARSIER_CHECK(verdict.add(*was, *is));
  }
}

Error no_results(const std::string& session) {
  return input_error(
      "{}: has no results to compare; `tarsier replay {} --headless --record DIR` makes a session that has",
      session, session);
}

Status tell(const Verdict& verdict, const record::Session& session, const Maker& was, const Maker& is) {
  put(stdout, fmt::format("session     {} ({}, {})\n", was.name, was.device, was.driver));
  put(stdout, fmt::format("against     {} ({}, {})\n", is.name, is.device, is.driver));
  const auto& tolerance = verdict.tolerance();
  put(stdout, tolerance.exact() ? std::string("tolerance   none: every number to the last bit\n")
                                : fmt::format("tolerance   {:g}, or {:g} of the number\n", tolerance.absolute,
                                              tolerance.relative));
  if (verdict.frames < session.frames().size())
    log::warn("{}: {} of {} frames have results on both sides", was.name, verdict.frames,
              session.frames().size());
  if (verdict.frames == 0) return no_results(was.name);
  if (verdict.differing == 0) {
    put(stdout,
        fmt::format("{} {} frames\n", tolerance.exact() ? "identical  " : "the same   ", verdict.frames));
    return {};
  }
  put(stdout, fmt::format("differing   {} of {} frames\n", verdict.differing, verdict.frames));
  const auto& step = session.frame(verdict.frame);
  std::string text = fmt::format("{}: frame {} (id {}, {:.3f} s) differs first", was.name, verdict.frame,
                                 step.id, step.time_s);
  if (!verdict.stage.empty()) text += fmt::format(", stage '{}'", verdict.stage);
  if (const auto& one = verdict.difference) {
    text += fmt::format(", {}: {} was recorded, {} is {}", one->place, one->was, is.name, one->is);
    if (one->by > 0) text += fmt::format(", {:g} apart", one->by);
  }
  if (const auto& one = verdict.layer) {
    text += fmt::format(
        "; its first layer that differs is '{}' ({} of {} of {}): magnitudes were {:g} on average and at "
        "most "
        "{:g}, {} is {:g} and {:g}",
        one->layer, one->place + 1, one->layers, one->network, one->was.mean, one->was.largest, is.name,
        one->is.mean, one->is.largest);
  } else if (verdict.layers_known) {
    text += "; all layers of its networks are the same, so it is what comes after them";
  }
  return runtime_error("{}", text);
}

}  // namespace

Status verify(const VerifyOptions& options) {
  TARSIER_TRY(const auto session, record::Session::open(options.session));
  if (!session.head().results) return no_results(options.session);
  const Maker was = maker_of(session, options.session);
  if (!options.against.empty()) {
    TARSIER_TRY(const auto against, record::Session::open(options.against));
    if (!against.head().results) return no_results(options.against);
    TARSIER_TRY(const Verdict verdict, compare_with_session(session, against, options));
    return tell(verdict, session, was, maker_of(against, options.against));
  }
  if (session.head().continues)
    return input_error(
        "{}: begins in mid-run, and what trackers knew by then is not in it; `tarsier replay {} --headless "
        "--record DIR` makes a session that can be verified",
        options.session, options.session);
  Maker run;
  TARSIER_TRY(const Verdict verdict, compare_with_run(session, options, run));
  return tell(verdict, session, was, run);
}

}  // namespace tarsier::app
