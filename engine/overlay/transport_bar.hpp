// The bar at the lower edge: where in a recording the picture is, how fast it plays, and what is repeated.
// Dear ImGui only; an ImGui frame must be open.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tarsier::overlay {

/// An event, where it begins.
struct TimelineMark {
  uint64_t frame = 0;
  enum class Ink : uint8_t { kCollision, kLane, kLine, kOther };
  static constexpr size_t kInks = 4;
  Ink ink = Ink::kOther;
  std::string what;
};
/// What was measured so far.
struct TimelineView {
  struct Name {
    const char *name, *help;
  };
  std::vector<Name> values;  // that can be plotted
  size_t value = 0;          // the one that is
  const char* unit = "";     // of it
  std::vector<float> plot;   // parts of the recording, of one length; NaN: not seen yet
  std::vector<TimelineMark> marks;
};

struct TransportView {
  uint64_t position = 0;           // frame that is shown
  std::optional<uint64_t> frames;  // of the recording; nullopt where it is endless
  double time_s = 0, last_s = 0;   // of that frame, and of the last one
  double speed = 1;                // 0: as fast as possible
  bool paused = false, seeking = false;
  std::optional<uint64_t> mark;                       // A, while B is not set
  std::optional<std::pair<uint64_t, uint64_t>> loop;  // first and last frame that are repeated
  TimelineView timeline;
  float thumbnail_aspect = 0;  // width by height; 0: there are none
};

/// What the user did, with the bar or by keys.
struct TransportEvents {
  bool toggle_pause = false;
  int step = 0;    // frames back (-) or forward
  int skip = 0;    // times some seconds
  int faster = 0;  // speeds of the list
  int event = 0;   // events back or forward
  bool first = false, last = false;
  bool mark_start = false, mark_end = false, no_loop = false;
  std::optional<uint64_t> seek;
  std::optional<size_t> plot;  // of the timeline's values
  /// The mouse is at this frame of the timeline, and its picture may be drawn there, in Dear ImGui's units.
  struct Look {
    uint64_t frame = 0;
    float x = 0, y = 0, width = 0, height = 0;
  };
  std::optional<Look> look;
};

/// 0xAABBGGRR, as Dear ImGui has it.
[[nodiscard]] uint32_t mark_color(TimelineMark::Ink ink);

class TransportBar {
 public:
  /// Height of the bar's window, in Dear ImGui's units.
  [[nodiscard]] static float height();
  /// Begins a window there, which the caller ends.
  void begin(const TransportView& view, float x, float y, float width, TransportEvents& events);

 private:
  void draw_timeline(const TransportView& view, TransportEvents& events);
  static void draw_look(const TransportView& view, float x, float bottom, uint64_t frame,
                        const TimelineMark* mark, TransportEvents& events);
  static void choose_plot(const TimelineView& timeline, TransportEvents& events);
  std::optional<uint64_t> dragged_;  // where the handle is held
};

}  // namespace tarsier::overlay
