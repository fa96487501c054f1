#include "vision/disc_blur.hpp"

#include <algorithm>
#include <cmath>

#include "gpu/device.hpp"
#include "gpu/pipeline.hpp"

namespace tarsier::vision {
namespace {

constexpr uint32_t kRowGroup = 16;  // local sizes of blur_rows.comp and blur_disc.comp
constexpr uint32_t kDiscGroup = 64;

struct RowsPush {
  uint64_t samples, sums;
  int32_t columns, rows;
};
struct DiscPush {
  uint64_t sums, cells, blurred;
  int32_t columns, rows;
  int32_t reach;
  float radius;
};

}  // namespace

Result<DiscBlur> DiscBlur::create(gpu::Device& device, const CellGrid& grid) {
  DiscBlur blur;
  blur.grid_ = grid;
  TARSIER_TRY(blur.rows_, device.pipelines().get({"vision/blur_rows.comp", {}}));
  TARSIER_TRY(blur.disc_, device.pipelines().get({"vision/blur_disc.comp", {}}));
  const uint64_t sums = uint64_t(grid.columns + 1) * uint64_t(grid.rows);
  TARSIER_TRY(blur.sums_, device.create_buffer({.size = sums * 8, .name = "blur sums"}));
  TARSIER_TRY(blur.picture_, device.create_buffer({.size = grid.cells() * 4, .name = "blurred background"}));
  return blur;
}

void DiscBlur::record(gpu::CommandList& commands, const Matte& matte, float radius) const {
  const float cells = std::clamp(radius, 1.0F, float(kMaxRadius));
  const RowsPush rows{matte.background(), sums_.address(), grid_.columns, grid_.rows};
  commands.dispatch(*rows_, rows, {gpu::groups_for(uint64_t(grid_.rows), kRowGroup), 1, 1});
  commands.barrier();
  const DiscPush disc{sums_.address(),        matte.cells(), picture_.address(), grid_.columns, grid_.rows,
                      int(std::floor(cells)), cells};
  commands.dispatch(*disc_, disc,
                    {gpu::groups_for(uint64_t(grid_.columns), kDiscGroup), uint32_t(grid_.rows), 1});
  commands.barrier();
}

}  // namespace tarsier::vision
