// Parameters in words, for tables, tool tips and messages.
#pragma once

#include <string>

#include "core/param.hpp"

namespace tarsier {

/// "0.35", "on", "person,car"; the empty set by its word.
[[nodiscard]] std::string value_text(const ParamSpec& spec, const ParamValue& value);
/// "0.01 to 1", "on, off", "blur, none", "any of 80 names"; empty for a text.
[[nodiscard]] std::string range_text(const ParamSpec& spec);
/// "default", "street.toml:12", "preset careful, careful.toml:3", "--set", "here".
[[nodiscard]] std::string source_text(const ParamSource& source, const std::string& preset);

}  // namespace tarsier
