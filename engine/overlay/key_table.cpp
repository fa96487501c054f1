#include "overlay/key_table.hpp"

#include <array>

namespace tarsier::overlay {
namespace {

constexpr const char *kPlaying = "Playing", *kParameters = "Parameters", *kZones = "Zones and lines",
                     *kSessions = "Sessions", *kWindow = "Window";

constexpr std::array kRows{
    KeyRow{Key::kPause, kPlaying, "Space", "pause, and play on"},
    KeyRow{Key::kBack, kPlaying, "Left or ,", "one frame back"},
    KeyRow{Key::kForward, kPlaying, "Right or .", "one frame forward"},
    KeyRow{Key::kSkipBack, kPlaying, "Shift+Left", "five seconds back"},
    KeyRow{Key::kSkipForward, kPlaying, "Shift+Right", "five seconds forward"},
    KeyRow{Key::kNextEvent, kPlaying, "E", "to the next event that was seen"},
    KeyRow{Key::kPreviousEvent, kPlaying, "Shift+E", "to the event before"},
    KeyRow{Key::kNextDifference, kPlaying, "D", "to the next frame that was seen to differ"},
    KeyRow{Key::kPreviousDifference, kPlaying, "Shift+D", "to the one before"},
    KeyRow{Key::kSlower, kPlaying, "-", "slower"},
    KeyRow{Key::kFaster, kPlaying, "+", "faster"},
    KeyRow{Key::kRepeatFrom, kPlaying, "[", "repeat from this frame on"},
    KeyRow{Key::kRepeatTo, kPlaying, "]", "repeat up to this frame"},
    KeyRow{Key::kRepeatNothing, kPlaying, "\\", "repeat nothing"},
    KeyRow{Key::kFirst, kPlaying, "Home", "to the first frame"},
    KeyRow{Key::kLast, kPlaying, "End", "to the last frame"},
    KeyRow{Key::kUndo, kParameters, "Ctrl+Z", "take the last change back"},
    KeyRow{Key::kRedo, kParameters, "Ctrl+Y or Ctrl+Shift+Z", "make it again"},
    KeyRow{Key::kNewZone, kZones, "Z", "draw a zone"},
    KeyRow{Key::kNewLine, kZones, "L", "draw a line"},
    KeyRow{Key::kAccept, kZones, "Enter", "close the zone that is drawn"},
    KeyRow{Key::kTakeBack, kZones, "Backspace", "take its last corner back"},
    KeyRow{Key::kRemoveCorner, kZones, "Delete", "remove the corner under the mouse"},
    KeyRow{Key::kSaveZones, kZones, "Ctrl+S", "save zones and lines"},
    KeyRow{Key::kRecord, kSessions, "R", "record a session, and end it"},
    KeyRow{Key::kKeep, kSessions, "K", "keep the last seconds as one"},
    KeyRow{Key::kHelp, kWindow, "F1", "show this page, or close it"},
    KeyRow{Key::kPanels, kWindow, "Tab", "show or hide the panels"},
    KeyRow{Key::kProfiler, kWindow, "P", "show or hide the profiler"},
    KeyRow{Key::kLayers, kWindow, "I", "show or hide the layers of the networks"},
    KeyRow{Key::kNextLayer, kWindow, "Up or Down", "to the layer before or after, while they are shown"},
    KeyRow{Key::kFullScreen, kWindow, "F", "full screen"},
    KeyRow{Key::kScreenshot, kWindow, "S", "save a screenshot"},
    KeyRow{Key::kEscape, kWindow, "Esc", "close what is open, give up what is drawn; else quit"},
    KeyRow{Key::kQuit, kWindow, "Q", "quit"},
};

constexpr bool in_order() {
  for (size_t i = 0; i < kRows.size(); ++i)
    if (size_t(kRows[i].key) != i) return false;
  return true;
}
static_assert(in_order());

}  // namespace

std::span<const KeyRow> key_table() {
  return kRows;
}

std::string with_key(const std::string& does, Key key) {
  return does + " (" + kRows[size_t(key)].keys + ")";
}

}  // namespace tarsier::overlay
