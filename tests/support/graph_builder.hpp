// Small graphs for tests: G g; auto x = g.input("x", {1,3,8,8}); g.output(g.op("Relu", {x})); g.infer();
#pragma once

#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <map>
#include <string>
#include <vector>

#include "graph/interpreter.hpp"
#include "graph/passes/passes.hpp"
#include "kernels/kernel.hpp"

namespace tarsier::testing {

using graph::kNone;
using graph::Shape;
using graph::Tensor;
using graph::ValueId;
using Attributes = std::map<std::string, graph::Attribute, std::less<>>;

inline Tensor random_tensor(const Shape& shape, uint32_t seed, float low = -2.0F, float high = 2.0F) {
  return graph::random_tensor({graph::DType::kF32, shape}, seed, low, high);
}

struct G : graph::Graph {
  ValueId input(const std::string& value_name, Shape shape) {
    const ValueId id = add_value(value_name, {graph::DType::kF32, std::move(shape)});
    inputs.push_back(id);
    return id;
  }
  ValueId weights(Shape shape, float low = -1.0F, float high = 1.0F) {
    return constant_of(random_tensor(shape, static_cast<uint32_t>(values.size()), low, high));
  }
  ValueId constant_of(Tensor tensor) { return add_constant(next_name("c"), std::move(tensor)); }
  ValueId scalar(float value) { return constant_of(Tensor::f32({}, std::span(&value, 1))); }
  ValueId ints(const std::vector<int64_t>& list) {
    return constant_of(Tensor::i64({static_cast<int64_t>(list.size())}, list));
  }
  ValueId op(const std::string& type, std::vector<ValueId> operands, Attributes attributes = {}) {
    return ops(type, std::move(operands), 1, std::move(attributes))[0];
  }
  std::vector<ValueId> ops(const std::string& type, std::vector<ValueId> operands, size_t results,
                           Attributes attributes = {}) {
    graph::Node node;
    node.op = type;
    node.name = next_name(type);
    node.inputs = std::move(operands);
    node.attributes = std::move(attributes);
    for (size_t i = 0; i < results; ++i) node.outputs.push_back(add_value(next_name("v")));
    const auto ids = node.outputs;
    add_node(std::move(node));
    return ids;
  }
  ValueId conv(ValueId x, Shape weight_shape, Attributes attributes = {}) {
    const ValueId w = weights(weight_shape);
    return op("Conv", {x, w, weights({weight_shape[0]})}, std::move(attributes));
  }
  void output(ValueId id) { outputs.push_back(id); }
  void infer() {
    const auto status = graph::infer_shapes(*this, kernels::Registry::instance());
    ASSERT_TRUE(status.ok()) << status.error().message;
  }
  [[nodiscard]] std::vector<std::string> op_types() const {
    std::vector<std::string> types;
    for (const graph::Node& node : nodes) types.push_back(node.op);
    return types;
  }

 private:
  std::string next_name(const std::string& stem) { return stem + "_" + std::to_string(values.size()); }
};

/// Both graphs give the same outputs on random inputs, within `tolerance` of each output's range.
inline void expect_same_results(const graph::Graph& a, const graph::Graph& b, float tolerance = 1e-5F,
                                float low = -4.0F, float high = 4.0F) {
  std::vector<Tensor> inputs;
  for (const ValueId id : a.inputs)
    inputs.push_back(random_tensor(a.shape(id), 7 + static_cast<uint32_t>(id), low, high));
  const auto x = graph::evaluate(a, inputs, kernels::Registry::instance());
  ASSERT_TRUE(x.ok()) << x.error().message;
  const auto y = graph::evaluate(b, inputs, kernels::Registry::instance());
  ASSERT_TRUE(y.ok()) << y.error().message << "\n" << b.to_text();
  ASSERT_EQ(x->size(), y->size());
  for (size_t i = 0; i < x->size(); ++i) {
    ASSERT_EQ((*x)[i].desc(), (*y)[i].desc()) << "output " << i;
    EXPECT_EQ(a.value(a.outputs[i]).name, b.value(b.outputs[i]).name);
    const auto p = (*x)[i].to_floats(), q = (*y)[i].to_floats();
    float range = 0, worst = 0;
    for (size_t k = 0; k < p.size(); ++k) {
      range = std::max(range, std::abs(p[k]));
      // A NaN on one side only must not pass as "not greater".
      worst = std::isnan(p[k]) == std::isnan(q[k])
                  ? std::max(worst, std::isnan(p[k]) ? 0.0F : std::abs(p[k] - q[k]))
                  : std::numeric_limits<float>::infinity();
    }
    EXPECT_LE(worst, tolerance * std::max(range, 1e-6F)) << "output " << i << "\n" << b.to_text();
  }
}

/// Runs the pass on a copy and compares results; returns the copy.
template <class Pass>
G rewritten(const G& before, Pass&& pass) {
  G after = before;
  const Status status = pass(after);
  EXPECT_TRUE(status.ok()) << (status.ok() ? "" : status.error().message);
  expect_same_results(before, after);
  return after;
}

}  // namespace tarsier::testing
