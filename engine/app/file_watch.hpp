// Files that are read again when they change on disk.
#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <utility>

namespace tarsier::app {

/// Notices when a file was written.
class FileWatch {
 public:
  FileWatch() = default;  // of none
  explicit FileWatch(std::filesystem::path file) : file_(std::move(file)), seen_(stamp()) {}
  /// Once after each change, looked for twice a second. A file that is away for a moment is being replaced.
  bool changed() {
    const auto now = Clock::now();
    if (now < next_look_) return false;
    next_look_ = now + std::chrono::milliseconds(500);
    const Stamp found = stamp();
    if (!found || found == seen_) return false;
    seen_ = found;
    return true;
  }
  /// As it is now it is no news.
  void take() { seen_ = stamp(); }

 private:
  using Clock = std::chrono::steady_clock;
  using Stamp = std::optional<std::pair<std::filesystem::file_time_type, uintmax_t>>;
  [[nodiscard]] Stamp stamp() const {
    std::error_code time_error, size_error;
    const auto time = std::filesystem::last_write_time(file_, time_error);
    const auto size = std::filesystem::file_size(file_, size_error);
    if (time_error || size_error) return std::nullopt;
    return std::pair(time, size);
  }
  std::filesystem::path file_;
  Stamp seen_;
  Clock::time_point next_look_;
};

}  // namespace tarsier::app
