#include "core/param_text.hpp"

#include <fmt/format.h>

#include "core/text.hpp"

namespace tarsier {
namespace {

constexpr size_t kFewChoices = 12;

}  // namespace

std::string value_text(const ParamSpec& spec, const ParamValue& value) {
  const auto* names = std::get_if<std::vector<std::string>>(&value);
  return names != nullptr && names->empty() ? spec.empty : to_string(value);
}

std::string range_text(const ParamSpec& spec) {
  switch (spec.type) {
    case ParamType::kBool:
      return "on, off";
    case ParamType::kInt:
    case ParamType::kFloat:
      return fmt::format("{:g} to {:g}", spec.min, spec.max);
    case ParamType::kChoice:
      return join(spec.choices, ", ");
    case ParamType::kText:
      return "";
    case ParamType::kSet:
      return spec.choices.size() > kFewChoices ? fmt::format("any of {} names", spec.choices.size())
                                               : "any of " + join(spec.choices, ", ");
  }
  return "";
}

std::string source_text(const ParamSource& source, const std::string& preset) {
  const std::string place = source.place.substr(source.place.rfind('/') + 1);
  switch (source.origin) {
    case ParamOrigin::kDefault:
      return "default";
    case ParamOrigin::kPreset:
      return fmt::format("preset {}, {}", preset, place);
    case ParamOrigin::kPipeline:
    case ParamOrigin::kCommandLine:
      return place.empty() ? std::string(name_of(source.origin)) : place;
    case ParamOrigin::kOverlay:
      return "here";
  }
  return "";
}

}  // namespace tarsier
