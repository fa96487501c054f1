// Pad with zeros -> Conv or AveragePool: the reader pads on its own, which saves a copy of the feature map.
#include <algorithm>

#include "graph/passes/edit.hpp"
#include "graph/passes/passes.hpp"

namespace tarsier::graph {
namespace {

/// Spatial pads [h0,w0,h1,w1] of a zero Pad over a rank-4 value that leaves batch and channels alone.
std::optional<std::vector<int64_t>> spatial_zero_pads(const Graph& graph, const Node& pad) {
  if (pad.text("mode", "constant") != "constant" || graph.shape(pad.inputs[0]).size() != 4)
    return std::nullopt;
  if (const ValueId value = input_of(pad, 2); value != kNone && scalar_of(graph, value) != 0.0F)
    return std::nullopt;
  if (input_of(pad, 3) != kNone) return std::nullopt;  // a list of axes
  const auto pads = ints_of(graph, input_of(pad, 1));
  if (!pads || pads->size() != 8) return std::nullopt;
  const auto& p = *pads;
  if (p[0] != 0 || p[1] != 0 || p[4] != 0 || p[5] != 0) return std::nullopt;
  if (std::ranges::any_of(p, [](int64_t v) { return v < 0; })) return std::nullopt;  // crops
  return std::vector<int64_t>{p[2], p[3], p[6], p[7]};
}

}  // namespace

Status fuse_pad(Graph& graph) {
  for (Node& node : graph.nodes) {
    const bool pool = node.op == "AveragePool";
    if ((node.op != "Conv" && !pool) || node.has("auto_pad")) continue;
    const Node* pad = producer_of(graph, node.inputs[0], "Pad");
    if (pad == nullptr) continue;
    const auto extra = spatial_zero_pads(graph, *pad);
    if (!extra) continue;
    std::vector<int64_t> pads = node.integers("pads", {0, 0, 0, 0});
    if (pool) {
      // The zeros of the Pad count in the mean; the pool's own do so only with count_include_pad.
      const bool none = std::ranges::all_of(pads, [](int64_t v) { return v == 0; });
      if ((!none && node.integer("count_include_pad", 0) == 0) || node.integer("ceil_mode", 0) != 0) continue;
      // A window larger than its padding would be refused by the pool.
      const std::vector<int64_t> kernel = node.integers("kernel_shape");
      bool fits = kernel.size() == 2;
      for (size_t i = 0; fits && i < 4; ++i) fits = pads[i] + (*extra)[i] < kernel[i % 2];
      if (!fits) continue;
      node.attributes["count_include_pad"] = int64_t{1};
    }
    for (size_t i = 0; i < 4; ++i) pads[i] += (*extra)[i];
    node.attributes["pads"] = pads;
    node.inputs[0] = pad->inputs[0];
  }
  remove_dead_nodes(graph);
  return {};
}

}  // namespace tarsier::graph
