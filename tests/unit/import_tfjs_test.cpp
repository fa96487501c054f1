// TensorFlow.js graph models written here: weights in every coding and over several shards, NHWC to NCHW, and
// bad files.
#include <algorithm>
#include <cstring>
#include <gtest/gtest.h>
#include <random>

#include "graph/passes/edit.hpp"
#include "support/graph_builder.hpp"
#include "support/input_error.hpp"
#include "support/tfjs_file.hpp"

namespace tarsier::import {
namespace {

using graph::Graph;
using graph::Node;
using graph::Shape;
using graph::Tensor;
using test::expect_input_error;
using test::TempFolder;
using Model = test::TfjsFile;

const Json kNhwcConv = {{"strides", {{"list", {{"i", {"1", "2", "2", "1"}}}}}},
                        {"padding", {{"s", "U0FNRQ=="}}},  // SAME
                        {"data_format", {{"s", "TkhXQw=="}}}};

TEST(TfjsWeights, EveryCodingOverOddShards) {
  Model model;
  model.input("x", {1, 2});
  model.constant<uint16_t>("half", {2}, {0x3C00, 0xC000}, "float32", {{"dtype", "float16"}});
  model.constant<uint8_t>("byte", {3}, {0, 1, 255}, "float32",
                          {{"dtype", "uint8"}, {"scale", 0.5}, {"min", -2}});
  model.constant<uint16_t>("word", {2}, {0, 1000}, "float32",
                           {{"dtype", "uint16"}, {"scale", 0.01}, {"min", 1}});
  model.constant<int32_t>("int", {}, {-9}, "int32");
  model.constant<uint8_t>("flag", {2}, {1, 0}, "bool");
  model.constant<uint8_t>("rounded", {2}, {1, 2}, "int32", {{"dtype", "uint8"}, {"scale", 1.5}, {"min", 0}});
  model.node("Relu", "y", {"x"});
  for (const size_t shards : {1, 2, 5}) {
    const TempFolder folder;
    model.write(folder, shards);
    Json manifest = Json::parse(std::ifstream(folder.path() / "model.json"))["weightsManifest"];
    const auto weights = read_tfjs_weights(manifest, folder.path());
    ASSERT_TRUE(weights.ok()) << weights.error().message;
    EXPECT_EQ(weights->at("half").to_floats(), (std::vector<float>{1, -2}));
    EXPECT_EQ(weights->at("byte").to_floats(), (std::vector<float>{-2, -1.5F, 125.5F}));
    EXPECT_EQ(weights->at("word").to_floats(), (std::vector<float>{1, 11}));
    EXPECT_EQ(weights->at("int").to_ints(), std::vector<int64_t>{-9});
    EXPECT_EQ(weights->at("int").shape(), Shape{});
    EXPECT_EQ(weights->at("flag").dtype(), graph::DType::kBool);
    EXPECT_EQ(weights->at("rounded").to_ints(), (std::vector<int64_t>{2, 3}));
  }
}

/// TF's convolution as its documentation defines it, over NHWC with SAME padding and stride 2.
Tensor tf_convolution(const Tensor& x, const std::vector<float>& filter, const Shape& hwio,
                      const std::vector<float>& bias) {
  const int64_t height = x.shape()[1], width = x.shape()[2], channels = x.shape()[3];
  const int64_t oh = (height + 1) / 2, ow = (width + 1) / 2;
  const int64_t top = std::max<int64_t>(0, (oh - 1) * 2 + hwio[0] - height) / 2;
  const int64_t left = std::max<int64_t>(0, (ow - 1) * 2 + hwio[1] - width) / 2;
  Tensor y(graph::TensorDesc{graph::DType::kF32, {1, oh, ow, hwio[3]}});
  auto out = y.as_mutable<float>();
  const auto in = x.as<float>();
  for (int64_t i = 0; i < oh * ow * hwio[3]; ++i) {
    const int64_t o = i % hwio[3], col = i / hwio[3] % ow, row = i / hwio[3] / ow;
    double sum = bias[static_cast<size_t>(o)];
    for (int64_t ky = 0; ky < hwio[0]; ++ky)
      for (int64_t kx = 0; kx < hwio[1]; ++kx)
        for (int64_t c = 0; c < channels; ++c) {
          const int64_t py = row * 2 + ky - top, px = col * 2 + kx - left;
          if (py < 0 || py >= height || px < 0 || px >= width) continue;
          sum += double(in[static_cast<size_t>((py * width + px) * channels + c)]) *
                 filter[static_cast<size_t>(((ky * hwio[1] + kx) * channels + c) * hwio[3] + o)];
        }
    out[static_cast<size_t>(i)] = static_cast<float>(std::max(sum, 0.0));
  }
  return y;
}

TEST(Tfjs, ConvolutionInNchwGivesTheNhwcResult) {
  Model model;
  model.input("x", {1, 7, 6, 3});
  const auto filter = testing::random_tensor({3, 3, 3, 5}, 1).to_floats();
  const auto bias = testing::random_tensor({5}, 2).to_floats();
  model.constant("w", {3, 3, 3, 5}, filter, "float32");
  model.constant("b", {5}, bias, "float32");
  Json attributes = kNhwcConv;
  attributes["fused_ops"] = {{"list", {{"s", {"Qmlhc0FkZA==", "UmVsdQ=="}}}}};  // BiasAdd, Relu
  model.node("_FusedConv2D", "y", {"x", "w", "b"}, attributes);
  auto loaded = model.load();
  ASSERT_TRUE(loaded.ok()) << loaded.error().message;
  ASSERT_TRUE(graph::infer_shapes(*loaded, kernels::Registry::instance()).ok());
  EXPECT_EQ(loaded->value(loaded->inputs[0]).name, "x");
  EXPECT_EQ(loaded->value(loaded->outputs[0]).name, "y");
  const Tensor x = testing::random_tensor({1, 7, 6, 3}, 3);
  const auto y = graph::evaluate(*loaded, {x}, kernels::Registry::instance());
  ASSERT_TRUE(y.ok()) << y.error().message;
  const Tensor expected = tf_convolution(x, filter, {3, 3, 3, 5}, bias);
  ASSERT_EQ(y->at(0).shape(), expected.shape());
  for (int64_t i = 0; i < expected.size(); ++i)
    EXPECT_NEAR(y->at(0).as<float>()[static_cast<size_t>(i)], expected.as<float>()[static_cast<size_t>(i)],
                1e-4);
}

TEST(Tfjs, TransposesOnlyWhereAnOperatorIsBoundToALayout) {
  Model model;
  model.input("x", {1, 8, 8, 4});
  model.constant("w", {1, 1, 4, 4}, testing::random_tensor({16}, 1).to_floats(), "float32");
  model.constant("scale", {4}, std::vector<float>{1, 2, 3, 4}, "float32");
  model.ints("shape", {1, -1});
  model.node("Conv2D", "c1", {"x", "w"}, kNhwcConv);
  model.node("Mul", "m", {"c1", "scale"});
  model.node("Relu6", "r", {"m"});
  model.node("Conv2D", "c2", {"r", "w"}, kNhwcConv);
  model.node("Add", "a", {"c2", "c2"});
  model.node("Reshape", "flat", {"a", "shape"}, {{"Tshape", {{"type", "DT_INT32"}}}});
  const auto loaded = model.load();
  ASSERT_TRUE(loaded.ok()) << loaded.error().message;
  int transposes = 0;
  for (const Node& node : loaded->nodes) transposes += node.op == "Transpose" ? 1 : 0;
  EXPECT_EQ(transposes, 2) << loaded->to_text();  // the input, and before Reshape
}

TEST(Tfjs, DepthwiseFilterOrder) {
  Model model;
  model.input("x", {1, 2, 2, 2});
  model.constant<float>("w", {1, 1, 2, 2}, {1, 10, 100, 1000}, "float32");  // [c][multiplier]
  Json attributes = kNhwcConv;
  attributes["strides"] = {{"list", {{"i", {1, 1, 1, 1}}}}};
  model.node("DepthwiseConv2dNative", "y", {"x", "w"}, attributes);
  auto loaded = model.load();
  ASSERT_TRUE(loaded.ok()) << loaded.error().message;
  ASSERT_TRUE(graph::infer_shapes(*loaded, kernels::Registry::instance()).ok());
  const Tensor x = Tensor::f32({1, 2, 2, 2}, std::vector<float>{1, 2, 3, 4, 5, 6, 7, 8});
  const auto y = graph::evaluate(*loaded, {x}, kernels::Registry::instance());
  ASSERT_TRUE(y.ok()) << y.error().message;
  EXPECT_EQ(y->at(0).to_floats(),
            (std::vector<float>{1, 10, 200, 2000, 3, 30, 400, 4000, 5, 50, 600, 6000, 7, 70, 800, 8000}));
}

TEST(Tfjs, StridedSliceMasks) {
  Model model;  // x[1, ..., ::2, newaxis]
  model.input("x", {2, 3, 5});
  model.ints("begin", {1, 0, 0, 0});
  model.ints("end", {2, 0, 0, 0});
  model.ints("stride", {1, 1, 2, 1});
  const auto mask = [](int bits) { return Json{{"i", std::to_string(bits)}}; };
  model.node("StridedSlice", "y", {"x", "begin", "end", "stride"},
             {{"shrink_axis_mask", mask(1)},
              {"ellipsis_mask", mask(2)},
              {"begin_mask", mask(4)},
              {"end_mask", mask(4)},
              {"new_axis_mask", mask(8)}});
  auto loaded = model.load();
  ASSERT_TRUE(loaded.ok()) << loaded.error().message;
  const Status status = graph::infer_shapes(*loaded, kernels::Registry::instance());
  ASSERT_TRUE(status.ok()) << status.error().message;
  const Tensor x = testing::random_tensor({2, 3, 5}, 4);
  const auto y = graph::evaluate(*loaded, {x}, kernels::Registry::instance());
  ASSERT_TRUE(y.ok()) << y.error().message;
  EXPECT_EQ(y->at(0).shape(), (Shape{3, 3, 1}));
  for (size_t i = 0; i < 3; ++i)
    for (size_t k = 0; k < 3; ++k)
      EXPECT_EQ(y->at(0).as<float>()[i * 3 + k], x.as<float>()[15 + i * 5 + 2 * k]);
}

TEST(Tfjs, UnknownOperatorsAreReportedTogether) {
  Model model;
  model.input("x", {4});
  model.node("Where", "find", {"x"});
  model.node("NonMaxSuppressionV5", "nms", {"find", "x"});
  auto loaded = model.load();
  ASSERT_TRUE(loaded.ok()) << loaded.error().message;
  const Status status = graph::infer_shapes(*loaded, kernels::Registry::instance());
  ASSERT_FALSE(status.ok());
  EXPECT_NE(status.error().message.find("NonMaxSuppressionV5 at nms"), std::string::npos)
      << status.error().message;
}

Model sample() {
  Model model;
  model.input("x", {1, 4, 4, 2});
  model.constant("w", {1, 1, 2, 2}, std::vector<float>{1, 2, 3, 4}, "float32");
  model.node("Conv2D", "y", {"x", "w"}, kNhwcConv);
  return model;
}

TEST(TfjsBadFiles, Shards) {
  const TempFolder folder;
  const auto path = sample().write(folder, 2);
  ASSERT_TRUE(load_model(path).ok());
  folder.write("shard1.bin", "12345");
  expect_input_error(load_model(path), "truncated");
  folder.write("shard1.bin", std::string(100, 'x'));
  expect_input_error(load_model(path), "another model");
  std::filesystem::remove(folder.path() / "shard1.bin");
  expect_input_error(load_model(path), "missing");
  folder.write("model.json", sample().json({"../shard0.bin"}).dump());
  expect_input_error(load_model(path), "outside");
}

TEST(TfjsBadFiles, OtherJson) {
  const TempFolder folder;
  expect_input_error(load_model(folder.write("a.json", R"({"name": "package", "version": "1"})")),
                     "no modelTopology");
  expect_input_error(load_model(folder.write("b.json", R"({"modelTopology": {"model_config": {}}})")),
                     "layers model");
  expect_input_error(load_model(folder.write("c.json", "{ \"modelTopology\": ")), "truncated");
  expect_input_error(
      load_model(folder.write("d.json", R"({"modelTopology": {"node": 5}, "weightsManifest": 7})")),
      "damaged");
}

TEST(TfjsBadFiles, DamagedAnywhereNeverCrashes) {
  const TempFolder folder;
  const auto path = sample().write(folder);
  std::ifstream file(path, std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  for (size_t length = 0; length < text.size(); length += 11)
    EXPECT_FALSE(load_model(folder.write("model.json", text.substr(0, length))).ok()) << length;
  std::mt19937 random(5);
  for (int round = 0; round < 500; ++round) {
    std::string damaged = text;
    damaged[random() % damaged.size()] = "0123456789\"{}[]:,x-"[random() % 19];
    auto loaded = load_model(folder.write("model.json", damaged));
    if (loaded.ok()) (void)graph::infer_shapes(*loaded, kernels::Registry::instance());
  }
}

}  // namespace
}  // namespace tarsier::import
