// The controls of parameters, and of presets.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/param.hpp"
#include "core/param_history.hpp"

namespace tarsier::overlay {

struct PresetRow {
  std::string name, about;
  bool own = false;  // the user's
};
/// Of a parameter whose value now is another one with a preset.
struct DifferenceRow {
  std::string key, now, other;
};
struct ParamView {
  std::vector<PresetRow> presets;
  std::string preset;      // in use; empty: none
  bool changed = false;    // by hand, since it was read
  std::string undo, redo;  // what they would do; empty: nothing
  std::string save_to;     // what "Save" writes; empty: nothing is to be saved there
  std::string failure;     // of the latest act
  std::string compared;    // with which preset; empty: with none, the pipeline's own values
  std::vector<DifferenceRow> differences;
  std::string compare_failure;
};

/// What the user did in this frame.
struct ParamEvents {
  std::vector<ParamChange> changes;  // made already
  bool let_go = false;               // no control is held
  bool undo = false, redo = false, save = false;
  bool list = false;                  // the list of presets is looked at
  std::optional<std::string> choose;  // a preset; empty: none
  std::optional<std::string> save_as;
  std::optional<std::string> compare;
};

class ParamPanel {
 public:
  /// The section of presets.
  void draw_presets(const ParamView& view, ParamEvents& events);
  /// A section for each stage. Applies what the user changes to `params`; a value that they refuse is shown
  /// below its control. `preset` is the one in use.
  void draw_params(Params& params, const std::string& preset, ParamEvents& events);
  /// The window that compares, where it is open, its upper right corner there. Whether it was drawn and is
  /// the current one: the caller ends it.
  bool begin_comparison(const ParamView& view, float right, float top, ParamEvents& events);

 private:
  void draw_param(const ParamSpec& spec, Params& params, const std::string& preset, ParamEvents& events);
  void draw_set(const ParamSpec& spec, Params& params, const std::string& preset, ParamEvents& events);
  void draw_save_as(const ParamView& view, ParamEvents& events);
  void apply(const std::string& key, const ParamValue& value, Params& params, ParamEvents& events);

  std::map<std::string, std::string> filters_;  // text typed into the search box of a set, by key
  std::map<std::string, std::string> text_;     // text being edited, by key
  std::string error_key_, error_;
  std::string name_;  // to save as
  bool comparing_ = false;
};

}  // namespace tarsier::overlay
