// What `tarsier run` was asked for.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tarsier::app {

struct RunOptions {
  std::string source;  // "" = the default clip
  std::string sink;    // annotated video or images; "" = none, or out/PIPELINE.mp4 without a display
  std::string json;    // results as JSON Lines; "" = none, or out/PIPELINE.jsonl without a display
  std::string pipeline = "street";
  std::string device;              // index, part of the name, or UUID; "" = the best
  std::string policy;              // "" = by kind of source
  std::string precision = "fp32";  // of activation storage
  std::vector<std::string> set;    // key=value
  std::vector<std::string> model_path;
  uint64_t max_frames = 0;  // 0 = all
  bool headless = false;
  bool loop = false;
  bool paced = false;  // headless: play a recording at its own speed
  bool validation = false;
  uint32_t frames_in_flight = 2;
};

/// Runs to the end of the source, a closed window or Ctrl-C. Returns the process's exit code; errors are
/// printed.
int run(const RunOptions& options);

}  // namespace tarsier::app
