// All that the panels show, as plain data: the main loop fills it in, the panels never reach into the engine.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "overlay/compare_panel.hpp"
#include "overlay/layer_panel.hpp"
#include "overlay/network_panel.hpp"
#include "overlay/param_panel.hpp"
#include "overlay/profiler_panel.hpp"
#include "overlay/transport_bar.hpp"

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

/// Of a zone or a line.
struct ZoneRow {
  std::string name, count;
  bool line = false;
  bool unsaved = false;
};
/// What is drawn over the picture while zones are edited, in the window's units.
struct ZoneSketch {
  struct Spot {
    float x = 0, y = 0;
  };
  enum class Ink : uint8_t { kChosen, kNew, kFault };
  struct Path {
    std::vector<Spot> spots;
    bool closed = false;
    Ink ink = Ink::kChosen;
  };
  struct Handle {
    Spot at;
    bool lit = false;     // a press takes hold of it
    bool middle = false;  // a press makes it a corner
  };
  std::vector<Path> paths;
  std::vector<Handle> handles;
};
struct ZoneView {
  std::vector<ZoneRow> rows;
  std::optional<size_t> selected;
  bool drawing = false;
  bool unsaved = false;
  std::string fault;    // what is wrong with the latest step
  std::string failure;  // why it could not be saved
  std::string copy;     // where a copy could be saved instead; empty: nowhere
  ZoneSketch sketch;
};

/// Recording a session.
struct SessionView {
  bool recording = false;
  double keeps_s = 0;  // seconds that can be kept afterwards; 0: none
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
  std::optional<TransportView> transport;  // nullopt: a source that has no places
  std::optional<ZoneView> zones;           // nullopt: the pipeline has none
  std::optional<ParamView> params;         // nullopt: no presets and nothing to undo here
  ProfilerView profiler;
  LayersView layers;                    // filled while they are shown
  std::optional<NetworkView> networks;  // nullopt: they cannot be swapped here
  std::optional<CompareState> compare;  // nullopt: nothing can be compared here
  bool paused = false;
  bool recording = false;              // a video, or a session
  std::optional<SessionView> session;  // nullopt: none can be recorded here
  bool first_run = false;              // says what to do next
  struct Box {
    float x0 = 0, y0 = 0, x1 = 0, y1 = 0;
  };
  std::vector<Box> keep_free;  // parts of the picture that say something, in the window's units
  std::string
      message;  // of the last few seconds: "saved out/shot.png", "camera is gone, trying again"; may be empty
};

}  // namespace tarsier::overlay
