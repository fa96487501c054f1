// What `tarsier run` was asked for.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "app/commands.hpp"
#include "core/result.hpp"

namespace tarsier::app {

struct RunOptions {
  GlobalOptions globals;
  std::string source;     // "" = the default clip
  std::string sink;       // annotated video or images; "" = none, or out/PIPELINE.mp4 without a display
  std::string json;       // results as JSON Lines; "" = none, or out/PIPELINE.jsonl without a display
  std::string trace;      // of what each frame cost; "" = none
  std::string metrics;    // [HOST:]PORT for Prometheus; "" = none
  std::string pipeline;   // name or path; "" = street, or as the session has it
  std::string preset;     // name or path; "" = none
  std::string policy;     // "" = by kind of source
  std::string precision;  // of activation storage; "" = fp32, or as the session has it
  std::vector<std::string> set;       // key=value
  std::vector<std::string> compare;   // what is different on a second side; empty: there is none
  std::string compare_view = "wipe";  // how both are shown
  std::string compare_json;           // their summary; "" = none
  uint64_t max_frames = 0;            // 0 = all
  std::string record;                 // session folder; "" = none
  bool record_layers = true;          // whether it has digests of the networks' layers
  double keep_last_s = 10;            // of a window: what one key keeps as a session
  std::string session;                // session folder that is played instead of a source; "" = none
  std::string session_source;         // where its source is now; "" = where it was
  bool headless = false;
  bool loop = false;
  double ui_scale = 0;  // of the window's text and controls; 0 = the screen's
  uint32_t frames_in_flight = 2;
};

/// Runs to the end of the source, a closed window or Ctrl-C, and prints the summary.
Status run(const RunOptions& options);

}  // namespace tarsier::app
