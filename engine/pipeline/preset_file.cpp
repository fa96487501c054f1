#include "pipeline/preset_file.hpp"

#include <algorithm>
#include <array>
#include <unistd.h>

#include "core/file.hpp"
#include "core/text.hpp"
#include "pipeline/param_toml.hpp"

namespace tarsier::pipeline {
namespace fs = std::filesystem;
namespace {

fs::path own_folder(const PipelineSpec& pipeline) {
  const fs::path config = config_dir();
  return config.empty() ? fs::path() : config / "presets" / pipeline.name;
}

/// Where presets are looked for, the first one's hide the others'.
std::array<fs::path, 2> folders_of(const PipelineSpec& pipeline) {
  return {own_folder(pipeline), pipeline.file.parent_path() / "presets" / pipeline.name};
}

/// Whether it is one that Tarsier comes with.
bool shipped(const fs::path& file) {
  const fs::path at = fs::absolute(file).lexically_normal();
  const fs::path ours = fs::absolute(home_dir() / "pipelines").lexically_normal();
  return std::ranges::mismatch(ours, at).in1 == ours.end();
}

std::string description_in(const toml::table& root) {
  return root["description"].value_or(std::string());
}

/// The comments that a file begins with, up to the first line that is none.
std::string head_of(const std::string& text) {
  std::string head;
  for (const auto& line : split(text, '\n')) {
    if (!line.starts_with('#')) break;
    head += line + '\n';
  }
  return head;
}

}  // namespace

std::vector<Preset> presets_of(const PipelineSpec& pipeline) {
  std::vector<Preset> presets;
  for (const auto& folder : folders_of(pipeline)) {
    std::error_code code;
    if (folder.empty()) continue;
    for (const auto& entry : fs::directory_iterator(folder, code)) {
      const fs::path& file = entry.path();
      const std::string name = file.stem().string();
      if (file.extension() != ".toml" || !entry.is_regular_file(code)) continue;
      if (std::ranges::count(presets, name, &Preset::name) > 0) continue;
      Preset& preset = presets.emplace_back(Preset{name, file, "", !shipped(file)});
      const auto text = read_text(file);
      if (!text.ok()) continue;
      if (const auto root = parse_toml(*text, file); root.ok()) preset.description = description_in(*root);
    }
  }
  std::ranges::sort(presets, {}, &Preset::name);
  return presets;
}

Result<Preset> load_preset(const std::string& name_or_path, const PipelineSpec& pipeline, Params& params) {
  const bool is_path = name_or_path.find('/') != std::string::npos || name_or_path.ends_with(".toml");
  Preset preset;
  std::error_code code;
  if (is_path) {
    preset.file = name_or_path;
    if (!fs::exists(preset.file, code)) return input_error("{}: no such preset file", name_or_path);
  } else {
    const auto presets = presets_of(pipeline);
    const auto found = std::ranges::find(presets, name_or_path, &Preset::name);
    if (found == presets.end()) {
      std::vector<std::string> names;
      for (const auto& one : presets) names.push_back(one.name);
      return input_error("preset '{}' is unknown to pipeline {}{}; {}, or give a path to a .toml file",
                         name_or_path, pipeline.name, did_you_mean(name_or_path, names),
                         names.empty() ? "it has none" : "there are " + join(names, ", "));
    }
    preset = *found;
  }
  preset.name = preset.file.stem().string();
  preset.own = !shipped(preset.file);
  TARSIER_TRY(const auto text, read_text(preset.file));
  TARSIER_TRY(const toml::table root, parse_toml(text, preset.file));
  for (const auto& [key, value] : root) {
    if (key == "description" && !value.is_table()) {
      if (!value.is_string()) return at(preset.file, value, "description must be a text");
      preset.description = description_in(root);
    } else if (key == "stage" && value.is_array()) {
      return at(preset.file, value,
                "[[stage]] makes this a pipeline, not a preset: use --pipeline, or write [NAME] with the "
                "name of a stage");
    } else {
      TARSIER_CHECK(set_params(preset.file, std::string(key.str()), value, ParamOrigin::kPreset, params));
    }
  }
  return preset;
}

Result<fs::path> own_preset_file(const PipelineSpec& pipeline, std::string_view name) {
  const bool fits = !name.empty() && name.size() <= 64 && !name.starts_with('.') &&
                    std::ranges::none_of(name, [](char c) { return c == '/' || uint8_t(c) < 0x20; }) &&
                    !name.ends_with(".toml");
  if (!fits)
    return input_error("'{}' is no name for a preset: up to 64 characters, no / and no dot in front", name);
  const fs::path folder = own_folder(pipeline);
  if (folder.empty()) return input_error("presets need a home: set HOME or XDG_CONFIG_HOME");
  return folder / fmt::format("{}.toml", name);
}

std::string preset_text(const std::string& head, const Params& params) {
  // Of each stage and its tables one after another, however they are declared.
  std::vector<std::pair<std::string, std::string>> tables;
  for (const auto& spec : params.specs()) {
    const auto& value = params.value(spec.key);
    if (value == params.source_below(spec.key, ParamOrigin::kPreset).value) continue;
    const size_t dot = spec.key.rfind('.');
    const std::string table = spec.key.substr(0, dot);
    auto at = std::ranges::find(tables, table, &std::pair<std::string, std::string>::first);
    if (at == tables.end()) at = tables.insert(at, {table, ""});
    at->second += fmt::format("{} = {}\n", spec.key.substr(dot + 1), toml_text(value));
  }
  std::string text = head;
  for (const auto& [table, lines] : tables) {
    // A stage may have any name.
    std::string path;
    for (const auto& part : split(table, '.')) {
      const bool bare = !part.empty() && std::ranges::all_of(part, [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
               c == '-';
      });
      path += (path.empty() ? "" : ".") + (bare ? part : toml_quoted(part));
    }
    text += fmt::format("\n[{}]\n{}", path, lines);
  }
  return text;
}

Status save_preset(const fs::path& file, const PipelineSpec& pipeline, const Params& params) {
  std::string head = fmt::format(
      "# A preset of the pipeline {}: what differs from its file. `tarsier params {} --preset FILE` lists\n"
      "# all parameters; these lines stay when it is saved again.\n",
      pipeline.name, pipeline.name);
  std::error_code code;
  fs::path target = file;
  if (fs::exists(file, code)) {
    if (::access(file.c_str(), W_OK) != 0)  // a rename would take the place of what was protected
      return runtime_error("{}: may not be written by this account", file.string());
    TARSIER_TRY(const auto text, read_text(file));
    if (auto kept = head_of(text); !kept.empty()) head = std::move(kept);
    if (const auto root = parse_toml(text, file); root.ok()) {
      if (const std::string one = description_in(*root); !one.empty())
        head += "description = " + toml_quoted(one) + "\n";
    }
    target = fs::canonical(file, code);  // links stay links
    if (code) target = file;
  }
  return write_text_atomic(target, preset_text(head, params));
}

}  // namespace tarsier::pipeline
