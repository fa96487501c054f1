// Element types narrower than the engine's: what their bits stand for, and rounding to them. Numbers from the
// OCP specifications of 8-bit floating point and of microscaling formats, and ONNX's documentation of Cast.
#include "graph/element_type.hpp"

#include <bit>
#include <cmath>
#include <gtest/gtest.h>
#include <limits>

namespace tarsier::graph {
namespace {

using enum ElementType;

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

float to(ElementType type, float x, bool saturate = true) {
  return rounded(x, *float_rounding(type, saturate));
}

TEST(ElementTypes, BitsOfSmallFloats) {
  EXPECT_EQ(decode_small_float(kFloat8E4M3FN, 0x7E), 448);
  EXPECT_TRUE(std::isnan(decode_small_float(kFloat8E4M3FN, 0xFF)));
  EXPECT_EQ(decode_small_float(kFloat8E4M3FN, 0x01), 0x1p-9F);
  EXPECT_EQ(decode_small_float(kFloat8E4M3FNUZ, 0x7F), 240);
  EXPECT_TRUE(std::isnan(decode_small_float(kFloat8E4M3FNUZ, 0x80)));
  EXPECT_EQ(decode_small_float(kFloat8E4M3FNUZ, 0x01), 0x1p-10F);
  EXPECT_EQ(decode_small_float(kFloat8E5M2, 0x7B), 57344);
  EXPECT_EQ(decode_small_float(kFloat8E5M2, 0xFC), -kInf);
  EXPECT_TRUE(std::isnan(decode_small_float(kFloat8E5M2, 0x7D)));
  EXPECT_EQ(decode_small_float(kFloat8E5M2, 0x01), 0x1p-16F);
  EXPECT_EQ(decode_small_float(kFloat8E5M2FNUZ, 0x7F), 57344);
  EXPECT_EQ(decode_small_float(kFloat8E5M2FNUZ, 0x01), 0x1p-17F);
  EXPECT_EQ(decode_small_float(kFloat4E2M1, 0x7), 6);
  EXPECT_EQ(decode_small_float(kFloat4E2M1, 0x9), -0.5F);
  EXPECT_EQ(decode_small_float(kFloat6E2M3, 0x1F), 7.5F);
  EXPECT_EQ(decode_small_float(kFloat6E3M2, 0x3F), -28);
  EXPECT_EQ(decode_small_float(kFloat8E8M0, 0), 0x1p-127F);
  EXPECT_EQ(decode_small_float(kFloat8E8M0, 254), 0x1p127F);
  EXPECT_TRUE(std::isnan(decode_small_float(kFloat8E8M0, 255)));
}

TEST(ElementTypes, EveryNumberOfAFormatStays) {
  for (const auto type : {kFloat8E4M3FN, kFloat8E4M3FNUZ, kFloat8E5M2, kFloat8E5M2FNUZ, kFloat4E2M1,
                          kFloat6E2M3, kFloat6E3M2}) {
    const uint32_t codes = 1U << element_bits(type);
    for (uint32_t code = 0; code < codes; ++code) {
      const float x = decode_small_float(type, code);
      const float same = to(type, x, false);
      EXPECT_TRUE(std::isnan(x) ? std::isnan(same)
                                : std::bit_cast<uint32_t>(x) == std::bit_cast<uint32_t>(same))
          << int(type) << ": " << code << " is " << x << ", rounded " << same;
      // Half way to the next number: to the even one.
      const float next = decode_small_float(type, code + 1);
      if (code + 1 >= codes / 2 || !std::isfinite(x) || !std::isfinite(next)) continue;
      EXPECT_EQ(to(type, (x + next) / 2), code % 2 == 0 ? x : next) << int(type) << ": " << code;
      EXPECT_EQ(to(type, -std::nextafter((x + next) / 2, next)), -next) << int(type) << ": " << code;
    }
  }
}

TEST(ElementTypes, WhatIsTooLarge) {
  EXPECT_EQ(to(kFloat8E4M3FN, 464), 448) << "a tie, to the even number";
  EXPECT_EQ(to(kFloat8E4M3FN, 1e6F), 448);
  EXPECT_EQ(to(kFloat8E4M3FN, -kInf), -448);
  EXPECT_TRUE(std::isnan(to(kFloat8E4M3FN, 465, false)));
  EXPECT_TRUE(std::isnan(to(kFloat8E4M3FNUZ, kInf, false)));
  EXPECT_EQ(to(kFloat8E5M2, kInf), 57344);
  EXPECT_EQ(to(kFloat8E5M2, -1e6F, false), -kInf);
  EXPECT_EQ(to(kFloat4E2M1, -kInf, false), -6);
  EXPECT_EQ(to(kFloat16, 65520), kInf);
  EXPECT_EQ(to(kFloat16, 65519), 65504);
  EXPECT_EQ(to(kBfloat16, 3.4e38F), kInf);
  EXPECT_TRUE(std::isnan(to(kFloat8E5M2, kNan)));
  EXPECT_FALSE(std::signbit(to(kFloat8E5M2FNUZ, -0.0F)));
  EXPECT_TRUE(std::signbit(to(kFloat8E5M2, -0.0F)));
  EXPECT_FALSE(float_rounding(kFloat).has_value());
}

TEST(ElementTypes, PowersOfTwo) {
  using enum PowerRounding;
  EXPECT_EQ(rounded_to_power(1.1F, kUp, true), 2);
  EXPECT_EQ(rounded_to_power(1.9F, kDown, true), 1);
  EXPECT_EQ(rounded_to_power(1.5F, kNearest, true), 2);
  EXPECT_EQ(rounded_to_power(1.49F, kNearest, true), 1);
  EXPECT_EQ(rounded_to_power(0, kUp, true), 0x1p-127F);
  EXPECT_TRUE(std::isnan(rounded_to_power(0, kNearest, false)));
  EXPECT_EQ(rounded_to_power(kInf, kUp, true), 0x1p127F);
  EXPECT_TRUE(std::isnan(rounded_to_power(3e38F, kUp, false)));
  EXPECT_EQ(rounded_to_power(0x1.8p-127F, kNearest, false), 0x1p-126F);
  EXPECT_EQ(rounded_to_power(0x1p-127F, kUp, false), 0x1p-127F);
}

TEST(ElementTypes, Integers) {
  EXPECT_EQ(integer_range(kInt4).low, -8);
  EXPECT_EQ(integer_range(kUint4).high, 15);
  EXPECT_EQ(integer_range(kInt2).high, 1);
  EXPECT_EQ(integer_range(kUint16).high, 65535);
  EXPECT_EQ(*dtype_of_onnx(22), DType::kI8);
  EXPECT_EQ(*dtype_of_onnx(25), DType::kU8);
  EXPECT_FALSE(dtype_of_onnx(8).ok());
  EXPECT_FALSE(dtype_of_onnx(99).ok());
  EXPECT_FALSE(dtype_of_onnx(-1).ok());
  for (const int64_t number : {1, 2, 3, 5, 6, 7, 9}) EXPECT_EQ(onnx_type(*dtype_of_onnx(number)), number);
}

}  // namespace
}  // namespace tarsier::graph
