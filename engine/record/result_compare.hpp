// Compares what two runs found in a frame, number by number.
#pragma once

#include <string>
#include <string_view>
#include <vector>

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
  /// Type of the stage that made it: "detect"; empty: what every frame has. Of a mask its name, too.
  std::string type, mask;
  std::string place;  // "detections[3].score"
  std::string was, is;
  double by = 0;  // of numbers
};

/// Where two lines of results (docs/RESULTS.md) differ: of each stage's part the first place. Left out is
/// what says how fast or with what names the run was: latency, times, pipeline, preset, parameters. Errors
/// (kInput): a text that is no line of results.
Result<std::vector<Difference>> differences(std::string_view was, std::string_view is,
                                            const Tolerance& tolerance);

}  // namespace tarsier::record
