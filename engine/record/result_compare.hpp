// Compares what two runs found in a frame, number by number.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/result.hpp"

namespace tarsier::record {

/// Two numbers are the same when they are no further apart than `absolute`, or than `relative` times the
/// larger one. With both 0 everything is to be the same to the last bit. Else detections are compared with
/// the nearest of their class, whatever their order, and masks by their coverage.
struct Tolerance {
  double absolute = 0, relative = 0;
  [[nodiscard]] bool exact() const { return absolute <= 0 && relative <= 0; }
};

struct Difference {
  std::string key;    // of the line: "detections", "masks"
  std::string place;  // "detections[3].score"
  std::string was, is;
  double by = 0;  // of numbers
};

/// The first place in which two lines of results (docs/RESULTS.md) differ, keys in the line's order. Left out
/// is what says how fast or with what names the run was: latency, times, pipeline, preset, parameters.
/// Errors (kInput): a text that is no line of results.
Result<std::optional<Difference>> first_difference(std::string_view was, std::string_view is,
                                                   const Tolerance& tolerance);

}  // namespace tarsier::record
