// A pointwise convolution behind an enlargement works on few distinct pixels: interpolation weights add up to
// one, so convolving first and enlarging the result gives the same, with a quarter of the products at twice
// the size. It also enlarges fewer channels, which is why it is done only where the convolution does not add
// any.
#include "graph/passes/edit.hpp"
#include "graph/passes/passes.hpp"

namespace tarsier::graph {
namespace {

bool is_pointwise_convolution(const Graph& graph, const Node& node) {
  if (node.op != "Conv" || !node.post.empty() || node.integer("group", 1) != 1) return false;
  const Tensor* weights = graph.constant(input_of(node, 1));
  if (weights == nullptr || weights->shape().size() != 4 || weights->shape()[2] != 1 ||
      weights->shape()[3] != 1)
    return false;
  if (input_of(node, 2) != kNone && graph.constant(node.inputs[2]) == nullptr) return false;
  const Shape &in = graph.shape(node.inputs[0]), &out = graph.shape(node.outputs[0]);
  return in[2] == out[2] && in[3] == out[3];  // no stride, no padding
}

/// Linear and nearest sampling within the picture. Cubic weights add up to one as well, but take more work.
bool enlarges(const Graph& graph, const Node& node) {
  const std::string mode = node.text("mode", "nearest");
  if (node.op != "Resize" || !node.post.empty() || node.outputs.size() != 1 ||
      (mode != "linear" && mode != "nearest") || node.integer("exclude_outside", 0) != 0 ||
      node.text("keep_aspect_ratio_policy", "stretch") != "stretch" ||
      node.text("coordinate_transformation_mode", "half_pixel") == "tf_crop_and_resize")
    return false;
  const Shape &in = graph.shape(node.inputs[0]), &out = graph.shape(node.outputs[0]);
  return in.size() == 4 && out.size() == 4 && in[0] == out[0] && in[1] == out[1] && in[2] <= out[2] &&
         in[3] <= out[3] && in != out;
}

/// The Resize's targets where they name no number of channels, or one that is brought up to date. False where
/// the convolution changes the channels and a size names them at run time.
bool retarget(Graph& graph, Node& resize, int64_t channels) {
  const ValueId sizes = input_of(resize, 3);
  if (sizes == kNone || graph.shape(sizes) == Shape{0}) return true;
  const Tensor* tensor = graph.constant(sizes);
  if (tensor == nullptr) return false;
  if (resize.has("axes") || tensor->size() != 4) return tensor->size() == 2;
  auto extents = tensor->to_ints();
  extents[1] = channels;
  resize.inputs[3] = graph.add_constant(resize.name + "/sizes", Tensor::i64({4}, extents));
  return true;
}

}  // namespace

Status commute_resize(Graph& graph) {
  std::vector<int> uses = graph.use_counts();
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    Node& convolution = graph.nodes[i];
    if (!is_pointwise_convolution(graph, convolution)) continue;
    const ValueId enlarged = convolution.inputs[0];
    Node* resize = producer_of(graph, enlarged);
    if (resize == nullptr || uses[size_t(enlarged)] != 1 || !enlarges(graph, *resize)) continue;
    const TensorDesc result = graph.value(convolution.outputs[0]).desc;
    if (result.shape[1] > graph.shape(enlarged)[1] || !retarget(graph, *resize, result.shape[1])) continue;
    TensorDesc small = result;
    small.shape[2] = graph.shape(resize->inputs[0])[2];
    small.shape[3] = graph.shape(resize->inputs[0])[3];
    const ValueId convolved = graph.add_value(graph.value(convolution.outputs[0]).name + "/small", small);
    convolution.inputs[0] = resize->inputs[0];
    resize->inputs[0] = convolved;
    resize->outputs[0] = convolution.outputs[0];
    convolution.outputs[0] = convolved;
    std::swap(convolution, *resize);  // the order of execution
    TARSIER_CHECK(sort_nodes(graph));
    uses = graph.use_counts();
  }
  return {};
}

}  // namespace tarsier::graph
