#include "core/file.hpp"

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <fmt/ranges.h>
#include <fstream>
#include <memory>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "core/write_all.hpp"

#ifndef TARSIER_SOURCE_DIR
#define TARSIER_SOURCE_DIR "."
#endif

namespace tarsier {
namespace fs = std::filesystem;
namespace {

std::string hex_text(std::span<const unsigned char> bytes) {
  return fmt::format("{:02x}", fmt::join(bytes, ""));
}

}  // namespace

Result<std::vector<std::byte>> read_file(const fs::path& path) {
  std::error_code code;
  if (!fs::exists(path, code)) return input_error("{}: no such file", path.string());
  if (fs::is_directory(path, code)) return input_error("{}: is a folder, a file is expected", path.string());
  std::ifstream in(path, std::ios::binary | std::ios::ate);
  if (!in) return input_error("{}: cannot be opened: {}", path.string(), std::strerror(errno));
  std::vector<std::byte> bytes(static_cast<size_t>(in.tellg()));
  in.seekg(0);
  in.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  if (!in) return input_error("{}: cannot be read: {}", path.string(), std::strerror(errno));
  return bytes;
}

Result<std::string> read_text(const fs::path& path) {
  TARSIER_TRY(const auto bytes, read_file(path));
  return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

Status write_file_atomic(const fs::path& path, std::span<const std::byte> bytes) {
  std::error_code code;
  if (path.has_parent_path()) fs::create_directories(path.parent_path(), code);
  const fs::path temporary = path.string() + fmt::format(".{}.partial", getpid());
  const auto fail = [&](const char* what, int reason = errno) {
    fs::remove(temporary, code);
    return runtime_error("{}: cannot be {}: {}; free space or choose another folder", path.string(), what,
                         std::strerror(reason));
  };
  const int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) return fail("created");
  struct stat replaced {};
  if (::stat(path.c_str(), &replaced) == 0) ::fchmod(fd, replaced.st_mode & 07777U);  // who may read it stays
  if (const int reason = write_all(fd, {reinterpret_cast<const char*>(bytes.data()), bytes.size()})) {
    ::close(fd);
    return fail("written", reason);
  }
  if (::fsync(fd) != 0 || ::close(fd) != 0) return fail("written");
  if (::rename(temporary.c_str(), path.c_str()) != 0) return fail("put in place");
  return {};
}

Status write_text_atomic(const fs::path& path, std::string_view text) {
  return write_file_atomic(path, std::as_bytes(std::span(text.data(), text.size())));
}

std::string sha256_hex(std::span<const std::byte> bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int length = 0;
  EVP_Digest(bytes.data(), bytes.size(), digest.data(), &length, EVP_sha256(), nullptr);
  return hex_text(std::span(digest).first(length));
}

Result<std::string> sha256_of_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return input_error("{}: cannot be opened: {}", path.string(), std::strerror(errno));
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr);
  std::vector<char> part(size_t{1} << 20);  // a recording may be larger than the memory
  do {
    in.read(part.data(), static_cast<std::streamsize>(part.size()));
    EVP_DigestUpdate(context.get(), part.data(), static_cast<size_t>(in.gcount()));
  } while (in);
  if (!in.eof()) return input_error("{}: cannot be read: {}", path.string(), std::strerror(errno));
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int length = 0;
  EVP_DigestFinal_ex(context.get(), digest.data(), &length);
  return hex_text(std::span(digest).first(length));
}

uint64_t hash64(std::span<const std::byte> bytes, uint64_t seed) {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

fs::path cache_dir() {
  fs::path base;
  if (const char* xdg = std::getenv("XDG_CACHE_HOME"); xdg != nullptr && *xdg != 0) {
    base = xdg;
  } else if (const char* home = std::getenv("HOME"); home != nullptr && *home != 0) {
    base = fs::path(home) / ".cache";
  } else {
    base = fs::temp_directory_path();
  }
  base /= "tarsier";
  std::error_code code;
  fs::create_directories(base, code);
  return base;
}

fs::path config_dir() {
  if (const char* xdg = std::getenv("XDG_CONFIG_HOME"); xdg != nullptr && *xdg == '/')
    return fs::path(xdg) / "tarsier";
  if (const char* home = std::getenv("HOME"); home != nullptr && *home != 0)
    return fs::path(home) / ".config" / "tarsier";
  return {};
}

fs::path home_dir() {
  if (const char* home = std::getenv("TARSIER_HOME"); home != nullptr && *home != 0) return home;
  std::error_code code;
  for (fs::path at = fs::read_symlink("/proc/self/exe", code).parent_path(); at.has_relative_path();
       at = at.parent_path()) {
    if (fs::exists(at / "assets" / "models.toml", code)) return at;
  }
  return TARSIER_SOURCE_DIR;
}

}  // namespace tarsier
