// Precision::kAuto: which layers of a network keep fp32.
#pragma once

#include "infer/plan.hpp"

namespace tarsier::infer {

/// Names of the nodes (after the passes) that must not store fp16 or multiply halves, so that the network's
/// results (values_before_decisions) move by at most 5e-3 of their range: those that miss their tolerance by
/// themselves, and groups of neighbours whose roundings matter most. None where the network is within it as
/// it is. Found by running it both ways on the device, on made-up pictures (probe.hpp) between
/// CompileOptions::probe_low and probe_high: two plans, or some twenty where it is sensitive. Kept on disk
/// beside the tuner's choices, for this device, driver and network.
Result<std::set<std::string>> full_precision_layers(gpu::Device& device, const graph::Graph& graph,
                                                    const CompileOptions& options);

}  // namespace tarsier::infer
