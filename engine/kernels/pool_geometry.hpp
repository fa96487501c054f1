// What the attributes of MaxPool, AveragePool and LpPool mean, worked out once for the shape rule, the CPU
// reference and the device kernels.
#pragma once

#include "kernels/operator.hpp"

namespace tarsier::kernels {

/// One spatial axis of a pooling window, in pixels.
struct PoolAxis {
  int64_t kernel = 1, stride = 1, dilation = 1, before = 0, after = 0, in = 0, out = 0;
};

enum class PoolKind : uint8_t { kMax, kAverage, kLp };

/// One entry for each spatial axis. Errors: rank below 3, attributes that contradict the shape.
Result<std::vector<PoolAxis>> pool_axes(const OpView& view);

/// The largest number of spatial axes that pool_volume.comp and the reference walk.
inline constexpr size_t kPoolAxes = 3;

/// The CPU reference. `indices` (MaxPool's second output) may be null: the place of each maximum in the input
/// as if it were flat, spatial axes in row-major order or (storage_order=1) the other way round.
void pool_reference(const OpView& view, PoolKind kind, const std::vector<PoolAxis>& axes,
                    std::vector<double>& values, std::vector<int64_t>* indices);

/// Any pooling of a row-major tensor of up to kPoolAxes spatial axes (shader pool_volume.comp).
Status emit_pool_volume(Emitter& emitter, PoolKind kind, const std::vector<PoolAxis>& axes);

}  // namespace tarsier::kernels
