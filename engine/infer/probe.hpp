// What a network is fed with when it is tried out before any picture is there.
#pragma once

#include <ranges>
#include <vector>

#include "graph/graph.hpp"

namespace tarsier::infer {

/// Numbers for inputs of these descriptions (a range of TensorDesc): real ones evenly distributed between
/// `low` and `high`, the rest zeros.
template <std::ranges::input_range Descs>
[[nodiscard]] std::vector<graph::Tensor> probe_inputs(Descs&& descs, float low, float high) {
  std::vector<graph::Tensor> inputs;
  for (const graph::TensorDesc& desc : descs)
    inputs.push_back(graph::random_tensor(desc, uint32_t(inputs.size() + 1), low, high));
  return inputs;
}

/// A made-up picture with the statistics of photographs (edges, flat areas, every size of object): discs of
/// random colour that hide each other, their radii distributed as r^-3, with a little shading and noise;
/// values between `low` and `high`. Rank 4 with one, three or four channels, [N,H,W,C] or [N,C,H,W]; anything
/// else is filled evenly. The same for a seed everywhere. Source: Lee, Mumford, Huang, "Occlusion Models for
/// Natural Images: A Statistical Study of a Scale-Invariant Dead Leaves Model", IJCV 41 (2001).
[[nodiscard]] graph::Tensor probe_picture(const graph::TensorDesc& desc, uint32_t seed, float low,
                                          float high);

}  // namespace tarsier::infer
