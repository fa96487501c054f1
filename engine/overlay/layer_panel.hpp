// The layers of a network: what each puts out, as pictures with the range of their values, and the time it
// takes. Dear ImGui only; an ImGui frame must be open.
#pragma once

#include <cstdint>
#include <imgui.h>
#include <optional>
#include <string>
#include <vector>

#include "overlay/panel_places.hpp"

namespace tarsier::overlay {

struct LayerRow {
  std::string name, op, shape;
};

/// Of the finite values of a channel, or of a layer.
struct LayerRange {
  float least = 0, largest = 0, mean = 0;
  uint64_t finite = 0, values = 0;
};

/// Pictures that lie on the device, one behind the other, as a grid. Drawn by `LayersView::draw_tiles`.
struct TileGrid {
  uint64_t texels = 0;  // device address: R, G, B, A bytes in packed rows
  uint32_t tiles = 0, columns = 1;
  uint32_t width = 0, height = 0;  // of a tile, texels
  // In Dear ImGui's units: the first tile's corner, a tile, and from one to the next.
  ImVec2 at, size, pitch;
};

/// What a layer puts out, as it is drawn in this frame.
struct LayerPictures {
  uint64_t tiles = 0, large = 0;  // device addresses of the texels
  uint32_t count = 0;             // of tiles
  uint32_t channels = 0;          // count, or more: these are left out
  uint32_t tile_width = 0, tile_height = 0, large_width = 0, large_height = 0;  // texels
  uint32_t width = 0, height = 0;                                               // values of a tile
  std::optional<uint32_t> chosen;                                               // the large one
  bool own_ranges = false;
};

struct LayersView {
  std::vector<std::string> networks;
  size_t network = 0;
  const std::vector<LayerRow>* rows = nullptr;      // in the order of execution
  const std::vector<float>* times_ms = nullptr;     // of each row, in the latest frame; empty: not known
  const std::vector<LayerRange>* ranges = nullptr;  // of each tile, then of all; empty: not known yet
  std::vector<uint32_t> colors;                     // of the range that is shown, from its least value on
  std::optional<size_t> selected;
  int steps = 0;  // to go down the list, by keys
  std::optional<LayerPictures> pictures;
  std::string why_none;                 // why there are no pictures
  ImDrawCallback draw_tiles = nullptr;  // with a TileGrid*, while the panels are recorded
};

struct LayerEvents {
  std::optional<size_t> network, select;
  std::optional<uint32_t> choose;  // a tile, to be shown large
  bool unchoose = false;
  std::optional<bool> own_ranges;
};

class LayerPanel {
 public:
  /// Begins the window "###layers", its lower edge at `bottom` until somebody moves it; the caller ends it.
  void begin(const LayersView& view, PanelPlaces& places, float x, float bottom, float width,
             LayerEvents& events);
  /// Whether there is anything to fill a view for.
  [[nodiscard]] bool shown() const { return visible && !rolled_up_; }
  bool visible = false;

 private:
  void draw_header(const LayersView& view, LayerEvents& events);
  void draw_table(const LayersView& view, float width, LayerEvents& events);
  void draw_pictures(const LayersView& view, LayerEvents& events);
  void draw_grid(const LayersView& view, LayerEvents& events);
  void draw_large(const LayersView& view);
  void draw_tiles(const LayersView& view, const TileGrid& grid);

  bool rolled_up_ = false;
  std::string filter_;
  std::vector<size_t> shown_;          // rows that the filter leaves
  TileGrid grid_;                      // of this drawing: the device reads it when the panels are recorded
  std::optional<size_t> scrolled_to_;  // the chosen row, as it was last
};

}  // namespace tarsier::overlay
