#include "present/palette.hpp"

#include <algorithm>
#include <charconv>

namespace tarsier::present {
namespace {

// Chosen by hand for video: saturated and light enough to stand out of a street, ordered so that classes that
// appear together (COCO's person, bicycle, car, motorcycle, aeroplane, bus, train, lorry) are far apart.
constexpr std::array<Rgb, 24> kColors{{
    {46, 204, 113},  {255, 159, 28},  {56, 163, 255},  {241, 91, 181},  {155, 233, 255}, {254, 228, 64},
    {155, 93, 229},  {255, 89, 94},   {0, 187, 175},   {200, 255, 96},  {255, 140, 105}, {122, 132, 255},
    {255, 202, 158}, {0, 214, 255},   {214, 122, 255}, {170, 220, 60},  {255, 112, 166}, {72, 224, 196},
    {231, 177, 10},  {120, 180, 230}, {236, 100, 60},  {186, 255, 201}, {208, 160, 255}, {240, 240, 240},
}};
constexpr std::array<std::array<float, 3>, 4> kMasks{{
    {0.16F, 0.80F, 0.45F},
    {1.00F, 0.78F, 0.12F},
    {0.58F, 0.40F, 0.98F},
    {0.10F, 0.72F, 0.95F},
}};

}  // namespace

Rgb class_color(int32_t class_id) {
  return kColors[size_t(std::max(class_id, 0)) % kColors.size()];
}

Rgb track_color(int64_t id) {
  return kColors[size_t(std::max<int64_t>(id, 0)) % kColors.size()];
}

uint32_t class_color_packed(int32_t class_id) {
  const Rgb color = class_color(class_id);
  return 0xFF000000U | uint32_t(color[2]) << 16 | uint32_t(color[1]) << 8 | color[0];
}

std::array<float, 3> mask_color(uint32_t index) {
  return kMasks[index % kMasks.size()];
}

Result<std::array<float, 3>> parse_color(std::string_view text) {
  uint32_t rgb = 0;
  const char* end = text.data() + text.size();
  if (text.size() != 7 || text[0] != '#' || std::from_chars(text.data() + 1, end, rgb, 16).ptr != end) {
    return input_error("'{}' is no colour; write it as #rrggbb, for example #2ecc71", text);
  }
  return std::array<float, 3>{float(rgb >> 16) / 255, float((rgb >> 8) & 255U) / 255,
                              float(rgb & 255U) / 255};
}

}  // namespace tarsier::present
