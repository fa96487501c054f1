#include "app/window_swap.hpp"

#include <algorithm>
#include <chrono>
#include <fmt/format.h>
#include <utility>

#include "core/log.hpp"

namespace tarsier::app {

const RunOptions& WindowSwap::asked_options() const {
  if (stale_) return next_;
  return build_ ? build_->options() : app_.options;
}

void WindowSwap::reload(Then then) {
  RunOptions options = asked_options();
  options.pipeline = app_.options.pipeline;  // zones may have been saved into a copy
  begin(options, OverlayValues::kKeep, std::move(then));
}

void WindowSwap::use_preset(const std::string& preset, Then then) {
  RunOptions options = asked_options();
  options.preset = preset;
  picks_.clear();
  begin(options, OverlayValues::kDrop, std::move(then));
}

void WindowSwap::use_networks(const Picks& networks, const std::string& precision, Then then) {
  for (const auto& pick : networks) {
    std::erase_if(picks_, [&](const auto& other) { return other.first == pick.first; });
    picks_.push_back(pick);
  }
  RunOptions options = asked_options();
  if (!precision.empty()) options.precision = precision;
  begin(options, OverlayValues::kKeep, std::move(then));
}

void WindowSwap::list() {
  listed_.clear();
  for (const auto& key : keys_) listed_.push_back({key, networks_for(app_, key, app_.catalogue, app_.store)});
}

void WindowSwap::begin(const RunOptions& options, OverlayValues overlay, Then then) {
  if (!build_ && !stale_) asked_ = app_.params;
  if (overlay == OverlayValues::kDrop) overlay_ = overlay;
  if (then) thens_.push_back(std::move(then));
  next_ = options;
  stale_ = true;
}

std::optional<WindowSwap::Outcome> WindowSwap::poll() {
  if (build_ && build_->done()) {
    SideBuild::Made made = build_->take();
    build_.reset();
    if (!stale_ && !made.side.ok()) finish(made.side.error(), "");
    if (!stale_ && made.side.ok()) {
      const auto begin = std::chrono::steady_clock::now();
      // What the user changed meanwhile counts for the new one.
      for (const auto& spec : app_.params.specs()) {
        if (spec.restarts || !made.setup.params.has(spec.key) || !asked_.has(spec.key)) continue;
        if (app_.params.value(spec.key) == asked_.value(spec.key)) continue;
        const Status kept = made.setup.params.set_by_hand(spec.key, app_.params.value(spec.key));
        if (!kept.ok()) log::info("{}", kept.error().message);
      }
      const Status switched = app_.switch_to(std::move(made.setup), *std::move(made.side));
      const double ms =
          std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
      log::debug("stages were made in {:.2f} s beside the frames, which waited {:.1f} ms", made.seconds, ms);
      finish(switched, fmt::format(" (ready after {:.1f} s)", made.seconds));
    }
  }
  if (stale_ && !build_) {
    stale_ = false;
    auto next = read_again(app_, next_, overlay_, app_.catalogue, picks_);
    if (!next.ok()) {
      finish(next.error(), "");
    } else if (!needs_stages(app_, *next)) {
      app_.take_over(*std::move(next), overlay_ == OverlayValues::kDrop);
      finish({}, "");
    } else {
      build_ = std::make_unique<SideBuild>(app_.side_context(true), *std::move(next));
    }
  }
  if (outcomes_.empty()) return std::nullopt;
  Outcome first = std::move(outcomes_.front());
  outcomes_.erase(outcomes_.begin());
  return first;
}

/// `how` goes behind what is said.
void WindowSwap::finish(const Status& status, const std::string& how) {
  Outcome outcome{status, ""};
  for (const auto& then : std::exchange(thens_, {})) {
    const std::string said = then(status.ok());
    if (!said.empty()) outcome.said = said + how;
  }
  picks_.clear();
  overlay_ = OverlayValues::kKeep;
  keys_ = network_keys(app_.params, app_.catalogue);
  listed_.clear();
  outcomes_.push_back(std::move(outcome));
}

overlay::NetworkView WindowSwap::view() const {
  overlay::NetworkView view;
  for (const auto& key : keys_) view.networks.push_back({key, app_.params.text(key)});
  view.choices = listed_;
  view.precision = app_.options.precision;
  if (build_) {
    const auto progress = build_->progress();
    view.progress = {progress.what, progress.fraction};
  }
  return view;
}

}  // namespace tarsier::app
