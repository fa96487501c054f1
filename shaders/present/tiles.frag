// Tiles side by side: texels stay crisp where they are larger than pixels, and are averaged where they are smaller.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "vision_types.glsl"

layout(location = 0) out vec4 out_color;

layout(push_constant, std430) uniform Push {
  Words texels;        // R, G, B, A bytes, tile by tile in packed rows
  uint tiles, columns;
  uint width, height;  // of a tile, texels
  vec2 at;             // pixels: the first tile's corner,
  vec2 size;           // a tile,
  vec2 pitch;          // and from one to the next
} pc;

const uint kMostSteps = 4;  // texels of a pixel along one side

void main() {
  out_color = vec4(0.0);
  vec2 place = gl_FragCoord.xy - pc.at;
  vec2 cell = floor(place / pc.pitch);
  vec2 within = place - cell * pc.pitch;
  if (cell.x < 0.0 || cell.y < 0.0 || cell.x >= float(pc.columns) || any(greaterThanEqual(within, pc.size))) return;
  uint tile = uint(cell.y) * pc.columns + uint(cell.x);
  if (tile >= pc.tiles) return;
  vec2 extent = vec2(pc.width, pc.height), step_ = extent / pc.size;
  vec2 from = (within - 0.5) * step_;
  uvec2 count = clamp(uvec2(ceil(step_)), uvec2(1u), uvec2(kMostSteps));
  vec4 sum = vec4(0.0);
  for (uint y = 0u; y < count.y; ++y) {
    for (uint x = 0u; x < count.x; ++x) {
      vec2 at = from + (vec2(x, y) + 0.5) / vec2(count) * step_;
      uvec2 texel = uvec2(clamp(at, vec2(0.0), extent - 1.0));
      vec4 colour = unpackUnorm4x8(pc.texels.v[tile * pc.width * pc.height + texel.y * pc.width + texel.x]);
      sum += vec4(colour.rgb * colour.a, colour.a);
    }
  }
  if (sum.a > 0.0) out_color = vec4(sum.rgb / sum.a, sum.a / float(count.x * count.y));
}
