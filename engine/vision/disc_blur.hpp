// The background out of focus: the mean over a disc, as a round aperture makes it, of what is no person.
#pragma once

#include "vision/matte.hpp"

namespace tarsier::vision {

/// Works on the cells of a matte, for grids of one size. What it makes stays until the next record().
class DiscBlur {
 public:
  static constexpr int kMaxRadius = 31;  // cells: running sums of 16 bits hold so long a stretch

  static Result<DiscBlur> create(gpu::Device& device, const CellGrid& grid);
  /// `radius` in cells, at least 1 and at most kMaxRadius. Ends by making the picture visible to compute.
  void record(gpu::CommandList& commands, const Matte& matte, float radius) const;
  /// B, G, R, A bytes, one pixel a cell.
  [[nodiscard]] const gpu::Buffer& picture() const { return picture_; }

 private:
  CellGrid grid_;
  const gpu::ComputePipeline *rows_ = nullptr, *disc_ = nullptr;
  gpu::Buffer sums_, picture_;
};

}  // namespace tarsier::vision
