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
  TARSIER_TRY(loop->scene_, present::SceneRenderer::create(device, {}));
  loop->use_stages(std::move(loop->parts_.stages));
  return loop;
}

void FrameLoop::use_stages(std::vector<std::unique_ptr<pipeline::Stage>> stages) {
  parts_.stages = std::move(stages);
  tracks_ = false;
  label_sets_.clear();
  for (const auto& stage : parts_.stages) {
    tracks_ = tracks_ || stage->tracks();
    if (const auto* source = stage->detection_source()) label_sets_.push_back(source->class_names());
  }
  parts_.outputs->use_labels(label_sets_);
  scene_->use_label_sets(label_sets_);
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

Status FrameLoop::record_stages(gpu::FrameContext& context) {
  pipeline::DeviceFrame picture = current_;
  for (const auto& stage : parts_.stages) {
    TARSIER_CHECK(stage->prepare(context, *parts_.params, picture));
    TARSIER_CHECK(stage->record(context, picture, *parts_.params));
    lap(stage->name());
  }
  shown_ = picture;
  for (const auto& stage : parts_.stages) TARSIER_CHECK(stage->edit(context, *parts_.params, shown_));
  lap("edit");
  return {};
}

Status FrameLoop::draw_scene(gpu::FrameContext& context) {
  pipeline::Layers layers;
  for (const auto& stage : parts_.stages) stage->layers(context, current_, *parts_.params, layers);
  const auto set_of = [this](const std::vector<std::string>& labels) {
    const auto set = std::find(label_sets_.begin(), label_sets_.end(), labels);
    return set == label_sets_.end() ? 0U : static_cast<uint32_t>(set - label_sets_.begin());
  };
  std::vector<present::DetectionInput> detections;
  for (const auto& layer : layers.detections) {
    detections.push_back({layer.detections, 0, set_of(*layer.labels), layer.least_score});
  }
  std::vector<present::TrackInput> tracks;
  for (const auto& layer : layers.tracks) tracks.push_back({layer.boxes, set_of(*layer.labels)});
  present::SceneInputs inputs;
  inputs.frame = shown_.buffer;
  inputs.frame_offset = shown_.offset;
  inputs.width = static_cast<uint32_t>(current_.width);
  inputs.height = static_cast<uint32_t>(current_.height);
  inputs.masks = layers.masks;
  inputs.zones = layers.zones;
  inputs.detections = detections;
  inputs.tracks = tracks;
  inputs.faces = layers.faces;
  inputs.skeletons = layers.skeletons;
  inputs.lines = layers.lines;
  inputs.panel = layers.panel;
  panel_ = layers.panel != nullptr ? std::optional(layers.panel->place) : std::nullopt;
  inputs.status = layers.note;
  inputs.banners = layers.banners;
  return scene_->draw(context, inputs);
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
  TARSIER_CHECK(record_stages(context));
  TARSIER_CHECK(draw_scene(context));
  lap("draw");

  auto result = std::make_shared<pipeline::FrameResult>();
  const bool wants_results = this->wants_results();
  for (const auto& stage : parts_.stages) stage->read_results(context, result, wants_results);
  const uint64_t copied = parts_.device->readback_bytes() - readback_before;
  if (copied > 0) context.commands().barrier(gpu::Scope::kTransfer, gpu::Scope::kHost);
  // Where nobody lists results, what was copied is what the tracker wants: beside the way to the screen.
  if (!wants_results) result->tracker_bytes = copied;
  if (parts_.outputs->wants_pictures()) {
    TARSIER_TRY(
        const bool taken,
        grabber_->grab(
            context, scene_->image(), gpu::ImageUse::kSampled,
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
  context.on_complete([this, &context, &profile, position = frame.position, result, wants_results] {
    complete(context, profile, position, result, wants_results);
  });
  ++recorded_;
  return {};
}

Status FrameLoop::warm_up(int width, int height) {
  capture::Frame black;
  black.width = width;
  black.height = height;
  black.time_s = 1e6;  // the first real frame goes back in time: no stage takes this one for its predecessor
  black.bgra = std::make_shared<std::vector<uint8_t>>(size_t(width) * size_t(height) * 4);
  // Every slot has objects of its own, and one dispatch of each pipeline compiles it for all.
  TARSIER_TRY(auto* context, parts_.ring->begin());
  TARSIER_CHECK(upload(*context, black));
  TARSIER_CHECK(record_stages(*context));
  TARSIER_CHECK(draw_scene(*context));
  TARSIER_CHECK(parts_.ring->submit(*context));
  parts_.ring->drain();
  current_ = {};
  return {};
}

Status FrameLoop::redraw(gpu::FrameContext& context) {
  if (current_.buffer == nullptr) return {};
  if (parts_.observer != nullptr) parts_.observer->redrawn(*parts_.params);
  TARSIER_CHECK(record_stages(context));
  TARSIER_CHECK(draw_scene(context));
  context.on_complete([this, &context] { pass_times_ = context.times(); });
  return {};
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
  pass_times_ = context.times();
  for (const auto& pass : pass_times_) result->stage_times.push_back({pass.name, pass.ms});
  summary_.frame_done(*result);
  summary_.stage_times(result->stage_times);
  if (wants_results) {
    summary_.results(*result, label_sets_);
    keep_error(parts_.outputs->write(*result));
    if (parts_.observer != nullptr) parts_.observer->result(*result, label_sets_);
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
