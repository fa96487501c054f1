// Operators that language models decode with, written out in others: TensorScatter (the cache of keys and
// values), CausalConvWithState, SwiGLU.
#include <algorithm>

#include "graph/passes/evaluate.hpp"
#include "kernels/operator.hpp"
#include "kernels/register.hpp"

namespace tarsier::kernels {
namespace {

using graph::NodeBuilder;
using graph::ValueId;

/// Writes `update` into a copy of the cache along `axis`, in each batch element from its write index on.
class TensorScatter : public Composite {
 public:
  TensorScatter() : Composite("TensorScatter", 2, 3) {}

 protected:
  Status write_out(NodeBuilder& builder) const override {
    const Shape &cache = builder.shape(0), &update = builder.shape(1);
    TARSIER_TRY(const int64_t axis,
                normalize_axis(builder.node().integer("axis", -2), int64_t(cache.size())));
    if (axis == 0) return input_error("axis 0 is that of the batch");
    const std::string mode = builder.node().text("mode", "linear");
    if (mode != "linear" && mode != "circular") return input_error("mode={}", mode);
    Shape wanted = cache;
    if (update.size() == cache.size()) wanted[size_t(axis)] = update[size_t(axis)];
    if (update != wanted || update[size_t(axis)] > cache[size_t(axis)])
      return input_error("an update {} for a cache {}", graph::to_string(update), graph::to_string(cache));
    if (graph::element_count(update) == 0) {
      builder.finish("Identity", {builder.input(0)});
      return {};
    }
    const bool moved = builder.input(2) != graph::kNone;
    if (moved && builder.shape(2) != Shape{cache[0]})
      return input_error("write indices {}", graph::to_string(builder.shape(2)));
    // Tuples (batch, ..., place) for ScatterND; the axes behind are moved as slices.
    const Shape prefix(update.begin(), update.begin() + axis + 1);
    const int64_t depth = axis + 1;
    Shape tuples = prefix;
    tuples.push_back(depth);
    if (graph::element_count(tuples) > graph::kMostMade)
      return input_error("an update {} of too many places", graph::to_string(update));
    std::vector<int64_t> places;
    for_each_index(prefix, std::array{strides_of(prefix)}, [&](int64_t flat, const auto&) {
      std::vector<int64_t> tuple(prefix.size());
      for (size_t d = prefix.size(); d-- > 0; flat /= prefix[d]) tuple[d] = flat % prefix[d];
      places.insert(places.end(), tuple.begin(), tuple.end());
    });
    ValueId indices = builder.constant(Tensor::i64(tuples, places));
    if (moved) {
      std::vector<int64_t> last(size_t(depth), 0);
      last.back() = 1;
      Shape each(tuples.size(), 1);
      each[0] = cache[0];
      const ValueId first = builder.add(
          "Reshape",
          {builder.add("Cast", {builder.input(2)}, {{"to", onnx_type(DType::kI64)}}), builder.ints(each)});
      indices = builder.add("Add", {indices, builder.add("Mul", {first, builder.ints(last)})});
      if (mode == "circular")
        indices = builder.add("Mod", {indices, builder.ints({cache.begin(), cache.begin() + depth})});
    }
    builder.finish("ScatterND", {builder.input(0), indices, builder.input(1)});
    return {};
  }
};

/// Swish of the gate, times the other operand.
class SwiGlu : public Composite {
 public:
  SwiGlu() : Composite("SwiGLU", 2, 2) {}

 protected:
  Status write_out(NodeBuilder& builder) const override {
    if (builder.shape(0) != builder.shape(1))
      return input_error("{} and {} differ in shape", graph::to_string(builder.shape(0)),
                         graph::to_string(builder.shape(1)));
    const ValueId gate =
        builder.add("Swish", {builder.input(0)}, {{"alpha", builder.node().real("alpha", 1)}});
    builder.finish("Mul", {gate, builder.input(1)});
    return {};
  }
};

/// A depthwise convolution over [N, C, L] that sees the past alone; its state is the last k - 1 inputs.
class CausalConvWithState : public Composite {
 public:
  CausalConvWithState() : Composite("CausalConvWithState", 2, 4) {}

 protected:
  Status write_out(NodeBuilder& builder) const override {
    const Shape &x = builder.shape(0), &weight = builder.shape(1);
    if (x.size() != 3 || weight.size() != 3 || weight[0] != x[1] || weight[1] != 1 || weight[2] < 1)
      return input_error("weights {} for an input {}", graph::to_string(weight), graph::to_string(x));
    const std::string activation = builder.node().text("activation", "none");
    if (activation != "none" && activation != "silu" && activation != "swish")
      return input_error("activation={}", activation);
    const int64_t past = weight[2] - 1;
    const Shape state{x[0], x[1], past};
    ValueId whole = builder.input(0);
    if (builder.input(3) != graph::kNone) {
      if (builder.shape(3) != state)
        return input_error("a past state {}, {} is expected", graph::to_string(builder.shape(3)),
                           graph::to_string(state));
      if (past > 0) whole = builder.add("Concat", {builder.input(3), whole}, {{"axis", int64_t{2}}});
    } else if (past > 0) {
      whole = builder.add("Pad", {whole, builder.ints({0, 0, past, 0, 0, 0})});
    }
    std::vector<ValueId> operands{whole, builder.input(1)};
    if (builder.input(2) != graph::kNone) operands.push_back(builder.input(2));
    const NodeBuilder::Attributes attributes{{"group", x[1]}, {"kernel_shape", std::vector{weight[2]}}};
    if (activation == "none") {
      builder.finish("Conv", operands, attributes);
    } else {
      builder.finish("Silu", {builder.add("Conv", operands, attributes)});
    }
    const ValueId present = past == 0
                                ? builder.constant(Tensor(TensorDesc{builder.desc(0).dtype, state}))
                                : builder.add("Slice", {whole, builder.ints({x[2]}),
                                                        builder.ints({x[2] + past}), builder.ints({2})});
    builder.set_output(1, present);
    return {};
  }
};

}  // namespace

void register_decoder_composites(Registry& registry) {
  registry.add(std::make_unique<TensorScatter>());
  registry.add(std::make_unique<SwiGlu>());
  registry.add(std::make_unique<CausalConvWithState>());
}

}  // namespace tarsier::kernels
