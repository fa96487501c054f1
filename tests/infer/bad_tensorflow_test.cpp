// TensorFlow Lite and TensorFlow.js files that cannot be right (bad_model.hpp).
#include "infer/bad_model.hpp"
#include "support/tfjs_file.hpp"
#include "support/tflite_file.hpp"

namespace tarsier::test {
namespace {

using Ints = std::vector<int64_t>;
constexpr int64_t kHuge = int64_t{1} << 62;

class BadTensorFlowTest : public BadModelTest {};

// -------------------------------------------------------------------------------------------- TensorFlow
// Lite

struct TfliteCase {
  const char* what;
  std::function<void(TfliteFile&)> fill;  // tensor 0 is x [1,4,4,2]; the last one is the output
  std::vector<const char*> says;
};

using tflite::BuiltinOptions;
enum : int32_t { kAdd = 0, kConv = 3, kRelu = 19, kReshape = 22, kTranspose = 39, kStridedSlice = 45 };

TEST_F(BadTensorFlowTest, LiteIsRefusedInOneLine) {
  const auto relu = [](TfliteFile& f, const std::vector<int32_t>& shape) {
    f.op(kRelu, {0}, {f.tensor("y", shape)});
  };
  const auto conv_options = [](TfliteFile& f, int stride) {
    return tflite::CreateConv2DOptions(f.builder, tflite::Padding::SAME, stride, stride).Union();
  };
  const std::vector<TfliteCase> cases = {
      {"a good file",
       [&](TfliteFile& f) {
         relu(f, {1, 4, 4, 2});
       },
       {}},
      {"a cycle",
       [](TfliteFile& f) {
         const int32_t a = f.tensor("a", {1, 4, 4, 2}), b = f.tensor("b", {1, 4, 4, 2});
         f.op(kAdd, {0, b}, {a});
         f.op(kAdd, {0, a}, {b});
       },
       {"node a (ADD)", "before it is computed"}},
      {"a tensor that is computed twice",
       [&](TfliteFile& f) {
         relu(f, {1, 4, 4, 2});
         f.op(kRelu, {0}, {1});
       },
       {"'y'", "there already"}},
      {"an input that is computed", [](TfliteFile& f) { f.op(kRelu, {0}, {0}); }, {"'x'", "there already"}},
      {"a tensor that is not there",
       [](TfliteFile& f) { f.op(kRelu, {77}, {f.tensor("y", {1})}); },
       {"names tensor 77"}},
      {"a negative extent",
       [&](TfliteFile& f) {
         relu(f, {1, -4});
       },
       {"'y'", "impossible extents"}},
      {"a size that overflows",
       [&](TfliteFile& f) {
         relu(f, {65536, 65536});
       },
       {"'y'", "impossible"}},
      {"a shape of other size",
       [](TfliteFile& f) {
         const int32_t shape = f.ints("shape", {5, 5});
         f.op(kReshape, {0, shape}, {f.tensor("y", {5, 5})});
       },
       {"Reshape", "y"}},
      {"weights of other channels",
       [&](TfliteFile& f) {
         const int32_t w = f.floats("w", {1, 1, 1, 5}, {1, 2, 3, 4, 5});
         f.op(kConv, {0, w}, {f.tensor("y", {1, 4, 4, 1})}, BuiltinOptions::Conv2DOptions,
              conv_options(f, 1));
       },
       {"CONV_2D", "y"}},
      {"strides of zero",
       [&](TfliteFile& f) {
         const int32_t w = f.floats("w", {1, 1, 1, 2}, {1, 2});
         f.op(kConv, {0, w}, {f.tensor("y", {1, 4, 4, 1})}, BuiltinOptions::Conv2DOptions,
              conv_options(f, 0));
       },
       {"CONV_2D", "y"}},
      {"a constant that is short",
       [](TfliteFile& f) {
         const int32_t w = f.tensor("w", {100}, tflite::TensorType::FLOAT32, bytes_of<float>({1, 2}));
         f.op(kAdd, {0, w}, {f.tensor("y", {1, 4, 4, 2})});
       },
       {"'w'", "8 bytes", "400"}},
      {"a constant of texts",
       [](TfliteFile& f) {
         const int32_t w = f.tensor("w", {1}, tflite::TensorType::STRING, {1, 2});
         f.op(kAdd, {0, w}, {f.tensor("y", {1, 4, 4, 2})});
       },
       {"'w'", "element type"}},
      {"a permutation that repeats",
       [](TfliteFile& f) {
         const int32_t order = f.ints("order", {0, 1, 1, 2});
         f.op(kTranspose, {0, order}, {f.tensor("y", {1, 4, 4, 2})});
       },
       {"Transpose"}},
      {"an operator that is not known",
       [](TfliteFile& f) { f.op(9999, {0}, {f.tensor("a\nb", {1})}); },
       {"operator 9999 at a?b"}},
      {"a custom operator",
       [](TfliteFile& f) { f.op(32, {0}, {f.tensor("y", {1})}, BuiltinOptions::NONE, 0, "Wobble"); },
       {"Wobble at y"}},
  };
  for (const TfliteCase& c : cases) {
    const TempFolder folder;
    TfliteFile file;
    file.inputs = {file.tensor("x", {1, 4, 4, 2})};
    c.fill(file);
    file.outputs = {int32_t(file.tensors.size()) - 1};
    expect(folder.write("model.tflite", file.finish()), c.what, c.says);
  }
}

// --------------------------------------------------------------------------------------------- TensorFlow.js

struct TfjsCase {
  const char* what;
  std::function<void(TfjsFile&)> fill;  // x [1,4,4,2] is there
  std::vector<const char*> says;
};

TEST_F(BadTensorFlowTest, JsIsRefusedInOneLine) {
  const Json strides = {{"list", {{"i", {"1", "1", "1", "1"}}}}};
  const auto conv = [](TfjsFile& f, const Json& attributes, const Ints& shape = {1, 1, 2, 3}) {
    f.constant("w", shape, std::vector<float>(size_t(graph::element_count(shape)), 1), "float32");
    f.node("Conv2D", "y", {"x", "w"}, attributes);
  };
  const std::vector<TfjsCase> cases = {
      {"a good file",
       [&](TfjsFile& f) {
         conv(f, {{"strides", strides}, {"padding", {{"s", "SAME"}}}});
       },
       {}},
      {"a cycle",
       [](TfjsFile& f) {
         f.node("AddV2", "a", {"x", "b"});
         f.node("AddV2", "b", {"x", "a"});
         f.node("Relu", "y", {"b"});
       },
       {"a cycle"}},
      {"two nodes of one name",
       [](TfjsFile& f) {
         f.node("Relu", "a", {"x"});
         f.node("Neg", "a", {"x"});
         f.node("Relu", "y", {"a"});
       },
       {"two nodes named 'a'"}},
      {"a node that is not there", [](TfjsFile& f) { f.node("Relu", "y", {"z"}); }, {"'z'"}},
      {"weights that the manifest lacks",
       [](TfjsFile& f) {
         f.nodes.push_back({{"name", "w"}, {"op", "Const"}});
         f.node("AddV2", "y", {"x", "w"});
       },
       {"lacks 'w'"}},
      {"a weight of negative extent",
       [&](TfjsFile& f) {
         conv(f, {{"strides", strides}});
         f.weights[0]["shape"][0] = -1;
       },
       {"'w'", "impossible extents"}},
      {"a weight whose size overflows",
       [&](TfjsFile& f) {
         conv(f, {{"strides", strides}});
         f.weights[0]["shape"][0] = kHuge;
       },
       {"'w'", "impossible extents"}},
      {"weights of other channels",
       [&](TfjsFile& f) {
         conv(f, {{"strides", strides}}, {1, 1, 5, 3});
       },
       {"Conv", "y"}},
      {"shapes that do not broadcast",
       [](TfjsFile& f) {
         f.constant("w", {3}, std::vector<float>{1, 2, 3}, "float32");
         f.node("AddV2", "y", {"x", "w"});
       },
       {"do not broadcast"}},
      {"an axis that is not there",
       [](TfjsFile& f) {
         f.ints("axis", {9}, true);
         f.node("ConcatV2", "y", {"x", "x", "axis"});
       },
       {"ConcatV2"}},
      {"a shape of other size",
       [](TfjsFile& f) {
         f.ints("shape", {5, 5});
         f.node("Reshape", "y", {"x", "shape"});
       },
       {"Reshape"}},
      {"strides that are one integer",
       [&](TfjsFile& f) {
         conv(f, {{"strides", {{"i", "1"}}}});
       },
       {"model.json: node y (Conv2D): attribute 'strides' is an integer, a list of integers is expected"}},
      {"a text that is a float",
       [&](TfjsFile& f) {
         conv(f, {{"strides", strides}, {"padding", {{"f", 1}}}});
       },
       {"node y (Conv2D): attribute 'padding' is a float, a text is expected"}},
      {"a flag that is a text",
       [](TfjsFile& f) {
         f.ints("axes", {1});
         f.node("Mean", "y", {"x", "axes"}, {{"keep_dims", {{"s", "eA=="}}}});
       },
       {"node y (Mean): attribute 'keep_dims' is a text, a flag is expected"}},
      {"a float that is a flag",
       [](TfjsFile& f) {
         f.node("LeakyRelu", "y", {"x"}, {{"alpha", {{"b", true}}}});
       },
       {"node y (LeakyRelu): attribute 'alpha' is a flag, a float is expected"}},
      {"an operator that is not known",
       [](TfjsFile& f) { f.node("Wob\nble", "y", {"x"}); },
       {"Wob?ble at y"}},
  };
  for (const TfjsCase& c : cases) {
    const TempFolder folder;
    TfjsFile file;
    file.input("x", {1, 4, 4, 2});
    c.fill(file);
    expect(file.write(folder), c.what, c.says);
  }
}

}  // namespace
}  // namespace tarsier::test
