// The timeline of the window: what was measured, thumbnails, and jumps from event to event.
#pragma once

#include <optional>

#include "app/application.hpp"
#include "app/timeline.hpp"
#include "capture/thumbnails.hpp"
#include "overlay/transport_bar.hpp"

namespace tarsier::app {

class WindowTimeline {
 public:
  /// From now on it sees each frame that is done.
  explicit WindowTimeline(Application& app);
  ~WindowTimeline();
  WindowTimeline(const WindowTimeline&) = delete;
  WindowTimeline& operator=(const WindowTimeline&) = delete;

  void handle(const overlay::TransportEvents& events);
  /// Adds what was measured to the bar's view of a recording, and that there are thumbnails.
  void fill(overlay::TransportView& view) const;
  /// Never waits; nullopt: not yet.
  [[nodiscard]] std::optional<capture::Thumbnail> thumbnail(uint64_t position) {
    return thumbnails_.at(position);
  }
  /// Where the next event behind this frame begins (steps > 0), or the one before it; with more steps the one
  /// behind that. Errors (kInput): none was seen there.
  [[nodiscard]] Result<uint64_t> event_from(uint64_t position, int steps) const;

 private:
  Application& app_;
  Timeline timeline_;
  size_t value_;  // that is plotted, of those in the list
  capture::Thumbnails thumbnails_;
};

}  // namespace tarsier::app
