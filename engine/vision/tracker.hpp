// Multi-object tracking on the host: boxes of each frame in, objects with identities out.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "vision/assignment.hpp"
#include "vision/box_filter.hpp"
#include "vision/track.hpp"
#include "vision/types.hpp"

namespace tarsier::vision {

/// May change from frame to frame.
struct TrackerParams {
  float high_score = 0.5F;  // boxes from here on are matched first, to lost tracks too
  float low_score = 0.1F;   // boxes from here to high_score keep tracks alive that nothing else matched
  float new_score = 0.6F;   // a box that matches nothing starts a track from here on
  float match = 0.8F;       // no match where 1 - IoU is this or more (of the first association)
  double buffer_s = 1.0;    // a track that was not seen for longer ends
};

/// ByteTrack: Zhang et al., "ByteTrack: Multi-Object Tracking by Associating Every Detection Box", ECCV 2022.
/// Boxes are matched to tracks by IoU with where a Kalman filter expects them (BoxFilter), each association
/// optimal (AssignmentSolver) and within a class: boxes with high scores to tracked and lost tracks; boxes
/// with low scores to tracked ones still without a match, since a person half hidden scores low and a mistake
/// of the detector seldom lies where a track goes on; boxes with high scores that are left to tentative
/// tracks. What then remains starts a track. A track is tentative until a second box confirms it, except for
/// those of the first frame, and of one that comes later than any track would last.
///
/// One rule is added: a track that a box of low score fits (IoU above 0.5) takes no box of high score that
/// fits worse than that. Else whoever steps before somebody half hidden takes over his number.
///
/// Time steps come from the frames' times and may vary. The same calls give the same tracks; steady state
/// allocates nothing.
class Tracker {
 public:
  /// `time_s`: of the frame, seconds; where it goes back, everything known is forgotten. `boxes`: in any
  /// order; pixels, scores 0..1. A box that is empty or not finite is left out.
  void update(double time_s, std::span<const Detection> boxes, const TrackerParams& params);
  /// After the latest update, oldest first. Those in TrackState::kRemoved are gone with the next update.
  [[nodiscard]] std::span<const Track> tracks() const { return tracks_; }
  /// Where tracks()[index] is expected at a time, which is not before the latest update.
  [[nodiscard]] BoxFilter::Box expected(size_t index, double time_s) const;
  /// Time of the latest update.
  [[nodiscard]] double time_s() const { return time_s_; }
  /// Ends everything. Ids go on counting.
  void reset();

 private:
  void advance(double time_s);
  void associate(std::vector<size_t>& tracks, std::vector<size_t>& boxes, std::span<const size_t> later,
                 std::span<const Detection> detections, double limit);
  void match(size_t track, const Detection& box);
  void start(const Detection& box);
  void confirm(Track& track);
  void remove_duplicates();
  void erase_removed();

  std::vector<Track> tracks_;
  std::vector<BoxFilter> filters_;  // of each track
  double time_s_ = 0;
  bool first_ = true;  // no update yet
  int64_t last_id_ = 0;

  // Scratch of an update.
  std::vector<size_t> high_, low_, confirmed_, tentative_;
  std::vector<double> costs_;
  AssignmentSolver solver_;
};

}  // namespace tarsier::vision
