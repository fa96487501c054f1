// What a layer made in an execution, in a few bytes: enough to tell whether two runs made the same.
#pragma once

#include <cstdint>

namespace tarsier::infer {

struct LayerDigest {
  uint64_t hash = 0;  // of the bytes of its outputs as they lie on the device
  /// Of magnitudes; 0 where the numbers are no reals. What is not finite counts as 0.
  float mean = 0, largest = 0;
  bool operator==(const LayerDigest&) const = default;
};

}  // namespace tarsier::infer
