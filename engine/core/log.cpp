#include "core/log.hpp"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <unistd.h>

namespace tarsier::log {

void init(const std::string& level) {
  static auto logger = spdlog::stderr_color_mt("tarsier");
  // On a terminal a progress line may be in the way: it is drawn anew when it moves on.
  const std::string clear = ::isatty(STDERR_FILENO) == 1 ? "\r\033[K" : "";
  logger->set_pattern(clear + "%^%l%$: %v");
  logger->set_level(spdlog::level::from_str(level));
  spdlog::set_default_logger(logger);
}

}  // namespace tarsier::log
