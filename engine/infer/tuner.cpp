#include "infer/tuner.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <fmt/ranges.h>

#include "core/log.hpp"
#include "gpu/timestamps.hpp"
#include "infer/compiler.hpp"
#include "infer/cost.hpp"
#include "infer/isolated_node.hpp"
#include "infer/tuning_reference.hpp"
#include "kernels/kernel.hpp"

namespace tarsier::infer {
namespace {

using Clock = std::chrono::steady_clock;
using graph::Graph;
using graph::kNone;
using graph::Node;
using graph::Tensor;
using graph::ValueId;

/// At least so many; quick nodes are timed more often, because other programs disturb short runs most.
constexpr int kFastRounds = 4, kFullRounds = 20, kMostFastRounds = 16;
constexpr double kFastNodeSeconds = 0.15;
/// How much faster than the best guess another variant must be: less is noise.
constexpr double kWorthIt = 0.92;
/// A variant this much slower than the best so far is not timed again.
constexpr double kHopeless = 1.5;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// One variant of a node, ready to run.
struct Candidate {
  std::string variant;
  std::unique_ptr<Plan> plan;
  double ms = 1e30;
};

class NodeTuner {
 public:
  NodeTuner(gpu::Device& device, const Graph& graph, const Node& node)
      : device_(&device), graph_(isolated(graph, node)) {
    for (size_t i = 0; i < graph_.inputs.size(); ++i) {
      data_.push_back(graph::random_tensor(graph_.value(graph_.inputs[i]).desc, uint32_t(i + 1), -1, 1));
    }
  }

  Result<TunedChoice> run(const std::vector<std::string>& variants, Tune mode) {
    for (const std::string& variant : variants) {
      Graph copy = graph_;
      copy.nodes[0].variant = variant;
      auto plan = Compiler(*device_, std::move(copy), {}).build();
      if (!plan) {
        log::warn("{}: variant '{}' does not compile and is left out: {}", graph_.name, variant,
                  plan.error().message);
        continue;
      }
      candidates_.push_back({variant, *std::move(plan)});
    }
    if (candidates_.empty()) return runtime_error("no variant of node {} compiles", graph_.name);
    const std::string guess = candidates_.front().variant;
    TARSIER_CHECK(measure(mode));
    std::ranges::stable_sort(candidates_, {}, [&](const Candidate& candidate) {
      return candidate.ms * (candidate.variant == guess ? kWorthIt : 1.0);
    });
    TARSIER_TRY(const TuningReference reference, TuningReference::compute(graph_, data_));
    for (const Candidate& candidate : candidates_) {
      TARSIER_TRY(const auto outputs, Session(*device_, *candidate.plan).run(data_));
      if (const double error = reference.error_of(outputs[0]); error > reference.tolerance()) {
        log::warn("{}: variant '{}' is wrong on this device (error {:.2g} of the range) and is not used",
                  graph_.name, candidate.variant, error);
        continue;
      }
      return TunedChoice{candidate.variant, mode == Tune::kFull, candidate.ms};
    }
    return runtime_error("every variant of node {} ({}) gives wrong results on this device: {}", graph_.name,
                         graph_.nodes[0].op, fmt::join(variants, ", "));
  }

 private:
  /// In turn, so that a disturbance meets all of them; the least time of each counts.
  Status measure(Tune mode) {
    if (candidates_.size() < 2) return {};
    const auto begun = Clock::now();
    const auto enough = [&](int rounds) {
      if (mode == Tune::kFull) return rounds == kFullRounds;
      return rounds >= kFastRounds && (rounds == kMostFastRounds || seconds_since(begun) > kFastNodeSeconds);
    };
    const bool stamped = device_->features().timestamps;
    gpu::Timestamps stamps;
    if (stamped) {
      TARSIER_TRY(stamps, gpu::Timestamps::create(*device_, 2));
    }
    double best = 1e30;
    for (int round = 0; !enough(round); ++round) {
      for (Candidate& candidate : candidates_) {
        if (round > 0 && candidate.ms > best * kHopeless) continue;
        const auto start = Clock::now();
        TARSIER_CHECK(device_->run_once([&](gpu::CommandList& list) {
          if (stamped) stamps.reset(list), stamps.write(list, 0);
          candidate.plan->record(list);
          if (stamped) stamps.write(list, 1);
        }));
        double ms = seconds_since(start) * 1e3;
        if (stamped) {
          TARSIER_TRY(const auto times, stamps.read_ms());
          ms = times[1] - times[0];
        }
        candidate.ms = std::min(candidate.ms, ms);
        best = std::min(best, ms);
      }
    }
    return {};
  }

  gpu::Device* device_;
  Graph graph_;
  std::vector<Tensor> data_;  // by input
  std::vector<Candidate> candidates_;
};

std::string text_of(const graph::Attribute& attribute) {
  return std::visit(
      [](const auto& value) -> std::string {
        using T = std::decay_t<decltype(value)>;
        if constexpr (std::is_same_v<T, Tensor> || std::is_same_v<T, std::shared_ptr<Graph>>) {
          return "?";
        } else if constexpr (std::is_arithmetic_v<T> || std::is_same_v<T, std::string>) {
          return fmt::format("{}", value);
        } else {
          return fmt::format("{}", fmt::join(value, ","));
        }
      },
      attribute);
}

}  // namespace

Result<Tune> parse_tune(std::string_view text) {
  if (text == "off") return Tune::kOff;
  if (text == "fast") return Tune::kFast;
  if (text == "full") return Tune::kFull;
  return input_error("--tune {}: choose off, fast or full", text);
}

std::string tuning_key(const Graph& graph, const Node& node) {
  const auto operand = [&](ValueId id) -> std::string {
    if (id == kNone) return "-";
    const auto& value = graph.value(id);
    return fmt::format("{}{}{}", graph::to_string(value.desc.shape),
                       value.layout == graph::Layout::kC4 ? "c4" : "",
                       value.storage == graph::DType::kF16 ? "h" : "");
  };
  std::string key = node.op;
  for (const ValueId id : node.inputs) key += fmt::format(" {}", operand(id));
  for (const ValueId id : node.outputs) key += fmt::format(" > {}", operand(id));
  for (const auto& [name, value] : node.attributes) key += fmt::format(" {}={}", name, text_of(value));
  for (const auto& post : node.post) {
    key += fmt::format(" +{}", int(post.kind));
    if (post.operand != kNone) key += operand(post.operand);
  }
  if (node.half_products) key += " fp16";
  return key;
}

Result<TuneReport> tune(gpu::Device& device, Graph& graph, Tune mode, TuningStore& store,
                        const std::function<void(float, std::string_view)>& progress) {
  TuneReport report;
  struct Work {
    size_t node;
    std::vector<std::string> variants;
    int64_t flop;
  };
  std::map<std::string, Work> open;  // one node of each kind
  const auto known = [&](const std::string& key, const std::vector<std::string>& offered) {
    const auto found = store.find(key);
    if (!found || (mode == Tune::kFull && !found->full)) return std::string();
    return std::ranges::find(offered, found->variant) != offered.end() ? found->variant : std::string();
  };
  std::vector<std::vector<std::string>> offered(graph.nodes.size());
  std::vector<std::string> keys(graph.nodes.size());  // empty: nothing to choose
  for (size_t n = 0; n < graph.nodes.size(); ++n) {
    const Node& node = graph.nodes[n];
    if (!node.variant.empty()) continue;
    const auto* kernel = kernels::Registry::instance().find(node.op);
    offered[n] = kernel->variants(graph, node, device.features());
    if (mode == Tune::kOff || offered[n].size() < 2) continue;
    keys[n] = tuning_key(graph, node);
    if (mode != Tune::kKept && known(keys[n], offered[n]).empty()) {
      open.try_emplace(keys[n], Work{n, offered[n], flop_of(graph, node)});
    }
  }

  // The largest first: time may run out.
  std::vector<const std::pair<const std::string, Work>*> order;
  order.reserve(open.size());
  for (const auto& entry : open) order.push_back(&entry);
  std::ranges::stable_sort(order, std::greater{}, [](const auto* entry) { return entry->second.flop; });
  const auto start = Clock::now();
  double longest = 0;
  for (const auto* entry : order) {
    const double before = seconds_since(start);
    // Stops while a node like those before still fits.
    if (mode == Tune::kFast && before + longest > kFastTuningSeconds) break;
    const Node& node = graph.nodes[entry->second.node];
    if (progress) {
      progress(float(report.measured) / float(order.size()),
               fmt::format("measuring kernels, {} of {}: {}", report.measured + 1, order.size(), node.name));
    }
    TARSIER_TRY(const auto choice, NodeTuner(device, graph, node).run(entry->second.variants, mode));
    store.put(entry->first, choice);
    ++report.measured;
    longest = std::max(longest, seconds_since(start) - before);
  }
  report.left = order.size() - report.measured;
  report.seconds = seconds_since(start);
  store.save();

  for (size_t n = 0; n < graph.nodes.size(); ++n) {
    if (offered[n].empty()) continue;
    const std::string tuned = keys[n].empty() ? std::string() : known(keys[n], offered[n]);
    graph.nodes[n].variant = tuned.empty() ? offered[n].front() : tuned;
  }
  return report;
}

}  // namespace tarsier::infer
