// Convolutions by their first variant; tests/kernels/conv_test.cpp runs every variant of many more shapes.
#include "check/operator_case.hpp"

namespace tarsier::check {
namespace {

using Ints = std::vector<int64_t>;

Attributes window(int64_t kernel, int64_t stride, int64_t pad, int64_t group = 1, int64_t dilation = 1) {
  return {{"kernel_shape", Ints{kernel, kernel}},
          {"strides", Ints{stride, stride}},
          {"dilations", Ints{dilation, dilation}},
          {"pads", Ints{pad, pad, pad, pad}},
          {"group", group}};
}

}  // namespace

std::vector<OperatorCase> convolution_cases() {
  Attributes transposed = window(2, 2, 0);
  transposed["output_padding"] = Ints{0, 0};
  return {
      {"Conv", {x({1, 3, 35, 37}), w({16, 3, 3, 3}), w({16})}, window(3, 2, 1), kConvolution},
      {"Conv", {x({1, 32, 13, 15}), w({33, 32, 3, 3}), w({33})}, window(3, 1, 1), kConvolution},
      {"Conv", {x({2, 37, 13, 15}), w({24, 37, 1, 1}), w({24})}, window(1, 1, 0), kConvolution},
      {"Conv", {x({1, 24, 13, 15}), w({24, 1, 3, 3}), w({24})}, window(3, 1, 1, 24), kConvolution},
      {"Conv", {x({1, 24, 13, 15}), w({16, 12, 3, 3})}, window(3, 1, 2, 2, 2), kConvolution},
      {"ConvTranspose", {x({1, 16, 7, 9}), w({16, 8, 2, 2}), w({8})}, transposed, kConvolution},
  };
}

}  // namespace tarsier::check
