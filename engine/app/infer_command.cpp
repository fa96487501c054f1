// tarsier infer: one run of a network on files.
#include <algorithm>
#include <cmath>
#include <memory>

#include "app/command_line.hpp"
#include "app/commands.hpp"
#include "app/npy.hpp"
#include "app/tool_inputs.hpp"
#include "app/tool_model.hpp"
#include "capture/frame_source.hpp"
#include "core/console.hpp"
#include "core/file.hpp"
#include "core/text.hpp"
#include "pipeline/network.hpp"
#include "vision/preprocess.hpp"

namespace tarsier::app {
namespace {

namespace fs = std::filesystem;

struct InferOptions {
  std::string model;
  std::vector<std::string> inputs;  // NAME=FILE.npy
  std::string image;
  std::string out = "out";
  std::vector<std::string> outputs;
  std::string precision = "fp32";
};

Result<graph::Tensor> image_tensor(const capture::Frame& frame, const models::InputSpec& input,
                                   const ToolValue& taker) {
  const auto place = image_input(taker.desc.shape);
  const graph::DType dtype = taker.desc.dtype;
  const bool known = dtype == graph::DType::kF32 || dtype == graph::DType::kU8 || dtype == graph::DType::kI32;
  if (!place || !known || taker.desc.shape[0] != 1) {
    return input_error("input '{}' {} takes no picture; give it by --in {}=FILE.npy", taker.name,
                       graph::to_string(taker.desc.shape), taker.name);
  }
  const auto* pixels = reinterpret_cast<const uint32_t*>(frame.bgra->data());
  const auto values = vision::preprocess_reference(
      pipeline::preprocess_desc(input),
      {pixels, static_cast<size_t>(frame.width) * static_cast<size_t>(frame.height)}, frame.width,
      frame.height, place->width, place->height, place->nhwc);
  if (dtype == graph::DType::kF32) return graph::Tensor::f32(taker.desc.shape, values);
  std::vector<int32_t> whole;
  for (const float x : values) whole.push_back(int32_t(std::lround(x)));
  if (dtype == graph::DType::kI32) return graph::Tensor::of<int32_t>(dtype, taker.desc.shape, whole);
  std::vector<uint8_t> bytes;
  for (const int32_t x : whole) bytes.push_back(uint8_t(std::clamp(x, 0, 255)));
  return graph::Tensor::of<uint8_t>(dtype, taker.desc.shape, bytes);
}

Result<capture::Frame> read_image(const std::string& path) {
  TARSIER_TRY(const auto source, capture::open_source(path));
  TARSIER_TRY(auto frame, source->next());
  if (!frame) return input_error("{}: holds no picture", path);
  return *std::move(frame);
}

std::string value_range(const graph::Tensor& tensor) {
  const auto values = tensor.to_floats();
  if (values.empty()) return "empty";
  if (std::any_of(values.begin(), values.end(), [](float v) { return std::isnan(v); })) return "holds NaN";
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  return fmt::format("{:.6g} .. {:.6g}", *low, *high);
}

Status infer_once(const GlobalOptions& globals, const InferOptions& options) {
  TARSIER_CHECK(check_writable("--out", fs::path(options.out) / "output.npy"));
  TARSIER_TRY(const auto given, read_inputs(options.inputs));
  std::optional<capture::Frame> frame;
  if (!options.image.empty()) {
    TARSIER_TRY(frame, read_image(options.image));
  }
  ToolModelOptions load;
  load.name = options.model;
  load.outputs = options.outputs;
  load.precision = options.precision;
  for (const auto& [name, tensor] : given) load.input_shapes[name] = tensor.shape();
  load.allow_runner = true;
  TARSIER_TRY(const ToolModel model, load_tool_model(load, globals));

  std::vector<graph::Tensor> inputs;
  for (const auto& binding : model.inputs) {
    if (const auto tensor = given.find(binding.name); tensor != given.end()) {
      TARSIER_TRY(graph::Tensor input, convert_input(tensor->second, binding.name, binding.desc.dtype));
      inputs.push_back(std::move(input));
    } else if (frame) {
      TARSIER_TRY(graph::Tensor input, image_tensor(*frame, model.entry.input, binding));
      inputs.push_back(std::move(input));
    } else {
      return input_error("input '{}' {} is missing: give --in {}=FILE.npy{}", binding.name,
                         graph::to_string(binding.desc.shape), binding.name,
                         image_input(binding.desc.shape) ? " or --image FILE" : "");
    }
  }
  TARSIER_TRY(const auto outputs, run_tool_model(model, inputs));
  TARSIER_CHECK(check_validation(*model.device));
  for (size_t i = 0; i < outputs.size(); ++i) {
    const auto& name = model.outputs[i].name;
    const fs::path file = fs::path(options.out) / (file_name_of(name) + ".npy");
    TARSIER_CHECK(write_npy(file, outputs[i]));
    print("{}: {} {} {} ({})\n", file.string(), name, graph::name_of(outputs[i].dtype()),
          graph::to_string(outputs[i].shape()), value_range(outputs[i]));
  }
  return {};
}

}  // namespace

void register_infer_command(CLI::App& app, GlobalOptions& globals, Action& action) {
  CLI::App* command = app.add_subcommand("infer", "Run a network once on files and write its outputs");
  const auto options = std::make_shared<InferOptions>();
  command
      ->add_option("MODEL", options->model,
                   "A network of `tarsier models list`, or the path of an .onnx, a .tflite or a "
                   "TensorFlow.js model.json")
      ->required();
  command->add_option("--in", options->inputs, "An input from a NumPy file; several may follow")
      ->type_name("NAME=FILE.npy");
  command
      ->add_option("--image", options->image,
                   "A picture for the inputs that --in does not give, prepared as the catalogue says")
      ->type_name("FILE");
  command->add_option("--out", options->out, "Folder for OUTPUT.npy files (default: out)")->type_name("DIR");
  command
      ->add_option("--outputs", options->outputs,
                   "Only these outputs; as the catalogue says, or all, where none is named")
      ->type_name("NAME");
  command
      ->add_option(
          "--precision", options->precision,
          "How activations are stored: fp32 (default), fp16, or auto (fp16 where it is exact enough)")
      ->check(CLI::IsMember({"fp32", "fp16", "auto"}))
      ->type_name("TYPE");
  command->footer(
      "Examples:\n"
      "  tarsier infer yolox_nano --image street.jpg --out out\n"
      "  tarsier infer twinlitenet --in images=frame.npy --out out --outputs da\n"
      "  tarsier infer ./mine.onnx --in x=x.npy mask=mask.npy --out out\n"
      "Each output becomes DIR/NAME.npy; characters of its name outside [A-Za-z0-9_.-] become '_'.\n");
  add_common_flags(*command, globals, true);
  command->callback([&, options] { action = [&, options] { return infer_once(globals, *options); }; });
}

}  // namespace tarsier::app
