// Nodes that scale and shift each channel. Internal to engine/graph.
#pragma once

#include <optional>
#include <vector>

#include "graph/graph.hpp"

namespace tarsier::graph {

/// y = x * scale + shift, one element a channel.
struct Affine {
  std::vector<float> scale, shift;
};

/// What `node` does to its input `place` of shape `shape`, if that is one scale and one shift a channel:
/// BatchNormalization, and Mul, Add, Sub and Div with constants of one element or one a channel.
[[nodiscard]] std::optional<Affine> affine_of(const Graph& graph, const Node& node, size_t place,
                                              const Shape& shape, size_t channel_axis);

}  // namespace tarsier::graph
