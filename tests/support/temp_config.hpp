// A folder of the user's own files (presets) for a test, in place of his real one.
#pragma once

#include <cstdlib>
#include <optional>
#include <string>

#include "support/temp_folder.hpp"

namespace tarsier::test {

class TempConfig {
 public:
  TempConfig() {
    if (const char* was = std::getenv("XDG_CONFIG_HOME")) was_ = was;
    ::setenv("XDG_CONFIG_HOME", folder_.path().c_str(), 1);
  }
  ~TempConfig() {
    if (was_) {
      ::setenv("XDG_CONFIG_HOME", was_->c_str(), 1);
    } else {
      ::unsetenv("XDG_CONFIG_HOME");
    }
  }
  TempConfig(const TempConfig&) = delete;
  TempConfig& operator=(const TempConfig&) = delete;
  /// Where the user's presets of a pipeline are.
  [[nodiscard]] std::filesystem::path presets(const std::string& pipeline) const {
    const auto folder = folder_ / "tarsier" / "presets" / pipeline;
    std::filesystem::create_directories(folder);
    return folder;
  }

 private:
  TempFolder folder_;
  std::optional<std::string> was_;
};

}  // namespace tarsier::test
