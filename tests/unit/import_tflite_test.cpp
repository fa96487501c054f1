// TensorFlow Lite files written here: constants in every coding, operators against their definitions,
// quantised graphs, and bad files.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <gtest/gtest.h>
#include <random>

#include "graph/passes/edit.hpp"
#include "support/graph_builder.hpp"
#include "support/input_error.hpp"
#include "support/tflite_file.hpp"

namespace tarsier::import {
namespace {

using graph::Graph;
using graph::Node;
using graph::Shape;
using graph::Tensor;
using test::bytes_of;
using test::expect_input_error;
using test::TempFolder;
using File = test::TfliteFile;
using tflite::Activation;
using tflite::BuiltinOptions;
using tflite::TensorType;

Result<std::vector<Tensor>> run(File& file, const std::vector<Tensor>& inputs) {
  TARSIER_TRY(Graph graph, file.load());
  TARSIER_CHECK(graph::infer_shapes(graph, kernels::Registry::instance()));
  return graph::evaluate(graph, inputs, kernels::Registry::instance());
}

void expect_values(const Tensor& got, const Shape& shape, const std::vector<float>& expected) {
  EXPECT_EQ(got.shape(), shape);
  const auto values = got.to_floats();
  ASSERT_EQ(values.size(), expected.size());
  for (size_t i = 0; i < values.size(); ++i) EXPECT_NEAR(values[i], expected[i], 1e-4) << i;
}

Tensor sequence(const Shape& shape) {
  std::vector<float> values(size_t(graph::element_count(shape)));
  for (size_t i = 0; i < values.size(); ++i) values[i] = float(i + 1);
  return Tensor::f32(shape, values);
}

TEST(Tflite, ConvolutionWithHalfWeightsBehindDequantize) {
  File file;
  const int32_t x = file.tensor("x", {1, 2, 2, 2}), y = file.tensor("y", {1, 2, 2, 2});
  const int32_t half = file.tensor("half", {2, 1, 1, 2}, TensorType::FLOAT16,
                                   bytes_of<uint16_t>({0x3C00, 0x4000, 0xBC00, 0x0000}));  // 1, 2; -1, 0
  const int32_t weights = file.tensor("weights", {2, 1, 1, 2});
  const int32_t bias = file.floats("bias", {2}, {0.5F, 2});
  file.op(6, {half}, {weights});
  file.op(3, {x, weights, bias}, {y}, BuiltinOptions::Conv2DOptions,
          tflite::CreateConv2DOptions(file.builder, tflite::Padding::SAME, 1, 1, Activation::RELU6).Union());
  file.inputs = {x};
  file.outputs = {y};
  const auto result = run(file, {sequence({1, 2, 2, 2})});
  ASSERT_TRUE(result.ok()) << result.error().message;
  // x: (1,2), (3,4), (5,6), (7,8)
  expect_values(result->at(0), {1, 2, 2, 2}, {5.5F, 1, 6, 0, 6, 0, 6, 0});
}

TEST(Tflite, NhwcCostsOneTransposeAtEachEnd) {
  File file;
  const int32_t x = file.tensor("x", {1, 4, 4, 4});
  int32_t last = x;
  for (int i = 0; i < 3; ++i) {
    const int32_t weights =
        file.floats(fmt::format("w{}", i), {1, 3, 3, 4}, testing::random_tensor({36}, 1).to_floats());
    const int32_t next = file.tensor(fmt::format("c{}", i), {1, 4, 4, 4});
    file.op(
        4, {last, weights}, {next}, BuiltinOptions::DepthwiseConv2DOptions,
        tflite::CreateDepthwiseConv2DOptions(file.builder, tflite::Padding::SAME, 1, 1, 1, Activation::RELU)
            .Union());
    const int32_t sum = file.tensor(fmt::format("s{}", i), {1, 4, 4, 4});
    file.op(0, {next, last}, {sum}, BuiltinOptions::AddOptions,
            tflite::CreateAddOptions(file.builder).Union());
    last = sum;
  }
  file.inputs = {x};
  file.outputs = {last};
  const auto loaded = file.load();
  ASSERT_TRUE(loaded.ok()) << loaded.error().message;
  EXPECT_EQ(std::ranges::count(loaded->nodes, "Transpose", &Node::op), 2) << loaded->to_text();
  EXPECT_EQ(loaded->value(loaded->outputs[0]).name, "s2");
}

TEST(Tflite, TransposedConvolutions) {
  for (const bool custom : {false, true}) {  // of stride 2 with a 2 x 2 filter: every pixel becomes a block
    File file;
    const int32_t x = file.tensor("x", {1, 1, 2, 1}), y = file.tensor("y", {1, 2, 4, 1});
    const int32_t weights = file.floats("w", {1, 2, 2, 1}, {1, 10, 100, 1000});
    const int32_t bias = file.floats("b", {1}, {0.5F});
    if (custom)
      file.op(32, {x, weights, bias}, {y}, BuiltinOptions::NONE, 0, "Convolution2DTransposeBias",
              bytes_of<int32_t>({1, 2, 2}));
    else
      file.op(67, {file.ints("shape", {1, 2, 4, 1}), weights, x, bias}, {y},
              BuiltinOptions::TransposeConvOptions,
              tflite::CreateTransposeConvOptions(file.builder, tflite::Padding::SAME, 2, 2).Union());
    file.inputs = {x};
    file.outputs = {y};
    const auto result = run(file, {sequence({1, 1, 2, 1})});
    ASSERT_TRUE(result.ok()) << result.error().message;
    expect_values(result->at(0), {1, 2, 4, 1}, {1.5F, 10.5F, 2.5F, 20.5F, 100.5F, 1000.5F, 200.5F, 2000.5F});
  }
}

TEST(Tflite, FullyConnectedOfMoreThanTwoDimensions) {
  File file;
  const int32_t x = file.tensor("x", {2, 1, 2}), y = file.tensor("y", {2, 1, 3});
  const int32_t weights = file.floats("w", {3, 2}, {1, 0, 0, 1, 1, 1});
  file.op(9, {x, weights, -1}, {y}, BuiltinOptions::FullyConnectedOptions,
          tflite::CreateFullyConnectedOptions(file.builder, Activation::NONE, 0, true).Union());
  file.inputs = {x};
  file.outputs = {y};
  const auto result = run(file, {sequence({2, 1, 2})});
  ASSERT_TRUE(result.ok()) << result.error().message;
  expect_values(result->at(0), {2, 1, 3}, {1, 2, 3, 3, 4, 7});
}

TEST(Tflite, DilationAsSpaceToBatchAndBack) {
  File file;
  const int32_t x = file.tensor("x", {1, 3, 4, 1}), cut = file.tensor("cut", {4, 2, 2, 1}),
                y = file.tensor("y", {1, 3, 4, 1});
  const int32_t block = file.ints("block", {2, 2});
  const int32_t pads = file.tensor("pads", {2, 2}, TensorType::INT32, bytes_of<int32_t>({0, 1, 0, 0}));
  file.op(38, {x, block, pads}, {cut});
  file.op(37, {cut, block, pads}, {y});
  file.inputs = {x};
  file.outputs = {cut, y};
  const auto result = run(file, {sequence({1, 3, 4, 1})});
  ASSERT_TRUE(result.ok()) << result.error().message;
  expect_values(result->at(0), {4, 2, 2, 1}, {1, 3, 9, 11, 2, 4, 10, 12, 5, 7, 0, 0, 6, 8, 0, 0});
  expect_values(result->at(1), {1, 3, 4, 1}, sequence({12}).to_floats());
}

TEST(Tflite, SymmetricPadsAndReversedRows) {
  File file;
  const int32_t x = file.tensor("x", {1, 3}), padded = file.tensor("padded", {1, 6}),
                y = file.tensor("y", {1, 6});
  const int32_t pads = file.tensor("pads", {2, 2}, TensorType::INT32, bytes_of<int32_t>({0, 0, 2, 1}));
  file.op(100, {x, pads}, {padded}, BuiltinOptions::MirrorPadOptions,
          tflite::CreateMirrorPadOptions(file.builder, tflite::MirrorPadMode::SYMMETRIC).Union());
  file.op(105, {padded, file.ints("axes", {1})}, {y});
  file.inputs = {x};
  file.outputs = {padded, y};
  const auto result = run(file, {sequence({1, 3})});
  ASSERT_TRUE(result.ok()) << result.error().message;
  expect_values(result->at(0), {1, 6}, {2, 1, 1, 2, 3, 3});
  expect_values(result->at(1), {1, 6}, {3, 3, 2, 1, 1, 2});
}

TEST(TfliteConstants, EveryCoding) {
  const auto read = [](File& file, int32_t index, bool dequantise) {
    const std::string bytes = file.finish();
    const auto* model = tflite::GetModel(bytes.data());
    const auto* tensor = model->subgraphs()->Get(0)->tensors()->Get(uint32_t(index));
    const auto data = tflite_bytes(*model, *tensor, std::as_bytes(std::span(bytes)));
    EXPECT_TRUE(data.ok());
    return read_tflite_constant(*tensor, *data, dequantise);
  };
  {  // a scale for each slice of the middle dimension
    File file;
    const int32_t t =
        file.tensor("t", {1, 2, 2}, TensorType::INT8, bytes_of<int8_t>({1, -2, 3, 4}), {0.5F, 10}, {0, 1}, 1);
    const auto value = read(file, t, true);
    ASSERT_TRUE(value.ok()) << value.error().message;
    EXPECT_EQ(value->to_floats(), (std::vector<float>{0.5F, -1, 20, 30}));
  }
  {  // half-byte integers, the low half first
    File file;
    const int32_t t = file.tensor("t", {3}, TensorType::INT4, {0xF1, 0x08});
    const auto value = read(file, t, false);
    ASSERT_TRUE(value.ok()) << value.error().message;
    EXPECT_EQ(value->to_ints(), (std::vector<int64_t>{1, -1, -8}));
  }
  {  // compressed rows
    File file;
    auto& b = file.builder;
    const std::vector<int32_t> order = {0, 1}, blocks = {};
    const std::vector<uint8_t> segments = {0, 1, 3}, indices = {2, 0, 1};
    const std::vector<flatbuffers::Offset<tflite::DimensionMetadata>> levels = {
        tflite::CreateDimensionMetadata(b, tflite::DimensionType::DENSE, 2),
        tflite::CreateDimensionMetadata(
            b, tflite::DimensionType::SPARSE_CSR, 0, tflite::SparseIndexVector::Uint8Vector,
            tflite::CreateUint8VectorDirect(b, &segments).Union(), tflite::SparseIndexVector::Uint8Vector,
            tflite::CreateUint8VectorDirect(b, &indices).Union())};
    const int32_t t = file.tensor("t", {2, 3}, TensorType::FLOAT32, bytes_of<float>({7, 8, 9}), {}, {}, 0,
                                  tflite::CreateSparsityParametersDirect(b, &order, &blocks, &levels));
    const auto value = read(file, t, false);
    ASSERT_TRUE(value.ok()) << value.error().message;
    EXPECT_EQ(value->to_floats(), (std::vector<float>{0, 0, 7, 8, 9, 0}));
  }
  {  // too few bytes
    File file;
    const int32_t t = file.tensor("t", {3}, TensorType::FLOAT32, bytes_of<float>({1, 2}));
    const auto value = read(file, t, false);
    ASSERT_FALSE(value.ok());
    EXPECT_NE(value.error().message.find("'t': it has 8 bytes of data, 12 are expected"), std::string::npos)
        << value.error().message;
  }
}

TEST(Tflite, QuantisedOperatorsBecomeOnesOnNumbers) {
  File file;
  const auto quantised = [&file](const std::string& name, float scale, int64_t zero) {
    return file.tensor(name, {1, 2, 2, 1}, TensorType::INT8, {}, {scale}, {zero});
  };
  const int32_t x = quantised("x", 0.5F, 3), c = quantised("c", 0.25F, -1), y = quantised("y", 0.5F, 0);
  const int32_t weights =
      file.tensor("w", {1, 1, 1, 1}, TensorType::INT8, bytes_of<int8_t>({2}), {0.5F}, {0}, 0);
  const int32_t bias = file.tensor("b", {1}, TensorType::INT32, bytes_of<int32_t>({4}), {0.25F}, {0});
  file.op(3, {x, weights, bias}, {c}, BuiltinOptions::Conv2DOptions,
          tflite::CreateConv2DOptions(file.builder, tflite::Padding::VALID, 1, 1, Activation::RELU).Union());
  file.op(0, {c, x}, {y}, BuiltinOptions::AddOptions, tflite::CreateAddOptions(file.builder).Union());
  file.inputs = {x};
  file.outputs = {y};
  const auto loaded = file.load();
  ASSERT_TRUE(loaded.ok()) << loaded.error().message;
  EXPECT_EQ(loaded->value(loaded->inputs[0]).desc.dtype, graph::DType::kI8);
  const auto count = [&](const char* op) { return std::ranges::count(loaded->nodes, op, &Node::op); };
  EXPECT_EQ(count("DequantizeLinear"), 2) << loaded->to_text();  // x once for both, c
  EXPECT_EQ(count("QuantizeLinear"), 2);
  EXPECT_EQ(count("Relu"), 1);
  for (const Node& node : loaded->nodes) {
    if (node.op == "Conv") {
      EXPECT_EQ(loaded->constant(node.inputs[1])->to_floats(), std::vector<float>{1});  // 2 * 0.5
      EXPECT_EQ(loaded->constant(node.inputs[2])->to_floats(), std::vector<float>{1});  // 4 * 0.25
    }
    if (node.op == "QuantizeLinear") {
      EXPECT_EQ(loaded->constant(node.inputs[2])->dtype(), graph::DType::kI8);
    }
  }
}

TEST(Tflite, UnknownOperatorsAreReportedTogether) {
  File file;
  const int32_t x = file.tensor("x", {4}), a = file.tensor("a", {4}), y = file.tensor("y", {4});
  file.op(27, {x}, {a});  // SVDF
  file.op(32, {a}, {y}, BuiltinOptions::NONE, 0, "TFLite_Detection_PostProcess");
  file.inputs = {x};
  file.outputs = {y};
  auto loaded = file.load();
  ASSERT_TRUE(loaded.ok()) << loaded.error().message;
  const Status status = graph::infer_shapes(*loaded, kernels::Registry::instance());
  ASSERT_FALSE(status.ok());
  EXPECT_NE(status.error().message.find("tflite.SVDF at a"), std::string::npos) << status.error().message;
  EXPECT_NE(status.error().message.find("tflite.TFLite_Detection_PostProcess at y"), std::string::npos);
}

TEST(TfliteBadFiles, CyclesAndWrongNumbers) {
  {
    File file;
    const int32_t x = file.tensor("x", {2}), a = file.tensor("a", {2}), b = file.tensor("b", {2});
    file.op(0, {x, b}, {a});
    file.op(0, {x, a}, {b});
    file.inputs = {x};
    file.outputs = {b};
    expect_input_error(file.load(), "node a (ADD): reads tensor 'b' before it is computed");
  }
  {
    File file;
    const int32_t x = file.tensor("x", {2});
    file.op(19, {x}, {file.tensor("y", {65536, 65536})});
    file.inputs = {x};
    file.outputs = {1};
    expect_input_error(file.load(), "tensor 'y' claims impossible extents");
  }
  {
    File file;
    const int32_t x = file.tensor("x", {2});
    file.op(19, {x}, {file.tensor("y", {-2})});
    file.inputs = {x};
    file.outputs = {1};
    expect_input_error(file.load(), "tensor 'y' claims impossible extents");
  }
  {
    File file;
    const int32_t x = file.tensor("x", {2});
    file.op(19, {7}, {file.tensor("y", {2})});
    file.inputs = {x};
    file.outputs = {1};
    expect_input_error(file.load(), "node y (RELU) names tensor 7");
  }
}

TEST(TfliteBadFiles, DamagedAnywhereNeverCrashes) {
  File file;
  const int32_t x = file.tensor("x", {1, 4, 4, 2}), c = file.tensor("c", {1, 4, 4, 2}),
                y = file.tensor("y", {1, 32});
  const int32_t weights = file.floats("w", {2, 3, 3, 2}, testing::random_tensor({36}, 1).to_floats());
  file.op(3, {x, weights}, {c}, BuiltinOptions::Conv2DOptions,
          tflite::CreateConv2DOptions(file.builder, tflite::Padding::SAME, 1, 1).Union());
  file.op(22, {c, file.ints("shape", {1, 32})}, {y});
  file.inputs = {x};
  file.outputs = {y};
  const std::string good = file.finish();
  const TempFolder folder;
  ASSERT_TRUE(load_model(folder.write("good.tflite", good)).ok());
  const auto check = [&](const std::string& bytes) {
    auto loaded = load_model(folder.write("bad.tflite", bytes));
    if (!loaded.ok()) {
      EXPECT_EQ(loaded.error().kind, ErrorKind::kInput) << loaded.error().message;
      EXPECT_EQ(loaded.error().message.find('\n'), std::string::npos) << loaded.error().message;
      return;
    }
    (void)graph::infer_shapes(*loaded, kernels::Registry::instance());
  };
  for (size_t size = 0; size < good.size(); size += 7) check(good.substr(0, size));
  std::mt19937 random(7);
  for (int i = 0; i < 3000; ++i) {
    std::string bad = good;
    for (int flips = 1 + int(random() % 3); flips > 0; --flips)
      bad[random() % bad.size()] ^= char(1 << (random() % 8));
    check(bad);
  }
}

}  // namespace
}  // namespace tarsier::import
