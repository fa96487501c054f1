// `tarsier`: the command line. Each subcommand has its own file; see commands.hpp.
#include <csignal>
#include <cstdio>
#include <exception>

#include "app/command_line.hpp"
#include "app/commands.hpp"
#include "core/console.hpp"
#include "core/log.hpp"

namespace tarsier::app {
namespace {

constexpr const char* kExamples =
    "Examples:\n"
    "  tarsier run clip.mp4                  a clip in a window, with what is seen drawn on it\n"
    "  tarsier run 0 --pipeline webcam       the first camera\n"
    "  tarsier run clip.mp4 out.mp4          no window: an annotated video\n"
    "  tarsier models list                   the networks, and which are on this machine\n"
    "  tarsier devices                       the Vulkan devices\n"
    "  tarsier COMMAND --help                more on a command, with examples\n";

int fail(const std::string& line, int code) {
  std::fflush(stdout);
  print_error("error: {}\n", line);
  return code;
}

int run(int argc, char** argv) {
  CLI::App app("Tarsier: real-time vision on Vulkan compute", "tarsier");
  app.footer(kExamples);
  app.set_version_flag("--version", "tarsier " TARSIER_VERSION);
  GlobalOptions globals;
  Action action;
  register_commands(app, globals, action);

  const std::vector<std::string> arguments(argv + 1, argv + argc);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp& help) {
    return app.exit(help);
  } catch (const CLI::CallForAllHelp& help) {
    return app.exit(help);
  } catch (const CLI::CallForVersion& version) {
    return app.exit(version);
  } catch (const CLI::ParseError& error) {
    // A mistyped flag often shows up as something else that is missing: look for it first.
    if (const auto unknown = find_unknown(app, arguments)) return fail(*unknown, 2);
    std::string text = error.what();
    for (char& c : text) c = c == '\n' ? ' ' : c;
    const CLI::App* command = &app;
    std::string path = app.get_name();
    while (!command->get_subcommands().empty()) {
      command = command->get_subcommands().front();
      path += " " + command->get_name();
    }
    return fail(fmt::format("{}; see `{} --help`", text, path), 2);
  }
  if (!action) {
    print_error("{}", app.help());
    return 2;
  }
  log::init(globals.log_level);
  Status status = action();
  if (const Status told = console_status(); status.ok()) status = told;
  return status.ok() ? 0 : fail(status.error().message, status.error().exit_code());
}

}  // namespace
}  // namespace tarsier::app

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);  // `tarsier run ... | head` must not lose the files that are being written
  try {
    return tarsier::app::run(argc, argv);
  } catch (const std::exception& unforeseen) {  // out of memory, or a library's own
    std::fprintf(stderr, "error: %s\n", unforeseen.what());
    return 1;
  }
}
