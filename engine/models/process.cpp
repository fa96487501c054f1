#include "models/process.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/text.hpp"

namespace tarsier::models {
namespace fs = std::filesystem;
namespace {

constexpr size_t kMaxOutput = size_t{1} << 20;
constexpr int kPollMs = 100;

/// Closes its descriptor.
class Fd {
 public:
  explicit Fd(int fd = -1) : fd_(fd) {}
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  ~Fd() { reset(); }
  void reset(int fd = -1) {
    if (fd_ >= 0) ::close(fd_);
    fd_ = fd;
  }
  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
};

}  // namespace

Result<ProcessResult> run_process(const std::vector<std::string>& arguments, const fs::path& folder,
                                  const std::function<bool()>& poll) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0)
    return runtime_error("{}: no pipe: {}", arguments[0], std::strerror(errno));
  Fd reader(ends[0]);
  Fd writer(ends[1]);

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, writer.get(), STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, writer.get(), STDERR_FILENO);
  posix_spawn_file_actions_addchdir_np(&actions, folder.c_str());
  std::vector<char*> argv;
  argv.reserve(arguments.size() + 1);
  for (const auto& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  pid_t child = 0;
  const int failed = posix_spawnp(&child, argv[0], &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) return runtime_error("{} cannot be started: {}", arguments[0], std::strerror(failed));
  writer.reset();

  ProcessResult result;
  std::array<char, 4096> buffer{};
  bool asked_to_end = false;
  while (true) {
    pollfd waiting{reader.get(), POLLIN, 0};
    const int ready = ::poll(&waiting, 1, kPollMs);
    if (ready > 0) {
      const ssize_t n = ::read(reader.get(), buffer.data(), buffer.size());
      if (n == 0) break;  // every holder of the pipe has ended
      if (n < 0 && errno != EINTR) break;
      const auto fresh = static_cast<size_t>(std::max<ssize_t>(n, 0));
      result.output.append(buffer.data(), std::min(fresh, kMaxOutput - result.output.size()));
    }
    if (poll && !poll() && !asked_to_end) {
      asked_to_end = true;
      ::kill(child, SIGTERM);
    }
  }
  int state = 0;
  while (::waitpid(child, &state, 0) < 0 && errno == EINTR) {
  }
  result.exit_code = WIFEXITED(state) ? WEXITSTATUS(state) : 128 + WTERMSIG(state);
  return result;
}

bool have_program(const std::string& name) {
  const char* path = std::getenv("PATH");
  if (path == nullptr) return false;
  for (const auto& folder : split(path, ':')) {
    if (!folder.empty() && ::access((fs::path(folder) / name).c_str(), X_OK) == 0) return true;
  }
  return false;
}

}  // namespace tarsier::models
