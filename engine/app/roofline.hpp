// Each layer of a network against what its device can do at best.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "app/device_peaks.hpp"
#include "infer/plan.hpp"

namespace tarsier::app {

struct RooflineRow {
  infer::LayerTime layer;
  double gflop_per_s = 0, gb_per_s = 0;
  double bound_ms = 0;  // the device cannot be faster (DevicePeaks::bound_ms)
  double lost_ms = 0;   // ms - bound_ms, at least 0
};

/// Most time lost first.
std::vector<RooflineRow> roofline(const std::vector<infer::LayerTime>& layers, const DevicePeaks& peaks);
/// One line.
std::string peaks_text(const DevicePeaks& peaks);
/// The peaks, the rows, the sums.
std::string roofline_text(const std::vector<RooflineRow>& rows, const DevicePeaks& peaks);
nlohmann::json to_json(const DevicePeaks& peaks);

}  // namespace tarsier::app
