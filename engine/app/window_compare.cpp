#include "app/window_compare.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <utility>

#include "core/log.hpp"

namespace tarsier::app {
namespace {

constexpr double kReach = 8;  // of the edge for the mouse, units of the window
constexpr size_t kMostClasses = 5;

}  // namespace

bool WindowCompare::shows_twice() const {
  const auto* comparison = app_.loop->comparison();
  return comparison != nullptr && comparison->look == present::CompareLook::kSide;
}

bool WindowCompare::input(const window::Input& input, const window::PictureArea& picture,
                          const overlay::Panels& panels) {
  using What = window::Input::What;
  auto* comparison = app_.loop->comparison();
  if (comparison == nullptr) {
    dragged_ = false;
    return false;
  }
  switch (input.what) {
    case What::kNextDifference:
      jump(1);
      return true;
    case What::kPreviousDifference:
      jump(-1);
      return true;
    case What::kPress: {
      const double edge = picture.x + comparison->edge * picture.width;
      dragged_ = comparison->look == present::CompareLook::kWipe &&
                 std::abs(input.x - edge) < kReach * panels.scale() &&
                 (!input.panels || !panels.covers(input.x, input.y));
      return dragged_;
    }
    case What::kMove:
      if (dragged_) comparison->edge = std::clamp((input.x - picture.x) / picture.width, 0.0, 1.0);
      return dragged_;
    case What::kRelease:
      return std::exchange(dragged_, false);
    default:
      return false;
  }
}

void WindowCompare::jump(int direction) {
  const auto& known = app_.loop->comparison()->agreement().disagreements();
  const auto now = app_.mailbox->transport();
  const auto differs = [this](const auto& frame) { return frame.second > double(threshold_); };
  std::optional<uint64_t> found;
  if (direction > 0) {
    const auto next = std::find_if(known.upper_bound(now.position), known.end(), differs);
    if (next != known.end()) found = next->first;
  } else {
    const auto before = std::make_reverse_iterator(known.lower_bound(now.position));
    const auto next = std::find_if(before, known.rend(), differs);
    if (next != known.rend()) found = next->first;
  }
  if (!now.can_seek) {
    said_ = "this source has no frames to go back to";
  } else if (!found) {
    said_ = fmt::format(
        "no frame {} is known to differ by more than {:.2f}: frames are compared when they are seen",
        direction > 0 ? "behind this one" : "before this one", threshold_);
  } else if (const Status status = app_.mailbox->seek(*found); !status.ok()) {
    said_ = status.error().message;
  }
}

void WindowCompare::handle(const overlay::CompareEvents& events) {
  stop_ = stop_ || events.stop;
  if (events.threshold) threshold_ = *events.threshold;
  if (auto* comparison = app_.loop->comparison(); comparison != nullptr) {
    if (events.look) comparison->look = present::CompareLook(uint32_t(*events.look));
    if (events.jump != 0) jump(events.jump);
  }
  RunOptions options = app_.options;
  if (events.with_now) begin(options, OverlayValues::kKeep, {}, "as it was");
  if (events.preset) {
    options.preset = *events.preset;
    begin(options, OverlayValues::kDrop, {}, "preset " + options.preset);
  }
  if (events.precision) {
    options.precision = *events.precision;
    begin(options, OverlayValues::kKeep, {}, "precision " + options.precision);
  }
  if (events.network) {
    const auto& [key, name] = *events.network;
    begin(options, OverlayValues::kKeep, {{key, name}}, fmt::format("{} {}", key, name));
  }
}

void WindowCompare::begin(const RunOptions& options, OverlayValues overlay, const Picks& picks,
                          std::string name) {
  failure_.clear();
  if (build_) {
    failure_ = fmt::format("'{}' is still being made: choose again when it is there", building_);
    return;
  }
  auto setup = read_again(app_, options, overlay, app_.catalogue, picks);
  if (!setup.ok()) {
    failure_ = setup.error().message;
    return;
  }
  build_ = std::make_unique<SideBuild>(app_.second_side_context(true), *std::move(setup));
  building_ = std::move(name);
}

Result<std::string> WindowCompare::poll() {
  if (std::exchange(stop_, false)) {
    app_.ring->drain();
    TARSIER_CHECK(app_.loop->compare_with(nullptr));
  }
  if (build_ && build_->done()) {
    SideBuild::Made made = build_->take();
    build_.reset();
    if (!made.side.ok()) {
      failure_ = made.side.error().message;
      log::error("{}", failure_);
    } else {
      auto comparison =
          std::make_unique<Comparison>(*app_.device, std::move(made.setup), *std::move(made.side), building_);
      if (const auto* before = app_.loop->comparison(); before != nullptr) {
        comparison->look = before->look;
        comparison->edge = before->edge;
      }
      app_.ring->drain();
      TARSIER_CHECK(app_.loop->compare_with(std::move(comparison)));
      // The session has gone on meanwhile. A side that cannot follow it ends; the run goes on.
      if (const Status followed = follow_session_in_comparison(app_); !followed.ok()) {
        failure_ = followed.error().message;
        log::error("{}", failure_);
        TARSIER_CHECK(app_.loop->compare_with(nullptr));
        return std::string();
      }
      said_ = "B: " + building_;
    }
  }
  return std::exchange(said_, {});
}

overlay::CompareState WindowCompare::view(const window::PictureArea& picture) const {
  overlay::CompareState state;
  state.threshold = threshold_;
  state.failure = failure_;
  if (build_) {
    const auto progress = build_->progress();
    state.progress = {building_ + ": " + progress.what, progress.fraction};
  }
  const auto* comparison = app_.loop->comparison();
  if (comparison == nullptr) return state;
  const Agreement& agreement = comparison->agreement();
  state.with = comparison->name();
  state.look = overlay::CompareLook(uint8_t(comparison->look));
  state.has_boxes = comparison->has_boxes();
  state.both = agreement.latest().both;
  state.only_a = agreement.latest().only_first;
  state.only_b = agreement.latest().only_second;
  state.frames = agreement.frames();
  state.agreement = agreement.all().agreement();
  state.mean_iou = agreement.mean_iou();
  state.a_ms = agreement.first_ms();
  state.b_ms = agreement.second_ms();
  for (const auto& [name, counts] : agreement.classes()) {
    if (counts.only_first + counts.only_second > 0)
      state.classes.push_back({name, counts.only_first, counts.only_second});
  }
  std::ranges::stable_sort(state.classes, std::ranges::greater(),
                           [](const auto& one) { return one.only_a + one.only_b; });
  if (state.classes.size() > kMostClasses) state.classes.resize(kMostClasses);
  state.x = float(picture.x);
  state.y = float(picture.y);
  state.width = float(picture.width);
  state.height = float(picture.height);
  state.edge_x = float(picture.x + comparison->edge * picture.width);
  return state;
}

}  // namespace tarsier::app
