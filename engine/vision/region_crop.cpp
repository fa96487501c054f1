#include "vision/region_crop.hpp"

#include <cmath>

#include "gpu/pipeline.hpp"
#include "vision/network_input.hpp"

namespace tarsier::vision {
namespace {

constexpr uint32_t kGroup = 64;  // local size of region_crop.comp

struct Push {
  uint64_t frame, target, region;
  int32_t frame_width, frame_height;
  int32_t width, height;
  std::array<float, 3> mean, scale;
};

}  // namespace

Result<RegionCrop> RegionCrop::create(gpu::Device& device, const PreprocessDesc& desc,
                                      const TensorRef& destination) {
  RegionCrop pass;
  pass.desc_ = desc;
  TARSIER_TRY(pass.input_, NetworkInput::create(device, "vision/region_crop.comp",
                                                desc.order == ColourOrder::kRgb, destination));
  return pass;
}

void RegionCrop::record(gpu::CommandList& commands, uint64_t frame_address, int frame_width, int frame_height,
                        uint64_t region_address) const {
  const ChannelView& view = input_.view;
  const Push push{frame_address, view.address, region_address, frame_width, frame_height,
                  view.width,    view.height,  desc_.mean,     desc_.scale};
  const uint64_t items = input_.makes_words() ? input_.words() : uint64_t(view.pixels());
  commands.dispatch(*input_.pipeline, push, {gpu::groups_for(items, kGroup), 1, 1});
}

std::vector<float> region_crop_reference(const PreprocessDesc& desc, std::span<const uint32_t> frame,
                                         int frame_width, int frame_height, const Region& region,
                                         int input_width, int input_height, bool channels_last) {
  const size_t plane = size_t(input_width) * size_t(input_height);
  std::vector<float> values(3 * plane);
  for (int row = 0; row < input_height; ++row) {
    for (int column = 0; column < input_width; ++column) {
      const auto [at_x, at_y] = frame_of(region, (column + 0.5) / input_width, (row + 0.5) / input_height);
      const float x = float(at_x) - 0.5F, y = float(at_y) - 0.5F;
      const float fx = x - std::floor(x), fy = y - std::floor(y);
      const int x0 = int(std::floor(x)), y0 = int(std::floor(y));
      for (size_t c = 0; c < 3; ++c) {
        const auto shift = uint32_t(desc.order == ColourOrder::kRgb ? 2 - c : c) * 8;
        const auto at = [&](int sx, int sy) {
          if (region.valid == 0 || sx < 0 || sy < 0 || sx >= frame_width || sy >= frame_height) return 0.0F;
          return float((frame[size_t(sy) * size_t(frame_width) + size_t(sx)] >> shift) & 255U);
        };
        const float upper = at(x0, y0) * (1 - fx) + at(x0 + 1, y0) * fx;
        const float lower = at(x0, y0 + 1) * (1 - fx) + at(x0 + 1, y0 + 1) * fx;
        const float pixel = upper * (1 - fy) + lower * fy;
        const size_t position = size_t(row) * size_t(input_width) + size_t(column);
        values[channels_last ? position * 3 + c : c * plane + position] =
            (pixel - desc.mean[c]) * desc.scale[c];
      }
    }
  }
  return values;
}

}  // namespace tarsier::vision
