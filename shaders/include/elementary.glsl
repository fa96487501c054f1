// Elementary functions where GLSL's own are not exact enough (its asin, acos and atan may be wrong by 4096 ulp) or
// lose their digits near zero. Polynomials are least-squares fits at Chebyshev nodes, errors below 1e-7.
#ifndef TARSIER_ELEMENTARY_GLSL
#define TARSIER_ELEMENTARY_GLSL

const float kHalfPi = 1.57079633;

// log(1 + y) where y may be tiny: the error of 1 + y is divided out again (W. Kahan; see N. Higham, "Accuracy and
// Stability of Numerical Algorithms", 1.14.1).
vec4 log1p(vec4 y) {
  const vec4 u = 1.0 + y;
  const vec4 small = log(u) * y / (u - 1.0);
  return mix(mix(log(u), small, lessThan(abs(y), vec4(0.5))), y, equal(u, vec4(1.0)));
}

// asin on [0, 1/2].
vec4 asin_core(vec4 x) {
  const vec4 z = x * x;
  return x + x * z * (0.16666673 + z * (0.07498809 + z * (0.04501071 + z * (0.026494237 + z * 0.03820652))));
}
vec4 exact_asin(vec4 x) {
  const vec4 a = abs(x);
  const vec4 folded = kHalfPi - 2.0 * asin_core(sqrt(0.5 - 0.5 * a));
  return sign(x) * mix(folded, asin_core(a), lessThan(a, vec4(0.5)));
}
vec4 exact_acos(vec4 x) {
  const vec4 a = abs(x);
  const vec4 folded = 2.0 * asin_core(sqrt(0.5 - 0.5 * a));
  const vec4 outer = mix(folded, 2.0 * kHalfPi - folded, lessThan(x, vec4(0.0)));
  return mix(outer, kHalfPi - sign(x) * asin_core(a), lessThan(a, vec4(0.5)));
}

// Reduced to |y| <= tan(pi/8) by atan(x) = pi/4 + atan((x - 1) / (x + 1)) and pi/2 - atan(1 / x).
vec4 exact_atan(vec4 x) {
  const vec4 a = abs(x);
  const bvec4 far = greaterThan(a, vec4(2.4142137)), middle = greaterThan(a, vec4(0.41421357));
  const vec4 y = mix(mix(a, (a - 1.0) / (a + 1.0), middle), -1.0 / a, far);
  const vec4 start = mix(mix(vec4(0.0), vec4(0.5 * kHalfPi), middle), vec4(kHalfPi), far);
  const vec4 z = y * y;
  const vec4 series = -0.3333333 + z * (0.1999955 + z * (-0.14264232 + z * (0.10746292 - z * 0.0645936)));
  return sign(x) * (start + (y + y * z * series));
}

vec4 exact_sinh(vec4 x) {
  const vec4 z = x * x;
  const vec4 series = x + x * z * (0.16666667 + z * (0.008333334 + z * (1.984127e-4 + z * 2.7557319e-6)));
  const vec4 half_root = exp(0.5 * abs(x));  // exp(x) itself overflows earlier than sinh
  const vec4 large = sign(x) * (0.5 * half_root * half_root);
  const vec4 e = exp(abs(x));
  const vec4 plain = mix(sign(x) * 0.5 * (e - 1.0 / e), large, greaterThan(abs(x), vec4(80.0)));
  return mix(plain, series, lessThan(abs(x), vec4(1.0)));
}
vec4 exact_cosh(vec4 x) {
  const vec4 e = exp(abs(x)), half_root = exp(0.5 * abs(x));
  return mix(0.5 * (e + 1.0 / e), 0.5 * half_root * half_root, greaterThan(abs(x), vec4(80.0)));
}

vec4 exact_asinh(vec4 x) {
  const vec4 a = abs(x), z = a * a;
  const vec4 plain = log1p(a + z / (1.0 + sqrt(1.0 + z)));
  return sign(x) * mix(plain, log(a) + 0.69314718, greaterThan(a, vec4(1e8)));
}
vec4 exact_acosh(vec4 x) {
  const vec4 t = x - 1.0;
  const vec4 plain = log1p(t + sqrt(t * (t + 2.0)));
  const vec4 any = mix(plain, log(x) + 0.69314718, greaterThan(x, vec4(1e8)));
  return mix(any, vec4(uintBitsToFloat(0x7FC00000u)), lessThan(x, vec4(1.0)));
}
vec4 exact_atanh(vec4 x) {
  const vec4 a = abs(x);
  const vec4 y = 0.5 * sign(x) * log1p(2.0 * a / (1.0 - a));
  const vec4 outside = mix(y, vec4(uintBitsToFloat(0x7FC00000u)), greaterThan(a, vec4(1.0)));
  return mix(outside, sign(x) * uintBitsToFloat(0x7F800000u), equal(a, vec4(1.0)));
}

#endif
