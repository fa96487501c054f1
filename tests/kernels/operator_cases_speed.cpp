// Operators at the sizes of real networks; operator_test.cpp says how to time them.
#include "kernels/speed_cases.hpp"

namespace tarsier::test {
using namespace check;

using Ints = std::vector<int64_t>;

std::vector<OperatorCase> speed_cases() {
  const Attributes channels{{"axis", int64_t{1}}};
  return {
      {"Relu", {x({1, 128, 128, 128})}},
      {"HardSwish", {x({1, 128, 128, 128})}},
      {"Add", {x({1, 128, 128, 128}), x({1, 128, 128, 128})}},
      {"Mul", {x({1, 528, 32, 32}), x({1, 528, 1, 1})}},
      {"PRelu", {x({1, 64, 96, 96}), w({64, 1, 1})}},
      {"BatchNormalization", {x({1, 64, 90, 160}), w({64}), w({64}), w({64}), w({64}, 0.5, 2)}},
      {"GlobalAveragePool", {x({1, 528, 32, 32})}},
      {"GlobalAveragePool", {x({1, 72, 64, 64})}},
      {"MaxPool",
       {x({1, 24, 176, 176})},
       {{"kernel_shape", Ints{3, 3}}, {"strides", Ints{2, 2}}, {"pads", Ints{1, 1, 1, 1}}}},
      {"MaxPool", {x({1, 128, 13, 13})}, {{"kernel_shape", Ints{13, 13}}, {"pads", Ints{6, 6, 6, 6}}}},
      {"MaxPool", {x({1, 80, 128, 128})}, {{"kernel_shape", Ints{3, 3}}, {"pads", Ints{1, 1, 1, 1}}}},
      {"Resize", {x({1, 64, 64, 64}), none(), reals({1, 1, 2, 2})}, {{"mode", std::string("linear")}}},
      {"Resize",
       {x({1, 96, 26, 26}), none(), reals({1, 1, 2, 2})},
       {{"mode", std::string("nearest")}, {"coordinate_transformation_mode", std::string("asymmetric")}}},
      {"Concat", {x({1, 64, 52, 52}), x({1, 64, 52, 52})}, channels},
      {"Concat", {x({1, 58, 44, 44}), x({1, 58, 44, 44})}, channels},
      {"Slice", {x({1, 128, 44, 44}), list({64}), list({128}), list({1})}},
      {"GatherChannels", {x({1, 8, 208, 208})}, {{"indices", Ints{0, 4, 1, 5, 2, 6, 3, 7}}}},
      {"ToC4", {x({1, 3, 512, 512})}},
      {"ToLinear", {x({1, 80, 128, 128})}},
      {"Transpose", {x({1, 85, 52, 52})}, {{"perm", Ints{0, 2, 3, 1}}}},
      {"Softmax", {x({1, 22, 22, 80})}},
      {"MatMul", {x({1, 225, 64}), x({64, 225})}},
      {"Gemm", {x({1, 1280}), w({1280, 1000})}},
      {"ScaledDotProductAttention",
       {x({1, 4, 45, 80}), x({1, 4, 45, 80}), x({1, 32, 45, 80})},
       {{"spatial", int64_t{1}}}},
      {"ScaledDotProductAttention",
       {x({1, 8, 256, 64}), x({1, 8, 256, 64}), x({1, 8, 256, 64})},
       {{"scale", 0.125F}}},
      {"Equal", {x({1, 1310720}), x({1, 1310720})}},
      {"TopK", {x({1, 1310720}), list({100})}, {}, kExact, 2},
      {"ReduceMax", {x({1, 484, 80}), list({2})}},
  };
}

}  // namespace tarsier::test
