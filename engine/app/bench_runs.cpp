#include "app/bench_runs.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <iostream>
#include <nlohmann/json.hpp>
#include <numeric>
#include <sstream>

#include "app/progress_line.hpp"
#include "app/tool_inputs.hpp"
#include "core/console.hpp"
#include "gpu/frame_context.hpp"

namespace tarsier::app {
namespace {

constexpr uint32_t kFramesInFlight = 2;
constexpr uint64_t kStagingBytes = 1 << 16;
constexpr int kMostRuns = 100000;

using Clock = std::chrono::steady_clock;

double ms_since(Clock::time_point begin) {
  return std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
}

/// One run on the inputs that lie on the device.
Status time_one(const ToolModel& model, gpu::FrameRing& ring, RunTimes& out) {
  const auto begin = Clock::now();
  TARSIER_TRY(gpu::FrameContext* const frame, ring.begin());
  frame->begin_span("network");
  model.plan->record(frame->commands());
  frame->end_span();
  TARSIER_CHECK(ring.submit(*frame));
  ring.drain();
  out.wall_ms.push_back(ms_since(begin));
  if (frame->times().empty())
    return runtime_error("device '{}' has no timestamps: nothing can be measured", model.device->info().name);
  out.device_ms.push_back(frame->times().front().ms);
  return {};
}

}  // namespace

Times summarise(std::vector<double> ms) {
  std::sort(ms.begin(), ms.end());
  // Nearest rank: the smallest sample that at least that part of all samples does not exceed.
  const auto rank = [&](double part) {
    const auto n = static_cast<double>(ms.size());
    return ms[static_cast<size_t>(std::max(1.0, std::ceil(part * n))) - 1];
  };
  return {rank(0.5), rank(0.95), ms.front(),
          std::accumulate(ms.begin(), ms.end(), 0.0) / static_cast<double>(ms.size())};
}

Result<std::vector<graph::Tensor>> bench_inputs(const ToolModel& model,
                                                const std::map<std::string, graph::Tensor>& given) {
  std::vector<graph::Tensor> inputs;
  for (const auto& binding : model.inputs) {
    if (const auto tensor = given.find(binding.name); tensor != given.end()) {
      TARSIER_TRY(graph::Tensor input, convert_input(tensor->second, binding.name, binding.desc.dtype));
      inputs.push_back(std::move(input));
      continue;
    }
    inputs.push_back(graph::random_tensor(binding.desc, uint32_t(inputs.size() + 1), 0, 1));
  }
  return inputs;
}

Result<RunTimes> time_runs(const ToolModel& model, int runs) {
  TARSIER_TRY(const auto ring, gpu::FrameRing::create(*model.device, kFramesInFlight, kStagingBytes));
  RunTimes warm_up;
  RunTimes out;
  ProgressLine line;
  for (int i = 0; i < kWarmUpRuns + runs; ++i) {
    TARSIER_CHECK(time_one(model, *ring, i < kWarmUpRuns ? warm_up : out));
    line.show(fmt::format("{}: run {} of {}", model.entry.name, i + 1, kWarmUpRuns + runs),
              static_cast<double>(i + 1) / (kWarmUpRuns + runs));
  }
  return out;
}

Status serve_runs(const ToolModel& model, const std::vector<graph::Tensor>& inputs) {
  TARSIER_TRY(const auto ring, gpu::FrameRing::create(*model.device, kFramesInFlight, kStagingBytes));
  infer::Session session(*model.device, *model.plan);
  std::string line;
  while (std::getline(std::cin, line)) {
    std::istringstream words(line);
    int runs = 0;
    int whole_runs = 0;
    if (!(words >> runs >> whole_runs) || runs < 0 || whole_runs < 0 || runs > kMostRuns ||
        whole_runs > kMostRuns)
      return input_error("--serve: '{}' is no pair of run counts, such as '20 5'", line);
    RunTimes times;
    TARSIER_CHECK(time_one(model, *ring, times));
    times = {};
    for (int i = 0; i < runs; ++i) TARSIER_CHECK(time_one(model, *ring, times));
    std::vector<double> host_ms;
    for (int i = 0; i < whole_runs; ++i) {
      const auto begin = Clock::now();
      TARSIER_TRY([[maybe_unused]] const auto outputs, session.run(inputs));
      host_ms.push_back(ms_since(begin));
    }
    print("{}\n",
          nlohmann::json{{"wall_ms", times.wall_ms}, {"device_ms", times.device_ms}, {"host_ms", host_ms}}
              .dump());
    TARSIER_CHECK(console_status());
  }
  return {};
}

}  // namespace tarsier::app
