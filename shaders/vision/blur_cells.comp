// Second pass of vision::RegionBlur: sums of pixels over cells, from the picture or from cells of half the size. A cell
// is B, G, R summed up and how many pixels they are of, so that those at the picture's edge count as much as they are.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "blur.glsl"

layout(local_size_x = 64) in;
layout(constant_id = 0) const bool kFromPicture = true;
layout(constant_id = 1) const bool kAligned = false;  // rows of the picture are whole vectors of four pixels

layout(buffer_reference, std430, buffer_reference_align = 16) readonly buffer Quads { uvec4 v[]; };

layout(push_constant, std430) uniform Push {
  Regions regions;
  Words source;
  Vectors cells;
  uint width, height;    // of the source, pixels or cells
  uint columns, count;   // cells in a row and in all
} pc;

// Two sums of 16 bits in a word: 64 pixels stay below 2^14.
const uint kEven = 0x00FF00FFu;

vec4 pixels(uvec2 first) {
  uvec2 size = min(uvec2(pc.width, pc.height) - first, uvec2(kBlock));
  if (kAligned) {
    uvec4 even = uvec4(0u), odd = uvec4(0u);
    for (uint y = 0; y < size.y; ++y) {
      uint at = ((first.y + y) * pc.width + first.x) / 4u;
      uvec4 four = Quads(pc.source).v[at];
      even += four & kEven;
      odd += (four >> 8u) & kEven;
      if (size.x > 4u) {
        four = Quads(pc.source).v[at + 1u];
        even += four & kEven;
        odd += (four >> 8u) & kEven;
      }
    }
    uint b_r = even.x + even.y + even.z + even.w, g = odd.x + odd.y + odd.z + odd.w;
    return vec4(b_r & 0xFFFFu, g & 0xFFFFu, b_r >> 16, size.x * size.y);
  }
  uint even = 0u, odd = 0u;
  for (uint y = 0; y < size.y; ++y) {
    for (uint x = 0; x < size.x; ++x) {
      uint one = pc.source.v[(first.y + y) * pc.width + first.x + x];
      even += one & kEven;
      odd += (one >> 8u) & kEven;
    }
  }
  return vec4(even & 0xFFFFu, odd & 0xFFFFu, even >> 16, size.x * size.y);
}

vec4 finer_cells(uvec2 first) {
  Vectors source = Vectors(pc.source);
  uint at = first.y * pc.width + first.x;
  bool right = first.x + 1u < pc.width, below = first.y + 1u < pc.height;
  vec4 sum = source.v[at];
  if (right) sum += source.v[at + 1u];
  if (below) sum += source.v[at + pc.width];
  if (right && below) sum += source.v[at + pc.width + 1u];
  return sum;
}

void main() {
  uint cell = gl_GlobalInvocationID.x;
  if (cell >= pc.count || pc.regions.count == 0u) return;
  uvec2 at = uvec2(cell % pc.columns, cell / pc.columns);
  pc.cells.v[cell] = kFromPicture ? pixels(at * kBlock) : finer_cells(at * 2u);
}
