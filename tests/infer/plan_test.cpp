// Small graphs through the whole compiler onto the device, compared with the CPU references.
#include "infer/plan.hpp"

#include <filesystem>

#include "gpu/frame_context.hpp"
#include "support/gpu_fixture.hpp"
#include "support/graph_reference.hpp"

namespace tarsier::infer {
namespace {

using graph::DType;
using graph::Graph;
using graph::kNone;
using graph::Node;
using graph::Shape;
using graph::Tensor;
using graph::TensorDesc;
using graph::ValueId;

/// Builds graphs in a line or two.
struct Builder {
  Graph graph;
  int count = 0;

  ValueId input(const std::string& name, Shape shape, DType type = DType::kF32) {
    const ValueId id = graph.add_value(name, {type, std::move(shape)});
    graph.inputs.push_back(id);
    return id;
  }
  ValueId constant(Tensor tensor) {
    return graph.add_constant(fmt::format("c{}", count++), std::move(tensor));
  }
  std::vector<ValueId> node(const std::string& op, std::vector<ValueId> inputs, size_t outputs = 1,
                            std::map<std::string, graph::Attribute, std::less<>> attributes = {}) {
    Node out;
    out.op = op;
    out.name = fmt::format("{}_{}", op, count++);
    out.inputs = std::move(inputs);
    out.attributes = std::move(attributes);
    for (size_t i = 0; i < outputs; ++i)
      out.outputs.push_back(graph.add_value(fmt::format("{}:{}", out.name, i)));
    const auto results = out.outputs;
    graph.add_node(std::move(out));
    return results;
  }
  ValueId one(const std::string& op, std::vector<ValueId> inputs,
              std::map<std::string, graph::Attribute, std::less<>> attributes = {}) {
    return node(op, std::move(inputs), 1, std::move(attributes))[0];
  }
  ValueId reshape(ValueId in, const std::vector<int64_t>& shape) {
    return one("Reshape", {in, constant(Tensor::i64({int64_t(shape.size())}, shape))});
  }
  void output(ValueId id) { graph.outputs.push_back(id); }
};

class PlanTest : public test::GpuTest {
 protected:
  /// Compiles, runs twice on the same inputs, compares both with the reference; returns the plan.
  std::unique_ptr<Plan> check(const Builder& builder, const std::vector<Tensor>& inputs,
                              CompileOptions options = {}, float tolerance = 1e-5F) {
    auto wanted = test::run_reference(builder.graph, inputs);
    EXPECT_OK(wanted);
    auto plan = Plan::compile(device(), builder.graph, options);
    EXPECT_OK(plan);
    if (!wanted || !plan) return nullptr;
    for (int run = 0; run < 2; ++run) {
      auto got = Session(device(), **plan).run(inputs);
      EXPECT_OK(got);
      if (!got) return nullptr;
      EXPECT_EQ(got->size(), wanted->size());
      for (size_t i = 0; i < got->size(); ++i) {
        test::expect_near((*got)[i], (*wanted)[i], tolerance, (*plan)->outputs()[i].name);
      }
    }
    return std::move(*plan);
  }
};

/// Under fp16 a network's outputs stay fp32, so channels of both storages meet.
TEST_F(PlanTest, ChannelsOfBothStoragesAreJoinedAndSplit) {
  Builder b;
  const ValueId x = b.input("x", {1, 5, 6, 7});
  const auto pointwise = [&](ValueId in, int64_t out) {
    return b.one("Conv", {in, b.constant(test::ramp({out, 5, 1, 1}))});
  };
  const ValueId half = pointwise(x, 6), shown = pointwise(x, 7);
  b.output(shown);
  b.output(b.one("Concat", {half, shown}, {{"axis", int64_t(1)}}));
  const ValueId inner = b.one("Concat", {shown, half}, {{"axis", int64_t(1)}});
  const ValueId last = b.one("Conv", {inner, b.constant(test::ramp({13, 13, 1, 1}))});
  for (const ValueId part : b.node("Split", {last, b.constant(Tensor::i64({2}, std::vector<int64_t>{6, 7}))},
                                   2, {{"axis", int64_t(1)}})) {
    b.output(part);
  }
  CompileOptions options;
  ASSERT_NE(check(b, {test::ramp({1, 5, 6, 7})}, options), nullptr);
  options.precision = Precision::kFp16;
  ASSERT_NE(check(b, {test::ramp({1, 5, 6, 7})}, options, 0.05F), nullptr) << "the numbers reach 48";
}

TEST_F(PlanTest, ElementwiseChainRunsInPlace) {
  Builder b;
  ValueId x = b.input("x", {2, 3, 7, 5});
  for (int i = 0; i < 6; ++i) {
    x = b.one("Abs", {x});
    x = b.one("Neg", {x});
  }
  b.output(x);
  const auto plan = check(b, {test::ramp({2, 3, 7, 5})});
  ASSERT_NE(plan, nullptr);
  const uint64_t one = (2 * 3 * 7 * 5 * 4 + 255) / 256 * 256;
  EXPECT_EQ(plan->stats().activation_bytes, 2 * one) << "the input, and one buffer that all nodes write over";
  EXPECT_EQ(plan->stats().activation_bytes, plan->stats().peak_live_bytes);
  EXPECT_GT(plan->stats().unaliased_bytes, 10 * one / 2);
}

TEST_F(PlanTest, ViewsAndConcatenationsRunNothing) {
  Builder b;
  const ValueId x = b.input("x", {1, 8, 6});
  const ValueId a = b.one("Abs", {x});
  const ValueId n = b.one("Neg", {x});
  const ValueId joined = b.one("Concat", {a, n}, {{"axis", int64_t(1)}});
  const ValueId flat = b.reshape(joined, {16, 6});
  const auto halves = b.node("Split", {flat, b.constant(Tensor::i64({2}, std::vector<int64_t>{4, 12}))}, 2,
                             {{"axis", int64_t(0)}});
  b.output(b.one("Relu", {halves[0]}));
  b.output(b.one("Floor", {halves[1]}));
  const auto plan = check(b, {test::ramp({1, 8, 6})});
  ASSERT_NE(plan, nullptr);
  EXPECT_EQ(plan->stats().nodes, 4U) << "Abs, Neg, Relu, Floor";
  EXPECT_EQ(plan->stats().barriers, 1U) << "both halves wait for both producers, once";
}

TEST_F(PlanTest, ConcatOfAnInputOrOfSharedMemoryIsCopied) {
  Builder b;
  const ValueId x = b.input("x", {1, 4, 6});
  const ValueId a = b.one("Abs", {x});
  b.output(b.one("Concat", {a, x}, {{"axis", int64_t(1)}}));
  b.output(b.one("Concat", {a, a}, {{"axis", int64_t(1)}}));
  ASSERT_NE(check(b, {test::ramp({1, 4, 6})}), nullptr);
}

TEST_F(PlanTest, ReadersOfAValueSeeItBeforeItIsOverwritten) {
  Builder b;
  const ValueId x = b.input("x", {1, 3, 33});
  const ValueId a = b.one("Abs", {x});
  const ValueId view = b.reshape(a, {3, 33});
  const ValueId n = b.one("Neg", {a});  // may not write over `a`: its view is read later
  b.output(b.one("Add", {b.one("Relu", {n}), b.one("Neg", {n})}));
  b.output(b.one("Neg", {view}));
  ASSERT_NE(check(b, {test::ramp({1, 3, 33})}), nullptr);
}

TEST_F(PlanTest, GuardsStayIntact) {
  Builder b;
  const ValueId x = b.input("x", {1, 5, 7, 13});
  const ValueId y = b.one("Add", {b.one("Relu", {x}), b.constant(test::ramp({1, 5, 1, 1}))});
  b.output(b.one("Transpose", {y}, {{"perm", std::vector<int64_t>{0, 2, 3, 1}}}));
  const auto plan = check(b, {test::ramp({1, 5, 7, 13})}, {.guard_bytes = 128});
  ASSERT_NE(plan, nullptr);
  EXPECT_GE(plan->guards().size(), 4U);
}

TEST_F(PlanTest, IntegersCrossTheBoundaryAsTheyAre) {
  Builder b;
  const ValueId x = b.input("x", {5}, DType::kI64);
  b.output(b.one("Add", {x, b.constant(Tensor::i64({1}, std::vector<int64_t>{-7}))}));
  ASSERT_NE(check(b, {Tensor::i64({5}, std::vector<int64_t>{1, -2, 3, 1000000, 0})}), nullptr);
}

TEST_F(PlanTest, ConstantAndPassedThroughOutputs) {
  Builder b;
  const ValueId x = b.input("x", {4, 4});
  b.output(b.constant(test::ramp({3, 5})));
  b.output(x);
  b.output(b.one("Relu", {x}));
  ASSERT_NE(check(b, {test::ramp({4, 4})}), nullptr);
}

TEST_F(PlanTest, RecordsIntoManyFramesInFlight) {
  Builder b;
  const ValueId x = b.input("x", {1, 16, 64});
  b.output(b.one("Abs", {b.one("Neg", {x})}));
  const auto plan = check(b, {test::ramp({1, 16, 64})});
  ASSERT_NE(plan, nullptr);
  const uint64_t bytes = 16 * 64 * 4;
  std::vector<gpu::Buffer> results;
  auto ring = gpu::FrameRing::create(device(), 3, bytes);
  ASSERT_OK(ring);
  for (int i = 0; i < 6; ++i) {
    auto made = device().create_buffer({.size = bytes, .memory = gpu::Memory::kReadback, .name = "result"});
    ASSERT_OK(made);
    results.push_back(std::move(*made));
  }
  const uint64_t base = plan->activations().address();
  for (int i = 0; i < 6; ++i) {
    const auto frame = (*ring)->begin();
    ASSERT_OK(frame);
    auto staging = (*frame)->stage(bytes);
    ASSERT_OK(staging);
    std::fill_n(static_cast<float*>(staging->mapped), bytes / 4, float(i) + 0.5F);
    auto& list = (*frame)->commands();
    list.barrier(gpu::Scope::kCompute | gpu::Scope::kTransfer, gpu::Scope::kTransfer);
    list.copy(*staging->buffer, staging->offset, plan->activations(), plan->inputs()[0].address - base,
              bytes);
    plan->record(list);
    list.read_back(plan->activations(), plan->outputs()[0].address - base, results[size_t(i)], 0, bytes);
    list.barrier(gpu::Scope::kTransfer, gpu::Scope::kHost);
    ASSERT_OK((*ring)->submit(**frame));
  }
  (*ring)->drain();
  for (int i = 0; i < 6; ++i) EXPECT_EQ(results[size_t(i)].as<float>()[1023], float(i) + 0.5F);
}

TEST_F(PlanTest, ProfileAndDumpNameEveryNode) {
  Builder b;
  const ValueId x = b.input("x", {1, 16, 64});
  b.output(b.one("Abs", {b.one("Neg", {x})}));
  const auto folder = std::filesystem::temp_directory_path() / "tarsier_dump_test";
  std::filesystem::remove_all(folder);
  const auto plan = Plan::compile(device(), b.graph, {.dump_graph = folder});
  ASSERT_OK(plan);
  EXPECT_TRUE(std::filesystem::exists(folder / "01_prune.txt"));
  EXPECT_TRUE(std::filesystem::exists(folder / "03_infer_shapes.txt"));
  std::filesystem::remove_all(folder);
  const auto layers = (*plan)->profile(3);
  ASSERT_OK(layers);
  ASSERT_EQ(layers->size(), 2U);
  EXPECT_EQ((*layers)[0].op, "Neg");
  EXPECT_EQ((*layers)[0].shape, "[1,16,64] -> [1,16,64]");
  EXPECT_FALSE((*layers)[0].pipeline.empty());
  EXPECT_GT((*layers)[0].ms, 0);
}

TEST_F(PlanTest, ErrorsNameWhatIsWrong) {
  Builder b;
  const ValueId x = b.input("image", {1, 3, 4, 4});
  b.output(b.one("Relu", {x}));
  auto plan = Plan::compile(device(), b.graph, {});
  ASSERT_OK(plan);
  const auto wrong = Session(device(), **plan).run({test::ramp({1, 3, 4, 5})});
  ASSERT_FALSE(wrong.ok());
  EXPECT_NE(wrong.error().message.find("image"), std::string::npos);
  EXPECT_NE(wrong.error().message.find("[1,3,4,5]"), std::string::npos);
  EXPECT_NE(wrong.error().message.find("[1,3,4,4]"), std::string::npos);

  b.output(b.one("Frobnicate", {x}));
  b.output(b.one("Defenestrate", {x}));
  const auto refused = Plan::compile(device(), b.graph, {});
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().message.find("Frobnicate"), std::string::npos);
  EXPECT_NE(refused.error().message.find("Defenestrate_"), std::string::npos) << refused.error().message;
  // Nobody asked for those outputs: their operators need not be known.
  EXPECT_OK(Plan::compile(device(), b.graph, {.outputs = {b.graph.value(b.graph.outputs[0]).name}}));
}

}  // namespace
}  // namespace tarsier::infer
