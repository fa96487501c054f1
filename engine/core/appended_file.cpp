#include "core/appended_file.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

#include "core/write_all.hpp"

namespace tarsier {
namespace {

Error failure(const std::filesystem::path& path, int reason) {
  return runtime_error("{}: cannot be written: {}; free space or choose another place", path.string(),
                       std::strerror(reason));
}

}  // namespace

Result<AppendedFile> AppendedFile::create(const std::filesystem::path& path) {
  AppendedFile file;
  file.path_ = path;
  file.descriptor_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0644);
  if (file.descriptor_ < 0)
    return input_error("{}: cannot be made: {}; choose another place", path.string(), std::strerror(errno));
  return file;
}

AppendedFile::~AppendedFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

AppendedFile::AppendedFile(AppendedFile&& other) noexcept
    : path_(std::move(other.path_)), descriptor_(std::exchange(other.descriptor_, -1)) {}

AppendedFile& AppendedFile::operator=(AppendedFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

Status AppendedFile::append(std::string_view text) {
  if (const int reason = write_all(descriptor_, text)) return failure(path_, reason);
  return {};
}

Status AppendedFile::close() {
  if (descriptor_ < 0) return {};
  const bool synchronised = ::fsync(descriptor_) == 0;
  const int reason = errno;
  const bool closed = ::close(std::exchange(descriptor_, -1)) == 0;
  if (!synchronised || !closed) return failure(path_, synchronised ? errno : reason);
  return {};
}

}  // namespace tarsier
