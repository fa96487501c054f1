// What language models decode with, token by token, on the device: caches that are written into, convolutions
// and attention that carry a state.
#include <cmath>
#include <gtest/gtest.h>
#include <map>

#include "check/tolerance.hpp"
#include "infer/runner.hpp"
#include "support/gpu_fixture.hpp"

namespace tarsier::test {
using namespace check;
namespace {

using graph::Tensor;
using Attributes = std::map<std::string, graph::Attribute, std::less<>>;

class DecoderTest : public GpuTest {
 protected:
  /// Runs a network of one node on the device.
  Result<std::vector<Tensor>> run(const std::string& op, const std::vector<std::optional<Tensor>>& inputs,
                                  Attributes attributes, size_t outputs = 1) {
    graph::Graph graph;
    graph::Node node;
    node.op = op;
    node.name = "node";
    node.attributes = std::move(attributes);
    std::vector<Tensor> given;
    for (const auto& input : inputs) {
      node.inputs.push_back(graph::kNone);
      if (!input) continue;
      node.inputs.back() = graph.add_value(fmt::format("input {}", given.size()), input->desc());
      graph.inputs.push_back(node.inputs.back());
      given.push_back(*input);
    }
    for (size_t i = 0; i < outputs; ++i)
      graph.outputs.push_back(graph.add_value(fmt::format("output {}", i)));
    node.outputs = graph.outputs;
    graph.add_node(std::move(node));
    return infer::Runner(device(), std::move(graph)).run(given);
  }
};

Tensor random(const graph::Shape& shape, uint32_t seed) {
  return graph::random_tensor({graph::DType::kF32, shape}, seed, -1, 1);
}

/// Positions [first, first + count) of axis `axis`, with `inner` elements behind it.
Tensor part(const Tensor& whole, size_t axis, int64_t first, int64_t count) {
  graph::Shape shape = whole.shape();
  const int64_t extent = shape[axis];
  shape[axis] = count;
  int64_t inner = 1;
  for (size_t d = axis + 1; d < shape.size(); ++d) inner *= shape[d];
  const auto values = whole.to_floats();
  std::vector<float> picked;
  for (int64_t i = 0; i < whole.size(); ++i)
    if (const int64_t at = i / inner % extent; at >= first && at < first + count)
      picked.push_back(values[size_t(i)]);
  return Tensor::f32(shape, picked);
}

TEST_F(DecoderTest, TensorScatterWritesWhereTheIndicesSay) {
  const Tensor cache = Tensor::f32({2, 4, 2}, std::vector<float>(16, 0));
  const Tensor update = Tensor::f32({2, 2, 2}, std::vector<float>{1, 2, 3, 4, 5, 6, 7, 8});
  const auto first = run("TensorScatter", {cache, update}, {});
  ASSERT_OK(first);
  EXPECT_EQ(first->at(0).to_floats(), (std::vector<float>{1, 2, 3, 4, 0, 0, 0, 0, 5, 6, 7, 8, 0, 0, 0, 0}));
  const Tensor places = Tensor::i64({2}, std::vector<int64_t>{2, 1});
  const auto linear = run("TensorScatter", {cache, update, places}, {});
  ASSERT_OK(linear);
  EXPECT_EQ(linear->at(0).to_floats(), (std::vector<float>{0, 0, 0, 0, 1, 2, 3, 4, 0, 0, 5, 6, 7, 8, 0, 0}));
  const Tensor around = Tensor::i64({2}, std::vector<int64_t>{3, 6});
  const auto circular = run("TensorScatter", {cache, update, around}, {{"mode", std::string("circular")}});
  ASSERT_OK(circular);
  EXPECT_EQ(circular->at(0).to_floats(),
            (std::vector<float>{3, 4, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 5, 6, 7, 8}));
}

TEST_F(DecoderTest, SwiGluGatesTheSecondOperand) {
  const Tensor a = random({3, 5}, 1), b = random({3, 5}, 2);
  const auto got = run("SwiGLU", {a, b}, {{"alpha", 2.0F}});
  ASSERT_OK(got);
  auto wanted = a.to_floats();
  for (size_t i = 0; i < wanted.size(); ++i)
    wanted[i] = wanted[i] / (1 + std::exp(-2 * wanted[i])) * b.to_floats()[i];
  EXPECT_EQ(difference(got->at(0).to_floats(), wanted, kElementwise), "");
  EXPECT_FALSE(run("SwiGLU", {a, random({5}, 1)}, {}).ok()) << "nothing is broadcast";
}

TEST_F(DecoderTest, StatesCarryOnWhereTheyWereLeft) {
  // The whole sequence at once, and in two parts with the state handed on.
  const Tensor x = random({2, 3, 9}, 1), weights = random({3, 1, 4}, 2), bias = random({3}, 3);
  const Attributes silu{{"activation", std::string("silu")}};
  const auto whole = run("CausalConvWithState", {x, weights, bias}, silu, 2);
  const auto first = run("CausalConvWithState", {part(x, 2, 0, 2), weights, bias}, silu, 2);
  ASSERT_OK(whole);
  ASSERT_OK(first);
  const auto second = run("CausalConvWithState", {part(x, 2, 2, 7), weights, bias, first->at(1)}, silu, 2);
  ASSERT_OK(second);
  const auto agree = [](const Tensor& got, const Tensor& wanted) {
    EXPECT_EQ(difference(got.to_floats(), wanted.to_floats(), kReduction), "");
  };
  agree(first->at(0), part(whole->at(0), 2, 0, 2));
  agree(second->at(0), part(whole->at(0), 2, 2, 7));
  agree(second->at(1), whole->at(1));
  agree(whole->at(1), part(x, 2, 6, 3));

  const Tensor q = random({2, 5, 12}, 4), k = random({2, 5, 6}, 5), v = random({2, 5, 10}, 6);
  const Tensor decay = random({2, 5, 2}, 7), beta = random({2, 5, 2}, 8);
  const Attributes heads{{"q_num_heads", int64_t{4}}, {"kv_num_heads", int64_t{2}}};
  const auto attended = run("LinearAttention", {q, k, v, {}, decay, beta}, heads, 2);
  ASSERT_OK(attended);
  const auto tokens = [&](int64_t from, int64_t count, std::optional<Tensor> state) {
    return run("LinearAttention",
               {part(q, 1, from, count), part(k, 1, from, count), part(v, 1, from, count), std::move(state),
                part(decay, 1, from, count), part(beta, 1, from, count)},
               heads, 2);
  };
  const auto begun = tokens(0, 3, {});
  ASSERT_OK(begun);
  const auto ended = tokens(3, 2, begun->at(1));
  ASSERT_OK(ended);
  agree(begun->at(0), part(attended->at(0), 1, 0, 3));
  agree(ended->at(0), part(attended->at(0), 1, 3, 2));
  agree(ended->at(1), attended->at(1));
}

}  // namespace
}  // namespace tarsier::test
