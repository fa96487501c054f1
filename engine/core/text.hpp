// Small text helpers.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tarsier {

/// The candidate with the smallest edit distance (Levenshtein), or "" where none is near (over a third of the
/// length).
std::string nearest(std::string_view word, std::span<const std::string> candidates);
/// " (did you mean 'x'?)" or "".
std::string did_you_mean(std::string_view word, std::span<const std::string> candidates);
std::vector<std::string> split(std::string_view text, char separator);
std::string join(std::span<const std::string> parts, std::string_view separator);
std::string to_lower(std::string_view text);
/// Characters outside [A-Za-z0-9_.-] become '_': a value's name as a file name.
std::string file_name_of(std::string_view name);

}  // namespace tarsier
