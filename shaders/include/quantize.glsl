// A real number as an integer of few bits: quantized() of engine/kernels/quantize.cpp.
#ifndef TARSIER_QUANTIZE_GLSL
#define TARSIER_QUANTIZE_GLSL

#include "tensor.glsl"

int quantized(float x, int zero_point, int low, int high) {
  const float bounded = isnan(x) ? 0.0 : clamp(x, -1.0e6, 1.0e6);
  return clamp(int(roundEven(bounded)) + zero_point, low, high);
}

#endif
