#include "infer/precision.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <ranges>

#include "core/file.hpp"
#include "core/log.hpp"
#include "core/text.hpp"
#include "graph/passes/passes.hpp"
#include "infer/assign_storage.hpp"
#include "infer/compiler.hpp"
#include "infer/decisions.hpp"
#include "infer/device_tensor.hpp"
#include "infer/layer_check.hpp"
#include "infer/probe.hpp"
#include "infer/tuning_store.hpp"
#include "kernels/kernel.hpp"

namespace tarsier::infer {

using graph::Graph;
using graph::Tensor;

namespace {

// A layer that reads fp32 where it read fp16 may round differently; more rounds than this find nothing new.
constexpr int kRounds = 3;
// Of a value's largest magnitude. Half of the 1e-2 that an fp16 plan is held to: no picture is like another.
constexpr double kNetworkTolerance = 5e-3;
// Neighbours that are measured together. More of them keep fewer layers in fp32 and take longer.
constexpr size_t kGroups = 16;
constexpr uint32_t kPictures = 4;

std::string key_of(const Graph& graph, const CompileOptions& options) {
  const std::string text = graph.to_text();
  uint64_t hash = hash64(std::as_bytes(std::span(text)));
  for (const auto& value : graph.values)
    if (value.constant) hash = hash64(value.constant->bytes(), hash);
  std::string key = fmt::format("precision2 {:016x} {:g}..{:g}", hash, options.probe_low, options.probe_high);
  for (const auto& [name, shape] : options.input_shapes)
    key += fmt::format(" {}{}", name, graph::to_string(shape));
  return key + " " + join(options.outputs, ",");
}

/// The graph with outputs at which fp16 and fp32 can be compared (decisions.hpp).
Result<Graph> comparable(Graph graph, const CompileOptions& options) {
  TARSIER_CHECK(graph::prune(graph, options.outputs));
  if (!options.state.empty()) return graph;  // its shapes are open before the state's are known
  const auto& ops = kernels::Registry::instance();
  TARSIER_CHECK(graph::infer_shapes(graph, ops, {.input_shapes = options.input_shapes}));
  TARSIER_CHECK(graph::fold_constants(graph, ops));
  auto ends = values_before_decisions(graph);
  if (!ends.empty()) graph.outputs = std::move(ends);
  return graph;
}

class PrecisionChooser {
 public:
  PrecisionChooser(gpu::Device& device, const Graph& graph, const CompileOptions& options)
      : device_(device), graph_(graph), options_(options), kept_(options.full_precision) {
    options_.tune = Tune::kOff;
    options_.progress = nullptr;
    options_.dump_graph.clear();  // of the plan that is asked for, not of trials
  }

  Result<std::set<std::string>> choose(const std::function<void(float, std::string_view)>& progress) {
    const auto tell = [&](float done) {
      if (progress) progress(done, "comparing fp16 with fp32");
    };
    tell(0);
    TARSIER_TRY(graph_, comparable(std::move(graph_), options_));
    options_.outputs.clear();
    TARSIER_CHECK(run_in_fp32());
    TARSIER_TRY(error_, error_with(kept_, probes_.size()));
    if (error_ > kNetworkTolerance) {
      TARSIER_CHECK(keep_layers_that_fail_alone());
      TARSIER_TRY(error_, error_with(kept_, probes_.size()));
    }
    if (error_ > kNetworkTolerance) TARSIER_CHECK(keep_groups_that_matter(tell));
    log::info(
        "{}: {} of {} layers keep fp32, {:.1e} of the range off on trial pictures; kept for the next start",
        exact_plan_->graph().name, kept_.size(), layers_.size(), error_);
    return kept_;
  }

 private:
  [[nodiscard]] Graph graph_with(const std::set<std::string>& full) const {
    Graph graph = exact_plan_->graph();  // as the passes left it: they are the same for every precision
    assign_storage(graph, Precision::kFp16, full);
    return graph;
  }

  Status run_in_fp32() {
    options_.precision = Precision::kFp32;
    TARSIER_TRY(exact_plan_, Plan::compile(device_, std::move(graph_), options_));
    for (const auto& node : exact_plan_->graph().nodes) layers_.push_back(node.name);
    for (uint32_t picture = 0; picture < kPictures; ++picture) {
      Probe probe;
      for (const auto& binding : exact_plan_->inputs()) {
        const auto seed = uint32_t(picture * 16 + probe.inputs.size() + 1);
        probe.inputs.push_back(probe_picture(binding.desc, seed, options_.probe_low, options_.probe_high));
      }
      TARSIER_TRY(probe.exact, run(*exact_plan_, probe.inputs));
      ranges_.resize(probe.exact.size());
      for (size_t i = 0; i < ranges_.size(); ++i)
        ranges_[i] = std::max(ranges_[i], magnitude(probe.exact[i]));
      probes_.push_back(std::move(probe));
    }
    return {};
  }

  /// Overflow above all: a layer that is wrong by itself is never right in company.
  Status keep_layers_that_fail_alone() {
    for (int round = 0; round < kRounds; ++round) {
      const Graph graph = graph_with(kept_);
      const auto desc = [&](graph::ValueId id) { return graph.value(id).desc; };
      const auto inputs =
          probe_inputs(graph.inputs | std::views::transform(desc), options_.probe_low, options_.probe_high);
      TARSIER_TRY(const auto rows, compare_with_fp32(device_, graph, inputs));
      const size_t before = kept_.size();
      for (const auto& name : failed_layers(rows)) kept_.insert(name);
      if (kept_.size() == before) break;
    }
    return {};
  }

  /// Real outputs; integers stay empty.
  [[nodiscard]] Result<std::vector<std::vector<float>>> run(const Plan& plan,
                                                            const std::vector<Tensor>& inputs) const {
    TARSIER_CHECK(plan.reset_state());
    TARSIER_TRY(const auto outputs, Session(device_, plan).run(inputs));
    std::vector<std::vector<float>> results;
    for (const auto& output : outputs)
      results.push_back(is_real(output.dtype()) ? output.to_floats() : std::vector<float>());
    return results;
  }

  /// The largest error of any output over the first probes, as a fraction of the output's range over all.
  [[nodiscard]] Result<double> error_with(const std::set<std::string>& full, size_t probes) const {
    TARSIER_TRY(const auto plan, Compiler(device_, graph_with(full), options_).build());
    double error = 0;
    for (size_t p = 0; p < probes; ++p) {
      TARSIER_TRY(const auto results, run(*plan, probes_[p].inputs));
      for (size_t i = 0; i < results.size(); ++i)
        error = std::max(error, largest_difference(results[i], probes_[p].exact[i]) / ranges_[i]);
    }
    return error;
  }

  /// Errors of layers add up (as independent roundings do, by their squares), and which of them reach the
  /// outputs only the whole network tells: groups of neighbours are stored in fp16 by themselves, all else in
  /// fp32, and the groups that cost most keep fp32 until the rest is within the tolerance.
  Status keep_groups_that_matter(const std::function<void(float)>& tell) {
    struct Group {
      std::vector<std::string> layers;
      double error = 0;
    };
    std::vector<Group> groups(std::min(kGroups, layers_.size()));
    for (size_t n = 0; n < layers_.size(); ++n)
      groups[n * groups.size() / layers_.size()].layers.push_back(layers_[n]);
    for (size_t g = 0; g < groups.size(); ++g) {
      tell(float(g + 1) / float(groups.size() + 2));
      auto others = kept_;
      for (size_t other = 0; other < groups.size(); ++other)
        if (other != g) others.insert(groups[other].layers.begin(), groups[other].layers.end());
      TARSIER_TRY(groups[g].error, error_with(others, 1));
    }
    std::ranges::sort(groups, std::greater{}, &Group::error);
    const auto rest_after = [&](size_t first) {
      double squares = 0;
      for (size_t g = first; g < groups.size(); ++g) squares += groups[g].error * groups[g].error;
      return std::sqrt(squares);
    };
    for (size_t g = 0; g < groups.size() && error_ > kNetworkTolerance; ++g) {
      kept_.insert(groups[g].layers.begin(), groups[g].layers.end());
      // What the sum of the squares promises is then measured.
      if (rest_after(g + 1) > kNetworkTolerance) continue;
      TARSIER_TRY(error_, error_with(kept_, probes_.size()));
    }
    return {};
  }

  struct Probe {
    std::vector<Tensor> inputs;
    std::vector<std::vector<float>> exact;  // what fp32 makes of them
  };

  gpu::Device& device_;
  Graph graph_;
  CompileOptions options_;
  std::set<std::string> kept_;
  std::unique_ptr<Plan> exact_plan_;
  std::vector<std::string> layers_;
  std::vector<Probe> probes_;
  std::vector<double> ranges_;  // of the outputs
  double error_ = 0;
};

}  // namespace

Result<std::set<std::string>> full_precision_layers(gpu::Device& device, const Graph& graph,
                                                    const CompileOptions& options) {
  TuningStore store(options.tuning_file.empty() ? TuningStore::default_file(device) : options.tuning_file);
  const std::string key = key_of(graph, options);
  std::set<std::string> kept = options.full_precision;
  if (const auto known = store.find(key)) {
    for (auto& name : split(known->variant, '\n'))
      if (!name.empty()) kept.insert(std::move(name));
    return kept;
  }
  TARSIER_TRY(kept, PrecisionChooser(device, graph, options).choose(options.progress));
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
