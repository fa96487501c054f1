#include "app/roofline.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "app/command_line.hpp"

namespace tarsier::app {

std::vector<RooflineRow> roofline(const std::vector<infer::LayerTime>& layers, const DevicePeaks& peaks) {
  std::vector<RooflineRow> rows;
  rows.reserve(layers.size());
  for (const auto& layer : layers) {
    RooflineRow row;
    row.layer = layer;
    const double ms = std::max(layer.ms, 1e-6);
    row.gflop_per_s = layer.gflop / ms * 1e3;
    row.gb_per_s = static_cast<double>(layer.bytes) / ms * 1e-6;
    row.bound_ms = peaks.bound_ms(layer.gflop, layer.bytes);
    row.lost_ms = std::max(0.0, layer.ms - row.bound_ms);
    rows.push_back(std::move(row));
  }
  std::ranges::stable_sort(rows, std::greater<>(), &RooflineRow::lost_ms);
  return rows;
}

std::string peaks_text(const DevicePeaks& peaks) {
  std::string out = fmt::format("Peaks: {:.1f} GFLOP/s; copy", peaks.gflop_per_s);
  for (size_t i = 0; i < peaks.copies.size(); ++i) {
    const auto& copy = peaks.copies[i];
    out += fmt::format("{} {:.1f} GB/s of {}", i == 0 ? "" : ",", copy.gb_per_s, readable_bytes(copy.bytes));
  }
  return out + fmt::format("; {:.3f} ms a dispatch\n", peaks.dispatch_ms);
}

std::string roofline_text(const std::vector<RooflineRow>& rows, const DevicePeaks& peaks) {
  std::string out = peaks_text(peaks);
  out += fmt::format("{:>9} {:>9} {:>9} {:>6} {:>9} {:>8}  {:<18} {:<40} {}\n", "LOST MS", "MS", "BOUND MS",
                     "% OF", "GFLOP/S", "GB/S", "OPERATOR", "SHAPE", "NODE");
  double ms = 0;
  double bound = 0;
  double lost = 0;
  for (const auto& row : rows) {
    ms += row.layer.ms;
    bound += row.bound_ms;
    lost += row.lost_ms;
    out += fmt::format("{:>9.3f} {:>9.3f} {:>9.3f} {:>6.0f} {:>9} {:>8.1f}  {:<18} {:<40} {}\n", row.lost_ms,
                       row.layer.ms, row.bound_ms, row.layer.ms > 0 ? row.bound_ms / row.layer.ms * 100 : 0,
                       row.layer.gflop > 0 ? fmt::format("{:.1f}", row.gflop_per_s) : "", row.gb_per_s,
                       row.layer.op, row.layer.shape, row.layer.name);
  }
  out += fmt::format("{:>9.3f} {:>9.3f} {:>9.3f} {:>6.0f}  sum of {} layers\n", lost, ms, bound,
                     ms > 0 ? bound / ms * 100 : 0, rows.size());
  return out;
}

nlohmann::json to_json(const DevicePeaks& peaks) {
  auto copies = nlohmann::json::array();
  for (const auto& copy : peaks.copies)
    copies.push_back({{"bytes", copy.bytes}, {"gb_per_s", copy.gb_per_s}});
  return {{"gflop_per_s", peaks.gflop_per_s}, {"copies", copies}, {"dispatch_ms", peaks.dispatch_ms}};
}

}  // namespace tarsier::app
