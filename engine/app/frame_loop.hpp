// The frame loop: takes frames from the mailbox, walks each through the stages and the scene, and hands it to
// the writers or the window. docs/ARCHITECTURE.md, "A frame's way", is this file in words.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "app/comparison.hpp"
#include "app/frame_observer.hpp"
#include "app/network_runs.hpp"
#include "app/outputs.hpp"
#include "app/run_summary.hpp"
#include "app/side.hpp"
#include "capture/mailbox.hpp"
#include "core/profiler.hpp"
#include "gpu/frame_context.hpp"
#include "gpu/upload_ring.hpp"
#include "present/frame_grabber.hpp"

namespace tarsier::app {

/// Everything of a run that does not depend on whether there is a window. Single thread.
class FrameLoop {
 public:
  struct Parts {
    gpu::Device* device = nullptr;
    gpu::FrameRing* ring = nullptr;
    std::unique_ptr<Side> side;
    std::unique_ptr<Outputs> outputs;
    Params* params = nullptr;
    uint32_t slots = 2;
    FrameObserver* observer = nullptr;  // may be null; outlives the loop
  };
  static Result<std::unique_ptr<FrameLoop>> create(Parts parts);
  ~FrameLoop();

  /// Uploads the frame, records the stages and draws the scene into `context`; asks for results and the
  /// picture where an output wants them. The caller submits the context.
  Status record(gpu::FrameContext& context, const capture::Frame& frame);
  /// Draws the scene of the latest frame again with the parameters of now: for a paused window.
  Status redraw(gpu::FrameContext& context);
  /// After another ring took the place of the one that it was made with; the old one must be drained.
  void use_ring(gpu::FrameRing& ring) { parts_.ring = &ring; }
  /// Another side in the place of the one that it was made with, which no frame in flight may use any more.
  Status use_side(std::unique_ptr<Side> side);
  /// A second side that is to see the same frames from now on; null: none any more. No frame in flight may
  /// use the one that goes.
  Status compare_with(std::unique_ptr<Comparison> comparison);
  /// What results say of how they were made, from the next frame on; the parameters are those in force then.
  void use_names(std::string pipeline, std::string preset);
  /// Gets what each frame cost, right after it is done.
  void on_profile(std::function<void(const FrameProfile&)> callback) { on_profile_ = std::move(callback); }
  /// `done` sees each frame when it is done, in their order, with its place in the clip. Without one: nobody.
  void on_result(std::function<void(uint64_t position, const pipeline::FrameResult&)> done) {
    on_result_ = std::move(done);
  }
  /// The first error of a writer since the last call, from completions.
  Status take_error();

  [[nodiscard]] std::span<const std::unique_ptr<pipeline::Stage>> stages() const {
    return parts_.side->stages();
  }
  /// What a window or a video shows: valid until the next call of record(), redraw() or use_side().
  [[nodiscard]] const gpu::Image& image() const;
  /// Changes whenever stages() are others.
  [[nodiscard]] uint64_t sides() const { return sides_; }
  /// Changes whenever image() is another one.
  [[nodiscard]] uint64_t generation() const;
  /// Null while nothing is compared.
  [[nodiscard]] Comparison* comparison() const { return comparison_.get(); }
  [[nodiscard]] const Outputs& outputs() const { return *parts_.outputs; }
  [[nodiscard]] Outputs& outputs() { return *parts_.outputs; }
  [[nodiscard]] RunSummary& summary() { return summary_; }
  /// What the last frames cost; frames that are drawn again (redraw) are not among them.
  [[nodiscard]] const Profiler& profiler() const { return profiler_; }
  [[nodiscard]] const pipeline::LabelSets& label_sets() const { return parts_.side->label_sets(); }
  /// The latest completed frame. Its detections and masks are filled where they were read back.
  [[nodiscard]] const pipeline::FrameResult& latest() const { return latest_; }
  /// Device times of the latest completed frame, in the order of the passes.
  [[nodiscard]] const std::vector<gpu::PassTime>& pass_times() const { return pass_times_; }
  /// Whether the host learns of tracked objects, with every frame.
  [[nodiscard]] bool tracks() const { return parts_.side->tracks(); }
  [[nodiscard]] uint64_t recorded() const { return recorded_; }
  /// Where the latest picture says something at a fixed place, in its pixels.
  [[nodiscard]] const std::vector<present::Rect>& keep_free() const { return parts_.side->keep_free(); }
  [[nodiscard]] bool has_picture() const { return current_.buffer != nullptr; }

 private:
  explicit FrameLoop(Parts parts);
  Status upload(gpu::FrameContext& context, const capture::Frame& frame);
  /// Stages and scenes of both sides, on the picture that was uploaded last.
  Status record_sides(gpu::FrameContext& context);
  /// Of the frame that lies there in the clip.
  void complete(const gpu::FrameContext& context, FrameProfile& profile, uint64_t position,
                const std::shared_ptr<pipeline::FrameResult>& result, bool wants_results);
  void note_times(const gpu::FrameContext& context);
  void lap(std::string_view name);
  void note_source(FrameProfile& profile, const capture::Frame& frame);
  void finish_profile(const gpu::FrameContext& context, FrameProfile& profile,
                      const pipeline::FrameResult& result);
  void note_settings();
  [[nodiscard]] bool wants_results() const {
    return parts_.outputs->wants_results() ||
           (parts_.observer != nullptr && parts_.observer->wants_results());
  }
  void keep_error(const Status& status);

  Parts parts_;
  std::unique_ptr<gpu::UploadRing> frames_;  // captured pictures
  std::unique_ptr<present::FrameGrabber> grabber_;
  std::unique_ptr<Comparison> comparison_;
  std::unique_ptr<NetworkRuns> runs_;  // null until somebody wants layers of this side
  uint64_t sides_ = 0;                 // how often image() came to be another object's
  pipeline::DeviceFrame current_;
  uint64_t position_ = 0;          // of it
  std::string pipeline_, preset_;  // their names
  std::shared_ptr<const pipeline::Settings> settings_;
  uint64_t params_version_ = 0;  // that settings_ are of
  RunSummary summary_;
  Profiler profiler_;
  FrameProfile* profile_ = nullptr;      // of the frame that is being recorded
  FrameProfile::Clock::time_point lap_;  // up to when it is known what the host did for it
  std::function<void(const FrameProfile&)> on_profile_;
  pipeline::FrameResult latest_;
  std::function<void(uint64_t, const pipeline::FrameResult&)> on_result_;
  std::vector<gpu::PassTime> pass_times_;
  uint64_t recorded_ = 0;
  Status error_;
};

}  // namespace tarsier::app
