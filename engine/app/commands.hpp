// The subcommands of `tarsier`, one file each. main.cpp parses, then runs the one that was chosen.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>
#include <vector>

#include "core/result.hpp"

namespace tarsier::app {

/// Flags that every subcommand takes.
struct GlobalOptions {
  std::string device;                   // --device: index, part of the name or UUID; "" = best
  std::string log_level = "info";       // --log-level
  std::vector<std::string> model_path;  // --model-path, may be repeated
  bool validation = false;              // --validation
  std::string tune = "fast";            // --tune
};

/// What the command line asked for; set by the callback of the chosen subcommand, run after parsing. An error
/// is printed as one line and decides the exit code.
using Action = std::function<Status()>;

/// All of them, in the order of `tarsier --help` (commands.cpp).
void register_commands(CLI::App& app, GlobalOptions& globals, Action& action);

// Each adds its subcommand. `globals` and `action` outlive the CLI::App.
void register_run_command(CLI::App& app, GlobalOptions& globals, Action& action);
void register_replay_command(CLI::App& app, GlobalOptions& globals, Action& action);
void register_verify_command(CLI::App& app, GlobalOptions& globals, Action& action);
void register_session_command(CLI::App& app, GlobalOptions& globals, Action& action);
void register_params_command(CLI::App& app, GlobalOptions& globals, Action& action);
void register_models_command(CLI::App& app, GlobalOptions& globals, Action& action);
void register_devices_command(CLI::App& app, GlobalOptions& globals, Action& action);
void register_infer_command(CLI::App& app, GlobalOptions& globals, Action& action);
void register_inspect_command(CLI::App& app, GlobalOptions& globals, Action& action);
void register_bench_command(CLI::App& app, GlobalOptions& globals, Action& action);
void register_check_command(CLI::App& app, GlobalOptions& globals, Action& action);
void register_onnx_test_command(CLI::App& app, GlobalOptions& globals, Action& action);

}  // namespace tarsier::app
