// Bytes as text.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"

namespace tarsier {

/// RFC 4648, section 4, padded.
[[nodiscard]] std::string base64(std::span<const std::byte> bytes);
/// Errors (kInput): a text that base64() never makes.
Result<std::vector<std::byte>> from_base64(std::string_view text);

}  // namespace tarsier
