// How layers are chosen that keep fp32 under --precision auto.
#include <filesystem>
#include <gtest/gtest.h>

#include "infer/layer_check.hpp"
#include "infer/plan.hpp"
#include "support/gpu_fixture.hpp"
#include "support/graph_builder.hpp"

namespace tarsier::test {
namespace {

using graph::Tensor;
using graph::ValueId;
using testing::G;

class PrecisionTest : public GpuTest {};

/// A layer whose results leave the range of fp16 keeps fp32, the others do not.
TEST_F(PrecisionTest, AutoKeepsFp32WhereHalvesOverflow) {
  G g;
  const ValueId x = g.input("x", {1, 4, 8, 8});
  const ValueId small = g.op("Sigmoid", {g.conv(x, {4, 4, 1, 1})});
  const ValueId large = g.op("Mul", {small, g.scalar(3e6F)});
  const ValueId mean =
      g.op("AveragePool", {large},
           {{"kernel_shape", std::vector<int64_t>{2, 2}}, {"strides", std::vector<int64_t>{2, 2}}});
  g.output(g.op("Mul", {mean, g.scalar(1e-6F)}));
  infer::CompileOptions options;
  const Tensor picture = testing::random_tensor({1, 4, 8, 8}, 1, 0, 1);
  const auto run = [&](infer::Precision precision) {
    options.precision = precision;
    options.tuning_file = std::filesystem::temp_directory_path() / "tarsier_auto_precision.json";
    std::filesystem::remove(options.tuning_file);
    const auto plan = infer::Plan::compile(device(), g, options);
    EXPECT_TRUE(plan.ok()) << plan.error().message;
    return (*infer::Session(device(), **plan).run({picture}))[0].to_floats();
  };
  const auto exact = run(infer::Precision::kFp32);
  EXPECT_LT(infer::range_error(run(infer::Precision::kAuto), exact), 5e-3);
  EXPECT_GT(infer::range_error(run(infer::Precision::kFp16), exact), 1.0);
  std::filesystem::remove(options.tuning_file);
}

}  // namespace
}  // namespace tarsier::test
