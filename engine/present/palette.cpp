#include "present/palette.hpp"

#include <algorithm>
#include <charconv>

namespace tarsier::present {
namespace {

// Saturated and light enough to stand out of a street. Hues by hand, then moved until people with protanopia
// or deuteranopia tell apart what appears together: the first eight (COCO's person, bicycle, car, motorcycle,
// aeroplane, bus, train, lorry) from one another, each one from the three that follow it.
constexpr std::array<Rgb, 24> kColors{{
    {48, 201, 126},  {249, 152, 25},  {59, 195, 255},  {237, 87, 180},  {158, 235, 255}, {255, 252, 60},
    {156, 93, 228},  {228, 81, 67},   {0, 187, 175},   {200, 255, 96},  {255, 153, 97},  {116, 114, 255},
    {255, 202, 158}, {0, 223, 255},   {216, 130, 255}, {180, 252, 58},  {255, 111, 168}, {75, 244, 184},
    {220, 168, 16},  {124, 193, 219}, {236, 100, 60},  {186, 255, 201}, {210, 158, 255}, {237, 238, 241},
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
