// How far apart colours are for people who see two kinds of cones alone.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>

namespace tarsier::test {

using Color = std::array<double, 3>;  // R, G, B or another space's
using Matrix = std::array<Color, 3>;

// Machado, Oliveira and Fernandes 2009, severity 1, for linear R, G, B.
constexpr Matrix kProtanopia{
    {{0.152286, 1.052583, -0.204868}, {0.114503, 0.786281, 0.099216}, {-0.003882, -0.048116, 1.051998}}};
constexpr Matrix kDeuteranopia{
    {{0.367322, 0.860646, -0.227968}, {0.280085, 0.672501, 0.047413}, {-0.011820, 0.042940, 0.968881}}};
constexpr Matrix kEveryCone{{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}};

inline Color operator*(const Matrix& matrix, const Color& color) {
  Color out{};
  for (size_t i = 0; i < 3; ++i)
    for (size_t k = 0; k < 3; ++k) out[i] += matrix[i][k] * color[k];
  return out;
}

/// CIELAB (D65) of sRGB in 0..255 as it is seen.
inline Color lab(Color srgb, const Matrix& seen) {
  constexpr Matrix kXyz{{{0.4124564, 0.3575761, 0.1804375},
                         {0.2126729, 0.7151522, 0.0721750},
                         {0.0193339, 0.1191920, 0.9503041}}};
  constexpr Color kWhite{0.95047, 1, 1.08883};
  for (double& c : srgb) c = c / 255 <= 0.04045 ? c / 255 / 12.92 : std::pow((c / 255 + 0.055) / 1.055, 2.4);
  Color linear = seen * srgb;
  for (double& c : linear) c = std::clamp(c, 0.0, 1.0);
  Color f = kXyz * linear;
  for (size_t i = 0; i < 3; ++i) {
    f[i] /= kWhite[i];
    f[i] = f[i] > 0.008856 ? std::cbrt(f[i]) : 7.787 * f[i] + 16.0 / 116;
  }
  return {116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])};
}

/// The smallest of their distances (CIE 1976) for eyes of all three kinds. 2.3 is just seen, side by side.
inline double least_distance(const Color& a, const Color& b) {
  double least = 1e9;
  for (const Matrix& seen : {kEveryCone, kProtanopia, kDeuteranopia}) {
    const Color x = lab(a, seen), y = lab(b, seen);
    least = std::min(least, std::hypot(x[0] - y[0], x[1] - y[1], x[2] - y[2]));
  }
  return least;
}

}  // namespace tarsier::test
