// All lines of a session's results.
#pragma once

#include <string>
#include <vector>

#include "record/session.hpp"

namespace tarsier::test {

inline std::vector<std::string> all_results(const record::Session& session) {
  std::vector<std::string> lines;
  auto results = session.results();
  while (auto line = results.next()) lines.push_back(*std::move(line));
  return lines;
}

}  // namespace tarsier::test
