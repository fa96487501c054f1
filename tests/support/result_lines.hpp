// Results as they lie in a file, also while it is written.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/file.hpp"
#include "core/text.hpp"

namespace tarsier::test {

/// Its whole lines; none of a file that is not there yet.
inline std::vector<nlohmann::json> result_lines(const std::filesystem::path& file) {
  std::vector<nlohmann::json> lines;
  const auto text = read_text(file);
  if (!text.ok()) return lines;
  for (const auto& line : split(*text, '\n')) {
    auto json = nlohmann::json::parse(line, nullptr, false);
    if (json.is_object()) lines.push_back(std::move(json));
  }
  return lines;
}

}  // namespace tarsier::test
