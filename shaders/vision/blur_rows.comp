// Running sums of each row, so that the sum over any stretch of it is two loads. They wrap around at 16 bits: the
// difference of two is right as long as the stretch itself fits.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "vision_types.glsl"

layout(local_size_x = 16) in;

layout(push_constant, std430) uniform Push {
  Longs samples;
  Longs sums;  // columns + 1 a row
  int columns, rows;
} pc;

void main() {
  int row = int(gl_GlobalInvocationID.x), columns = pc.columns;
  Longs samples = pc.samples, sums = pc.sums;
  if (row >= pc.rows) return;
  int from = row * columns, to = row * (columns + 1);
  uvec4 sum = uvec4(0u);
  sums.v[to] = 0ul;
  for (int x = 0; x < columns; ++x) {
    uvec2 words = unpackUint2x32(samples.v[from + x]);
    sum = (sum + uvec4(words.x & 0xFFFFu, words.x >> 16, words.y & 0xFFFFu, words.y >> 16)) & 0xFFFFu;
    sums.v[to + x + 1] = packUint2x32(uvec2(sum.x | (sum.y << 16), sum.z | (sum.w << 16)));
  }
}
