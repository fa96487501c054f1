#include "vision/guided_picture.hpp"

#include "gpu/device.hpp"
#include "gpu/pipeline.hpp"

namespace tarsier::vision {
namespace {

constexpr uint32_t kGroup = 64;  // local size of the shaders
constexpr uint32_t kRun = 8;     // of guided_fit.comp
// Variance below which a channel is noise: there the function is the ratio of the pictures' brightness.
constexpr float kRegularisation = 2e-4F;

struct ReducePush {
  uint64_t frame, source, cells;
  ViewStrides strides;
  int32_t width, height, source_width, source_height, columns, rows;
  Fit fit;
  std::array<float, 3> scale, offset;  // of the source's values to 0..1, in its channel order
};
struct FitPush {
  uint64_t cells, fitted;
  int32_t columns, rows;
  float regularisation;
};
struct AveragePush {
  uint64_t fitted, averaged;
  int32_t columns, rows;
  float follow;
};
struct ApplyPush {
  uint64_t frame, averaged, target;
  int32_t width, height, columns, rows;
  float strength;
};

}  // namespace

Result<GuidedPicture> GuidedPicture::create(gpu::Device& device, int width, int height,
                                            const PreprocessDesc& desc, const TensorRef& source) {
  GuidedPicture pass;
  auto view = image_view(source);
  if (!view.ok() || view->channels != 3) {
    return input_error("a picture has three channels, [1,3,H,W] or [1,H,W,3], this output is {}",
                       to_string(source));
  }
  pass.source_ = *view;
  pass.desc_ = desc;
  pass.grid_ = cell_grid(width, height);
  const auto step = uint32_t(pass.grid_.step);
  TARSIER_TRY(pass.reduce_, device.pipelines().get({"vision/guided_reduce.comp",
                                                    {step, pass.source_.fp16 ? 1U : 0U,
                                                     desc.order == ColourOrder::kRgb ? 1U : 0U}}));
  TARSIER_TRY(pass.fit_, device.pipelines().get({"vision/guided_fit.comp", {}}));
  TARSIER_TRY(pass.average_, device.pipelines().get({"vision/guided_average.comp", {}}));
  TARSIER_TRY(pass.apply_, device.pipelines().get({"vision/guided_apply.comp", {step}}));
  for (gpu::Buffer* buffer : {&pass.cells_, &pass.fitted_, &pass.averaged_}) {
    TARSIER_TRY(*buffer, device.create_buffer({.size = pass.grid_.cells() * 16, .name = "guided picture"}));
  }
  const uint64_t bytes = uint64_t(width) * uint64_t(height) * 4;
  TARSIER_TRY(pass.result_, device.create_buffer({.size = bytes, .name = "guided picture"}));
  return pass;
}

void GuidedPicture::fit(gpu::CommandList& commands, uint64_t frame, const Fit& fit, float follow) {
  ReducePush reduce{frame,
                    source_.address,
                    cells_.address(),
                    source_.strides(),
                    grid_.width,
                    grid_.height,
                    source_.width,
                    source_.height,
                    grid_.columns,
                    grid_.rows,
                    fit,
                    {},
                    {}};
  for (size_t c = 0; c < 3; ++c) {
    reduce.scale[c] = 1 / (255 * desc_.scale[c]);
    reduce.offset[c] = desc_.mean[c] / 255;
  }
  commands.barrier(gpu::Scope::kCompute | gpu::Scope::kTransfer, gpu::Scope::kCompute);
  const uint32_t across = gpu::groups_for(uint64_t(grid_.columns), kGroup);
  commands.dispatch(*reduce_, reduce, {across, uint32_t(grid_.rows), 1});
  commands.barrier();
  const FitPush window{cells_.address(), fitted_.address(), grid_.columns, grid_.rows, kRegularisation};
  commands.dispatch(*fit_, window, {across, gpu::groups_for(uint64_t(grid_.rows), kRun), 1});
  commands.barrier();
  const AveragePush average{fitted_.address(), averaged_.address(), grid_.columns, grid_.rows,
                            started_ ? follow : 1};
  started_ = true;
  commands.dispatch(*average_, average, {across, uint32_t(grid_.rows), 1});
}

void GuidedPicture::apply(gpu::CommandList& commands, uint64_t frame, float strength) const {
  commands.barrier(gpu::Scope::kCompute | gpu::Scope::kTransfer, gpu::Scope::kCompute);
  const ApplyPush push{frame,        averaged_.address(), result_.address(), grid_.width,
                       grid_.height, grid_.columns,       grid_.rows,        strength};
  // The blocks between the middles of cells, and half of one beyond each edge.
  commands.dispatch(*apply_, push,
                    {gpu::groups_for(uint64_t(grid_.columns) + 1, kGroup), uint32_t(grid_.rows) + 1, 1});
  commands.barrier(gpu::Scope::kCompute, gpu::Scope::kCompute | gpu::Scope::kTransfer);
}

}  // namespace tarsier::vision
