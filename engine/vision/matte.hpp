// From a segmentation network's coarse mask to how much of each pixel of the frame a person covers: smoothed
// over time, then brought to the frame's edges by a fast guided filter (He & Sun 2015).
#pragma once

#include <array>
#include <cstdint>

#include "gpu/command_list.hpp"
#include "vision/types.hpp"

namespace tarsier::gpu {
class Device;
}

namespace tarsier::vision {

/// A grid over the frame with a cell for each block of step x step pixels: as many rows up to 269, of larger
/// frames from 135 on (the step is whole), nearest to 180.
struct CellGrid {
  int width = 0, height = 0;  // of the frame
  int columns = 0, rows = 0;
  int step = 1;
  [[nodiscard]] uint64_t cells() const { return uint64_t(columns) * uint64_t(rows); }
  /// Two pixels of a block lie in one aligned word; rows of an even width all begin at one.
  [[nodiscard]] bool pairs() const { return step % 2 == 0 && width % 2 == 0; }
  bool operator==(const CellGrid&) const = default;
};
[[nodiscard]] CellGrid cell_grid(int width, int height);

/// A soft mask on the device: a byte a pixel, rows packed.
struct SoftMask {
  uint64_t address = 0;  // multiple of 4
  int width = 0, height = 0;
  Fit fit;  // mask = frame * scale + offset, in pixels
};

/// For frames and masks of one size. What it makes stays until the next frame's record().
class Matte {
 public:
  static Result<Matte> create(gpu::Device& device, int width, int height, int mask_width, int mask_height);
  /// `frame`: address of B, G, R, A bytes, a multiple of 8. `smooth_s`: time constant with which a mask that
  /// stands still is smoothed. Times that go back, and the first one, take the mask as it is; the same time
  /// again is the same frame, made anew. Starts by
  /// waiting for compute and transfers and ends by making its results visible to compute.
  void record(gpu::CommandList& commands, uint64_t frame, const SoftMask& mask, double time_s,
              double smooth_s);

  [[nodiscard]] const CellGrid& grid() const { return grid_; }
  /// The mask over time at its own size: floats.
  [[nodiscard]] const gpu::Buffer& smoothed() const { return smoothed_[at_]; }
  /// Four halves a cell: colour and mask; slopes and offset of the coverage as a function of the colour.
  [[nodiscard]] uint64_t cells() const { return cells_.address(); }
  [[nodiscard]] uint64_t coverage() const { return averaged_.address(); }
  /// Four numbers of 16 bits a cell, 0..1023: the background's light times its weight, and the weight.
  [[nodiscard]] uint64_t background() const { return background_.address(); }

 private:
  CellGrid grid_;
  int mask_width_ = 0, mask_height_ = 0;
  const gpu::ComputePipeline *smooth_ = nullptr, *reduce_ = nullptr, *fit_ = nullptr, *average_ = nullptr;
  std::array<gpu::Buffer, 2> smoothed_;  // in turn: this frame's and the last one's
  gpu::Buffer cells_, fitted_, averaged_, background_;
  int at_ = 0;
  bool started_ = false;
  double time_s_ = 0;
  double passed_s_ = -1;  // from the frame before it; below 0: that one does not count
};

}  // namespace tarsier::vision
