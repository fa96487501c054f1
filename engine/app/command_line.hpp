// What the subcommands share: common flags, messages for mistyped ones, fetching with progress.
#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/commands.hpp"
#include "gpu/device.hpp"
#include "models/fetch.hpp"

namespace tarsier::app {

/// Adds --model-path and --log-level, and where `device` is set --device, --validation and --tune, to a
/// subcommand.
void add_common_flags(CLI::App& command, GlobalOptions& globals, bool device);

/// Finds the subcommand that `arguments` (without the program's name) lead to, and in them the first flag or
/// subcommand that it does not know: an error line with the nearest known one. nullopt where all are known.
std::optional<std::string> find_unknown(const CLI::App& app, const std::vector<std::string>& arguments);

/// models::fetch with a progress line.
Result<models::ModelFiles> fetch_with_progress(const models::Entry& entry,
                                               const models::StoreOptions& options, bool consent = false);

/// Whether `file` could be written, tried before long work is begun: its folder is made, nothing else stays.
/// The error (kInput) names the flag.
Status check_writable(std::string_view flag, const std::filesystem::path& file);

/// Writes a command's --json FILE; nothing where `file` is empty.
Status write_json(const std::filesystem::path& file, const nlohmann::json& json);

/// What --device and --validation ask for.
[[nodiscard]] gpu::DeviceOptions device_options(const GlobalOptions& globals);
/// The error for messages of the validation layer, which have been printed already.
Status check_validation(const gpu::Device& device);

/// "1.3 MB", for people.
std::string readable_bytes(uint64_t bytes);

}  // namespace tarsier::app
