#include "vision/tracker.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "vision/iou.hpp"

namespace tarsier::vision {
namespace {

// Of the second association, of that of tentative tracks, and what makes two tracks one object: as in the
// paper's reference implementation.
constexpr double kLowMatch = 0.5;
constexpr double kTentativeMatch = 0.7;
constexpr double kDuplicate = 0.15;
constexpr double kNever = std::numeric_limits<double>::infinity();

BoxFilter::Box box_of(const Detection& box) {
  return {box.x0, box.y0, box.x1, box.y1};
}

BoxFilter::Box box_of(const Track& track) {
  return {track.x0, track.y0, track.x1, track.y1};
}

void keep_seen(Track& track, const Detection& box) {
  track.seen_x0 = box.x0;
  track.seen_y0 = box.y0;
  track.seen_x1 = box.x1;
  track.seen_y1 = box.y1;
}

bool usable(const Detection& box) {
  return std::isfinite(box.x0) && std::isfinite(box.y0) && std::isfinite(box.score) &&
         std::isfinite(box.x1 - box.x0) && std::isfinite(box.y1 - box.y0) && box.x1 > box.x0 &&
         box.y1 > box.y0;
}

}  // namespace

const char* name_of(TrackState state) {
  switch (state) {
    case TrackState::kTentative:
      return "tentative";
    case TrackState::kTracked:
      return "tracked";
    case TrackState::kLost:
      return "lost";
    default:
      return "removed";
  }
}

void Tracker::reset() {
  tracks_.clear();
  filters_.clear();
  first_ = true;
}

void Tracker::update(double time_s, std::span<const Detection> boxes, const TrackerParams& params) {
  if (time_s < time_s_) reset();
  // Somebody sought further on: what is there is news as in the first frame.
  const bool jumped = time_s - time_s_ > params.buffer_s;
  erase_removed();
  advance(time_s);

  high_.clear();
  low_.clear();
  for (size_t i = 0; i < boxes.size(); ++i) {
    if (!usable(boxes[i])) continue;
    if (boxes[i].score >= params.high_score) {
      high_.push_back(i);
    } else if (boxes[i].score >= params.low_score) {
      low_.push_back(i);
    }
  }
  confirmed_.clear();
  tentative_.clear();
  for (size_t i = 0; i < tracks_.size(); ++i) {
    (tracks_[i].state == TrackState::kTentative ? tentative_ : confirmed_).push_back(i);
  }

  associate(confirmed_, high_, low_, boxes, params.match);
  // A lost track is not regained by a weak box: where nobody was seen, such a box is a mistake.
  std::erase_if(confirmed_, [&](size_t i) { return tracks_[i].state == TrackState::kLost; });
  associate(confirmed_, low_, {}, boxes, kLowMatch);
  for (const size_t i : confirmed_) tracks_[i].state = TrackState::kLost;
  associate(tentative_, high_, {}, boxes, kTentativeMatch);
  for (const size_t i : tentative_) tracks_[i].state = TrackState::kRemoved;

  for (Track& track : tracks_) {
    if (track.state == TrackState::kLost && time_s - track.seen_s > params.buffer_s) {
      track.state = TrackState::kRemoved;
    }
  }
  remove_duplicates();
  first_ = first_ || jumped;
  for (const size_t i : high_) {
    if (boxes[i].score >= params.new_score) start(boxes[i]);
  }
  first_ = false;
}

void Tracker::advance(double time_s) {
  const double step = first_ ? 0 : time_s - time_s_;
  for (size_t i = 0; i < tracks_.size(); ++i) {
    Track& track = tracks_[i];
    filters_[i].predict(step, track.state == TrackState::kLost);
    const BoxFilter::Box box = filters_[i].box();
    track.x0 = float(box.x0);
    track.y0 = float(box.y0);
    track.x1 = float(box.x1);
    track.y1 = float(box.y1);
    track.age_s = time_s - track.born_s;
  }
  time_s_ = time_s;
}

/// Matches what can be matched and leaves the rest in both lists. A track that one of `later` boxes fits does
/// not take a box that the later association would refuse it.
void Tracker::associate(std::vector<size_t>& tracks, std::vector<size_t>& boxes,
                        std::span<const size_t> later, std::span<const Detection> detections, double limit) {
  if (tracks.empty() || boxes.empty()) return;
  costs_.resize(tracks.size() * boxes.size());
  for (size_t r = 0; r < tracks.size(); ++r) {
    const Track& track = tracks_[tracks[r]];
    const auto cost = [&](const Detection& box) {
      return box.class_id == track.class_id ? 1 - iou(box_of(track), box_of(box)) : kNever;
    };
    const bool fits_later =
        std::ranges::any_of(later, [&](size_t i) { return cost(detections[i]) < kLowMatch; });
    const double furthest = fits_later ? kLowMatch : kNever;
    for (size_t c = 0; c < boxes.size(); ++c) {
      const double one = cost(detections[boxes[c]]);
      costs_[r * boxes.size() + c] = one < furthest ? one : kNever;
    }
  }
  const auto columns = solver_.solve(costs_, tracks.size(), boxes.size(), limit);
  constexpr size_t kTaken = SIZE_MAX;
  for (size_t r = 0; r < tracks.size(); ++r) {
    if (columns[r] == AssignmentSolver::kNone) continue;
    match(tracks[r], detections[boxes[size_t(columns[r])]]);
    tracks[r] = kTaken;
    boxes[size_t(columns[r])] = kTaken;
  }
  std::erase(tracks, kTaken);
  std::erase(boxes, kTaken);
}

void Tracker::match(size_t index, const Detection& box) {
  Track& track = tracks_[index];
  BoxFilter& filter = filters_[index];
  filter.update(box_of(box));
  const BoxFilter::Box now = filter.box();
  track.x0 = float(now.x0);
  track.y0 = float(now.y0);
  track.x1 = float(now.x1);
  track.y1 = float(now.y1);
  track.velocity_x = float(filter.velocity_x());
  track.velocity_y = float(filter.velocity_y());
  track.score = box.score;
  track.seen_s = time_s_;
  keep_seen(track, box);
  if (track.state == TrackState::kTentative) confirm(track);
  track.state = TrackState::kTracked;
}

void Tracker::start(const Detection& box) {
  Track track;
  track.class_id = box.class_id;
  track.score = box.score;
  track.x0 = box.x0;
  track.y0 = box.y0;
  track.x1 = box.x1;
  track.y1 = box.y1;
  track.born_s = track.seen_s = time_s_;
  keep_seen(track, box);
  if (first_) {
    confirm(track);
    track.state = TrackState::kTracked;
  }
  tracks_.push_back(track);
  filters_.emplace_back(box_of(box));
}

void Tracker::confirm(Track& track) {
  track.id = ++last_id_;
}

/// A lost track whose place another one has taken ends, if that one started after it was last seen: two that
/// were seen at the same time are two objects, one before the other.
void Tracker::remove_duplicates() {
  for (Track& lost : tracks_) {
    if (lost.state != TrackState::kLost) continue;
    for (const Track& other : tracks_) {
      if (other.state == TrackState::kTracked && other.class_id == lost.class_id &&
          other.born_s > lost.seen_s && 1 - iou(box_of(lost), box_of(other)) < kDuplicate) {
        lost.state = TrackState::kRemoved;
        break;
      }
    }
  }
}

void Tracker::erase_removed() {
  size_t kept = 0;
  for (size_t i = 0; i < tracks_.size(); ++i) {
    if (tracks_[i].state == TrackState::kRemoved) continue;
    tracks_[kept] = tracks_[i];
    filters_[kept++] = filters_[i];
  }
  tracks_.resize(kept);
  filters_.resize(kept);
}

BoxFilter::Box Tracker::expected(size_t index, double time_s) const {
  return filters_[index].box_after(std::max(time_s - time_s_, 0.0),
                                   tracks_[index].state == TrackState::kLost);
}

}  // namespace tarsier::vision
