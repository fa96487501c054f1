// A file that grows while others may read it, and stays as far as it came.
#pragma once

#include <filesystem>
#include <string_view>
#include <utility>

#include "core/result.hpp"

namespace tarsier {

class AppendedFile {
 public:
  AppendedFile() = default;
  /// Errors (kInput): it cannot be made.
  static Result<AppendedFile> create(const std::filesystem::path& path);
  ~AppendedFile();
  AppendedFile(AppendedFile&& other) noexcept;
  AppendedFile& operator=(AppendedFile&& other) noexcept;
  AppendedFile(const AppendedFile&) = delete;
  AppendedFile& operator=(const AppendedFile&) = delete;

  /// The text is with the system when this returns: a program that dies then has written it. Errors
  /// (kRuntime): a full disk; a part of the text may be there.
  Status append(std::string_view text);
  /// Waits for the disk. Nothing where none is open.
  Status close();

 private:
  std::filesystem::path path_;
  int descriptor_ = -1;
};

}  // namespace tarsier
