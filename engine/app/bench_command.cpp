// tarsier bench: device time of a network, whole and by layer.
#include <algorithm>
#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>
#include <numeric>
#include <random>

#include "app/command_line.hpp"
#include "app/commands.hpp"
#include "app/progress_line.hpp"
#include "app/tool_model.hpp"
#include "core/console.hpp"
#include "core/file.hpp"
#include "gpu/frame_context.hpp"

namespace tarsier::app {
namespace {

constexpr int kWarmUpRuns = 3;
constexpr uint32_t kFramesInFlight = 2;
constexpr uint64_t kStagingBytes = 1 << 16;

struct BenchOptions {
  std::string model;
  int runs = 30;
  std::string precision = "fp32";
  std::string json;
};

struct Times {
  double median_ms = 0, p95_ms = 0, min_ms = 0, mean_ms = 0;
};

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

/// Random values in [0, 1): a network's time hardly depends on them, but zeros would make whole layers
/// trivial for hardware that gates on them.
std::vector<graph::Tensor> random_inputs(const infer::Plan& plan) {
  std::mt19937 generator(1);
  std::uniform_real_distribution<float> uniform(0, 1);
  std::vector<graph::Tensor> inputs;
  for (const auto& binding : plan.inputs()) {
    graph::Tensor tensor(binding.desc);
    if (binding.desc.dtype == graph::DType::kF32) {
      for (float& value : tensor.as_mutable<float>()) value = uniform(generator);
    }
    inputs.push_back(std::move(tensor));
  }
  return inputs;
}

/// Device times of the whole network, one for each run.
Result<std::vector<double>> time_runs(const ToolModel& model, int runs) {
  TARSIER_TRY(const auto ring, gpu::FrameRing::create(*model.device, kFramesInFlight, kStagingBytes));
  std::vector<double> ms;
  ProgressLine line;
  for (int i = 0; i < kWarmUpRuns + runs; ++i) {
    TARSIER_TRY(gpu::FrameContext* const frame, ring->begin());
    frame->begin_span("network");
    model.plan->record(frame->commands());
    frame->end_span();
    TARSIER_CHECK(ring->submit(*frame));
    ring->drain();
    if (frame->times().empty())
      return runtime_error("device '{}' has no timestamps: nothing can be measured",
                           model.device->info().name);
    if (i >= kWarmUpRuns) ms.push_back(frame->times().front().ms);
    line.show(fmt::format("{}: run {} of {}", model.entry.name, i + 1, kWarmUpRuns + runs),
              static_cast<double>(i + 1) / (kWarmUpRuns + runs));
  }
  return ms;
}

nlohmann::json to_json(const ToolModel& model, const BenchOptions& options, const Times& times,
                       const std::vector<infer::LayerTime>& layers) {
  auto rows = nlohmann::json::array();
  for (const auto& layer : layers) {
    rows.push_back({{"name", layer.name},
                    {"op", layer.op},
                    {"shape", layer.shape},
                    {"pipeline", layer.pipeline},
                    {"ms", layer.ms},
                    {"gflop", layer.gflop}});
  }
  const auto& stats = model.plan->stats();
  const auto& device = model.device->info();
  return {{"model", model.entry.name},
          {"device", device.name},
          {"driver", device.driver},
          {"software", device.software},
          {"precision", options.precision},
          {"runs", options.runs},
          {"median_ms", times.median_ms},
          {"p95_ms", times.p95_ms},
          {"min_ms", times.min_ms},
          {"mean_ms", times.mean_ms},
          {"dispatches", stats.dispatches},
          {"weight_bytes", stats.weight_bytes},
          {"activation_bytes", stats.activation_bytes},
          {"compile_ms", stats.compile_ms},
          {"layers", rows}};
}

void print_table(const ToolModel& model, const BenchOptions& options, const Times& times,
                 std::vector<infer::LayerTime> layers) {
  std::sort(layers.begin(), layers.end(), [](const auto& a, const auto& b) { return a.ms > b.ms; });
  double sum = 0;
  double gflop = 0;
  for (const auto& layer : layers) {
    sum += layer.ms;
    gflop += layer.gflop;
  }
  print("{:>9} {:>6} {:>9}  {:<18} {:<40} {}\n", "MS", "%", "GFLOP/S", "OPERATOR", "SHAPE", "NODE");
  for (const auto& layer : layers) {
    const std::string rate =
        layer.gflop > 0 && layer.ms > 0 ? fmt::format("{:.1f}", layer.gflop / layer.ms * 1e3) : "";
    print("{:>9.3f} {:>6.1f} {:>9}  {:<18} {:<40} {}\n", layer.ms, sum > 0 ? layer.ms / sum * 100 : 0, rate,
          layer.op, layer.shape, layer.name);
  }
  const auto& stats = model.plan->stats();
  print("\n{} on {} ({}), {} runs after {} to warm up\n", model.entry.name, model.device->info().name,
        options.precision, options.runs, kWarmUpRuns);
  print("device time: median {:.2f} ms, p95 {:.2f} ms, least {:.2f} ms", times.median_ms, times.p95_ms,
        times.min_ms);
  if (gflop > 0) print("; {:.2f} GFLOP, {:.1f} GFLOP/s", gflop, gflop / times.median_ms * 1e3);
  print("\n{} dispatches, weights {}, activations {} (without aliasing {}), compiled in {:.0f} ms\n",
        stats.dispatches, readable_bytes(stats.weight_bytes), readable_bytes(stats.activation_bytes),
        readable_bytes(stats.unaliased_bytes), stats.compile_ms);
}

Status bench(const GlobalOptions& globals, const BenchOptions& options) {
  if (!options.json.empty()) TARSIER_CHECK(check_writable("--json", options.json));
  ToolModelOptions load;
  load.name = options.model;
  load.fp16 = options.precision == "fp16";
  TARSIER_TRY(const ToolModel model, load_tool_model(load, globals));
  TARSIER_TRY([[maybe_unused]] const auto outputs,
              infer::Session(*model.device, *model.plan).run(random_inputs(*model.plan)));
  TARSIER_TRY(const auto ms, time_runs(model, options.runs));
  TARSIER_TRY(const auto layers, model.plan->profile(std::min(options.runs, 10)));
  TARSIER_CHECK(check_validation(model, globals));
  const Times times = summarise(ms);
  print_table(model, options, times, layers);
  if (!options.json.empty())
    TARSIER_CHECK(write_text_atomic(options.json, to_json(model, options, times, layers).dump(2) + "\n"));
  return {};
}

}  // namespace

void register_bench_command(CLI::App& app, GlobalOptions& globals, Action& action) {
  CLI::App* command =
      app.add_subcommand("bench", "Measure a network: median and p95 device time, and where it goes");
  const auto options = std::make_shared<BenchOptions>();
  command
      ->add_option(
          "MODEL", options->model,
          "A network of `tarsier models list`, or the path of an .onnx or a TensorFlow.js model.json")
      ->required();
  command->add_option("--runs", options->runs, "Measured runs (default: 30)")->check(CLI::Range(1, 100000));
  command->add_option("--precision", options->precision, "How activations are stored: fp32 (default) or fp16")
      ->check(CLI::IsMember({"fp32", "fp16"}))
      ->type_name("TYPE");
  command->add_option("--json", options->json, "Write the figures here too")->type_name("FILE");
  command->footer(
      "Examples:\n"
      "  tarsier bench centernet\n"
      "  tarsier bench yolox_nano --runs 100 --json yolox.json\n"
      "  tarsier bench ./mine.onnx --precision fp16 --device 0\n");
  add_common_flags(*command, globals, true);
  command->callback([&, options] { action = [&, options] { return bench(globals, *options); }; });
}

}  // namespace tarsier::app
