// Transposed convolutions as convolutions and a shuffle: the results stay the same for every geometry.
#include <gtest/gtest.h>

#include "graph/passes/passes.hpp"
#include "support/graph_builder.hpp"

namespace tarsier::graph {
namespace {

using testing::G;
using Types = std::vector<std::string>;
using Ints = std::vector<int64_t>;

G rewritten(const G& before) {
  return testing::rewritten(before, shuffle_transposed);
}

TEST(ShuffleTransposed, BlocksOfAMaskFillChannelGroups) {
  for (const bool read_on : {false, true}) {
    G g;
    const ValueId x = g.input("x", {2, 5, 3, 7});
    const ValueId v =
        g.op("ConvTranspose", {x, g.weights({5, 2, 2, 2}), g.weights({2})}, {{"strides", Ints{2, 2}}});
    g.output(read_on ? g.conv(v, {4, 2, 1, 1}) : g.op("Sigmoid", {v}));
    g.infer();
    const G after = rewritten(g);
    EXPECT_EQ(after.op_types(),
              read_on ? (Types{"ConvTranspose", "Conv"}) : (Types{"Conv", "DepthToSpace", "Sigmoid"}));
  }
}

struct Geometry {
  int64_t inputs, outputs;  // outputs of a group
  Ints kernel;
  testing::Attributes attributes;
  Types becomes;
};

TEST(ShuffleTransposed, AnyGeometry) {
  const auto pads = [](int64_t top, int64_t left, int64_t bottom, int64_t right) {
    return Ints{top, left, bottom, right};
  };
  const Types shuffled{"Conv", "DepthToSpace"}, cropped{"Conv", "DepthToSpace", "Slice"};
  const std::vector<Geometry> geometries = {
      {5, 8, {4, 4}, {{"strides", Ints{2, 2}}, {"pads", pads(1, 1, 1, 1)}}, shuffled},
      {5, 3, {4, 4}, {{"strides", Ints{2, 2}}, {"pads", pads(1, 1, 1, 1)}}, shuffled},
      {4,
       4,
       {3, 3},
       {{"strides", Ints{2, 2}}, {"pads", pads(1, 1, 1, 1)}, {"output_padding", Ints{1, 1}}},
       shuffled},
      {4, 4, {3, 3}, {{"strides", Ints{2, 2}}, {"pads", pads(1, 1, 1, 1)}}, cropped},
      {4, 4, {3, 3}, {{"strides", Ints{2, 2}}}, cropped},
      {4, 4, {5, 4}, {{"strides", Ints{2, 2}}, {"pads", pads(2, 0, 0, 1)}}, cropped},
      {4, 12, {6, 6}, {{"strides", Ints{3, 3}}, {"pads", pads(1, 2, 2, 1)}}, shuffled},
      {4, 4, {2, 2}, {{"strides", Ints{3, 3}}, {"output_padding", Ints{1, 1}}}, shuffled},
      {4, 4, {1, 1}, {{"strides", Ints{2, 2}}, {"output_padding", Ints{1, 1}}}, shuffled},
      {4, 6, {3, 3}, {{"pads", pads(1, 1, 1, 1)}}, {"Conv"}},
      {4, 6, {3, 3}, {}, {"Conv"}},
      {6, 1, {4, 4}, {{"strides", Ints{2, 2}}, {"pads", pads(1, 1, 1, 1)}, {"group", int64_t{6}}}, shuffled},
      {8, 4, {4, 4}, {{"strides", Ints{2, 2}}, {"pads", pads(1, 1, 1, 1)}, {"group", int64_t{2}}}, shuffled},
      {4, 4, {5, 5}, {{"strides", Ints{2, 2}}, {"auto_pad", std::string("SAME_UPPER")}}, shuffled},
      {4, 4, {4, 4}, {{"strides", Ints{2, 2}}, {"auto_pad", std::string("SAME_LOWER")}}, shuffled},
      {4, 4, {3, 3}, {{"strides", Ints{2, 2}}, {"output_shape", Ints{6, 14}}}, shuffled},
      // Left to the general kernel: uneven strides, dilation, more padding than taps.
      {4, 4, {3, 3}, {{"strides", Ints{2, 1}}}, {"ConvTranspose"}},
      {4, 4, {3, 3}, {{"strides", Ints{2, 2}}, {"dilations", Ints{2, 2}}}, {"ConvTranspose"}},
      {4, 4, {2, 2}, {{"strides", Ints{2, 2}}, {"pads", pads(3, 3, 0, 0)}}, {"ConvTranspose"}},
  };
  for (const auto& geometry : geometries) {
    G g;
    const auto group = [&] {
      const auto found = geometry.attributes.find("group");
      return found == geometry.attributes.end() ? 1 : std::get<int64_t>(found->second);
    }();
    const ValueId x = g.input("x", {2, geometry.inputs, 3, 7});
    const ValueId w = g.weights({geometry.inputs, geometry.outputs, geometry.kernel[0], geometry.kernel[1]});
    const ValueId bias = g.weights({geometry.outputs * group});
    // Behind a node that ends the network's masks.
    g.output(g.op("AveragePool", {g.op("ConvTranspose", {x, w, bias}, geometry.attributes)},
                  {{"kernel_shape", Ints{2, 2}}}));
    g.infer();
    Types found = rewritten(g).op_types();
    std::erase(found, "AveragePool");
    EXPECT_EQ(found, geometry.becomes)
        << to_string(g.shape(g.nodes[0].outputs[0])) << " of a kernel " << to_string(geometry.kernel);
  }
}

}  // namespace
}  // namespace tarsier::graph
