// A real number as an integer of few bits: quantized() of engine/kernels/quantize.cpp.
#ifndef TARSIER_QUANTIZE_GLSL
#define TARSIER_QUANTIZE_GLSL

#include "rounding.glsl"
#include "tensor.glsl"

int quantized(float x, int zero_point, int low, int high) {
  const float bounded = isnan(x) ? 0.0 : clamp(x, -1.0e6, 1.0e6);
  return clamp(int(roundEven(bounded)) + zero_point, low, high);
}

vec4 with_digits(vec4 x, uint digits) {
  return digits == 1u ? round_to_half(x) : digits == 2u ? round_to_bfloat16(x) : x;
}
// x / scale in the precision that it is to be taken in: Quantization::digits() of quantize.cpp.
vec4 quotient(vec4 x, vec4 scale, uint digits) {
  return with_digits(with_digits(x, digits) / with_digits(scale, digits), digits);
}

#endif
