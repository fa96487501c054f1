#include "app/window_timeline.hpp"

#include <array>
#include <cstdlib>

namespace tarsier::app {
namespace {

using Ink = overlay::TimelineMark::Ink;
constexpr size_t kColumns = 800;  // about as many as the bar has pixels

struct ValueName {
  const char *name, *unit, *help;
};
constexpr std::array<ValueName, Timeline::kValues> kNames{{
    {"objects", "objects", "how many are tracked, or detected, in each frame"},
    {"latency", "ms", "time of each frame from capture to done"},
    {"score", "best score", "the best one in each frame, 0 to 1"},
}};

/// Whether results tell what is in a frame.
bool counts(const FrameLoop& loop) {
  return loop.tracks() || loop.outputs().wants_results();
}

Ink ink_of(Timeline::Kind kind) {
  switch (kind) {
    case Timeline::Kind::kCollision:
      return Ink::kCollision;
    case Timeline::Kind::kLane:
      return Ink::kLane;
    case Timeline::Kind::kLine:
      return Ink::kLine;
    case Timeline::Kind::kOther:
      break;
  }
  return Ink::kOther;
}

}  // namespace

WindowTimeline::WindowTimeline(Application& app)
    : app_(app),
      timeline_(app.mailbox->info().fps),
      value_(counts(*app.loop) ? Timeline::Value::kObjects : Timeline::Value::kLatency),
      thumbnails_([&app] { return open_frames(app); }) {
  app_.loop->on_result([this](uint64_t position, const pipeline::FrameResult& result) {
    timeline_.add(position, result, counts(*app_.loop));
  });
}

WindowTimeline::~WindowTimeline() {
  app_.loop->on_result({});
}

void WindowTimeline::handle(const overlay::TransportEvents& events) {
  if (events.plot && *events.plot < Timeline::kValues) value_ = Timeline::Value(*events.plot);
}

void WindowTimeline::fill(overlay::TransportView& view) const {
  const auto& info = app_.mailbox->info();
  view.thumbnail_aspect = float(info.width) / float(info.height);
  overlay::TimelineView& timeline = view.timeline;
  for (const auto& name : kNames) timeline.values.push_back({name.name, name.help});
  timeline.value = size_t(value_);
  timeline.unit = kNames[timeline.value].unit;
  timeline.plot = timeline_.columns(value_, view.frames.value_or(0), kColumns);
  for (const auto& mark : timeline_.marks())
    timeline.marks.push_back({mark.position, ink_of(mark.kind), mark.what});
}

Result<uint64_t> WindowTimeline::event_from(uint64_t position, int steps) const {
  const Timeline::Mark* at = nullptr;
  for (int i = 0; i < std::abs(steps); ++i) {
    const auto* further = steps > 0 ? timeline_.next(position) : timeline_.previous(position);
    if (further == nullptr) break;
    at = further;
    position = at->position;
  }
  if (at != nullptr) return at->position;
  return input_error("no event is known {} frame {}: events are found as frames are seen",
                     steps > 0 ? "behind" : "before", position);
}

}  // namespace tarsier::app
