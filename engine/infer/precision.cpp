#include "infer/precision.hpp"

#include <algorithm>

#include "core/file.hpp"
#include "core/log.hpp"
#include "core/text.hpp"
#include "infer/layer_check.hpp"
#include "infer/tuning_store.hpp"

namespace tarsier::infer {

using graph::Graph;

namespace {

// A layer that reads fp32 where it read fp16 may round differently; more rounds than this find nothing new.
constexpr int kRounds = 3;

std::string key_of(const Graph& graph, const CompileOptions& options) {
  const std::string text = graph.to_text();
  uint64_t hash = hash64(std::as_bytes(std::span(text)));
  for (const auto& value : graph.values)
    if (value.constant) hash = hash64(value.constant->bytes(), hash);
  std::string key = fmt::format("precision {:016x} {:g}..{:g}", hash, options.probe_low, options.probe_high);
  for (const auto& [name, shape] : options.input_shapes)
    key += fmt::format(" {}{}", name, graph::to_string(shape));
  return key + " " + join(options.outputs, ",");
}

}  // namespace

Result<std::set<std::string>> full_precision_layers(gpu::Device& device, const Graph& graph,
                                                    const CompileOptions& options) {
  TuningStore store(options.tuning_file.empty() ? TuningStore::default_file(device) : options.tuning_file);
  const std::string key = key_of(graph, options);
  std::set<std::string> kept;
  if (const auto known = store.find(key)) {
    for (auto& name : split(known->variant, '\n'))
      if (!name.empty()) kept.insert(std::move(name));
    return kept;
  }
  CompileOptions trial = options;
  trial.precision = Precision::kFp16;
  trial.tune = Tune::kOff;
  trial.progress = nullptr;
  size_t layers = 0;
  for (int round = 0; round < kRounds; ++round) {
    if (options.progress) options.progress(0, "comparing fp16 with fp32");
    trial.full_precision = kept;
    TARSIER_TRY(const auto plan, Plan::compile(device, graph, trial));
    const auto inputs = probe_inputs(plan->graph(), options.probe_low, options.probe_high);
    TARSIER_TRY(const auto rows, compare_with_fp32(device, plan->graph(), inputs));
    layers = rows.size();
    const size_t before = kept.size();
    for (const auto& name : failed_layers(rows)) kept.insert(name);
    if (kept.size() == before) break;
  }
  log::info("{}: {} of {} layers keep fp32, kept for the next start", graph.name, kept.size(), layers);
  store.put(key, {join(std::vector<std::string>(kept.begin(), kept.end()), "\n"), true, 0});
  store.save();
  return kept;
}

Result<Precision> parse_precision(std::string_view text) {
  if (text == "fp32") return Precision::kFp32;
  if (text == "fp16") return Precision::kFp16;
  if (text == "auto") return Precision::kAuto;
  return input_error("--precision {}: choose fp32, fp16 or auto", text);
}

}  // namespace tarsier::infer
