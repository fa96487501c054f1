// tarsier params: a pipeline's parameters, their values and where these come from.
#include <memory>
#include <nlohmann/json.hpp>

#include "app/command_line.hpp"
#include "app/param_table.hpp"
#include "core/console.hpp"
#include "core/text.hpp"

namespace tarsier::app {
namespace {

struct ParamsOptions {
  RunOptions run;
  std::string json;
};

Status list_params(const ParamsOptions& options) {
  const bool to_output = options.json == "-";
  if (!options.json.empty() && !to_output) TARSIER_CHECK(check_writable("--json", options.json));
  Application app;
  app.options = options.run;
  TARSIER_TRY(app.catalogue, models::Catalogue::load_default());
  TARSIER_CHECK(read_pipeline(app));
  if (to_output) {
    print("{}\n", params_json(app).dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
    return {};
  }
  print("{}", params_table(app));
  std::vector<std::string> names;
  for (const auto& preset : pipeline::presets_of(app.spec)) names.push_back(preset.name);
  if (!names.empty()) print("\npresets of {}: {}\n", app.spec.name, join(names, ", "));
  return options.json.empty() ? Status() : write_json(options.json, params_json(app));
}

}  // namespace

void register_params_command(CLI::App& app, GlobalOptions& globals, Action& action) {
  CLI::App* command =
      app.add_subcommand("params", "A pipeline's parameters, and where their values come from");
  const auto options = std::make_shared<ParamsOptions>();
  command
      ->add_option("PIPELINE", options->run.pipeline,
                   "One of " + join(pipeline::pipeline_names(), ", ") + ", or a .toml file")
      ->capture_default_str();
  command->add_option("--preset", options->run.preset, "With this preset: a name or a .toml file");
  command->add_option("--set", options->run.set, "With key=value; repeatable")->take_all();
  command->add_option("--json", options->json, "Write them here too; -: nothing but them, to the output")
      ->type_name("FILE");
  command->footer(
      "Examples:\n"
      "  tarsier params driving\n"
      "  tarsier params street --preset fast --set detect.score=0.5\n"
      "  tarsier params street --json - | jq '.params[].key'\n");
  add_common_flags(*command, globals, false);
  command->callback([&action, options] { action = [options] { return list_params(*options); }; });
}

}  // namespace tarsier::app
