#include "models/fetch.hpp"

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <curl/curl.h>
#include <memory>
#include <mutex>
#include <signal.h>
#include <unistd.h>

#include "core/file.hpp"
#include "core/text.hpp"
#include "models/process.hpp"

namespace tarsier::models {
namespace fs = std::filesystem;
namespace {

using Clock = std::chrono::steady_clock;

std::atomic<bool> interrupted = false;

/// While it lives, Ctrl-C and SIGTERM end the transfer in order, so that its temporary folder goes too.
class InterruptGuard {
 public:
  InterruptGuard() {
    interrupted = false;
    struct sigaction action {};
    action.sa_handler = [](int) { interrupted = true; };
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, &old_int_);
    sigaction(SIGTERM, &action, &old_term_);
  }
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;
  ~InterruptGuard() {
    sigaction(SIGINT, &old_int_, nullptr);
    sigaction(SIGTERM, &old_term_, nullptr);
  }

 private:
  struct sigaction old_int_ {};
  struct sigaction old_term_ {};
};

/// A folder that is removed with everything in it.
class TemporaryFolder {
 public:
  static Result<std::unique_ptr<TemporaryFolder>> create(const fs::path& parent) {
    std::error_code code;
    fs::create_directories(parent, code);
    std::string name = (parent / ".fetch-XXXXXX").string();
    if (code || ::mkdtemp(name.data()) == nullptr) {
      return runtime_error(
          "{}: no folder can be made here: {}; free space, or set XDG_CACHE_HOME to a place that can be "
          "written",
          parent.string(), code ? code.message() : std::strerror(errno));
    }
    return std::unique_ptr<TemporaryFolder>(new TemporaryFolder(name));
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() {
    std::error_code code;
    fs::remove_all(path_, code);
  }
  [[nodiscard]] const fs::path& path() const { return path_; }

 private:
  explicit TemporaryFolder(fs::path path) : path_(std::move(path)) {}
  fs::path path_;
};

/// Reports progress with the time that has passed; false once the user has interrupted.
class Reporter {
 public:
  Reporter(const Entry& entry, const SourceSpec& source, const FetchCallback& callback)
      : callback_(callback), what_(fmt::format("{} from {}", entry.name, source.describe())) {}
  bool report(uint64_t bytes, uint64_t total) const {
    if (callback_)
      callback_({what_, bytes, total, std::chrono::duration<double>(Clock::now() - start_).count()});
    return !interrupted;
  }

 private:
  const FetchCallback& callback_;
  std::string what_;
  Clock::time_point start_ = Clock::now();
};

/// The line of npm's output that says why: "npm ERR! code ENOTFOUND" or, since npm 10, "npm error code ...".
std::string npm_reason(const ProcessResult& result) {
  std::string code;
  std::string text;
  for (const auto& line : split(result.output, '\n')) {
    for (const std::string_view prefix : {"npm ERR! ", "npm error "}) {
      if (line.rfind(prefix, 0) != 0) continue;
      const std::string rest = line.substr(prefix.size());
      if (rest.rfind("code ", 0) == 0) {
        if (code.empty()) code = rest.substr(5);
      } else if (text.empty() && rest.rfind("errno", 0) != 0 && rest.rfind("syscall", 0) != 0) {
        text = rest;
      }
    }
  }
  if (code.empty() && text.empty()) return fmt::format("npm ended with {}", result.exit_code);
  return code.empty() || text.empty() ? code + text : fmt::format("{}: {}", code, text);
}

Status fetch_npm(const Entry& entry, const SourceSpec& source, const fs::path& folder,
                 const Reporter& reporter) {
  if (!have_program("npm")) return runtime_error("the npm client is not installed; tools/setup installs it");
  const auto poll = [&] { return reporter.report(0, 0); };
  // Two retries after ten and sixty seconds are npm's defaults: too long to tell a user that there is no
  // network.
  TARSIER_TRY(
      const ProcessResult packed,
      run_process({"npm", "pack", fmt::format("{}@{}", source.npm, source.version), "--ignore-scripts",
                   "--no-audit", "--fetch-retries=1", "--fetch-retry-mintimeout=1000",
                   "--fetch-retry-maxtimeout=2000", "--pack-destination", folder.string()},
                  folder, poll));
  if (interrupted) return runtime_error("interrupted");
  if (packed.exit_code != 0) return runtime_error("{}", npm_reason(packed));
  fs::path archive;
  for (const auto& file : fs::directory_iterator(folder)) {
    if (file.path().extension() == ".tgz") archive = file.path();
  }
  if (archive.empty()) return runtime_error("npm wrote no archive");
  std::vector<std::string> arguments = {"tar", "-xzf", archive.string(), "--no-same-owner"};
  for (const auto& path : source.paths) arguments.push_back("package/" + path);
  TARSIER_TRY(const ProcessResult unpacked, run_process(arguments, folder, poll));
  if (interrupted) return runtime_error("interrupted");
  if (unpacked.exit_code != 0)
    return runtime_error("the package cannot be unpacked: {}", split(unpacked.output, '\n').front());
  for (size_t i = 0; i < source.paths.size(); ++i) {
    std::error_code code;
    fs::rename(folder / "package" / source.paths[i], folder / entry.files[i].name, code);
    if (code) return runtime_error("{}: {}", source.paths[i], code.message());
  }
  return {};
}

struct Download {
  const Reporter* reporter;
  uint64_t before;  // bytes of the files that are already there
  uint64_t total;   // of all files, 0 where unknown
};

int on_progress(void* user, curl_off_t /*total*/, curl_off_t now, curl_off_t, curl_off_t) {
  const auto* download = static_cast<const Download*>(user);
  return download->reporter->report(download->before + static_cast<uint64_t>(now), download->total) ? 0 : 1;
}

Status fetch_url(const std::string& url, const fs::path& path, Download download) {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
  const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> handle(curl_easy_init(), &curl_easy_cleanup);
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "wb"), &std::fclose);
  if (!file) return runtime_error("{}: {}", path.string(), std::strerror(errno));
  std::array<char, CURL_ERROR_SIZE> reason{};
  CURL* curl = handle.get();
  curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https,http,file");  // the SHA-256 vouches for the content
  curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, "https,http");
  curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
  curl_easy_setopt(curl, CURLOPT_MAXREDIRS, 8L);
  curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, 10L);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1024L);  // a stalled transfer ends after half a minute
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, 30L);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, file.get());
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, reason.data());
  curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, &on_progress);
  curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &download);
  curl_easy_setopt(curl, CURLOPT_USERAGENT, "tarsier");
  const CURLcode code = curl_easy_perform(curl);
  if (interrupted) return runtime_error("interrupted");
  if (code != CURLE_OK) return runtime_error("{}", reason[0] != 0 ? reason.data() : curl_easy_strerror(code));
  if (std::fflush(file.get()) != 0) return runtime_error("{}: {}", path.string(), std::strerror(errno));
  return {};
}

Status fetch_urls(const Entry& entry, const SourceSpec& source, const fs::path& folder,
                  const Reporter& reporter) {
  Download download{&reporter, 0, 0};
  for (const auto& file : entry.files) download.total += file.bytes;
  for (size_t i = 0; i < source.urls.size(); ++i) {
    TARSIER_CHECK(fetch_url(source.urls[i], folder / entry.files[i].name, download));
    download.before += entry.files[i].bytes;
  }
  return {};
}

/// Checks the fetched files and moves them, as one folder, to where locate() looks.
Status put_in_cache(const Entry& entry, const fs::path& folder, const fs::path& target) {
  const fs::path set = folder / "set";
  std::error_code code;
  fs::create_directory(set, code);
  for (const auto& file : entry.files) {
    TARSIER_TRY(const std::string got, sha256_of_file(folder / file.name));
    if (got != file.sha256) {
      return input_error("{}: wrong SHA-256: expected {}, got {}; the file was rejected", file.name,
                         file.sha256, got);
    }
    fs::rename(folder / file.name, set / file.name, code);
    if (code) return runtime_error("{}: {}", file.name, code.message());
  }
  fs::create_directories(target.parent_path(), code);
  fs::remove_all(target, code);  // a damaged set, or locate() would have taken it
  fs::rename(set, target, code);
  if (code && !fs::exists(target)) return runtime_error("{}: {}", target.string(), code.message());
  return {};
}

}  // namespace

Result<ModelFiles> fetch(const Entry& entry, const StoreOptions& options, const FetchOptions& fetch_options) {
  auto here = locate(entry, options);
  if (here || !entry.own_file.empty() || entry.sources.empty()) return here;
  // A mirror with a wrong file is the user's to mend: fetching past it would hide it.
  if (state_of(entry, options).rfind("wrong", 0) == 0) return here;
  if (entry.needs_consent && !fetch_options.consent) {
    return input_error(
        "network '{}' has weights under {}: `tarsier models add {}` shows the licence and asks", entry.name,
        entry.license, entry.name);
  }
  const fs::path target = cache_folder(entry, options);
  const InterruptGuard guard;
  std::vector<std::string> tried;
  for (const auto& source : entry.sources) {
    TARSIER_TRY(const auto folder, TemporaryFolder::create(target.parent_path().parent_path()));
    const Reporter reporter(entry, source, fetch_options.progress);
    Status status = source.npm.empty() ? fetch_urls(entry, source, folder->path(), reporter)
                                       : fetch_npm(entry, source, folder->path(), reporter);
    if (interrupted) return runtime_error("network '{}' was not fetched: interrupted", entry.name);
    if (status.ok()) status = put_in_cache(entry, folder->path(), target);
    if (status.ok()) return locate(entry, options);
    if (status.error().kind == ErrorKind::kInput) return status.error().in(source.describe());
    tried.push_back(fmt::format("{} ({})", source.describe(), status.error().message));
  }
  std::vector<std::string> names;
  for (const auto& file : entry.files) names.push_back(file.name);
  return runtime_error(
      "network '{}' could not be fetched from {}; check the connection, or put {} into a folder and give "
      "--model-path FOLDER",
      entry.name, join(tried, ", "), join(names, " and "));
}

}  // namespace tarsier::models
