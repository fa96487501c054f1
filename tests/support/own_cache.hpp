// Indexes and whatever else a test keeps in the user's cache go to a folder of the test's own.
#pragma once

#include <cstdlib>
#include <optional>
#include <string>

#include "support/temp_folder.hpp"

namespace tarsier::test {

class OwnCache {
 public:
  OwnCache() {
    if (const char* before = std::getenv("XDG_CACHE_HOME")) before_ = before;
    ::setenv("XDG_CACHE_HOME", folder_.path().c_str(), 1);
  }
  ~OwnCache() {
    if (before_) {
      ::setenv("XDG_CACHE_HOME", before_->c_str(), 1);
    } else {
      ::unsetenv("XDG_CACHE_HOME");
    }
  }
  OwnCache(const OwnCache&) = delete;
  OwnCache& operator=(const OwnCache&) = delete;

 private:
  TempFolder folder_;
  std::optional<std::string> before_;
};

}  // namespace tarsier::test
