// Suppression, branches and loops of TensorFlow Lite against what LiteRT 2.3.0 made of the same files.
#include <flatbuffers/flexbuffers.h>
#include <gtest/gtest.h>

#include "support/graph_builder.hpp"
#include "support/input_error.hpp"
#include "support/tflite_file.hpp"

namespace tarsier::import {
namespace {

using File = test::TfliteFile;
using test::bytes_of;
using test::expect_input_error;
using tflite::BuiltinOptions;
using tflite::TensorType;
using Floats = std::vector<float>;

enum : int32_t {
  kAdd = 0,
  kRelu = 19,
  kCustom = 32,
  kLess = 58,
  kNeg = 59,
  kIf = 118,
  kWhile = 119,
  kNms4 = 120,
  kNms5 = 121
};

Result<std::vector<Tensor>> run(File& file, const std::vector<Tensor>& inputs) {
  TARSIER_TRY(graph::Graph graph, file.load());
  TARSIER_CHECK(graph::infer_shapes(graph, kernels::Registry::instance()));
  return graph::evaluate(graph, inputs, kernels::Registry::instance());
}

void expect_values(const Tensor& got, const Shape& shape, const Floats& expected) {
  EXPECT_EQ(got.shape(), shape);
  const auto values = got.to_floats();
  ASSERT_EQ(values.size(), expected.size());
  for (size_t i = 0; i < values.size(); ++i) EXPECT_NEAR(values[i], expected[i], 1e-6) << i;
}

Floats scaled(const std::vector<int>& values, float by) {
  Floats out;
  for (const int value : values) out.push_back(float(value) * by);
  return out;
}

struct Detection {
  int32_t boxes, classes, background, most, each;
  bool regular;
  std::vector<int> encodings, scores, anchors;  // in 1/32, 1/64, 1/64
  Floats found_boxes, found_classes, found_scores;
  float count;
};

const std::vector<Detection>& detections() {
  static const std::vector<Detection> cases = {
      {6,
       3,
       1,
       4,
       2,
       false,
       {8,  -32, -11, -8,  -20, -38, -45, -5, -9,  71, -78, 4,
        12, 44,  16,  -27, 0,   17,  -10, 25, -60, 55, 47,  -11},
       {34, 61, 35, 5, 23, 54, 26, 2, 16, 4, 64, 62, 51, 39, 49, 11, 19, 34, 23, 3, 63, 28, 32, 21},
       {28, 13, 15, 29, 2, 40, 23, 14, 35, 19, 16, 23, 28, 17, 28, 14, 27, 40, 29, 21, 21, 34, 22, 15},
       {0.4630738F,  0.1923750F,  0.6166137F, 0.5608476F, 0.4630738F,  0.1923750F,  0.6166137F, 0.5608476F,
        0.3339578F,  -0.0577004F, 0.5527610F, 0.3733254F, 0.3339578F,  -0.0577004F, 0.5527610F, 0.3733254F,
        -0.1268462F, 0.4930136F,  0.1444243F, 0.7050334F, -0.1268462F, 0.4930136F,  0.1444243F, 0.7050334F,
        0.2121501F,  0.2033119F,  0.6956624F, 0.3880944F, 0.2121501F,  0.2033119F,  0.6956624F, 0.3880944F},
       {1, 2, 0, 1, 0, 1, 1, 0},
       {1, 0.96875F, 0.953125F, 0.546875F, 0.84375F, 0.40625F, 0.765625F, 0.609375F},
       4},
      {3,
       2,
       0,
       5,
       1,
       false,
       {-42, 28, 28, 55, 2, -13, -17, -49, 31, -35, -38, -7},
       {35, 50, 20, 14, 25, 60},
       {35, 33, 15, 21, 45, 57, 17, 13, 19, 57, 14, 22},
       {0.2318136F, 0.6885098F, 0.4043192F, 1.0175450F, 0.3765141F, 0.3129708F, 0.6557124F,
        0.7757012F, 0.5853602F, 0.8076025F, 0.8242102F, 0.9571436F, 0,          0,
        0,          0,          0,          0,          0,          0},
       {1, 1, 0, 0, 0},
       {0.9375F, 0.78125F, 0.3125F, 0, 0},
       3},
      {3,
       2,
       0,
       8,
       1,
       true,
       {-38, -7, -11, 19, -53, -22, 37, 59, -48, 21, -31, -27},
       {21, 9, 11, 62, 61, 12},
       {14, 59, 28, 16, 56, 31, 23, 14, 13, 39, 18, 27},
       {0.5890409F,  0.3111878F, 1.0419160F, 0.6274841F, 0.0450817F, 0.4588774F, 0.2767934F, 0.8152437F,
        -0.0374194F, 0.7756453F, 0.3710131F, 1.0571673F, 0,          0,          0,          0,
        0,           0,          0,          0,          0,          0,          0,          0,
        0,           0,          0,          0,          0,          0,          0,          0},
       {1, 0, 0, 0, 0, 0, 0, 0},
       {0.96875F, 0.953125F, 0.328125F, 0, 0, 0, 0, 0},
       3}};
  return cases;
}

void add_detection(File& file, const Detection& c, const std::vector<uint8_t>& options) {
  const int32_t encodings = file.tensor("encodings", {1, c.boxes, 4});
  const int32_t scores = file.tensor("scores", {1, c.boxes, c.background + c.classes});
  const int32_t anchors = file.floats("anchors", {c.boxes, 4}, scaled(c.anchors, 1 / 64.0F));
  const int32_t rows = c.most * c.each;
  file.inputs = {encodings, scores};
  file.outputs = {file.tensor("boxes", {1, rows, 4}), file.tensor("classes", {1, rows}),
                  file.tensor("values", {1, rows}), file.tensor("count", {1})};
  file.op(kCustom, {encodings, scores, anchors}, file.outputs, BuiltinOptions::NONE, 0,
          "TFLite_Detection_PostProcess", options);
}

std::vector<uint8_t> options_of(const Detection& c) {
  flexbuffers::Builder builder;
  builder.Map([&] {
    builder.Int("max_detections", c.most);
    builder.Int("max_classes_per_detection", c.each);
    builder.Int("detections_per_class", 100);
    builder.Bool("use_regular_nms", c.regular);
    builder.Int("num_classes", c.classes);
    builder.Float("nms_score_threshold", 0.3F);
    builder.Float("nms_iou_threshold", 0.5F);
    for (const char* key : {"x_scale", "y_scale"}) builder.Float(key, 10);
    for (const char* key : {"w_scale", "h_scale"}) builder.Float(key, 5);
  });
  builder.Finish();
  return builder.GetBuffer();
}

TEST(TfliteDetection, PostProcessIsThatOfTheRuntime) {
  for (const Detection& c : detections()) {
    SCOPED_TRACE(fmt::format("{} boxes, each {}, regular {}", c.boxes, c.each, c.regular));
    File file;
    add_detection(file, c, options_of(c));
    const auto found =
        run(file, {Tensor::f32({1, c.boxes, 4}, scaled(c.encodings, 1 / 32.0F)),
                   Tensor::f32({1, c.boxes, c.background + c.classes}, scaled(c.scores, 1 / 64.0F))});
    ASSERT_TRUE(found.ok()) << found.error().message;
    const int64_t rows = c.most * c.each;
    expect_values(found->at(0), {1, rows, 4}, c.found_boxes);
    expect_values(found->at(1), {1, rows}, c.found_classes);
    expect_values(found->at(2), {1, rows}, c.found_scores);
    expect_values(found->at(3), {1}, {c.count});
  }
}

TEST(TfliteDetection, DamagedOptionsAreRefused) {
  const auto good = options_of(detections()[0]);
  for (size_t length = 0; length < good.size(); length += 3) {
    File file;
    add_detection(file, detections()[0], {good.begin(), good.begin() + std::ptrdiff_t(length)});
    auto loaded = file.load();
    ASSERT_TRUE(loaded.ok()) << loaded.error().message;
    const Status status = graph::infer_shapes(*loaded, kernels::Registry::instance());
    if (!status.ok()) expect_input_error(status, "TFLite_Detection_PostProcess at boxes");
  }
}

TEST(TfliteDetection, SuppressionIsPaddedWithZeros) {
  for (const bool scored : {false, true}) {
    File file;
    const int32_t boxes = file.tensor("boxes", {5, 4}), scores = file.tensor("scores", {5});
    std::vector<int32_t> inputs = {boxes, scores,
                                   file.tensor("most", {}, TensorType::INT32, bytes_of<int32_t>({4})),
                                   file.floats("iou", {}, {0.5F}), file.floats("least", {}, {0.25F})};
    if (scored) inputs.push_back(file.floats("sigma", {}, {0}));
    file.outputs = {file.tensor("indices", {4}, TensorType::INT32)};
    if (scored) file.outputs.push_back(file.tensor("values", {4}));
    file.outputs.push_back(file.tensor("count", {}, TensorType::INT32));
    file.op(scored ? kNms5 : kNms4, inputs, file.outputs);
    file.inputs = {boxes, scores};
    const auto found = run(file, {Tensor::f32({5, 4}, Floats{0, 0, 1, 1, 0, 0.125F, 1, 1.125F, 0, 2,
                                                             1, 3, 4, 4, 5, 5,      0, 0,      1, 0.875F}),
                                  Tensor::f32({5}, Floats{0.75F, 0.875F, 0.25F, 0.125F, 0.5F})});
    ASSERT_TRUE(found.ok()) << found.error().message;
    expect_values(found->front(), {4}, {1, 0, 0, 0});
    if (scored) expect_values(found->at(1), {4}, {0.875F, 0, 0, 0});
    expect_values(found->back(), {}, {1});
  }
}

/// (i, x): while i < 3, i + 1 and x + x.
void add_while(File& file, int32_t start, int32_t body = 2) {
  const int32_t i = file.tensor("i", {1}, TensorType::INT32, bytes_of<int32_t>({start})),
                x = file.tensor("x", {2});
  file.inputs = {x};
  file.outputs = {file.tensor("i_out", {1}, TensorType::INT32), file.tensor("x_out", {2})};
  file.op(kWhile, {i, x}, file.outputs, BuiltinOptions::WhileOptions,
          tflite::CreateWhileOptions(file.builder, 1, body).Union());
  file.next_graph();
  const int32_t a = file.tensor("a", {1}, TensorType::INT32), b = file.tensor("b", {2});
  const int32_t limit = file.ints("limit", {3});
  file.inputs = {a, b};
  file.outputs = {file.tensor("less", {1}, TensorType::BOOL)};
  file.op(kLess, {a, limit}, file.outputs);
  file.next_graph();
  const int32_t c = file.tensor("c", {1}, TensorType::INT32), d = file.tensor("d", {2});
  file.inputs = {c, d};
  file.outputs = {file.tensor("c_out", {1}, TensorType::INT32), file.tensor("d_out", {2})};
  file.op(kAdd, {c, file.ints("one", {1})}, {file.outputs[0]});
  file.op(kAdd, {d, d}, {file.outputs[1]});
}

TEST(TfliteControl, LoopsRunUntilTheirConditionFails) {
  for (const auto& [start, end, factor] : {std::tuple{0, 3, 8.0F}, {5, 5, 1.0F}}) {
    File file;
    add_while(file, start);
    const auto out = run(file, {Tensor::f32({2}, Floats{1.5F, -2})});
    ASSERT_TRUE(out.ok()) << out.error().message;
    expect_values(out->at(0), {1}, {float(end)});
    expect_values(out->at(1), {2}, {1.5F * factor, -2 * factor});
  }
}

TEST(TfliteControl, BranchesAreChosenByTheCondition) {
  for (const uint8_t condition : {0, 1}) {
    File file;
    const int32_t c = file.tensor("c", {1}, TensorType::BOOL, {condition}), x = file.tensor("x", {2}),
                  y = file.tensor("y", {2});
    file.inputs = {x};
    file.outputs = {y};
    file.op(kIf, {c, x}, {y}, BuiltinOptions::IfOptions, tflite::CreateIfOptions(file.builder, 1, 2).Union());
    for (const int32_t code : {kRelu, kNeg}) {
      file.next_graph();
      file.inputs = {file.tensor("a", {2})};
      file.outputs = {file.tensor("b", {2})};
      file.op(code, file.inputs, file.outputs);
    }
    const auto out = run(file, {Tensor::f32({2}, Floats{1.5F, -2})});
    ASSERT_TRUE(out.ok()) << out.error().message;
    expect_values(out->at(0), {2}, condition != 0 ? Floats{1.5F, 0} : Floats{-1.5F, 2});
  }
}

TEST(TfliteControl, GraphsThatRunThemselvesAreRefused) {
  for (const auto& [body, part] : {std::pair{0, "runs itself"},
                                   {7, "graph 7 is not in the file"},
                                   {-1, "graph -1"},
                                   {1, "its graphs take"}}) {
    File file;
    add_while(file, 0, body);
    expect_input_error(file.load(), part);
  }
}

}  // namespace
}  // namespace tarsier::import
