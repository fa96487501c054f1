#include "app/window_timeline.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <map>

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

/// Behind those of Timeline, while two sides are compared.
constexpr size_t kDifference = Timeline::kValues;
constexpr ValueName kDifferenceName{"difference", "1 - F1", "how far A and B disagree in each frame, 0 to 1"};

/// The largest of the values in each of `count` equal parts of a recording; NaN where there is none.
std::vector<float> columns_of(const std::map<uint64_t, double>& values, uint64_t frames, size_t count) {
  std::vector<float> columns(frames > 0 ? count : 0, Timeline::kNone);
  for (const auto& [position, value] : values) {
    if (position >= frames) break;
    float& column = columns[size_t(position * count / frames)];
    column = std::isnan(column) ? float(value) : std::max(column, float(value));
  }
  // Fewer frames than columns: each has a part of them.
  if (frames < count)
    for (size_t i = 1; i < columns.size(); ++i)
      if (i * frames / count == (i - 1) * frames / count) columns[i] = columns[i - 1];
  return columns;
}

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
      value_(size_t(counts(*app.loop) ? Timeline::Value::kObjects : Timeline::Value::kLatency)),
      thumbnails_([&app] { return open_frames(app); }) {
  app_.loop->on_result([this](uint64_t position, const pipeline::FrameResult& result) {
    timeline_.add(position, result, counts(*app_.loop));
  });
}

WindowTimeline::~WindowTimeline() {
  app_.loop->on_result({});
}

void WindowTimeline::handle(const overlay::TransportEvents& events) {
  if (events.plot && *events.plot <= kDifference) value_ = *events.plot;
}

void WindowTimeline::fill(overlay::TransportView& view) const {
  const auto& info = app_.mailbox->info();
  view.thumbnail_aspect = float(info.width) / float(info.height);
  overlay::TimelineView& timeline = view.timeline;
  for (const auto& name : kNames) timeline.values.push_back({name.name, name.help});
  const Comparison* comparison = app_.loop->comparison();
  if (comparison != nullptr) timeline.values.push_back({kDifferenceName.name, kDifferenceName.help});
  // What is compared no more has no plot.
  timeline.value = std::min(value_, timeline.values.size() - 1);
  const uint64_t frames = view.frames.value_or(0);
  if (timeline.value == kDifference) {
    timeline.unit = kDifferenceName.unit;
    timeline.plot = columns_of(comparison->agreement().disagreements(), frames, kColumns);
  } else {
    timeline.unit = kNames[timeline.value].unit;
    timeline.plot = timeline_.columns(Timeline::Value(timeline.value), frames, kColumns);
  }
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
