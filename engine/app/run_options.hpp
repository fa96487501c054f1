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
  std::string source;  // "" = the default clip
  std::string sink;    // annotated video or images; "" = none, or out/PIPELINE.mp4 without a display
  std::string json;    // results as JSON Lines; "" = none, or out/PIPELINE.jsonl without a display
  std::string pipeline = "street";    // name or path
  std::string preset;                 // name or path; "" = none
  std::string policy;                 // "" = by kind of source
  std::string precision = "fp32";     // of activation storage
  std::vector<std::string> set;       // key=value
  std::vector<std::string> compare;   // what is different on a second side; empty: there is none
  std::string compare_view = "wipe";  // how both are shown
  std::string compare_json;           // their summary; "" = none
  uint64_t max_frames = 0;            // 0 = all
  bool headless = false;
  bool loop = false;
  uint32_t frames_in_flight = 2;
};

/// Runs to the end of the source, a closed window or Ctrl-C, and prints the summary.
Status run(const RunOptions& options);

}  // namespace tarsier::app
