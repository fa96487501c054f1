#include "app/run_summary.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

namespace tarsier::app {
namespace {

std::string class_name(int32_t id, const std::vector<std::string>& labels) {
  const auto index = static_cast<size_t>(id);
  return id >= 0 && index < labels.size() ? labels[index] : fmt::format("class {}", id);
}

}  // namespace

double percentile(std::vector<double> samples, double fraction) {
  if (samples.empty()) return 0;
  const auto rank = static_cast<size_t>(std::ceil(fraction * static_cast<double>(samples.size())));
  const size_t index = std::min(samples.size() - 1, rank == 0 ? 0 : rank - 1);
  std::nth_element(samples.begin(), samples.begin() + static_cast<ptrdiff_t>(index), samples.end());
  return samples[index];
}

void RunSummary::frame_done(double latency_ms, uint64_t readback_bytes) {
  ++frames_;
  readback_bytes_ += readback_bytes;
  latencies_ms_.push_back(latency_ms);
}

void RunSummary::results(const pipeline::FrameResult& result, const std::vector<std::string>& labels) {
  ++result_frames_;
  for (const auto& detection : result.detections) ++classes_[class_name(detection.class_id, labels)];
}

void RunSummary::stage_times(const std::vector<pipeline::StageTime>& times) {
  for (const auto& time : times) {
    auto pass =
        std::find_if(passes_.begin(), passes_.end(), [&](const Pass& p) { return p.name == time.stage; });
    if (pass == passes_.end()) pass = passes_.insert(passes_.end(), Pass{time.stage});
    pass->ms += time.ms;
    ++pass->count;
  }
}

std::string RunSummary::text(double seconds, const capture::Drops& drops) const {
  const auto per_second = seconds > 0 ? static_cast<double>(frames_) / seconds : 0.0;
  std::string out =
      fmt::format("frames      {} in {:.1f} s: {:.1f} frames/s\n", frames_, seconds, per_second);
  out += fmt::format("latency     p50 {:.0f} ms, p95 {:.0f} ms, p99 {:.0f} ms (capture to output)\n",
                     percentile(latencies_ms_, 0.50), percentile(latencies_ms_, 0.95),
                     percentile(latencies_ms_, 0.99));
  out += fmt::format("drops       {} (policy {}, late {}, undecodable {}, paused {})\n", drops.total(),
                     drops.policy, drops.late, drops.decode, drops.paused);
  const uint64_t per_frame = frames_ > 0 ? readback_bytes_ / frames_ : 0;
  out += fmt::format("read back   {} bytes a frame\n", per_frame);
  if (!passes_.empty()) {
    out += "device time";
    for (const auto& pass : passes_) {
      out += fmt::format(" {} {:.1f}{}", pass.name, pass.ms / static_cast<double>(pass.count),
                         &pass == &passes_.back() ? "" : ",");
    }
    out += " (ms a frame)\n";
  }
  if (result_frames_ > 0) {
    std::vector<std::pair<uint64_t, std::string>> by_count;
    for (const auto& [name, count] : classes_) by_count.emplace_back(count, name);
    std::sort(by_count.begin(), by_count.end(), [](const auto& a, const auto& b) {
      return a.first != b.first ? a.first > b.first : a.second < b.second;
    });
    out += "detections  ";
    if (by_count.empty()) out += "none";
    for (const auto& [count, name] : by_count) {
      out += fmt::format("{} {}{}", name, count, name == by_count.back().second ? "" : ", ");
    }
    out += "\n";
  }
  return out;
}

}  // namespace tarsier::app
