// The panels over the picture: what it costs on the left, what can be changed on the right. Dear ImGui only;
// an ImGui frame must be open.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/param.hpp"
#include "overlay/layer_panel.hpp"
#include "overlay/panel_data.hpp"
#include "overlay/panel_places.hpp"
#include "overlay/param_panel.hpp"
#include "overlay/profiler_panel.hpp"

namespace tarsier::overlay {

struct ZoneEvents {
  bool draw_zone = false, draw_line = false, save = false, save_copy = false, revert = false;
  std::optional<size_t> select, remove;
  std::optional<std::pair<size_t, std::string>> rename;
};

/// Recording a session, by buttons or keys.
struct SessionEvents {
  bool toggle = false;  // begins one, or ends it
  bool keep = false;    // of the last seconds
};

/// What the user did with the panels in this frame.
struct PanelEvents {
  bool screenshot = false;
  SessionEvents session;
  ZoneEvents zones;
  ParamEvents params;
  TransportEvents transport;
  NetworkEvents networks;
  CompareEvents compare;
  LayerEvents layers;
};

class Panels {
 public:
  /// Draws both panels and applies what the user changed to `params` with ParamOrigin::kOverlay.
  PanelEvents draw(const ProfileSnapshot& data, Params& params);
  /// Whether a press there is for the panels, as they were drawn last.
  [[nodiscard]] bool covers(double x, double y) const;
  /// Escape: closes a list that is open, or the help page; false: none was.
  bool close_popup();
  /// F1.
  void toggle_help() { help_ = !help_; }
  [[nodiscard]] bool shows_help() const { return help_; }
  /// Where the panels are.
  [[nodiscard]] PanelPlaces& places() { return places_; }
  /// Of what is drawn, 1 where a window's unit is a pixel.
  [[nodiscard]] double scale() const { return scale_; }
  [[nodiscard]] bool profiler_visible() const { return profiler_panel_.visible; }
  void show_profiler(bool show) { profiler_panel_.visible = show; }
  void toggle_layers() { layer_panel_.visible = !layer_panel_.visible; }
  /// Whether ProfileSnapshot::layers is drawn.
  [[nodiscard]] bool shows_layers() const { return visible && layer_panel_.shown(); }
  bool visible = true;

 private:
  void draw_profile(const ProfileSnapshot& data, PanelEvents& events);
  void draw_controls(const ProfileSnapshot& data, Params& params, PanelEvents& events);
  static void draw_session(const SessionView& session, float half, SessionEvents& events);
  static void draw_sketch(const ZoneSketch& sketch);
  void draw_zones(const ZoneView& zones, ZoneEvents& events);
  void place_panel(const char* name, float x, const ProfileSnapshot& data, float width, float under,
                   bool rolled_up);
  void note_place();  // of the current window

  ParamPanel param_panel_;
  TransportBar transport_bar_;
  ProfilerPanel profiler_panel_;
  LayerPanel layer_panel_;
  std::string zone_name_;                    // being edited
  std::optional<size_t> named_;              // of which row
  std::vector<std::array<float, 4>> taken_;  // x0, y0, x1, y1 of each window
  PanelPlaces places_;
  bool popup_ = false, closes_popup_ = false, help_ = false;
  double scale_ = 1;
};

/// Colours, spacing and the font. `scale`: of a HiDPI screen. Call once, after ImGui::CreateContext. Without
/// the font file Dear ImGui's own is used.
void apply_style(float scale, const std::string& font_path);

}  // namespace tarsier::overlay
