// What is compared, how it is shown, and how far both sides agree. Dear ImGui only; a window must be open.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "overlay/network_panel.hpp"
#include "overlay/param_panel.hpp"

namespace tarsier::overlay {

enum class CompareLook : uint8_t { kWipe, kSide, kDifference };

struct CompareState {
  std::string with;  // what is different on side B; empty: nothing is compared
  Making progress;   // of another side B
  std::string failure;
  CompareLook look = CompareLook::kWipe;
  float threshold = 0.2F;  // of a jump, 0..1

  bool has_boxes = false;
  uint64_t both = 0, only_a = 0, only_b = 0;  // boxes of the latest frame
  uint64_t frames = 0;                        // that the rest is over
  double agreement = 0, mean_iou = 0;
  double a_ms = 0, b_ms = 0;  // device time of a frame
  struct ClassRow {
    std::string name;
    uint64_t only_a = 0, only_b = 0;
  };
  std::vector<ClassRow> classes;  // those that differ, the most first

  /// Where the picture lies and the wipe's edge in it, in the window's units.
  float x = 0, y = 0, width = 0, height = 0, edge_x = 0;
};

struct CompareEvents {
  bool stop = false;
  bool with_now = false;  // with everything as it is now
  std::optional<std::string> preset, precision;
  std::optional<std::pair<std::string, std::string>> network;  // key and name
  std::optional<CompareLook> look;
  std::optional<float> threshold;
  int jump = 0;  // to the next frame that differs (1), or back (-1)
};

/// `presets` and `networks` are what can be compared with; `listing` has its choices asked for.
void draw_compare(const CompareState& state, const std::vector<PresetRow>& presets,
                  const NetworkView& networks, CompareEvents& events, NetworkEvents& listing);

/// Names of the sides over the picture, and a handle on the wipe's edge; behind all windows.
void draw_compare_names(const CompareState& state);

}  // namespace tarsier::overlay
