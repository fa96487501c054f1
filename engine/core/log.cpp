#include "core/log.hpp"

#include <spdlog/sinks/stdout_color_sinks.h>

namespace tarsier::log {

void init(const std::string& level) {
  static auto logger = spdlog::stderr_color_mt("tarsier");
  logger->set_pattern("%^%l%$: %v");
  logger->set_level(spdlog::level::from_str(level));
  spdlog::set_default_logger(logger);
}

}  // namespace tarsier::log
