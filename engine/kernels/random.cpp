// Random numbers: RandomUniform, RandomNormal and their Like forms (shader random.comp); Bernoulli,
// Multinomial and Dropout, which are written out with them. The generator is a hash of seed and element
// number (PCG with the output permutation RXS-M-XS; M. Jarzynski and M. Olano, "Hash Functions for GPU
// Rendering", 2020), so that every element is computed by itself, and a seed gives the same numbers
// everywhere. Without one, the name of the node takes its place.
#include <bit>
#include <cmath>
#include <numbers>

#include "kernels/operator.hpp"
#include "kernels/register.hpp"

namespace tarsier::kernels {
namespace {

using graph::kNone;
using graph::NodeBuilder;
using graph::ValueId;

uint32_t hash(uint32_t x) {
  const uint32_t state = x * 747796405U + 2891336453U;
  const uint32_t word = ((state >> ((state >> 28U) + 4U)) ^ state) * 277803737U;
  return (word >> 22U) ^ word;
}
/// In [0, 1), a multiple of 2^-24.
float unit(uint32_t bits) {
  return float(bits >> 8U) * 0x1p-24F;
}

uint32_t seed_of(const graph::Node& node) {
  if (node.has("seed")) return hash(std::bit_cast<uint32_t>(node.real("seed", 0)));
  uint32_t digest = 2166136261U;  // FNV-1a
  for (const char letter : node.name) digest = (digest ^ uint8_t(letter)) * 16777619U;
  return hash(digest);
}

/// Element types other than fp32 that ONNX allows are all kept as fp32.
class Random : public Operator {
 public:
  Random(std::string op_name, bool normal, bool like)
      : Operator(std::move(op_name), like ? 1 : 0, like ? 1 : 0), normal_(normal), like_(like) {}

  Status emit(Emitter& emitter) const override {
    const Operand out = emitter.output(0);
    const auto [a, b] = parameters(emitter.node());
    struct Push {
      uint64_t target;
      uint32_t count, seed;
      float a, b;
    } push{out.address, uint32_t(graph::element_count(out.value->desc.shape)), seed_of(emitter.node()), a, b};
    if (push.count == 0) return {};
    emitter.dispatch("kernels/random.comp", {normal_ ? 1U : 0U}, push, flat_grid(push.count, kLocalSize));
    return {};
  }

 protected:
  [[nodiscard]] Result<std::vector<TensorDesc>> shapes(const OpView& view) const override {
    if (view.node().has("dtype")) {
      TARSIER_TRY(const DType type, dtype_of_onnx(view.node().integer("dtype", 1)));
      if (!is_float(type)) return input_error("random numbers of type {}", graph::name_of(type));
    }
    const Shape shape = like_ ? view.shape(0) : view.node().integers("shape");
    if (!graph::is_static(shape)) return input_error("shape {}", graph::to_string(shape));
    return std::vector{TensorDesc{DType::kF32, shape}};
  }
  Status compute(const OpView& view, std::vector<Tensor>& outputs) const override {
    const auto [a, b] = parameters(view.node());
    const uint32_t seed = seed_of(view.node());
    std::vector<float> values(size_t(outputs[0].size()));
    for (size_t i = 0; i < values.size(); ++i) {
      const uint32_t first = hash(uint32_t(i) ^ seed);
      if (!normal_) {
        values[i] = a + unit(first) * b;
        continue;
      }
      // G. Box and M. Muller, "A Note on the Generation of Random Normal Deviates", 1958.
      const float radius = std::sqrt(-2 * std::log(1 - unit(first)));
      values[i] = a + b * radius * std::cos(2 * std::numbers::pi_v<float> * unit(hash(first + seed)));
    }
    store(outputs[0], values);
    return {};
  }

 private:
  /// Mean and standard deviation; or lower bound and width.
  [[nodiscard]] std::pair<float, float> parameters(const graph::Node& node) const {
    if (normal_) return {node.real("mean", 0), node.real("scale", 1)};
    const float low = node.real("low", 0);
    return {low, node.real("high", 1) - low};
  }

  bool normal_, like_;
};

NodeBuilder::Attributes seed_attribute(const graph::Node& node) {
  if (!node.has("seed")) return {};
  // Dropout's is an integer.
  const auto& seed = node.attributes.find("seed")->second;
  const auto* whole = std::get_if<int64_t>(&seed);
  return {{"seed", whole != nullptr ? float(*whole) : node.real("seed", 0)}};
}

/// 1 with the probability that the input gives, else 0.
class Bernoulli : public Composite {
 public:
  Bernoulli() : Composite("Bernoulli", 1, 1) {}

 protected:
  Status write_out(NodeBuilder& builder) const override {
    DType type = builder.desc(0).dtype;
    if (builder.node().has("dtype")) {
      TARSIER_TRY(type, dtype_of_onnx(builder.node().integer("dtype", 1)));
    }
    const ValueId drawn =
        builder.add("RandomUniformLike", {builder.input(0)}, seed_attribute(builder.node()));
    const ValueId hit = builder.add("Less", {drawn, builder.input(0)});
    builder.finish("CastLike", {hit, builder.scalar(0, type)});
    return {};
  }
};

/// Class numbers [batch, sample_size] drawn by unnormalised log-probabilities [batch, classes]: the greatest
/// of log-probability plus Gumbel noise.
class Multinomial : public Composite {
 public:
  Multinomial() : Composite("Multinomial", 1, 1) {}

 protected:
  Status write_out(NodeBuilder& builder) const override {
    const Shape& shape = builder.shape(0);
    const int64_t samples = builder.node().integer("sample_size", 1);
    if (shape.size() != 2 || samples < 0) {
      return input_error("{} samples of {}", samples, graph::to_string(shape));
    }
    TARSIER_TRY(const DType type, dtype_of_onnx(builder.node().integer("dtype", 6)));
    auto attributes = seed_attribute(builder.node());
    attributes["shape"] = std::vector<int64_t>{shape[0], samples, shape[1]};
    ValueId noise = builder.add("RandomUniform", {}, attributes);
    for (int i = 0; i < 2; ++i) noise = builder.add("Neg", {builder.add("Log", {noise})});
    const ValueId wide = builder.add("Unsqueeze", {builder.input(0), builder.ints({1})});
    const ValueId drawn = builder.add("ArgMax", {builder.add("Add", {wide, noise})},
                                      {{"axis", int64_t{2}}, {"keepdims", int64_t{0}}});
    builder.finish("CastLike", {drawn, builder.scalar(0, type)});
    return {};
  }
};

/// Inputs as of opset 12: data, ratio, training_mode. In training, elements become 0 with the probability
/// `ratio` and the others are scaled by 1 / (1 - ratio); else the identity. The mask tells which are kept.
class Dropout : public Composite {
 public:
  Dropout() : Composite("Dropout", 1, 3) { needs_values({1, 2}); }

 protected:
  Status write_out(NodeBuilder& builder) const override {
    const OpView view(builder.graph(), builder.node());
    TARSIER_CHECK(are_single(view, {1, 2}));
    const float ratio = view.has(1) ? view.floats(1)[0] : 0.5F;
    const bool training = view.has(2) && view.floats(2)[0] != 0;
    if (!(ratio >= 0 && ratio <= 1)) return input_error("a ratio of {}", ratio);
    if (!training || ratio == 0) {
      builder.set_output(0, builder.input(0));
      if (builder.output(1) == kNone) return {};
      builder.set_output(
          1, builder.add("Expand", {builder.scalar(1, DType::kBool), builder.ints(builder.shape(0))}));
      return {};
    }
    const ValueId drawn =
        builder.add("RandomUniformLike", {builder.input(0)}, seed_attribute(builder.node()));
    const ValueId kept = builder.add("GreaterOrEqual", {drawn, builder.scalar(ratio)});
    const ValueId scaled = builder.add("Mul", {builder.input(0), builder.scalar(1 / (1 - ratio))});
    builder.set_output(0, builder.add("Where", {kept, scaled, builder.scalar(0)}));
    builder.set_output(1, kept);
    return {};
  }
};

}  // namespace

void register_random(Registry& registry) {
  registry.add(std::make_unique<Random>("RandomUniform", false, false));
  registry.add(std::make_unique<Random>("RandomUniformLike", false, true));
  registry.add(std::make_unique<Random>("RandomNormal", true, false));
  registry.add(std::make_unique<Random>("RandomNormalLike", true, true));
  registry.add(std::make_unique<Bernoulli>());
  registry.add(std::make_unique<Multinomial>());
  registry.add(std::make_unique<Dropout>());
}

}  // namespace tarsier::kernels
