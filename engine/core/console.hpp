// What the program tells on its standard streams. fmt::print throws where a stream cannot be written, and
// `tarsier bench net | head -3` closes it early: these functions never throw.
#pragma once

#include <cstdio>
#include <string_view>

#include "core/result.hpp"

namespace tarsier {

/// Writes to the stream. A reader that has gone (EPIPE) is no error: the rest is dropped. Any other failure,
/// such as a full disk behind a redirection, is kept for console_status().
void put(std::FILE* stream, std::string_view text);

/// Flushes standard output and gives the first failure of put() there (kRuntime).
Status console_status();

template <class... Args>
void print(fmt::format_string<Args...> format, Args&&... args) {
  put(stdout, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void print_error(fmt::format_string<Args...> format, Args&&... args) {
  put(stderr, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace tarsier
