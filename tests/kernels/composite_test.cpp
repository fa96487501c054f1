// Operators that are written out in others, on the device against sums written down here.
#include <cmath>
#include <gtest/gtest.h>
#include <map>

#include "check/tolerance.hpp"
#include "infer/runner.hpp"
#include "kernels/operator.hpp"
#include "support/gpu_fixture.hpp"

namespace tarsier::test {
using namespace check;
namespace {

using graph::DType;
using graph::Shape;
using graph::Tensor;

class CompositeTest : public GpuTest {
 protected:
  /// Runs a network of one node on the device.
  Result<std::vector<Tensor>> run(const std::string& op, const std::vector<Tensor>& inputs,
                                  std::map<std::string, graph::Attribute, std::less<>> attributes) {
    graph::Graph graph;
    graph::Node node;
    node.op = op;
    node.name = "node";
    node.attributes = std::move(attributes);
    for (const Tensor& input : inputs) {
      graph.inputs.push_back(graph.add_value(fmt::format("input {}", graph.inputs.size()), input.desc()));
      node.inputs.push_back(graph.inputs.back());
    }
    graph.outputs = {graph.add_value("output")};
    node.outputs = graph.outputs;
    graph.add_node(std::move(node));
    return infer::Runner(device(), std::move(graph)).run(inputs);
  }
};

Tensor random(const Shape& shape, uint32_t seed) {
  return graph::random_tensor({DType::kF32, shape}, seed, -1, 1);
}

/// Every axis of every operand is a letter: the sum over all values of the letters.
std::vector<float> einsum(const std::vector<std::string>& terms, const std::string& result,
                          const std::vector<Tensor>& operands) {
  std::map<char, int64_t> extents;
  for (size_t i = 0; i < terms.size(); ++i)
    for (size_t d = 0; d < terms[i].size(); ++d) extents[terms[i][d]] = operands[i].shape()[d];
  int64_t size = 1, total = 1;
  for (const char letter : result) size *= extents[letter];
  for (const auto& [letter, extent] : extents) total *= extent;
  std::vector<double> sums(size_t(size), 0.0);
  for (int64_t i = 0; i < total; ++i) {
    std::map<char, int64_t> at;
    int64_t rest = i;
    for (const auto& [letter, extent] : extents) {
      at[letter] = rest % extent;
      rest /= extent;
    }
    const auto flat = [&](const std::string& letters) {
      int64_t offset = 0;
      for (const char letter : letters) offset = offset * extents[letter] + at[letter];
      return size_t(offset);
    };
    double product = 1;
    for (size_t n = 0; n < terms.size(); ++n) product *= operands[n].to_floats()[flat(terms[n])];
    sums[flat(result)] += product;
  }
  return {sums.begin(), sums.end()};
}

TEST_F(CompositeTest, EinsumSumsWhatTheEquationSays) {
  struct Row {
    std::vector<std::string> terms;
    std::string result;
    std::vector<Shape> shapes;
  };
  const std::vector<Row> rows{
      {{"ij", "jk"}, "ik", {{3, 4}, {4, 5}}},
      {{"iij"}, "ji", {{3, 3, 4}}},
      {{"iii"}, "", {{3, 3, 3}}},
      {{"i", "jk"}, "kij", {{3}, {2, 5}}},
      {{"bqhd", "bkhd"}, "bhqk", {{2, 3, 2, 5}, {2, 4, 2, 5}}},
      {{"ab", "bc", "cd"}, "da", {{2, 3}, {3, 4}, {4, 2}}},
      {{"abc", "cb"}, "ca", {{2, 3, 4}, {4, 3}}},
      {{"ijj", "jk"}, "i", {{2, 3, 3}, {3, 4}}},
  };
  for (const Row& row : rows) {
    std::vector<Tensor> operands;
    std::string equation;
    for (size_t i = 0; i < row.terms.size(); ++i) {
      operands.push_back(random(row.shapes[i], uint32_t(i) + 1));
      equation += (i == 0 ? "" : ",") + row.terms[i];
    }
    equation += "->" + row.result;
    SCOPED_TRACE(equation);
    const auto got = run("Einsum", operands, {{"equation", equation}});
    ASSERT_OK(got);
    EXPECT_EQ(difference(got->at(0).to_floats(), einsum(row.terms, row.result, operands), kReduction), "");
  }
}

TEST_F(CompositeTest, EinsumBroadcastsEllipses) {
  const Tensor a = random({2, 1, 3, 4}, 1), b = random({5, 4, 2}, 2);
  const auto got = run("Einsum", {a, b}, {{"equation", std::string("...ij,...jk->...ki")}});
  ASSERT_OK(got);
  ASSERT_EQ(got->at(0).shape(), (Shape{2, 5, 2, 3}));
  const auto x = a.to_floats(), y = b.to_floats(), z = got->at(0).to_floats();
  for (size_t i = 0; i < 2; ++i)
    for (size_t j = 0; j < 5; ++j)
      for (size_t k = 0; k < 2; ++k)
        for (size_t l = 0; l < 3; ++l) {
          double sum = 0;
          for (size_t m = 0; m < 4; ++m) sum += double(x[(i * 3 + l) * 4 + m]) * y[(j * 4 + m) * 2 + k];
          EXPECT_NEAR(z[((i * 5 + j) * 2 + k) * 3 + l], sum, 1e-5);
        }
}

TEST_F(CompositeTest, AttentionSharesKeysAmongHeadsAndMasks) {
  constexpr size_t kBatch = 2, kHeads = 4, kKeyHeads = 2, kQueries = 3, kKeys = 5, kChannels = 6;
  const Tensor q = random({kBatch, kHeads, kQueries, kChannels}, 1);
  const Tensor k = random({kBatch, kKeyHeads, kKeys, kChannels}, 2);
  const Tensor v = random({kBatch, kKeyHeads, kKeys, kChannels}, 3);
  // Query 1 sees no key: its result is zero, not NaN.
  Tensor mask({DType::kBool, {kQueries, kKeys}});
  kernels::store(mask, std::vector<int64_t>{1, 0, 1, 1, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1});
  for (const bool masked : {false, true}) {
    for (const float softcap : {0.0F, 1.5F}) {
      SCOPED_TRACE(fmt::format("masked {}, softcap {}", masked, softcap));
      std::vector<Tensor> inputs{q, k, v};
      if (masked) inputs.push_back(mask);
      const auto got = run("Attention", inputs, {{"scale", 0.7F}, {"softcap", softcap}});
      ASSERT_OK(got);
      const auto fq = q.to_floats(), fk = k.to_floats(), fv = v.to_floats(), allowed = mask.to_floats();
      std::vector<float> wanted;
      for (size_t row = 0; row < kBatch * kHeads * kQueries; ++row) {
        const size_t head = row / kQueries, query = row % kQueries;
        const size_t source = head / kHeads * kKeyHeads + head % kHeads / (kHeads / kKeyHeads);
        std::vector<double> weight(kKeys, 0.0);
        double total = 0;
        for (size_t key = 0; key < kKeys; ++key) {
          double score = 0;
          for (size_t c = 0; c < kChannels; ++c)
            score += double(fq[row * kChannels + c]) * fk[(source * kKeys + key) * kChannels + c];
          score *= 0.7;
          if (softcap > 0) score = softcap * std::tanh(score / softcap);
          if (!masked || allowed[query * kKeys + key] != 0) weight[key] = std::exp(score);
          total += weight[key];
        }
        for (size_t c = 0; c < kChannels; ++c) {
          double sum = 0;
          for (size_t key = 0; key < kKeys; ++key)
            sum += weight[key] * fv[(source * kKeys + key) * kChannels + c];
          wanted.push_back(total > 0 ? float(sum / total) : 0.0F);
        }
      }
      EXPECT_EQ(difference(got->at(0).to_floats(), wanted, kReduction), "");
    }
  }
}

TEST_F(CompositeTest, RotaryEmbeddingTurnsPairsOfChannels) {
  constexpr size_t kTokens = 3, kHeads = 2, kChannels = 6, kTurned = 4, kPositions = 7;
  const Tensor x = random({1, kHeads, kTokens, kChannels}, 1);
  std::vector<float> cosines, sines;
  for (size_t p = 0; p < kPositions; ++p)
    for (size_t c = 0; c < kTurned / 2; ++c) {
      cosines.push_back(std::cos(float(p) / float(c + 1)));
      sines.push_back(std::sin(float(p) / float(c + 1)));
    }
  const Shape cache{kPositions, kTurned / 2};
  const std::vector<int64_t> positions{6, 0, 2};
  for (const bool interleaved : {false, true}) {
    const auto got =
        run("RotaryEmbedding",
            {x, Tensor::f32(cache, cosines), Tensor::f32(cache, sines), Tensor::i64({1, kTokens}, positions)},
            {{"interleaved", int64_t{interleaved}}, {"rotary_embedding_dim", int64_t{kTurned}}});
    ASSERT_OK(got);
    auto wanted = x.to_floats();
    for (size_t row = 0; row < kHeads * kTokens; ++row) {
      for (size_t c = 0; c < kTurned / 2; ++c) {
        const size_t first = row * kChannels + (interleaved ? 2 * c : c);
        const size_t second = interleaved ? first + 1 : first + kTurned / 2;
        const size_t angle = size_t(positions[row % kTokens]) * kTurned / 2 + c;
        const float a = wanted[first], b = wanted[second];
        wanted[first] = a * cosines[angle] - b * sines[angle];
        wanted[second] = a * sines[angle] + b * cosines[angle];
      }
    }
    EXPECT_EQ(difference(got->at(0).to_floats(), wanted, kElementwise), "") << "interleaved " << interleaved;
  }
}

}  // namespace
}  // namespace tarsier::test
