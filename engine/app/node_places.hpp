// Where the nodes of a network run, and pictures of its graph.
#pragma once

#include <string>
#include <vector>

#include "graph/graph.hpp"

namespace tarsier::app {

struct NodePlace {
  std::string name, op;
  /// "device"; "device, in NAME" where another node took it over; "host, when planned" for shape arithmetic
  /// and what depends on constants only; "nowhere" where no output needs it.
  std::string place;
};

/// Of every node of `imported`; `planned` is the graph after the passes, `folded` the one after shapes were
/// inferred and constants folded.
[[nodiscard]] std::vector<NodePlace> node_places(const graph::Graph& imported, const graph::Graph& folded,
                                                 const graph::Graph& planned);

/// The graph in the DOT language of Graphviz: operators with the shape of their first output; constants left
/// out.
[[nodiscard]] std::string to_dot(const graph::Graph& graph);

}  // namespace tarsier::app
