#include "app/progress_line.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "core/console.hpp"

namespace tarsier::app {
namespace {

size_t terminal_columns() {
  winsize size{};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 20) return size.ws_col;
  return 80;
}

}  // namespace

ProgressLine::ProgressLine(Pace pace)
    : pace_(pace), terminal_(::isatty(STDERR_FILENO) == 1), shown_(Clock::now()) {}

ProgressLine::~ProgressLine() {
  finish();
}

void ProgressLine::log_tenths(const std::string& what, double fraction) {
  // Ten seconds apart where the end is unknown.
  const int tenth = static_cast<int>(fraction * 10);
  const bool due = fraction >= 0 ? tenth > tenth_ : Clock::now() - shown_ > std::chrono::seconds(10);
  if (!due) return;
  tenth_ = tenth;
  shown_ = Clock::now();
  print_error("{}\n", what);
}

void ProgressLine::show(const std::string& what, double fraction) {
  if (!terminal_) {
    if (pace_ == Pace::kFrames) log_tenths(what, fraction);
    return;
  }
  const auto now = Clock::now();
  if (open_ && pace_ == Pace::kFrames && now - shown_ < std::chrono::milliseconds(100)) return;
  shown_ = now;
  constexpr int kWidth = 24;
  std::string bar(kWidth, ' ');
  std::string figure;
  if (fraction >= 0) {
    const int done = static_cast<int>(std::lround(std::min(fraction, 1.0) * kWidth));
    std::fill_n(bar.begin(), done, '#');
    figure = fmt::format(" {:3.0f}%", std::min(fraction, 1.0) * 100);
  } else {
    const int at = turn_++ % (2 * kWidth - 2);
    bar[static_cast<size_t>(at < kWidth ? at : 2 * kWidth - 2 - at)] = '#';
  }
  std::string line = fmt::format("[{}]{} {}", bar, figure, what);
  line.resize(std::min(line.size(), terminal_columns() - 1));
  print_error("\r\033[K{}", line);
  std::fflush(stderr);
  open_ = true;
}

void ProgressLine::finish(const std::string& text) {
  if (open_) print_error("\r\033[K");
  open_ = false;
  if (!text.empty()) print_error("{}\n", text);
  std::fflush(stderr);
}

}  // namespace tarsier::app
