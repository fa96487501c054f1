// The declared parameters for people and programs: `tarsier params`, docs/PARAMETERS.md.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "app/application.hpp"

namespace tarsier::app {

// After read_pipeline():
/// One line a parameter, with a title line.
[[nodiscard]] std::string params_table(const Application& app);
[[nodiscard]] nlohmann::json params_json(const Application& app);

/// docs/PARAMETERS.md, from the pipelines under home_dir().
Result<std::string> parameters_document();

}  // namespace tarsier::app
