// Zones and lines in the window: the editor between the mouse, the panel, the stage that counts and the
// pipeline file.
#pragma once

#include <optional>
#include <string>

#include "app/application.hpp"
#include "app/zone_editor.hpp"
#include "overlay/panels.hpp"
#include "window/window.hpp"

namespace tarsier::app {

class WindowZones {
 public:
  explicit WindowZones(Application& app);
  /// Whether the pipeline counts in zones.
  [[nodiscard]] bool there() const { return keeper() != nullptr; }
  /// After the pipeline file was read again.
  void reload();
  /// After the stages were made anew from the file: they get what was drawn.
  void stages_changed();
  /// The mouse and keys of the window; where panels lie they are for those. While the panels are hidden it
  /// only lets go of what is being dragged. False: an Escape that it has no use for.
  bool input(const window::Input& input, const window::PictureArea& picture, const overlay::Panels& panels);
  /// What the user did in the panel, but for saving.
  void handle(const overlay::ZoneEvents& events);
  /// Writes the pipeline file, or a copy that takes its place; true when the file is to be read again. What
  /// went wrong is shown.
  bool save(bool copy);
  [[nodiscard]] bool wants_save() const { return wants_save_; }
  [[nodiscard]] bool unsaved() const { return there() && editor_.unsaved(); }
  [[nodiscard]] bool drawing() const { return there() && (editor_.draft() || editor_.dragged() != nullptr); }
  /// Whether something would be lost if it ended now.
  [[nodiscard]] bool unfinished() const { return unsaved() || drawing(); }
  [[nodiscard]] std::optional<overlay::ZoneView> view(const window::PictureArea& picture,
                                                      const overlay::Panels& panels);
  /// What to do next, or what is wrong with what was done; may be empty.
  [[nodiscard]] std::string message() const;

 private:
  [[nodiscard]] pipeline::ZoneKeeper* keeper() const;
  [[nodiscard]] const pipeline::StageSpec* spec() const;
  void apply();
  void add_shape(const vision::ZoneShape& shape, bool closed, overlay::ZoneSketch::Ink ink,
                 overlay::ZoneSketch& sketch) const;
  [[nodiscard]] overlay::ZoneSketch::Spot spot(vision::Point point) const;
  [[nodiscard]] overlay::ZoneSketch sketch() const;
  void set_view(const window::PictureArea& picture, const overlay::Panels& panels);

  Application& app_;
  ZoneEditor editor_;
  uint64_t applied_ = 0;  // version of the editor that the stage has
  bool wants_save_ = false;
  std::string failure_, copy_;
};

}  // namespace tarsier::app
