// The Focus stem of YOLO networks: four slices x[:, :, dy::2, dx::2], concatenated over the channels, read by
// a convolution. The slices only re-number what the convolution reads, so a convolution of twice the kernel
// and stride over x itself gives the same sums: weight[o, patch * C + c, ky, kx] goes to [o, c, 2 ky + dy, 2
// kx + dx].
#include <algorithm>
#include <utility>

#include "graph/passes/edit.hpp"
#include "graph/passes/passes.hpp"

namespace tarsier::graph {
namespace {

/// x[:, :, offset[0]::2, offset[1]::2]
struct Patch {
  ValueId x = kNone;
  int64_t offset[2] = {0, 0};
};

std::optional<Patch> patch_of(const Graph& graph, ValueId id) {
  Patch patch{id};
  int64_t step[2] = {1, 1};
  while (const Node* node = producer_of(graph, patch.x, "Slice")) {
    const auto starts = ints_of(graph, input_of(*node, 1));
    const auto axes = ints_of(graph, input_of(*node, 3));
    const auto steps = ints_of(graph, input_of(*node, 4));
    const Shape& in = graph.shape(node->inputs[0]);
    const Shape& out = graph.shape(patch.x);
    if (!starts || !axes || !steps || in.size() != 4) return std::nullopt;
    for (size_t i = 0; i < axes->size(); ++i) {
      const int64_t axis = (*axes)[i] < 0 ? (*axes)[i] + 4 : (*axes)[i];
      if (axis < 2 || (*steps)[i] < 1 || (*starts)[i] < 0) return std::nullopt;
      const auto place = static_cast<size_t>(axis - 2);
      // The slice must run to the end: cut short, it would read padding where x has pixels.
      if (((*starts)[i] + out[axis] * (*steps)[i]) < in[axis]) return std::nullopt;
      patch.offset[place] = patch.offset[place] * (*steps)[i] + (*starts)[i];
      step[place] *= (*steps)[i];
    }
    patch.x = node->inputs[0];
  }
  if (step[0] != 2 || step[1] != 2 || patch.offset[0] > 1 || patch.offset[1] > 1) return std::nullopt;
  return patch;
}

bool fold(Graph& graph, Node& conv) {
  if (conv.op != "Conv" || conv.integer("group", 1) != 1 || conv.has("auto_pad")) return false;
  const Node* concat = producer_of(graph, conv.inputs[0], "Concat");
  const Tensor* weights = graph.constant(input_of(conv, 1));
  if (concat == nullptr || concat->inputs.size() != 4 || concat->integer("axis", 0) != 1 ||
      weights == nullptr || weights->shape().size() != 4 || weights->dtype() != DType::kF32)
    return false;
  const auto ones = [&](std::string_view key) {
    return std::ranges::all_of(conv.integers(key), [](int64_t v) { return v == 1; });
  };
  if (!ones("dilations")) return false;
  std::vector<Patch> patches;
  bool seen[2][2] = {};
  for (const ValueId id : concat->inputs) {
    const auto patch = patch_of(graph, id);
    if (!patch || (!patches.empty() && patch->x != patches[0].x)) return false;
    if (std::exchange(seen[patch->offset[0]][patch->offset[1]], true)) return false;
    patches.push_back(*patch);
  }
  const ValueId x = patches[0].x;
  const Shape& in = graph.shape(x);
  if (in[2] % 2 != 0 || in[3] % 2 != 0) return false;
  const Shape old = weights->shape();
  const int64_t channels = in[1], height = old[2], width = old[3];
  if (old[1] != channels * 4) return false;
  Tensor wide(TensorDesc{DType::kF32, {old[0], channels, height * 2, width * 2}});
  const auto from = weights->as<float>();
  const auto to = wide.as_mutable<float>();
  size_t read = 0;
  for (int64_t o = 0; o < old[0]; ++o)
    for (const Patch& patch : patches)
      for (int64_t c = 0; c < channels; ++c)
        for (int64_t ky = 0; ky < height; ++ky)
          for (int64_t kx = 0; kx < width; ++kx) {
            const int64_t row = (o * channels + c) * height * 2 + 2 * ky + patch.offset[0];
            to[static_cast<size_t>(row * width * 2 + 2 * kx + patch.offset[1])] = from[read++];
          }
  const auto doubled = [&](std::string_view key, std::vector<int64_t> fallback) {
    std::vector<int64_t> values = conv.integers(key, std::move(fallback));
    for (int64_t& value : values) value *= 2;
    conv.attributes.insert_or_assign(std::string(key), values);
  };
  doubled("strides", {1, 1});
  doubled("pads", {0, 0, 0, 0});
  conv.attributes["kernel_shape"] = std::vector<int64_t>{height * 2, width * 2};
  conv.inputs[0] = x;
  conv.inputs[1] = graph.add_constant(conv.name + "/focus_weights", std::move(wide));
  return true;
}

}  // namespace

Status fold_focus(Graph& graph) {
  bool any = false;
  for (Node& node : graph.nodes) any = fold(graph, node) || any;
  if (any) remove_dead_nodes(graph);
  return {};
}

}  // namespace tarsier::graph
