// Precision::kAuto: which layers of a network keep fp32.
#pragma once

#include "infer/plan.hpp"

namespace tarsier::infer {

/// Names of the nodes (after the passes) that miss their tolerance when they store fp16 and multiply halves;
/// found by running every layer both ways on the device, fed with CompileOptions::probe_low..probe_high. Kept
/// on disk beside the tuner's choices, for this device, driver and network.
Result<std::set<std::string>> full_precision_layers(gpu::Device& device, const graph::Graph& graph,
                                                    const CompileOptions& options);

}  // namespace tarsier::infer
