// ONNX files written here with the protobuf classes: old forms of operators, every way to store a tensor, and
// files that are damaged or something else.
#include <gtest/gtest.h>
#include <random>

#include "support/graph_builder.hpp"
#include "support/input_error.hpp"
#include "support/onnx_file.hpp"

namespace tarsier::import {
namespace {

using graph::Graph;
using graph::kNone;
using graph::Node;
using test::expect_input_error;
using test::TempFolder;
using Model = test::OnnxFile;
using Ints = std::vector<int64_t>;

Ints input_ints(const Graph& graph, const Node& node, size_t index) {
  const graph::Tensor* tensor = graph.constant(node.inputs.at(index));
  return tensor == nullptr ? Ints{} : tensor->to_ints();
}

TEST(OnnxOpsets, AttributesBecomeInputs) {
  Model model(9);
  auto* clip = model.node("Clip", {"x"}, {"a"});
  Model::real(clip, "min", 0);
  Model::real(clip, "max", 6);
  auto* slice = model.node("Slice", {"a"}, {"b"});
  Model::ints(slice, "starts", {1});
  Model::ints(slice, "ends", {3});
  Model::ints(slice, "axes", {2});
  auto* pad = model.node("Pad", {"b"}, {"c"});
  Model::ints(pad, "pads", {0, 0, 1, 1, 0, 0, 1, 1});
  auto* squeeze = model.node("Squeeze", {"c"}, {"d"});
  Model::ints(squeeze, "axes", {0});
  auto* mean = model.node("ReduceMean", {"d"}, {"e"});
  Model::ints(mean, "axes", {1});
  model.node("Dropout", {"e"}, {"f"});
  model.node("Sum", {"f", "f", "f"}, {"y"});
  const auto loaded = model.load();
  ASSERT_TRUE(loaded.ok()) << loaded.error().message;
  const Graph& g = *loaded;
  ASSERT_EQ(g.nodes.size(), 8u) << g.to_text();  // Sum of three is two Adds
  EXPECT_EQ(g.constant(g.nodes[0].inputs[2])->to_floats(), std::vector<float>{6});
  EXPECT_EQ(input_ints(g, g.nodes[1], 1), Ints{1});
  EXPECT_EQ(input_ints(g, g.nodes[1], 2), Ints{3});
  EXPECT_EQ(input_ints(g, g.nodes[1], 3), Ints{2});
  EXPECT_EQ(input_ints(g, g.nodes[2], 1), (Ints{0, 0, 1, 1, 0, 0, 1, 1}));
  EXPECT_EQ(input_ints(g, g.nodes[3], 1), Ints{0});
  EXPECT_EQ(input_ints(g, g.nodes[4], 1), Ints{1});
  EXPECT_EQ(g.nodes[5].op, "Identity");
  EXPECT_EQ(g.nodes[6].op, "Add");
  EXPECT_EQ(g.nodes[7].op, "Add");
  for (const Node& node : g.nodes) EXPECT_FALSE(node.has("axes")) << node.op;
}

TEST(OnnxOpsets, UpsampleBecomesResize) {
  Model model(9);
  auto* scales = model.weight("scales", {4}, onnx::TensorProto::FLOAT);
  for (const float scale : {1.0F, 1.0F, 2.0F, 2.0F}) scales->add_float_data(scale);
  auto* upsample = model.node("Upsample", {"x", "scales"}, {"y"});
  Model::text(upsample, "mode", "linear");
  const auto loaded = model.load();
  ASSERT_TRUE(loaded.ok()) << loaded.error().message;
  const Node& node = loaded->nodes.at(0);
  EXPECT_EQ(node.op, "Resize");
  EXPECT_EQ(node.text("mode", ""), "linear");
  EXPECT_EQ(node.text("coordinate_transformation_mode", ""), "asymmetric");
  ASSERT_EQ(node.inputs.size(), 3u);
  EXPECT_EQ(node.inputs[1], kNone);
  EXPECT_EQ(loaded->constant(node.inputs[2])->to_floats(), (std::vector<float>{1, 1, 2, 2}));
}

TEST(OnnxTensors, EveryStorage) {
  using Proto = onnx::TensorProto;
  Model model;
  model.weight("raw", {2}, Proto::FLOAT)->set_raw_data(std::string("\x00\x00\x80\x3F\x00\x00\x00\xC0", 8));
  auto* half = model.weight("half", {2}, Proto::FLOAT16);
  half->add_int32_data(0x3C00);
  half->add_int32_data(0xC000);
  model.weight("half_raw", {1}, Proto::FLOAT16)->set_raw_data(std::string("\x00\x38", 2));  // 0.5
  model.weight("brain", {1}, Proto::BFLOAT16)->set_raw_data(std::string("\x80\x3F", 2));
  model.weight("double", {1}, Proto::DOUBLE)->add_double_data(0.25);
  model.weight("bytes", {2}, Proto::UINT8)->set_raw_data(std::string("\xFF\x01", 2));
  auto* chars = model.weight("chars", {1}, Proto::INT8);
  chars->add_int32_data(-7);
  model.weight("shorts", {1}, Proto::UINT16)->set_raw_data(std::string("\xFF\xFF", 2));
  model.weight("unsigned", {1}, Proto::UINT32)->add_uint64_data(4000000000u);
  model.weight("long", {1}, Proto::INT64)->add_int64_data(-5);
  model.weight("flag", {1}, Proto::BOOL)->add_int32_data(1);
  model.weight("empty", {0}, Proto::FLOAT);
  model.node("Relu", {"x"}, {"y"});
  const auto loaded = model.load();
  ASSERT_TRUE(loaded.ok()) << loaded.error().message;
  const auto tensor = [&](const char* name) { return *loaded->constant(loaded->find_value(name)); };
  EXPECT_EQ(tensor("raw").to_floats(), (std::vector<float>{1, -2}));
  EXPECT_EQ(tensor("half").to_floats(), (std::vector<float>{1, -2}));
  EXPECT_EQ(tensor("half").dtype(), graph::DType::kF32);
  EXPECT_EQ(tensor("half_raw").to_floats(), std::vector<float>{0.5F});
  EXPECT_EQ(tensor("brain").to_floats(), std::vector<float>{1});
  EXPECT_EQ(tensor("double").to_floats(), std::vector<float>{0.25F});
  EXPECT_EQ(tensor("bytes").to_ints(), (Ints{255, 1}));
  EXPECT_EQ(tensor("chars").to_ints(), Ints{-7});
  EXPECT_EQ(tensor("shorts").to_ints(), Ints{65535});
  EXPECT_EQ(tensor("unsigned").to_ints(), Ints{4000000000});
  EXPECT_EQ(tensor("long").to_ints(), Ints{-5});
  EXPECT_EQ(tensor("flag").to_ints(), Ints{1});
  EXPECT_EQ(tensor("empty").size(), 0);
}

TEST(OnnxTensors, ElementsOfFewBits) {
  // Numbers of element types that the protobuf classes don't know yet.
  constexpr int32_t kE4M3 = 17, kE5M2 = 19, kUint4 = 21, kInt4 = 22, kE2M1 = 23, kE8M0 = 24, kInt2 = 26,
                    kE2M3 = 27;
  Model model;
  model.weight("e4m3", {3}, kE4M3)->set_raw_data(std::string("\x38\xFE\x01", 3));
  auto* fields = model.weight("e5m2", {2}, kE5M2);
  fields->add_int32_data(0x3C);
  fields->add_int32_data(0xC0);
  model.weight("uint4", {3}, kUint4)->set_raw_data(std::string("\xF1\x02", 2));
  auto* int4 = model.weight("int4", {3}, kInt4);
  int4->add_int32_data(0x8F);
  int4->add_int32_data(0x07);
  model.weight("e2m1", {2}, kE2M1)->set_raw_data(std::string("\xA7", 1));
  model.weight("e8m0", {2}, kE8M0)->set_raw_data(std::string("\x7F\x80", 2));
  model.weight("int2", {5}, kInt2)->set_raw_data(std::string("\xE4\x02", 2));
  model.weight("e2m3", {4}, kE2M3)->set_raw_data(std::string("\x5F\xF2\x83", 3));
  model.weight("none", {0}, kInt4)->set_raw_data("");
  model.node("Relu", {"x"}, {"y"});
  const auto loaded = model.load();
  ASSERT_TRUE(loaded.ok()) << loaded.error().message;
  const auto tensor = [&](const char* name) { return *loaded->constant(loaded->find_value(name)); };
  EXPECT_EQ(tensor("e4m3").to_floats(), (std::vector<float>{1, -448, 0x1p-9F}));
  EXPECT_EQ(tensor("e4m3").dtype(), graph::DType::kF32);
  EXPECT_EQ(tensor("e5m2").to_floats(), (std::vector<float>{1, -2}));
  EXPECT_EQ(tensor("uint4").to_ints(), (Ints{1, 15, 2}));
  EXPECT_EQ(tensor("uint4").dtype(), graph::DType::kU8);
  EXPECT_EQ(tensor("int4").to_ints(), (Ints{-1, -8, 7}));
  EXPECT_EQ(tensor("int4").dtype(), graph::DType::kI8);
  EXPECT_EQ(tensor("e2m1").to_floats(), (std::vector<float>{6, -1}));
  EXPECT_EQ(tensor("e8m0").to_floats(), (std::vector<float>{1, 2}));
  EXPECT_EQ(tensor("int2").to_ints(), (Ints{0, 1, -2, -1, -2}));
  // 24 bits from the lowest on: 0x1F, 0x09, 0x3F, 0x20.
  EXPECT_EQ(tensor("e2m3").to_floats(), (std::vector<float>{7.5F, 1.125F, -7.5F, -0.0F}));
  EXPECT_EQ(tensor("none").size(), 0);

  Model damaged;
  damaged.weight("w", {3}, kInt4)->set_raw_data(std::string("\x12", 1));
  damaged.node("Relu", {"x"}, {"y"});
  EXPECT_FALSE(damaged.load().ok());
}

TEST(OnnxTypes, KnownBehindNodes) {
  constexpr int32_t kInt4 = 22;
  Model model(21);
  model.weight("zero", {1}, kInt4)->add_int32_data(1);
  model.node("Identity", {"zero"}, {"same"});
  model.node("Squeeze", {"same"}, {"point"});
  auto* scale = model.weight("scale", {}, onnx::TensorProto::FLOAT16);
  scale->add_int32_data(0x3C00);
  model.node("QuantizeLinear", {"x", "scale", "point"}, {"q"});
  model.node("CastLike", {"x", "q"}, {"c"});
  model.node("Cast", {"c"}, {"y"})->add_attribute()->set_name("to");
  auto* to = model.proto.mutable_graph()->mutable_node(4)->mutable_attribute(0);
  to->set_type(onnx::AttributeProto::INT);
  to->set_i(onnx::TensorProto::FLOAT);
  const auto loaded = model.load();
  ASSERT_TRUE(loaded.ok()) << loaded.error().message;
  const Graph& g = *loaded;
  EXPECT_EQ(g.nodes[2].integer("output_dtype", 0), kInt4);
  EXPECT_EQ(g.nodes[2].integer("precision", 0), onnx::TensorProto::FLOAT16);
  EXPECT_EQ(g.nodes[3].op, "Cast");
  EXPECT_EQ(g.nodes[3].integer("to", 0), kInt4);
}

class ExternalData : public ::testing::Test {
 protected:
  Result<Graph> load(const std::string& location, const char* offset = "4") {
    Model model;
    auto* tensor = model.weight("w", {2}, onnx::TensorProto::FLOAT);
    tensor->set_data_location(onnx::TensorProto::EXTERNAL);
    const auto entry = [&](const char* key, const std::string& value) {
      auto* added = tensor->add_external_data();
      added->set_key(key);
      added->set_value(value);
    };
    entry("location", location);
    entry("offset", offset);
    model.node("Relu", {"x"}, {"y"});
    std::filesystem::create_directories(folder_.path() / "model");
    return load_model(folder_.write("model/model.onnx", model.bytes()));
  }
  TempFolder folder_;
};

TEST_F(ExternalData, IsReadFromItsPlace) {
  std::filesystem::create_directories(folder_.path() / "model");
  folder_.write("model/weights.bin", std::string("skip\x00\x00\x80\x3F\x00\x00\x00\x40", 12));
  const auto loaded = load("weights.bin");
  ASSERT_TRUE(loaded.ok()) << loaded.error().message;
  EXPECT_EQ(loaded->constant(loaded->find_value("w"))->to_floats(), (std::vector<float>{1, 2}));
}

TEST_F(ExternalData, StaysInTheModelsFolder) {
  const auto secret = folder_.write("secret.bin", std::string(64, 'x'));
  std::filesystem::create_directories(folder_.path() / "model");
  std::filesystem::create_symlink(secret, folder_.path() / "model/link.bin");
  for (const std::string& location : {std::string("../secret.bin"), secret.string(), std::string("link.bin"),
                                      std::string("a/../../secret.bin"), std::string("")}) {
    const auto loaded = load(location);
    ASSERT_FALSE(loaded.ok()) << location;
    EXPECT_NE(loaded.error().message.find("outside the model's folder"), std::string::npos)
        << loaded.error().message;
  }
}

TEST_F(ExternalData, MissingTruncatedOrMisplaced) {
  EXPECT_NE(load("gone.bin").error().message.find("missing"), std::string::npos);
  std::filesystem::create_directories(folder_.path() / "model");
  folder_.write("model/short.bin", "12345678");
  EXPECT_NE(load("short.bin").error().message.find("truncated"), std::string::npos);
  EXPECT_NE(load("short.bin", "999999999999999999").error().message.find("truncated"), std::string::npos);
  EXPECT_FALSE(load("short.bin", "-4").ok());
}

TEST(OnnxBadFiles, SaysWhatTheFileIs) {
  const TempFolder folder;
  expect_input_error(load_model(folder.path() / "none.onnx"), "no such");
  expect_input_error(load_model(folder.write("empty.onnx", "")), "empty");
  expect_input_error(load_model(folder.write("page.onnx", "<!DOCTYPE html><html></html>")), "HTML");
  expect_input_error(load_model(folder.write("notes.onnx", "hello, this is a note to self\n")), "text file");
  expect_input_error(load_model(folder.write("lfs.onnx", "version https://git-lfs.github.com/spec/v1\n")),
                     "Git LFS");
  expect_input_error(load_model(folder.write("a.pt", std::string("PK\x03\x04zip", 7))), "ZIP");
  expect_input_error(load_model(folder.write("a.tflite", std::string("\x1C\0\0\0TFL3", 8))),
                     "TensorFlow Lite");
  expect_input_error(load_model(folder.path()), "folder");
}

Model sample() {
  Model model;
  auto* weights = model.weight("w", {3, 2, 3, 3}, onnx::TensorProto::FLOAT);
  weights->set_raw_data(std::string(3 * 2 * 9 * 4, '\x3E'));
  model.node("Conv", {"x", "w"}, {"c"});
  model.node("Relu", {"c"}, {"y"});
  return model;
}

TEST(OnnxBadFiles, TruncatedAnywhere) {
  const std::string bytes = sample().bytes();
  const TempFolder folder;
  ASSERT_TRUE(load_model(folder.write("whole.onnx", bytes)).ok());
  for (size_t length = 0; length < bytes.size(); ++length) {
    const auto loaded = load_model(folder.write("cut.onnx", bytes.substr(0, length)));
    ASSERT_FALSE(loaded.ok()) << "cut to " << length << " of " << bytes.size();
    EXPECT_EQ(loaded.error().kind, ErrorKind::kInput);
    EXPECT_EQ(loaded.error().message.find('\n'), std::string::npos);
  }
}

TEST(OnnxBadFiles, DamagedAnywhereNeverCrashes) {
  const std::string bytes = sample().bytes();
  const TempFolder folder;
  std::mt19937 random(3);
  for (int round = 0; round < 500; ++round) {
    std::string damaged = bytes;
    for (uint32_t i = 0; i <= random() % 4; ++i)
      damaged[random() % damaged.size()] = static_cast<char>(random());
    auto loaded = load_model(folder.write("damaged.onnx", damaged));
    // Damage may leave a model that can be read: then shape inference has to cope as well.
    if (loaded.ok()) (void)graph::infer_shapes(*loaded, kernels::Registry::instance());
  }
  for (int round = 0; round < 200; ++round) {
    std::string noise(random() % 500, '\0');
    for (char& c : noise) c = static_cast<char>(random());
    EXPECT_FALSE(load_model(folder.write("noise.onnx", noise)).ok());
  }
}

TEST(OnnxBadFiles, InconsistentModels) {
  Model unfed;
  unfed.node("Relu", {"nowhere"}, {"y"});
  expect_input_error(unfed.load(), "'nowhere'");
  Model no_output;
  no_output.node("Relu", {"x"}, {"z"});
  expect_input_error(no_output.load(), "output 'y'");
  Model twice;
  twice.node("Relu", {"x"}, {"y"});
  twice.node("Neg", {"x"}, {"y"});
  expect_input_error(twice.load(), "'y'");
  Model negative(-3);
  negative.node("Relu", {"x"}, {"y"});
  expect_input_error(negative.load(), "opset -3");
  Model small;
  small.weight("w", {1000}, onnx::TensorProto::FLOAT)->set_raw_data("1234");
  small.node("Relu", {"x"}, {"y"});
  expect_input_error(small.load(), "'w'");
  Model huge;
  huge.weight("w", {1 << 30, 1 << 30, 1 << 30}, onnx::TensorProto::FLOAT);
  huge.node("Relu", {"x"}, {"y"});
  expect_input_error(huge.load(), "extents");
  Model words;
  words.weight("w", {1}, onnx::TensorProto::STRING)->add_string_data("hi");
  words.node("Relu", {"x"}, {"y"});
  expect_input_error(words.load(), "STRING");
}

/// A call is known by its node's name, which may be empty or another's, too.
TEST(Onnx, CallsOfAFunctionHaveValuesOfTheirOwn) {
  for (const char* name : {"", "again"}) {
    Model model;
    const auto function = [&](const char* key, const char* op, const char* domain) {
      auto* added = model.proto.add_functions();
      added->set_name(key);
      added->set_domain("own");
      added->add_input("a");
      added->add_output("b");
      for (const auto& [from, to] : {std::pair{"a", "m"}, {"m", "b"}}) {
        auto* node = added->add_node();
        node->set_op_type(op);
        node->set_domain(domain);
        node->set_name(name);
        node->add_input(from);
        node->add_output(to);
      }
    };
    function("Outer", "Inner", "own");
    function("Inner", "Neg", "");
    for (const auto& [from, to] : {std::pair{"x", "z"}, {"z", "y"}}) {
      auto* call = model.node("Outer", {from}, {to});
      call->set_domain("own");
      call->set_name(name);
    }
    const auto loaded = model.load();
    ASSERT_TRUE(loaded.ok()) << loaded.error().message;
    EXPECT_EQ(std::ranges::count(loaded->nodes, "Neg", &Node::op), 8) << loaded->to_text();
  }
}

TEST(Onnx, UnknownOperatorsAreImportedAndReportedTogether) {
  Model model;
  model.node("Wobble", {"x"}, {"a"});
  model.node("FusedConv", {"a"}, {"y"})->set_domain("com.microsoft");
  auto loaded = model.load();
  ASSERT_TRUE(loaded.ok()) << loaded.error().message;
  const Status status = graph::infer_shapes(*loaded, kernels::Registry::instance());
  ASSERT_FALSE(status.ok());
  EXPECT_NE(status.error().message.find("Wobble at Wobble1"), std::string::npos) << status.error().message;
  EXPECT_NE(status.error().message.find("com.microsoft.FusedConv at FusedConv2"), std::string::npos)
      << status.error().message;
}

}  // namespace
}  // namespace tarsier::import
