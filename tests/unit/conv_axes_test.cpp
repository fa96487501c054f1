// Convolutions over one, three and four axes, which are written out as 2-D ones, against sums over all taps.
#include <gtest/gtest.h>

#include "graph/interpreter.hpp"
#include "support/graph_builder.hpp"

namespace tarsier::graph {
namespace {

using testing::G;
using Ints = std::vector<int64_t>;

struct Case {
  Shape x, weights;
  Ints strides, dilations, pads, extra;  // extra: output_padding
  int64_t group = 1;
  bool transposed = false;
};

/// Coordinates of a flat index.
Ints unflatten(int64_t flat, const Shape& shape) {
  Ints at(shape.size());
  for (size_t d = shape.size(); d-- > 0;) {
    at[d] = flat % shape[d];
    flat /= shape[d];
  }
  return at;
}

int64_t flatten(const Ints& at, const Shape& shape) {
  int64_t flat = 0;
  for (size_t d = 0; d < shape.size(); ++d) flat = flat * shape[d] + at[d];
  return flat;
}

/// Every product of the definition: x[n, i, p] * w[.., k] goes to the output that p and k name.
std::vector<double> direct(const Case& c, const Tensor& x, const Tensor& w, const Shape& out) {
  std::vector<double> sum(size_t(element_count(out)), 0.0);
  const auto xs = x.to_floats(), ws = w.to_floats();
  const size_t axes = c.x.size() - 2;
  const int64_t in_group = c.x[1] / c.group, out_group = out[1] / c.group;
  for (int64_t i = 0; i < int64_t(xs.size()); ++i) {
    for (int64_t j = 0; j < int64_t(ws.size()); ++j) {
      const Ints p = unflatten(i, c.x), k = unflatten(j, c.weights);
      const int64_t group = p[1] / in_group;
      Ints o = p;
      o[1] = c.transposed ? group * out_group + k[1] : k[0];
      bool inside = c.transposed ? k[0] == p[1] : k[1] == p[1] % in_group && k[0] / out_group == group;
      for (size_t d = 0; inside && d < axes; ++d) {
        const int64_t tap = k[d + 2] * c.dilations[d] - c.pads[d];
        // Forward: p = o * stride + tap; transposed: o = p * stride + tap.
        const int64_t at = c.transposed ? p[d + 2] * c.strides[d] + tap : p[d + 2] - tap;
        inside = c.transposed || at % c.strides[d] == 0;
        o[d + 2] = c.transposed ? at : at / c.strides[d];
        inside = inside && at >= 0 && o[d + 2] < out[d + 2];
      }
      if (inside) sum[size_t(flatten(o, out))] += double(xs[size_t(i)]) * ws[size_t(j)];
    }
  }
  return sum;
}

class ConvAxes : public ::testing::TestWithParam<Case> {};

TEST_P(ConvAxes, ComputeWhatTheDefinitionSays) {
  const Case& c = GetParam();
  G g;
  const ValueId x = g.input("x", c.x), w = g.weights(c.weights);
  testing::Attributes attributes{
      {"strides", c.strides}, {"dilations", c.dilations}, {"pads", c.pads}, {"group", c.group}};
  if (!c.extra.empty()) attributes["output_padding"] = c.extra;
  const ValueId y = g.op(c.transposed ? "ConvTranspose" : "Conv", {x, w}, attributes);
  g.output(y);
  const Tensor weights = *g.constant(w);
  g.infer();
  for (const Node& node : g.nodes) {
    if (!node.op.starts_with("Conv")) continue;
    EXPECT_EQ(g.shape(node.inputs[0]).size(), 4U);
  }
  const Tensor picture = random_tensor({DType::kF32, c.x}, 7, -1, 1);
  const auto outputs = evaluate(g, {picture}, kernels::Registry::instance());
  ASSERT_TRUE(outputs.ok());
  const Tensor& result = outputs->front();
  const auto wanted = direct(c, picture, weights, result.shape());
  const auto got = result.to_floats();
  for (size_t i = 0; i < got.size(); ++i) ASSERT_NEAR(got[i], wanted[i], 1e-4) << "element " << i;
}

INSTANTIATE_TEST_SUITE_P(
    Cases, ConvAxes,
    ::testing::Values(
        Case{{2, 4, 9}, {6, 2, 3}, {2}, {2}, {1, 2}, {}, 2, false},
        Case{{1, 4, 5}, {4, 3, 3}, {3}, {1}, {1, 0}, {1}, 1, true},
        Case{{2, 2, 5, 4, 3}, {3, 2, 3, 2, 1}, {2, 1, 1}, {1, 2, 1}, {1, 0, 0, 1, 1, 0}, {}, 1, false},
        Case{{1, 4, 5, 4, 3}, {4, 1, 2, 2, 2}, {1, 2, 1}, {2, 1, 1}, {0, 1, 0, 0, 0, 1}, {}, 4, false},
        Case{{1, 4, 3, 4, 3}, {4, 2, 3, 2, 2}, {2, 1, 2}, {1, 2, 1}, {1, 0, 1, 1, 1, 0}, {1, 0, 0}, 2, true},
        Case{{1, 2, 3, 3, 2, 3},
             {2, 2, 2, 2, 1, 2},
             {2, 1, 1, 1},
             {1, 1, 1, 1},
             {1, 0, 0, 0, 0, 0, 0, 1},
             {},
             1,
             false}));

}  // namespace
}  // namespace tarsier::graph
