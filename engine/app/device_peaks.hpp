// What a device can do at best, measured by small shaders: the roof over each layer of a network.
#pragma once

#include <cstdint>
#include <vector>

#include "gpu/device.hpp"

namespace tarsier::app {

/// A copy of `bytes` / 2 from one buffer to another: `bytes` counts what is read and what is written.
struct CopyRate {
  uint64_t bytes = 0;
  double gb_per_s = 0;
};

struct DevicePeaks {
  double gflop_per_s = 0;        // fp32, multiply and add counted as two
  std::vector<CopyRate> copies;  // smallest first: within the caches, then beyond them
  double dispatch_ms = 0;        // a dispatch that does nothing, behind a barrier

  /// Copy bandwidth for a layer that moves so many bytes: of the measured sizes on both sides, between them
  /// by the logarithm.
  [[nodiscard]] double gb_per_s(uint64_t bytes) const;
  /// No layer can be faster: the longer of its arithmetic and its memory traffic.
  [[nodiscard]] double bound_ms(double gflop, uint64_t bytes) const;
};

/// Takes about a second. Needs timestamps. The largest copies are left out where memory for them can't be
/// had.
Result<DevicePeaks> measure_peaks(gpu::Device& device);

}  // namespace tarsier::app
