#include "vision/preprocess.hpp"

#include <algorithm>
#include <cmath>

#include "gpu/pipeline.hpp"
#include "vision/network_input.hpp"

namespace tarsier::vision {
namespace {

constexpr uint32_t kGroup = 64;
constexpr uint32_t kRows = 4;

struct Push {
  uint64_t frame, target;
  int32_t frame_width, frame_height;
  int32_t target_width, target_height;
  int32_t x, y, width, height;
  std::array<float, 3> mean, scale;
  float pad;
};

// Neighbours and weights (1/2048) of one output column or row, in cv::resize's own arithmetic.
struct Tap {
  int a, b;
  int weight_a, weight_b;
};

Tap tap_of(int i, int from, int to, bool clamp_weights) {
  const double ratio = 1.0 / (double(to) / from);
  const auto position = float((i + 0.5) * ratio - 0.5);
  const int a = int(std::floor(position));
  float f = position - float(a);
  if (clamp_weights && (a < 0 || a >= from - 1)) f = 0;  // along x; along y the rows are clamped instead
  return {std::clamp(a, 0, from - 1), std::clamp(a + 1, 0, from - 1),
          int(std::nearbyint((1.0F - f) * 2048.0F)), int(std::nearbyint(f * 2048.0F))};
}

}  // namespace

Placement place_frame(FitMode mode, int frame_width, int frame_height, int input_width, int input_height) {
  if (mode == FitMode::kStretch) {
    return {0,
            0,
            input_width,
            input_height,
            {float(input_width) / float(frame_width), float(input_height) / float(frame_height), 0, 0}};
  }
  const double r = std::min(double(input_height) / frame_height, double(input_width) / frame_width);
  Placement place;
  if (mode == FitMode::kLetterboxTopLeft) {
    place.width = int(frame_width * r);
    place.height = int(frame_height * r);
  } else {
    place.width = int(std::nearbyint(frame_width * r));
    place.height = int(std::nearbyint(frame_height * r));
  }
  place.width = std::clamp(place.width, 1, input_width);
  place.height = std::clamp(place.height, 1, input_height);
  if (mode == FitMode::kLetterboxCentre) {
    place.x = (input_width - place.width) / 2;
    place.y = (input_height - place.height) / 2;
  }
  place.fit = {float(r), float(r), float(place.x), float(place.y)};
  return place;
}

Result<Preprocess> Preprocess::create(gpu::Device& device, const PreprocessDesc& desc,
                                      const TensorRef& destination) {
  Preprocess pass;
  pass.desc_ = desc;
  TARSIER_TRY(pass.input_, NetworkInput::create(device, "vision/preprocess.comp",
                                                desc.order == ColourOrder::kRgb, destination));
  return pass;
}

Fit Preprocess::fit(int frame_width, int frame_height) const {
  return place_frame(desc_.fit, frame_width, frame_height, input_width(), input_height()).fit;
}

void Preprocess::record(gpu::CommandList& commands, uint64_t frame_address, int frame_width,
                        int frame_height) const {
  const ChannelView& view = input_.view;
  const Placement place = place_frame(desc_.fit, frame_width, frame_height, view.width, view.height);
  const Push push{frame_address, view.address, frame_width,  frame_height, view.width,  view.height, place.x,
                  place.y,       place.width,  place.height, desc_.mean,   desc_.scale, desc_.pad};
  const gpu::Extent3 groups = input_.makes_words()
                                  ? gpu::Extent3{gpu::groups_for(input_.words(), kGroup), 1, 1}
                                  : gpu::Extent3{gpu::groups_for(uint32_t(view.width), kGroup),
                                                 gpu::groups_for(uint32_t(view.height), kRows), 1};
  commands.dispatch(*input_.pipeline, push, groups);
}

std::vector<float> preprocess_reference(const PreprocessDesc& desc, std::span<const uint32_t> frame,
                                        int frame_width, int frame_height, int input_width, int input_height,
                                        bool channels_last) {
  const Placement place = place_frame(desc.fit, frame_width, frame_height, input_width, input_height);
  std::vector<Tap> columns;
  columns.reserve(size_t(place.width));
  for (int x = 0; x < place.width; ++x) columns.push_back(tap_of(x, frame_width, place.width, true));
  std::vector<float> values(size_t(3) * size_t(input_width) * size_t(input_height));
  for (int y = 0; y < input_height; ++y) {
    const int fy = y - place.y;
    const bool row_inside = fy >= 0 && fy < place.height;
    const Tap row = row_inside ? tap_of(fy, frame_height, place.height, false) : Tap{};
    for (int x = 0; x < input_width; ++x) {
      const int fx = x - place.x;
      const bool inside = row_inside && fx >= 0 && fx < place.width;
      for (size_t c = 0; c < 3; ++c) {
        float pixel = desc.pad;
        if (inside) {
          const Tap& column = columns[size_t(fx)];
          const auto shift = uint32_t(desc.order == ColourOrder::kRgb ? 2 - c : c) * 8;
          const auto at = [&](int sx, int sy) {
            return int((frame[size_t(sy) * size_t(frame_width) + size_t(sx)] >> shift) & 255U);
          };
          const int a = at(column.a, row.a) * column.weight_a + at(column.b, row.a) * column.weight_b;
          const int b = at(column.a, row.b) * column.weight_a + at(column.b, row.b) * column.weight_b;
          pixel = float((((row.weight_a * (a >> 4)) >> 16) + ((row.weight_b * (b >> 4)) >> 16) + 2) >> 2);
        }
        const size_t position = size_t(y) * size_t(input_width) + size_t(x);
        const size_t plane = size_t(input_width) * size_t(input_height);
        values[channels_last ? position * 3 + c : c * plane + position] =
            (pixel - desc.mean[c]) * desc.scale[c];
      }
    }
  }
  return values;
}

}  // namespace tarsier::vision
