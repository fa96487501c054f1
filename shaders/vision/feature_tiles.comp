// Tiles in false colours, a texel an invocation.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "colour_map.glsl"
#include "feature_maps.glsl"

layout(local_size_x = 64) in;

const uint kOwnRange = 0xFFFFFFFFu;
const uint kMagenta = 0xFFFF00FFu;  // what is no finite number

uint colour_of(float value, ValueRange range) {
  vec3 colour;
  if (range.least < 0.0 && range.largest > 0.0) {
    colour = diverging_colour(clamp(value / max(-range.least, range.largest), -1.0, 1.0));
  } else {
    float width = range.largest - range.least;
    colour = sequential_colour(width > 0.0 ? clamp((value - range.least) / width, 0.0, 1.0) : 0.0);
  }
  uvec3 bytes = uvec3(colour + 0.5);
  return 0xFF000000u | bytes.x << 16 | bytes.y << 8 | bytes.z;
}

void main() {
  uint texel = group_index() * 64u + gl_LocalInvocationID.x, of_tile = pc.tile_width * pc.tile_height;
  if (texel >= pc.tiles * of_tile) return;
  uint tile = pc.first + texel / of_tile, at = texel % of_tile;
  uint x0 = at % pc.tile_width * pc.reduce_x, y0 = at / pc.tile_width * pc.reduce_y;
  uint x1 = min(x0 + pc.reduce_x, pc.width);
  uint base = base_of(tile);
  float sum = 0.0;
  uint count = 0u;
  bool finite = true;
  for (uint y = y0; y < y0 + pc.reduce_y; ++y) {
    for (uint x = x0; x < x1; ++x) {
      uint pixel = y * pc.width + x;
      if (pixel >= pc.pixels) break;
      float value = value_at(base, pixel);
      finite = finite && is_finite(value);
      sum += value;
      ++count;
    }
  }
  uint colour = 0u;
  if (count > 0u) {
    colour = finite ? colour_of(sum / float(count), pc.ranges.v[pc.range == kOwnRange ? tile : pc.range]) : kMagenta;
  }
  pc.texels.v[texel] = colour;
}
