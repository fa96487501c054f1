// Nodes whose results jump: they turn the last digit of a real number into another index or another branch.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "graph/graph.hpp"

namespace tarsier::infer {

/// Whether a node makes whole numbers or truth values out of real ones: ArgMax, TopK, comparisons,
/// NonMaxSuppression, casts. Types must be inferred.
[[nodiscard]] bool decides(const graph::Graph& graph, const graph::Node& node);

/// Names of the nodes that compute what a decision reads, each chain back to the nearest layer with weights,
/// that layer included. Halves make ties of scores that differ (their spacing between 0.5 and 1 is 5e-4), and
/// a tie goes to whichever comes first.
[[nodiscard]] std::set<std::string> nodes_before_decisions(const graph::Graph& graph);

/// Values that tell how exact a network is: its real outputs that no decision has a part in, and what the
/// decisions read. What comes after a decision differs by any amount however exact the numbers before it.
[[nodiscard]] std::vector<graph::ValueId> values_before_decisions(const graph::Graph& graph);

}  // namespace tarsier::infer
