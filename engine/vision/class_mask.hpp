// Sets of classes as shaders take them.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <string>

namespace tarsier::vision {

/// Bit c: class c belongs to it. A detector has 128 classes at most.
using ClassMask = std::array<uint32_t, 4>;

/// Those of a detector's classes that are named; names that it does not know count for nothing.
inline ClassMask class_mask(std::span<const std::string> names, std::span<const std::string> labels) {
  ClassMask mask{};
  for (size_t id = 0; id < labels.size() && id < 128; ++id) {
    if (std::ranges::find(names, labels[id]) != names.end()) mask[id / 32] |= 1U << (id % 32);
  }
  return mask;
}

}  // namespace tarsier::vision
