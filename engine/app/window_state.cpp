#include "app/window_state.hpp"

#include <cstdlib>

#include "core/file.hpp"
#include "core/log.hpp"

namespace tarsier::app {
namespace fs = std::filesystem;
namespace {

fs::path state_file() {
  fs::path base;
  if (const char* xdg = std::getenv("XDG_STATE_HOME"); xdg != nullptr && *xdg == '/') {
    base = xdg;
  } else if (const char* home = std::getenv("HOME"); home != nullptr && *home != 0) {
    base = fs::path(home) / ".local" / "state";
  } else {
    return {};
  }
  return base / "tarsier" / "panels.json";
}

}  // namespace

WindowState::WindowState() : file_(state_file()) {
  std::error_code code;
  first_run_ = !file_.empty() && !fs::exists(file_, code);
  if (file_.empty() || first_run_) return;
  auto text = read_text(file_);
  if (text.ok()) {
    panels_ = *std::move(text);
  } else {
    log::warn("{}; the panels are where they began", text.error().message);
  }
}

void WindowState::refuse(const std::string& why) const {
  log::warn("{}: {}; the panels are where they began", file_.string(), why);
}

void WindowState::keep(const std::string& panels) {
  std::error_code code;
  if (file_.empty() || failed_ || (panels == panels_ && fs::exists(file_, code))) return;
  panels_ = panels;
  if (const Status written = write_text_atomic(file_, panels); !written.ok()) {
    failed_ = true;
    log::warn("{}; panels begin at their old places next time", written.error().message);
  }
}

}  // namespace tarsier::app
