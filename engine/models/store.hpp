// Where the files of a network lie on this machine: a mirror folder of the user's, or the cache that fetch()
// fills.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "models/catalogue.hpp"

namespace tarsier::models {

/// A network's files, present and checked.
struct ModelFiles {
  std::filesystem::path main;                // what import::load_model takes; the others lie beside it
  std::vector<std::filesystem::path> files;  // all, in the order of Entry::files
};

struct StoreOptions {
  /// Folders that are looked into first, for FILE or NAME/FILE.
  std::vector<std::filesystem::path> mirrors;
  std::filesystem::path cache;  // cache_dir()/models where empty
};

/// The mirrors in their order: `--model-path` values, $TARSIER_MODEL_PATH (separated by ':'), `model_path` (a
/// text or a list) of $XDG_CONFIG_HOME/tarsier/config.toml, assets/models/ under home_dir(). Errors (kInput):
/// a folder of --model-path or the config that is not there, an unreadable config, an unknown key in it.
Result<StoreOptions> store_options(const std::vector<std::string>& model_path_flags);

/// The folder of the cache that holds this entry, whether it is there or not. Its name has the hash of the
/// contents, so an entry that changes in a new version never meets files of the old one.
std::filesystem::path cache_folder(const Entry& entry, const StoreOptions& options);

/// Finds the files without any network. Errors (kInput): not there (says how to get them); a file of a mirror
/// whose SHA-256 is wrong, with both hashes. A damaged file in the cache counts as not there.
Result<ModelFiles> locate(const Entry& entry, const StoreOptions& options);

/// "cached", "comes with Tarsier", "in DIR", "own file", "not fetched" or "wrong SHA-256 in DIR".
std::string state_of(const Entry& entry, const StoreOptions& options);

}  // namespace tarsier::models
