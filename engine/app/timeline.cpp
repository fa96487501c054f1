#include "app/timeline.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace tarsier::app {
namespace {

constexpr double kHole_s = 2;    // at most so much is left out by a device that is slower than the recording
constexpr double kSame_s = 0.5;  // events of one kind
constexpr double kSettling_s = 2;  // trackers and filters need some frames
constexpr size_t kMostTypes = 32;

}  // namespace

uint32_t Timeline::bit_of(const Type& type) {
  auto at = std::ranges::find(types_, type);
  if (at == types_.end() && types_.size() < kMostTypes) at = types_.insert(at, type);
  if (at == types_.end()) --at;  // who draws so many lines cannot tell them apart by colour either
  return uint32_t{1} << (at - types_.begin());
}

uint32_t Timeline::events_of(const pipeline::FrameResult& result) {
  uint32_t events = 0;
  for (const auto& event : result.events) {
    const std::string_view type = event.type;
    const std::string side = *event.side == 0 ? "" : fmt::format(", {}", event.side);
    if (type == "forward_collision") {
      events |= bit_of({Kind::kCollision, "collision ahead" + side});
    } else if (type == "lane_departure") {
      events |= bit_of({Kind::kLane, "leaves the lane" + side});
    } else {
      std::string name(type);
      std::ranges::replace(name, '_', ' ');
      events |= bit_of({Kind::kOther, name + side});
    }
  }
  for (const auto& line : result.lines) {
    for (const auto& crossing : line.count.crossed)
      events |= bit_of(
          {Kind::kLine, fmt::format("crosses {} {}", line.name, crossing.forward ? "forward" : "back")});
  }
  return events;
}

void Timeline::halve() {
  for (size_t i = 0; i < bins_.size(); i += 2) {
    Bin& to = bins_[i / 2];
    const Bin first = bins_[i], second = i + 1 < bins_.size() ? bins_[i + 1] : Bin();
    to = first;
    for (size_t k = 0; k < kValues; ++k) to.values[k] = std::fmax(first.values[k], second.values[k]);
    to.events |= second.events;
    to.seen = first.seen || second.seen;
  }
  bins_.resize((bins_.size() + 1) / 2);
  per_bin_ *= 2;
}

void Timeline::add(uint64_t position, const pipeline::FrameResult& result, bool counts) {
  while (position / per_bin_ >= kBins) halve();
  const size_t at = position / per_bin_;
  if (at >= bins_.size()) bins_.resize(at + 1);
  if (!last_ || position != *last_ + 1)
    settled_s_ = position == 0 ? result.time_s : result.time_s + kSettling_s;
  last_ = position;

  float objects = counts ? 0 : kNone, score = kNone;
  for (const auto& track : result.tracks) {
    if (track.state != vision::TrackState::kTracked) continue;
    ++objects;
    score = std::fmax(score, track.score);
  }
  if (result.tracks.empty()) {  // no tracker, or nothing is confirmed yet
    for (const auto& detection : result.detections) {
      ++objects;
      score = std::fmax(score, detection.score);
    }
  }
  const std::array<float, kValues> values{objects, float(result.latency_ms), score};
  Bin& bin = bins_[at];
  const bool alone = per_bin_ == 1 || !bin.seen;
  for (size_t k = 0; k < kValues; ++k)
    bin.values[k] = alone ? values[k] : std::fmax(bin.values[k], values[k]);
  const uint32_t events = events_of(result);
  bin.events = alone && result.time_s >= settled_s_ ? events : bin.events | events;
  bin.seen = true;
  stale_ = true;
}

const std::vector<Timeline::Mark>& Timeline::marks() const {
  if (!std::exchange(stale_, false)) return marks_;
  marks_.clear();
  std::array<std::optional<size_t>, kMostTypes> last;  // where each type was going on
  std::optional<size_t> before;                        // what was seen before that
  for (size_t i = 0; i < bins_.size(); ++i) {
    if (!bins_[i].seen) continue;
    for (size_t type = 0; type < types_.size(); ++type) {
      if ((bins_[i].events >> type & 1U) == 0) continue;
      const bool goes_on = last[type] && (near(*last[type], i, kSame_s) ||
                                          (last[type] == before && near(*before, i, kHole_s)));
      if (!goes_on) marks_.push_back({i * per_bin_, types_[type].kind, types_[type].what});
      last[type] = i;
    }
    before = i;
  }
  return marks_;
}

const Timeline::Mark* Timeline::next(uint64_t position) const {
  const auto& all = marks();
  const auto at = std::ranges::upper_bound(all, position, {}, &Mark::position);
  return at == all.end() ? nullptr : &*at;
}

const Timeline::Mark* Timeline::previous(uint64_t position) const {
  const auto& all = marks();
  const auto at = std::ranges::lower_bound(all, position, {}, &Mark::position);
  return at == all.begin() ? nullptr : &*std::prev(at);
}

std::vector<float> Timeline::columns(Value value, uint64_t frames, size_t count) const {
  std::vector<float> out(count, kNone);
  if (frames == 0 || count == 0) return out;
  const auto column = [&](size_t bin) {
    return size_t(double(bin * per_bin_) / double(frames) * double(count));
  };
  for (size_t i = 0; i < bins_.size();) {
    size_t next = i + 1;
    while (next < bins_.size() && !bins_[next].seen) ++next;
    const bool held = next < bins_.size() && near(i, next, kHole_s);
    const float measured = bins_[i].values[size_t(value)];
    const size_t first = column(i), end = std::max(column(held ? next : i + 1), first + 1);
    for (size_t k = first; k < std::min(end, count); ++k) out[k] = std::fmax(out[k], measured);
    i = next;
  }
  return out;
}

}  // namespace tarsier::app
