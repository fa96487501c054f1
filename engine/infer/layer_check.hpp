// Every layer of a network on the device against the CPU references.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "infer/plan.hpp"

namespace tarsier::infer {

/// How one layer did. Errors are the largest difference as a fraction of the reference's largest magnitude;
/// infinite where the device gives numbers that are none and the reference does not.
struct LayerCheck {
  std::string name, op, shape;  // of the first output
  double error = 0, tolerance = 0;
  std::string failure;  // the layer did not run: why
  [[nodiscard]] bool passed() const { return failure.empty() && error <= tolerance; }
};

struct NetworkCheck {
  std::vector<LayerCheck> layers;      // in execution order
  std::vector<graph::Tensor> outputs;  // what the references make of the whole network
};

/// Of fp32 layers, and of layers that read or write fp16 activations.
inline constexpr double kLayerTolerance = 1e-4, kHalfLayerTolerance = 5e-3;

/// Runs each layer of `graph` (Plan::graph(): after the passes, layouts and storage assigned) by itself on
/// the device, fed with what the reference computed for the layers before it, so that one wrong layer does
/// not blame the others. `inputs` in the order of graph.inputs.
Result<NetworkCheck> check_layers(
    gpu::Device& device, const graph::Graph& graph, const std::vector<graph::Tensor>& inputs,
    const std::function<void(float fraction, std::string_view layer)>& progress = {});

/// The same with the device's own fp32 as the reference: quick, for choosing the precision of each layer.
Result<std::vector<LayerCheck>> compare_with_fp32(gpu::Device& device, const graph::Graph& graph,
                                                  const std::vector<graph::Tensor>& inputs);

/// Names of the layers of an fp16 plan that miss their tolerance: CompileOptions::full_precision of the next.
[[nodiscard]] std::set<std::string> failed_layers(const std::vector<LayerCheck>& layers);

/// The largest difference; infinite where only one of two is a number. NaN equals NaN.
[[nodiscard]] double largest_difference(const std::vector<float>& got, const std::vector<float>& wanted);
/// The largest finite magnitude, 1e-30 at least.
[[nodiscard]] double magnitude(const std::vector<float>& values);
/// The largest difference as LayerCheck::error says it.
[[nodiscard]] double range_error(const std::vector<float>& got, const std::vector<float>& wanted);

}  // namespace tarsier::infer
