// The whole of some bytes to a file descriptor.
#pragma once

#include <cerrno>
#include <string_view>
#include <unistd.h>

namespace tarsier {

/// write(2) until all is with the system. Returns 0, or the errno of what failed: a part may be written then.
inline int write_all(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(descriptor, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return n == 0 ? EIO : errno;
    bytes.remove_prefix(size_t(n));
  }
  return 0;
}

}  // namespace tarsier
