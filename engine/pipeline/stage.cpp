#include "pipeline/stage.hpp"

#include "core/text.hpp"
#include "import/import.hpp"

namespace tarsier::pipeline {
namespace {

using Before = std::span<const StageSpec>;

struct StageType {
  std::string name;
  Status (*declare)(const StageSpec&, Before, const models::Catalogue&, Params&);
  Result<std::unique_ptr<Stage>> (*make)(const StageSpec&, StageContext&);
};

const StageType kTypes[] = {
    {"detect",
     [](const StageSpec& spec, Before, const models::Catalogue& catalogue, Params& params) {
       return declare_detect_stage(spec, catalogue, params);
     },
     make_detect_stage},
    {"segment",
     [](const StageSpec& spec, Before, const models::Catalogue& catalogue, Params& params) {
       return declare_segment_stage(spec, catalogue, params);
     },
     make_segment_stage},
    {"track",
     [](const StageSpec& spec, Before before, const models::Catalogue&, Params& params) {
       return declare_track_stage(spec, before, params);
     },
     make_track_stage},
    {"range",
     [](const StageSpec& spec, Before before, const models::Catalogue&, Params& params) {
       return declare_range_stage(spec, before, params);
     },
     make_range_stage},
};

Result<const StageType*> find_type(const StageSpec& spec) {
  std::vector<std::string> known;
  for (const auto& type : kTypes) {
    if (type.name == spec.type) return &type;
    known.push_back(type.name);
  }
  return input_error("stage '{}': there is no type '{}'{}; types are {}", spec.name, spec.type,
                     did_you_mean(spec.type, known), join(known, ", "));
}

}  // namespace

Status declare_stage(const StageSpec& spec, std::span<const StageSpec> before,
                     const models::Catalogue& catalogue, Params& params) {
  TARSIER_TRY(const auto* type, find_type(spec));
  return type->declare(spec, before, catalogue, params);
}

Result<std::unique_ptr<Stage>> make_stage(const StageSpec& spec, StageContext& context) {
  TARSIER_TRY(const auto* type, find_type(spec));
  return type->make(spec, context);
}

Error unsuitable(const models::Entry& entry, std::string_view does, std::string_view task) {
  if (entry.own_file.empty()) {
    return input_error("{}: {} (its head is '{}'); choose one whose task is {} in `tarsier models list`",
                       entry.name, does, models::name_of(entry.head), task);
  }
  if (const auto graph = import::load_model(entry.own_file); !graph.ok()) return graph.error();
  auto description = entry.own_file;
  description.replace_extension(".toml");
  return input_error("{}: {} (its head is '{}'); say in {} how its output is read (head, outputs, input)",
                     entry.own_file.string(), does, models::name_of(entry.head), description.string());
}

}  // namespace tarsier::pipeline
