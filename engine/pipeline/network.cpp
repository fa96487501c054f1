#include "pipeline/network.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/ranges.h>

#include "core/log.hpp"
#include "core/text.hpp"
#include "graph/passes/passes.hpp"
#include "import/import.hpp"
#include "kernels/kernel.hpp"
#include "models/fetch.hpp"

namespace tarsier::pipeline {
namespace {

vision::FitMode fit_mode(models::Fit fit) {
  switch (fit) {
    case models::Fit::kStretch:
      return vision::FitMode::kStretch;
    case models::Fit::kLetterboxTopLeft:
      return vision::FitMode::kLetterboxTopLeft;
    case models::Fit::kLetterboxCentre:
      return vision::FitMode::kLetterboxCentre;
  }
  return vision::FitMode::kStretch;
}

Result<vision::TensorRef> tensor_ref(const infer::TensorBinding& binding, bool channels_last) {
  const auto layout =
      binding.layout == graph::Layout::kC4 ? vision::TensorLayout::kC4 : vision::TensorLayout::kLinear;
  auto ref = vision::TensorRef::of(binding.address, binding.desc.shape, layout,
                                   binding.storage == graph::DType::kF16, channels_last);
  if (!ref.ok()) return ref.error().in(binding.name);
  return ref;
}

Result<models::ModelFiles> files_of(const models::Entry& entry, const models::StoreOptions& store,
                                    const LoadProgress& progress) {
  if (auto found = models::locate(entry, store); found.ok()) return found;
  if (!entry.needs_consent) log::info("fetching network '{}' ({})", entry.name, entry.license);
  models::FetchOptions options;
  if (progress) {
    options.progress = [&progress](const models::FetchProgress& state) {
      const double fraction =
          state.total > 0 ? static_cast<double>(state.bytes) / static_cast<double>(state.total) : 0;
      progress("fetching " + state.what, fraction);
    };
  }
  return models::fetch(entry, store, options);
}

/// The extents nearest to the frame's aspect (without a frame: to the network's own) with the long side that
/// is wanted, in steps of the network's largest stride.
std::pair<int, int> input_size_for(const models::InputSpec& input, const NetworkOptions& options) {
  constexpr int kStep = 32;
  const bool framed = options.frame_width > 0 && options.frame_height > 0;
  const int width = framed ? options.frame_width : input.width;
  const int height = framed ? options.frame_height : input.height;
  const int side = options.input_side > 0 ? options.input_side : std::max(input.width, input.height);
  const double scale = static_cast<double>(side) / std::max(width, height);
  const auto extent = [&](int of) {
    return std::max(1, static_cast<int>(std::lround(of * scale / kStep))) * kStep;
  };
  return {extent(width), extent(height)};
}

/// A picture that the network casts to reals itself is fed in reals.
void drop_input_cast(graph::Graph& graph) {
  constexpr int64_t kFloat = 1;  // ONNX's number of it
  const graph::ValueId input = graph.inputs.front();
  if (graph.value(input).desc.dtype == graph::DType::kF32) return;
  std::vector<bool> keep(graph.nodes.size(), true);
  std::vector<graph::ValueId> reals;
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    const auto& node = graph.nodes[i];
    if (std::ranges::find(node.inputs, input) == node.inputs.end()) continue;
    if (node.op != "Cast" || node.integer("to", 0) != kFloat) return;
    reals.push_back(node.outputs[0]);
    keep[i] = false;
  }
  for (const auto real : reals) graph.replace_uses(real, input);
  graph.value(input).desc.dtype = graph::DType::kF32;
  graph.retain_nodes(keep);
}

/// Opens the input's size where the catalogue allows it and nothing in the network forbids it.
Status choose_input_size(graph::Graph& graph, const models::Entry& entry, bool nhwc,
                         const NetworkOptions& options, infer::CompileOptions& compile) {
  const bool framed = options.frame_width > 0 && options.frame_height > 0;
  if (!framed && options.input_side == 0) return {};
  const auto [width, height] = input_size_for(entry.input, options);
  bool open = entry.input.any_aspect;
  if (open) {
    TARSIER_CHECK(graph::infer_shapes(graph, kernels::Registry::instance()));
    open = graph::open_input_size(graph, nhwc ? 1 : 2);
  }
  if (!open) {
    if (options.input_side == 0) return {};
    return input_error("{} runs at its own size only ({}x{}): leave input_size at 0", entry.name,
                       entry.input.width, entry.input.height);
  }
  const std::string& name = graph.value(graph.inputs.front()).name;
  compile.input_shapes[name] = nhwc ? graph::Shape{1, height, width, 3} : graph::Shape{1, 3, height, width};
  return {};
}

}  // namespace

vision::PreprocessDesc preprocess_desc(const models::InputSpec& input) {
  vision::PreprocessDesc desc;
  desc.fit = fit_mode(input.fit);
  desc.order = input.bgr ? vision::ColourOrder::kBgr : vision::ColourOrder::kRgb;
  desc.mean = input.mean;
  for (size_t c = 0; c < 3; ++c) desc.scale[c] = 1.0F / input.std[c];
  desc.pad = input.pad;
  return desc;
}

std::pair<float, float> input_range(const models::InputSpec& input) {
  float low = 0, high = 0;
  for (size_t c = 0; c < 3; ++c) {
    low = std::min(low, (0 - input.mean[c]) / input.std[c]);
    high = std::max(high, (255 - input.mean[c]) / input.std[c]);
  }
  return {low, high};
}

Result<std::unique_ptr<Network>> Network::load(gpu::Device& device, const models::Entry& entry,
                                               const models::StoreOptions& store,
                                               const NetworkOptions& options) {
  TARSIER_TRY(const auto files, files_of(entry, store, options.progress));
  TARSIER_TRY(auto graph, import::load_model(files.main));

  infer::CompileOptions compile;
  compile.precision = options.precision;
  std::tie(compile.probe_low, compile.probe_high) = input_range(entry.input);
  compile.tune = options.tune;
  compile.outputs = entry.outputs;
  compile.state = entry.state;
  // A state must be computed even where nobody else reads it.
  for (const auto& [output, input] : entry.state)
    if (!compile.outputs.empty() && std::ranges::find(compile.outputs, output) == compile.outputs.end())
      compile.outputs.push_back(output);
  if (options.progress) {
    compile.progress = [&](float fraction, std::string_view what) {
      options.progress(fmt::format("{}: {}", entry.name, what), static_cast<double>(fraction));
    };
  }
  if (graph.inputs.size() != 1 + entry.state.size()) {
    return input_error("{}: has {} inputs, a pipeline's network must have one beside its state: the picture",
                       files.main.string(), graph.inputs.size());
  }
  // The picture first. (libstdc++ 12's std::ranges one is beyond clang.)
  std::stable_partition(graph.inputs.begin(), graph.inputs.end(), [&](graph::ValueId id) {
    return std::ranges::none_of(entry.state,
                                [&](const auto& pair) { return pair.second == graph.value(id).name; });
  });
  // Pre-processing writes and decoders read any layout, so transposes at the network's ends are for nothing.
  TARSIER_CHECK(graph::prune(graph, compile.outputs));
  drop_input_cast(graph);
  const std::vector<std::string> peeled = graph::peel_transposes(graph);
  const auto channels_last = [&](const std::string& name) {
    return entry.input.nhwc && std::find(peeled.begin(), peeled.end(), name) == peeled.end();
  };
  const bool nhwc = channels_last(graph.value(graph.inputs.front()).name);
  if (const Status status = choose_input_size(graph, entry, nhwc, options, compile); !status.ok()) {
    return status.error().in(files.main.string());
  }
  const graph::Value& input = graph.value(graph.inputs.front());
  if (input.desc.dtype != graph::DType::kF32)
    return input_error("{}: its input '{}' takes {}; a pipeline feeds floating-point numbers",
                       files.main.string(), input.name, graph::name_of(input.desc.dtype));
  if (!graph::is_static(input.desc.shape) && compile.input_shapes.empty()) {
    if (entry.input.width <= 0 || entry.input.height <= 0 || input.desc.shape.size() != 4) {
      return input_error("{}: its input '{}' is {}; give its size in {}.toml beside it", files.main.string(),
                         input.name, graph::to_string(input.desc.shape), files.main.stem().string());
    }
    const int64_t width = entry.input.width, height = entry.input.height;
    compile.input_shapes[input.name] =
        nhwc ? graph::Shape{1, height, width, 3} : graph::Shape{1, 3, height, width};
  }

  auto network = std::unique_ptr<Network>(new Network);
  network->entry_ = entry;
  for (const graph::ValueId output : graph.outputs) {
    const std::string& name = graph.value(output).name;
    if (channels_last(name)) network->channels_last_.push_back(name);
  }
  auto plan = infer::Plan::compile(device, std::move(graph), compile);
  if (!plan.ok()) return plan.error().in(files.main.string());
  network->plan_ = *std::move(plan);

  TARSIER_TRY(network->input_, tensor_ref(network->plan_->inputs().front(), nhwc));
  TARSIER_TRY(const auto preprocess,
              vision::Preprocess::create(device, preprocess_desc(entry.input), network->input_));
  network->preprocess_ = std::make_unique<vision::Preprocess>(preprocess);
  return network;
}

void Network::record(gpu::FrameContext& frame, const DeviceFrame& picture, std::string_view stage) const {
  auto& commands = frame.commands();
  frame.begin_span(fmt::format("{} input", stage));
  preprocess_->record(commands, picture.address(), picture.width, picture.height);
  frame.end_span();
  frame.begin_span(fmt::format("{} network", stage));
  run(commands);
  frame.end_span();
}

vision::Fit Network::output_fit(const DeviceFrame& frame, int output_width, int output_height) const {
  const vision::Fit fit = preprocess_->fit(frame.width, frame.height);
  const float x = float(output_width) / float(input_width()),
              y = float(output_height) / float(input_height());
  return {fit.scale_x * x, fit.scale_y * y, fit.offset_x * x, fit.offset_y * y};
}

Result<vision::TensorRef> Network::output(std::string_view name) const {
  if (const auto* binding = plan_->find_output(name); binding != nullptr) {
    const bool last = std::find(channels_last_.begin(), channels_last_.end(), name) != channels_last_.end();
    return tensor_ref(*binding, last);
  }
  std::vector<std::string> names;
  for (const auto& binding : plan_->outputs()) names.push_back(binding.name);
  return input_error("{}: has no output '{}'; there are {}", entry_.name, name, fmt::join(names, ", "));
}

Result<std::vector<vision::TensorRef>> Network::head_outputs() const {
  std::vector<std::string> names = entry_.outputs;
  if (names.empty()) {
    for (const auto& binding : plan_->outputs()) names.push_back(binding.name);
  }
  std::vector<vision::TensorRef> outputs;
  for (const auto& name : names) {
    TARSIER_TRY(const auto tensor, output(name));
    outputs.push_back(tensor);
  }
  return outputs;
}

}  // namespace tarsier::pipeline
