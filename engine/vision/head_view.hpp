// Internal to vision: the tensors of a head, checked against what it expects.
#pragma once

#include <span>
#include <vector>

#include "vision/detection.hpp"

namespace tarsier::vision {

/// One view a tensor of the head. The errors say what the head expects.
Result<std::vector<ChannelView>> head_views(const HeadDesc& head, std::span<const TensorRef> tensors);

/// Codes (cell * classes + class) stay below this: the device's radix selection sorts by 22 bits of them.
inline constexpr uint64_t kMaxCodes = 1U << 22;

}  // namespace tarsier::vision
