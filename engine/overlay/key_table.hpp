// Every key of the window, told once: the help page and tool tips are made from this table, the README is
// checked against it, and window/window.cpp acts on them.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace tarsier::overlay {

enum class Key : uint8_t {
  kPause,
  kBack,
  kForward,
  kSkipBack,
  kSkipForward,
  kNextEvent,
  kPreviousEvent,
  kNextDifference,
  kPreviousDifference,
  kSlower,
  kFaster,
  kRepeatFrom,
  kRepeatTo,
  kRepeatNothing,
  kFirst,
  kLast,
  kUndo,
  kRedo,
  kNewZone,
  kNewLine,
  kAccept,
  kTakeBack,
  kRemoveCorner,
  kSaveZones,
  kRecord,
  kKeep,
  kHelp,
  kPanels,
  kProfiler,
  kLayers,
  kNextLayer,
  kFullScreen,
  kScreenshot,
  kEscape,
  kQuit
};

struct KeyRow {
  Key key;
  const char* group;  // rows of one stand together
  const char* keys;
  const char* does;
};

/// In the order of the enumeration.
[[nodiscard]] std::span<const KeyRow> key_table();
/// "slower (-)".
[[nodiscard]] std::string with_key(const std::string& does, Key key);

}  // namespace tarsier::overlay
