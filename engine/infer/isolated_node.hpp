// One node of a graph on its own, for the tuner and for `tarsier check`.
#pragma once

#include "graph/graph.hpp"

namespace tarsier::infer {

/// A graph of this node alone: its constants, layouts and post-ops stay, everything else that it reads
/// becomes an input (in the order in which the node and then its post-ops read it).
graph::Graph isolated(const graph::Graph& from, const graph::Node& node);

}  // namespace tarsier::infer
