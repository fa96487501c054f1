// Decides which activations are held as halves.
#pragma once

#include <set>
#include <string>

#include "graph/graph.hpp"
#include "infer/plan.hpp"

namespace tarsier::infer {

/// Sets Value::storage of every value that is no constant, and Node::half_products; layouts are assigned.
/// Integers and booleans are kI32, real values kF32; with Precision::kFp16, kC4 activations are kF16. fp32
/// keep
/// - graph inputs and outputs: their precision is the caller's business;
/// - what decisions read (decisions.hpp);
/// - nodes named in `full_precision`, nodes with the attribute full_precision (their expansion says so), and
///   conversions of what such nodes compute.
void assign_storage(graph::Graph& graph, Precision precision, std::set<std::string> full_precision = {});

}  // namespace tarsier::infer
