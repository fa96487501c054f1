#include "app/layer_bench.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "app/command_line.hpp"
#include "app/roofline.hpp"
#include "core/console.hpp"
#include "core/file.hpp"

namespace tarsier::app {
namespace {

using graph::Graph;
using graph::Shape;
using graph::Tensor;
using graph::ValueId;

struct LayerCase {
  const char* name;
  const char* op;
  Shape input;  // N, C, H, W
  Shape
      weight;  // of Conv [M, C / group, k, k], of ConvTranspose [C, M / group, k, k], of Gemm [M, K]; or none
  std::vector<int64_t> strides = {1, 1};
  int64_t group = 1;
  int64_t pad = 0;
};

/// What networks for cameras are made of; the first three are the bars of docs/BENCHMARKS.md.
const std::vector<LayerCase>& layer_cases() {
  static const std::vector<LayerCase> cases = {
      {"conv 3x3, 64 -> 64, 128 x 128", "Conv", {1, 64, 128, 128}, {64, 64, 3, 3}, {1, 1}, 1, 1},
      {"conv 1x1, 256 -> 256, 64 x 64", "Conv", {1, 256, 64, 64}, {256, 256, 1, 1}},
      {"depthwise 3x3, 128, 64 x 64", "Conv", {1, 128, 64, 64}, {128, 1, 3, 3}, {1, 1}, 128, 1},
      {"conv 3x3 of the picture, 3 -> 32, 416 x 416, stride 2",
       "Conv",
       {1, 3, 416, 416},
       {32, 3, 3, 3},
       {2, 2},
       1,
       1},
      {"conv 3x3, 32 -> 64, 208 x 208, stride 2", "Conv", {1, 32, 208, 208}, {64, 32, 3, 3}, {2, 2}, 1, 1},
      {"conv 3x3, 256 -> 256, 14 x 14", "Conv", {1, 256, 14, 14}, {256, 256, 3, 3}, {1, 1}, 1, 1},
      {"conv 1x1, 64 -> 192, 56 x 56", "Conv", {1, 64, 56, 56}, {192, 64, 1, 1}},
      {"depthwise 3x3, 192, 56 x 56, stride 2", "Conv", {1, 192, 56, 56}, {192, 1, 3, 3}, {2, 2}, 192, 1},
      {"depthwise 5x5, 192, 64 x 64", "Conv", {1, 192, 64, 64}, {192, 1, 5, 5}, {1, 1}, 192, 2},
      {"grouped conv 3x3, 64 -> 64 in 4, 64 x 64", "Conv", {1, 64, 64, 64}, {64, 16, 3, 3}, {1, 1}, 4, 1},
      {"transposed conv 2x2, 64 -> 32, 64 x 64", "ConvTranspose", {1, 64, 64, 64}, {64, 32, 2, 2}, {2, 2}},
      {"fully connected, 1280 -> 1000", "Gemm", {1, 1280}, {1000, 1280}},
      {"max pool 3x3, 64, 112 x 112, stride 2", "MaxPool", {1, 64, 112, 112}, {}, {2, 2}, 1, 1},
  };
  return cases;
}

Tensor weights_of(const Shape& shape, uint32_t seed) {
  return graph::random_tensor({graph::DType::kF32, shape}, seed, -0.1F, 0.1F);
}

Graph graph_of(const LayerCase& layer) {
  Graph graph;
  graph.name = layer.name;
  graph.opset = 13;
  const ValueId in = graph.add_value("x", {graph::DType::kF32, layer.input});
  graph.inputs = {in};
  graph::Node node;
  node.name = layer.name;
  node.op = layer.op;
  node.inputs = {in};
  if (!layer.weight.empty()) {
    node.inputs.push_back(graph.add_constant("weight", weights_of(layer.weight, 1)));
    const int64_t results = node.op == "ConvTranspose" ? layer.weight[1] * layer.group : layer.weight[0];
    node.inputs.push_back(graph.add_constant("bias", weights_of({results}, 2)));
  }
  if (node.op == "Gemm") {
    node.attributes["transB"] = int64_t(1);
  } else {
    const Shape kernel = layer.weight.empty() ? Shape{3, 3} : Shape{layer.weight[2], layer.weight[3]};
    node.attributes["kernel_shape"] = kernel;
    node.attributes["strides"] = layer.strides;
    node.attributes["pads"] = std::vector<int64_t>(4, layer.pad);
    if (!layer.weight.empty()) node.attributes["group"] = layer.group;
  }
  const ValueId out = graph.add_value("y");
  node.outputs = {out};
  graph.add_node(std::move(node));
  graph.outputs = {out};
  return graph;
}

Result<infer::LayerTime> time_layer(gpu::Device& device, const LayerCase& layer,
                                    const LayerBenchOptions& options) {
  infer::CompileOptions compile;
  compile.tune = options.tune;
  compile.precision = options.fp16 ? infer::Precision::kFp16 : infer::Precision::kFp32;
  TARSIER_TRY(const auto plan, infer::Plan::compile(device, graph_of(layer), compile));
  TARSIER_TRY(const auto times, plan->profile(options.runs));
  // The plan may hold layout conversions beside the layer, and the layer in several steps.
  infer::LayerTime out;
  for (const auto& time : times) {
    if (time.gflop > 0 || time.op == layer.op) out = time;
  }
  if (out.op.empty()) return runtime_error("{}: nothing of it was left to run", layer.name);
  out.name = layer.name;
  return out;
}

}  // namespace

Status bench_layers(const GlobalOptions& globals, const LayerBenchOptions& options) {
  TARSIER_TRY(const auto device, gpu::Device::create(device_options(globals)));
  TARSIER_TRY(const auto peaks, measure_peaks(*device));
  auto rows = nlohmann::json::array();
  print("{} ({}), {} runs of each layer\n", device->info().name, options.fp16 ? "fp16" : "fp32",
        options.runs);
  print("{:>9} {:>9} {:>9} {:>9} {:>8} {:>12}  {:<55} {}\n", "MS", "LEAST MS", "BOUND MS", "GFLOP/S", "GB/S",
        "% OF COPY", "LAYER", "KERNEL");
  for (const auto& layer : layer_cases()) {
    TARSIER_TRY(const auto time, time_layer(*device, layer, options));
    const RooflineRow row = roofline({time}, peaks).front();
    const double of_copy = row.gb_per_s / peaks.gb_per_s(time.bytes) * 100;
    print("{:>9.3f} {:>9.3f} {:>9.3f} {:>9.1f} {:>8.1f} {:>12.0f}  {:<55} {}\n", time.ms, time.least_ms,
          row.bound_ms, row.gflop_per_s, row.gb_per_s, of_copy, time.name, time.pipeline);
    rows.push_back({{"layer", time.name},
                    {"ms", time.ms},
                    {"least_ms", time.least_ms},
                    {"bound_ms", row.bound_ms},
                    {"gflop", time.gflop},
                    {"bytes", time.bytes},
                    {"gflop_per_s", row.gflop_per_s},
                    {"gb_per_s", row.gb_per_s},
                    {"part_of_copy", of_copy / 100},
                    {"pipeline", time.pipeline}});
  }
  print("{}", peaks_text(peaks));
  return write_json(options.json, {{"device", device->info().name},
                                   {"driver", device->info().driver},
                                   {"precision", options.fp16 ? "fp16" : "fp32"},
                                   {"peaks", to_json(peaks)},
                                   {"layers", rows}});
}

}  // namespace tarsier::app
