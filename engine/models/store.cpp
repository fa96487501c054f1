#include "models/store.hpp"

#include <cstdlib>
#include <optional>
#include <toml++/toml.h>

#include "core/file.hpp"
#include "core/text.hpp"

namespace tarsier::models {
namespace fs = std::filesystem;
namespace {

fs::path config_file() {
  if (const char* xdg = std::getenv("XDG_CONFIG_HOME"); xdg != nullptr && *xdg != 0)
    return fs::path(xdg) / "tarsier" / "config.toml";
  if (const char* home = std::getenv("HOME"); home != nullptr && *home != 0)
    return fs::path(home) / ".config" / "tarsier" / "config.toml";
  return {};
}

Status add_mirror(const std::string& folder, std::string_view origin, StoreOptions& options) {
  std::error_code code;
  if (!fs::is_directory(folder, code))
    return input_error("{}: {} is no folder; name the one that holds the model files", origin, folder);
  options.mirrors.emplace_back(folder);
  return {};
}

Status read_config(const fs::path& path, StoreOptions& options) {
  toml::table table;
  try {
    TARSIER_TRY(const std::string text, read_text(path));
    table = toml::parse(text, path.string());
  } catch (const toml::parse_error& error) {
    const auto at = error.source().begin;
    return input_error("{}:{}:{}: {}", path.string(), at.line, at.column, error.description());
  }
  for (const auto& [key, value] : table) {
    if (key.str() != "model_path") {
      const std::vector<std::string> known = {"model_path"};
      return input_error("{}:{}: unknown key '{}'{}", path.string(), value.source().begin.line, key.str(),
                         did_you_mean(key.str(), known));
    }
    const std::string origin = fmt::format("{}: model_path", path.string());
    if (const auto text = value.value<std::string>()) {
      TARSIER_CHECK(add_mirror(*text, origin, options));
      continue;
    }
    if (value.as_array() == nullptr) return input_error("{} must be a text or a list of texts", origin);
    for (const auto& item : *value.as_array()) {
      const auto text = item.value<std::string>();
      if (!text) return input_error("{} must be a text or a list of texts", origin);
      TARSIER_CHECK(add_mirror(*text, origin, options));
    }
  }
  return {};
}

/// All of these files in this folder; nullopt where one is missing.
std::optional<ModelFiles> files_in(const std::vector<FileSpec>& files, const fs::path& folder) {
  std::error_code code;
  ModelFiles found;
  for (const auto& file : files) {
    fs::path path = folder / file.name;
    if (!fs::is_regular_file(path, code)) return std::nullopt;
    found.files.push_back(std::move(path));
  }
  found.main = found.files.front();
  return found;
}

Status check(const Entry& entry, const ModelFiles& found) {
  for (size_t i = 0; i < entry.files.size(); ++i) {
    TARSIER_TRY(const std::string got, sha256_of_file(found.files[i]));
    if (got != entry.files[i].sha256) {
      return input_error("{}: wrong SHA-256: expected {}, got {}; replace the file{}",
                         found.files[i].string(), entry.files[i].sha256, got,
                         entry.sources.empty() ? " by the one that comes with Tarsier"
                                               : ", or remove it to have it fetched");
    }
  }
  return {};
}

/// The networks that come with Tarsier.
fs::path shipped_folder() {
  return home_dir() / "assets" / "models";
}

}  // namespace

Result<StoreOptions> store_options(const std::vector<std::string>& model_path_flags) {
  StoreOptions options;
  for (const auto& folder : model_path_flags) TARSIER_CHECK(add_mirror(folder, "--model-path", options));
  if (const char* list = std::getenv("TARSIER_MODEL_PATH"); list != nullptr) {
    for (const auto& folder : split(list, ':')) {
      // The environment may name a folder of another machine: not an error, unlike what was asked for
      // explicitly.
      std::error_code code;
      if (!folder.empty() && fs::is_directory(folder, code)) options.mirrors.emplace_back(folder);
    }
  }
  std::error_code code;
  if (const fs::path config = config_file(); !config.empty() && fs::exists(config, code)) {
    TARSIER_CHECK(read_config(config, options));
  }
  options.mirrors.push_back(shipped_folder());
  return options;
}

fs::path cache_folder(const Entry& entry, const StoreOptions& options) {
  const fs::path root = options.cache.empty() ? cache_dir() / "models" : options.cache;
  std::string all;
  for (const auto& file : entry.files) all += file.sha256;
  // The hash of a single file is its SHA-256 itself, which a user can compare by eye.
  const std::string key =
      entry.files.size() == 1 ? all : sha256_hex(std::as_bytes(std::span(all.data(), all.size())));
  return root / entry.name / key.substr(0, 12);
}

Result<ModelFiles> locate(const Entry& entry, const StoreOptions& options) {
  if (!entry.own_file.empty()) return ModelFiles{entry.own_file, {entry.own_file}};
  for (const auto& mirror : options.mirrors) {
    for (const auto& folder : {mirror, mirror / entry.name}) {
      if (auto found = files_in(entry.files, folder)) {
        TARSIER_CHECK(check(entry, *found));
        return *std::move(found);
      }
    }
  }
  if (auto found = files_in(entry.files, cache_folder(entry, options)); found && check(entry, *found).ok())
    return *std::move(found);
  std::vector<std::string> names;
  for (const auto& file : entry.files) names.push_back(file.name);
  if (entry.sources.empty()) {
    return input_error(
        "network '{}' comes with Tarsier, but {} is not in {}; put it back, or give --model-path FOLDER",
        entry.name, join(names, " and "), shipped_folder().string());
  }
  return input_error(
      "network '{}' is not on this machine; `tarsier models {} {}` gets it, or put {} into a folder and give "
      "--model-path FOLDER",
      entry.name, entry.needs_consent ? "add" : "fetch", entry.name, join(names, " and "));
}

std::string state_of(const Entry& entry, const StoreOptions& options) {
  if (!entry.own_file.empty()) return "own file";
  for (const auto& mirror : options.mirrors) {
    for (const auto& folder : {mirror, mirror / entry.name}) {
      const auto found = files_in(entry.files, folder);
      if (!found) continue;
      const bool right = check(entry, *found).ok();
      if (right && mirror == shipped_folder()) return "comes with Tarsier";
      return fmt::format("{} {}", right ? "in" : "wrong SHA-256 in", folder.string());
    }
  }
  const auto found = files_in(entry.files, cache_folder(entry, options));
  return found && check(entry, *found).ok() ? "cached" : "not fetched";
}

}  // namespace tarsier::models
