#include "app/run_summary.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <iterator>
#include <utility>

namespace tarsier::app {
namespace {

using pipeline::class_name;
using pipeline::LabelSets;

/// "person 12, car 3", the most frequent first.
std::string counts_text(const std::map<std::string, uint64_t>& counts) {
  std::vector<std::pair<uint64_t, std::string>> by_count;
  for (const auto& [name, count] : counts) by_count.emplace_back(count, name);
  std::sort(by_count.begin(), by_count.end(), [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first > b.first : a.second < b.second;
  });
  std::string out;
  for (const auto& [count, name] : by_count) {
    out += fmt::format("{}{} {}", out.empty() ? "" : ", ", name, count);
  }
  return out.empty() ? "none" : out;
}

/// "person 12, car 3", by class.
void append_counts(std::string& out, const vision::ClassCounts& counts, int32_t label_set,
                   const LabelSets& labels) {
  bool first = true;
  for (const auto& [id, count] : counts) {
    fmt::format_to(std::back_inserter(out), "{}{} {}", std::exchange(first, false) ? "" : ", ",
                   class_name(labels, label_set, id), count);
  }
  if (first) out += "none";
}

/// A line for each zone and each line. In place, since it is done for every frame.
void write_zones(std::string& out, const pipeline::FrameResult& result, const LabelSets& labels) {
  out.clear();
  const auto at = std::back_inserter(out);
  for (const auto& [name, count, set] : result.zones) {
    fmt::format_to(at, "zone        {}: entered ", name);
    append_counts(out, count.entered, set, labels);
    out += "; left ";
    append_counts(out, count.left, set, labels);
    if (const auto mean = count.mean_dwell_s()) fmt::format_to(at, ", after {:.1f} s on average", *mean);
    out += '\n';
  }
  for (const auto& [name, count, set] : result.lines) {
    fmt::format_to(at, "line        {}: forward ", name);
    append_counts(out, count.forward, set, labels);
    out += "; backward ";
    append_counts(out, count.backward, set, labels);
    out += '\n';
  }
}

}  // namespace

double percentile(std::vector<double> samples, double fraction) {
  if (samples.empty()) return 0;
  const auto rank = static_cast<size_t>(std::ceil(fraction * static_cast<double>(samples.size())));
  const size_t index = std::min(samples.size() - 1, rank == 0 ? 0 : rank - 1);
  std::nth_element(samples.begin(), samples.begin() + static_cast<ptrdiff_t>(index), samples.end());
  return samples[index];
}

void RunSummary::frame_done(const pipeline::FrameResult& result) {
  ++frames_;
  readback_bytes_ += result.readback_bytes;
  tracker_bytes_ += result.tracker_bytes;
  latencies_ms_.push_back(result.latency_ms);
}

void RunSummary::results(const pipeline::FrameResult& result, const LabelSets& labels) {
  ++result_frames_;
  for (const auto& detection : result.detections)
    ++classes_[class_name(labels, detection.label_set, detection.class_id)];
  for (const auto& track : result.tracks) {
    if (track.id > last_track_) ++tracks_[class_name(labels, track.label_set, track.class_id)];
  }
  write_zones(zones_, result, labels);
  for (const auto& track : result.tracks) last_track_ = std::max(last_track_, track.id);
}

void RunSummary::stage_times(const std::vector<pipeline::StageTime>& times) {
  for (const auto& time : times) {
    auto pass =
        std::find_if(passes_.begin(), passes_.end(), [&](const Pass& p) { return p.name == time.stage; });
    if (pass == passes_.end()) pass = passes_.insert(passes_.end(), Pass{time.stage});
    pass->ms += time.ms;
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
  out += fmt::format("read back   {} bytes a frame", per_frame);
  if (tracker_bytes_ > 0) {
    out += fmt::format(" (and {} to the tracker, which nothing waits for)", tracker_bytes_ / frames_);
  }
  out += "\n";
  if (!passes_.empty()) {
    out += "device time";
    for (const auto& pass : passes_) {
      out += fmt::format(" {} {:.1f}{}", pass.name,
                         pass.ms / static_cast<double>(std::max<uint64_t>(frames_, 1)),
                         &pass == &passes_.back() ? "" : ",");
    }
    out += " (ms a frame)\n";
  }
  if (result_frames_ > 0) {
    out += fmt::format("detections  {}\n", counts_text(classes_));
    if (!tracks_.empty()) out += fmt::format("tracks      {}\n", counts_text(tracks_));
    out += zones_;
  }
  return out;
}

}  // namespace tarsier::app
