// A folder of the user's own files (presets) for a test, in place of his real one.
#pragma once

#include "support/own_folder.hpp"

namespace tarsier::test {

struct TempConfig : OwnFolder {
  TempConfig() : OwnFolder("XDG_CONFIG_HOME") {}
  /// Where the user's presets of a pipeline are.
  [[nodiscard]] std::filesystem::path presets(const std::string& pipeline) const {
    const auto folder = *this / "tarsier" / "presets" / pipeline;
    std::filesystem::create_directories(folder);
    return folder;
  }
};

}  // namespace tarsier::test
