// What a file that is no model looks like, so that the error can say so.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace tarsier::import {

/// "an HTML page", "a ZIP archive", ...; empty where the bytes are not recognised.
std::string_view foreign_kind(std::span<const std::byte> bytes);
/// First character that is no white space (and no UTF-8 byte order mark); '\0' where there is none.
char first_character(std::span<const std::byte> bytes);

}  // namespace tarsier::import
