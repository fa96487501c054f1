// The profiler: where the time of one frame went, how the last frames compare, and who holds the memory. Dear
// ImGui only; an ImGui frame must be open.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/profiler.hpp"

namespace tarsier::overlay {

struct MemoryRow {
  std::string owner;
  uint64_t bytes = 0;
};

struct ProfilerView {
  const Profiler* profiler = nullptr;
  std::vector<MemoryRow> memory;  // of the device
  std::string device, driver;
};

class ProfilerPanel {
 public:
  /// Height of the panel's window, in Dear ImGui's units.
  [[nodiscard]] static float height();
  /// Begins a window whose lower left corner is there, which the caller ends.
  void begin(const ProfilerView& view, float x, float bottom, float width);
  /// Of what was drawn last; nullopt while the latest frame is shown, whichever it is.
  [[nodiscard]] std::optional<uint64_t> chosen_frame() const {
    return frozen_.empty() ? std::nullopt : std::optional(frozen_[chosen_].frame_id);
  }
  bool visible = false;

 private:
  void draw_header();
  void draw_history();
  void draw_frame() const;
  void draw_ages() const;
  void freeze(size_t chosen);

  std::vector<FrameProfile> frozen_;         // a copy of what was there; empty: what comes is shown
  std::vector<const FrameProfile*> frames_;  // that this drawing shows, oldest first
  size_t chosen_ = 0;                        // of them; without frozen_ the latest
  bool thaws_ = false;                       // with the next drawing: this one still shows the copy
};

}  // namespace tarsier::overlay
