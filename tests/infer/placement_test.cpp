// Who shares memory with whom, checked by executing the placement on tags: no device needed. Every 4-byte
// cell of the planned buffer holds the tag of what was last written there; before a node reads, its operands'
// cells must still hold what their producers wrote.
#include "infer/placement.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <optional>
#include <random>

#include "infer/assign_layouts.hpp"
#include "infer/assign_storage.hpp"
#include "infer/device_tensor.hpp"

namespace tarsier::infer {
namespace {

using graph::Graph;
using graph::kNone;
using graph::Layout;
using graph::Node;
using graph::Shape;
using graph::ValueId;

/// A kernel that runs nowhere: layouts and in-place are all that placement asks about.
class FakeKernel : public kernels::Kernel {
 public:
  FakeKernel(std::string op, bool in_place, std::optional<Layout> wanted)
      : in_place_(in_place), wanted_(wanted) {
    name = std::move(op);
  }
  kernels::LayoutChoice layouts(const Graph& graph, const Node& node) const override {
    const Layout layout = wanted_.value_or(graph.value(node.inputs[0]).layout);
    return {std::vector<Layout>(node.inputs.size(), layout),
            std::vector<Layout>(node.outputs.size(), layout)};
  }
  int in_place_input(const Graph&, const Node&) const override { return in_place_ ? 0 : -1; }
  uint64_t scratch_bytes(const Graph&, const Node&) const override { return in_place_ ? 0 : 500; }
  Status emit(kernels::Emitter&) const override { return {}; }

 private:
  bool in_place_;
  std::optional<Layout> wanted_;  // none: that of the first input
};

kernels::Registry fake_registry() {
  kernels::Registry out;
  const auto add = [&](const char* op, bool in_place, std::optional<Layout> wanted) {
    out.add(std::make_unique<FakeKernel>(op, in_place, wanted));
  };
  add("Conv", false, Layout::kC4);
  add("Relu", true, {});
  add("Add", true, {});
  add("Concat", false, {});
  add("Split", false, {});
  add("Reshape", false, Layout::kLinear);
  add("ToC4", false, {});
  add("ToLinear", false, {});
  return out;
}

class Simulation {
 public:
  Simulation(const Graph& graph, const kernels::Registry& registry)
      : graph_(graph), placement_(place_values(graph, registry)), layout_(plan_memory(placement_.blocks)) {
    memory_.assign(layout_.size / 4 + 1, -1);
    wanted_.resize(graph.values.size());
  }

  void run() {
    for (const ValueId input : graph_.inputs) write_fresh(input);
    for (size_t n = 0; n < graph_.nodes.size(); ++n) {
      const Node& node = graph_.nodes[n];
      for (const ValueId input : node.inputs) expect_intact(input, node.name);
      if (placement_.elided[n]) {
        derive(node);
        ++elided;
      } else {
        if (const int block = placement_.scratch[n]; block >= 0) {
          fill(layout_.offsets[size_t(block)], placement_.blocks[size_t(block)].size, -2);
        }
        for (const ValueId input : node.inputs) expect_unless_in_place(input, node);
        for (const ValueId output : node.outputs) write_fresh(output);
      }
      for (const ValueId output : node.outputs) expect_intact(output, "the producer " + node.name);
    }
    for (const ValueId output : graph_.outputs) expect_intact(output, "the graph's end");
    for (const ValueId input : graph_.inputs) expect_intact(input, "a second run");
  }

  int elided = 0;
  int overwritten = 0;
  [[nodiscard]] uint64_t bytes() const { return layout_.size; }
  [[nodiscard]] const Placement& placement() const { return placement_; }

 private:
  uint64_t offset_of(ValueId id) const {
    const auto& place = placement_.values[size_t(id)];
    return layout_.offsets[size_t(place.block)] + place.offset;
  }
  void fill(uint64_t offset, uint64_t size, int64_t tag) {
    for (uint64_t at = offset / 4; at < (offset + size) / 4; ++at) memory_[at] = tag;
  }
  void write_fresh(ValueId id) {
    auto& tags = wanted_[size_t(id)];
    tags.resize(device_bytes(graph_.value(id)) / 4);
    for (auto& tag : tags) tag = ++next_;
    for (size_t i = 0; i < tags.size(); ++i) memory_[offset_of(id) / 4 + i] = tags[i];
  }
  /// The tags that a node without dispatches must find in place.
  void derive(const Node& node) {
    if (node.op == "Concat") {
      auto& tags = wanted_[size_t(node.outputs[0])];
      for (const ValueId input : node.inputs) {
        const auto& part = wanted_[size_t(input)];
        tags.insert(tags.end(), part.begin(), part.end());
      }
      return;
    }
    const auto& source = wanted_[size_t(node.inputs[0])];
    size_t at = 0;
    for (const ValueId output : node.outputs) {
      const size_t count = device_bytes(graph_.value(output)) / 4;
      wanted_[size_t(output)].assign(source.begin() + std::ptrdiff_t(at),
                                     source.begin() + std::ptrdiff_t(at + count));
      at += count;
    }
  }
  void expect_unless_in_place(ValueId input, const Node& node) {
    for (const ValueId output : node.outputs) {
      if (offset_of(input) == offset_of(output)) ++overwritten;
    }
  }
  void expect_intact(ValueId id, const std::string& reader) {
    const auto& tags = wanted_[size_t(id)];
    ASSERT_EQ(tags.size(), device_bytes(graph_.value(id)) / 4);
    for (size_t i = 0; i < tags.size(); ++i) {
      ASSERT_EQ(memory_[offset_of(id) / 4 + i], tags[i])
          << graph_.value(id).name << " was overwritten before " << reader << " at word " << i;
    }
  }

  const Graph& graph_;
  Placement placement_;
  MemoryLayout layout_;
  std::vector<int64_t> memory_;
  std::vector<std::vector<int64_t>> wanted_;
  int64_t next_ = 0;
};

/// A random network of convolutions, elementwise nodes, concatenations, splits and reshapes.
Graph random_graph(std::mt19937& random) {
  Graph graph;
  std::vector<ValueId> alive;
  const ValueId input = graph.add_value("input", {graph::DType::kF32, Shape{1, 8, 3, 5}});
  graph.inputs.push_back(input);
  alive.push_back(input);
  const auto pick = [&] { return alive[alive.size() - 1 - random() % std::min<size_t>(alive.size(), 6)]; };
  const auto add = [&](const std::string& op, std::vector<ValueId> inputs, std::vector<Shape> shapes) {
    Node node;
    node.op = op;
    node.name = op + std::to_string(graph.nodes.size());
    node.inputs = std::move(inputs);
    node.attributes["axis"] = int64_t(1);
    for (auto& shape : shapes) {
      node.outputs.push_back(graph.add_value(node.name + ":" + std::to_string(node.outputs.size()),
                                             {graph::DType::kF32, std::move(shape)}));
      alive.push_back(node.outputs.back());
    }
    graph.add_node(std::move(node));
  };
  for (int i = 0; i < 40; ++i) {
    const ValueId a = pick();
    const Shape shape = graph.shape(a);
    switch (random() % 7) {
      case 0:
      case 1: {
        const Shape out{1, int64_t(1 + random() % 16), 3, 5};
        if (shape.size() == 4) add("Conv", {a}, {out});
        break;
      }
      case 2:
        add("Relu", {a}, {shape});
        break;
      case 3: {
        const ValueId b = pick();
        if (graph.shape(b) == shape) add("Add", {a, b}, {shape});
        break;
      }
      case 4: {
        const ValueId b = pick();
        Shape out = shape;
        if (graph.shape(b).size() != shape.size()) break;
        out[1] += graph.shape(b)[1];
        Shape rest = graph.shape(b);
        rest[1] = shape[1];
        if (rest == shape) add("Concat", {a, b}, {out});
        break;
      }
      case 5: {
        if (shape[1] < 2) break;
        Shape first = shape;
        Shape second = shape;
        first[1] = int64_t(1 + random() % uint64_t(shape[1] - 1));
        if (random() % 2 == 0 && shape[1] > 4) first[1] = 4;
        second[1] -= first[1];
        add("Split", {a}, {first, second});
        break;
      }
      default:
        if (shape.size() == 4) add("Reshape", {a}, {Shape{1, shape[1], 15}});
        break;
    }
  }
  graph.outputs = {alive.back(), pick()};
  return graph;
}

TEST(Placement, NothingIsOverwrittenBeforeItsLastReader) {
  const auto registry = fake_registry();
  std::mt19937 random(5);
  int elided = 0;
  int overwritten = 0;
  for (int round = 0; round < 300; ++round) {
    Graph graph = random_graph(random);
    ASSERT_TRUE(assign_layouts(graph, registry).ok());
    assign_storage(graph, round % 3 == 0 ? Precision::kFp16 : Precision::kFp32);
    Simulation simulation(graph, registry);
    simulation.run();
    if (HasFatalFailure()) FAIL() << "round " << round << "\n" << graph.to_text();
    elided += simulation.elided;
    overwritten += simulation.overwritten;
  }
  EXPECT_GT(elided, 300) << "views and concatenations are hardly ever found";
  EXPECT_GT(overwritten, 300) << "elementwise nodes hardly ever run in place";
}

TEST(Layouts, ConversionsAreInsertedOnceAndTheInputTakesWhatItsReaderWants) {
  const auto registry = fake_registry();
  Graph graph;
  const ValueId x = graph.add_value("x", {graph::DType::kF32, Shape{1, 3, 4, 4}});
  graph.inputs = {x};
  const auto add = [&](const std::string& op, ValueId in, Shape shape) {
    Node node;
    node.op = node.name = op;
    node.inputs = {in};
    node.outputs = {
        graph.add_value(op + std::to_string(graph.values.size()), {graph::DType::kF32, std::move(shape)})};
    const ValueId out = node.outputs[0];
    graph.add_node(std::move(node));
    return out;
  };
  const ValueId scaled = add("Relu", x, {1, 3, 4, 4});  // indifferent: follows
  const ValueId conv = add("Conv", scaled, {1, 6, 4, 4});
  const ValueId one = add("Reshape", conv, {1, 96});
  const ValueId two = add("Reshape", conv, {96});
  graph.outputs = {one, two, conv};
  ASSERT_TRUE(assign_layouts(graph, registry).ok());
  assign_storage(graph, Precision::kFp16);
  EXPECT_EQ(graph.value(x).layout, Layout::kC4);
  EXPECT_EQ(graph.value(x).storage, graph::DType::kF32) << "the boundary keeps its precision";
  EXPECT_EQ(graph.value(scaled).storage, graph::DType::kF16);
  EXPECT_EQ(graph.value(conv).storage, graph::DType::kF32);
  EXPECT_EQ(std::ranges::count(graph.nodes, "ToLinear", &Node::op), 1);
  EXPECT_EQ(std::ranges::count(graph.nodes, "ToC4", &Node::op), 0);
}

TEST(DeviceTensor, C4RoundTripPadsWithZeros) {
  std::vector<float> values(2 * 6 * 3 * 5);
  for (size_t i = 0; i < values.size(); ++i) values[i] = float(i) + 1;
  const auto tensor = graph::Tensor::f32({2, 6, 3, 5}, values);
  for (const auto storage : {graph::DType::kF32, graph::DType::kF16}) {
    const auto bytes = to_device(tensor, Layout::kC4, storage);
    ASSERT_EQ(bytes.size(), size_t(2 * 2 * 15 * 4 * (storage == graph::DType::kF16 ? 2 : 4)));
    const auto back = from_device(bytes, tensor.desc(), Layout::kC4, storage);
    EXPECT_EQ(back.to_floats(), values);
  }
  const auto bytes = to_device(tensor, Layout::kC4, graph::DType::kF32);
  const auto* words = reinterpret_cast<const float*>(bytes.data());
  EXPECT_EQ(words[1], values[15]) << "channel 1 of pixel 0";
  EXPECT_EQ(words[15 * 4 + 2], 0.F) << "channel 6 is padding";
}

}  // namespace
}  // namespace tarsier::infer
