// tarsier models list | fetch | add
#include <cstdio>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "app/command_line.hpp"
#include "app/commands.hpp"
#include "core/console.hpp"
#include "core/text.hpp"
#include "models/catalogue.hpp"
#include "models/store.hpp"

namespace tarsier::app {
namespace {

struct ModelsOptions {
  bool json = false;
  bool all = false;
  bool yes = false;
  std::vector<std::string> names;
};

Status list(const GlobalOptions& globals, const ModelsOptions& options) {
  TARSIER_TRY(const auto catalogue, models::Catalogue::load_default());
  TARSIER_TRY(const auto store, models::store_options(globals.model_path));
  if (options.json) {
    auto rows = nlohmann::json::array();
    for (const auto& entry : catalogue.entries()) {
      rows.push_back({{"name", entry.name},
                      {"title", entry.title},
                      {"task", entry.task},
                      {"license", entry.license},
                      {"license_url", entry.license_url},
                      {"default", entry.fetched_by_default},
                      {"needs_consent", entry.needs_consent},
                      {"head", models::name_of(entry.head)},
                      {"input", {entry.input.width, entry.input.height}},
                      {"state", models::state_of(entry, store)}});
    }
    print("{}\n", rows.dump(2));
    return {};
  }
  print("{:<26} {:<10} {:<10} {:>8}  {:<14} {}\n", "NETWORK", "TASK", "INPUT", "SIZE", "LICENCE", "STATE");
  for (const auto& entry : catalogue.entries()) {
    uint64_t bytes = 0;
    for (const auto& file : entry.files) bytes += file.bytes;
    std::string state = models::state_of(entry, store);
    if (state == "not fetched" && entry.needs_consent)
      state += fmt::format(" (tarsier models add {})", entry.name);
    if (entry.fetched_by_default) state += ", default";
    print("{:<26} {:<10} {:<10} {:>8}  {:<14} {}\n", entry.name, entry.task,
          fmt::format("{}x{}", entry.input.width, entry.input.height), readable_bytes(bytes), entry.license,
          state);
  }
  return {};
}

Status fetch(const GlobalOptions& globals, const ModelsOptions& options) {
  TARSIER_TRY(const auto catalogue, models::Catalogue::load_default());
  TARSIER_TRY(const auto store, models::store_options(globals.model_path));
  std::vector<const models::Entry*> wanted;
  for (const auto& name : options.names) {
    TARSIER_TRY(const auto* entry, catalogue.find(name));
    wanted.push_back(entry);
  }
  for (const auto& entry : catalogue.entries()) {
    const bool chosen = options.all ? !entry.needs_consent : entry.fetched_by_default;
    if (options.names.empty() && chosen) wanted.push_back(&entry);
  }
  // With several networks one that can't be had does not keep the rest away; the first error is the result.
  Status result;
  for (const auto* entry : wanted) {
    const auto files = fetch_with_progress(*entry, store);
    if (files.ok()) {
      print("{}: {}\n", entry->name, files->main.string());
      continue;
    }
    if (!result.ok()) print_error("error: {}\n", result.error().message);
    result = files.error();
  }
  return result;
}

Status add(const GlobalOptions& globals, const ModelsOptions& options) {
  TARSIER_TRY(const auto catalogue, models::Catalogue::load_default());
  TARSIER_TRY(const auto store, models::store_options(globals.model_path));
  for (const auto& name : options.names) {
    TARSIER_TRY(const auto* entry, catalogue.find(name));
    if (entry->needs_consent && !models::locate(*entry, store).ok()) {
      print("{}: {}\n  licence of the weights: {} ({})\n  source: {}\n", entry->name, entry->title,
            entry->license, entry->license_url,
            entry->sources.empty() ? "none" : entry->sources.front().describe());
      print(
          "  Tarsier never fetches or passes on these weights by itself. If you use them in a service or "
          "pass on a\n"
          "  product with them, the licence asks you to offer the complete source under the same licence.\n");
      if (!options.yes) {
        if (::isatty(STDIN_FILENO) != 1) {
          return input_error("'{}' needs your consent to {}: run this in a terminal, or give --yes",
                             entry->name, entry->license);
        }
        print("Fetch {} under {}? [y/N] ", entry->name, entry->license);
        std::fflush(stdout);
        std::string answer;
        std::getline(std::cin, answer);
        answer = to_lower(answer);
        if (answer != "y" && answer != "yes")
          return input_error("'{}' was not fetched: the licence was not accepted", entry->name);
      }
    }
    TARSIER_TRY(const auto files, fetch_with_progress(*entry, store, true));
    print("{}: {}\n", entry->name, files.main.string());
  }
  return {};
}

}  // namespace

void register_models_command(CLI::App& app, GlobalOptions& globals, Action& action) {
  CLI::App* models = app.add_subcommand("models", "List, fetch and add networks");
  models->require_subcommand(1);
  models->footer(
      "Examples:\n"
      "  tarsier models list\n"
      "  tarsier models fetch                        the default networks\n"
      "  tarsier models fetch yolox_nano fastestdet\n"
      "  tarsier models fetch --all --model-path ~/networks\n"
      "  tarsier models add yolov8n                  shows its licence and asks\n");

  const auto options = std::make_shared<ModelsOptions>();
  CLI::App* list_command = models->add_subcommand(
      "list", "The networks that are known by name, and which of them are on this machine");
  list_command->add_flag("--json", options->json, "As JSON");
  list_command->footer("Examples:\n  tarsier models list\n  tarsier models list --json\n");
  add_common_flags(*list_command, globals, false);
  list_command->callback([&, options] { action = [&, options] { return list(globals, *options); }; });

  CLI::App* fetch_command =
      models->add_subcommand("fetch", "Get networks, check them and keep them in the cache");
  fetch_command->add_option("NAME", options->names, "Networks; the default ones where none is named");
  fetch_command->add_flag("--all", options->all, "Every network whose licence needs no consent");
  fetch_command->footer(
      "Examples:\n  tarsier models fetch\n  tarsier models fetch twinlitenet\n  tarsier models fetch "
      "--all\n");
  add_common_flags(*fetch_command, globals, false);
  fetch_command->callback([&, options] { action = [&, options] { return fetch(globals, *options); }; });

  CLI::App* add_command = models->add_subcommand("add", "Get a network whose licence needs your consent");
  add_command->add_option("NAME", options->names, "Networks")->required();
  add_command->add_flag("--yes", options->yes, "Accept the licence without being asked");
  add_command->footer(
      "Examples:\n  tarsier models add yolov8n\n  tarsier models add yolov8n --yes     in a script, once you "
      "have read the licence\n");
  add_common_flags(*add_command, globals, false);
  add_command->callback([&, options] { action = [&, options] { return add(globals, *options); }; });
}

}  // namespace tarsier::app
