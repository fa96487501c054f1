// tarsier check: every layer of a network on this device against the CPU references. What a user with wrong
// results is asked to run.
#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <ranges>

#include "app/command_line.hpp"
#include "app/commands.hpp"
#include "app/progress_line.hpp"
#include "app/tool_model.hpp"
#include "check/kernel_check.hpp"
#include "core/console.hpp"
#include "core/file.hpp"
#include "infer/layer_check.hpp"
#include "infer/probe.hpp"
#include "pipeline/network.hpp"

namespace tarsier::app {
namespace {

struct CheckOptions {
  std::string model;
  std::string precision = "fp32";
  std::string json;
  size_t rows = 15;
};

/// Worst first: what did not run, then by how far beyond its tolerance.
void sort_worst_first(std::vector<infer::LayerCheck>& layers) {
  const auto badness = [](const infer::LayerCheck& layer) {
    return layer.failure.empty() ? layer.error / layer.tolerance : INFINITY;
  };
  std::ranges::stable_sort(layers, [&](const auto& a, const auto& b) { return badness(a) > badness(b); });
}

void print_table(const std::vector<infer::LayerCheck>& layers, size_t rows) {
  print("{:>10} {:>10}  {:<5} {:<22} {:<20} {}\n", "error", "allowed", "", "operator", "shape", "layer");
  for (size_t i = 0; i < std::min(rows, layers.size()); ++i) {
    const auto& layer = layers[i];
    print("{:>10} {:>10.1e}  {:<5} {:<22} {:<20} {}{}\n",
          layer.failure.empty() ? fmt::format("{:.2e}", layer.error) : "-", layer.tolerance,
          layer.passed() ? "ok" : "WRONG", layer.op, layer.shape, layer.name,
          layer.failure.empty() ? "" : ": " + layer.failure);
  }
  if (layers.size() > rows) print("... {} layers more, each nearer to its reference\n", layers.size() - rows);
}

nlohmann::json to_json(const std::vector<infer::LayerCheck>& layers) {
  auto rows = nlohmann::json::array();
  for (const auto& layer : layers)
    rows.push_back(
        {{"name", layer.name},
         {"op", layer.op},
         {"shape", layer.shape},
         {"error", std::isfinite(layer.error) ? nlohmann::json(layer.error) : nlohmann::json("inf")},
         {"tolerance", layer.tolerance},
         {"passed", layer.passed()},
         {"failure", layer.failure}});
  return rows;
}

/// What the network is made of once it is fed with `inputs`, in the order of ToolModel::inputs.
Result<infer::NetworkCheck> check_with_progress(const ToolModel& model,
                                                const std::vector<graph::Tensor>& inputs) {
  if (model.runner) {
    TARSIER_TRY([[maybe_unused]] const auto outputs, run_tool_model(model, inputs));
  }
  const infer::Plan& plan = model.runner ? *model.runner->latest_plan() : *model.plan;
  std::vector<graph::Tensor> fed;  // inputs that became constants are none of the plan's
  for (const auto& binding : plan.inputs()) {
    const auto at = std::ranges::find(model.inputs, binding.name, &ToolValue::name);
    fed.push_back(inputs[size_t(at - model.inputs.begin())]);
  }
  ProgressLine line;
  auto checked =
      infer::check_layers(*model.device, plan.graph(), fed, [&](float fraction, std::string_view layer) {
        line.show(fmt::format("checking {}", layer), double(fraction));
      });
  line.finish();
  return checked;
}

/// Without a network: every row of the operator table.
Status check_kernels(const GlobalOptions& globals, const CheckOptions& options) {
  TARSIER_TRY(const auto device, gpu::Device::create(device_options(globals)));
  const auto& cases = check::all_cases();
  struct Tally {
    size_t cases = 0, runs = 0, wrong = 0;
    std::string first;
  };
  std::map<std::string, Tally> tallies;
  ProgressLine line;
  for (size_t i = 0; i < cases.size(); ++i) {
    line.show(fmt::format("checking {}", cases[i].op), double(i) / double(cases.size()));
    const auto result = check::check_case(*device, cases[i]);
    auto& tally = tallies[cases[i].op];
    ++tally.cases;
    tally.runs += result.runs;
    tally.wrong += result.failures.size();
    if (tally.first.empty() && !result.failures.empty()) tally.first = result.failures.front();
  }
  line.finish();
  size_t wrong = 0, runs = 0;
  auto rows = nlohmann::json::array();
  for (const auto& [op, tally] : tallies) {
    if (tally.wrong > 0) print("WRONG {}, {} of {} runs: {}\n", op, tally.wrong, tally.runs, tally.first);
    wrong += tally.wrong > 0 ? 1 : 0;
    runs += tally.runs;
    rows.push_back({{"op", op}, {"cases", tally.cases}, {"runs", tally.runs}, {"wrong", tally.wrong}});
  }
  print("{}: {} operators, {} cases, {} runs; {} operators are wrong\n", device->info().name, tallies.size(),
        cases.size(), runs, wrong);
  TARSIER_CHECK(
      write_json(options.json, {{"device", device->info().name}, {"operators", rows}, {"wrong", wrong}}));
  TARSIER_CHECK(check_validation(*device));
  if (wrong > 0)
    return runtime_error("{} operators are wrong on this device; please report the lines above", wrong);
  return {};
}

Status check_network(const GlobalOptions& globals, const CheckOptions& options) {
  ToolModelOptions load;
  load.name = options.model;
  load.precision = options.precision;
  load.allow_runner = true;
  TARSIER_TRY(ToolModel model, load_tool_model(load, globals));
  const auto [low, high] = pipeline::input_range(model.entry.input);
  const auto inputs = infer::probe_inputs(model.inputs | std::views::transform(&ToolValue::desc), low, high);
  TARSIER_TRY(auto checked, check_with_progress(model, inputs));

  // In fp16 a layer that is not exact enough gets fp32; what is wrong then is wrong for another reason.
  const auto to_fp32 =
      options.precision == "fp32" ? std::set<std::string>() : infer::failed_layers(checked.layers);
  if (!to_fp32.empty()) {
    print("{} of {} layers miss their tolerance in fp16 and get fp32:\n", to_fp32.size(),
          checked.layers.size());
    sort_worst_first(checked.layers);
    print_table(checked.layers, std::min(options.rows, to_fp32.size()));
    load.full_precision = to_fp32;
    TARSIER_TRY(model, load_tool_model(load, globals));
    TARSIER_TRY(checked, check_with_progress(model, inputs));
  }
  TARSIER_TRY(const auto got, run_tool_model(model, inputs));
  TARSIER_CHECK(check_validation(*model.device));

  auto& [layers, wanted] = checked;
  sort_worst_first(layers);
  const auto wrong = std::ranges::count_if(layers, [](const auto& layer) { return !layer.passed(); });
  print("{} on {} ({}): {} layers\n", model.entry.name, model.device->info().name, options.precision,
        layers.size());
  print_table(layers, options.rows);
  auto outputs = nlohmann::json::object();
  for (size_t i = 0; i < got.size(); ++i) {
    const double error = infer::range_error(got[i].to_floats(), wanted[i].to_floats());
    const auto& name = model.outputs[i].name;
    print("{:>10.2e} whole network, output {}\n", error, name);
    outputs[name] = std::isfinite(error) ? nlohmann::json(error) : nlohmann::json("inf");
  }
  TARSIER_CHECK(write_json(options.json, {{"model", model.entry.name},
                                          {"device", model.device->info().name},
                                          {"precision", options.precision},
                                          {"fp32_layers", to_fp32},
                                          {"layers", to_json(layers)},
                                          {"outputs", outputs},
                                          {"wrong", wrong}}));
  if (wrong > 0)
    return runtime_error("{} of {} layers are wrong on this device; please report the table above", wrong,
                         layers.size());
  print("all layers agree with their references\n");
  return {};
}

}  // namespace

void register_check_command(CLI::App& app, GlobalOptions& globals, Action& action) {
  CLI::App* command = app.add_subcommand("check", "Compare every layer on the device with the CPU reference");
  const auto options = std::make_shared<CheckOptions>();
  command->add_option(
      "MODEL", options->model,
      "A network of `tarsier models list`, or the path of a model file; every kernel without");
  command
      ->add_option("--precision", options->precision,
                   "fp32 (default), fp16 (layers that are not exact enough get fp32), or auto")
      ->check(CLI::IsMember({"fp32", "fp16", "auto"}))
      ->type_name("TYPE");
  command->add_option("--rows", options->rows, "How many of the worst layers are listed (default: 15)")
      ->type_name("N");
  command->add_option("--json", options->json, "Write all layers here")->type_name("FILE");
  command->footer(
      "Each layer is fed with what the reference computed for the layers before it. Errors are the largest\n"
      "difference as a fraction of the layer's largest value. Exit code 1 where a layer is wrong.\n"
      "Examples:\n"
      "  tarsier check\n"
      "  tarsier check yolox_nano\n"
      "  tarsier check ./mine.onnx --precision fp16 --json layers.json\n");
  add_common_flags(*command, globals, true);
  command->callback([&, options] {
    action = [&, options]() -> Status {
      if (!options->json.empty()) TARSIER_CHECK(check_writable("--json", options->json));
      return options->model.empty() ? check_kernels(globals, *options) : check_network(globals, *options);
    };
  });
}

}  // namespace tarsier::app
