#include "core/profiler.hpp"

#include <utility>

namespace tarsier {
namespace {

void reserve(FrameProfile& frame) {
  constexpr size_t kReasons = 8;
  frame.spans.reserve(Profiler::kSpans);
  frame.drops.reserve(kReasons);
}

}  // namespace

Profiler::Profiler() : ring_(kFrames) {
  for (FrameProfile& frame : ring_) reserve(frame);
}

double FrameProfile::sum_ms(ProfileSpan::Track track) const {
  double sum = 0;
  for (const ProfileSpan& span : spans) sum += span.track == track ? span.ms() : 0;
  return sum;
}

std::string_view Profiler::keep(std::string_view name) {
  const auto known = names_.find(name);
  return known != names_.end() ? *known : *names_.emplace(name).first;
}

FrameProfile& Profiler::begin(uint64_t frame_id) {
  if (free_.empty()) {
    made_.push_back(std::make_unique<FrameProfile>());
    reserve(*made_.back());
    free_.push_back(made_.back().get());
  }
  FrameProfile& frame = *free_.back();
  free_.pop_back();
  frame.frame_id = frame_id;
  frame.spans.clear();
  frame.drops.clear();
  frame.upload_bytes = frame.readback_bytes = 0;
  return frame;
}

void Profiler::add(FrameProfile& frame, ProfileSpan::Track track, std::string_view name,
                   FrameProfile::Clock::time_point begin, FrameProfile::Clock::time_point end) {
  frame.spans.push_back({track, keep(name), begin, end});
}

void Profiler::count_drops(FrameProfile& frame, std::string_view reason, uint64_t count) {
  frame.drops.push_back({keep(reason), count});
}

const FrameProfile& Profiler::finish(FrameProfile& frame) {
  frame.number = finished_++;
  FrameProfile& place = ring_[frame.number % kFrames];
  std::swap(place, frame);  // with its vectors: their memory is used again
  free_.push_back(&frame);
  return place;
}

}  // namespace tarsier
