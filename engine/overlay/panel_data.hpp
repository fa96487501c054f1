// All that the panels show, as plain data: the main loop fills it in, the panels never reach into the engine.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tarsier::overlay {

struct PassRow {
  std::string name;
  double ms = 0;  // device time
};
struct DropRow {
  std::string reason;
  uint64_t count = 0;
};
struct ClassRow {
  std::string name;
  uint32_t count = 0;
  uint32_t color = 0xFFFFFFFF;  // 0xAABBGGRR
};

struct ProfileSnapshot {
  std::string pipeline;  // "street"
  std::string source;    // as the user named it
  int frame_width = 0, frame_height = 0;
  uint64_t frame_id = 0;
  int64_t frame_count = -1;  // -1: live or unknown
  double frames_per_s = 0;
  /// Capture to present, milliseconds, over the last few hundred frames.
  double age_ms = 0, age_p50_ms = 0, age_p95_ms = 0, age_p99_ms = 0;
  std::vector<float> age_history_ms;  // oldest first
  std::vector<DropRow> drops;         // reasons that have happened
  uint64_t readback_bytes = 0;        // device to host in the latest frame, on the way to the screen
  uint64_t tracker_bytes = 0;         // and beside it, for the tracker
  std::string device;
  bool software_device = false;
  std::vector<PassRow> passes;
  /// Tracks of the latest frame, or the detections of the latest one whose results came back; nullopt where
  /// the host knows neither.
  std::optional<std::vector<ClassRow>> classes;
  bool paused = false;
  bool recording = false;
  std::string
      message;  // of the last few seconds: "saved out/shot.png", "camera is gone, trying again"; may be empty
};

}  // namespace tarsier::overlay
