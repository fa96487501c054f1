#include "app/command_line.hpp"

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "app/progress_line.hpp"
#include "core/file.hpp"
#include "core/text.hpp"

namespace tarsier::app {
namespace {

/// "--name" and "-n" of every option of a command.
std::vector<std::string> flags_of(const CLI::App& command) {
  std::vector<std::string> flags;
  for (const auto* option : command.get_options()) {
    for (const auto& name : option->get_lnames()) flags.push_back("--" + name);
    for (const auto& name : option->get_snames()) flags.push_back("-" + name);
  }
  return flags;
}

bool is_flag(const std::string& argument) {
  return argument.size() > 1 && argument[0] == '-' &&
         std::isdigit(static_cast<unsigned char>(argument[1])) == 0;
}

}  // namespace

void add_common_flags(CLI::App& command, GlobalOptions& globals, bool device) {
  constexpr const char* kGroup = "Common";
  if (device) {
    command
        .add_option("--device", globals.device,
                    "Vulkan device: its number, a part of its name, or its UUID (tarsier devices)")
        ->type_name("N|NAME|UUID")
        ->group(kGroup);
    command
        .add_flag("--validation", globals.validation,
                  "Run under the Khronos validation layer; any message is an error")
        ->group(kGroup);
    command
        .add_option("--tune", globals.tune,
                    "Choose kernels by measuring them: off, fast (default: at most 10 s for a new network; "
                    "kept), full (more runs, no limit)")
        ->check(CLI::IsMember({"off", "fast", "full"}))
        ->type_name("HOW")
        ->group(kGroup);
  }
  command
      .add_option("--model-path", globals.model_path,
                  "Folder with network files, looked into before anything is fetched; may be repeated")
      ->type_name("DIR")
      ->allow_extra_args(false)
      ->group(kGroup);
  command.add_option("--log-level", globals.log_level, "How much is told on standard error")
      ->check(CLI::IsMember({"trace", "debug", "info", "warn", "error", "off"}))
      ->type_name("LEVEL")
      ->group(kGroup);
}

std::optional<std::string> find_unknown(const CLI::App& app, const std::vector<std::string>& arguments) {
  const CLI::App* command = &app;
  std::vector<std::string> flags = flags_of(app);
  std::string path = app.get_name();
  bool first = true;  // the first word after a command that has subcommands must be one of them
  for (const auto& argument : arguments) {
    if (argument == "--") break;
    if (is_flag(argument)) {
      std::string name = argument.substr(0, argument.find('='));
      if (std::find(flags.begin(), flags.end(), name) != flags.end()) continue;
      if (name.size() > 2 && name[1] != '-') {  // -n5 and clusters of short flags start with a known letter
        if (std::find(flags.begin(), flags.end(), name.substr(0, 2)) != flags.end()) continue;
      }
      return fmt::format("unknown flag '{}'{}; see `{} --help`", name, did_you_mean(name, flags), path);
    }
    const auto subcommands = command->get_subcommands([](const CLI::App*) { return true; });
    if (subcommands.empty() || !first) continue;
    std::vector<std::string> names;
    const CLI::App* next = nullptr;
    for (const auto* candidate : subcommands) {
      names.push_back(candidate->get_name());
      if (candidate->get_name() == argument) next = candidate;
    }
    if (next == nullptr) {
      // The word after a flag of the program itself may be that flag's value.
      const bool flags_before = &argument != &arguments.front() && command == &app;
      if (flags_before) continue;
      return fmt::format("unknown command '{}'{}; see `{} --help`", argument, did_you_mean(argument, names),
                         path);
    }
    command = next;
    path += " " + argument;
    flags = flags_of(*command);
    first = !command->get_subcommands([](const CLI::App*) { return true; }).empty();
  }
  return std::nullopt;
}

Result<models::ModelFiles> fetch_with_progress(const models::Entry& entry,
                                               const models::StoreOptions& options, bool consent) {
  ProgressLine line;
  bool fetched = false;
  models::FetchOptions fetch_options;
  fetch_options.consent = consent;
  fetch_options.progress = [&](const models::FetchProgress& progress) {
    fetched = true;
    const double fraction =
        progress.total > 0 ? static_cast<double>(progress.bytes) / static_cast<double>(progress.total) : -1;
    line.show(fmt::format("{} ({:.0f} s)", progress.what, progress.seconds), fraction);
  };
  auto files = models::fetch(entry, options, fetch_options);
  line.finish(files.ok() && fetched ? fmt::format("fetched {} ({})", entry.name, entry.license) : "");
  return files;
}

Status check_writable(std::string_view flag, const std::filesystem::path& file) {
  namespace fs = std::filesystem;
  std::error_code code;
  const fs::path folder = file.has_parent_path() ? file.parent_path() : ".";
  fs::create_directories(folder, code);
  const fs::path probe = folder / fmt::format(".tarsier_{}_probe", getpid());
  const bool written = !code && !fs::is_directory(file) && write_text_atomic(probe, "").ok();
  fs::remove(probe, code);
  if (!written) return input_error("{}: {} cannot be written; choose another place", flag, file.string());
  return {};
}

Status write_json(const std::filesystem::path& file, const nlohmann::json& json) {
  if (file.empty()) return {};
  // Names in a model's file may be no UTF-8.
  return write_text_atomic(file, json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
}

gpu::DeviceOptions device_options(const GlobalOptions& globals) {
  gpu::DeviceOptions options;
  options.selector = globals.device;
  options.validation = globals.validation;
  return options;
}

Status check_validation(const gpu::Device& device) {
  if (device.validation_messages() == 0) return {};
  return runtime_error("the validation layer gave {} messages (above)", device.validation_messages());
}

std::string readable_bytes(uint64_t bytes) {
  if (bytes < 1000) return fmt::format("{} B", bytes);
  if (bytes < 1000 * 1000) return fmt::format("{:.0f} kB", static_cast<double>(bytes) / 1e3);
  return fmt::format("{:.1f} MB", static_cast<double>(bytes) / 1e6);
}

}  // namespace tarsier::app
