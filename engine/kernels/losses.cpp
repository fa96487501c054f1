// NegativeLogLikelihoodLoss and SoftmaxCrossEntropyLoss: compositions. The score of each target is picked by
// a mask over the classes instead of an index, so that a score of -inf beside it does no harm.
#include "graph/passes/evaluate.hpp"
#include "kernels/operator.hpp"
#include "kernels/register.hpp"

namespace tarsier::kernels {
namespace {

using graph::kNone;
using graph::NodeBuilder;
using graph::ValueId;

/// [1, C, 1, ...] of rank `rank`.
Shape class_shape(size_t rank, int64_t classes) {
  Shape shape(rank, 1);
  shape[1] = classes;
  return shape;
}

/// The loss of log-probabilities [N, C, d1, ...] against targets [N, d1, ...] by ONNX's `reduction`, where
/// the classes may have weights [C] and targets of the class `ignore_index` count for nothing. An ignored
/// target has weight zero, as has one outside of [0, C).
Result<ValueId> add_loss(NodeBuilder& builder, ValueId log_probabilities) {
  const Shape& scores = builder.shape(0);
  const Shape& targets = builder.shape(1);
  if (scores.size() < 2) return input_error("scores of rank {} (at least 2 is expected)", scores.size());
  Shape wanted = scores;
  wanted.erase(wanted.begin() + 1);
  if (targets != wanted) {
    return input_error("targets {} do not fit scores {}", graph::to_string(targets),
                       graph::to_string(scores));
  }
  const int64_t classes = scores[1];
  if (classes > graph::kMostMade) return input_error("{} classes are too many", classes);
  const bool weighted = builder.input(2) != kNone;
  if (weighted && builder.shape(2) != Shape{classes}) {
    return input_error("weights {} for {} classes", graph::to_string(builder.shape(2)), classes);
  }
  const std::string reduction = builder.node().text("reduction", "mean");
  if (reduction != "mean" && reduction != "sum" && reduction != "none") {
    return input_error("reduction={}", reduction);
  }
  const ValueId axis = builder.ints({1});
  const ValueId wide = builder.add("Unsqueeze", {builder.input(1), axis});
  ValueId picked =
      builder.add("Equal", {wide, builder.count_along(scores.size(), 1, classes, builder.desc(1).dtype)});
  const bool ignores = builder.node().has("ignore_index");
  if (ignores) {
    std::vector<int64_t> counts(size_t(classes), 1);
    const int64_t ignored = builder.node().integer("ignore_index", 0);
    if (ignored >= 0 && ignored < classes) counts[size_t(ignored)] = 0;
    Tensor counted(TensorDesc{DType::kBool, class_shape(scores.size(), classes)});
    store(counted, counts);
    picked = builder.add("And", {picked, builder.constant(counted)});
  }
  const ValueId zero = builder.scalar(0);
  ValueId losses = builder.add("Neg", {log_probabilities});
  ValueId weights = builder.scalar(1);
  if (weighted) {
    weights = builder.reshape(builder.input(2), class_shape(scores.size(), classes));
    losses = builder.add("Mul", {losses, weights});
  }
  const graph::NodeBuilder::Attributes drop{{"keepdims", int64_t{0}}};
  losses = builder.add("ReduceSum", {builder.add("Where", {picked, losses, zero}), axis}, drop);
  if (reduction == "none") return losses;
  if (reduction == "sum") return builder.add("ReduceSum", {losses}, drop);
  if (!weighted && !ignores) return builder.add("ReduceMean", {losses}, drop);
  const ValueId counts = builder.add("Where", {picked, weights, zero});
  return builder.add("Div",
                     {builder.add("ReduceSum", {losses}, drop), builder.add("ReduceSum", {counts}, drop)});
}

class NegativeLogLikelihoodLoss : public Composite {
 public:
  NegativeLogLikelihoodLoss() : Composite("NegativeLogLikelihoodLoss", 2, 3) {}

 protected:
  Status write_out(NodeBuilder& builder) const override {
    TARSIER_TRY(const ValueId loss, add_loss(builder, builder.input(0)));
    builder.set_output(0, loss);
    return {};
  }
};

class SoftmaxCrossEntropyLoss : public Composite {
 public:
  SoftmaxCrossEntropyLoss() : Composite("SoftmaxCrossEntropyLoss", 2, 3) {}

 protected:
  Status write_out(NodeBuilder& builder) const override {
    const ValueId log_probabilities = builder.add("LogSoftmax", {builder.input(0)}, {{"axis", int64_t{1}}});
    TARSIER_TRY(const ValueId loss, add_loss(builder, log_probabilities));
    builder.set_output(0, loss);
    builder.set_output(1, log_probabilities);
    return {};
  }
};

}  // namespace

void register_losses(Registry& registry) {
  registry.add(std::make_unique<NegativeLogLikelihoodLoss>());
  registry.add(std::make_unique<SoftmaxCrossEntropyLoss>());
}

}  // namespace tarsier::kernels
