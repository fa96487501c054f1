// Text for the picture: a font baked into an 8-bit atlas at one size, with the numbers that place its glyphs.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"

namespace tarsier::present {

/// As in shaders/include/present_types.glsl. Whole pixels: glyphs are drawn texel by pixel.
struct Glyph {
  float quad[4] = {};    // x0, y0, x1, y1 from the pen on the baseline; y down
  float texels[4] = {};  // the same corners in the atlas
};
static_assert(sizeof(Glyph) == 32);

struct PlacedGlyph {
  uint32_t glyph = 0;
  float pen = 0;  // pixels from the start of the text
};

constexpr char32_t kEllipsis = 0x2026;

struct GlyphAtlas {
  uint32_t width = 0, height = 0;
  std::vector<uint8_t> texels;  // width * height, coverage 0..255
  std::vector<Glyph> glyphs;
  std::vector<float> advances;  // by glyph
  std::map<char32_t, uint32_t> index;
  int ascent = 0;  // pixels above the baseline

  [[nodiscard]] uint32_t find(char32_t code) const;  // that of '?' where the font has none
  /// Glyphs of a UTF-8 text side by side, at most `limit`: a longer text ends in an ellipsis.
  [[nodiscard]] std::vector<PlacedGlyph> layout(std::string_view text, size_t limit) const;
  [[nodiscard]] float width_of(std::string_view text) const;
  /// The same without a list: visit(glyph, pen) for each one. The width of all.
  template <class Visit>
  float walk(std::string_view text, size_t limit, Visit visit) const;
};

/// The code point at text[at], of UTF-8; `at` moves on to the next one. A malformed byte gives U+FFFD.
[[nodiscard]] char32_t next_code(std::string_view text, size_t& at);
[[nodiscard]] std::u32string decode_utf8(std::string_view text);

/// DejaVu Sans from assets/fonts or from where Debian's fonts-dejavu-core puts it. Error (kInput): neither is
/// there.
Result<std::filesystem::path> find_font(std::string_view file = "DejaVuSans.ttf");

/// Bakes printable ASCII, the Latin letters of U+00A0 to U+017F (people name things) and `extra` code points,
/// of those what the font has. Errors (kInput): unreadable file, not a TrueType font.
Result<GlyphAtlas> bake_glyphs(const std::filesystem::path& font, float pixels, const std::u32string& extra);

template <class Visit>
float GlyphAtlas::walk(std::string_view text, size_t limit, Visit visit) const {
  float pen = 0;
  for (size_t at = 0, count = 1; at < text.size() && count <= limit; ++count) {
    const char32_t code = next_code(text, at);
    const uint32_t glyph = find(count == limit && at < text.size() ? kEllipsis : code);
    visit(glyph, pen);
    pen += advances[glyph];
  }
  return pen;
}

}  // namespace tarsier::present
