// Runs another program (npm, tar) without a shell.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "core/result.hpp"

namespace tarsier::models {

struct ProcessResult {
  int exit_code = 0;   // 128 + signal for a killed one
  std::string output;  // standard output and standard error together, at most 1 MiB
};

/// Starts arguments[0] (found along PATH) in `folder` and waits. `poll` is called about ten times a second;
/// returning false ends the program (SIGTERM) and gives its result. Error (kRuntime): it cannot be started.
Result<ProcessResult> run_process(const std::vector<std::string>& arguments,
                                  const std::filesystem::path& folder, const std::function<bool()>& poll);

/// Whether a program of that name is found along PATH.
bool have_program(const std::string& name);

}  // namespace tarsier::models
