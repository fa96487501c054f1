#include "graph/passes/explicit.hpp"

#include <algorithm>
#include <array>
#include <numeric>

#include "graph/passes/edit.hpp"

namespace tarsier::graph {
namespace {

/// The largest extent, step or pad of a window: no product of two or sum of products overflows.
constexpr int64_t kMostOfWindow = int64_t{1} << 24;

Status within(std::string_view key, const std::vector<int64_t>& values, int64_t least) {
  for (const int64_t value : values)
    if (value < least || value > kMostOfWindow)
      return input_error("{} holds {} ({} to {})", key, value, least, kMostOfWindow);
  return {};
}

/// Kernel, strides and dilations of a window operator, one per spatial axis.
struct Window {
  std::vector<int64_t> kernel, strides, dilations;
};

Result<Window> read_window(const Graph& graph, const Node& node) {
  const Shape& x = graph.shape(node.inputs[0]);
  const size_t axes = x.size() < 2 ? 0 : x.size() - 2;
  Window window;
  window.kernel = node.integers("kernel_shape");
  const size_t place = node.op == "QLinearConv" ? 3 : 1;  // of the weights
  if (window.kernel.empty() && node.op.find("Conv") != std::string::npos && input_of(node, place) != kNone) {
    const Shape& weights = graph.shape(node.inputs[place]);
    if (axes > 0 && weights.size() == x.size()) window.kernel.assign(weights.begin() + 2, weights.end());
  }
  window.strides = node.integers("strides", std::vector<int64_t>(axes, 1));
  window.dilations = node.integers("dilations", std::vector<int64_t>(axes, 1));
  if (axes == 0 || window.kernel.size() != axes || window.strides.size() != axes ||
      window.dilations.size() != axes)
    return input_error("kernel_shape, strides and dilations don't fit input {}", to_string(x));
  TARSIER_CHECK(within("kernel_shape", window.kernel, 1));
  TARSIER_CHECK(within("strides", window.strides, 1));
  TARSIER_CHECK(within("dilations", window.dilations, 1));
  return window;
}

Status explicit_window(Graph& graph, Node& node) {
  TARSIER_TRY(const Window window, read_window(graph, node));
  const size_t axes = window.kernel.size();
  const Shape& x = graph.shape(node.inputs[0]);
  const std::string mode = node.text("auto_pad", "NOTSET");
  std::vector<int64_t> pads = node.integers("pads", std::vector<int64_t>(axes * 2, 0));
  if (pads.size() != axes * 2) return input_error("pads don't fit input {}", to_string(x));
  TARSIER_CHECK(within("pads", pads, -kMostOfWindow));
  if (mode == "VALID") std::ranges::fill(pads, 0);
  const bool upper = mode == "SAME_UPPER", same = upper || mode == "SAME_LOWER";
  if (!same && mode != "VALID" && mode != "NOTSET" && !mode.empty()) return input_error("auto_pad={}", mode);

  if (node.op == "ConvTranspose") {
    std::vector<int64_t> extra = node.integers("output_padding", std::vector<int64_t>(axes, 0));
    std::vector<int64_t> target = node.integers("output_shape");
    TARSIER_CHECK(within("output_padding", extra, 0));
    TARSIER_CHECK(within("output_shape", target, 0));
    if (target.size() == axes + 2) target.erase(target.begin(), target.begin() + 2);
    if (target.empty() && same)
      for (size_t i = 0; i < axes; ++i) target.push_back(x[i + 2] * window.strides[i]);
    if (!target.empty()) {
      if (target.size() != axes || extra.size() != axes) return input_error("output_shape does not fit");
      for (size_t i = 0; i < axes; ++i) {
        const int64_t full =
            window.strides[i] * (x[i + 2] - 1) + extra[i] + (window.kernel[i] - 1) * window.dilations[i] + 1;
        const int64_t total = std::max<int64_t>(0, full - target[i]);
        if (full < target[i]) extra[i] += target[i] - full;
        pads[i] = upper ? total / 2 : total - total / 2;
        pads[i + axes] = total - pads[i];
      }
    }
    node.attributes["output_padding"] = extra;
    node.attributes.erase("output_shape");
  } else if (same) {
    for (size_t i = 0; i < axes; ++i) {
      const int64_t in = x[i + 2], stride = window.strides[i];
      const int64_t out = (in + stride - 1) / stride;
      const int64_t total =
          std::max<int64_t>(0, (out - 1) * stride + (window.kernel[i] - 1) * window.dilations[i] + 1 - in);
      pads[i] = upper ? total / 2 : total - total / 2;
      pads[i + axes] = total - pads[i];
    }
  }
  node.attributes.erase("auto_pad");
  node.attributes["kernel_shape"] = window.kernel;
  node.attributes["strides"] = window.strides;
  node.attributes["dilations"] = window.dilations;
  node.attributes["pads"] = pads;
  return {};
}

Status explicit_resize(Graph& graph, Node& node) {
  const std::vector<int64_t> axes = node.integers("axes");
  // Those that bear on the named axes alone are the kernel's.
  if (axes.empty() || node.text("keep_aspect_ratio_policy", "stretch") != "stretch" ||
      node.text("coordinate_transformation_mode", "half_pixel") == "tf_crop_and_resize")
    return {};
  const Shape x = graph.shape(node.inputs[0]);
  const auto rank = static_cast<int64_t>(x.size());
  const size_t place = input_of(node, 3) != kNone ? 3 : 2;
  const Tensor* given = graph.constant(input_of(node, place));
  if (given == nullptr || static_cast<size_t>(given->size()) != axes.size())
    return input_error("sizes or scales are computed by the network");
  std::vector<float> scales(x.size(), 1.0F);
  std::vector<int64_t> sizes = x;
  for (size_t i = 0; i < axes.size(); ++i) {
    const int64_t axis = axes[i] < 0 ? axes[i] + rank : axes[i];
    if (axis < 0 || axis >= rank) return input_error("axis {} of {}", axes[i], to_string(x));
    scales[static_cast<size_t>(axis)] = given->to_floats()[i];
    sizes[static_cast<size_t>(axis)] = given->to_ints()[i];
  }
  node.inputs[place] = graph.add_constant(
      node.name + "/full", place == 3 ? Tensor::i64({rank}, sizes) : Tensor::f32({rank}, scales));
  node.attributes.erase("axes");
  return {};
}

Status explicit_softmax(const Graph& graph, Node& node) {
  if (node.integer("flatten_from_axis", 0) == 0) return {};
  const Shape& x = graph.shape(node.inputs[0]);
  const auto rank = static_cast<int64_t>(x.size());
  int64_t first = node.integer("axis", 1);
  if (first < 0) first += rank;
  if (first < 0 || first >= std::max<int64_t>(rank, 1))
    return input_error("axis {} of {}", first, to_string(x));
  // Flattening the axes from `first` on is a softmax over one axis unless two of them have an extent.
  int64_t axis = rank - 1;
  int extents = 0;
  for (int64_t i = first; i < rank; ++i)
    if (x[static_cast<size_t>(i)] != 1) {
      axis = i;
      ++extents;
    }
  node.attributes.erase("flatten_from_axis");
  node.attributes["axis"] = extents > 1 ? first : axis;
  if (extents > 1) node.op = "Flattened" + node.op;
  return {};
}

Status explicit_reduction(Graph& graph, Node& node) {
  const auto rank = static_cast<int64_t>(graph.shape(node.inputs[0]).size());
  const Tensor* given = graph.constant(input_of(node, 1));
  if (input_of(node, 1) != kNone && given == nullptr) return input_error("axes are computed by the network");
  std::vector<int64_t> axes = given == nullptr ? std::vector<int64_t>() : given->to_ints();
  if (axes.empty()) {
    if (node.integer("noop_with_empty_axes", 0) != 0) {
      // What else the reduction does, a square or a logarithm, is still done to every element.
      constexpr std::array kPlain{"ReduceSum", "ReduceMean", "ReduceMax",
                                  "ReduceMin", "ReduceProd", "ReduceLogSumExp"};
      if (std::ranges::find(kPlain, node.op) == kPlain.end()) {
        node.inputs.resize(2, kNone);
        node.inputs[1] = graph.add_constant(node.name + "/axes", Tensor::i64({0}, {}));
        return {};
      }
      node.op = "Identity";
      node.inputs.resize(1);
      node.attributes.clear();
      return {};
    }
    axes.resize(static_cast<size_t>(rank));
    std::iota(axes.begin(), axes.end(), 0);
  }
  for (int64_t& axis : axes) {
    if (axis < -rank || axis >= rank) return input_error("axis {} of a value of rank {}", axis, rank);
    if (axis < 0) axis += rank;
  }
  std::ranges::sort(axes);
  if (node.op == "ReduceMean" && rank == 4 && axes == std::vector<int64_t>{2, 3} &&
      node.integer("keepdims", 1) != 0) {
    node.op = "GlobalAveragePool";
    node.inputs.resize(1);
    node.attributes.clear();
    return {};
  }
  node.inputs.resize(2, kNone);
  node.inputs[1] =
      graph.add_constant(node.name + "/axes", Tensor::i64({static_cast<int64_t>(axes.size())}, axes));
  return {};
}

}  // namespace

Status make_explicit(Graph& graph, Node& node) {
  if (node.inputs.empty() || node.inputs[0] == kNone) return {};
  if (node.op == "Conv" || node.op == "ConvInteger" || node.op == "QLinearConv" ||
      node.op == "ConvTranspose" || node.op == "MaxPool" || node.op == "AveragePool" || node.op == "LpPool")
    return explicit_window(graph, node);
  if (node.op == "Resize") return explicit_resize(graph, node);
  if (node.op == "Softmax" || node.op == "LogSoftmax") return explicit_softmax(graph, node);
  if (node.op.starts_with("Reduce")) return explicit_reduction(graph, node);
  if (node.op == "Transpose" && !node.has("perm")) {
    std::vector<int64_t> perm(graph.shape(node.inputs[0]).size());
    for (size_t i = 0; i < perm.size(); ++i) perm[i] = static_cast<int64_t>(perm.size() - 1 - i);
    node.attributes["perm"] = perm;
  }
  return {};
}

}  // namespace tarsier::graph
