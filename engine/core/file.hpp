// Files: whole reads, atomic writes, hashes, and where Tarsier keeps things.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "core/result.hpp"

namespace tarsier {

Result<std::vector<std::byte>> read_file(const std::filesystem::path& path);
Result<std::string> read_text(const std::filesystem::path& path);
/// Writes beside the target, flushes to disk, then renames: a reader sees the old file or the whole new one,
/// and a failure (full disk, unwritable folder) leaves nothing behind.
Status write_file_atomic(const std::filesystem::path& path, std::span<const std::byte> bytes);
Status write_text_atomic(const std::filesystem::path& path, std::string_view text);
/// Lower-case hexadecimal SHA-256 (FIPS 180-4).
std::string sha256_hex(std::span<const std::byte> bytes);
Result<std::string> sha256_of_file(const std::filesystem::path& path);
uint64_t hash64(std::span<const std::byte> bytes, uint64_t seed = 0);  // XXH3
/// Fetched networks, pipeline caches: $XDG_CACHE_HOME/tarsier or ~/.cache/tarsier. Created on demand.
std::filesystem::path cache_dir();
/// What the user keeps: $XDG_CONFIG_HOME/tarsier or ~/.config/tarsier. Empty without a home; not created.
std::filesystem::path config_dir();
/// The folder that holds assets/ and pipelines/: $TARSIER_HOME, else found upwards of the executable, else
/// the source tree that the program was built from.
std::filesystem::path home_dir();

}  // namespace tarsier
