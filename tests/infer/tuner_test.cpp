// Choice by measurement: what is measured is kept, found again and right.
#include "infer/tuner.hpp"

#include <algorithm>
#include <limits>

#include "core/file.hpp"
#include "infer/tuning_reference.hpp"
#include "kernels/post_ops.hpp"
#include "support/gpu_fixture.hpp"
#include "support/graph_builder.hpp"
#include "support/temp_folder.hpp"

namespace tarsier::infer {
namespace {

using tarsier::testing::G;
using tarsier::testing::random_tensor;

class TunerTest : public test::GpuTest {
 protected:
  /// Two like 3x3 convolutions, which have variants, and a dilated depthwise one, which has none.
  static graph::Graph network() {
    G g;
    auto x = g.input("x", {1, 16, 20, 24});
    const tarsier::testing::Attributes same{{"pads", std::vector<int64_t>{1, 1, 1, 1}}};
    x = g.op("Relu", {g.conv(x, {16, 16, 3, 3}, same)});
    x = g.op("Relu", {g.conv(x, {16, 16, 3, 3}, same)});
    const tarsier::testing::Attributes depthwise{{"pads", std::vector<int64_t>{2, 2, 2, 2}},
                                                 {"dilations", std::vector<int64_t>{2, 2}},
                                                 {"group", int64_t{16}}};
    g.output(g.conv(x, {16, 1, 3, 3}, depthwise));
    return g;
  }
  static Result<std::unique_ptr<Plan>> compile(const std::filesystem::path& file, Tune mode) {
    CompileOptions options;
    options.tune = mode;
    options.tuning_file = file;
    return Plan::compile(device(), network(), options);
  }
  static std::vector<std::string> variants(const Plan& plan) {
    std::vector<std::string> names;
    for (const auto& node : plan.graph().nodes) {
      if (node.op == "Conv") names.push_back(node.variant);
    }
    return names;
  }
  test::TempFolder folder_;
};

TEST_F(TunerTest, ProgressGoesForwardThroughMeasuringAndWarmUp) {
  CompileOptions options;
  options.tune = Tune::kFast;
  options.tuning_file = folder_.path() / "tuning.json";
  std::vector<std::pair<float, std::string>> seen;
  options.progress = [&](float fraction, std::string_view what) { seen.emplace_back(fraction, what); };
  ASSERT_OK(Plan::compile(device(), network(), options));
  const auto count = [&](std::string_view start) {
    return std::ranges::count_if(seen, [&](const auto& one) { return one.second.starts_with(start); });
  };
  EXPECT_GT(count("measuring kernels"), 0);
  EXPECT_GT(count("warm up "), 0);
  EXPECT_TRUE(std::ranges::is_sorted(seen, {}, &std::pair<float, std::string>::first));
  EXPECT_EQ(seen.back().first, 1.0F);
}

TEST_F(TunerTest, KeepsWhatItMeasuredAndFindsItAgain) {
  const auto file = folder_.path() / "deep" / "tuning.json";
  auto first = compile(file, Tune::kFast);
  ASSERT_OK(first);
  ASSERT_TRUE(std::filesystem::exists(file));
  const auto chosen = variants(**first);
  ASSERT_EQ(chosen.size(), 3U);
  EXPECT_EQ(chosen[0], chosen[1]) << "one kind of layer, one choice";
  EXPECT_EQ(chosen[2], "depthwise");
  const TuningStore store(file);
  const auto& graph = (*first)->graph();
  const auto entry = store.find(tuning_key(graph, graph.nodes[1]));
  ASSERT_TRUE(entry.has_value()) << "the node in front is the input's layout conversion";
  EXPECT_EQ(entry->variant, chosen[0]);
  EXPECT_GT(entry->ms, 0);

  // A second load takes the file's word, also where it is not the fastest.
  const std::string other = chosen[0] == "winograd2" ? "dense" : "winograd2";
  auto text = read_text(file);
  ASSERT_OK(text);
  const size_t at = text->find('"' + chosen[0] + '"');
  ASSERT_NE(at, std::string::npos);
  text->replace(at + 1, chosen[0].size(), other);
  ASSERT_OK(write_text_atomic(file, *text));
  auto second = compile(file, Tune::kFast);
  ASSERT_OK(second);
  EXPECT_EQ(variants(**second), (std::vector<std::string>{other, other, "depthwise"}));

  // --tune full does not trust what was measured in passing.
  auto full = compile(file, Tune::kFull);
  ASSERT_OK(full);
  EXPECT_TRUE(TuningStore(file).find(tuning_key(graph, graph.nodes[1]))->full);

  // Whatever was chosen, the numbers are the same.
  const std::vector<graph::Tensor> inputs{random_tensor({1, 16, 20, 24}, 5)};
  const auto a = Session(device(), **first).run(inputs), b = Session(device(), **second).run(inputs);
  ASSERT_OK(a);
  ASSERT_OK(b);
  const auto left = (*a)[0].to_floats(), right = (*b)[0].to_floats();
  ASSERT_EQ(left.size(), right.size());
  double range = 0, error = 0;
  for (size_t i = 0; i < left.size(); ++i) {
    range = std::max(range, double(std::abs(left[i])));
    error = std::max(error, double(std::abs(left[i] - right[i])));
  }
  EXPECT_LE(error, 1e-5 * range);
}

TEST_F(TunerTest, OffMeasuresNothing) {
  const auto file = folder_.path() / "tuning.json";
  const auto plan = compile(file, Tune::kOff);
  ASSERT_OK(plan);
  EXPECT_FALSE(std::filesystem::exists(file));
  for (const std::string& variant : variants(**plan)) EXPECT_FALSE(variant.empty());
}

TEST_F(TunerTest, ADamagedFileIsReplaced) {
  const auto file = folder_.path() / "tuning.json";
  for (const char* text : {"{\"choices\": {\"Conv", "[]", "{\"choices\": 3}", ""}) {
    ASSERT_OK(write_text_atomic(file, text));
    ASSERT_OK(compile(file, Tune::kFast));
    const auto written = read_text(file);
    ASSERT_OK(written);
    EXPECT_NE(written->find("\"variant\""), std::string::npos) << text;
  }
  ASSERT_OK(write_text_atomic(file, R"({"choices": {"x": {"variant": 3}, "y": 1, "z": {"variant": "a"}}})"));
  const TuningStore store(file);
  EXPECT_FALSE(store.find("x").has_value());
  EXPECT_FALSE(store.find("y").has_value());
  EXPECT_EQ(store.find("z")->variant, "a");
}

TEST_F(TunerTest, KeysTellApartWhatMayRunDifferently) {
  const auto key = [](graph::Shape weights, int64_t stride, bool relu) {
    G g;
    const auto x = g.input("x", {1, 8, 16, 16});
    auto y = g.conv(x, std::move(weights), {{"strides", std::vector<int64_t>{stride, stride}}});
    g.output(y);
    g.infer();
    if (relu) g.nodes[0].post.push_back({graph::PostOp::Kind::kRelu, 0, 0, graph::kNone});
    return tuning_key(g, g.nodes[0]);
  };
  const std::string plain = key({8, 8, 3, 3}, 1, false);
  EXPECT_EQ(plain, key({8, 8, 3, 3}, 1, false));
  EXPECT_NE(plain, key({4, 8, 3, 3}, 1, false));
  EXPECT_NE(plain, key({8, 8, 3, 3}, 2, false));
  EXPECT_NE(plain, key({8, 8, 3, 3}, 1, true));
}

/// Parse errors name what there is.
TEST(Tuning, ParsesItsFlag) {
  EXPECT_EQ(*parse_tune("off"), Tune::kOff);
  EXPECT_EQ(*parse_tune("full"), Tune::kFull);
  const auto wrong = parse_tune("fats");
  ASSERT_FALSE(wrong.ok());
  EXPECT_EQ(wrong.error().message, "--tune fats: choose off, fast or full");
}

/// A large convolution is checked in some channels only; a fault in any of them shows. What it adds is
/// another tensor, or its own input.
class TuningReferenceOf : public ::testing::TestWithParam<bool> {};

TEST_P(TuningReferenceOf, SeesFaultsInTheChannelsThatItHas) {
  G g;
  const auto x = g.input("x", {1, 64, 32, 32});
  const bool own = GetParam();
  const auto other = own ? x : g.input("residual", {1, 64, 32, 32});
  g.output(g.conv(x, {64, 64, 3, 3}, {{"pads", std::vector<int64_t>{1, 1, 1, 1}}}));
  g.infer();
  g.nodes[0].post.push_back({graph::PostOp::Kind::kAdd, 0, 0, other});
  g.nodes[0].post.push_back(
      {graph::PostOp::Kind::kPRelu, 0, 0, g.constant_of(random_tensor({64, 1, 1}, 9, 0, 1))});
  std::vector<graph::Tensor> data{random_tensor({1, 64, 32, 32}, 1)};
  if (!own) data.push_back(random_tensor({1, 64, 32, 32}, 2));
  const auto reference = TuningReference::compute(g, data);
  ASSERT_OK(reference);

  const auto* conv = kernels::Registry::instance().find("Conv");
  std::vector<const graph::Tensor*> inputs{&data[0]};
  for (size_t i = 1; i < g.nodes[0].inputs.size(); ++i) inputs.push_back(g.constant(g.nodes[0].inputs[i]));
  auto whole = conv->reference(g.nodes[0], inputs);
  ASSERT_OK(whole);
  graph::Tensor result = (*whole)[0];
  ASSERT_OK(kernels::apply_post_ops(
      g.nodes[0], [&](graph::ValueId id) { return id == other ? &data.back() : g.constant(id); }, result));
  EXPECT_LE(reference->error_of(result), 1e-6);

  auto broken = result;
  broken.as_mutable<float>().back() += 1;  // the last channel is always looked at
  EXPECT_GT(reference->error_of(broken), reference->tolerance());
  broken = result;
  broken.as_mutable<float>()[17] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_GT(reference->error_of(broken), 1e30);
}

INSTANTIATE_TEST_SUITE_P(Residual, TuningReferenceOf, ::testing::Bool(),
                         [](const auto& test) { return test.param ? "OwnInput" : "AnotherTensor"; });

}  // namespace
}  // namespace tarsier::infer
