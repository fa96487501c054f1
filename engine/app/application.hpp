// What a run is made of, put together from its options: source, device, stages, outputs.
#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "app/frame_loop.hpp"
#include "app/session_recorder.hpp"
#include "app/setup.hpp"
#include "app/side.hpp"
#include "app/stop_signal.hpp"
#include "app/telemetry.hpp"

namespace tarsier::app {

/// The setup that runs, and all that runs it. Members are in order of construction: a later one may refer to
/// an earlier one.
struct Application : Setup {
  Application() = default;
  Application(const Application&) = delete;
  Application& operator=(const Application&) = delete;

  StopSignal stop;
  std::string source;  // that was opened, as the user gave it
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
  /// Makes the ring anew where a frame of this size does not fit its staging area (image folders).
  Status fit_ring(const capture::Frame& frame);
  /// What sides are made with once everything is open.
  [[nodiscard]] SideContext side_context(bool beside_frames) const;
  /// The same for the second side of a comparison, which writes no results.
  [[nodiscard]] SideContext second_side_context(bool beside_frames) const;
  /// Puts a setup and its side in the place of what runs: between frames. Waits for the frames in flight.
  Status switch_to(Setup setup, std::unique_ptr<Side> side);
  /// Takes over a setup that does not need stages of its own. Without `zones` stages keep their shapes: an
  /// editor gives them the file's together with its own.
  void take_over(Setup setup, bool zones);
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

/// read_setup() with the catalogue that comes with the program.
Status read_pipeline(Application& app);

/// The side that options.compare asks for, read. Errors (kInput): what is wrong with it.
Result<Setup> compared_setup(const Application& app);

/// Reads the pipeline file and the preset again (read_again) and takes them over; stages are made anew here
/// and now where they have to be. Errors: as of assemble(); then everything stays as it was.
Status reload_pipeline(Application& app, OverlayValues overlay = OverlayValues::kKeep, bool zones = true);

/// Before a frame of a session: reads the pipeline and its parameters as they were for that frame. True where
/// something was changed. Errors: as of reload_pipeline().
Result<bool> follow_session(Application& app, const capture::Frame& frame);
/// The same for the second side of a comparison, for the frame that the first one has come to: what the two
/// differ in stays.
Status follow_session_in_comparison(Application& app);

/// The loops themselves; each ends with the source, --max-frames or the stop signal.
Status run_headless(Application& app);
Status run_windowed(const RunOptions& options);
/// The end of both: files are finished, the summary is printed. `ended` is how the loop ended.
Status conclude(Application& app, const Status& ended, double seconds);

}  // namespace tarsier::app
