#include "pipeline/pipeline_file.hpp"

#include <algorithm>
#include <cmath>

#include "core/file.hpp"
#include "core/text.hpp"
#include "pipeline/param_toml.hpp"

namespace tarsier::pipeline {
namespace fs = std::filesystem;
namespace {

Result<MaskSpec> read_mask(const fs::path& file, const toml::node& node) {
  const auto* table = node.as_table();
  if (table == nullptr) return at(file, node, "a mask must be written as [[stage.mask]]");
  MaskSpec mask;
  mask.place = place_of(file, node);
  for (const auto& [key, value] : *table) {
    if (key == "name") {
      mask.name = value.value_or(std::string());
    } else if (key == "output") {
      mask.output = value.value_or(std::string());
    } else if (key == "color") {
      mask.color = value.value_or(std::string());
    } else if (key == "opacity") {
      mask.opacity = value.value_or(-1.0);
    } else {
      const std::vector<std::string> known = {"name", "output", "color", "opacity"};
      return at(file, value,
                fmt::format("a mask has no key '{}'{}", key.str(), did_you_mean(key.str(), known)));
    }
  }
  if (mask.name.empty()) return at(file, node, "a mask needs a name");
  if (mask.opacity < 0 || mask.opacity > 1) return at(file, node, "a mask's opacity goes from 0 to 1");
  return mask;
}

/// A number, whole or not; anything else is NaN, which no frame holds.
double number_of(const toml::node& node) {
  return node.is_number() ? node.value_or(std::nan("")) : std::nan("");
}

Result<ZoneSpec> read_zone(const fs::path& file, const toml::node& node, bool line) {
  const char* what = line ? "line" : "zone";
  const auto* table = node.as_table();
  if (table == nullptr) return at(file, node, fmt::format("a {0} must be written as [[stage.{0}]]", what));
  ZoneSpec zone;
  zone.place = place_of(file, node);
  zone.shape.line = line;
  for (const auto& [key, value] : *table) {
    if (key == "name") {
      zone.shape.name = value.value_or(std::string());
    } else if (key == "source") {
      const auto* source = value.as_string();
      if (source == nullptr) return at(file, value, "a source is a text: a clip's or a camera's name");
      zone.source = source->get();
    } else if (key == "points") {
      const auto* points = value.as_array();
      if (points == nullptr) return at(file, value, "points are a list of [x, y]");
      for (const auto& item : *points) {
        const auto* point = item.as_array();
        if (point == nullptr || point->size() != 2 || !point->get(0)->is_number() ||
            !point->get(1)->is_number())
          return at(file, item, "a point is [x, y], in parts of the frame's width and height");
        zone.shape.points.push_back({number_of(*point->get(0)), number_of(*point->get(1))});
      }
    } else {
      const std::vector<std::string> known = {"name", "points", "source"};
      return at(file, value,
                fmt::format("a {} has no key '{}'{}", what, key.str(), did_you_mean(key.str(), known)));
    }
  }
  if (zone.shape.name.empty()) return at(file, node, fmt::format("a {} needs a name", what));
  return zone;
}

Result<StageSpec> read_stage(const fs::path& file, const toml::node& node, Params& params) {
  const auto* table = node.as_table();
  if (table == nullptr) return at(file, node, "a stage must be written as [[stage]]");
  StageSpec stage;
  stage.place = place_of(file, node);
  stage.name = table->get("name") != nullptr ? table->get("name")->value_or(std::string()) : "";
  stage.type = table->get("type") != nullptr ? table->get("type")->value_or(std::string()) : "";
  if (stage.name.empty()) return at(file, node, "a stage needs a name");
  if (stage.type.empty()) return at(file, node, fmt::format("stage '{}' needs a type", stage.name));
  for (const auto& [key, value] : *table) {
    if (key == "name" || key == "type") continue;
    if (key == "mask") {
      const auto* masks = value.as_array();
      if (masks == nullptr) return at(file, value, "masks must be written as [[stage.mask]]");
      for (const auto& item : *masks) {
        TARSIER_TRY(auto mask, read_mask(file, item));
        for (const auto& other : stage.masks) {
          if (other.name == mask.name)
            return at(file, item,
                      fmt::format("stage '{}' has two masks named '{}'; give one another name", stage.name,
                                  mask.name));
        }
        stage.masks.push_back(std::move(mask));
      }
      continue;
    }
    if (key == "zone" || key == "line") {
      const auto* zones = value.as_array();
      if (zones == nullptr)
        return at(file, value, fmt::format("{0}s must be written as [[stage.{0}]]", key.str()));
      for (const auto& item : *zones) {
        TARSIER_TRY(auto zone, read_zone(file, item, key == "line"));
        stage.zones.push_back(std::move(zone));
      }
      continue;
    }
    TARSIER_CHECK(
        set_params(file, fmt::format("{}.{}", stage.name, key.str()), value, ParamOrigin::kPipeline, params));
  }
  return stage;
}

}  // namespace

std::vector<std::string> pipeline_names() {
  std::vector<std::string> names;
  std::error_code code;
  for (const auto& entry : fs::directory_iterator(home_dir() / "pipelines", code)) {
    if (entry.path().extension() == ".toml") names.push_back(entry.path().stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

Result<PipelineSpec> load_pipeline(const std::string& name_or_path, Params& params) {
  const bool is_path = name_or_path.find('/') != std::string::npos || name_or_path.ends_with(".toml");
  const fs::path file =
      is_path ? fs::path(name_or_path) : home_dir() / "pipelines" / (name_or_path + ".toml");
  std::error_code code;
  if (!fs::exists(file, code)) {
    if (is_path) return input_error("{}: no such pipeline file", file.string());
    const auto names = pipeline_names();
    return input_error("pipeline '{}' is unknown{}; there are {}, or give a path to a .toml file",
                       name_or_path, did_you_mean(name_or_path, names), join(names, ", "));
  }
  TARSIER_TRY(const auto text, read_text(file));
  TARSIER_TRY(const toml::table root, parse_toml(text, file));

  PipelineSpec spec;
  spec.name = file.stem().string();
  spec.file = file;
  for (const auto& [key, value] : root) {
    if (key == "description") {
      spec.description = value.value_or(std::string());
    } else if (key == "stage") {
      const auto* stages = value.as_array();
      if (stages == nullptr) return at(file, value, "stages must be written as [[stage]]");
      for (const auto& item : *stages) {
        TARSIER_TRY(auto stage, read_stage(file, item, params));
        for (const auto& other : spec.stages) {
          if (other.name == stage.name) {
            return at(file, item,
                      fmt::format("there are two stages named '{}'; give one another name", stage.name));
          }
        }
        spec.stages.push_back(std::move(stage));
      }
    } else {
      const std::vector<std::string> known = {"description", "stage"};
      return at(file, value,
                fmt::format("a pipeline has no key '{}'{}", key.str(), did_you_mean(key.str(), known)));
    }
  }
  if (spec.stages.empty()) return input_error("{}: has no [[stage]]", file.string());
  return spec;
}

}  // namespace tarsier::pipeline
