// Every operator of the registry on the device against its CPU reference.
//
// How to add a case: add a row to one of the tables in engine/check/operator_cases_*.cpp:
//
//     {"Mul", {x({1, 5, 7, 13}), w({5, 1, 1})}, {}, kElementwise},
//
// operator, operands (x: random values that arrive at run time; w, list, scalar: constants; none: absent),
// attributes, tolerance class (tolerance.hpp), and where needed the number of outputs and post-ops. That one
// row runs the operator in every layout and storage that its kernel takes (row-major; channel groups in fp32
// and fp16), in place where it allows that, with sentinels around every operand, and gives its line in
// docs/OPERATORS.md, the support table. An operator without a row fails the test EveryOperatorHasACase.
// After adding one:  TARSIER_UPDATE_DOCS=1 kernels_tests --gtest_filter='OperatorTable.*'
#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <fmt/ranges.h>
#include <gtest/gtest.h>
#include <random>
#include <set>

#include "check/kernel_check.hpp"
#include "check/kernel_runner.hpp"
#include "check/operator_case.hpp"
#include "core/file.hpp"
#include "kernels/speed_cases.hpp"
#include "support/gpu_fixture.hpp"

namespace tarsier::test {
using namespace check;
namespace {

using graph::DType;
using graph::Tensor;
using graph::ValueId;

std::string name_of_case(size_t index) {
  const OperatorCase& c = all_cases()[index];
  std::string name = c.op;
  for (const auto& input : c.inputs) {
    if (input.absent) continue;
    name += '_';
    name += fmt::format("{}", fmt::join(input.shape, "x"));
  }
  name += fmt::format("_{}", index);
  for (char& letter : name) letter = std::isalnum(static_cast<unsigned char>(letter)) != 0 ? letter : '_';
  return name;
}

class OperatorTest : public GpuTest, public ::testing::WithParamInterface<size_t> {};

TEST_P(OperatorTest, MatchesItsReference) {
  const auto result = check_case(device(), all_cases()[GetParam()]);
  EXPECT_TRUE(result.failures.empty()) << fmt::format("{}", fmt::join(result.failures, "\n"));
}

std::vector<size_t> indices() {
  std::vector<size_t> all(all_cases().size());
  for (size_t i = 0; i < all.size(); ++i) all[i] = i;
  return all;
}

INSTANTIATE_TEST_SUITE_P(Table, OperatorTest, ::testing::ValuesIn(indices()),
                         [](const auto& row) { return name_of_case(row.param); });

// Timed by hand:  kernels_tests --gtest_also_run_disabled_tests --gtest_filter='*Speed*'
class DISABLED_OperatorSpeed : public GpuTest {};

TEST_F(DISABLED_OperatorSpeed, PrintsMilliseconds) {
  for (const auto& c : speed_cases()) {
    const auto* kernel = kernels::Registry::instance().find(c.op);
    ASSERT_NE(kernel, nullptr);
    std::string line = fmt::format("{:18} {:22}", c.op, graph::to_string(c.inputs[0].shape));
    for (const bool half : {false, true}) {
      auto built = build(c);
      ASSERT_OK(built);
      const auto run = run_node(device(), built->graph, *kernel, built->data,
                                {.channel_groups = true, .half = half, .repeats = 12});
      ASSERT_OK(run);
      line += fmt::format(" {:8.3f} ms ({:8.3f} CPU) {}", run->ms, run->cpu_ms, half ? "fp16" : "fp32");
    }
    std::printf("%s\n", line.c_str());
  }
}

// --- the support table

/// Operators that constant folding replaces, and those with a test program of their own.
const std::set<std::string> kFolded{"Shape", "Size", "ConstantOfShape", "Range", "Unique"};
const std::set<std::string> kElsewhere{"Conv", "ConvTranspose"};

TEST(OperatorTable, EveryOperatorHasACase) {
  std::set<std::string> covered;
  for (const auto& c : all_cases()) covered.insert(c.op);
  for (const auto* kernel : kernels::Registry::instance().all()) {
    // What is only written out in others runs no kernel of its own: composite tests and ONNX's cases try it.
    if (kernel->infer == nullptr || kFolded.count(kernel->name) > 0 || kElsewhere.count(kernel->name) > 0)
      continue;
    EXPECT_EQ(covered.count(kernel->name), 1U) << kernel->name << " has no row in operator_cases_*.cpp";
  }
}

/// What the rows of one operator show: asked of the kernel, without a device.
std::string support_table() {
  std::string text =
      "# Operators\n\n"
      "Generated from the kernel registry and the cases in `engine/check/` (tests/kernels/operator_test.cpp "
      "says "
      "how).\n\n"
      "- *channel groups*: runs on `[N][C/4][H][W][4]` activations, stored as fp32 or fp16, without a "
      "layout\n"
      "  conversion; every other operator, and every other shape of these, runs on row-major fp32 or "
      "int32.\n"
      "- *fuses*: takes following activations (*pointwise*), or those and residual Add, Mul and PRelu "
      "(*all*).\n"
      "- *in place*: may write over its input.\n\n"
      "| operator | channel groups | fuses | in place | cases |\n|---|---|---|---|---|\n";
  for (const auto* kernel : kernels::Registry::instance().all()) {
    if (kFolded.count(kernel->name) != 0) {
      text += fmt::format("| {} | folded when the model is compiled | | | |\n", kernel->name);
      continue;
    }
    if (kernel->infer == nullptr) {
      text += fmt::format("| {} | written out in others when the model is compiled | | | |\n", kernel->name);
      continue;
    }
    if (kElsewhere.count(kernel->name) != 0) {
      text += fmt::format("| {} | yes | all | | conv_test.cpp |\n", kernel->name);
      continue;
    }
    bool groups = false, pointwise = false, everything = false, in_place = false;
    size_t count = 0;
    for (const auto& c : all_cases()) {
      if (c.op != kernel->name) continue;
      ++count;
      auto built = build(c);
      if (!built.ok()) continue;
      graph::Graph& graph = built->graph;
      graph::Node& node = graph.nodes[0];
      node.post.clear();
      for (const auto& [id, tensor] : built->data) {
        if (kernels::can_be_c4(graph.value(id).desc)) graph.value(id).layout = graph::Layout::kC4;
      }
      const auto choice = kernel->layouts(graph, node);
      for (const auto layout : choice.outputs) groups = groups || layout == graph::Layout::kC4;
      for (size_t i = 0; i < choice.inputs.size(); ++i) {
        groups = groups || (choice.inputs[i] == graph::Layout::kC4 && !graph.value(node.inputs[i]).constant);
      }
      pointwise = pointwise || kernel->accepts(graph, node, {graph::PostOp::Kind::kRelu});
      everything =
          everything || kernel->accepts(graph, node, {graph::PostOp::Kind::kAdd, 0, 0, node.outputs[0]});
      in_place = in_place || kernel->in_place_input(graph, node) >= 0;
    }
    text += fmt::format("| {} | {} | {} | {} | {} |\n", kernel->name, groups ? "yes" : "",
                        everything  ? "all"
                        : pointwise ? "pointwise"
                                    : "",
                        in_place ? "yes" : "", count);
  }
  return text;
}

TEST(OperatorTable, DocumentIsUpToDate) {
  const std::filesystem::path path = std::filesystem::path(TARSIER_SOURCE_DIR) / "docs" / "OPERATORS.md";
  const std::string wanted = support_table();
  if (std::getenv("TARSIER_UPDATE_DOCS") != nullptr) {
    ASSERT_OK(write_text_atomic(path, wanted));
  }
  const auto found = read_text(path);
  ASSERT_OK(found);
  EXPECT_TRUE(*found == wanted) << "docs/OPERATORS.md is stale: run this test with TARSIER_UPDATE_DOCS=1";
}

}  // namespace
}  // namespace tarsier::test
