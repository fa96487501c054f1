// What a tracker knows of one object: plain data for results, drawing and tests.
#pragma once

#include <cstdint>
#include <optional>

namespace tarsier::vision {

enum class TrackState : uint8_t {
  kTentative,  // seen once: a box may be a mistake
  kTracked,    // seen in the latest frame
  kLost,       // not seen in it; goes on as predicted, and may be regained
  kRemoved     // not seen for too long: told once, in the frame of its end
};
/// "tentative", "tracked", "lost", "removed".
[[nodiscard]] const char* name_of(TrackState state);

/// A figure with its standard deviation.
struct Measured {
  float value = 0, sigma = 0;
};

/// Pixels of the captured frame, seconds of the source.
struct Track {
  /// From 1, in the order in which tracks are confirmed, never used again. 0: never confirmed.
  int64_t id = 0;
  int32_t class_id = 0;
  int32_t label_set = 0;  // of the detector whose boxes are tracked, pipeline::LabelSets
  TrackState state = TrackState::kTentative;
  float score = 0;                       // of the latest box that was matched
  float x0 = 0, y0 = 0, x1 = 0, y1 = 0;  // filtered; may reach beyond the frame
  float velocity_x = 0, velocity_y = 0;  // of the centre, pixels/s
  double born_s = 0, seen_s = 0;         // times of the first and of the latest matched box
  double age_s = 0;                      // since the first one
  float seen_x0 = 0, seen_y0 = 0, seen_x1 = 0, seen_y1 = 0;  // the latest matched box itself
  /// By a stage of type range, where it knows: from the camera straight ahead, how that grows, when it is 0.
  std::optional<Measured> distance_m, relative_speed_mps, ttc_s;
  std::optional<Measured> lateral_m;          // of its middle, to the right of the camera
  std::optional<Measured> lateral_speed_mps;  // how that grows
};

}  // namespace tarsier::vision
