// The bar at the lower edge: where in a recording the picture is, how fast it plays, and what is repeated.
// Dear ImGui only; an ImGui frame must be open.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>

namespace tarsier::overlay {

struct TransportView {
  uint64_t position = 0;           // frame that is shown
  std::optional<uint64_t> frames;  // of the recording; nullopt where it is endless
  double time_s = 0, last_s = 0;   // of that frame, and of the last one
  double speed = 1;                // 0: as fast as possible
  bool paused = false, seeking = false;
  std::optional<uint64_t> mark;                       // A, while B is not set
  std::optional<std::pair<uint64_t, uint64_t>> loop;  // first and last frame that are repeated
};

/// What the user did, with the bar or by keys.
struct TransportEvents {
  bool toggle_pause = false;
  int step = 0;    // frames back (-) or forward
  int skip = 0;    // times some seconds
  int faster = 0;  // speeds of the list
  bool first = false, last = false;
  bool mark_start = false, mark_end = false, no_loop = false;
  std::optional<uint64_t> seek;
};

class TransportBar {
 public:
  /// Height of the bar's window, in Dear ImGui's units.
  [[nodiscard]] static float height();
  /// Begins a window there, which the caller ends.
  void begin(const TransportView& view, float x, float y, float width, TransportEvents& events);

 private:
  void draw_timeline(const TransportView& view, TransportEvents& events);
  std::optional<uint64_t> dragged_;  // where the handle is held
};

}  // namespace tarsier::overlay
