// Digests of layers against the same sums made on the host.
#include "infer/layer_digests.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <gtest/gtest.h>
#include <set>

#include "infer/device_tensor.hpp"
#include "support/gpu_fixture.hpp"
#include "support/graph_builder.hpp"

namespace tarsier::infer {
namespace {

using graph::Tensor;
using testing::G;

/// Of one output, as shaders/kernels/layer_digest.comp has it.
uint64_t hash_of(std::vector<std::byte> bytes) {
  bytes.resize((bytes.size() + 15) / 16 * 16);
  std::vector<uint32_t> words(bytes.size() / 4);
  std::memcpy(words.data(), bytes.data(), bytes.size());
  uint64_t hash = 0;
  for (uint32_t i = 0; i < words.size() / 4; ++i) {
    const uint32_t* four = words.data() + size_t(i) * 4;
    const auto a = uint32_t(four[0] + i * 0x9E3779B9U + 0x165667B1U),
               b = uint32_t(four[1] + i * 0x85EBCA6BU + 0x7FEB352DU),
               c = uint32_t(four[2] + i * 0xC2B2AE35U + 0x846CA68BU),
               d = uint32_t(four[3] + i * 0x27D4EB2FU + 0xD3A2646CU);
    hash += uint64_t(a) * b + uint64_t(c) * d;
  }
  return hash;
}

class LayerDigestsTest : public test::GpuTest {
 protected:
  /// A large layer, one whose halves do not fill whole words, one with two outputs, and whole numbers.
  static G network() {
    G graph;
    const auto x = graph.input("x", {1, 3, 65, 127});
    const auto wide =
        graph.op("Relu", {graph.conv(x, {24, 3, 3, 3}, {{"pads", std::vector<int64_t>{1, 1, 1, 1}}})});
    const auto pooled = graph.op("GlobalAveragePool", {graph.conv(wide, {5, 24, 1, 1})});
    const auto row = graph.op("Softmax", {graph.op("Reshape", {pooled, graph.ints({1, 5})})});
    for (const auto top : graph.ops("TopK", {row, graph.ints({3})}, 2, {})) graph.output(top);
    return graph;
  }
  static Status execute(LayerDigests& digests, const Plan& plan, const Tensor& input) {
    const auto& binding = plan.inputs()[0];
    const auto bytes = to_device(input, binding.layout, binding.storage);
    TARSIER_CHECK(device().upload(plan.activations(), binding.address - plan.activations().address(),
                                  bytes.data(), bytes.size()));
    digests.begin();
    return device().run_once([&](gpu::CommandList& list) {
      plan.record(list, &digests.tap(plan));
      digests.read_back(list);
      list.barrier(gpu::Scope::kTransfer, gpu::Scope::kHost);
    });
  }
};

TEST_F(LayerDigestsTest, AreThoseOfTheBytesOnTheDevice) {
  for (const auto precision : {Precision::kFp32, Precision::kFp16}) {
    CompileOptions options;
    options.precision = precision;
    options.guard_bytes = 64;  // every value has memory of its own, and is there when all is done
    const auto plan = Plan::compile(device(), network(), options);
    ASSERT_OK(plan);
    const auto digests = LayerDigests::create(device());
    ASSERT_OK(digests);
    const Tensor input = testing::random_tensor({1, 3, 65, 127}, 3);
    ASSERT_OK(execute(**digests, **plan, input));
    const auto runs = (*digests)->read();
    ASSERT_EQ(runs.size(), 1U);
    EXPECT_EQ(runs[0].plan, plan->get());
    const auto& layers = (*plan)->layers();
    ASSERT_EQ(runs[0].layers.size(), layers.size());
    std::set<uint64_t> hashes;
    for (const auto& layer : layers) {
      uint64_t wanted = 0;
      double sum = 0, largest = 0, elements = 0;
      for (const auto& output : layer.outputs) {
        std::vector<std::byte> bytes(device_bytes(output.desc.shape, output.layout, output.storage));
        ASSERT_OK(device().download((*plan)->activations(), output.address - (*plan)->activations().address(),
                                    bytes.data(), bytes.size()));
        if (layer.outputs.size() == 1) wanted = hash_of(bytes);
        if (!is_real(output.storage)) continue;
        const Tensor values = from_device(bytes, output.desc, output.layout, output.storage);
        for (const float value : values.to_floats()) {
          sum += std::abs(value);
          largest = std::max(largest, double(std::abs(value)));
          ++elements;
        }
      }
      const LayerDigest& digest = runs[0].layers[layer.place];
      if (layer.outputs.size() == 1) {
        EXPECT_EQ(digest.hash, wanted) << layer.name;
      }
      EXPECT_NEAR(digest.mean, sum / elements, 1e-5 * sum / elements) << layer.name;
      EXPECT_EQ(digest.largest, float(largest)) << layer.name;
      hashes.insert(digest.hash);
    }
    EXPECT_EQ(hashes.size(), layers.size());
  }
}

TEST_F(LayerDigestsTest, ABitMakesAnotherOneFromItsLayerOn) {
  const auto plan = Plan::compile(device(), network(), {});
  ASSERT_OK(plan);
  const auto digests = LayerDigests::create(device());
  ASSERT_OK(digests);
  Tensor input = testing::random_tensor({1, 3, 65, 127}, 3);
  ASSERT_OK(execute(**digests, **plan, input));
  const auto was = (*digests)->read();
  ASSERT_OK(execute(**digests, **plan, input));
  EXPECT_EQ((*digests)->read()[0].layers, was[0].layers) << "the same once more";
  auto& one = input.as_mutable<float>()[4321];
  one = std::nextafter(one, 2.0F);
  ASSERT_OK(execute(**digests, **plan, input));
  const auto is = (*digests)->read();
  EXPECT_NE(is[0].layers[0].hash, was[0].layers[0].hash);
  EXPECT_NEAR(is[0].layers[0].mean, was[0].layers[0].mean, 1e-6);
}

TEST_F(LayerDigestsTest, ExecutionsAreToldApart) {
  const auto one = Plan::compile(device(), network(), {}), two = Plan::compile(device(), network(), {});
  ASSERT_OK(one);
  ASSERT_OK(two);
  const auto digests = LayerDigests::create(device());
  ASSERT_OK(digests);
  (*digests)->begin();
  ASSERT_OK(device().run_once([&](gpu::CommandList& list) {
    for (const Plan* plan : {one->get(), two->get(), one->get()}) plan->record(list, &(*digests)->tap(*plan));
    (*digests)->read_back(list);
    list.barrier(gpu::Scope::kTransfer, gpu::Scope::kHost);
  }));
  const auto runs = (*digests)->read();
  ASSERT_EQ(runs.size(), 3U);
  EXPECT_EQ(runs[0].plan, one->get());
  EXPECT_EQ(runs[1].plan, two->get());
  EXPECT_EQ(runs[2].plan, one->get());
  EXPECT_EQ(runs[0].layers, runs[2].layers);
}

}  // namespace
}  // namespace tarsier::infer
