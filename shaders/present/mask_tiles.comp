// Which parts of the frame a mask shows on: most of a picture is plainly outside of it or plainly inside, and only the
// tiles between need the soft edge of mask.frag. Writes the rectangles of both kinds and the commands that draw them.
// An invocation looks at one tile; what it leaves out or calls plain is drawn bit for bit as mask.frag would.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "vision_types.glsl"

layout(local_size_x = 64) in;

layout(buffer_reference, std430, buffer_reference_align = 16) buffer Tiles {
  uvec4 soft_command;  // VkDrawIndirectCommand
  uvec4 plain_command;
  vec4 rectangles[];  // x0, y0, x1, y1 in pixels of the frame: `capacity` soft ones, then as many plain ones
};

layout(push_constant) uniform Push {
  Words mask;  // packed bytes
  Tiles tiles;
  uint width, height;     // of the mask
  uint columns, count;    // tiles in a row and in all
  uint side, border;      // of a tile, and how far around it its pixels sample, in texels
  vec2 scale, offset;     // texel = pixel * scale + offset
  vec2 frame;
  float threshold;
  uint capacity;  // of a list; its first rectangle is empty and counted already
} push;

// Where texel boundary `at` lies in the frame: neighbours agree on it, and the outer tiles reach the frame's edge.
vec2 pixel_of(uvec2 at, uvec2 last) {
  vec2 pixel = clamp(round((vec2(at) - push.offset) / push.scale), vec2(0.0), push.frame);
  return mix(mix(pixel, push.frame, greaterThanEqual(at, last)), vec2(0.0), equal(at, uvec2(0)));
}

void main() {
  uint tile = gl_GlobalInvocationID.x;
  if (tile >= push.count) return;
  uvec2 size = uvec2(push.width, push.height);
  uvec2 first = uvec2(tile % push.columns, tile / push.columns) * push.side;
  uvec2 end = min(first + push.side, size);
  vec4 rectangle = vec4(pixel_of(first, size), pixel_of(end, size));
  if (rectangle.x >= rectangle.z || rectangle.y >= rectangle.w) return;

  // Whole words: a few bytes beside the tile count too, which errs on the side of drawing the edge.
  uvec2 from = first - min(first, uvec2(push.border)), to = min(end + push.border, size);
  Words mask = push.mask;
  uvec4 least = uvec4(255u), most = uvec4(0u);
  for (uint start = from.y * size.x + from.x, y = from.y; y < to.y; ++y, start += size.x) {
    for (uint word = start / 4u; word <= (start + to.x - from.x - 1u) / 4u; ++word) {
      uvec4 bytes = (uvec4(mask.v[word]) >> uvec4(0u, 8u, 16u, 24u)) & 255u;
      least = min(least, bytes);
      most = max(most, bytes);
    }
  }
  float low = float(min(min(least.x, least.y), min(least.z, least.w)));
  float high = float(max(max(most.x, most.y), max(most.z, most.w)));

  // The slope in mask.frag: how much of the range two neighbours can be apart along each axis, with as many steps of a
  // byte and of the filter's weights (1/256) as rounding may add.
  vec2 steps = min(push.scale, vec2(1.0));
  float slope = (high - low) * (steps.x + steps.y + 8.0 / 256.0) + 4.0, edge = 255.0 * push.threshold;
  if (high + 0.5 * slope + 1.0 <= edge) return;
  if (low - 3.0 * slope - 1.0 >= edge) {
    push.tiles.rectangles[push.capacity + atomicAdd(push.tiles.plain_command.y, 1u)] = rectangle;
  } else {
    push.tiles.rectangles[atomicAdd(push.tiles.soft_command.y, 1u)] = rectangle;
  }
}
