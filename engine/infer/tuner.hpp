// Choice by measurement: which of the ways that a kernel offers is the fastest for a node on this device.
#pragma once

#include <functional>
#include <string_view>

#include "infer/plan.hpp"
#include "infer/tuning_store.hpp"

namespace tarsier::infer {

/// Most that Tune::kFast spends on one network. What was not measured by then keeps its kernel's best guess,
/// and the next load goes on.
inline constexpr double kFastTuningSeconds = 10;

struct TuneReport {
  size_t measured = 0;  // kinds of nodes
  size_t left = 0;      // no time for them
  double seconds = 0;
};

/// Sets Node::variant of every node whose kernel offers more than one. Layouts, storage and post-ops are
/// assigned. A variant wins only after its result was compared with the CPU reference (some channels of it
/// where the whole would take long); one that differs is reported and never used.
Result<TuneReport> tune(gpu::Device& device, graph::Graph& graph, Tune mode, TuningStore& store,
                        const std::function<void(float fraction, std::string_view what)>& progress);

/// What a measurement holds for: operator, attributes, post-ops, shapes, layouts and storage.
[[nodiscard]] std::string tuning_key(const graph::Graph& graph, const graph::Node& node);

}  // namespace tarsier::infer
