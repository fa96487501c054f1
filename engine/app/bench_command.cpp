// tarsier bench: device time of a network, whole and by layer.
#include <algorithm>
#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "app/bench_runs.hpp"
#include "app/command_line.hpp"
#include "app/commands.hpp"
#include "app/layer_bench.hpp"
#include "app/roofline.hpp"
#include "app/tool_inputs.hpp"
#include "app/tool_model.hpp"
#include "core/console.hpp"
#include "core/file.hpp"

namespace tarsier::app {
namespace {

constexpr int kProfileRuns = 10;

struct BenchOptions {
  std::string model;
  int runs = 30;
  std::string precision = "fp32";
  std::string json;
  std::vector<std::string> inputs;  // NAME=FILE.npy
  bool roofline = false, serve = false, layers = false;
};

/// What was measured of a network.
struct Measured {
  Times device, wall;
  double host_ms = 0;  // median, from host memory to host memory
  std::vector<infer::LayerTime> layers;
  std::optional<DevicePeaks> peaks;
};

nlohmann::json to_json(const Times& times) {
  return {{"median_ms", times.median_ms},
          {"p95_ms", times.p95_ms},
          {"min_ms", times.min_ms},
          {"mean_ms", times.mean_ms}};
}

nlohmann::json layer_json(const infer::LayerTime& layer) {
  return {{"name", layer.name},         {"op", layer.op},
          {"shape", layer.shape},       {"ms", layer.ms},
          {"least_ms", layer.least_ms}, {"pipeline", layer.pipeline},
          {"gflop", layer.gflop},       {"bytes", layer.bytes}};
}

nlohmann::json to_json(const ToolModel& model, const BenchOptions& options, const Measured& measured) {
  auto rows = nlohmann::json::array();
  double gflop = 0;
  for (const auto& layer : measured.layers) {
    rows.push_back(layer_json(layer));
    gflop += layer.gflop;
  }
  const auto& stats = model.plan->stats();
  const auto& device = model.device->info();
  nlohmann::json out = {{"model", model.entry.name},
                        {"device", device.name},
                        {"driver", device.driver},
                        {"software", device.software},
                        {"precision", options.precision},
                        {"runs", options.runs},
                        {"gflop", gflop},
                        {"wall", to_json(measured.wall)},
                        {"host_ms", measured.host_ms},
                        {"dispatches", stats.dispatches},
                        {"weight_bytes", stats.weight_bytes},
                        {"activation_bytes", stats.activation_bytes},
                        {"compile_ms", stats.compile_ms},
                        {"layers", rows}};
  out.update(to_json(measured.device));
  if (measured.peaks) {
    out["peaks"] = to_json(*measured.peaks);
    auto sorted = nlohmann::json::array();
    for (const auto& row : roofline(measured.layers, *measured.peaks)) {
      auto json = layer_json(row.layer);
      json["gflop_per_s"] = row.gflop_per_s;
      json["gb_per_s"] = row.gb_per_s;
      json["bound_ms"] = row.bound_ms;
      json["lost_ms"] = row.lost_ms;
      sorted.push_back(std::move(json));
    }
    out["roofline"] = std::move(sorted);
  }
  return out;
}

void print_layers(std::vector<infer::LayerTime> layers) {
  std::sort(layers.begin(), layers.end(), [](const auto& a, const auto& b) { return a.ms > b.ms; });
  double sum = 0;
  for (const auto& layer : layers) sum += layer.ms;
  print("{:>9} {:>6} {:>9}  {:<18} {:<40} {}\n", "MS", "%", "GFLOP/S", "OPERATOR", "SHAPE", "NODE");
  for (const auto& layer : layers) {
    const std::string rate =
        layer.gflop > 0 && layer.ms > 0 ? fmt::format("{:.1f}", layer.gflop / layer.ms * 1e3) : "";
    print("{:>9.3f} {:>6.1f} {:>9}  {:<18} {:<40} {}\n", layer.ms, sum > 0 ? layer.ms / sum * 100 : 0, rate,
          layer.op, layer.shape, layer.name);
  }
}

void print_summary(const ToolModel& model, const BenchOptions& options, const Measured& measured) {
  double gflop = 0;
  for (const auto& layer : measured.layers) gflop += layer.gflop;
  const auto& stats = model.plan->stats();
  const Times& device = measured.device;
  const Times& wall = measured.wall;
  print("\n{} on {} ({}), {} runs after {} to warm up\n", model.entry.name, model.device->info().name,
        options.precision, options.runs, kWarmUpRuns);
  print("device time: median {:.2f} ms, p95 {:.2f} ms, least {:.2f} ms", device.median_ms, device.p95_ms,
        device.min_ms);
  if (gflop > 0) print("; {:.2f} GFLOP, {:.1f} GFLOP/s", gflop, gflop / device.median_ms * 1e3);
  print(
      "\nwall clock, submit to fence: median {:.2f} ms, p95 {:.2f} ms, least {:.2f} ms; host memory to host "
      "memory "
      "{:.2f} ms\n",
      wall.median_ms, wall.p95_ms, wall.min_ms, measured.host_ms);
  print("{} dispatches, weights {}, activations {} (without aliasing {}), compiled in {:.0f} ms\n",
        stats.dispatches, readable_bytes(stats.weight_bytes), readable_bytes(stats.activation_bytes),
        readable_bytes(stats.unaliased_bytes), stats.compile_ms);
}

/// From host memory to host memory.
Result<Times> host_times(const ToolModel& model, const std::vector<graph::Tensor>& inputs, int runs) {
  std::vector<double> ms;
  for (int i = 0; i < runs; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    TARSIER_TRY([[maybe_unused]] const auto outputs, run_tool_model(model, inputs));
    ms.push_back(std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count());
  }
  return summarise(ms);
}

/// A network that is planned when it is fed has no one plan whose layers could be timed.
Status bench_runner(const ToolModel& model, const BenchOptions& options,
                    const std::vector<graph::Tensor>& inputs) {
  if (options.serve || options.roofline)
    return input_error(
        "{}: its shapes depend on values that it computes; only its time as a whole can be measured "
        "(without --serve and --roofline)",
        model.file.string());
  TARSIER_TRY(const Times times, host_times(model, inputs, options.runs));
  TARSIER_CHECK(check_validation(*model.device));
  print("{} on {} ({}), {} runs after 1 to warm up; {} plans, made when it is fed\n", model.entry.name,
        model.device->info().name, options.precision, options.runs, model.runner->plans_kept());
  print("host memory to host memory: median {:.2f} ms, p95 {:.2f} ms, least {:.2f} ms\n", times.median_ms,
        times.p95_ms, times.min_ms);
  return write_json(options.json, {{"model", model.entry.name},
                                   {"device", model.device->info().name},
                                   {"precision", options.precision},
                                   {"runs", options.runs},
                                   {"host", to_json(times)}});
}

Status bench_model(const GlobalOptions& globals, const BenchOptions& options) {
  ToolModelOptions load;
  load.name = options.model;
  load.precision = options.precision;
  load.allow_runner = true;
  TARSIER_TRY(const auto given, read_inputs(options.inputs));
  for (const auto& [name, tensor] : given) load.input_shapes[name] = tensor.shape();
  TARSIER_TRY(const ToolModel model, load_tool_model(load, globals));
  TARSIER_TRY(const auto inputs, bench_inputs(model, given));
  TARSIER_TRY([[maybe_unused]] const auto outputs, run_tool_model(model, inputs));
  if (model.runner) return bench_runner(model, options, inputs);
  if (options.serve) return serve_runs(model, inputs);

  Measured measured;
  TARSIER_TRY(const auto times, time_runs(model, options.runs));
  measured.device = summarise(times.device_ms);
  measured.wall = summarise(times.wall_ms);
  TARSIER_TRY(const Times host, host_times(model, inputs, std::min(options.runs, kProfileRuns)));
  measured.host_ms = host.median_ms;
  TARSIER_TRY(measured.layers, model.plan->profile(std::min(options.runs, kProfileRuns)));
  if (options.roofline) {
    TARSIER_TRY(measured.peaks, measure_peaks(*model.device));
  }
  TARSIER_CHECK(check_validation(*model.device));
  if (measured.peaks)
    print("{}", roofline_text(roofline(measured.layers, *measured.peaks), *measured.peaks));
  else
    print_layers(measured.layers);
  print_summary(model, options, measured);
  return write_json(options.json, to_json(model, options, measured));
}

Status bench(const GlobalOptions& globals, const BenchOptions& options) {
  if (!options.json.empty()) TARSIER_CHECK(check_writable("--json", options.json));
  if (options.layers) {
    TARSIER_TRY(const auto tune, infer::parse_tune(globals.tune));
    return bench_layers(globals, {options.precision == "fp16", tune, options.runs, options.json});
  }
  if (options.model.empty()) return input_error("bench: name a network, or give --layers");
  return bench_model(globals, options);
}

}  // namespace

void register_bench_command(CLI::App& app, GlobalOptions& globals, Action& action) {
  CLI::App* command =
      app.add_subcommand("bench", "Measure a network: median and p95 device time, and where it goes");
  const auto options = std::make_shared<BenchOptions>();
  command->add_option(
      "MODEL", options->model,
      "A network of `tarsier models list`, or the path of an .onnx, a .tflite or a TensorFlow.js model.json");
  command->add_option("--runs", options->runs, "Measured runs (default: 30)")->check(CLI::Range(1, 100000));
  command
      ->add_option(
          "--precision", options->precision,
          "How activations are stored: fp32 (default), fp16, or auto (fp16 where it is exact enough)")
      ->check(CLI::IsMember({"fp32", "fp16", "auto"}))
      ->type_name("TYPE");
  command->add_option("--json", options->json, "Write the figures here too")->type_name("FILE");
  command->add_flag("--roofline", options->roofline,
                    "Each layer against the measured peaks of the device, most time lost first");
  command
      ->add_flag("--layers", options->layers,
                 "Without a network: single layers of common sizes, against the device's peaks")
      ->excludes("MODEL");
  command->add_option("--in", options->inputs, "An input from a NumPy file, instead of random values")
      ->type_name("NAME=FILE.npy");
  command->add_flag(
      "--serve", options->serve,
      "Time runs on request: for each line 'N M' of standard input one line of JSON with the times of N "
      "runs and of M runs from host memory to host memory");
  command->footer(
      "Examples:\n"
      "  tarsier bench centernet\n"
      "  tarsier bench yolox_nano --runs 100 --json yolox.json\n"
      "  tarsier bench ./mine.onnx --precision fp16 --device 0\n"
      "  tarsier bench twinlitenet --roofline\n"
      "  tarsier bench --layers\n");
  add_common_flags(*command, globals, true);
  command->callback([&, options] { action = [&, options] { return bench(globals, *options); }; });
}

}  // namespace tarsier::app
