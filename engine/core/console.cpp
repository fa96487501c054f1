#include "core/console.hpp"

#include <atomic>
#include <cerrno>
#include <cstring>

namespace tarsier {
namespace {

std::atomic<int> output_error = 0;  // errno of the first failure on standard output

void keep(std::FILE* stream, int code) {
  int none = 0;
  if (stream == stdout && code != EPIPE) output_error.compare_exchange_strong(none, code);
}

}  // namespace

void put(std::FILE* stream, std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stream) != text.size()) keep(stream, errno);
}

Status console_status() {
  if (std::fflush(stdout) != 0) keep(stdout, errno);
  if (const int code = output_error.exchange(0); code != 0)
    return runtime_error("standard output cannot be written: {}", std::strerror(code));
  return {};
}

}  // namespace tarsier
