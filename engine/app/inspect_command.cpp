// tarsier inspect: what a network becomes on a device, and the memory that it takes there.
#include <algorithm>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "app/command_line.hpp"
#include "app/commands.hpp"
#include "app/node_places.hpp"
#include "app/tool_model.hpp"
#include "core/console.hpp"
#include "core/file.hpp"
#include "graph/passes/passes.hpp"
#include "infer/cost.hpp"
#include "kernels/kernel.hpp"

namespace tarsier::app {
namespace {

struct InspectOptions {
  std::string model;
  std::string precision = "fp32";
  std::string json, dot;
};

int64_t parameters_of(const graph::Graph& graph) {
  int64_t count = 0;
  for (const auto& value : graph.values) {
    if (!value.constant) continue;
    const graph::DType type = value.constant->dtype();
    // Other integers are axes, sizes and indices.
    if (type == graph::DType::kF32 || type == graph::DType::kI8 || type == graph::DType::kU8)
      count += value.constant->size();
  }
  return count;
}

/// What a file says before anything is planned: all that can be said of a network that does not run, or whose
/// plans depend on what it is fed. `error`: why it does not run.
Status report_imported(const ToolModel& model, const InspectOptions& options, const std::string& error) {
  const auto print_ends = [&](std::string_view title, const std::vector<graph::ValueId>& ids) {
    for (const auto id : ids) {
      const auto& value = model.imported.value(id);
      print("{:<12}{} {} {}\n", title, value.name, graph::name_of(value.desc.dtype),
            graph::to_string(value.desc.shape));
      title = "";
    }
  };
  print("{}: {} nodes, opset {}\n", model.file.string(), model.imported.nodes.size(), model.imported.opset);
  print_ends("inputs", model.imported.inputs);
  print_ends("outputs", model.imported.outputs);
  std::map<std::string, size_t> counts;
  for (const auto& node : model.imported.nodes) ++counts[node.op];
  auto operators = nlohmann::json::object();
  auto missing = nlohmann::json::array();
  std::string_view title = "operators";
  for (const auto& [op, count] : counts) {
    const bool known = kernels::Registry::instance().find(op) != nullptr;
    print("{:<12}{:>4} {}{}\n", title, count, op, known ? "" : ", missing");
    operators[op] = {{"nodes", count}};
    if (!known) missing.push_back(op);
    title = "";
  }
  print("{:<12}{:.3f} million\n", "parameters", double(parameters_of(model.imported)) * 1e-6);
  if (error.empty())
    print("{:<12}made when it is fed: its shapes depend on values that it computes\n", "plan");
  if (!options.dot.empty()) TARSIER_CHECK(write_text_atomic(options.dot, to_dot(model.imported)));
  return write_json(options.json, {{"model", model.entry.name},
                                   {"operators", operators},
                                   {"missing", missing},
                                   {"parameters", parameters_of(model.imported)},
                                   {"error", error}});
}

std::vector<NodePlace> places_of(const ToolModel& model) {
  graph::Graph folded = model.imported;
  graph::ShapeOptions shapes;
  for (const auto& input : model.plan->inputs())
    if (const auto id = folded.find_value(input.name); id != graph::kNone)
      folded.value(id).desc.shape = input.desc.shape;
  std::vector<graph::ValueId> needs;
  shapes.needs = &needs;
  if (!graph::prune(folded).ok() ||
      !graph::infer_shapes(folded, kernels::Registry::instance(), shapes).ok() ||
      !graph::fold_constants(folded, kernels::Registry::instance()).ok())
    return {};
  return node_places(model.imported, folded, model.plan->graph());
}

struct OperatorSum {
  size_t nodes = 0;
  double gflop = 0;
};

/// After the passes, by operator.
std::map<std::string, OperatorSum> operators_of(const graph::Graph& graph) {
  std::map<std::string, OperatorSum> sums;
  for (const auto& node : graph.nodes) {
    auto& sum = sums[node.op];
    ++sum.nodes;
    sum.gflop += static_cast<double>(infer::flop_of(graph, node)) * 1e-9;
  }
  return sums;
}

nlohmann::json to_json(const std::vector<infer::TensorBinding>& bindings) {
  auto rows = nlohmann::json::array();
  for (const auto& binding : bindings) {
    rows.push_back({{"name", binding.name},
                    {"type", graph::name_of(binding.desc.dtype)},
                    {"shape", binding.desc.shape},
                    {"layout", binding.layout == graph::Layout::kC4 ? "c4" : "linear"},
                    {"storage", graph::name_of(binding.storage)}});
  }
  return rows;
}

void print_bindings(std::string_view title, const std::vector<infer::TensorBinding>& bindings) {
  for (const auto& binding : bindings) {
    print("{:<12}{} {} {}, on the device {}{}\n", title, binding.name, graph::name_of(binding.desc.dtype),
          graph::to_string(binding.desc.shape), graph::name_of(binding.storage),
          binding.layout == graph::Layout::kC4 ? " in groups of four channels" : "");
    title = "";
  }
}

Status inspect(const GlobalOptions& globals, const InspectOptions& options) {
  if (!options.json.empty()) TARSIER_CHECK(check_writable("--json", options.json));
  if (!options.dot.empty()) TARSIER_CHECK(check_writable("--dot", options.dot));
  ToolModelOptions load;
  load.name = options.model;
  load.precision = options.precision;
  load.allow_runner = true;
  TARSIER_TRY(ToolModel model, import_tool_model(load, globals));
  if (Status compiled = compile_tool_model(model, load, globals); !compiled.ok()) {
    TARSIER_CHECK(report_imported(model, options, compiled.error().message));
    return compiled;
  }
  if (model.runner) return report_imported(model, options, "");
  TARSIER_CHECK(check_validation(*model.device));
  const auto& plan = *model.plan;
  const auto& stats = plan.stats();
  const auto operators = operators_of(plan.graph());
  // A network whose values all lie in place of another's has no live bytes of its own.
  const double ratio = stats.peak_live_bytes == 0 ? 1.0
                                                  : static_cast<double>(stats.activation_bytes) /
                                                        static_cast<double>(stats.peak_live_bytes);
  double gflop = 0;
  for (const auto& [name, sum] : operators) gflop += sum.gflop;

  print("{} on {} ({})\n", model.entry.name, model.device->info().name, options.precision);
  print_bindings("inputs", plan.inputs());
  print_bindings("outputs", plan.outputs());
  std::string_view title = "operators";
  for (const auto& [name, sum] : operators) {
    print("{:<12}{:>4} {}{}\n", title, sum.nodes, name,
          sum.gflop > 0 ? fmt::format(", {:.3f} GFLOP", sum.gflop) : "");
    title = "";
  }
  const auto places = places_of(model);
  std::map<std::string, size_t> counts;
  for (const auto& place : places) ++counts[place.place];
  title = "nodes";
  for (const auto& [place, count] : counts) {
    print("{:<12}{:>4} {}\n", title, count, place);
    title = "";
  }
  const int64_t parameters = parameters_of(model.imported);
  print("{:<12}{} nodes, {} dispatches, {} barriers; {:.3f} billion multiply-adds\n", "run", stats.nodes,
        stats.dispatches, stats.barriers, gflop / 2);
  print("{:<12}{:.3f} million\n", "parameters", double(parameters) * 1e-6);
  print("{:<12}{}\n", "weights", readable_bytes(stats.weight_bytes));
  print(
      "{:<12}{} in one buffer; at least {} are alive at once: {:.3f} of this lower bound; {} without "
      "sharing\n",
      "activations", readable_bytes(stats.activation_bytes), readable_bytes(stats.peak_live_bytes), ratio,
      readable_bytes(stats.unaliased_bytes));
  if (!options.dot.empty()) TARSIER_CHECK(write_text_atomic(options.dot, to_dot(plan.graph())));
  if (options.json.empty()) return {};
  auto nodes = nlohmann::json::array();
  for (const auto& place : places)
    nodes.push_back(
        {{"name", place.name}, {"op", place.op}, {"place", place.place}, {"inside", place.inside}});
  auto rows = nlohmann::json::object();
  for (const auto& [name, sum] : operators) rows[name] = {{"nodes", sum.nodes}, {"gflop", sum.gflop}};
  const nlohmann::json out = {{"model", model.entry.name},
                              {"device", model.device->info().name},
                              {"precision", options.precision},
                              {"inputs", to_json(plan.inputs())},
                              {"outputs", to_json(plan.outputs())},
                              {"operators", rows},
                              {"parameters", parameters},
                              {"multiply_adds", gflop / 2 * 1e9},
                              {"places", nodes},
                              {"nodes", stats.nodes},
                              {"dispatches", stats.dispatches},
                              {"barriers", stats.barriers},
                              {"gflop", gflop},
                              {"weight_bytes", stats.weight_bytes},
                              {"activation_bytes", stats.activation_bytes},
                              {"peak_live_bytes", stats.peak_live_bytes},
                              {"activation_ratio", ratio},
                              {"unaliased_bytes", stats.unaliased_bytes}};
  return write_json(options.json, out);
}

}  // namespace

void register_inspect_command(CLI::App& app, GlobalOptions& globals, Action& action) {
  CLI::App* command = app.add_subcommand("inspect", "What a network consists of on a device, and its memory");
  const auto options = std::make_shared<InspectOptions>();
  command
      ->add_option("MODEL", options->model,
                   "A network of `tarsier models list`, or the path of an .onnx, a .tflite or a "
                   "TensorFlow.js model.json")
      ->required();
  command
      ->add_option(
          "--precision", options->precision,
          "How activations are stored: fp32 (default), fp16, or auto (fp16 where it is exact enough)")
      ->check(CLI::IsMember({"fp32", "fp16", "auto"}))
      ->type_name("TYPE");
  command->add_option("--json", options->json, "Write it here too, with the place of every node")
      ->type_name("FILE");
  command->add_option("--dot", options->dot, "Write the graph that runs, for Graphviz")->type_name("FILE");
  command->footer(
      "Examples:\n"
      "  tarsier inspect yolox_nano\n"
      "  tarsier inspect ./mine.onnx --precision fp16 --json mine.json\n");
  add_common_flags(*command, globals, true);
  command->callback([&, options] { action = [&, options] { return inspect(globals, *options); }; });
}

}  // namespace tarsier::app
