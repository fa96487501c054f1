// Rows of the operator table: pools, resize, layout conversion. operator_test.cpp says how to add one.
#include "check/operator_case.hpp"

namespace tarsier::check {

using Kind = graph::PostOp::Kind;
using Ints = std::vector<int64_t>;

std::vector<OperatorCase> spatial_cases() {
  std::vector<OperatorCase> cases{
      {"MaxPool",
       {x({1, 5, 13, 7})},
       {{"kernel_shape", Ints{3, 3}}, {"strides", Ints{2, 2}}, {"pads", Ints{1, 1, 1, 1}}},
       kExact},
      {"MaxPool", {x({2, 8, 13, 7})}, {{"kernel_shape", Ints{2, 2}}, {"strides", Ints{2, 2}}}, kExact},
      {"MaxPool", {x({1, 3, 13, 13})}, {{"kernel_shape", Ints{5, 5}}, {"pads", Ints{2, 2, 2, 2}}}, kExact},
      {"MaxPool",
       {x({1, 3, 13, 7})},
       {{"kernel_shape", Ints{3, 2}}, {"dilations", Ints{2, 3}}, {"pads", Ints{2, 1, 1, 2}}},
       kExact},
      {"MaxPool",
       {x({1, 13, 13, 5})},
       {{"kernel_shape", Ints{3, 3}}, {"strides", Ints{2, 2}}, {"ceil_mode", int64_t{1}}},
       kExact},
      {"MaxPool",
       {x({1, 5, 7, 13})},
       {{"kernel_shape", Ints{3, 3}}, {"strides", Ints{2, 2}}, {"auto_pad", std::string("SAME_UPPER")}},
       kExact},
      {"MaxPool",
       {x({1, 5, 7, 13})},
       {{"kernel_shape", Ints{2, 2}}, {"strides", Ints{2, 2}}, {"auto_pad", std::string("SAME_LOWER")}},
       kExact},
      {"MaxPool",
       {x({1, 5, 7, 13})},
       {{"kernel_shape", Ints{7, 13}}, {"auto_pad", std::string("VALID")}},
       kExact},
      {"MaxPool",
       {x({1, 5, 7, 5})},
       {{"kernel_shape", Ints{3, 3}}, {"pads", Ints{1, 1, 1, 1}}},
       kElementwise,
       1,
       {{Kind::kAdd, 0, 0, x({1, 5, 7, 5})}, {Kind::kSigmoid}}},
      {"MaxPool",
       {x({1, 5, 7, 5})},
       {{"kernel_shape", Ints{3, 3}}, {"pads", Ints{1, 1, 1, 1}}},
       kElementwise,
       1,
       {{Kind::kMul, 0, 0, x({1, 5, 1, 1})}, {Kind::kPRelu, 0, 0, w({5, 1, 1})}}},
      {"AveragePool",
       {x({1, 5, 13, 7})},
       {{"kernel_shape", Ints{3, 3}}, {"strides", Ints{2, 2}}, {"pads", Ints{1, 1, 1, 1}}}},
      {"AveragePool",
       {x({1, 5, 13, 7})},
       {{"kernel_shape", Ints{3, 3}},
        {"strides", Ints{2, 2}},
        {"pads", Ints{1, 0, 1, 2}},
        {"count_include_pad", int64_t{1}}}},
      {"AveragePool",
       {x({1, 8, 13, 7})},
       {{"kernel_shape", Ints{3, 3}}, {"strides", Ints{3, 3}}, {"ceil_mode", int64_t{1}}}},
      {"AveragePool",
       {x({1, 8, 7, 7})},
       {{"kernel_shape", Ints{3, 3}},
        {"strides", Ints{2, 2}},
        {"ceil_mode", int64_t{1}},
        {"pads", Ints{1, 1, 1, 1}},
        {"count_include_pad", int64_t{1}}}},
      {"AveragePool",
       {x({1, 8, 7, 7})},
       {{"kernel_shape", Ints{2, 2}}, {"auto_pad", std::string("SAME_UPPER")}}},
      {"GlobalAveragePool", {x({1, 13, 7, 5})}, {}, kReduction},
      {"GlobalAveragePool", {x({2, 8, 13, 13})}, {}, kReduction, 1, {{Kind::kHardSigmoid, 0.2F, 0.5F}}},
      {"GlobalAveragePool", {x({1, 150, 7, 5})}, {}, kReduction},
      {"GlobalAveragePool", {x({1, 5, 1, 1})}, {}, kReduction},
      {"GlobalAveragePool", {x({2, 3, 13})}, {}, kReduction},
      {"GlobalMaxPool", {x({1, 5, 7, 13})}, {}, kExact},
      {"GlobalMaxPool", {x({2, 8, 5, 5}, -9, -3)}, {}, kExact},
      {"ToC4", {x({2, 13, 5, 7})}, {}, kExact},
      {"ToC4", {x({1, 8, 13, 13})}, {}, kExact},
      {"ToC4", {x({1, 1, 1, 1})}, {}, kExact},
      {"ToC4", {x({2, 5, 7, 3})}, {{"channels_last", int64_t{1}}}, kExact},
      {"ToC4", {x({1, 13, 5, 8})}, {{"channels_last", int64_t{1}}}, kExact},
      {"ToLinear", {x({2, 13, 5, 7})}, {}, kExact},
      {"ToLinear", {x({1, 8, 13, 13})}, {}, kExact},
      {"ToLinear", {x({1, 3, 1, 5})}, {}, kExact},
      {"ToLinear", {x({2, 13, 5, 7})}, {{"channels_last", int64_t{1}}}, kExact},
      {"ToLinear", {x({1, 1, 13, 5})}, {{"channels_last", int64_t{1}}}, kExact},
      {"ToLinear", {x({1, 8, 8, 8})}, {{"channels_last", int64_t{1}}}, kExact},
  };
  for (const char* mode :
       {"asymmetric", "half_pixel", "align_corners", "pytorch_half_pixel", "tf_half_pixel_for_nn"}) {
    const std::string coordinates = mode;
    cases.push_back({"Resize",
                     {x({1, 5, 7, 5}), none(), none(), list({1, 5, 13, 7})},
                     {{"mode", std::string("linear")}, {"coordinate_transformation_mode", coordinates}}});
    cases.push_back({"Resize",
                     {x({1, 8, 13, 7}), none(), reals({1, 1, 0.6, 0.5})},
                     {{"mode", std::string("linear")}, {"coordinate_transformation_mode", coordinates}}});
    for (const char* rounding : {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil"}) {
      cases.push_back({"Resize",
                       {x({1, 3, 7, 5}), none(), none(), list({1, 3, 13, 13})},
                       {{"mode", std::string("nearest")},
                        {"coordinate_transformation_mode", coordinates},
                        {"nearest_mode", std::string(rounding)}},
                       kExact});
    }
  }
  cases.push_back({"Resize",
                   {x({2, 5, 7, 5}), none(), reals({1, 1, 2, 2})},
                   {{"mode", std::string("nearest")},
                    {"coordinate_transformation_mode", std::string("asymmetric")},
                    {"nearest_mode", std::string("floor")}},
                   kExact});
  cases.push_back({"Resize",
                   {x({1, 5, 7, 5}), none(), reals({1, 1, 2, 2})},
                   {{"mode", std::string("linear")}},
                   kElementwise,
                   1,
                   {{Kind::kAdd, 0, 0, x({1, 5, 14, 10})}, {Kind::kSigmoid}}});
  cases.push_back(
      {"Resize", {x({1, 5, 1, 1}), none(), none(), list({1, 5, 7, 1})}, {{"mode", std::string("linear")}}});
  return cases;
}

}  // namespace tarsier::check
