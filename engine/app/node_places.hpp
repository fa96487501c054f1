// Where the nodes of a network run, and pictures of its graph.
#pragma once

#include <string>
#include <vector>

#include "graph/graph.hpp"

namespace tarsier::app {

struct NodePlace {
  std::string name, op;
  /// "device"; "device, in another node" where the passes fused it away, cancelled it or replaced a pattern;
  /// "device, in parts" where it was written out in others; "host, when planned" for shape arithmetic and
  /// what depends on constants only; "nowhere" where no output needs it.
  std::string place;
  std::string inside;  // which other node of the plan computes its result, where that is known
};

/// Of every node of `imported`; `planned` is the graph after the passes, `folded` the one after shapes were
/// inferred and constants folded.
[[nodiscard]] std::vector<NodePlace> node_places(const graph::Graph& imported, const graph::Graph& folded,
                                                 const graph::Graph& planned);

/// The graph in the DOT language of Graphviz: operators with the shape of their first output; constants left
/// out.
[[nodiscard]] std::string to_dot(const graph::Graph& graph);

}  // namespace tarsier::app
