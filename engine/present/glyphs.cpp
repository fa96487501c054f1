#include "present/glyphs.hpp"

#include <algorithm>
#include <cmath>
#include <set>

#include "core/file.hpp"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#define STBTT_STATIC
#define STB_TRUETYPE_IMPLEMENTATION
#include <stb_truetype.h>
#pragma GCC diagnostic pop

namespace tarsier::present {
namespace {

constexpr uint32_t kAtlasWidth = 512;
constexpr char32_t kReplacement = 0xFFFD;
constexpr char32_t kLatin = 0xA0, kLatinEnd = 0x180;

}  // namespace

char32_t next_code(std::string_view text, size_t& at) {
  const auto lead = uint8_t(text[at]);
  const size_t length = lead < 0x80         ? 1
                        : (lead >> 5) == 6  ? 2
                        : (lead >> 4) == 14 ? 3
                        : (lead >> 3) == 30 ? 4
                                            : 0;
  char32_t code = length == 1 ? lead : lead & (0x7FU >> length);
  bool good = length != 0 && at + length <= text.size();
  for (size_t k = 1; good && k < length; ++k) {
    const auto next = uint8_t(text[at + k]);
    good = (next & 0xC0U) == 0x80;
    code = code << 6 | (next & 0x3FU);
  }
  at += good ? length : 1;
  return good ? code : kReplacement;
}

std::u32string decode_utf8(std::string_view text) {
  std::u32string out;
  for (size_t at = 0; at < text.size();) out.push_back(next_code(text, at));
  return out;
}

uint32_t GlyphAtlas::find(char32_t code) const {
  auto found = index.find(code);
  if (found == index.end()) found = index.find(U'?');
  return found->second;
}

std::vector<PlacedGlyph> GlyphAtlas::layout(std::string_view text, size_t limit) const {
  std::vector<PlacedGlyph> out;
  walk(text, limit, [&](uint32_t glyph, float pen) { out.push_back({glyph, pen}); });
  return out;
}

float GlyphAtlas::width_of(std::string_view text) const {
  return walk(text, SIZE_MAX, [](uint32_t, float) {});
}

Result<std::filesystem::path> find_font(std::string_view file) {
  for (const std::filesystem::path& folder :
       {home_dir() / "assets" / "fonts", std::filesystem::path("/usr/share/fonts/truetype/dejavu"),
        std::filesystem::path("/usr/share/fonts/TTF")}) {
    std::error_code ignored;
    if (std::filesystem::is_regular_file(folder / file, ignored)) return folder / file;
  }
  return input_error(
      "the font {} is missing: install the package fonts-dejavu-core or put it into assets/fonts", file);
}

Result<GlyphAtlas> bake_glyphs(const std::filesystem::path& font, float pixels, const std::u32string& extra) {
  TARSIER_TRY(const std::vector<std::byte> file, read_file(font));
  const auto* bytes = reinterpret_cast<const unsigned char*>(file.data());
  stbtt_fontinfo info{};
  const int offset = file.size() > 12 ? stbtt_GetFontOffsetForIndex(bytes, 0) : -1;
  if (offset < 0 || stbtt_InitFont(&info, bytes, offset) == 0) {
    return input_error("{} is not a TrueType font", font.string());
  }
  const float scale = stbtt_ScaleForMappingEmToPixels(&info, pixels);

  std::set<char32_t> wanted(extra.begin(), extra.end());
  wanted.insert(kEllipsis);
  for (char32_t code = kLatin; code < kLatinEnd; ++code) wanted.insert(code);
  for (char32_t code = 33; code < 127; ++code) wanted.erase(code);
  std::vector<char32_t> codes;
  for (char32_t code = 32; code < 127; ++code) codes.push_back(code);  // first: digits are neighbours
  codes.insert(codes.end(), wanted.begin(), wanted.end());

  GlyphAtlas atlas;
  atlas.width = kAtlasWidth;
  int ascent = 0;
  int descent = 0;
  int gap = 0;
  stbtt_GetFontVMetrics(&info, &ascent, &descent, &gap);
  // Of capitals and digits rather than of the tallest glyph: tags stay compact.
  int x0 = 0, y0 = 0, x1 = 0, y1 = 0;
  stbtt_GetCodepointBitmapBox(&info, 'H', scale, scale, &x0, &y0, &x1, &y1);
  atlas.ascent = -y0;

  uint32_t pen_x = 1;
  uint32_t pen_y = 1;
  uint32_t row = 0;
  for (char32_t code : codes) {
    if (code > 127 && stbtt_FindGlyphIndex(&info, int(code)) == 0) continue;
    stbtt_GetCodepointBitmapBox(&info, int(code), scale, scale, &x0, &y0, &x1, &y1);
    const uint32_t width = uint32_t(std::max(x1 - x0, 0));
    const uint32_t height = uint32_t(std::max(y1 - y0, 0));
    if (width + 2 > kAtlasWidth) continue;
    if (pen_x + width + 1 > kAtlasWidth) {
      pen_x = 1;
      pen_y += row + 1;
      row = 0;
    }
    row = std::max(row, height);
    atlas.height = pen_y + row + 1;
    atlas.texels.resize(size_t(atlas.width) * atlas.height);
    if (width > 0 && height > 0) {
      stbtt_MakeCodepointBitmap(&info, &atlas.texels[size_t(pen_y) * atlas.width + pen_x], int(width),
                                int(height), int(atlas.width), scale, scale, int(code));
    }
    int advance = 0;
    int bearing = 0;
    stbtt_GetCodepointHMetrics(&info, int(code), &advance, &bearing);
    atlas.index[code] = uint32_t(atlas.glyphs.size());
    atlas.advances.push_back(float(advance) * scale);
    atlas.glyphs.push_back({{float(x0), float(y0), float(x1), float(y1)},
                            {float(pen_x), float(pen_y), float(pen_x + width), float(pen_y + height)}});
    pen_x += width + 1;
  }
  return atlas;
}

}  // namespace tarsier::present
