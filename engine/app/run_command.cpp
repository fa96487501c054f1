// tarsier run: the pipeline over a source, in a window or into files.
#include <memory>

#include "app/command_line.hpp"
#include "app/commands.hpp"
#include "app/run_options.hpp"
#include "core/text.hpp"
#include "pipeline/pipeline_file.hpp"

namespace tarsier::app {

namespace {

/// What running and replaying share.
void add_run_flags(CLI::App& command, RunOptions& options) {
  command.add_option("sink", options.sink,
                     "Annotated video (.mp4, .mkv, .avi) or images (%05d.png); implies --headless");
  command.add_option("--preset", options.preset,
                     "Named values for the pipeline's parameters: a name (tarsier params PIPELINE lists "
                     "them), or a .toml file");
  command.add_option("--json", options.json, "Results, one JSON object a frame; - is standard output");
  command
      .add_option("--set", options.set,
                  "key=value of the pipeline's parameters, e.g. detect.score=0.5; repeatable")
      ->take_all();
  command
      .add_option("--compare", options.compare,
                  "Runs a second side on the same frames: a preset (name or .toml), key=value of a "
                  "parameter, or precision=fp16; repeatable")
      ->type_name("WHAT")
      ->allow_extra_args(false);
  command
      .add_option("--compare-view", options.compare_view,
                  "How both sides are shown: wipe, side (beside each other) or difference")
      ->capture_default_str();
  command.add_option("--compare-json", options.compare_json,
                     "How far both sides agree, as JSON (docs/RESULTS.md)");
  command.add_option("--record", options.record,
                     "Writes a session into this new folder: frames, parameters, results");
  command.add_flag("!--no-layers", options.record_layers,
                   "Leaves the digests of the networks' layers out of sessions: they cost some time a frame, "
                   "and tell `tarsier verify` which layer differs");
  command
      .add_option("--keep-last", options.keep_last_s,
                  "Seconds that K keeps as a session in a window, a camera's pictures up to 256 MiB; 0 "
                  "remembers nothing")
      ->check(CLI::Range(0.0, 3600.0))
      ->capture_default_str();
  command.add_option(
      "--policy", options.policy,
      "latest, all or stride:N: what happens to frames that come faster than they are processed");
  command
      .add_option("--trace", options.trace,
                  "What each frame cost on host and device, for ui.perfetto.dev (JSON)")
      ->type_name("FILE");
  command
      .add_option("--metrics", options.metrics,
                  "Figures for Prometheus at http://127.0.0.1:PORT/metrics, or at another address")
      ->type_name("[HOST:]PORT");
  command.add_option("--max-frames", options.max_frames, "Stop after so many frames");
  command.add_option("--frames-in-flight", options.frames_in_flight, "2 or 3")->capture_default_str();
  command.add_flag("--headless", options.headless, "No window, even where there is a display");
}

void add_precision(CLI::App& command, RunOptions& options) {
  command.add_option("--precision", options.precision,
                     "fp32, fp16, or auto (fp16 where it is exact enough): how activations are stored");
}

void set_action(CLI::App& command, GlobalOptions& globals, Action& action,
                const std::shared_ptr<RunOptions>& options) {
  add_common_flags(command, globals, true);
  command.callback([&action, &globals, options] {
    action = [&globals, options] {
      options->globals = globals;
      return run(*options);
    };
  });
}

}  // namespace

void register_run_command(CLI::App& app, GlobalOptions& globals, Action& action) {
  CLI::App* command = app.add_subcommand("run", "Run a pipeline on a camera, clip, image folder or stream");
  const auto options = std::make_shared<RunOptions>();
  command->add_option(
      "source", options->source,
      "Clip, camera index, /dev/videoN, image folder or glob, http:// or rtsp:// URL, GStreamer "
      "string, synthetic[:WxH[@FPS]]; without one the default clip");
  add_run_flags(*command, *options);
  command->add_option("--pipeline", options->pipeline,
                      "One of " + join(pipeline::pipeline_names(), ", ") + ", or a .toml file [street]");
  add_precision(*command, *options);
  command->add_flag("--loop", options->loop, "Start a recording again at its end");
  command
      ->add_option("--ui-scale", options->ui_scale,
                   "Size of the window's text and controls, 0.5 to 4; without it the screen's")
      ->check(CLI::Range(0.5, 4.0));
  command->footer(
      "Examples:\n"
      "  tarsier run                                   the default clip in a window\n"
      "  tarsier run 0 --pipeline webcam               the first camera\n"
      "  tarsier run drive.mp4 --pipeline driving --set road.lanes.opacity=0.9\n"
      "  tarsier run clip.mp4 --preset fast             named values, see docs/PARAMETERS.md\n"
      "  tarsier run clip.mp4 seen.mp4 --json seen.jsonl\n"
      "  tarsier run clip.mp4 --set detect.model=yolox_nano --set detect.classes=person,car\n"
      "  tarsier run 0 --record monday                  a session: see tarsier replay and verify\n"
      "  tarsier run clip.mp4 --compare detect.model=yolox_nano --compare precision=fp16\n"
      "  tarsier run rtsp://camera/stream --policy latest --headless --json seen.jsonl\n");
  set_action(*command, globals, action, options);
}

void register_replay_command(CLI::App& app, GlobalOptions& globals, Action& action) {
  CLI::App* command = app.add_subcommand(
      "replay", "Show a session again: its frames through its pipeline, to tune and compare");
  const auto options = std::make_shared<RunOptions>();
  command->add_option("session", options->session, "Folder that --record or a key wrote")->required();
  add_run_flags(*command, *options);
  command->add_option("--pipeline", options->pipeline,
                      "Another pipeline than the session's, with its own parameters");
  command->add_option("--source", options->session_source,
                      "Where the session's clip is now, if it was moved");
  add_precision(*command, *options);
  command->footer(
      "Parameters are as they were, frame by frame; --preset, --set and the panels are stronger.\n"
      "Examples:\n"
      "  tarsier replay monday\n"
      "  tarsier replay monday --set detect.score=0.3 better.mp4\n"
      "  tarsier replay monday --headless --record again\n");
  set_action(*command, globals, action, options);
}

}  // namespace tarsier::app
