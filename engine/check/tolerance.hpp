// How far a device result may lie from its CPU reference, by class of operator. A case that needs more
// carries its reason beside it. An element passes by absolute OR relative error; the whole tensor must also
// keep the normalised mean square error, which one lucky or unlucky element can't hide behind.
#pragma once

#include <cmath>
#include <cstddef>
#include <fmt/format.h>
#include <span>
#include <string>

namespace tarsier::check {

struct Tolerance {
  double absolute = 0, relative = 0, nmse = 0;
};

inline constexpr Tolerance kExact{0, 0, 0};                  // moves, integers, comparisons
inline constexpr Tolerance kElementwise{2e-6, 4e-6, 1e-11};  // a few roundings and one transcendental
inline constexpr Tolerance kReduction{2e-5, 2e-5, 1e-10};    // sums in another order
inline constexpr Tolerance kConvolution{1e-4, 1e-4, 1e-9};   // long sums of products
inline constexpr Tolerance kFp16{2e-3, 2e-3, 1e-6};          // result stored with 11 bits
// Products, and their sums over 16 steps of k, rounded to 11 bits too.
inline constexpr Tolerance kFp16Arithmetic{5e-3, 4e-3, 2e-6};
inline constexpr Tolerance kInt8{2e-2, 2e-2, 1e-3};  // quantised operands

/// Empty when the tensors agree, else one line that says where and by how much.
inline std::string difference(std::span<const float> got, std::span<const float> wanted,
                              Tolerance tolerance) {
  if (got.size() != wanted.size()) return fmt::format("{} elements, {} wanted", got.size(), wanted.size());
  double error = 0, energy = 0, worst = 0;
  size_t bad = 0, at = 0;
  for (size_t i = 0; i < got.size(); ++i) {
    const double g = got[i], w = wanted[i];
    if (std::isnan(w) || std::isinf(w)) {
      if (std::isnan(w) ? std::isnan(g) : g == w) continue;
    }
    const double distance = std::fabs(g - w);
    if (!(distance <= tolerance.absolute || distance <= tolerance.relative * std::fabs(w))) {
      if (bad++ == 0 || distance > worst) at = i, worst = distance;
    }
    error += distance * distance;
    energy += w * w;
  }
  if (bad > 0) {
    return fmt::format("{} of {} elements differ; worst at {}: {} for {}", bad, got.size(), at, got[at],
                       wanted[at]);
  }
  // All zero references leave the absolute test alone in charge.
  if (energy > 0 && error / energy > tolerance.nmse) {
    return fmt::format("normalised mean square error {:.3g}, at most {:.3g}", error / energy, tolerance.nmse);
  }
  return {};
}

}  // namespace tarsier::check
