// One colour per class, the same in the picture and in the panels.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "core/result.hpp"

namespace tarsier::present {

/// R, G, B in 0..255.
using Rgb = std::array<uint8_t, 3>;

/// Colours of neighbouring classes differ strongly in hue and lightness; they repeat after 24. A negative
/// class gets the first.
[[nodiscard]] Rgb class_color(int32_t class_id);
/// Colours of identities: those of neighbouring numbers differ as much.
[[nodiscard]] Rgb track_color(int64_t id);
/// A class's as 0xAABBGGRR with full opacity, as Dear ImGui and the shaders take it.
[[nodiscard]] uint32_t class_color_packed(int32_t class_id);
/// Colours for mask stages ("drivable" green, "lanes" amber, "person" violet, others by order).
[[nodiscard]] std::array<float, 3> mask_color(uint32_t index);
/// R, G, B in 0..1 of "#rrggbb". Errors (kInput): anything else.
Result<std::array<float, 3>> parse_color(std::string_view text);

}  // namespace tarsier::present
