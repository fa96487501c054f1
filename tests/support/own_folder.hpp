// What the program keeps for its user goes to a folder of the test's own, in place of his real one.
#pragma once

#include <cstdlib>
#include <optional>
#include <string>

#include "support/temp_folder.hpp"

namespace tarsier::test {

class OwnFolder {
 public:
  /// `variable` names the folder in the environment: "XDG_CACHE_HOME".
  explicit OwnFolder(const char* variable) : variable_(variable) {
    if (const char* before = std::getenv(variable)) before_ = before;
    ::setenv(variable, folder_.path().c_str(), 1);
  }
  ~OwnFolder() {
    if (before_) {
      ::setenv(variable_, before_->c_str(), 1);
    } else {
      ::unsetenv(variable_);
    }
  }
  OwnFolder(const OwnFolder&) = delete;
  OwnFolder& operator=(const OwnFolder&) = delete;
  [[nodiscard]] std::filesystem::path operator/(const std::string& name) const { return folder_ / name; }

 private:
  const char* variable_;
  TempFolder folder_;
  std::optional<std::string> before_;
};

}  // namespace tarsier::test
