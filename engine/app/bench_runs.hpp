// How `tarsier bench` times a network as a whole.
#pragma once

#include <vector>

#include "app/tool_model.hpp"

namespace tarsier::app {

constexpr int kWarmUpRuns = 3;

struct Times {
  double median_ms = 0, p95_ms = 0, min_ms = 0, mean_ms = 0;
};
/// Of at least one sample; percentiles by the nearest rank.
Times summarise(std::vector<double> ms);

/// One value a run.
struct RunTimes {
  std::vector<double> device_ms;  // between timestamps on the device
  std::vector<double> wall_ms;    // host clock, from before the commands are begun until the fence is passed
};

/// Tensors for all inputs of the network: those that are `given`, random values in [0, 1) for the rest.
/// A network's time hardly depends on them, but zeros would make whole layers trivial for hardware that gates
/// on them.
Result<std::vector<graph::Tensor>> bench_inputs(const ToolModel& model,
                                                const std::map<std::string, graph::Tensor>& given);

/// Runs after kWarmUpRuns, on the inputs that lie on the device, with a progress line.
Result<RunTimes> time_runs(const ToolModel& model, int runs);

/// Times on request, so that another program can alternate between this engine and others: each line "N M" of
/// standard input is answered by one line of JSON with the times of N runs (as time_runs; one more before
/// them is not counted) and of M runs from host memory to host memory. Ends with the input.
Status serve_runs(const ToolModel& model, const std::vector<graph::Tensor>& inputs);

}  // namespace tarsier::app
