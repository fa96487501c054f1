// Where tests find clips, labels and networks that are not in the repository, and why a test cannot run
// without them.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "models/catalogue.hpp"
#include "models/store.hpp"
#include "support/temp_folder.hpp"

namespace tarsier::test {

/// $TARSIER_SHARED, or the folder `shared` beside the source tree.
inline std::filesystem::path shared_folder() {
  const char* set = std::getenv("TARSIER_SHARED");
  return set != nullptr && *set != 0 ? set : TARSIER_SOURCE_DIR "/../shared";
}

inline std::filesystem::path shared_clip(const std::string& name) {
  return shared_folder() / "footage" / name;
}

/// A reason to skip, or "".
inline std::string missing_file(const std::filesystem::path& path) {
  return std::filesystem::exists(path) ? "" : path.string() + " is not here (set TARSIER_SHARED)";
}

/// A reason to skip, or "": the network is in the catalogue and its files are at hand.
inline std::string missing_network(const std::string& network) {
  const auto catalogue = models::Catalogue::load_default();
  if (!catalogue.ok()) return catalogue.error().message;
  const auto store = models::store_options({});
  if (!store.ok()) return store.error().message;
  const auto entry = catalogue->find(network);
  if (!entry.ok()) return entry.error().message;
  const auto files = models::locate(**entry, *store);
  return files.ok() ? "" : files.error().message;
}

/// While it lives no network can be had: no npm client, no mirror, no cache. What a machine without a
/// connection meets.
class WithoutNetworks {
 public:
  WithoutNetworks() {
    for (const char* name : kNames) {
      const char* value = std::getenv(name);
      before_.push_back(value == nullptr ? std::nullopt : std::optional<std::string>(value));
      setenv(name, folder_.path().c_str(), 1);
    }
  }
  ~WithoutNetworks() {
    for (size_t i = 0; i < before_.size(); ++i) {
      if (before_[i]) {
        setenv(kNames[i], before_[i]->c_str(), 1);
      } else {
        unsetenv(kNames[i]);
      }
    }
  }
  WithoutNetworks(const WithoutNetworks&) = delete;
  WithoutNetworks& operator=(const WithoutNetworks&) = delete;
  /// Empty at first.
  [[nodiscard]] const std::filesystem::path& folder() const { return folder_.path(); }

 private:
  static constexpr const char* kNames[] = {"PATH", "XDG_CACHE_HOME", "TARSIER_MODEL_PATH"};
  TempFolder folder_;
  std::vector<std::optional<std::string>> before_;
};

}  // namespace tarsier::test
