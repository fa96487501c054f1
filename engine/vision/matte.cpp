#include "vision/matte.hpp"

#include <algorithm>
#include <cmath>

#include "gpu/device.hpp"
#include "gpu/pipeline.hpp"

namespace tarsier::vision {
namespace {

constexpr uint32_t kGroup = 64;  // local size of the shaders
constexpr uint32_t kRun = 8;     // of matte_fit.comp
constexpr int kRows = 180;       // of the grid, about
constexpr float kFollow = 0.08F, kFollowAtOnce = 0.3F;
constexpr float kRegularisation = 1e-3F;

struct SmoothPush {
  uint64_t mask, previous, next;
  int32_t width, height;
  float follow, low, high;
};
struct ReducePush {
  uint64_t frame, mask, cells;
  int32_t width, height, mask_width, mask_height, columns, rows;
  float scale_x, scale_y, offset_x, offset_y;
};
struct FitPush {
  uint64_t cells, fitted;
  int32_t columns, rows;
  float regularisation;
};
struct AveragePush {
  uint64_t cells, fitted, averaged, background;
  int32_t columns, rows;
};

}  // namespace

CellGrid cell_grid(int width, int height) {
  CellGrid grid{.width = width, .height = height};
  grid.step = std::max(1, (height + kRows / 2) / kRows);
  grid.columns = (width + grid.step - 1) / grid.step;
  grid.rows = (height + grid.step - 1) / grid.step;
  return grid;
}

Result<Matte> Matte::create(gpu::Device& device, int width, int height, int mask_width, int mask_height) {
  Matte matte;
  matte.grid_ = cell_grid(width, height);
  matte.mask_width_ = mask_width;
  matte.mask_height_ = mask_height;
  TARSIER_TRY(matte.smooth_, device.pipelines().get({"vision/mask_smooth.comp", {}}));
  TARSIER_TRY(matte.reduce_,
              device.pipelines().get(
                  {"vision/matte_reduce.comp", {uint32_t(matte.grid_.step), matte.grid_.pairs() ? 1U : 0U}}));
  TARSIER_TRY(matte.fit_, device.pipelines().get({"vision/matte_fit.comp", {}}));
  TARSIER_TRY(matte.average_, device.pipelines().get({"vision/matte_average.comp", {}}));
  for (auto& buffer : matte.smoothed_) {
    TARSIER_TRY(buffer,
                device.create_buffer({.size = uint64_t(mask_width) * uint64_t(mask_height) * sizeof(float),
                                      .name = "smoothed mask"}));
  }
  for (gpu::Buffer* buffer : {&matte.cells_, &matte.fitted_, &matte.averaged_, &matte.background_}) {
    TARSIER_TRY(*buffer, device.create_buffer({.size = matte.grid_.cells() * 8, .name = "matte"}));
  }
  return matte;
}

void Matte::record(gpu::CommandList& commands, uint64_t frame, const SoftMask& mask, double time_s,
                   double smooth_s) {
  // A frame that is drawn again (a paused window) is smoothed anew from the one before it: the mask or its
  // smoothing may have been set otherwise.
  const bool again = started_ && time_s == time_s_;
  if (!again) {
    passed_s_ = started_ ? time_s - time_s_ : -1;
    at_ = 1 - at_;
  }
  started_ = true;
  time_s_ = time_s;
  const float follow = passed_s_ > 0 && smooth_s > 0 ? float(1 - std::exp(-passed_s_ / smooth_s)) : 1;
  const gpu::Buffer& previous = smoothed_[1 - at_];
  const gpu::Buffer& next = smoothed_[at_];

  commands.barrier(gpu::Scope::kCompute | gpu::Scope::kTransfer, gpu::Scope::kCompute);
  const SmoothPush smooth{mask.address, previous.address(), next.address(), mask_width_, mask_height_, follow,
                          kFollow,      kFollowAtOnce};
  commands.dispatch(*smooth_, smooth,
                    {gpu::groups_for(uint64_t(mask_width_), kGroup), uint32_t(mask_height_), 1});
  commands.barrier();
  const uint32_t across = gpu::groups_for(uint64_t(grid_.columns), kGroup);
  const ReducePush reduce{frame,
                          next.address(),
                          cells_.address(),
                          grid_.width,
                          grid_.height,
                          mask_width_,
                          mask_height_,
                          grid_.columns,
                          grid_.rows,
                          mask.fit.scale_x,
                          mask.fit.scale_y,
                          mask.fit.offset_x,
                          mask.fit.offset_y};
  commands.dispatch(*reduce_, reduce, {across, uint32_t(grid_.rows), 1});
  commands.barrier();
  const FitPush fit{cells_.address(), fitted_.address(), grid_.columns, grid_.rows, kRegularisation};
  commands.dispatch(*fit_, fit, {across, gpu::groups_for(uint64_t(grid_.rows), kRun), 1});
  commands.barrier();
  const AveragePush average{cells_.address(),      fitted_.address(), averaged_.address(),
                            background_.address(), grid_.columns,     grid_.rows};
  commands.dispatch(*average_, average, {across, uint32_t(grid_.rows), 1});
  commands.barrier();
}

}  // namespace tarsier::vision
