// A network made ready for `infer` and `bench`: found or fetched, imported, compiled on the chosen device.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <set>

#include "app/commands.hpp"
#include "infer/plan.hpp"
#include "infer/runner.hpp"
#include "models/catalogue.hpp"

namespace tarsier::app {

/// An input or an output.
struct ToolValue {
  std::string name;
  graph::TensorDesc desc;
};

struct ToolModel {
  models::Entry entry;
  std::filesystem::path file;
  graph::Graph imported;
  std::unique_ptr<gpu::Device> device;
  std::unique_ptr<infer::Plan> plan;  // before the device it lives on goes: declared after it
  /// In place of a plan, where shapes depend on what the network computes and the options allow it.
  std::unique_ptr<infer::Runner> runner;
  /// Names and types; shapes as far as they are known. What the plan says, where there is one.
  std::vector<ToolValue> inputs, outputs;
};

struct ToolModelOptions {
  std::string name;                                  // of the catalogue, or a path
  std::vector<std::string> outputs;                  // to keep; the catalogue's where empty
  std::map<std::string, graph::Shape> input_shapes;  // by input name; for inputs with dynamic extents
  std::string precision = "fp32";                    // fp32, fp16 or auto
  std::set<std::string> full_precision;              // infer::CompileOptions
  bool allow_runner = false;                         // else such a network is refused
};

/// One execution, by plan or runner; errors name the file.
Result<std::vector<graph::Tensor>> run_tool_model(const ToolModel& model,
                                                  const std::vector<graph::Tensor>& inputs);

/// Finds or fetches the network and reads it: no device, no plan yet.
Result<ToolModel> import_tool_model(const ToolModelOptions& options, const GlobalOptions& globals);
/// Opens the device and compiles what was imported.
Status compile_tool_model(ToolModel& model, const ToolModelOptions& options, const GlobalOptions& globals);
/// Both.
Result<ToolModel> load_tool_model(const ToolModelOptions& options, const GlobalOptions& globals);

/// How a rank-4 input with three channels lies: its picture's size. nullopt where the input is no picture.
struct ImageInput {
  int width = 0, height = 0;
  bool nhwc = false;
};
std::optional<ImageInput> image_input(const graph::Shape& shape);

}  // namespace tarsier::app
