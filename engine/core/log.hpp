// Logging: spdlog to standard error, so that standard output stays for results.
#pragma once

#include <spdlog/spdlog.h>

namespace tarsier::log {

/// Level names as spdlog's: trace, debug, info, warn, error, off.
void init(const std::string& level = "info");
using spdlog::debug;
using spdlog::error;
using spdlog::info;
using spdlog::warn;

}  // namespace tarsier::log
