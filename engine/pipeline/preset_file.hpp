// Presets: named TOML files with values for a pipeline's parameters, to switch between.
//
//     description = "Fewer boxes, surer ones."
//     [detect]
//     score = 0.5
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/pipeline_file.hpp"

namespace tarsier::pipeline {

struct Preset {
  std::string name;  // the file's name without .toml; empty: none
  std::filesystem::path file;
  std::string description;  // one line
  bool own = false;         // the user's, not one that Tarsier comes with
};

/// Those that can be named for the pipeline, by name: the user's (config_dir()/presets/PIPELINE/), then those
/// beside the pipeline (presets/PIPELINE/). One of the user's hides one of the same name. A file that cannot
/// be read is among them, without a description.
[[nodiscard]] std::vector<Preset> presets_of(const PipelineSpec& pipeline);

/// Reads a preset by name or by path; its values are kept in `params` with ParamOrigin::kPreset. Errors
/// (kInput): no such preset (with the nearest), no TOML, a value that no parameter could have, all with their
/// place. Keys are checked where they are declared.
Result<Preset> load_preset(const std::string& name_or_path, const PipelineSpec& pipeline, Params& params);

/// Where the user's preset of that name is kept. Errors (kInput): no name for a file, no home.
Result<std::filesystem::path> own_preset_file(const PipelineSpec& pipeline, std::string_view name);

/// The values in force that neither the defaults nor the pipeline file give, as a preset's text below `head`
/// (comments and description, as they are).
[[nodiscard]] std::string preset_text(const std::string& head, const Params& params);

/// Writes the preset in one step: others see the old file or the new one. The comments at the top of a file
/// that is there already stay, and its description. Errors (kRuntime): it cannot be written.
Status save_preset(const std::filesystem::path& file, const PipelineSpec& pipeline, const Params& params);

}  // namespace tarsier::pipeline
