// What a run is made of, put together from its options: source, device, stages, outputs.
#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "app/frame_loop.hpp"
#include "app/run_options.hpp"
#include "app/session_recorder.hpp"
#include "app/stop_signal.hpp"
#include "app/telemetry.hpp"
#include "models/catalogue.hpp"
#include "models/store.hpp"
#include "pipeline/preset_file.hpp"

namespace tarsier::app {

/// Members are in order of construction: a later one may refer to an earlier one.
struct Application {
  Application() = default;
  Application(const Application&) = delete;
  Application& operator=(const Application&) = delete;

  RunOptions options;
  StopSignal stop;
  Params params;
  Params
      declared;  // params as the pipeline file and the command line gave them, before the overlay's changes
  std::string source;                      // that was opened, as the user gave it
  std::optional<record::Session> session;  // that is played
  size_t session_frame = 0;                // its latest change that is in force: Session::change_for()
  pipeline::PipelineSpec spec;
  pipeline::Preset preset;  // in use; without a name: none
  models::Catalogue catalogue;
  models::StoreOptions store;
  Telemetry telemetry;
  std::unique_ptr<gpu::Device> device;
  std::unique_ptr<gpu::FrameRing> ring;
  FrameObserver* observer = nullptr;  // of the loop; the recorder where nobody else is given
  std::unique_ptr<SessionRecorder> recorder;
  std::unique_ptr<FrameLoop> loop;
  std::unique_ptr<capture::Mailbox> mailbox;
  uint64_t staging_bytes = 0;
  bool paced = false;  // frames come by the clock
  std::vector<std::string>
      left_out;  // stages whose networks could not be had; their parameters are withdrawn

  /// Policy `latest`: one frame is in flight, and the next is taken when it is done. A second one would wait
  /// behind it, one network period older when it is shown than it need be; taking it late costs the device a
  /// moment between frames, and only where it is slower than the camera.
  /// Tracks in a recorded video: the same, since boxes are drawn where they were expected when the frame was
  /// recorded, and each frame in flight is one that the tracker has not seen yet.
  /// A session: the same again, so that what a stage knows of the frames before does not depend on the hour.
  [[nodiscard]] bool one_in_flight() const {
    if (session || recorder->recording()) return true;
    return mailbox->options().policy.kind == capture::Policy::Kind::kLatest ||
           (loop->tracks() && loop->outputs().wants_pictures());
  }
  /// Of a frame in flight: the picture, one that is shown behind a person, and what the host draws over it
  /// (tracks: under 5 kB each, at most 200).
  [[nodiscard]] static uint64_t staging_for(int width, int height) {
    return 2 * uint64_t(width) * uint64_t(height) * 4 + (uint64_t{1} << 20);
  }
  /// Makes the ring anew where a frame of this size does not fit its staging area (image folders).
  Status fit_ring(const capture::Frame& frame);
  /// Whether pipeline and parameters are the session's, and change where they changed there.
  [[nodiscard]] bool follows_session() const { return session && options.pipeline.empty(); }
  /// True when --max-frames are recorded.
  [[nodiscard]] bool has_enough() const {
    return options.max_frames > 0 && loop->recorded() >= options.max_frames;
  }
};

/// Why no window can open here, for a message; empty where a display is there and the program was built with
/// one.
[[nodiscard]] std::string_view why_no_window();

/// Opens what the frames come from, once more: a session, or what the user named. Any thread.
Result<std::unique_ptr<capture::FrameSource>> open_frames(const Application& app);

/// Opens everything. `device_options` come from the window, or are plain when there is none.
Status assemble(Application& app, const gpu::DeviceOptions& device_options, bool windowed);

/// Declares the stages and parameters of options.pipeline with options.set and options.preset, opening
/// nothing but the files. Errors (kInput): what the user got wrong in them.
Status read_pipeline(Application& app);

/// What becomes of values that the overlay set.
enum class OverlayValues : bool { kKeep, kDrop };

/// Reads the pipeline file and the preset again. Values that changed there take the place of what was there,
/// unless the command line set them; what the overlay set stays where the files' value did, or goes
/// altogether. Stages are made anew where they, their masks or what they read at their start changed; outputs
/// go on. Errors: as of assemble(); then everything stays as it was. Without `zones` stages that stay keep
/// their shapes: an editor gives them the file's together with its own.
Status reload_pipeline(Application& app, OverlayValues overlay = OverlayValues::kKeep, bool zones = true);

/// Before a frame of a session: reads the pipeline and its parameters as they were for that frame. True where
/// something was changed. Errors: as of reload_pipeline().
Result<bool> follow_session(Application& app, const capture::Frame& frame);

/// The loops themselves; each ends with the source, --max-frames or the stop signal.
Status run_headless(Application& app);
Status run_windowed(const RunOptions& options);
/// The end of both: files are finished, the summary is printed. `ended` is how the loop ended.
Status conclude(Application& app, const Status& ended, double seconds);

}  // namespace tarsier::app
