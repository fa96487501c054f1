// Zones and lines that are drawn and changed with the mouse: events in, shapes out. Knows neither a window
// nor a file.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "pipeline/zone_tables.hpp"

namespace tarsier::app {

/// Places of the mouse are in the window's units. Shapes that it gives out are without fault: what has one is
/// told and not taken over.
class ZoneEditor {
 public:
  /// Where the picture lies in the window.
  struct View {
    double x = 0, y = 0, width = 1, height = 1;
    double scale = 1;  // how large handles are drawn: as large they are for the mouse
  };
  /// What a press would take hold of.
  struct Hold {
    enum class What : uint8_t { kCorner, kMiddle, kEdge };
    size_t item = 0;
    What what = What::kCorner;
    size_t index = 0;  // of the corner, or of the one before the edge
    bool operator==(const Hold&) const = default;
  };
  struct Item {
    std::optional<pipeline::ZoneSpec> saved;  // as the file has it
    pipeline::ZoneSpec now;
  };

  /// Takes what the file has now; changes that are not saved stay. `source` is that of new shapes.
  void load(const std::vector<pipeline::ZoneSpec>& file, const std::string& source);
  [[nodiscard]] const std::vector<Item>& items() const { return items_; }
  [[nodiscard]] std::vector<vision::ZoneShape> shapes() const;
  /// Counts changes of shapes().
  [[nodiscard]] uint64_t version() const { return version_; }
  [[nodiscard]] std::vector<pipeline::ZoneChange> changes() const;
  [[nodiscard]] bool unsaved() const { return !changes().empty(); }

  // The panel.
  void draw_zone() { begin(false); }
  void draw_line() { begin(true); }
  void select(size_t item) { selected_ = item; }
  void rename(size_t item, const std::string& name);
  void remove(size_t item);
  void revert();

  // The mouse and the keyboard.
  void set_view(const View& view) { view_ = view; }
  void move(double x, double y);
  void leave() { hold_.reset(); }  // the mouse is over something else
  void press(double x, double y);
  void release(double x, double y);
  /// Takes away the corner there, or the latest one of what is being drawn.
  void remove_corner(double x, double y);
  void accept();                // Enter: what is being drawn is whole
  void take_back();             // Backspace: the latest corner
  [[nodiscard]] bool cancel();  // Escape; false: nothing was under way

  // What is to be seen.
  [[nodiscard]] const std::optional<vision::ZoneShape>& draft() const { return draft_; }
  /// Where the next corner of the draft would be, and whether it may be there.
  [[nodiscard]] vision::Point pointer() const { return pointer_; }
  [[nodiscard]] bool pointer_fits() const { return !crosses(pointer_); }
  /// The shape under way whose corner is being moved.
  [[nodiscard]] const vision::ZoneShape* dragged() const { return drag_ ? &drag_->shape : nullptr; }
  [[nodiscard]] const std::optional<Hold>& hold() const { return hold_; }
  [[nodiscard]] std::optional<size_t> selected() const { return selected_; }
  /// What is wrong with the latest step; "" where nothing is.
  [[nodiscard]] const std::string& fault() const { return fault_; }
  [[nodiscard]] vision::Point to_window(vision::Point at) const {
    return {view_.x + at.x * view_.width, view_.y + at.y * view_.height};
  }
  /// Whether the middle of the edge behind this corner can be taken hold of.
  [[nodiscard]] bool has_middle(const vision::ZoneShape& shape, size_t corner) const;

 private:
  struct Drag {
    size_t item = 0, corner = 0;
    vision::Point from;       // the mouse, in the window
    vision::ZoneShape shape;  // as it would be
    bool moved = false;       // beyond a hand's tremor
    bool added = false;       // the corner is new
  };
  void begin(bool line);
  void finish();
  [[nodiscard]] vision::Point to_picture(double x, double y) const;
  [[nodiscard]] bool near(vision::Point corner, double x, double y, double reach) const;
  [[nodiscard]] std::optional<Hold> find(double x, double y) const;
  [[nodiscard]] bool crosses(vision::Point next) const;
  [[nodiscard]] bool has_name(const std::string& name) const;
  [[nodiscard]] std::string free_name(bool line) const;
  /// False where the shape has a fault, which is told.
  bool take(size_t item, const vision::ZoneShape& shape);

  std::vector<Item> items_;
  std::vector<pipeline::ZoneSpec> removed_;  // of the file
  std::string source_;
  View view_;
  vision::Point pointer_;
  std::optional<vision::ZoneShape> draft_;
  std::optional<Drag> drag_;
  std::optional<Hold> hold_;
  std::optional<size_t> selected_;
  std::string fault_;
  uint64_t version_ = 0;
};

}  // namespace tarsier::app
