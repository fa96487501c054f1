#include "pipeline/stage.hpp"

#include "core/text.hpp"

namespace tarsier::pipeline {
namespace {

struct StageType {
  std::string name;
  Result<std::unique_ptr<Stage>> (*make)(const StageSpec&, StageContext&);
};

const StageType kTypes[] = {
    {"detect", make_detect_stage},
    {"segment", make_segment_stage},
};

}  // namespace

Result<std::unique_ptr<Stage>> make_stage(const StageSpec& spec, StageContext& context) {
  std::vector<std::string> known;
  for (const auto& type : kTypes) {
    if (type.name == spec.type) return type.make(spec, context);
    known.push_back(type.name);
  }
  return input_error("stage '{}': there is no type '{}'{}; types are {}", spec.name, spec.type,
                     did_you_mean(spec.type, known), join(known, ", "));
}

}  // namespace tarsier::pipeline
