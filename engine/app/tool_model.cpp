#include "app/tool_model.hpp"

#include <algorithm>
#include <array>

#include "app/command_line.hpp"
#include "app/progress_line.hpp"
#include "core/text.hpp"
#include "graph/passes/passes.hpp"
#include "import/import.hpp"
#include "kernels/kernel.hpp"
#include "models/store.hpp"
#include "pipeline/network.hpp"

namespace tarsier::app {
namespace {

/// Gives the dynamic extents of an input what is known of it: batch 1 and, by the catalogue or the file
/// beside the model, the picture's size.
graph::Shape complete_shape(graph::Shape shape, const models::InputSpec& input) {
  if (shape.size() > 1 && shape[0] < 0) shape[0] = 1;
  if (shape.size() != 4 || input.width == 0) return shape;
  const std::array<int64_t, 4> known = input.nhwc ? std::array<int64_t, 4>{1, input.height, input.width, 3}
                                                  : std::array<int64_t, 4>{1, 3, input.height, input.width};
  for (size_t i = 0; i < 4; ++i) {
    if (shape[i] < 0) shape[i] = known[i];
  }
  return shape;
}

Status check_names(const std::vector<std::string>& asked, const std::vector<graph::ValueId>& ids,
                   const graph::Graph& graph, std::string_view kind) {
  std::vector<std::string> names;
  names.reserve(ids.size());
  for (const auto id : ids) names.push_back(graph.value(id).name);
  for (const auto& name : asked) {
    if (std::find(names.begin(), names.end(), name) == names.end()) {
      return input_error("the network has no {} '{}'{}; it has {}", kind, name, did_you_mean(name, names),
                         join(names, ", "));
    }
  }
  return {};
}

/// Whether values that decide shapes are computed at run time.
bool needs_runner(graph::Graph graph, const infer::CompileOptions& compile) {
  std::vector<graph::ValueId> needs;
  graph::ShapeOptions shapes;
  shapes.input_shapes = compile.input_shapes;
  shapes.needs = &needs;
  return graph::prune(graph).ok() && graph::infer_shapes(graph, kernels::Registry::instance(), shapes).ok() &&
         !needs.empty();
}

}  // namespace

Result<std::vector<graph::Tensor>> run_tool_model(const ToolModel& model,
                                                  const std::vector<graph::Tensor>& inputs) {
  auto outputs =
      model.runner ? model.runner->run(inputs) : infer::Session(*model.device, *model.plan).run(inputs);
  if (!outputs.ok()) return outputs.error().in(model.file.string());
  return outputs;
}

std::optional<ImageInput> image_input(const graph::Shape& shape) {
  if (shape.size() != 4) return std::nullopt;
  if (shape[1] == 3) return ImageInput{static_cast<int>(shape[3]), static_cast<int>(shape[2]), false};
  if (shape[3] == 3) return ImageInput{static_cast<int>(shape[2]), static_cast<int>(shape[1]), true};
  return std::nullopt;
}

Result<ToolModel> import_tool_model(const ToolModelOptions& options, const GlobalOptions& globals) {
  ToolModel model;
  TARSIER_TRY(const auto catalogue, models::Catalogue::load_default());
  TARSIER_TRY(const auto store, models::store_options(globals.model_path));
  TARSIER_TRY(model.entry, catalogue.resolve(options.name));
  TARSIER_TRY(const auto files, fetch_with_progress(model.entry, store));
  model.file = files.main;
  TARSIER_TRY(model.imported, import::load_model(files.main));
  return model;
}

Status compile_tool_model(ToolModel& model, const ToolModelOptions& options, const GlobalOptions& globals) {
  const graph::Graph& graph = model.imported;
  infer::CompileOptions compile;
  TARSIER_TRY(compile.precision, infer::parse_precision(options.precision));
  compile.full_precision = options.full_precision;
  std::tie(compile.probe_low, compile.probe_high) = pipeline::input_range(model.entry.input);
  TARSIER_TRY(compile.tune, infer::parse_tune(globals.tune));
  compile.outputs = options.outputs.empty() ? model.entry.outputs : options.outputs;
  TARSIER_CHECK(check_names(compile.outputs, graph.outputs, graph, "output"));
  std::vector<std::string> given;
  for (const auto& [name, shape] : options.input_shapes) given.push_back(name);
  TARSIER_CHECK(check_names(given, graph.inputs, graph, "input"));
  for (const auto id : graph.inputs) {
    const auto& value = graph.value(id);
    if (graph::is_static(value.desc.shape)) continue;
    const auto shape = options.input_shapes.find(value.name);
    compile.input_shapes[value.name] = shape != options.input_shapes.end()
                                           ? shape->second
                                           : complete_shape(value.desc.shape, model.entry.input);
    if (!graph::is_static(compile.input_shapes[value.name])) {
      return input_error(
          "input '{}' has the shape {} with free extents; of a picture give its size in {}.toml "
          "beside it ([input], size), or the input by --in {}=FILE.npy to a command that has it",
          value.name, graph::to_string(value.desc.shape), model.file.stem().string(), value.name);
    }
  }

  TARSIER_TRY(model.device, gpu::Device::create(device_options(globals)));
  ProgressLine line;
  compile.progress = [&](float fraction, std::string_view what) {
    line.show(fmt::format("{}: {}", model.entry.name, what), static_cast<double>(fraction));
  };
  graph::Graph kept = graph;
  if (!compile.outputs.empty()) {
    kept.outputs.clear();
    for (const auto& name : compile.outputs)
      for (const auto id : graph.outputs)
        if (graph.value(id).name == name) kept.outputs.push_back(id);
  }
  if (options.allow_runner && needs_runner(kept, compile)) {
    for (const auto id : kept.inputs) {
      const graph::Value& value = graph.value(id);
      const auto shape = compile.input_shapes.find(value.name);
      model.inputs.push_back({value.name, value.desc});
      if (shape != compile.input_shapes.end()) model.inputs.back().desc.shape = shape->second;
    }
    for (const auto id : kept.outputs) model.outputs.push_back({graph.value(id).name, {}});
    compile.outputs.clear();     // plans of values that are read back have other ones
    compile.progress = nullptr;  // plans are made later, when the line is gone
    model.runner = std::make_unique<infer::Runner>(*model.device, std::move(kept), compile);
    return {};
  }
  auto plan = infer::Plan::compile(*model.device, graph, compile);
  line.finish();
  if (!plan) return plan.error().in(model.file.string());
  model.plan = *std::move(plan);
  for (const auto& binding : model.plan->inputs()) model.inputs.push_back({binding.name, binding.desc});
  for (const auto& binding : model.plan->outputs()) model.outputs.push_back({binding.name, binding.desc});
  return {};
}

Result<ToolModel> load_tool_model(const ToolModelOptions& options, const GlobalOptions& globals) {
  TARSIER_TRY(ToolModel model, import_tool_model(options, globals));
  TARSIER_CHECK(compile_tool_model(model, options, globals));
  return model;
}

}  // namespace tarsier::app
