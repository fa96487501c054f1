// What a tap sees of a network that runs, and that it changes nothing.
#include <algorithm>
#include <gtest/gtest.h>
#include <map>

#include "infer/device_tensor.hpp"
#include "infer/plan.hpp"
#include "support/gpu_fixture.hpp"
#include "support/graph_builder.hpp"

namespace tarsier::infer {
namespace {

using graph::Tensor;
using graph::ValueId;
using testing::G;

uint64_t bytes_of(const TensorBinding& binding) {
  return device_bytes(binding.desc.shape, binding.layout, binding.storage);
}

/// Copies every layer's outputs while they are there.
class CopyTap final : public LayerTap {
 public:
  CopyTap(gpu::Device& device, const Plan& plan) : device_(&device), plan_(&plan) {
    uint64_t bytes = 16;
    for (const auto& layer : plan.layers())
      for (const auto& output : layer.outputs) bytes += bytes_of(output);
    auto made = device.create_buffer({.size = bytes, .name = "copies of layers"});
    EXPECT_OK(made);
    copies_ = *std::move(made);
  }

  void before(gpu::CommandList&, const PlanLayer& layer) override {
    if (layer.place == 0) {
      seen.clear();
      places_.clear();
      used_ = 0;
    }
    EXPECT_EQ(layer.place, seen.size());
  }
  void behind(gpu::CommandList& commands, const PlanLayer& layer) override {
    seen.push_back(layer.name);
    for (const auto& output : layer.outputs) {
      const gpu::Buffer& memory = plan_->activations();
      commands.copy(memory, output.address - memory.address(), copies_, used_, bytes_of(output));
      places_[output.name] = {used_, bytes_of(output)};
      used_ += bytes_of(output);
    }
  }
  /// By the value's name.
  [[nodiscard]] std::map<std::string, std::vector<std::byte>> download() {
    std::map<std::string, std::vector<std::byte>> out;
    for (const auto& [name, place] : places_) {
      out[name].resize(place.second);
      EXPECT_OK(device_->download(copies_, place.first, out[name].data(), place.second));
    }
    return out;
  }

  std::vector<std::string> seen;

 private:
  gpu::Device* device_;
  const Plan* plan_;
  gpu::Buffer copies_;
  std::map<std::string, std::pair<uint64_t, uint64_t>> places_;
  uint64_t used_ = 0;
};

/// Convolutions, a concat in place, a split, something that is written over its input, linear layers.
G mixed_network() {
  G graph;
  const std::vector<int64_t> same{1, 1, 1, 1};
  const ValueId x = graph.input("x", {1, 3, 12, 10});
  const ValueId a = graph.op("Relu", {graph.conv(x, {8, 3, 3, 3}, {{"pads", same}})});
  const ValueId b = graph.op("Sigmoid", {graph.conv(x, {4, 3, 3, 3}, {{"pads", same}})});
  const ValueId joined = graph.op("Concat", {a, b}, {{"axis", int64_t(1)}});
  const auto parts = graph.ops("Split", {joined, graph.ints({4, 8})}, 2, {{"axis", int64_t(1)}});
  const ValueId deep = graph.op("HardSwish", {graph.conv(parts[1], {6, 8, 1, 1})});
  const ValueId pooled =
      graph.op("MaxPool", {parts[0]},
               {{"kernel_shape", std::vector<int64_t>{2, 2}}, {"strides", std::vector<int64_t>{2, 2}}});
  graph.output(
      graph.op("Softmax", {graph.op("Reshape", {deep, graph.ints({1, 6, 120})})}, {{"axis", int64_t(-1)}}));
  graph.output(graph.op("Tanh", {pooled}));
  return graph;
}

class LayerTapTest : public test::GpuTest {
 protected:
  static Status execute(const Plan& plan, const Tensor& input, LayerTap* tap) {
    const auto& binding = plan.inputs()[0];
    const auto bytes = to_device(input, binding.layout, binding.storage);
    TARSIER_CHECK(device().upload(plan.activations(), binding.address - plan.activations().address(),
                                  bytes.data(), bytes.size()));
    return device().run_once([&](gpu::CommandList& list) { plan.record(list, tap); });
  }
  static std::vector<std::byte> read(const Plan& plan, const TensorBinding& binding) {
    std::vector<std::byte> bytes(bytes_of(binding));
    EXPECT_OK(device().download(plan.activations(), binding.address - plan.activations().address(),
                                bytes.data(), bytes.size()));
    return bytes;
  }
};

TEST_F(LayerTapTest, SeesWhatPlansWithoutSharedMemoryKeep) {
  for (const auto precision : {Precision::kFp32, Precision::kFp16}) {
    const G graph = mixed_network();
    CompileOptions options;
    options.precision = precision;
    const auto plan = Plan::compile(device(), graph, options);
    ASSERT_OK(plan);
    options.guard_bytes = 64;  // every value has memory of its own
    const auto apart = Plan::compile(device(), graph, options);
    ASSERT_OK(apart);
    EXPECT_LT((*plan)->layers().size(), (*apart)->layers().size());  // the concat is done in place

    EXPECT_LT((*plan)->stats().activation_bytes, (*plan)->stats().unaliased_bytes);
    const Tensor input = testing::random_tensor({1, 3, 12, 10}, 5);
    CopyTap tap(device(), **plan);
    ASSERT_OK(execute(**plan, input, &tap));
    ASSERT_OK(execute(**apart, input, nullptr));
    EXPECT_EQ(tap.seen.size(), (*plan)->stats().nodes);
    const auto copies = tap.download();
    size_t compared = 0;
    for (const auto& layer : (*apart)->layers()) {
      for (const auto& output : layer.outputs) {
        const auto copy = copies.find(output.name);
        if (copy == copies.end()) continue;
        EXPECT_EQ(copy->second, read(**apart, output)) << layer.name << ", " << output.name;
        ++compared;
      }
    }
    EXPECT_EQ(compared, copies.size());
    EXPECT_GE(compared, 6U);
  }
}

TEST_F(LayerTapTest, ChangesNothing) {
  for (const auto precision : {Precision::kFp32, Precision::kFp16}) {
    CompileOptions options;
    options.precision = precision;
    const auto plan = Plan::compile(device(), mixed_network(), options);
    ASSERT_OK(plan);
    CopyTap tap(device(), **plan);
    for (uint32_t frame = 0; frame < 3; ++frame) {
      const Tensor input = testing::random_tensor({1, 3, 12, 10}, frame);
      ASSERT_OK(execute(**plan, input, nullptr));
      std::vector<std::vector<std::byte>> wanted;
      for (const auto& output : (*plan)->outputs()) wanted.push_back(read(**plan, output));
      ASSERT_OK(execute(**plan, testing::random_tensor({1, 3, 12, 10}, 99), &tap));
      ASSERT_OK(execute(**plan, input, &tap));
      for (size_t i = 0; i < wanted.size(); ++i)
        EXPECT_EQ(read(**plan, (*plan)->outputs()[i]), wanted[i]) << (*plan)->outputs()[i].name;
    }
  }
}

TEST_F(LayerTapTest, KeepsTheStateOfARecurrentNetwork) {
  // h' = tanh(conv(x) + conv(h)), y = relu(h')
  G graph;
  const std::vector<int64_t> same{1, 1, 1, 1};
  const ValueId x = graph.input("x", {1, 3, 9, 7});
  const ValueId h = graph.input("h", {1, 6, 9, 7});
  const ValueId state = graph.op("Tanh", {graph.op("Add", {graph.conv(x, {6, 3, 3, 3}, {{"pads", same}}),
                                                           graph.conv(h, {6, 6, 3, 3}, {{"pads", same}})})});
  graph.output(graph.op("Relu", {state}));
  graph.output(state);
  CompileOptions options;
  options.state = {{graph.value(state).name, "h"}};
  const auto plain = Plan::compile(device(), graph, options),
             tapped = Plan::compile(device(), graph, options);
  ASSERT_OK(plain);
  ASSERT_OK(tapped);
  CopyTap tap(device(), **tapped);
  std::vector<std::vector<std::byte>> different;
  for (uint32_t frame = 0; frame < 4; ++frame) {
    const Tensor input = testing::random_tensor({1, 3, 9, 7}, 1);
    ASSERT_OK(execute(**plain, input, nullptr));
    // From frame to frame with and without: the state goes on.
    ASSERT_OK(execute(**tapped, input, frame % 2 == 0 ? &tap : nullptr));
    const auto wanted = read(**plain, (*plain)->outputs()[0]);
    EXPECT_EQ(read(**tapped, (*tapped)->outputs()[0]), wanted) << frame;
    if (std::ranges::find(different, wanted) == different.end()) different.push_back(wanted);
  }
  EXPECT_EQ(different.size(), 4U);
}

}  // namespace
}  // namespace tarsier::infer
