#include "app/progress_bar.hpp"

#include <algorithm>
#include <cstdio>
#include <fmt/format.h>
#include <unistd.h>

namespace tarsier::app {

ProgressBar::ProgressBar(std::string title)
    : title_(std::move(title)), terminal_(isatty(STDERR_FILENO) == 1) {}
ProgressBar::~ProgressBar() {
  finish();
}

void ProgressBar::update(int64_t done, int64_t total, const std::string& note) {
  const auto now = Clock::now();
  const bool last = total > 0 && done >= total;
  if (!terminal_) {
    // A log file gets a line every tenth of the way, or every ten seconds where the end is unknown.
    const int tenth = total > 0 ? static_cast<int>(done * 10 / total) : 0;
    const bool due = total > 0 ? tenth > last_tenth_ : now - last_ > std::chrono::seconds(10);
    if (!due) return;
    last_tenth_ = tenth;
    last_ = now;
    const std::string of = total > 0 ? fmt::format("/{}", total) : "";
    fmt::print(stderr, "{} {}{} {}\n", title_, done, of, note);
    return;
  }
  if (drawn_ && !last && now - last_ < std::chrono::milliseconds(100)) return;
  last_ = now;
  drawn_ = true;
  if (total > 0) {
    constexpr int64_t kWidth = 30;
    const int64_t filled = std::clamp(done * kWidth / total, int64_t{0}, kWidth);
    const std::string bar = std::string(static_cast<size_t>(filled), '#') +
                            std::string(static_cast<size_t>(kWidth - filled), '.');
    fmt::print(stderr, "\r{} [{}] {}/{} {}\033[K", title_, bar, done, total, note);
  } else {
    fmt::print(stderr, "\r{} {} {}\033[K", title_, done, note);
  }
  std::fflush(stderr);
}

void ProgressBar::finish() {
  if (!drawn_) return;
  fmt::print(stderr, "\r\033[K");
  std::fflush(stderr);
  drawn_ = false;
}

}  // namespace tarsier::app
