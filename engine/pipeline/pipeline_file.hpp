// pipelines/*.toml: which stages a pipeline has, in order, and the parameters that it sets.
#pragma once

#include <filesystem>
#include <string>
#include <tuple>
#include <vector>

#include "core/param.hpp"
#include "core/result.hpp"
#include "vision/zones.hpp"

namespace tarsier::pipeline {

/// One [[stage.mask]]: a mask that a segmentation stage makes of one output of its network.
struct MaskSpec {
  std::string name;    // parameters are "stage.name.opacity", ...
  std::string output;  // of the network
  std::string color;   // "#rrggbb"
  double opacity = 0.4;
  std::string place;                              // file and line, for messages
  bool operator==(const MaskSpec& other) const {  // wherever it is written
    return std::tie(name, output, color, opacity) ==
           std::tie(other.name, other.output, other.color, other.opacity);
  }
};

/// One [[stage.zone]] or [[stage.line]]: name and points, which the stage checks.
struct ZoneSpec {
  vision::ZoneShape shape;
  std::string source;  // the clip or camera whose picture it is a place of, without folders; empty: of any
  std::string place;   // file and line, for messages
  bool operator==(const ZoneSpec& other) const { return shape == other.shape && source == other.source; }
};

/// One [[stage]].
struct StageSpec {
  std::string name;  // prefix of its parameters
  std::string type;  // "detect", "segment"
  std::vector<MaskSpec> masks;
  std::vector<ZoneSpec> zones;
  std::string place;  // file and line, for messages
  bool operator==(const StageSpec& other) const {
    return std::tie(name, type, masks, zones) == std::tie(other.name, other.type, other.masks, other.zones);
  }
};

struct PipelineSpec {
  std::string name;  // the file's name without .toml
  std::filesystem::path file;
  std::string description;  // one line, for --help and the overlay
  std::vector<StageSpec> stages;
};

/// Reads a pipeline by name (pipelines/NAME.toml under home_dir()) or by path. Every other key of a stage
/// becomes a value of origin kPipeline in `params`, for the stage to declare. Errors (kInput): no such
/// pipeline (with the nearest one), a TOML error with line and column, a missing or doubled stage name.
Result<PipelineSpec> load_pipeline(const std::string& name_or_path, Params& params);
/// Names under pipelines/.
std::vector<std::string> pipeline_names();

}  // namespace tarsier::pipeline
