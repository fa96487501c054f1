// The panels over the picture: what it costs on the left, what can be changed on the right. Dear ImGui only;
// an ImGui frame must be open.
#pragma once

#include <map>
#include <string>

#include "core/param.hpp"
#include "overlay/panel_data.hpp"

namespace tarsier::overlay {

/// What the user did with the panels in this frame.
struct PanelEvents {
  bool toggle_pause = false;
  bool screenshot = false;
};

class Panels {
 public:
  /// Draws both panels and applies what the user changed to `params` with ParamOrigin::kOverlay. A value that
  /// `params` refuses is shown below its control.
  PanelEvents draw(const ProfileSnapshot& data, Params& params);
  bool visible = true;

 private:
  void draw_profile(const ProfileSnapshot& data);
  void draw_controls(const ProfileSnapshot& data, Params& params, PanelEvents& events);
  void draw_param(const ParamSpec& spec, Params& params);
  void draw_set(const ParamSpec& spec, Params& params);
  void apply(const std::string& key, const ParamValue& value, Params& params);

  std::map<std::string, std::string> filters_;  // text typed into the search box of a set, by key
  std::map<std::string, std::string> text_;     // text being edited, by key
  std::string error_key_, error_;
};

/// Colours, spacing and the font. `scale`: of a HiDPI screen. Call once, after ImGui::CreateContext. Without
/// the font file Dear ImGui's own is used.
void apply_style(float scale, const std::string& font_path);

}  // namespace tarsier::overlay
