#include "app/frame_loop.hpp"

#include <algorithm>
#include <span>
#include <utility>

#include "core/log.hpp"

namespace tarsier::app {

Result<std::unique_ptr<FrameLoop>> FrameLoop::create(Parts parts) {
  auto loop = std::unique_ptr<FrameLoop>(new FrameLoop(std::move(parts)));
  gpu::Device& device = *loop->parts_.device;
  loop->frames_ = std::make_unique<gpu::UploadRing>(device, loop->parts_.slots, "upload",
                                                    gpu::UploadRing::best_way(device));
  loop->grabber_ = std::make_unique<present::FrameGrabber>(device, loop->parts_.slots + 1);
  loop->parts_.outputs->use_labels(loop->label_sets());
  return loop;
}

Status FrameLoop::use_side(std::unique_ptr<Side> side) {
  parts_.side = std::move(side);
  runs_.reset();
  ++sides_;
  parts_.outputs->use_labels(label_sets());
  return comparison_ ? comparison_->use_first(*parts_.side) : Status();
}

Status FrameLoop::compare_with(std::unique_ptr<Comparison> comparison) {
  comparison_ = std::move(comparison);
  ++sides_;
  return comparison_ ? comparison_->use_first(*parts_.side) : Status();
}

const gpu::Image& FrameLoop::image() const {
  return comparison_ ? comparison_->image() : parts_.side->scene().image();
}

uint64_t FrameLoop::generation() const {
  const uint64_t of_object = comparison_ ? comparison_->generation() : parts_.side->scene().generation();
  return (sides_ << 32) + of_object;
}

FrameLoop::FrameLoop(Parts parts) : parts_(std::move(parts)) {}

FrameLoop::~FrameLoop() {
  // Completions refer to this object and to the stages' buffers.
  if (parts_.ring != nullptr) parts_.ring->drain();
}

Status FrameLoop::upload(gpu::FrameContext& context, const capture::Frame& frame) {
  TARSIER_TRY(const gpu::Buffer* picture, frames_->write(context, std::as_bytes(std::span(*frame.bgra))));
  current_ = {picture, 0, frame.width, frame.height, frame.time_s};
  return {};
}

Status FrameLoop::record_sides(gpu::FrameContext& context) {
  TARSIER_CHECK(
      parts_.side->record(context, current_, *parts_.params, [this](std::string_view stage) { lap(stage); }));
  if (comparison_) {
    TARSIER_CHECK(comparison_->record(context, current_));
    lap("B");
  }
  TARSIER_CHECK(
      parts_.side->draw(context, *parts_.params, comparison_ ? comparison_->marks_in_first() : nullptr));
  if (comparison_) TARSIER_CHECK(comparison_->draw(context, parts_.side->scene()));
  lap("draw");
  return {};
}

void FrameLoop::use_names(std::string pipeline, std::string preset) {
  pipeline_ = std::move(pipeline);
  preset_ = std::move(preset);
  params_version_ = UINT64_MAX;
}

/// Of the frame that is recorded next: nobody sets a parameter between its stages.
void FrameLoop::note_settings() {
  if (settings_ && params_version_ == parts_.params->version()) return;
  params_version_ = parts_.params->version();
  pipeline::Settings now{pipeline_, preset_, parts_.params->not_default()};
  if (!settings_ || now != *settings_) settings_ = std::make_shared<const pipeline::Settings>(std::move(now));
}

Status FrameLoop::record(gpu::FrameContext& context, const capture::Frame& frame) {
  note_settings();
  const uint64_t readback_before = parts_.device->readback_bytes();
  profile_ = &profiler_.begin(frame.id);
  note_source(*profile_, frame);
  lap_ = FrameProfile::Clock::now();
  if (parts_.observer != nullptr) {
    parts_.observer->frame(frame, *parts_.params);
    lap("session");
  }
  TARSIER_CHECK(upload(context, frame));
  lap("upload");
  position_ = frame.position;
  const bool wants_results = this->wants_results();
  const bool wants_layers = parts_.observer != nullptr && parts_.observer->wants_layers();
  if (wants_layers) {
    if (!runs_) {
      TARSIER_TRY(runs_, NetworkRuns::create(*parts_.device, stages()));
    }
    runs_->begin();
  }
  const Status recorded = record_sides(context);
  if (wants_layers) runs_->end(context.commands());
  TARSIER_CHECK(recorded);

  auto result = std::make_shared<pipeline::FrameResult>();
  parts_.side->read_results(context, result, wants_results);
  if (comparison_) comparison_->read_results(context, position_, true);
  const uint64_t copied = parts_.device->readback_bytes() - readback_before;
  if (copied > 0) context.commands().barrier(gpu::Scope::kTransfer, gpu::Scope::kHost);
  // Where nobody lists results, what was copied is what the tracker wants: beside the way to the screen.
  if (!wants_results) result->tracker_bytes = copied;
  if (parts_.outputs->wants_pictures()) {
    TARSIER_TRY(
        const bool taken,
        grabber_->grab(
            context, image(), gpu::ImageUse::kSampled,
            [this, time_s = frame.time_s](const std::shared_ptr<const present::HostPicture>& picture) {
              record::Picture copy{static_cast<int>(picture->width), static_cast<int>(picture->height),
                                   std::make_shared<const std::vector<uint8_t>>(picture->pixels.begin(),
                                                                                picture->pixels.end()),
                                   time_s};
              keep_error(parts_.outputs->write(std::move(copy)));
            }));
    if (!taken) return runtime_error("the video would miss frame {}: no picture buffer is free", frame.id);
  }
  result->settings = settings_;
  result->frame_id = frame.id;
  result->time_s = frame.time_s;
  result->width = frame.width;
  result->height = frame.height;
  result->readback_bytes = parts_.device->readback_bytes() - readback_before - result->tracker_bytes;
  lap("results");
  FrameProfile& profile = *std::exchange(profile_, nullptr);
  context.on_complete(
      [this, &context, &profile, position = frame.position, result, wants_results, wants_layers] {
        if (wants_layers && runs_) result->runs = runs_->read();
        complete(context, profile, position, result, wants_results);
      });
  ++recorded_;
  return {};
}

Status FrameLoop::redraw(gpu::FrameContext& context) {
  if (current_.buffer == nullptr) return {};
  if (parts_.observer != nullptr) parts_.observer->redrawn(*parts_.params);
  TARSIER_CHECK(record_sides(context));
  if (comparison_) {
    comparison_->read_results(context, position_, false);
    context.commands().barrier(gpu::Scope::kTransfer, gpu::Scope::kHost);
  }
  context.on_complete([this, &context] { note_times(context); });
  return {};
}

void FrameLoop::note_times(const gpu::FrameContext& context) {
  pass_times_ = context.times();
  if (comparison_) comparison_->name_passes(pass_times_);
}

/// Of the frame that is being recorded: what the host did since the last call.
void FrameLoop::lap(std::string_view name) {
  if (profile_ == nullptr) return;  // warm_up(), redraw()
  const auto now = FrameProfile::Clock::now();
  profiler_.add(*profile_, ProfileSpan::Track::kHost, name, std::exchange(lap_, now), now);
}

void FrameLoop::note_source(FrameProfile& profile, const capture::Frame& frame) {
  profile.captured = frame.captured;
  if (frame.decoded != capture::Clock::time_point())
    profiler_.add(profile, ProfileSpan::Track::kCapture, "capture", frame.asked, frame.decoded);
  for (const auto& [reason, count] : frame.dropped.by_reason()) profiler_.count_drops(profile, reason, count);
}

/// Of a frame that is done; its writers were served already.
void FrameLoop::finish_profile(const gpu::FrameContext& context, FrameProfile& profile,
                               const pipeline::FrameResult& result) {
  using Track = ProfileSpan::Track;
  const gpu::HostTimes& host = context.host_times();
  // What a window adds between recording and submitting; without one next to nothing lies there.
  const auto recorded = profile.spans.back().end;
  if (host.submitting - recorded > std::chrono::microseconds(20))
    profiler_.add(profile, Track::kHost, "window", recorded, host.submitting);
  profiler_.add(profile, Track::kHost, "submit", host.submitting, host.submitted);
  if (host.waiting != gpu::Clock::time_point())
    profiler_.add(profile, Track::kHost, "wait for the device", host.waiting, host.waited);
  profiler_.add(profile, Track::kHost, "completion", host.completing, gpu::Clock::now());
  for (const auto& pass : pass_times_)
    profiler_.add(profile, Track::kDevice, pass.name, pass.begin, pass.end);
  profile.upload_bytes = context.upload_bytes();
  profile.readback_bytes = result.readback_bytes + result.tracker_bytes;
  const FrameProfile& finished = profiler_.finish(profile);
  if (on_profile_) on_profile_(finished);
}

void FrameLoop::complete(const gpu::FrameContext& context, FrameProfile& profile, uint64_t position,
                         const std::shared_ptr<pipeline::FrameResult>& result, bool wants_results) {
  profile.completed = capture::Clock::now();
  result->latency_ms = profile.age_ms();
  note_times(context);
  for (const auto& pass : pass_times_) result->stage_times.push_back({pass.name, pass.ms});
  summary_.frame_done(*result);
  summary_.stage_times(result->stage_times);
  if (wants_results) {
    summary_.results(*result, label_sets());
    keep_error(parts_.outputs->write(*result));
    if (parts_.observer != nullptr) parts_.observer->result(*result, label_sets());
  }
  if (on_result_) on_result_(position, *result);
  latest_ = *result;
  finish_profile(context, profile, *result);
}

void FrameLoop::keep_error(const Status& status) {
  if (!status.ok() && error_.ok()) error_ = status;
}

Status FrameLoop::take_error() {
  Status taken = error_;
  error_ = {};
  return taken;
}

}  // namespace tarsier::app
