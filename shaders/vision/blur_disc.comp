// The mean over a disc, row by row from the running sums: every cell in it counts, so the disc of a bright point is
// flat. What is no background has no weight; where nothing of it is within reach the cell's own colour stays.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "matte.glsl"

layout(local_size_x = 64) in;

layout(push_constant, std430) uniform Push {
  Longs sums;
  Longs cells;
  Words blurred;  // B8 G8 R8 A8
  int columns, rows;
  int reach;      // rows above and below
  float radius;   // cells
} pc;

void main() {
  int column = int(gl_GlobalInvocationID.x), row = int(gl_GlobalInvocationID.y);
  int columns = pc.columns, rows = pc.rows, reach = pc.reach;
  float square = pc.radius * pc.radius;
  Longs sums = pc.sums;
  ivec4 sum = ivec4(0);
  for (int dy = -reach; dy <= reach; ++dy) {
    int y = row + dy;
    int half_width = int_of(floor(sqrt(max(square - float(dy * dy), 0.0)) + 0.5));
    int start = clamp(y, 0, rows - 1) * (columns + 1);
    uvec2 a = unpackUint2x32(sums.v[start + clamp(column - half_width, 0, columns)]);
    uvec2 b = unpackUint2x32(sums.v[start + clamp(column + half_width + 1, 0, columns)]);
    uvec4 stretch = (uvec4(b.x, b.x >> 16, b.y, b.y >> 16) - uvec4(a.x, a.x >> 16, a.y, a.y >> 16)) & 0xFFFFu;
    sum += ivec4(stretch) * (y >= 0 && y < rows ? 1 : 0);
  }
  int cell = row * columns + column;
  if (column < columns && row < rows) {
    vec4 total = vec4(sum);
    vec3 light = total.xyz / max(total.w, 1.0);
    vec3 own = load_halves(pc.cells, cell).xyz;
    vec3 bgr = mix(own, sqrt(light), smoothstep(0.0, 1023.0, total.w));
    pc.blurred.v[cell] = pixel_of(min(bgr, vec3(1.0)) * 255.0);
  }
}
