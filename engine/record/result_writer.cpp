#include "record/result_writer.hpp"

#include <cerrno>
#include <charconv>
#include <cstring>
#include <fcntl.h>
#include <optional>
#include <sys/stat.h>
#include <unistd.h>

#include "core/write_all.hpp"
#include "record/result_json.hpp"

namespace tarsier::record {
namespace fs = std::filesystem;
namespace {

/// The descriptor that a path means rather than a file: "-", /dev/stdout, /dev/fd/3. Behind a redirection
/// these lead to a regular file, and a file put in their place would replace the link itself.
std::optional<int> descriptor_of(const fs::path& path) {
  if (path == "-" || path == "/dev/stdout") return STDOUT_FILENO;
  if (path == "/dev/stderr") return STDERR_FILENO;
  const fs::path folder = path.parent_path();
  if (folder != "/dev/fd" && folder != "/proc/self/fd") return std::nullopt;
  const std::string name = path.filename();
  int number = -1;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (error != std::errc() || end != name.data() + name.size() || number < 0) return std::nullopt;
  return number;
}

}  // namespace

bool is_standard_output(const fs::path& path) {
  return descriptor_of(path) == STDOUT_FILENO;
}

Result<std::unique_ptr<JsonLinesWriter>> JsonLinesWriter::open(const fs::path& path) {
  std::unique_ptr<JsonLinesWriter> writer(new JsonLinesWriter);
  writer->path_ = path;
  if (const auto descriptor = descriptor_of(path)) {
    if (*descriptor == STDOUT_FILENO) writer->path_ = "standard output";
    writer->descriptor_ = ::fcntl(*descriptor, F_DUPFD_CLOEXEC, 0);
    if (writer->descriptor_ < 0)
      return input_error("{}: cannot be written: {}; choose another place", path.string(),
                         std::strerror(errno));
    return writer;
  }
  if (writer->path_.filename().empty()) return input_error("{}: is a folder; name a file", path.string());
  std::error_code code;
  const auto status = fs::status(writer->path_, code);
  if (fs::is_directory(status)) return input_error("{}: is a folder; name a file", path.string());
  fs::path target = writer->path_;
  if (!fs::exists(status) || fs::is_regular_file(status)) {
    if (path.has_parent_path()) {
      fs::create_directories(path.parent_path(), code);
      if (code) {
        return input_error("{}: its folder cannot be made: {}; choose another place", path.string(),
                           code.message());
      }
    }
    target += ".partial";
    writer->partial_ = target;
  }
  writer->descriptor_ = ::open(target.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (writer->descriptor_ < 0) {
    const int reason = errno;
    writer->partial_.clear();
    return input_error("{}: cannot be written: {}; choose another place", path.string(),
                       std::strerror(reason));
  }
  return writer;
}

JsonLinesWriter::~JsonLinesWriter() {
  if (descriptor_ >= 0) ::close(descriptor_);
  if (!partial_.empty()) {
    std::error_code code;
    fs::remove(partial_, code);
  }
}

Status JsonLinesWriter::fail(std::string_view what, int reason) {
  failed_ = true;
  failure_ = runtime_error("{}: {} after {} lines: {}; free space or choose another place", path_.string(),
                           what, lines_, std::strerror(reason));
  if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
  if (!partial_.empty()) {
    std::error_code code;
    fs::remove(partial_, code);
    partial_.clear();
  }
  return failure_;
}

Status JsonLinesWriter::write(const pipeline::FrameResult& result) {
  if (failed_) return failure_;
  if (descriptor_ < 0) return runtime_error("{}: already finished", path_.string());
  buffer_.clear();
  append_line(buffer_, result, labels_, told_.get());
  told_ = result.settings;
  if (const int reason = write_all(descriptor_, buffer_)) return fail("cannot be written", reason);
  ++lines_;
  return {};
}

Status JsonLinesWriter::finish() {
  if (failed_) return failure_;
  if (descriptor_ < 0) return {};
  // A network file system may report a full disk only now. Pipes cannot be synchronised, and need not.
  if (!partial_.empty() && ::fsync(descriptor_) != 0) return fail("cannot be flushed", errno);
  if (::close(std::exchange(descriptor_, -1)) != 0) return fail("cannot be closed", errno);
  if (!partial_.empty()) {
    if (::rename(partial_.c_str(), path_.c_str()) != 0) return fail("cannot be put in place", errno);
    partial_.clear();
  }
  return {};
}

}  // namespace tarsier::record
