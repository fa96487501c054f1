// What a pipeline found in one frame: what writers, lists and the overlay see. No GPU types.
#pragma once

#include <array>
#include <cstdint>
#include <fmt/format.h>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/param.hpp"
#include "infer/layer_digest.hpp"
#include "vision/landmarks.hpp"
#include "vision/lane_tracker.hpp"
#include "vision/run_length.hpp"
#include "vision/track.hpp"
#include "vision/types.hpp"
#include "vision/zones.hpp"

namespace tarsier::pipeline {

/// Class names of every detector, in the order of the stages.
using LabelSets = std::vector<std::vector<std::string>>;
/// "person", or "class 7" where no name is known.
[[nodiscard]] inline std::string class_name(const LabelSets& labels, int32_t label_set, int32_t class_id) {
  const auto set = size_t(label_set), index = size_t(class_id);  // what is negative is beyond every list
  const bool known = set < labels.size() && index < labels[set].size();
  return known ? labels[set][index] : fmt::format("class {}", class_id);
}

struct StageTime {
  std::string stage;
  double ms = 0;  // device time
};

/// Something that goes on for a while; told in every frame from its first to the one in which it ends.
struct Event {
  const char* type = "";  // "forward_collision", "lane_departure"
  int64_t track = 0;      // of whom; 0: of nobody
  const char* side = "";  // "left", "right"; "": of none
  uint64_t began_frame = 0;
  double began_s = 0;
  bool ended = false;  // in this frame
};

/// Of a stage of type zones, up to this frame.
struct ZoneResult {
  std::string name;
  vision::ZoneCount count;
  int32_t label_set = 0;  // of the classes that are counted
};
struct LineResult {
  std::string name;
  vision::LineCount count;
  int32_t label_set = 0;
};

/// The own lane; the boundaries left and right of the camera.
struct LaneResult {
  vision::Lane lane;
  static constexpr size_t kPoints = 16;
  /// From the frame's lower edge up; of boundaries that are known.
  std::array<std::array<vision::CurvePoint, kPoints>, 2> curves{};
};

/// The frame's part of a mask, at the network's resolution.
struct MaskResult {
  std::string name;  // of the [[stage.mask]]: "drivable", "lanes", "person"
  vision::RunLengths runs;
};

/// Points of one face, hand or body.
struct Landmarks {
  const char* kind = "";  // "face", "body", "hand"
  const char* side = "";  // of a hand: "left", "right", the person's own
  float score = 0;        // that it is there, 0..1
  std::vector<vision::LandmarkPoint> points;
  bool scored = false;                   // a body's points have scores of their own
  std::optional<vision::HeadPose> head;  // of a face
};

/// What a frame was made with.
struct Settings {
  std::string pipeline, preset;                            // their names; empty: no preset
  std::vector<std::pair<std::string, ParamValue>> params;  // those that are not at their defaults
  bool operator==(const Settings&) const = default;
};

/// What a network's layers made in one execution, told apart by hashes.
struct NetworkRun {
  std::string network;                                     // as Stage::networks() calls it
  std::shared_ptr<const std::vector<std::string>> layers;  // "conv_3 Conv [1,16,208,208]"
  std::vector<infer::LayerDigest> digests;                 // one a layer
};

struct FrameResult {
  uint64_t frame_id = 0;
  double time_s = 0;
  int width = 0, height = 0;
  /// Another object than the frame's before it has where something changed in between.
  std::shared_ptr<const Settings> settings;
  std::vector<vision::Detection> detections;  // of all detectors, by falling score
  /// Confirmed tracks after the update with this frame's boxes: tracked, lost, and those that end here.
  std::vector<vision::Track> tracks;
  std::vector<Event> events;
  std::vector<Landmarks> landmarks;
  std::optional<LaneResult> lanes;  // none without a stage of type lanes
  std::vector<ZoneResult> zones;
  std::vector<LineResult> lines;
  std::vector<MaskResult> masks;
  std::vector<NetworkRun> runs;  // in their order, where somebody asked for them
  std::vector<StageTime> stage_times;
  double latency_ms = 0;  // capture to output
  /// Device to host in this frame for results, lists and pictures; 0 where none are wanted.
  uint64_t readback_bytes = 0;
  /// The boxes and masks that only trackers wanted: copied beside the frames that follow, nothing waits for
  /// them.
  uint64_t tracker_bytes = 0;
};

}  // namespace tarsier::pipeline
