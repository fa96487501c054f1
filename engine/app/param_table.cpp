#include "app/param_table.hpp"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "core/param_text.hpp"
#include "core/text.hpp"

namespace tarsier::app {
namespace {

constexpr size_t kWidest = 26;  // of a column; what is wider pushes the rest of its line aside

std::string help_text(const ParamSpec& spec) {
  return spec.restarts ? spec.help + " (when the pipeline starts)" : spec.help;
}

nlohmann::json json_of(const ParamValue& value) {
  return std::visit([](const auto& one) { return nlohmann::json(one); }, value);
}

const char* name_of(ParamType type) {
  static constexpr std::array kNames = {"bool", "int", "float", "choice", "text", "set"};
  return kNames[size_t(type)];
}

/// In a cell of a Markdown table.
std::string cell(std::string_view text) {
  std::string out;
  for (const char c : text) out += c == '|' ? "\\|" : std::string(1, c);
  return out;
}

std::string code(const std::string& text) {
  return text.empty() ? "" : "`" + cell(text) + "`";
}

/// One key of a type of stage, in all pipelines.
struct Row {
  std::string key;
  ParamSpec spec;
  bool same_default = true;
  std::vector<std::string> set_by;  // "street `0.35`"
};
struct Section {
  std::string type;
  std::vector<Row> rows;
};

/// "drivable.opacity" of a stage with that mask is "MASK.opacity".
std::string short_key(const pipeline::StageSpec& stage, const std::string& key) {
  std::string rest = key.substr(stage.name.size() + 1);
  for (const auto& mask : stage.masks) {
    if (rest.starts_with(mask.name + ".")) return "MASK" + rest.substr(mask.name.size());
  }
  return rest;
}

void add_stage(const Application& app, const pipeline::StageSpec& stage, std::vector<Section>& sections) {
  auto section = std::ranges::find(sections, stage.type, &Section::type);
  if (section == sections.end()) section = sections.insert(section, {stage.type, {}});
  for (const auto& spec : app.params.specs()) {
    if (!spec.key.starts_with(stage.name + ".")) continue;
    const std::string key = short_key(stage, spec.key);
    auto row = std::ranges::find(section->rows, key, &Row::key);
    if (row == section->rows.end()) row = section->rows.insert(row, {key, spec, true, {}});
    row->same_default = row->same_default && row->spec.initial == spec.initial;
    const auto& source = app.params.source(spec.key);
    if (source.origin == ParamOrigin::kDefault) continue;
    std::string value = value_text(spec, source.value);
    if (value.empty()) value = "\"\"";
    std::string told = fmt::format("{} {}", app.spec.name, code(value));
    if (std::ranges::find(row->set_by, told) == row->set_by.end()) row->set_by.push_back(std::move(told));
  }
}

std::string table_of(const Section& section) {
  std::string text = fmt::format(
      "\n## {}\n\n| key | default | range | unit | what it does | set by |\n|---|---|---|---|---|---|\n",
      section.type);
  for (const auto& row : section.rows) {
    text += fmt::format(
        "| `{}` | {} | {} | {} | {} | {} |\n", row.key,
        row.same_default ? code(value_text(row.spec, row.spec.initial)) : "as its pipeline says",
        cell(range_text(row.spec)), cell(row.spec.unit), cell(help_text(row.spec)), join(row.set_by, ", "));
  }
  return text;
}

constexpr const char* kDocument = R"(# Parameters

Every parameter of the stages that the pipelines in [pipelines/](../pipelines/) are made of, by type of stage. A key is the name of the stage in its pipeline, a dot and the key here: `detect.score`; a stage with masks has some for each of them, so `MASK.opacity` is `road.drivable.opacity`. `tarsier params PIPELINE` lists those of one pipeline with the values in force and where each comes from, `--json FILE` for programs (`-`: to standard output).

A later one of these wins over an earlier one: the default, the pipeline file, a preset (`--preset NAME`), the command line (`--set detect.score=0.5`), the panel in the window.

This page is generated from the declarations (`engine/app/param_table.cpp`).

## Presets

A preset is a TOML file with values for a pipeline's parameters, to be switched while it runs:

```toml
description = "Fewer boxes, surer ones."
[detect]
score = 0.5
```

`--preset NAME` looks for `NAME.toml` among the user's own (`$XDG_CONFIG_HOME/tarsier/presets/PIPELINE/`, or `~/.config/...`; the window's "Save as" writes there), then beside the pipeline (`presets/PIPELINE/`); `--preset FILE.toml` takes any file. A preset in use is read again when it changes on disk.

| pipeline | preset | what it is for |
|---|---|---|
)";

}  // namespace

std::string params_table(const Application& app) {
  std::vector<std::array<std::string, 6>> rows = {{"KEY", "VALUE", "RANGE", "UNIT", "FROM", "HELP"}};
  for (const auto& spec : app.params.specs()) {
    const auto& source = app.params.source(spec.key);
    rows.push_back({spec.key, value_text(spec, source.value), range_text(spec), spec.unit,
                    source_text(source, app.preset.name), help_text(spec)});
  }
  std::array<size_t, 5> widths{};
  for (const auto& row : rows) {
    for (size_t i = 0; i < widths.size(); ++i) {
      if (row[i].size() <= kWidest) widths[i] = std::max(widths[i], row[i].size());
    }
  }
  std::string text;
  for (const auto& row : rows) {
    std::string line;
    for (size_t i = 0; i < widths.size(); ++i) line += fmt::format("{:<{}}  ", row[i], widths[i]);
    line += row.back();
    text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
  return text;
}

nlohmann::json params_json(const Application& app) {
  auto rows = nlohmann::json::array();
  for (const auto& spec : app.params.specs()) {
    const auto& source = app.params.source(spec.key);
    nlohmann::json row = {{"key", spec.key},
                          {"type", name_of(spec.type)},
                          {"value", json_of(source.value)},
                          {"default", json_of(spec.initial)},
                          {"unit", spec.unit},
                          {"origin", std::string(name_of(source.origin))},
                          {"place", source.place},
                          {"restarts", spec.restarts},
                          {"help", spec.help}};
    if (spec.type == ParamType::kInt || spec.type == ParamType::kFloat) {
      row["min"] = spec.min;
      row["max"] = spec.max;
      row["step"] = spec.step;
    }
    if (!spec.choices.empty()) row["choices"] = spec.choices;
    rows.push_back(std::move(row));
  }
  auto presets = nlohmann::json::array();
  for (const auto& one : pipeline::presets_of(app.spec))
    presets.push_back({{"name", one.name}, {"file", one.file.string()}, {"description", one.description}});
  nlohmann::json out = {{"pipeline", app.spec.name},
                        {"file", app.spec.file.string()},
                        {"preset", nullptr},
                        {"presets", presets},
                        {"params", rows}};
  if (!app.preset.name.empty()) out["preset"] = app.preset.name;
  return out;
}

Result<std::string> parameters_document() {
  std::string text = kDocument;
  std::vector<Section> sections;
  TARSIER_TRY(const auto catalogue, models::Catalogue::load_default());
  for (const auto& name : pipeline::pipeline_names()) {
    Application app;
    app.catalogue = catalogue;
    app.options.pipeline = name;
    TARSIER_CHECK(read_pipeline(app));
    for (const auto& stage : app.spec.stages) add_stage(app, stage, sections);
    for (const auto& preset : pipeline::presets_of(app.spec)) {
      if (!preset.own)
        text += fmt::format("| {} | `{}` | {} |\n", name, preset.name, cell(preset.description));
    }
  }
  std::ranges::sort(sections, {}, &Section::type);
  for (const auto& section : sections) text += table_of(section);
  return text;
}

}  // namespace tarsier::app
