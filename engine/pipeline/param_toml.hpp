// What the TOML files of pipelines and presets have in common: parameters, and errors that say where.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <toml++/toml.h>

#include "core/param.hpp"
#include "core/result.hpp"

namespace tarsier::pipeline {

/// Errors (kInput): no TOML, with line and column.
Result<toml::table> parse_toml(std::string_view text, const std::filesystem::path& file);

/// "street.toml:12"
[[nodiscard]] std::string place_of(const std::filesystem::path& file, const toml::node& node);
/// The error, told at that place.
[[nodiscard]] Error at(const std::filesystem::path& file, const toml::node& node, std::string_view what);

/// A value, or a table of them: [stage.camera] with `height` is the parameter "<stage>.camera.height". Kept
/// in `params` for whoever declares it. Errors (kInput): a value of no parameter's type.
Status set_params(const std::filesystem::path& file, const std::string& key, const toml::node& value,
                  ParamOrigin origin, Params& params);

/// As such a file has it: 0.5, true, "blur", ["person", "car"].
[[nodiscard]] std::string toml_text(const ParamValue& value);
/// As a basic string of TOML.
[[nodiscard]] std::string toml_quoted(std::string_view text);

}  // namespace tarsier::pipeline
