// Coordinates, borders and taps of GridSample; engine/kernels/grid_sample.cpp has the same on the host.
#ifndef TARSIER_GRID_SAMPLE_GLSL
#define TARSIER_GRID_SAMPLE_GLSL

layout(constant_id = 0) const uint kInterpolation = 1u;  // 0 nearest, 1 linear, 2 cubic
layout(constant_id = 1) const uint kBorder = 0u;         // 0 zeros, 1 clamp, 2 reflect
layout(constant_id = 2) const uint kAlign = 0u;

const uint kTaps = kInterpolation == 0u ? 1u : kInterpolation == 1u ? 2u : 4u;

float reflect_between(float x, float low, float high) {
  const float range = high - low;
  if (range <= 0.0) return low;
  const float from = abs(x - low), turns = floor(from / range), rest = from - turns * range;
  return turns - 2.0 * floor(turns * 0.5) == 0.0 ? low + rest : high - rest;
}

float reflect_in(float x, int extent) {
  return kAlign != 0u ? reflect_between(x, 0.0, float(extent - 1))
                      : reflect_between(x, -0.5, float(extent) - 0.5);
}

// From [-1, 1] to pixels, with the border applied where it belongs to the coordinate.
float coordinate(float x, int extent) {
  float at = kAlign != 0u ? (x + 1.0) * 0.5 * float(extent - 1) : ((x + 1.0) * float(extent) - 1.0) * 0.5;
  // Far outside (and NaN), a finite number still has to become an index.
  at = at >= -1e9 ? min(at, 1e9) : -1e9;
  if (kInterpolation == 2u) return at;
  if (kBorder == 1u) at = clamp(at, 0.0, float(extent - 1));
  if (kBorder == 2u) at = reflect_in(at, extent);
  return at;
}

int first_tap(float at) {
  if (kInterpolation == 0u) return int(roundEven(at));
  return int(floor(at)) - (kInterpolation == 2u ? 1 : 0);
}

vec4 tap_weights(float at) {
  const float r = at - floor(at);
  if (kInterpolation == 0u) return vec4(1.0, 0.0, 0.0, 0.0);
  if (kInterpolation == 1u) return vec4(1.0 - r, r, 0.0, 0.0);
  const float a = -0.75;
  const vec2 near = vec2(r, 1.0 - r), far = near + 1.0;
  const vec2 inner = ((a + 2.0) * near - (a + 3.0)) * near * near + 1.0;
  const vec2 outer = ((a * far - 5.0 * a) * far + 8.0 * a) * far - 4.0 * a;
  return vec4(outer.x, inner, outer.y);
}

// The element that a tap reads, always within the axis; `weight` becomes zero where it reads the zeros outside.
int tap_index(int i, int extent, inout float weight) {
  const bool inside = i >= 0 && i < extent;
  if (kBorder == 0u && !inside) weight = 0.0;
  if (kBorder == 2u && !inside) i = int(reflect_in(float(i), extent));
  return clamp(i, 0, extent - 1);
}

#endif
