// Arithmetic and memory traffic of a node, for profiles.
#pragma once

#include <cstdint>
#include <string>

#include "graph/graph.hpp"

namespace tarsier::infer {

/// Floating-point operations (a multiply-add counts two) of convolutions and matrix products; 0 for the rest,
/// whose time is memory traffic.
[[nodiscard]] int64_t flop_of(const graph::Graph& graph, const graph::Node& node);
/// Bytes that the node must read and write at least: each operand (weights included, as the graph holds them)
/// and each result once, in their device layout.
[[nodiscard]] uint64_t bytes_of(const graph::Graph& graph, const graph::Node& node);
/// "[1,3,416,416] -> [1,16,208,208]": first input, first output.
[[nodiscard]] std::string shape_text(const graph::Graph& graph, const graph::Node& node);

}  // namespace tarsier::infer
